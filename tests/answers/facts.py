"""The statements of the demonstration and the ontology as written, to be walked in plain Python.

Nothing of the service takes part: rdflib reads the files, and classes, inverses and labels are followed here.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from rdflib import Dataset, Graph, Literal, Namespace, URIRef
from rdflib.namespace import OWL, RDF, RDFS, SKOS, XSD
from rdflib.term import Node

from kgservice import resources

CI = Namespace("https://w3id.org/kgservice/ci#")
DPV = Namespace("https://w3id.org/dpv#")
ID = "https://kg.example/id/00000000-0000-4000-8000-"
PREFIXES = {ID: "id:", str(CI): "ci:", "https://kg.example/": "kg:"}
EXPECTED = Path(__file__).parents[1] / "server" / "expected"


def item(code: int, number: int) -> URIRef:
    """The instance of the demonstration with this kind and running number (see `demo/README.md`)."""
    return URIRef(f"{ID}{code:04}{number:08}")


def short(term: Node | None) -> str:
    """A term as it stands in `tests/server/expected/`."""
    if isinstance(term, Literal) and term.datatype == XSD.dateTime:
        return moment(term).astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(term, Literal) and term.datatype == XSD.decimal:
        return plain(number(term))
    text = "" if term is None else str(term)
    for long, prefix in PREFIXES.items():
        if text.startswith(long):
            return prefix + text.removeprefix(long)
    return text


def moment(term: Node | None) -> datetime:
    """The moment that a literal states."""
    return datetime.fromisoformat(str(term))


def number(term: Node | None) -> Decimal:
    """The number that a literal states."""
    return Decimal(str(term))


def plain(value: Decimal) -> str:
    """A number without exponent and without zeros at its end."""
    return f"{value.normalize():f}"


class Facts:
    """The triples of `demo/` and `ontology/`, without what an ontology entails."""

    def __init__(self) -> None:
        self.demo = Graph()
        self.ontology = Graph()
        for path in sorted(resources.folder("ontology").glob("*.ttl")):
            self.ontology.parse(path)
        for path in sorted(resources.folder("demo").glob("*.ttl")):
            self.demo.parse(path)
        for path in sorted(resources.folder("demo").glob("*.trig")):
            dataset = Dataset()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of rdflib's own parser
                dataset.parse(path)
            for s, p, o, _ in dataset.quads():
                self.demo.add((s, p, o))
        self._inverse = {}
        for a, b in self.ontology.subject_objects(OWL.inverseOf):
            self._inverse[a], self._inverse[b] = b, a

    def all(self, subject: Node | None, *properties: Node) -> set[Node]:
        """What `subject` is related to by one of `properties`, also as written from the other side."""
        found: set[Node] = set()
        for prop in properties if subject is not None else ():
            found |= set(self.demo.objects(subject, prop))
            if prop in self._inverse:
                found |= set(self.demo.subjects(self._inverse[prop], subject))
        return found

    def one(self, subject: Node | None, *properties: Node) -> Node | None:
        """The only one of these, or None; an `AssertionError` if there are more."""
        found = self.all(subject, *properties)
        assert len(found) <= 1, (subject, properties, found)
        return next(iter(found), None)

    def kinds(self, cls: Node) -> set[Node]:
        """A class and all classes below it."""
        return {kind for kind in self.ontology.transitive_subjects(RDFS.subClassOf, cls) if kind}

    def of(self, *classes: Node) -> set[Node]:
        """The things of the demonstration that are of one of these classes or of one below."""
        kinds = set().union(*map(self.kinds, classes))
        return {s for kind in kinds for s in self.demo.subjects(RDF.type, kind)}

    def label(self, term: Node | None, language: str = "de") -> str:
        """The preferred label or title of a term in a language; in any language if there is none."""
        if term is None:
            return ""
        found = [
            o
            for graph in (self.demo, self.ontology)
            for p in (CI.title, SKOS.prefLabel, RDFS.label)
            for o in graph.objects(term, p)
        ]
        return next(
            (str(o) for o in found if getattr(o, "language", None) == language), str(next(iter(found), ""))
        )


def or_blank(found: Iterable[Node]) -> list[Node | None]:
    """These, or one blank if there are none: a row with an empty cell."""
    return list(found) or [None]


@cache
def facts() -> Facts:
    """The facts, read once."""
    return Facts()


def cell(value: object) -> str:
    """A term or plain value as it stands in `tests/server/expected/`."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Decimal():
            return plain(value)
        case Node():
            return short(value)
    return str(value)


def rows(found: Iterable[Iterable[object]]) -> list[list[str]]:
    """Rows of terms and plain values as text, as in the expected files."""
    return [[cell(value) for value in row] for row in found]


def expected(name: str) -> list[list[str]]:
    """The rows of an expected file, without its head."""
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        _, *found = csv.reader(file)
    assert found, name
    return found
