"""A saved question: what it asks, what it may be given, what it answers, and how values get into it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.errors import BadParameter
from kgservice.namespaces import PREFIXES, XSD, expand
from kgservice.phrases import Phrase

Term = NamedNode | Literal
Text = Mapping[str, str]
"""A text for people by language: `de` and `en`, both always there."""

LANGUAGES = ("de", "en")
TRUTH: Mapping[str, Text] = {"true": {"de": "ja", "en": "yes"}, "false": {"de": "nein", "en": "no"}}
TYPES = ("iri", "string", "integer", "decimal", "boolean", "dateTime", "instance")
NAMING = ("Title", "Label", "Name")
"""How the name of a column ends that holds the names of what is in the column called like the rest."""
LONGEST_VALUE = 10_000
"""Longest value of a parameter, in characters."""

PLACE = re.compile(r"VALUES \?([A-Za-z][A-Za-z0-9]*) \{ UNDEF \}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_LOCAL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing a question may be given.

    `default` is written as a user would write it, None for none; without a value and a default the
    parameter means *all*, unless it is `required`. `values`: the only allowed ones, empty for any.
    `of_class`: the class of the instances that a parameter of type `instance` takes.
    """

    name: str
    type: str
    label: Text
    description: Text | None = None
    default: str | None = None
    required: bool = False
    values: tuple[str, ...] = ()
    of_class: NamedNode | None = None

    def to_json(self) -> dict[str, Any]:
        """The parameter as JSON values."""
        return {
            "name": self.name,
            "type": self.type,
            "class": self.of_class.value if self.of_class else None,
            "label": dict(self.label),
            "description": dict(self.description) if self.description else None,
            "default": self.default,
            "required": self.required,
            "values": list(self.values),
        }


@dataclass(frozen=True, slots=True)
class Column:
    """A result variable: its `label` for the head of a table, its `meaning`, and the words for its codes.

    `persons`: one of `small_groups.OF_PERSONS`, or nothing. `part_of`: the column this counts a part of.
    """

    label: Text
    meaning: Text
    values: Mapping[str, Text]
    persons: str = ""
    part_of: str = ""

    def words(self, language: str) -> dict[str, str]:
        """The words for the codes in its cells, by code; for truth values always."""
        codes = {code: words[language] for code, words in self.values.items()}
        return {code: words[language] for code, words in TRUTH.items()} | codes

    def to_json(self) -> dict[str, Any]:
        """The column as JSON values, without its name."""
        values = {code: dict(words) for code, words in self.values.items()}
        return {**self.meaning, "label": dict(self.label), "values": values, "persons": self.persons or None}


