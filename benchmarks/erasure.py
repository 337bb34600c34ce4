"""Erasing persons of 1,000 statements: `python -m benchmarks.erasure --customers 34000`.

The graph is that of `benchmarks.guard`. What is measured is the commit, with all that is searched for before
it; writing the store anew, so that its files forget, is measured by itself.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time

from benchmarks.complete import CompleteGenerator
from benchmarks.guard import HERE, consenting, filled, ready, say
from benchmarks.report import Figure, machine, of, report
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import erasing, subjects
from kgservice.domain.change import Change
from kgservice.garbage import look_seldom
from kgservice.store.rewriting import rewrite

STATEMENTS = 1000
FEEDBACK = 1  # the kind of record that `new_record` makes for every fourth number


def grow(kg: KnowledgeGraph, generator: CompleteGenerator, person: str, first: int) -> int:
    """Give a person records until there are at least 1,000 statements; how many there are."""
    node = subjects.one(kg, person)
    size, number = len(subjects.quads_of(kg, node)), first
    while size < STATEMENTS:
        records = [generator.new_record(number + 4 * n + FEEDBACK, [person]) for n in range(5)]
        kg.commit(Change.adding([quad for record in records for quad in record.add]))
        number += 20
        size = len(subjects.quads_of(kg, node))
    return size


def main() -> None:
    """Measure, print the table and write it down."""
    look_seldom()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=34_000, help="34,000 make about 2 million quads")
    parser.add_argument("--persons", type=int, default=20)
    options = parser.parse_args()
    with filled(HERE / ".work", options.customers) as (kg, generator, count):
        ready(kg)
        persons = random.Random(7).sample(consenting(kg), options.persons)
        sizes = [grow(kg, generator, person, 10**6 + 1000 * n) for n, person in enumerate(persons)]
        say(f"{options.persons} persons of {min(sizes)} to {max(sizes)} statements")
        taken = []
        for person in persons:
            start = time.perf_counter()
            erasing.erase(kg, person, {})
            taken.append((time.perf_counter() - start) * 1000)
            say(f"{taken[-1]:.0f} ms")
        kg.close()
        start = time.perf_counter()
        rewrite(kg.settings.store)
        seconds = time.perf_counter() - start
    detail = (
        f"{options.persons} persons, median of {statistics.median(sizes):.0f} statements, {count:,} quads"
    )
    found: list[Figure] = [
        of("erasure of a person, p50", statistics.median(taken), "ms", detail, 200),
        of("the same, slowest", max(taken), "ms", detail),
        of("writing the store anew", seconds, "s", f"{count:,} quads and the view"),
    ]
    report(found, {**machine(), "customers": f"{options.customers:,}"}, options.customers, "erasure-")


if __name__ == "__main__":
    main()
