"""What it costs and gives that queries run apart: `python -m benchmarks.engine --customers N`.

The graph is that of `benchmarks.guard`. A trace is asked in this process and by a worker, in turns, each from
memory. Over HTTP, against the service as `kgservice serve` starts it: one question again and again, and short
queries by 16 clients, without and with four clients that ask for more than anybody can have.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from benchmarks.guard import HERE, filled, say
from benchmarks.peers import Server, kgservice
from benchmarks.report import Figure, machine, of, report
from kgservice.application.changes.replica import Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.cli.isolating import isolated
from kgservice.namespaces import CI
from kgservice.store.formats import JSON
from kgservice.store.oxigraph import OxigraphStore

MEMORY = 16_384  # MiB
HEAVY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
LIGHT, CROWD, SECONDS = 16, 4, 10
FILLING = 900  # seconds that reading the view into memory may take
SETTLING = 20  # seconds after the start in which the service makes its guard ready and fills its indexes


def milliseconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def trace_of(kg: KnowledgeGraph) -> str:
    """The question of the mix about one pain point that was solved."""
    text = (HERE / "mix" / "01-trace.rq").read_text(encoding="utf-8")
    rows = kg.select(
        f"SELECT ?pain {{ ?pain <{CI}addressedBy> ?solution . ?impact <{CI}impactOf> ?solution }} LIMIT 1"
    ).rows
    return text.replace("$pain", str(rows[0][0].value))  # type: ignore[union-attr]


def isolation(kg: KnowledgeGraph, text: str, rounds: int) -> tuple[float, float]:
    """Medians of a trace in this process and by a worker, in ms."""
    kg.copies.keep_view(kg.view, OxigraphStore(), Budget(4 * 2**30)).wait()
    with isolated(kg):
        engine = kg.engine
        assert engine is not None
        until = time.monotonic() + FILLING
        while not engine.holds(kg.view):
            if time.monotonic() > until:
                raise RuntimeError(
                    "the processes that answer do not hold the view: is there too much for MEMORY?"
                )
            time.sleep(0.1)
        here, apart = [], []
        for _ in range(rounds):
            kg.engine = None
            here.append(milliseconds(lambda: kg.query(text, lambda _: JSON, io.BytesIO())))
            kg.engine = engine
            apart.append(milliseconds(lambda: kg.query(text, lambda _: JSON, io.BytesIO())))
    return statistics.median(here), statistics.median(apart)


class Asker:
    """A kept connection to the service."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=600)

    def ask(self, text: str, extra: str = "") -> int:
        """The status of an answer, which is read to its end."""
        headers = {**self._server.headers, "Accept": "application/sparql-results+json"}
        self._connection.request("GET", f"/sparql?query={quote(text)}{extra}", headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status


def crowd(server: Server, text: str, heavy: int) -> list[float]:
    """Milliseconds of each of the short queries of 16 clients, while some others ask long ones."""
    stop, taken = threading.Event(), []

    def short(number: int) -> None:
        asker, count = Asker(server), 0
        while not stop.is_set():
            count += 1  # each is another text, so that none is answered from the cache
            taken.append(milliseconds(lambda n=count: asker.ask(f"{text}# {number} {n}")))  # type: ignore[misc]

    def long() -> None:
        asker = Asker(server)
        while not stop.is_set():
            asker.ask(HEAVY, "&timeout=5")

    threads = [threading.Thread(target=long) for _ in range(heavy)]
    threads += [threading.Thread(target=short, args=(number,)) for number in range(LIGHT)]
    for thread in threads[:heavy]:
        thread.start()
    time.sleep(2 if heavy else 0)
    for thread in threads[heavy:]:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    return sorted(taken)


def figures(work: Path, customers: int) -> list[Figure]:
    """All of it."""
    with filled(work, customers, memory=MEMORY) as (kg, _, count):
        text = trace_of(kg)
        say("one trace, in this process and apart")
        here, apart = isolation(kg, text, 500)
        with tempfile.TemporaryDirectory(dir=work) as folder:
            kg.store.backup(Path(folder, "store"))
            with kgservice(Path(folder, "store"), work / "engine.log", MEMORY) as server:
                asker = Asker(server)
                time.sleep(SETTLING)
                again = statistics.median(milliseconds(lambda: asker.ask(text)) for _ in range(500))
                say("16 clients")
                alone = crowd(server, text, 0)
                say("16 clients, and four others")
                beside = crowd(server, text, CROWD)
    p99 = [taken[int(len(taken) * 0.99)] for taken in (alone, beside)]
    rates = [len(taken) / SECONDS for taken in (alone, beside)]
    return [
        of(
            "a trace by a worker, more than in the service",
            apart - here,
            "ms",
            f"{apart:.2f} vs. {here:.2f} ms",
            2,
        ),
        of("a repeated question over HTTP, p50", again, "ms", f"{count:,} quads", 2),
        of(
            "short queries of 16 clients, p99 with four long ones / without",
            p99[1] / p99[0],
            "×",
            f"{p99[1]:.0f} vs. {p99[0]:.0f} ms; {rates[1]:.0f} and {rates[0]:.0f}/s",
            3,
        ),
    ]


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=340)
    customers = parser.parse_args().customers
    found = figures(HERE / ".work", customers)
    report(found, {**machine(), "customers": f"{customers:,}"}, customers, "engine-")


if __name__ == "__main__":
    main()
