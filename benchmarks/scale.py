"""How the service grows with the number of its customers.

    python -m benchmarks.scale 10000 100000 1000000

For each number of customers, in a process of its own: loading, size on disk, memory, opening, guarded
commits, the questions of the mix on the view of everything, from disk. One customer in twenty has been in
contact, with all that the shapes ask for; of the others there are a name, an address and a consent. A million
customers make about 12 million quads, and more than twice as many with the views.

Each finished size is written to `benchmarks/results/` at once.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil

from benchmarks.complete import NOW, CompleteGenerator
from benchmarks.guard import commits, consenting, ready, say
from benchmarks.purposes import asked
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.load import bulk_load
from kgservice.settings import Settings
from kgservice.store.base import Dataset
from kgservice.store.oxigraph import OxigraphStore

HERE = Path(__file__).parent
RESULTS = HERE / "results"
IN_CONTACT = 20
MIB = 2**20


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
class Size:
    """What was measured with so many customers; `questions` in ms by their names."""

    customers: int
    quads: int
    stored: int
    load_seconds: float
    load_memory_mib: float
    disk_mib: float
    open_seconds: float
    memory_mib: float
    commit_p50_ms: float
    commit_p99_ms: float
    questions: dict[str, float]


def measured(work: Path, customers: int) -> Size:
    """All of it, in this process."""
    generator = SparseGenerator(customers)
    quads, folder = work / f"sparse-{customers}.nq", work / f"sparse-{customers}"
    if not quads.exists():
        say(f"writing {customers:,} customers")
        with quads.open("w", encoding="utf-8") as out:
            out.writelines(generator.lines())
    shutil.rmtree(folder, ignore_errors=True)
    number = sum(1 for _ in quads.open("rb"))
    say(f"loading {number:,} quads")
    start = time.perf_counter()
    kg = KnowledgeGraph.open(Settings(store=folder), OxigraphStore(folder), lambda: NOW)
    bulk_load(kg, quads, told=_told)
    kg.close()
    loading = time.perf_counter() - start
    peak = psutil.Process().memory_info().rss  # it does not shrink in between
    disk = sum(path.stat().st_size for path in folder.iterdir())
    start = time.perf_counter()
    kg = KnowledgeGraph.open(Settings(store=folder), OxigraphStore(folder), lambda: NOW)
    opening = time.perf_counter() - start
    say("asking")
    questions = dict(_questions(kg, generator))
    stored = kg.store.select("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }", Dataset()).rows[0][0]
    say("committing")
    ready(kg)
    known = {generator.iri("person", n) for n in range(0, customers, IN_CONTACT)}
    persons = [person for person in consenting(kg) if person in known]
    records = [generator.new_record(n, persons) for n in range(330)]
    commits(kg, records[:30])
    taken = commits(kg, records[30:])
    memory = psutil.Process().memory_info().rss
    kg.close()
    return Size(
        customers,
        number,
        int(stored.value),  # type: ignore[union-attr]
        loading,
        peak / MIB,
        disk / MIB,
        opening,
        memory / MIB,
        statistics.median(taken),
        statistics.quantiles(taken, n=100)[98],
        questions,
    )


def _told(name: str, done: int, total: int) -> None:
    if done in (0, total):
        say(f"  {name}: {done:,} of {total:,}")


def _questions(kg: KnowledgeGraph, generator: CompleteGenerator) -> Iterator[tuple[str, float]]:
    """Milliseconds of each question of the mix, from disk; what is about one thing is asked of 50 others."""
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
        yield path.stem, statistics.median(taken[1:])
        say(f"  {path.stem}: {statistics.median(taken[1:]):.1f} ms")


def main() -> None:
    """Measure each size in a process of its own, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customers", type=int, nargs="*")
    work = HERE / ".work"
    work.mkdir(exist_ok=True)
    for customers in parser.parse_args().customers:
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            size = apart.submit(measured, work, customers).result()
        say(str(size))
        (RESULTS / f"scale-{customers}.json").write_text(json.dumps(asdict(size), indent=2) + "\n")


if __name__ == "__main__":
    main()
