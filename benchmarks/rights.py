"""Withdrawals and erasures of persons of 1,000 statements: `python -m benchmarks.rights --customers 34000`.

The graph is that of `benchmarks.guard`; a smaller one beside it, by turns in one process, shows whether the
size of the graph matters. What is measured is the commit, with all that is searched for before it; writing
the store anew, so that its files forget, is measured by itself.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.complete import CompleteGenerator
from benchmarks.guard import HERE, consenting, filled, ready, say
from benchmarks.report import Figure, machine, of, report
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import consents, erasing, subjects
from kgservice.domain.change import Change
from kgservice.domain.consent import SUBJECT
from kgservice.garbage import look_seldom
from kgservice.namespaces import CI
from kgservice.store.rewriting import rewrite

AIMS = {"withdrawal": 100, "erasure": 200}  # milliseconds
FOLLOWS = {"withdrawal": "what follows from a withdrawal", "erasure": "what follows from an erasure"}
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


@dataclass(frozen=True, slots=True)
class Measured:
    """A graph that is ready for measuring, the persons to measure with, and the milliseconds by act."""

    kg: KnowledgeGraph
    count: int
    persons: list[str]
    sizes: list[int]
    taken: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def of(cls, work: Path, customers: int, number: int) -> Iterator[Measured]:
        """The graph of so many customers, with so many persons of 1,000 statements."""
        with filled(work, customers) as (kg, generator, count):
            ready(kg)
            persons = random.Random(7).sample(consenting(kg), number)
            sizes = [grow(kg, generator, person, 10**6 + 1000 * n) for n, person in enumerate(persons)]
            with kg.store.copy():
                pass  # Oxigraph writes what is new to its files, as most of what there is of a person
            say(f"{count:,} quads: {number} persons of {min(sizes)} to {max(sizes)} statements")
            yield cls(kg, count, persons, sizes)

    def act(self, name: str, act: Callable[[], object]) -> None:
        """Measure how long an act takes."""
        start = time.perf_counter()
        act()
        self.taken.setdefault(name, []).append((time.perf_counter() - start) * 1000)

    def withdraw(self) -> None:
        """Withdraw what the next person has agreed to, and what follows from it."""
        person = self.persons.pop()
        rows = self.kg.select(
            f"SELECT ?consent {{ ?consent <{CI}dataSubject> <{person}> ; a <{CI}ConsentRecord> }} LIMIT 1"
        ).rows
        key = str(rows[0][0].value).removeprefix(self.kg.addresses.ids)  # type: ignore[union-attr]
        withdrawal = {"method": "e-mail", "by": SUBJECT}
        self.act("withdrawal", lambda: consents.withdraw(self.kg, key, withdrawal))
        self.act(FOLLOWS["withdrawal"], self.kg.current)

    def erase(self) -> None:
        """Erase the next person."""
        person = self.persons.pop()
        self.act("erasure", lambda: erasing.erase(self.kg, person, {}))
        self.act(FOLLOWS["erasure"], self.kg.current)

    def p50(self, name: str) -> float:
        """Milliseconds of an act, the median."""
        return statistics.median(self.taken[name])


def figures(small: Measured, large: Measured) -> list[Figure]:
    """What was measured."""
    persons = len(large.taken["erasure"])
    detail = f"{persons} persons, median of {statistics.median(large.sizes):.0f} statements, "
    detail += f"{large.count:,} quads"
    found = []
    for name, most in AIMS.items():
        p50, less = large.p50(name), small.p50(name)
        against = f"{less:.0f} ms with {small.count:,} quads"
        found += [
            of(f"{name} of a person, until the answer, p50", p50, "ms", detail, most),
            of("the same, slowest", max(large.taken[name]), "ms", detail),
            of("its p50 against a smaller graph", p50 / less, "×", against, 1.3),
        ]
    for what in FOLLOWS.values():
        found.append(of(f"entering {what}, p50", large.p50(what), "ms", "after the answer"))
    return found


def main() -> None:
    """Measure, print the table and write it down."""
    look_seldom()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=34_000, help="34,000 make about 2 million quads")
    parser.add_argument("--fewer", type=int, default=1_740, help="1,740 make about 100,000 quads")
    parser.add_argument("--persons", type=int, default=20, help="of each graph, for each of the two acts")
    options = parser.parse_args()
    work, number = HERE / ".work", 2 * options.persons
    with (
        Measured.of(work, options.fewer, number) as small,
        Measured.of(work, options.customers, number) as large,
    ):
        while large.persons:
            for graph in (small, large):
                graph.withdraw()
                graph.erase()
            say(f"{2 * len(large.taken['erasure'])} persons")
        found = figures(small, large)
        large.kg.close()
        start = time.perf_counter()
        rewrite(large.kg.settings.store)
        seconds = time.perf_counter() - start
    found.append(of("writing the store anew", seconds, "s", f"{large.count:,} quads and the views"))
    report(found, {**machine(), "customers": f"{options.customers:,}"}, options.customers, "rights-")


if __name__ == "__main__":
    main()
