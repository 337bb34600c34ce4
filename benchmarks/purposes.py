"""The views of purposes, what they cost and what they save: `python -m benchmarks.purposes`.

The graph is that of `benchmarks.guard`, with views of the default purposes. Queries are those of the mix that
name no instance, each on the view of a purpose and on that of everything, in turns, in one process.
"""

from __future__ import annotations

import argparse
import io
import math
import random
import statistics
import time

from benchmarks.erasure import grow
from benchmarks.guard import HERE, consenting, filled, ready, say
from benchmarks.report import Figure, machine, of, report
from kgservice.application import building, consents
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.reader import Reader
from kgservice.application.replica import Budget
from kgservice.domain.consent import SUBJECT
from kgservice.namespaces import CI
from kgservice.store.formats import JSON
from kgservice.store.oxigraph import OxigraphStore

PURPOSE = "https://w3id.org/dpv#ResearchAndDevelopment"


def withdrawals(kg: KnowledgeGraph, persons: list[str]) -> list[float]:
    """Milliseconds of each withdrawal of all consents of one person, one after the other."""
    taken = []
    for person in persons:
        rows = kg.select(
            f"SELECT ?consent {{ ?consent <{CI}dataSubject> <{person}> ; a <{CI}ConsentRecord> }} LIMIT 1"
        ).rows
        key = str(rows[0][0].value).removeprefix(kg.addresses.ids)  # type: ignore[union-attr]
        start = time.perf_counter()
        consents.withdraw(kg, key, {"method": "e-mail", "by": SUBJECT})
        taken.append((time.perf_counter() - start) * 1000)
        say(f"{taken[-1]:.0f} ms")
    return taken


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


def main() -> None:
    """Measure, print the table and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=34_000, help="34,000 make about 2 million quads")
    parser.add_argument("--persons", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with filled(HERE / ".work", options.customers) as (kg, generator, count):
        start = time.perf_counter()
        building.rebuild_purposes(kg)
        building_all = time.perf_counter() - start
        ready(kg)
        budget = Budget(8 * 2**30)
        for purpose in (None, PURPOSE):
            kg.copies.keep_view(kg.reader(purpose).view, OxigraphStore(), budget).wait()
        mix = ratios(kg, options.rounds)
        persons = random.Random(7).sample(consenting(kg), options.persons)
        sizes = [grow(kg, generator, person, 10**6 + 1000 * n) for n, person in enumerate(persons)]
        taken = withdrawals(kg, persons)
    mean = math.exp(statistics.fmean(map(math.log, mix.values())))
    detail = (
        f"{options.persons} persons, median of {statistics.median(sizes):.0f} statements, {count:,} quads"
    )
    found: list[Figure] = [
        of("query on the view of a purpose / of everything", mean, "×", f"geometric mean of {len(mix)}", 1.0),
        of("withdrawal, until the answer, p50", statistics.median(taken), "ms", detail, 100),
        of("the same, slowest", max(taken), "ms", detail),
        of("all views of purposes built anew", building_all, "s", f"{count:,} quads, clearing included"),
    ]
    report(found, {**machine(), "customers": f"{options.customers:,}"}, options.customers, "purposes-")


if __name__ == "__main__":
    main()
