"""All that is kept about a person as a page for that person (Art. 15 GDPR), in their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import short
from kgservice.application.graph.nameless import Day, names
from kgservice.application.law import consent_records, receipts
from kgservice.application.law.activities import FIELDS, word
from kgservice.application.law.decisions import stamp
from kgservice.application.law.subject_data import access
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, XSD

_MOMENTS = frozenset(f"{XSD}{name}" for name in ("date", "dateTime", "dateTimeStamp"))
Row = tuple[str, str, bool]
"""Of a statement: label and value, and whether the value is a day or moment (ISO 8601)."""
Record = tuple[str, Sequence[Row]]
"""What it is, and what it says."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows.

    `records` of the person; `others`: what records of others say of them; `rows` of CRM records: source, key,
    table, and columns with their values; `quarantine`: entries with statements; `notes`: loose ones.
    """

    name: str
    at: str
    facts: Sequence[tuple[str, Sequence[str]]]
    consents: Sequence[receipts.Page]
    activities: Sequence[Record]
    requests: Sequence[Mapping[str, Any]]
    restrictions: Sequence[Mapping[str, Any]]
    records: Sequence[Record]
    others: Sequence[Record]
    rows: Sequence[tuple[str, str, str, Sequence[tuple[str, str]]]]
    quarantine: Sequence[tuple[Mapping[str, Any], Sequence[Row]]]
    notes: Sequence[Record]


def page(kg: KnowledgeGraph, key: str, language: str, day: Day) -> Page:
    """The data as a page for the person, in their words. Raises what `subject_data.access` raises."""
    found = access(kg, key)
    words = _Words(kg, found, language, day)
    return Page(
        found["name"] or short(found["iri"]),
        stamp(kg.clock()),
        words.facts(found),
        [receipts.page(kg, consent_records.recorded(kg, one["id"]), language) for one in found["consents"]],
        [words.activity(one) for one in found["activities"]],
        found["requests"],
        found["restrictions"],
        [words.record(one["id"], one["classes"], one["values"]) for one in found["data"]],
        words.grouped(found["others"]),
        [_columns(one) for one in found["crmRecords"]],
        [(one, words.rows(one["values"])) for one in found["quarantine"]],
        words.grouped(found["notes"]),
    )


class _Words:
    """The labels of all that an answer of `access` names."""

    def __init__(self, kg: KnowledgeGraph, found: Mapping[str, Any], language: str, day: Day) -> None:
        said = [*(s for one in found["data"] for s in one["values"]), *found["others"], *found["notes"]]
        said += [s for one in found["quarantine"] for s in one["values"]]
        iris = {iri for one in found["data"] for iri in one["classes"]} | {s["property"] for s in said}
        iris |= {s["value"] for s in said if s["datatype"] is None}
        about = {s["record"] for s in (*found["others"], *found["notes"])}
        self._kinds = {iri: sorted(_classes(kg, iri)) for iri in filter(_is_iri, about)}
        iris.update(*self._kinds.values())
        iris |= {*found["purposes"], *found["categories"], *(CI + prop for _, prop, _ in FIELDS)}
        self._language = language
        self._names = names(kg, filter(_is_iri, iris), language, day)

    def named(self, iri: str) -> str:
        """What people call it."""
        return self._names.get(iri) or short(iri)

    def facts(self, found: Mapping[str, Any]) -> list[tuple[str, Sequence[str]]]:
        """What for, which data, who receives them and how long."""
        return [
            *((part, sorted(map(self.named, found[part]))) for part in ("purposes", "categories")),
            *((part, [str(one) for one in found[part]]) for part in ("recipients", "retention")),
        ]

    def activity(self, one: Mapping[str, Any]) -> Record:
        """A processing activity with all that its record says."""
        rows = [
            (self.named(CI + prop), word(value, self._language), False)
            for name, prop, _ in FIELDS
            for value in one.get(name, ())
        ]
        title: Mapping[str, str] = one["title"]
        return title.get(self._language) or next(iter(title.values()), short(one["id"])), rows

    def record(self, iri: str, classes: Iterable[str], values: Iterable[Mapping[str, Any]]) -> Record:
        """A record by its classes."""
        return ", ".join(map(self.named, classes)) or short(iri), self.rows(values)

    def grouped(self, said: Iterable[Mapping[str, Any]]) -> list[Record]:
        """Statements by the record that they are about, of which the page tells the class and the number."""
        records: dict[str, list[Mapping[str, Any]]] = {}
        for one in said:
            records.setdefault(one["record"], []).append(one)
        return [
            (" ".join((*map(self.named, self._kinds.get(iri, ())), short(iri))), self.rows(values))
            for iri, values in sorted(records.items())
        ]

    def rows(self, said: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Statements with the labels of their properties, and of IRIs."""
        return sorted(
            (
                self.named(s["property"]),
                s["value"] if s["datatype"] else self.named(s["value"]),
                s["datatype"] in _MOMENTS,
            )
            for s in said
        )


def _columns(one: Mapping[str, Any]) -> tuple[str, str, str, Sequence[tuple[str, str]]]:
    return one["source"], one["key"], one["table"], list(_cells(one["values"]))


def _cells(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The columns and their values, one by one, but for the source and the key, which name the row."""
    for column, value in values.items():
        if column != "source":
            yield from ((column, str(one)) for one in (value if isinstance(value, list) else [value]))


def _classes(kg: KnowledgeGraph, iri: str) -> set[str]:
    """The classes of a record, whosever it is."""
    said = [q for q in kg.store.match([(NamedNode(iri), TYPE, None)]) if kg.graphs.is_record(q.graph_name)]
    return {quad.object.value for quad in said if isinstance(quad.object, NamedNode)}


def _is_iri(value: str) -> bool:
    try:
        return bool(NamedNode(value))
    except ValueError:
        return False
