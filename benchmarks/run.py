"""The table of figures: `make bench`, or `python -m benchmarks.run [--customers N]`.

Every figure is a ratio against a named peer in the same run. Working files go to `benchmarks/.work/`, results
as Markdown and JSON to `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import RdfFormat, Store, parse, serialize

from benchmarks import crm, guard
from benchmarks.generate import Generator
from benchmarks.measure import Client, MemoryWatch, geometric_mean, in_turn, median_first_ms, median_ms
from benchmarks.peers import Server, asgi_floor, bare_oxigraph, kgservice, rdflib_endpoint
from benchmarks.report import Figure, machine, of, report
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import bulk_load
from kgservice.garbage import look_seldom
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store.base import Dataset
from kgservice.store.formats import N_QUADS
from kgservice.store.oxigraph import OxigraphStore

HERE = Path(__file__).parent
SETTLING = 20  # seconds in which what a start leaves to do comes to its end
MEMORY = 20_480  # MiB; two million quads make 4.3 million statements of the view
ROWS_100K = f"""PREFIX ci: <{CI}>
SELECT ?feedback ?content ?touchpoint WHERE {{
  ?feedback ci:content ?content ; ci:collectedAt ?touchpoint
}} LIMIT 100000"""


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
    total = graph.store.select("SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }", Dataset()).rows[0][
        0
    ]
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


@dataclass(frozen=True, slots=True)
class Ours:
    """Our service: without kept answers, the same from disk, and as it comes, with kept answers."""

    memory: Server
    disk: Server
    kept: Server


@contextmanager
def services(work: Path) -> Iterator[Ours]:
    """Our service on the filled store, with the view in memory, and on copies that are read from disk."""
    store = OxigraphStore(work / "store")
    for copy in (work / "store-disk", work / "store-kept"):
        shutil.rmtree(copy, ignore_errors=True)
        store.backup(copy)
    store.close()
    say("starting the service (the view is read into memory: minutes)")
    with (
        kgservice(work / "store", work / "kgservice.log", MEMORY) as memory,
        kgservice(work / "store-disk", work / "kgservice-disk.log", 0) as disk,
        kgservice(work / "store-kept", work / "kgservice-kept.log", 0, answers=True) as kept,
    ):
        time.sleep(SETTLING)
        say(f"the service takes {memory.memory() / 1e6:,.0f} MB, from disk {disk.memory() / 1e6:,.0f} MB")
        yield Ours(memory, disk, kept)


def trace_figures(
    ours: Ours, bare: Server, least: Sequence[Server], queries: list[str], rounds: int
) -> list[Figure]:
    """Latency of the one-trace question, against the bare server; `least` are the two of `asgi_floor`."""
    say("one-trace question")
    clients = [Client(server) for server in (ours.memory, ours.disk, ours.kept, *least, bare)]
    taken = in_turn(clients, queries, rounds * 60, len(queries))
    mine, mine_on_disk, kept, floor, apart, theirs = map(median_ms, taken)
    return [
        of(
            "one-trace question, p50 vs. bare Oxigraph server on disk",
            mine / theirs,
            "×",
            f"p50 {mine:.2f} ms vs. {theirs:.2f} ms",
            1.5,
        ),
        of("the same, view on disk", mine_on_disk / theirs, "×", f"p50 {mine_on_disk:.2f} ms"),
        of(
            "the same as the service comes: answers kept, each question asked once before",
            kept / theirs,
            "×",
            f"p50 {kept:.2f} ms",
            1.5,
        ),
        of(
            "the same by the least ASGI service on uvicorn",
            floor / theirs,
            "×",
            f"p50 {floor:.2f} ms; one query in one thread, on the bare server's store",
        ),
        of(
            "the same, the query in a process that can be stopped",
            apart / theirs,
            "×",
            f"p50 {apart:.2f} ms; nobody signs in, nothing is recorded",
        ),
    ]


def rows_figures(ours: Ours, bare: Server, rounds: int) -> list[Figure]:
    """The answer with 100,000 rows, against the bare server."""
    say("100,000 rows")
    clients = [Client(server) for server in (ours.memory, ours.disk, bare)]
    clients[0].ask(ROWS_100K)
    taken = in_turn(clients, [ROWS_100K], rounds, 1)
    with MemoryWatch(ours.memory.pid) as memory:
        in_turn(clients[:1], [ROWS_100K], rounds, 0)
    with MemoryWatch(ours.disk.pid) as memory_on_disk:
        in_turn(clients[1:2], [ROWS_100K], rounds, 0)
    mine, mine_on_disk, theirs = map(median_ms, taken)
    first, first_on_disk, first_theirs = map(median_first_ms, taken)
    size = taken[0][0].size / 1e6
    return [
        of(
            "100,000-row SELECT as JSON, total vs. bare server",
            mine / theirs,
            "×",
            f"{mine:.0f} ms vs. {theirs:.0f} ms; {size:.1f} MB",
            1.2,
        ),
        of("the same, view on disk", mine_on_disk / theirs, "×", f"{mine_on_disk:.0f} ms"),
        of(
            "first byte of it",
            first,
            "ms",
            f"median; view on disk {first_on_disk:.1f} ms, the bare server {first_theirs:.1f} ms",
            50,
        ),
        of(
            "memory growth of the service during it",
            memory.growth / 1e6,
            "MB",
            "proportional set size of all processes, sampled, in rounds of their own",
            80,
        ),
        of("the same, view on disk", memory_on_disk.growth / 1e6, "MB", ""),
    ]


def mix_figures(
    servers: list[Server], mix: dict[str, list[str]], rounds: int
) -> list[tuple[float, float, str]]:
    """For each server but the last: how many times as long as the last one it takes (geometric mean of the
    mix), how many times faster it is, and the single ratios."""
    clients = [Client(server) for server in servers]
    times: dict[str, list[float]] = {}
    for name, queries in mix.items():
        times[name[3:]] = [median_ms(taken) for taken in in_turn(clients, queries, rounds, 1)]
        say(f"  {name}: {', '.join(f'{ms:.1f}' for ms in times[name[3:]])} ms")
    found = []
    for i in range(len(servers) - 1):
        ratios = {name: each[i] / each[-1] for name, each in times.items()}
        mean = geometric_mean(list(ratios.values()))
        found.append((mean, 1 / mean, ", ".join(f"{name} {r:.3g}" for name, r in ratios.items())))
    return found


def query_figures(work: Path, triples: Path, mix: dict[str, list[str]], rounds: int) -> list[Figure]:
    """All that compares us with the bare Oxigraph server."""
    bare_store = work / f"bare-{triples.stem}"
    with (
        services(work) as ours,
        bare_oxigraph(triples, bare_store, work / "oxigraph.log") as bare,
        asgi_floor(bare_store, work / "floor.log") as floor,
        asgi_floor(bare_store, work / "floor-apart.log", "--apart") as apart,
    ):
        figures = trace_figures(ours, bare, (floor, apart), mix["01-trace"], rounds)
        figures += rows_figures(ours, bare, rounds)
        say("the mix: in memory, on disk, the bare server")
        found = mix_figures([ours.memory, ours.disk, bare], mix, rounds * 2)
        (mine, _, each), (mine_on_disk, _, each_on_disk) = found
    return [
        *figures,
        of("10-question mix vs. bare server, geometric mean", mine, "×", each),
        of("the same, view on disk", mine_on_disk, "×", each_on_disk),
    ]


def rdflib_figures(work: Path, triples: Path, mix: dict[str, list[str]], rounds: int) -> list[Figure]:
    """The mix against rdflib-endpoint on rdflib's memory store."""
    say("loading rdflib's memory store (minutes)")
    with rdflib_endpoint(triples, work / "rdflib.log") as peer, services(work) as ours:
        say("the mix: in memory, on disk, with kept answers, rdflib-endpoint")
        found = mix_figures([ours.memory, ours.disk, ours.kept, peer], mix, rounds)
        (_, faster, each), (_, faster_on_disk, each_on_disk), (_, faster_kept, each_kept) = found
    return [
        Figure(
            "10-question mix, times faster than rdflib-endpoint in memory",
            faster,
            "×",
            "≥ 10",
            faster >= 10,
            f"share of its time: {each}",
        ),
        of("the same, view on disk", faster_on_disk, "×", f"share of its time: {each_on_disk}"),
        Figure(
            "the same as the service comes: answers kept, of one thing another one each time",
            faster_kept,
            "×",
            "≥ 10",
            faster_kept >= 10,
            f"share of its time: {each_kept}",
        ),
    ]


