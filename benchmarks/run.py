"""The table of figures: `make bench`, or `python -m benchmarks.run [--customers N]`.

Every figure is a ratio against a named peer in the same run. Working files go to `benchmarks/.work/`, results
as Markdown and JSON to `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from pyoxigraph import RdfFormat, Store, parse, serialize

from benchmarks.generate import Generator
from benchmarks.measure import Client, MemoryWatch, geometric_mean, in_turn, median_first_ms, median_ms
from benchmarks.peers import asgi_floor, bare_oxigraph, kgservice, rdflib_endpoint
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.load import bulk_load
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store.formats import N_QUADS
from kgservice.store.oxigraph import OxigraphStore

HERE = Path(__file__).parent
ROWS_100K = f"""PREFIX ci: <{CI}>
SELECT ?feedback ?content ?touchpoint WHERE {{
  ?feedback ci:content ?content ; ci:collectedAt ?touchpoint
}} LIMIT 100000"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what, the value and its unit, what it is to reach, and how it came about."""

    what: str
    value: float
    unit: str
    target: str
    reached: bool | None
    detail: str


def say(text: str) -> None:
    """Tell where the run is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def prepare(work: Path, customers: int) -> tuple[Path, Path, Generator]:
    """The generated graph as N-Quads in record graphs, and the same statements as N-Triples."""
    generator = Generator(customers)
    quads, triples = work / f"{customers}.nq", work / f"{customers}.nt"
    if not triples.exists():
        say(f"generating {customers} customers")
        with quads.open("w", encoding="utf-8") as out:
            out.writelines(generator.lines())
        serialize((q.triple for q in parse(path=quads)), triples, RdfFormat.N_TRIPLES)
    return quads, triples, generator


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_new_folder(folder: Path, work: Callable[[Path], object]) -> float:
    """Seconds that `work` takes on a folder that does not exist before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    seconds = timed(lambda: work(folder))
    shutil.rmtree(folder)
    return seconds


def load_alone(folder: Path, quads: Path) -> None:
    """What pyoxigraph does without us."""
    store = Store(folder)
    store.bulk_load(path=quads, format=RdfFormat.N_QUADS)
    store.flush()


def load_by_port(folder: Path, quads: Path) -> None:
    """The same through the store port."""
    store = OxigraphStore(folder)
    store.load(quads, N_QUADS)
    store.close()


def load_figures(work: Path, quads: Path, rounds: int) -> list[Figure]:
    """Loading N-Quads, through the store port and the service, against `bulk_load` alone; fills the store."""
    count = sum(1 for _ in quads.open("rb"))
    alone: list[float] = []
    port: list[float] = []
    for _ in range(rounds):
        alone.append(in_new_folder(work / "alone", lambda folder: load_alone(folder, quads)))
        port.append(in_new_folder(work / "port", lambda folder: load_by_port(folder, quads)))
    say("loading the service's store")
    shutil.rmtree(work / "store", ignore_errors=True)
    graph = KnowledgeGraph.open(Settings(store=work / "store"), OxigraphStore(work / "store"))
    whole = timed(lambda: bulk_load(graph, quads))
    total = graph.store.select(
        "SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }", graph.dataset("")
    ).rows[0][0]
    graph.close()
    base = statistics.median(alone)
    ratio = base / statistics.median(port)
    written = int(total.value)  # type: ignore[union-attr]
    through = count / statistics.median(port)
    detail = f"{count:,} quads: {count / base:,.0f} a second alone, {through:,.0f} through the port"
    with_view = f"{count:,} quads in {whole:.1f} s, {written:,} stored; {base:.1f} s alone"
    return [
        Figure(
            "load of N-Quads, speed through the store port vs. bulk_load alone",
            ratio,
            "×",
            "≥ 0.8",
            ratio >= 0.8,
            detail,
        ),
        Figure(
            "the same into record graphs, with the view and provenance",
            base / whole,
            "×",
            "",
            None,
            with_view,
        ),
        Figure(
            "the same, per quad that is stored", written / whole / (count / base), "×", "", None, with_view
        ),
    ]


def questions(generator: Generator, triples: Path, variants: int = 50) -> dict[str, list[str]]:
    """The mix; what asks about one instance comes in `variants`, each about another one that exists."""
    solved: list[tuple[str, str]] = []
    measured: set[str] = set()
    with triples.open(encoding="utf-8") as lines:
        for line in lines:
            if f"<{CI}addressedBy> <" in line:
                pain, _, solution = (part.strip("<>") for part in line.split()[:3])
                solved.append((pain, solution))
            elif f"<{CI}impactOf> <" in line:
                measured.add(line.split()[2].strip("<>"))
    traced = [pair for pair in solved if pair[1] in measured]
    journeys = generator.touchpoints // 10
    mix: dict[str, list[str]] = {}
    for path in sorted((HERE / "mix").glob("*.rq")):
        text = path.read_text(encoding="utf-8")
        mix[path.stem] = []
        for n in range(variants if "<$" in text else 1):
            pain, solution = traced[n % len(traced)]
            values = {
                "$pain": pain,
                "$solution": solution,
                "$person": generator.iri("person", n * 7 % generator.customers),
                "$step": generator.iri("step", n % journeys * 10),
            }
            mix[path.stem].append(re.sub(r"\$\w+", lambda found, v=values: v[found[0]], text))  # type: ignore[misc]
    return mix


