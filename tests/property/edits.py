"""Random edits of the demonstration graph with the shipped shapes: is what the guard keeps that of plain pySHACL?

    python -m tests.property.edits --edits 300

Statements go, literals and links change, types are swapped, classes come below those of the model, and the clock
moves on. The findings kept edit by edit are compared with those of plain validation of everything after every so
many. Ends with exit code 1 at the first difference. The same `--seed` makes the same edits.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyoxigraph
import rdflib
from rdflib import RDF, RDFS, XSD, Literal, URIRef
from rdflib.term import Node

from kgservice.application.guard.validation import shipped_model
from kgservice.domain.finding import Policy, by_key
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, shipped_shapes
from kgservice.shacl.terms import to_rdflib
from kgservice.shacl.validate import context_graph, validate

DEMO = Path(__file__).parents[2] / "demo"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OWN = URIRef("https://kg.example/id/class-of-records")
ODD = [Literal(text) for text in ("", "x", "14", "1", "true", "20260101", "2026-11-20T12:00:00")]
ODD += [Literal("x", lang="de"), Literal(0), Literal(14), Literal(2100), Literal(True)]
ODD += [Literal("1.0", datatype=XSD.decimal, normalize=False), Literal("2026-11-20", datatype=XSD.date)]


class Edits:
    """Changes the records at random; `now` is the clock."""

    def __init__(self, records: set[Triple], seed: int) -> None:
        self.records = records
        self.now = NOW
        self._random = random.Random(seed)

    @property
    def everything(self) -> set[Triple]:
        """The records, with the clock and the policy."""
        return {*self.records, *context_graph(self.now, Policy())}

    def edit(self) -> None:
        """One of all kinds of edits."""
        self._random.choice(
            (self._lose, self._say, self._time, self._redirect, self._swap, self._wait, self._class)
        )()

    def _any(self, *kinds: type[Literal | URIRef]) -> Triple:
        return self._random.choice(sorted(triple for triple in self.records if isinstance(triple[2], kinds)))

    def _put(self, triple: Triple, value: Node) -> None:
        self.records = {*self.records - {triple}, (*triple[:2], value)}

    def _lose(self) -> None:
        self.records = self.records - {self._any(Literal, URIRef)}

    def _say(self) -> None:
        triple = self._any(Literal)
        alike = {value for _, p, value in self.records if p == triple[1]}
        self._put(triple, self._random.choice([*sorted(alike, key=str), *ODD]))

    def _time(self) -> None:
        moments = [t for t in self.records if isinstance(t[2], Literal) and t[2].datatype == XSD.dateTime]
        away = timedelta(days=self._random.choice((-400, -31, -1, 0, 1, 14, 31)))
        moment = (self.now + away).isoformat().replace("+00:00", "Z")
        self._put(
            self._random.choice(sorted(moments)), Literal(moment, datatype=XSD.dateTime, normalize=False)
        )

    def _redirect(self) -> None:
        triple = self._any(URIRef)
        alike = {value for _, p, value in self.records if p == triple[1]}
        self._put(triple, self._random.choice([self._any(URIRef)[0], *sorted(alike, key=str)]))

    def _swap(self) -> None:
        types = sorted(triple for triple in self.records if triple[1] == RDF.type)
        one, other = self._random.sample(types, 2)
        self._put(one, other[2])
        self._put(other, one[2])

    def _wait(self) -> None:
        self.now += timedelta(hours=self._random.choice((1, 24, 24 * 40)))

    def _class(self) -> None:
        one, other = (self._random.choice(sorted(t for t in self.records if t[1] == RDF.type)) for _ in "ab")
        self._put(one, OWN)
        self.records = {t for t in self.records if t[0] != OWN} | {(OWN, RDFS.subClassOf, other[2])}


def records() -> set[Triple]:
    """The statements of the demonstration graph, as a store gives them back."""
    store = pyoxigraph.Store()
    for path in sorted(DEMO.glob("*.ttl")):
        store.load(path=str(path), format=pyoxigraph.RdfFormat.TURTLE)
    return {(to_rdflib(q.subject), to_rdflib(q.predicate), to_rdflib(q.object)) for q in store}


def without_words(model: rdflib.Graph) -> rdflib.Graph:
    """The model without its literals, which constraints do not look at, and each validation copies."""
    graph = rdflib.Graph()
    for triple in model:
        if not isinstance(triple[2], Literal):
            graph.add(triple)
    return graph


def edit_and_compare(edits: int, every: int, seed: int) -> Iterator[int]:
    """The numbers of edits after which the findings were compared. Raises `AssertionError` at a difference."""
    shapes, model = shipped_shapes(), without_words(shipped_model())
    local = LocalValidator(shapes, model)
    made = Edits(records(), seed)
    before: set[Triple] = set()
    kept: set[tuple[str, ...]] = set()
    for number in range(1, edits + 1):
        made.edit()
        after = made.everything
        difference = local.difference(before ^ after, GraphStatements(before), GraphStatements(after))
        for found in difference.before.values():
            kept -= found.keys()
        for found in difference.after.values():
            kept |= found.keys()
        before = after
        if number % every == 0 or number == edits:
            expected = plain(after, shapes, model)
            assert kept == expected, (sorted(kept - expected), sorted(expected - kept))
            yield number


def plain(statements: set[Triple], shapes: Shapes, model: rdflib.Graph) -> set[tuple[str, ...]]:
    """The keys of the findings of plain validation."""
    data = rdflib.Graph()
    for triple in statements:
        data.add(triple)
    return {*by_key(validate(data, shapes, model=model).findings)}


def main() -> None:
    """Edit, compare, and tell how far it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--edits", type=int, default=300, help="how many edits")
    parser.add_argument("--every", type=int, default=25, help="edits between comparisons")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the random edits")
    asked = parser.parse_args()
    print(f"Seed {asked.seed}", flush=True)
    for number in edit_and_compare(asked.edits, asked.every, asked.seed):
        print(f"{number} edits: no difference from plain pySHACL", flush=True)


if __name__ == "__main__":
    main()
