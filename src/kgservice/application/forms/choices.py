"""Pick lists: what the values of a field may be, from the model and from what is in the graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.forms.values import Draft, Fault, Wrong
from kgservice.application.graph.labels import labels, short
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, SKOS
from kgservice.store.base import Term

MOST = 200
"""Things that a pick list holds at once; among more than these one searches."""
_NAMES = f"<{SKOS}prefLabel>|<{CI}title>"
_THINGS = f"SELECT DISTINCT ?thing WHERE {{ VALUES ?class {{ UNDEF }} ?thing a ?class }} LIMIT {MOST + 1}"
_FOUND = f"""SELECT DISTINCT ?thing WHERE {{
  VALUES ?class {{ UNDEF }} VALUES ?words {{ UNDEF }}
  ?thing a ?class ; {_NAMES} ?name FILTER(CONTAINS(LCASE(STR(?name)), LCASE(?words)))
}} LIMIT {MOST + 1}"""
# Uses and plans of methods have no titles: they are told by their method and by where they are used.
_USES = f"""PREFIX ci: <{CI}> SELECT DISTINCT ?thing ?method ?place WHERE {{
  VALUES ?thing {{ UNDEF }}
  ?thing ci:method|(ci:executes|^ci:executedBy)/ci:method ?method
  OPTIONAL {{ ?thing ci:plannedFor|^ci:plannedMethod|ci:usedAt|^ci:methodUse ?place }}
}} ORDER BY ?thing ?method ?place"""
_OF_CLASS = "SELECT DISTINCT ?thing ?class WHERE { VALUES ?thing { UNDEF } ?thing a ?class }"


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen: IRI and name, by name. `all_`: whether that is all there is."""

    options: tuple[tuple[str, str], ...]
    all_: bool


def choices(reader: Reader, one: Field, language: str, words: str = "") -> Choices:
    """The pick list of a field. With `words`: what is called so."""
    if one.among:
        return Choices(tuple(_named(reader, one.among, language).items()), all_=True)
    if not one.classes:
        return Choices((), all_=True)
    classes = [NamedNode(iri) for iri in one.classes]
    given: dict[str, NamedNode | Literal | Sequence[NamedNode | Literal]] = {"class": classes}
    if words:
        given["words"] = Literal(words)
    rows = reader.select(with_values(_FOUND if words else _THINGS, given)).rows
    found = [row[0].value for row in rows if isinstance(row[0], NamedNode)]
    named = _named(reader, found[:MOST], language)
    ordered = sorted(named.items(), key=lambda item: (item[1].casefold(), item[0]))
    return Choices(tuple(ordered), all_=len(found) <= MOST)


def names(reader: Reader, iris: Iterable[str], language: str) -> dict[str, str]:
    """What things are called, by IRI; the last part of the IRI for one without a name."""
    return _named(reader, [iri for iri in iris if _is_iri(iri)], language)


def unknown(reader: Reader, form: Form, draft: Draft, shown: Mapping[str, Collection[Term]]) -> list[Fault]:
    """The values that are none of the things that their field is about, but for those that are there."""
    asked: list[tuple[Field, int, NamedNode]] = []
    for leaf in form.leaves():
        if leaf.kind is Kind.CHOICE and leaf.classes and not leaf.among:
            for at, value in enumerate(draft.get(leaf.path, ())):
                if value and _is_iri(value.text):
                    thing = NamedNode(value.text)
                    if thing not in shown.get(leaf.path, ()):
                        asked.append((leaf, at, thing))
    if not asked:
        return []
    things = list(dict.fromkeys(thing for _, _, thing in asked))
    known: dict[object, set[str]] = {}
    for node, class_ in reader.select(with_values(_OF_CLASS, {"thing": things})).rows:
        if isinstance(class_, NamedNode):
            known.setdefault(node, set()).add(class_.value)
    return [
        Fault(leaf.path, at, Wrong.CHOICE)
        for leaf, at, thing in asked
        if known.get(thing, set()).isdisjoint(leaf.classes)
    ]


def _named(reader: Reader, iris: Iterable[str], language: str) -> dict[str, str]:
    listed = list(dict.fromkeys(iris))
    found = labels(reader, listed, language)
    nameless = [NamedNode(iri) for iri in listed if iri not in found and not iri.startswith(CI)]
    if nameless:
        found |= _uses(reader, nameless, language)
    return {iri: found.get(iri) or short(iri) for iri in listed}


def _uses(reader: Reader, things: Sequence[NamedNode], language: str) -> dict[str, str]:
    """The names of those that are uses or plans of methods."""
    told: dict[str, dict[str, None]] = {}
    for thing, *about in reader.select(with_values(_USES, {"thing": things})).rows:
        assert isinstance(thing, NamedNode)
        told.setdefault(thing.value, {}).update(
            {one.value: None for one in about if isinstance(one, NamedNode)}
        )
    called = labels(reader, {iri for about in told.values() for iri in about}, language)
    return {iri: " – ".join(called.get(one) or short(one) for one in about) for iri, about in told.items()}


def _is_iri(text: str) -> bool:
    try:
        NamedNode(text)
    except ValueError:
        return False
    return True
