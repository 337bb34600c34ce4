"""The views of purposes, what they cost and what they save: `python -m benchmarks.purposes`.

The graph is that of `benchmarks.guard`, with views of the default purposes. Queries are those of the mix that
name no instance, each on the view of a purpose and on that of everything, in turns, in one process. A bulk
load with five views and one with none go into new stores, in processes of their own; CPU time of all threads
is compared.
"""

from __future__ import annotations

import argparse
import io
import math
import resource
import shutil
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.complete import NOW
from benchmarks.guard import HERE, filled, quads_of, ready, say
from benchmarks.report import Figure, machine, of, report
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import bulk_load
from kgservice.application.views import building
from kgservice.application.views.reader import Reader
from kgservice.garbage import look_seldom
from kgservice.settings import Settings
from kgservice.store.formats import JSON
from kgservice.store.oxigraph import OxigraphStore

PURPOSE = "https://w3id.org/dpv#ResearchAndDevelopment"


FIVE = f"{Settings().purposes} dpv:Marketing"


def loading(work: Path, customers: int, purposes: str) -> tuple[float, float]:
    """Seconds of CPU time that opening a new store and a bulk load take, and the most memory, in GiB."""
    store = work / f"loaded-{customers}"
    shutil.rmtree(store, ignore_errors=True)
    begun = time.process_time()
    settings = Settings(store=store, purposes=purposes)
    kg = KnowledgeGraph.open(settings, OxigraphStore(store), lambda: NOW)
    bulk_load(kg, quads_of(work, customers))
    kg.close()
    taken = time.process_time() - begun
    shutil.rmtree(store)
    return taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def loading_figures(work: Path, customers: int) -> list[Figure]:
    """What five active views make of a bulk load."""
    quads_of(work, customers)
    found = []
    for purposes in ("none", FIVE):
        with ProcessPoolExecutor(1, get_context("spawn"), initializer=look_seldom) as apart:
            found.append(apart.submit(loading, work, customers, purposes).result())
        say(f"bulk load: {found[-1][0]:.1f} s of CPU, {found[-1][1]:.2f} GiB")
    (without, least), (with_five, most) = found
    detail = f"{with_five:.0f} s of CPU vs. {without:.0f} s"
    return [
        of("bulk load with five active views / without", with_five / without, "×", detail, 3),
        of("its memory", most, "GiB", f"peak; without {least:.2f} GiB", 3),
    ]


def asked(reader: Reader, text: str) -> float:
    """Milliseconds of an answer as JSON."""
    start = time.perf_counter()
    reader.query(text, lambda _: JSON, io.BytesIO())
    return (time.perf_counter() - start) * 1000


def ratios(kg: KnowledgeGraph, rounds: int) -> dict[str, float]:
    """By query, how long it takes on the view of the purpose compared with that of everything."""
    whole, part = kg.reader(None), kg.reader(PURPOSE)
    found = {}
    for path in sorted((HERE / "mix").glob("*.rq")):
        text = path.read_text(encoding="utf-8")
        if "$" in text:
            continue
        pairs = [(asked(part, text), asked(whole, text)) for _ in range(rounds)]
        found[path.stem] = statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)
        say(f"{path.stem} {found[path.stem]:.2f}")
    return found


def view_figures(work: Path, options: argparse.Namespace) -> list[Figure]:
    """Queries and building, on views of the default purposes."""
    with filled(work, options.customers) as (kg, _, count):
        start = time.perf_counter()
        building.rebuild_purposes(kg)
        building_all = time.perf_counter() - start
        ready(kg)
        mix = ratios(kg, options.rounds)
    mean = math.exp(statistics.fmean(map(math.log, mix.values())))
    return [
        of("query on the view of a purpose / of everything", mean, "×", f"geometric mean of {len(mix)}", 1.0),
        of("all views of purposes built anew", building_all, "s", f"{count:,} quads, clearing included"),
    ]


def main() -> None:
    """Measure, print the table and write it down."""
    look_seldom()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=34_000, help="34,000 make about 2 million quads")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=("loading", "views"), help="leave out the other half")
    options = parser.parse_args()
    work = HERE / ".work"
    found: list[Figure] = []
    if options.only != "views":
        found += loading_figures(work, options.customers)
    if options.only != "loading":
        found += view_figures(work, options)
    kind = f"purposes-{options.only}-" if options.only else "purposes-"
    report(found, {**machine(), "customers": f"{options.customers:,}"}, options.customers, kind)


if __name__ == "__main__":
    main()
