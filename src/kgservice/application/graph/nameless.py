"""What records without a title are called: what they are, of what, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.labels import labels, short
from kgservice.application.views.reader import Reader
from kgservice.domain.model import TYPE
from kgservice.domain.question import with_values
from kgservice.namespaces import CI
from kgservice.store.base import Term

Day = Callable[[str, str], str]
"""The day of a moment (ISO 8601), as it is written in a language."""
Said = Mapping[str, Sequence[NamedNode | Literal]]
"""The values of a record, by the IRI of the property."""

_AT_ONCE = 500
_ABOUT = (
    *(f"{CI}{name}" for name in ("method", "atTouchpoint", "usedAt")),
    *(f"{CI}{name}" for name in ("externalSystem", "externalId", "recordSource", "recordKey")),
)
# The first of these that is stated tells when.
_WHEN = (
    *(f"{CI}{name}" for name in ("passedAt", "startedAt", "plannedStart", "observedAt", "measuredAt")),
    *(f"{CI}{name}" for name in ("eventTime", "decidedAt", "verifiedAt", "receivedAt")),
    *(f"{CI}{name}" for name in ("validFrom", "recordedAt")),
)
_ASKED = [TYPE, *map(NamedNode, (*_ABOUT, *_WHEN))]
_SAID = f"""PREFIX ci: <{CI}>
SELECT DISTINCT ?thing ?property ?value WHERE {{
  {{ VALUES ?thing {{ UNDEF }} VALUES ?property {{ UNDEF }} ?thing ?property ?value }}
  UNION {{
    VALUES ?thing {{ UNDEF }} ?event ci:eventOf ?thing ; ci:eventTime ?value
    BIND(ci:eventTime AS ?property)
  }}
}} ORDER BY ?thing ?property ?value"""


def names(kg: Reader, iris: Iterable[str], language: str, day: Day) -> dict[str, str]:
    """The label of each IRI that has one, as `labels` finds it, and what other records are called."""
    iris = set(iris)
    found = labels(kg, iris, language)
    said = _said(kg, sorted(iris - found.keys()))
    kinds = {iri: kind for iri, of in said.items() if (kind := _kind(kg, of.get(TYPE.value, ())))}
    about = {iri: [value for prop in _ABOUT for value in said[iri].get(prop, ())] for iri in kinds}
    nodes = {value.value for values in about.values() for value in values if isinstance(value, NamedNode)}
    called = labels(kg, {*kinds.values(), *nodes}, language)

    def name(iri: str, kind: str) -> str:
        when = [day(said[iri][prop][0].value, language) for prop in _WHEN if prop in said[iri]][:1]
        parts = [called.get(value.value) or short(value.value) for value in about[iri]]
        told = ", ".join(filter(None, (" – ".join(parts), *when)))
        what = called.get(kind) or short(kind)
        return f"{what}{': ' if parts else ', '}{told}" if told else f"{what} {short(iri)}"

    return found | {iri: name(iri, kind) for iri, kind in kinds.items()}


def _said(kg: Reader, iris: Sequence[str]) -> dict[str, Said]:
    found: defaultdict[str, defaultdict[str, list[NamedNode | Literal]]]
    found = defaultdict(lambda: defaultdict(list))
    for start in range(0, len(iris), _AT_ONCE):
        things = [NamedNode(iri) for iri in iris[start : start + _AT_ONCE]]
        text = with_values(_SAID, {"thing": things, "property": _ASKED})
        for thing, prop, value in kg.select(text).rows:
            if not isinstance(value, NamedNode | Literal):
                continue
            if isinstance(thing, NamedNode) and isinstance(prop, NamedNode):
                found[thing.value][prop.value].append(value)
    return {iri: dict(of) for iri, of in found.items()}


def _kind(kg: Reader, classes: Iterable[Term]) -> str:
    """The IRI of the class that tells most, of the model if it can be; nothing where there is none."""
    named = {one for one in classes if isinstance(one, NamedNode) and not kg.graphs.is_genid(one)}
    above = {broader for one in named for broader in kg.model.superclasses.get(one, ())}
    told = sorted(one.value for one in named - above)
    return next((iri for iri in told if iri.startswith(CI)), told[0] if told else "")