def query_figures(work: Path, triples: Path, mix: dict[str, list[str]], rounds: int) -> list[Figure]:
    """One-trace latency, the 100,000-row answer, and the mix, against the bare Oxigraph server."""
    with (
        kgservice(work / "store", work / "kgservice.log") as ours,
        bare_oxigraph(triples, work / f"bare-{triples.stem}", work / "oxigraph.log") as bare,
    ):
        clients = [Client(ours), Client(bare)]
        say("one-trace question")
        mine, theirs = in_turn(clients, mix["01-trace"], rounds * 60, 30)
        trace = median_ms(mine) / median_ms(theirs)
        trace_detail = f"p50 {median_ms(mine):.2f} ms vs. {median_ms(theirs):.2f} ms"
        say("the same with the least ASGI service")
        with asgi_floor(work / f"bare-{triples.stem}", work / "floor.log") as least:
            lowest, beside = in_turn([Client(least), Client(bare)], mix["01-trace"], rounds * 60, 30)
        floor = median_ms(lowest) / median_ms(beside)
        floor_detail = (
            f"p50 {median_ms(lowest):.2f} ms vs. {median_ms(beside):.2f} ms; one query in one thread"
        )
        say("100,000 rows")
        clients[0].ask(ROWS_100K)
        with MemoryWatch(ours) as memory:
            mine, theirs = in_turn(clients, [ROWS_100K], rounds, 1)
        rows = median_ms(mine) / median_ms(theirs)
        first = median_first_ms(mine)
        rows_detail = f"{median_ms(mine):.0f} ms vs. {median_ms(theirs):.0f} ms; {mine[0].size / 1e6:.1f} MB"
        first_detail = f"median; the bare server {median_first_ms(theirs):.1f} ms"
        growth = memory.growth / 1e6
        say("the mix against the bare server")
        ratios = []
        for queries in mix.values():
            a, b = in_turn(clients, queries, rounds * 4, 1)
            ratios.append(median_ms(a) / median_ms(b))
        each = ", ".join(f"{name[3:]} {r:.2f}" for name, r in zip(mix, ratios, strict=True))
    return [
        Figure(
            "one-trace question, p50 vs. bare Oxigraph server on disk",
            trace,
            "×",
            "≤ 1.5",
            trace <= 1.5,
            trace_detail,
        ),
        Figure("the same by the least ASGI service on uvicorn", floor, "×", "", None, floor_detail),
        Figure(
            "100,000-row SELECT as JSON, total vs. bare server", rows, "×", "≤ 1.2", rows <= 1.2, rows_detail
        ),
        Figure("first byte of it", first, "ms", "≤ 50", first <= 50, first_detail),
        Figure(
            "memory growth of the service during it",
            growth,
            "MB",
            "≤ 80",
            growth <= 80,
            "resident, sampled every 5 ms",
        ),
        Figure(
            "10-question mix vs. bare server, geometric mean", geometric_mean(ratios), "×", "", None, each
        ),
    ]


def rdflib_figures(work: Path, triples: Path, mix: dict[str, list[str]], rounds: int) -> list[Figure]:
    """The mix against rdflib-endpoint on rdflib's memory store."""
    say("loading rdflib's memory store (minutes)")
    with (
        rdflib_endpoint(triples, work / "rdflib.log") as peer,
        kgservice(work / "store", work / "kgservice.log") as ours,
    ):
        clients, ratios = [Client(ours), Client(peer)], []
        for name, queries in mix.items():
            mine, theirs = in_turn(clients, queries, rounds, 1)
            ratios.append(median_ms(theirs) / median_ms(mine))
            say(f"  {name}: {median_ms(mine):.1f} ms vs. {median_ms(theirs):.1f} ms")
    each = ", ".join(f"{name[3:]} {r:.1f}" for name, r in zip(mix, ratios, strict=True))
    faster = geometric_mean(ratios)
    return [
        Figure(
            "10-question mix, times faster than rdflib-endpoint in memory",
            faster,
            "×",
            "≥ 10",
            faster >= 10,
            each,
        )
    ]


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    model = (
        next(
            (
                line.split(":")[1].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if "model name" in line
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    packages = ", ".join(
        f"{name} {version(name)}"
        for name in ("pyoxigraph", "oxigraph", "rdflib", "rdflib-endpoint", "fastapi", "uvicorn")
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=HERE
    ).stdout.strip()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit or "unknown",
        "cpu": f"{model}, {psutil.cpu_count()} cores",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": packages,
    }


def table(figures: list[Figure], facts: dict[str, str]) -> str:
    """The figures as Markdown."""
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    lines += ["", "| what | measured | to reach | reached | detail |", "| --- | --- | --- | --- | --- |"]
    marks = {True: "yes", False: "**no**", None: ""}
    lines += [
        f"| {f.what} | {f.value:.2f} {f.unit} | {f.target} | {marks[f.reached]} | {f.detail} |"
        for f in figures
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=74_000, help="74,000 make about 2 million quads")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each measurement")
    parser.add_argument("--no-rdflib", action="store_true", help="leave out the slow peer")
    options = parser.parse_args()
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    quads, triples, generator = prepare(work, options.customers)
    mix = questions(generator, triples)
    figures: list[Figure] = []
    try:
        say("load")
        figures += load_figures(work, quads, max(1, options.rounds // 2))
        figures += query_figures(work, triples, mix, options.rounds)
        if not options.no_rdflib:
            figures += rdflib_figures(work, triples, mix, options.rounds)
    finally:
        if figures:
            report(figures, {**machine(), "customers": f"{options.customers:,}"}, options.customers)


def report(figures: list[Figure], facts: dict[str, str], customers: int) -> None:
    """Print the table and write it to `benchmarks/results/`, as Markdown and JSON."""
    text = table(figures, facts)
    print(text)
    name = HERE / "results" / f"{datetime.now(UTC):%Y-%m-%d}-{customers}"
    name.parent.mkdir(exist_ok=True)
    name.with_suffix(".md").write_text(text, encoding="utf-8")
    content = {"machine": facts, "figures": [asdict(f) for f in figures]}
    name.with_suffix(".json").write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
