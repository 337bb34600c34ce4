"""How the service grows with the number of its customers.

    python -m benchmarks.scale 10000 100000 1000000

For each number of customers, in a process of its own: loading, size on disk, memory, opening, guarded
commits and the questions of the mix on the view of everything, first from disk, then with the record graphs
and this view in memory. One customer in twenty has been in contact, with all that the shapes ask for; of the
others there are a name, an address and a consent. A million customers make about 13 million quads, and 43
million with the views.

Each finished size is written to `benchmarks/results/` at once.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles

import psutil

from benchmarks.complete import NOW, CompleteGenerator
from benchmarks.generate import iri
from benchmarks.guard import commits, say
from benchmarks.purposes import asked
from benchmarks.report import machine
from kgservice.application.changes.counting import count
from kgservice.application.changes.replica import Budget
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import bulk_load
from kgservice.garbage import look_seldom
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store.oxigraph import OxigraphStore

HERE = Path(__file__).parent
RESULTS = HERE / "results"
IN_CONTACT = 20
MIB = 2**20
MEMORY = 12 * 2**30  # for the record graphs, and for the view of everything


class SparseGenerator(CompleteGenerator):
    """Few customers have been in contact."""

    def customer_lines(self, n: int) -> Iterator[str]:
        """A person who has been in contact, or one of whom little is known."""
        if n % IN_CONTACT == 0:
            yield from super().customer_lines(n)
        else:
            # Numbered so that no consent shares an event with that of a customer in contact.
            yield from self.person_lines(n + 3 * self.customers, self.asked_at())


@dataclass(frozen=True, slots=True)
class Loading:
    """What it took to load so many customers."""

    quads: int
    stored: int
    load_seconds: float
    load_memory_mib: float
    disk_mib: float


@dataclass(frozen=True, slots=True)
class Asked:
    """How long commits and the questions (by name) take, in ms, and the memory of the process."""

    commit_p50_ms: float
    commit_p99_ms: float
    questions: dict[str, float]
    memory_mib: float


@dataclass(frozen=True, slots=True)
class Serving:
    """How the service is with so many customers: read from disk, and from memory."""

    open_seconds: float
    from_disk: Asked
    from_memory: Asked


def opened(work: Path, customers: int) -> KnowledgeGraph:
    """The store of so many customers."""
    folder = work / f"sparse-{customers}"
    return KnowledgeGraph.open(Settings(store=folder), OxigraphStore(folder), lambda: NOW)


def loading(work: Path, customers: int) -> Loading:
    """Fill a store."""
    quads, folder = work / f"sparse-{customers}.nq", work / f"sparse-{customers}"
    if not quads.exists():
        say(f"writing {customers:,} customers")
        with quads.open("w", encoding="utf-8") as out:
            out.writelines(SparseGenerator(customers).lines())
    shutil.rmtree(folder, ignore_errors=True)
    number = sum(1 for _ in quads.open("rb"))
    say(f"loading {number:,} quads")
    start = time.perf_counter()
    kg = opened(work, customers)
    bulk_load(kg, quads, told=_told)
    kg.close()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    disk = sum(path.stat().st_size for path in folder.iterdir()) / MIB
    kg = opened(work, customers)
    stored = sum(count(kg.store, graph) for graph in kg.store.graphs())
    kg.close()
    return Loading(number, stored, seconds, peak, disk)


def serving(work: Path, customers: int) -> Serving:
    """Ask, and commit."""
    generator = SparseGenerator(customers)
    start = time.perf_counter()
    kg = opened(work, customers)
    opening = time.perf_counter() - start
    kg.guard.prepare(kg.planner())
    persons = _consenting(kg, generator)
    say(f"{customers:,} customers: from disk")
    disk = _asked(kg, generator, persons)
    kg.copies.keep_records(OxigraphStore(), Budget(MEMORY)).wait()
    kg.copies.keep_view(kg.view, OxigraphStore(), Budget(MEMORY)).wait()
    kg.guard.prepare(kg.planner())
    gc.collect()
    gc.freeze()
    say("from memory")
    memory = _asked(kg, generator, persons)
    kg.close()
    return Serving(opening, disk, memory)


def _asked(kg: KnowledgeGraph, generator: CompleteGenerator, persons: list[str]) -> Asked:
    """Ask the questions, and commit some records."""
    questions = dict(_questions(kg, generator))
    first = 1000 * kg.head  # others than those of an earlier run
    records = [generator.new_record(n, persons) for n in range(first, first + 330)]
    commits(kg, records[:30])
    taken = commits(kg, records[30:])
    say(f"  commits: {median(taken):.1f} ms")
    memory = psutil.Process().memory_info().rss / MIB
    return Asked(median(taken), quantiles(taken, n=100)[98], questions, memory)


def _consenting(kg: KnowledgeGraph, generator: CompleteGenerator) -> list[str]:
    """Some persons who have been in contact, whose consents are in force."""
    persons = [generator.iri("person", n) for n in range(0, min(generator.customers, 4000), IN_CONTACT)]
    rows = kg.select(
        f"PREFIX ci: <{CI}> SELECT DISTINCT ?person {{ VALUES ?person {{ {' '.join(map(iri, persons))} }} "
        "?consent ci:dataSubject ?person . ?event ci:eventOf ?consent ; a ci:ConsentGiven "
        "FILTER NOT EXISTS { ?other ci:eventOf ?consent ; a ci:ConsentWithdrawn } } ORDER BY ?person"
    ).rows
    return [str(row[0].value) for row in rows]  # type: ignore[union-attr]


def _told(name: str, done: int, total: int) -> None:
    if done in (0, total):
        say(f"  {name}: {done:,} of {total:,}")


def _questions(kg: KnowledgeGraph, generator: CompleteGenerator) -> Iterator[tuple[str, float]]:
    """Milliseconds of each question of the mix; what is about one thing is asked of 50 others."""
    solved = kg.select(
        "PREFIX ci: <https://w3id.org/kgservice/ci#> SELECT ?pain ?solution "
        "{ ?pain ci:addressedBy ?solution . ?impact ci:impactOf ?solution } LIMIT 50"
    ).rows
    for path in sorted((HERE / "mix").glob("*.rq")):
        text = path.read_text(encoding="utf-8")
        single = "<$" in text
        taken = []
        for n in range(-1, 50 if single else 3):
            pain, solution = solved[n % len(solved)]
            values = {
                "$pain": pain.value,  # type: ignore[union-attr]
                "$solution": solution.value,  # type: ignore[union-attr]
                "$person": generator.iri("person", n * IN_CONTACT % generator.customers),
                "$step": generator.iri("step", n % (generator.touchpoints // 10) * 10),
            }
            whole = text
            for name, value in values.items():
                whole = whole.replace(name, value)
            taken.append(asked(kg, whole))
        yield path.stem, median(taken[1:])
        say(f"  {path.stem}: {median(taken[1:]):.1f} ms")


def main() -> None:
    """Measure each size in processes of its own, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", type=int, nargs="*")
    parser.add_argument("--loaded", action="store_true", help="take the stores of an earlier run")
    options = parser.parse_args()
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    for customers in options.customers:
        result = RESULTS / f"scale-{customers}.json"
        found = json.loads(result.read_text()) if options.loaded else {"customers": customers, **machine()}
        steps: list[Callable[[Path, int], Loading | Serving]] = [serving]
        for step in steps if options.loaded else [loading, *steps]:
            with ProcessPoolExecutor(1, get_context("spawn"), initializer=look_seldom) as apart:
                found |= asdict(apart.submit(step, work, customers).result())
            result.write_text(json.dumps(found, indent=2) + "\n")
        say(str(found))


if __name__ == "__main__":
    main()
