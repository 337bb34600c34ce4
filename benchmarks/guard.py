"""Guarded commits and full validation: part of `make bench`, or `python -m benchmarks.guard --customers N`.

The graph is that of `benchmarks.complete`, which all shapes accept; 34,000 customers make two million quads.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.complete import NOW, CompleteGenerator
from benchmarks.measure import MemoryWatch
from benchmarks.report import Figure, machine, of, report
from kgservice.application.changes.replica import Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.validation import model_of, records_of, validate
from kgservice.application.imports.load import bulk_load
from kgservice.domain.change import Change
from kgservice.garbage import look_seldom
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.shacl.shapes import load_shapes
from kgservice.shacl.validate import context_graph
from kgservice.shacl.validate import validate as plain
from kgservice.store.formats import N_QUADS
from kgservice.store.oxigraph import OxigraphStore

HERE = Path(__file__).parent
SMALL = 340  # customers: 20,000 quads
PLAIN = (50, 100, 200)  # customers that pySHACL validates in a time one can wait for


def say(text: str) -> None:
    """Tell where the run is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def quads_of(work: Path, customers: int) -> Path:
    """The file of the graph of so many customers."""
    quads = work / f"complete-{customers}.nq"
    if not quads.exists():
        work.mkdir(exist_ok=True)
        with quads.open("w", encoding="utf-8") as out:
            out.writelines(CompleteGenerator(customers).lines())
    return quads


@contextmanager
def filled(
    work: Path, customers: int, memory: int | None = None
) -> Iterator[tuple[KnowledgeGraph, CompleteGenerator, int]]:
    """A copy of the graph of so many customers on disk, its generator, and the number of its quads.

    `memory`: the setting, in MiB, if another than what it is by default.
    """
    generator = CompleteGenerator(customers)
    kept, used = (work / f"complete-{customers}{end}" for end in ("", "-used"))
    quads = quads_of(work, customers)
    if not kept.exists():
        say(f"filling a store with {customers:,} customers")
        kg = KnowledgeGraph.open(Settings(store=kept), OxigraphStore(kept), lambda: NOW)
        bulk_load(kg, quads)
        kg.close()
    shutil.rmtree(used, ignore_errors=True)
    store = OxigraphStore(kept)
    kg = KnowledgeGraph.open(Settings(store=kept), store, lambda: NOW)  # builds the view if the model is new
    store.backup(used)
    kg.close()
    count = sum(1 for _ in quads.open("rb"))
    settings = Settings(store=used)
    if memory is not None:
        settings = replace(settings, memory=memory)
    kg = KnowledgeGraph.open(settings, OxigraphStore(used), lambda: NOW)
    try:
        yield kg, generator, count
    finally:
        kg.close()
        shutil.rmtree(used)


@contextmanager
def records(work: Path, customers: int) -> Iterator[tuple[KnowledgeGraph, int]]:
    """The graph of so many customers on disk without its views, and the number of its quads.

    A full validation reads a copy of the record graphs and nothing else. Without views the store is filled
    fifty times faster, so that hundreds of thousands of customers can be measured.
    """
    folder, quads = work / f"records-{customers}", quads_of(work, customers)
    shutil.rmtree(folder, ignore_errors=True)
    kg = KnowledgeGraph.open(Settings(store=folder), OxigraphStore(folder), lambda: NOW)
    try:
        kg.store.load(quads, N_QUADS)
        kg.store.optimize()
        yield kg, sum(1 for _ in quads.open("rb"))
    finally:
        kg.close()
        shutil.rmtree(folder)


def ready(kg: KnowledgeGraph) -> None:
    """As the service is when it has been running for a while with `memory` of 16 GiB.

    Without the processes that answer queries, and the index of texts.
    """
    kg.copies.keep_records(OxigraphStore(), Budget(4 * 2**30)).wait()
    views = Budget(4 * 2**30)
    for view in (kg.view, *(kg.reader(purpose).view for purpose in kg.settings.active_purposes)):
        kg.copies.keep_view(view, OxigraphStore(), views).wait()
    kg.guard.prepare(kg.planner())
    gc.collect()
    gc.freeze()


def consenting(kg: KnowledgeGraph) -> list[str]:
    """Persons whose consents are in force: those that gave some and took back none."""
    rows = kg.select(
        f"SELECT DISTINCT ?person {{ ?event a <{CI}ConsentGiven> ; <{CI}eventOf> ?consent . "
        f"?consent <{CI}dataSubject> ?person "
        f"FILTER NOT EXISTS {{ ?consent ^<{CI}eventOf>/a <{CI}ConsentWithdrawn> }} }}"
        " ORDER BY ?person LIMIT 10000"
    ).rows
    return [str(row[0].value) for row in rows]  # type: ignore[union-attr]


def commits(kg: KnowledgeGraph, changes: Sequence[Change]) -> list[float]:
    """Milliseconds of each commit. Raises `RuntimeError` for one that changes nothing: it costs nothing."""
    taken = []
    for change in changes:
        start = time.perf_counter()
        commit = kg.commit(change)
        taken.append((time.perf_counter() - start) * 1000)
        if not commit.added:
            raise RuntimeError("a record is there already")
    return taken


