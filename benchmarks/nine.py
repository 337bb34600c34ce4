"""Nine typical questions against other SPARQL servers, all over HTTP.

    python -m benchmarks.nine --customers 74000

The peers are the Oxigraph server, Apache Jena Fuseki with TDB2 and Virtuoso open source, each with the
statements of the generator on disk; ours is the service as `kgservice serve` starts it, with the view in
memory. They are asked in turns. Ours is asked twice: with a comment that makes each question a new text, so
that it is worked out, and with the same text again, as by somebody who looks at a page once more.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from tests.stores import servers

from benchmarks.measure import Client, Taken, geometric_mean, median_ms
from benchmarks.peers import Server, bare_oxigraph, kgservice
from benchmarks.report import Figure, machine, of, report
from benchmarks.run import HERE, MEMORY, prepare, questions, say
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import bulk_load
from kgservice.settings import Settings
from kgservice.store.oxigraph import OxigraphStore

SLOWER = {"07-closure-path": 2.0}
"""How many times as long as the best peer ours may take, where that is not once."""
ROUNDS = {"01-trace": 200, "04-journey": 200, "06-sequence-path": 200, "07-closure-path": 200}
"""How often the short ones are asked; the others a tenth of that."""


@contextmanager
def fuseki(triples: Path, folder: Path) -> Iterator[Server]:
    """Fuseki on a TDB2 dataset on disk."""
    new = not folder.exists()
    with servers.fuseki(folder) as found:
        if new:
            with triples.open("rb") as file:
                httpx.post(
                    f"{found.server.data}?default",
                    content=file,
                    headers={"Content-Type": "application/n-triples"},
                    timeout=None,
                ).raise_for_status()
        yield _of("Fuseki", found)


@contextmanager
def virtuoso(triples: Path, folder: Path) -> Iterator[Server]:
    """Virtuoso, filled by its own loader, with 1.3 GiB of buffers."""
    shutil.rmtree(folder, ignore_errors=True)
    with servers.virtuoso(folder, buffers=170_000, readable=triples.parent) as found:
        found.run(
            f"ld_dir('{triples.parent}', '{triples.name}', 'urn:benchmark'); rdf_loader_run(); checkpoint;"
        )
        yield _of("Virtuoso", found, form=True)


def _of(name: str, found: servers.Running, form: bool = False) -> Server:
    url = httpx.URL(found.server.query)
    return Server(name, url.port or 80, url.path, {}, found.process.pid, form)


@contextmanager
def ours(quads: Path, store: Path, log: Path) -> Iterator[Server]:
    """The service, with the view in memory."""
    if not store.exists():
        kg = KnowledgeGraph.open(Settings(store=store), OxigraphStore(store))
        bulk_load(kg, quads)
        kg.close()
    with kgservice(store, log, MEMORY, answers=True) as server:
        yield server


def times(clients: list[Client], name: str, texts: list[str]) -> tuple[list[float], float]:
    """Medians in ms: of each client, the first of which is asked new texts; and of that one asked again."""
    rounds = ROUNDS.get(name, 20)
    taken: list[list[Taken]] = [[] for _ in clients]
    again = []
    for number in range(-3, rounds):
        text = texts[number % len(texts)]
        for client, results in zip(clients, taken, strict=True):
            answer = client.ask(f"{text}\n# {number}\n" if client is clients[0] else text)
            if number >= 0:
                results.append(answer)
        clients[0].ask(text)
        again.append(clients[0].ask(text))
    return [median_ms(each) for each in taken], median_ms(again)


def figures(work: Path, customers: int) -> list[Figure]:
    """All of it."""
    quads, triples, generator = prepare(work, customers)
    mix = questions(generator, triples)
    del mix["10-solved-after"]
    with ExitStack() as held:
        say("starting and filling the servers (minutes)")
        running = [
            held.enter_context(each)
            for each in (
                ours(quads, work / f"nine-{customers}" / "store", work / "nine.log"),
                bare_oxigraph(triples, work / f"bare-{customers}", work / "oxigraph.log"),
                fuseki(triples, work / f"nine-{customers}" / "fuseki"),
                virtuoso(triples, work / f"nine-{customers}" / "virtuoso"),
            )
        ]
        clients = [Client(server) for server in running]
        names = [server.name for server in running]
        taken: dict[str, list[float]] = {}
        found = []
        repeated = []
        for name, texts in mix.items():
            taken[name], again = times(clients, name, texts)
            mine, *others = taken[name]
            repeated.append(again)
            each = ", ".join(f"{n} {ms:.1f}" for n, ms in zip(names, taken[name], strict=True))
            say(f"  {name}: {each} ms; again {again:.1f} ms")
            found.append(
                of(
                    f"{name[3:]}, against the best peer",
                    mine / min(others),
                    "×",
                    f"{each} ms; again {again:.1f} ms",
                    SLOWER.get(name, 1.0),
                )
            )
        means = [geometric_mean([times[i] for times in taken.values()]) for i in range(len(names))]
        each = ", ".join(f"{n} {ms:.1f}" for n, ms in zip(names, means, strict=True))
        found.append(
            of("geometric mean, against the best peer", means[0] / min(means[1:]), "×", f"{each} ms", 0.5)
        )
        mean = geometric_mean(repeated)
        found.append(of("the same, asked again", mean / min(means[1:]), "×", f"{mean:.2f} ms", 0.5))
    return found


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=74_000, help="74,000 make about 2 million quads")
    customers = parser.parse_args().customers
    report(
        figures(HERE / ".work", customers), {**machine(), "customers": f"{customers:,}"}, customers, "nine-"
    )


if __name__ == "__main__":
    main()