@dataclass(frozen=True, slots=True)
class Question:
    """A saved question. `columns`: the result variables, in order. `persons`: see `small_groups.PERSONS`.

    `everything`: only the view of everything can answer it, see `unseen`.
    """

    id: str
    group: str
    number: int | None
    title: Text
    description: Text
    needs: tuple[str, ...]
    persons: str
    everything: bool
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, Column]
    text: str
    path: str

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`; raises `BadParameter` with the names there are."""
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        known = [p.name for p in self.parameters]
        near = difflib.get_close_matches(name, known, 1)
        hint: str = Phrase("; did you mean {name!r}?", name=near[0]) if near else ""
        if known and not near:
            hint = Phrase("; it has {names}", names=listed(known))
        raise BadParameter(
            "the question {id!r} has no parameter {name!r}{hint}",
            id=self.id,
            name=name[:80],
            hint=hint,
            source=name[:80],
        )

    def terms(self, given: Mapping[str, str], *, now: datetime, ids: str) -> dict[str, NamedNode | Literal]:
        """The RDF terms of the values given and of the defaults, by parameter name.

        `now` (aware) is what the value `now` means; `ids` the namespace for bare UUIDs. An empty value
        counts as not given. Raises `BadParameter` that names the parameter when one is unknown,
        missing or mistyped.
        """
        for name in given:
            self.parameter(name)
        terms: dict[str, NamedNode | Literal] = {}
        for parameter in self.parameters:
            value = given.get(parameter.name, "") or parameter.default
            if value is not None:
                terms[parameter.name] = term(parameter, value, now=now, ids=ids)
            elif parameter.required:
                raise BadParameter(
                    "the question {id!r} needs a value for {name!r}",
                    id=self.id,
                    name=parameter.name,
                    source=parameter.name,
                )
        return terms

    def bound(self, terms: Mapping[str, NamedNode | Literal]) -> str:
        """The query with `terms` at the places of their parameters; the others stay UNDEF: all."""
        return with_values(self.text, terms)

    def to_json(self) -> dict[str, Any]:
        """The question as JSON values, with its SPARQL text."""
        return {
            "id": self.id,
            "group": self.group,
            "number": self.number,
            "title": dict(self.title),
            "description": dict(self.description),
            "needs": list(self.needs),
            "persons": self.persons,
            "everything": self.everything,
            "parameters": [p.to_json() for p in self.parameters],
            "columns": [{"name": name, **column.to_json()} for name, column in self.columns.items()],
            "sparql": self.text,
        }


def with_values(text: str, terms: Mapping[str, Term | Sequence[Term]]) -> str:
    """The SPARQL `text` with `terms` (one or several for a name) in its data blocks `VALUES ?name { UNDEF }`.

    A data block is standard SPARQL, reaches subselects and aggregates, and takes terms only, which the RDF
    library writes.
    One pass over `text`: what a value says is never looked at again.

    >>> with_values("SELECT ?x { VALUES ?x { UNDEF } }", {"x": Literal("} DROP ALL")})
    'SELECT ?x { VALUES ?x { "} DROP ALL" } }'
    """

    def fill(place: re.Match[str]) -> str:
        value = terms.get(place[1])
        if value is None:
            return place[0]
        values = (value,) if isinstance(value, NamedNode | Literal) else value
        return f"VALUES ?{place[1]} {{ {' '.join(map(str, values))} }}"

    return PLACE.sub(fill, text)


def term(parameter: Parameter, value: str, *, now: datetime, ids: str) -> NamedNode | Literal:
    """The RDF term that `value` (as a user writes it) is for `parameter`; raises `BadParameter`.

    >>> p = Parameter("n", "integer", {"de": "n", "en": "n"})
    >>> term(p, "7", now=datetime(2026, 1, 1, tzinfo=UTC), ids="https://kg.example/id/").value
    '7'
    """
    if len(value) > LONGEST_VALUE:
        raise BadParameter("the value has over {most} characters", most=LONGEST_VALUE, source=parameter.name)
    if parameter.values and value not in parameter.values:
        raise BadParameter(
            "{value} is not one of {values}",
            value=_quoted(value),
            values=listed(parameter.values),
            source=parameter.name,
        )
    if parameter.type in ("iri", "instance"):
        return _iri(parameter, value, ids)
    if parameter.type == "string":
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _mistyped(parameter, value, Phrase("text in Unicode")) from None
        return Literal(value)
    if parameter.type == "integer":
        if not _INTEGER.match(value) or not -(2**63) <= int(value[:40]) < 2**63:
            raise _mistyped(parameter, value, Phrase("a whole number of at most 64 bits"))
        return _typed(str(int(value)), "integer")
    if parameter.type == "decimal":
        if not _DECIMAL.match(value) or len(value) > 30:
            raise _mistyped(parameter, value, Phrase("a decimal number such as 0.5"))
        return _typed(f"{Decimal(value):f}", "decimal")
    if parameter.type == "boolean":
        if value not in ("true", "false"):
            raise _mistyped(parameter, value, Phrase("`true` or `false`"))
        return _typed(value, "boolean")
    return _typed(_moment(parameter, value, now), "dateTime")


def compact(iri: str) -> str:
    """An IRI as a user may write it: `prefix:name` with a prefix of the project, else as it is.

    >>> compact("https://w3id.org/kgservice/ci#Survey"), compact("urn:a")
    ('ci:Survey', 'urn:a')
    """
    for prefix, namespace in PREFIXES.items():
        name = iri.removeprefix(namespace)
        if name != iri and _LOCAL.match(name):
            return f"{prefix}:{name}"
    return iri


def _iri(parameter: Parameter, value: str, ids: str) -> NamedNode:
    if parameter.type == "instance" and _LOCAL.match(value) and not _UUID.match(value):
        value = f"ci:{value}"
    try:
        return NamedNode(ids + value.lower() if _UUID.match(value) else expand(value))
    except ValueError as e:
        expected = Phrase("an IRI, a name such as ci:Survey, or a UUID ({error})", error=e)
        raise _mistyped(parameter, value, expected) from None


def _moment(parameter: Parameter, value: str, now: datetime) -> str:
    if value == "now":
        moment = now
    else:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            expected = Phrase("a moment such as 2026-11-20T12:00:00Z, a date, or `now`")
            raise _mistyped(parameter, value, expected) from None
        if moment.tzinfo is None:
            if "T" in value or ":" in value:
                expected = Phrase("a moment with its time zone, such as 2026-11-20T12:00:00Z")
                raise _mistyped(parameter, value, expected)
            moment = moment.replace(tzinfo=UTC)
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        raise _mistyped(parameter, value, Phrase("a moment in the years 1 to 9999")) from None
    return utc.isoformat().replace("+00:00", "Z")


def _typed(lexical: str, name: str) -> Literal:
    return Literal(lexical, datatype=NamedNode(XSD + name))


def _mistyped(parameter: Parameter, value: str, expected: Phrase) -> BadParameter:
    return BadParameter(
        "{value} is not {expected}, which {name!r} takes",
        value=_quoted(value),
        expected=expected,
        name=parameter.name,
        source=parameter.name,
    )


def _quoted(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:79] + "…")


def listed(names: Iterable[str]) -> str:
    """Names for a sentence: `a`, `b`."""
    return ", ".join(f"`{name}`" for name in names)