def joined(changes: Sequence[Change]) -> Change:
    """One change of many."""
    return Change.adding([quad for change in changes for quad in change.add])


def single(work: Path, customers: int, number: int, batches: int) -> tuple[list[float], float, int]:
    """Milliseconds of `number` commits of one record each, records a second in batches of 1,000, quads."""
    with filled(work, customers) as (kg, generator, count):
        ready(kg)
        persons = consenting(kg)
        records = [generator.new_record(n, persons) for n in range(number + 30 + 1000 * batches)]
        sizes = [len(change.add) for change in records]
        say(f"{count:,} quads; commits of {min(sizes)} to {max(sizes)} quads")
        commits(kg, records[:30])
        taken = commits(kg, records[30 : number + 30])
        rest = records[number + 30 :]
        many = commits(kg, [joined(rest[n : n + 1000]) for n in range(0, len(rest), 1000)])
    return taken, 1000 / statistics.median(many) * 1000 if many else 0.0, count


def commit_figures(work: Path, customers: int, number: int) -> list[Figure]:
    """Latency and throughput of guarded commits, and how far they depend on the size of the graph."""
    say("guarded commits")
    small, _, fewer = single(work, SMALL, number, 0)
    large, many, count = single(work, customers, number, 3)
    p50, p99 = statistics.median(large), statistics.quantiles(large, n=100)[98]
    ratio = p50 / statistics.median(small)
    a_second = len(large) / sum(large) * 1000
    detail = f"{number} commits, all rules, {count:,} quads"
    return [
        of("guarded commit of one record, p50", p50, "ms", detail, 20),
        of("the same, p99", p99, "ms", detail, 80),
        of("its p50 against a small graph", ratio, "×", f"{count:,} quads vs. {fewer:,}", 1.3),
        Figure("guarded commits of single records", a_second, "/s", "≥ 50", a_second >= 50, "one writer"),
        Figure("records in batches of 1,000", many, "/s", "≥ 1000", many >= 1000, "median of 3 batches"),
    ]


def plain_seconds(work: Path) -> list[tuple[int, float]]:
    """Seconds of plain pySHACL for each of the small sizes."""
    shapes, found = load_shapes(), []
    for customers in PLAIN:
        with records(work, customers) as (kg, _):
            data, context = (
                model_of(kg.store, kg.addresses) + records_of(kg),
                context_graph(kg.clock(), kg.policy),
            )
            start = time.perf_counter()
            plain(data, shapes, context=context, in_place=True)
            found.append((customers, time.perf_counter() - start))
        say(f"pySHACL, {customers} customers: {found[-1][1]:.1f} s")
    return found


def validation_figures(work: Path, customers: int) -> list[Figure]:
    """Full validation, against plain pySHACL extrapolated from smaller sizes."""
    say("full validation")
    known = plain_seconds(work)
    (first, least), (last, longest) = known[0], known[-1]
    each = (longest - least) / (last - first)
    expected = longest + each * (customers - last)
    say(f"loading {customers:,} customers")
    with records(work, customers) as (kg, count), MemoryWatch(os.getpid(), every=1.0) as memory:
        say(f"validating {count:,} quads")
        start, worked = time.perf_counter(), sum(os.times()[:4])
        findings = validate(kg)
        seconds, worked = time.perf_counter() - start, sum(os.times()[:4]) - worked
    faster = expected / seconds
    sizes = ", ".join(f"{n}: {s:.1f} s" for n, s in known)
    detail = f"{customers:,} customers, {count:,} quads: {seconds:.0f} s, "
    detail += f"{worked:.0f} s of CPU time, {findings.violations} violations; "
    detail += f"pySHACL would take {expected:,.0f} s, by customers {sizes}"
    return [
        Figure("full validation, times faster than plain pySHACL", faster, "×", "≥ 20", faster >= 20, detail),
        of("its memory", memory.most / 2**30, "GiB", "proportional set size of all processes, sampled", 3),
        of("its time for 1,000 customers", seconds / customers * 1000, "s", "linear if it stays so"),
    ]


def figures(work: Path, customers: int, number: int) -> list[Figure]:
    """All of them."""
    return [*commit_figures(work, customers, number), *validation_figures(work, customers)]


def main() -> None:
    """Measure, print the table and write it down."""
    look_seldom()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=34_000, help="34,000 make about 2 million quads")
    parser.add_argument("--commits", type=int, default=300, help="counted commits of one record")
    parser.add_argument("--only", choices=("commits", "validation"), help="leave out the other half")
    options = parser.parse_args()
    work = HERE / ".work"
    found: list[Figure] = []
    if options.only != "validation":
        found += commit_figures(work, options.customers, options.commits)
    if options.only != "commits":
        found += validation_figures(work, options.customers)
    report(found, {**machine(), "customers": f"{options.customers:,}"}, options.customers, "guard-")


if __name__ == "__main__":
    main()
