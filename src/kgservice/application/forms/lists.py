"""The records of a class, listed and searched: what they are called, and the first of what they state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.forms.choices import names
from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.graph.labels import short
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.namespaces import CI
from kgservice.store.base import Term

PAGE = 50
"""Records on one page."""
_COLUMNS = 3
_COUNT = "SELECT (COUNT(DISTINCT ?record) AS ?n) WHERE { VALUES ?class { UNDEF } ?record a ?class %s }"
_LIST = f"""SELECT DISTINCT ?record ?name WHERE {{
  VALUES ?class {{ UNDEF }} VALUES ?language {{ UNDEF }}
  ?record a ?class . %s
  OPTIONAL {{ ?record <{CI}title> ?name FILTER(LANG(?name) = ?language) }}
}} ORDER BY DESC(BOUND(?name)) LCASE(STR(?name)) ?record"""
_MATCHING = f"""VALUES ?words {{ UNDEF }}
  FILTER EXISTS {{
    ?record <{CI}title>|<{CI}description> ?text FILTER(CONTAINS(LCASE(STR(?text)), LCASE(?words)))
  }}"""
_STATED = """SELECT DISTINCT ?record ?property ?value WHERE {
  VALUES ?record { UNDEF } VALUES ?property { UNDEF }
  ?record ?property ?value
} ORDER BY ?record ?property ?value"""


@dataclass(frozen=True, slots=True)
class Listed:
    """One record in a list: its name, and its values for the columns."""

    iri: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of records; `total`: how many fit. `columns` are the fields whose values are shown."""

    columns: tuple[Field, ...]
    records: tuple[Listed, ...]
    total: int


def count(reader: Reader, form: Form, words: str = "") -> int:
    """How many records of the class a reader sees, that are called so."""
    given: dict[str, Literal | NamedNode] = {"class": NamedNode(form.of)}
    if words:
        given["words"] = Literal(words)
    ((found,),) = reader.select(with_values(_COUNT % (_MATCHING if words else ""), given)).rows
    return int(found.value) if isinstance(found, Literal) else 0


def listing(reader: Reader, form: Form, language: str, words: str, page: int) -> Listing:
    """A page (from 1) of the records of the class, in the order of their names."""
    given: dict[str, Literal | NamedNode] = {"class": NamedNode(form.of), "language": Literal(language)}
    if words:
        given["words"] = Literal(words)
    text = with_values(_LIST % (_MATCHING if words else ""), given)
    rows = reader.select(f"{text} LIMIT {PAGE} OFFSET {PAGE * (page - 1)}").rows
    found = list(dict.fromkeys(row[0] for row in rows if isinstance(row[0], NamedNode)))
    columns = _columns(form)
    stated = _stated(reader, found, columns)
    iris = [v.value for values in stated.values() for v in values if isinstance(v, NamedNode)]
    called = names(reader, [*iris, *(one.value for one in found)], language)
    records = (
        Listed(
            one.value,
            called.get(one.value) or short(one.value),
            tuple(_words(stated.get((one, column.iri), ()), called) for column in columns),
        )
        for one in found
    )
    return Listing(columns, tuple(records), count(reader, form, words))


def _columns(form: Form) -> tuple[Field, ...]:
    """The first choices of the form, those that everything of the class has before others."""
    fields = [one for one in form.fields if one.kind is Kind.CHOICE and one.path != "type"]
    return tuple(sorted(fields, key=lambda one: (not one.least, one.order))[:_COLUMNS])


def _stated(
    reader: Reader, records: Sequence[NamedNode], columns: Sequence[Field]
) -> Mapping[tuple[Term, str], list[Term]]:
    found: dict[tuple[Term, str], list[Term]] = {}
    if records and columns:
        given = {"record": records, "property": [NamedNode(one.iri) for one in columns]}
        for record, prop, value in reader.select(with_values(_STATED, given)).rows:
            if record is not None and value is not None and isinstance(prop, NamedNode):
                found.setdefault((record, prop.value), []).append(value)
    return found


def _words(values: Sequence[Term], called: Mapping[str, str]) -> str:
    shown = [called.get(v.value, short(v.value)) if isinstance(v, NamedNode) else str(v) for v in values[:3]]
    return ", ".join(shown) + (" …" if len(values) > len(shown) else "")