def main() -> None:
    """Measure, print the table and write it down."""
    look_seldom()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=74_000, help="74,000 make about 2 million quads")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds of each measurement")
    parser.add_argument("--no-rdflib", action="store_true", help="leave out the slow peer")
    parser.add_argument("--no-guard", action="store_true", help="leave out guarded commits and validation")
    parser.add_argument("--contacts", type=int, default=1_000, help="of the CRM; 0 leaves it out")
    parser.add_argument("--no-load", action="store_true", help="take the store that an earlier run filled")
    options = parser.parse_args()
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    quads, triples, generator = prepare(work, options.customers)
    mix = questions(generator, triples)
    figures: list[Figure] = []
    try:
        if options.no_load:
            say("the store of an earlier run serves again")
        else:
            figures += load_figures(work, quads, max(1, options.rounds // 2))
        figures += query_figures(work, triples, mix, options.rounds)
        if not options.no_rdflib:
            figures += rdflib_figures(work, triples, mix, options.rounds)
        if not options.no_guard:
            # A customer of the complete graph makes more than twice as many quads.
            figures += guard.figures(work, max(200, options.customers * 34 // 74), 300)
        if options.contacts:
            figures += crm.figures(work, options.contacts)
    finally:
        if figures:
            report(figures, {**machine(), "customers": f"{options.customers:,}"}, options.customers)


if __name__ == "__main__":
    main()
