"""A chain in words: the name of each member and a line about it, from the JSON of a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kgservice.namespaces import CI

Node = Mapping[str, Any]
Words = Mapping[str, str]
Day = Callable[[str], str]

_WORDS = {
    "de": {"before": "vorher", "after": "nachher", "minutes": "min Aufwand", "review": "Überprüfung bis"},
    "en": {"before": "before", "after": "after", "minutes": "min effort", "review": "review by"},
}
_SEVERAL = {  # units by their local name; those that are missing are the same for one and for several
    "Count": {"de": "", "en": ""},
    "Day": {"de": "Tage", "en": "days"},
    "Euro": {"de": "Euro", "en": "euros"},
    "Hour": {"de": "Stunden", "en": "hours"},
    "Minute": {"de": "Minuten", "en": "minutes"},
    "ScorePoint": {"de": "Punkte auf einer Skala", "en": "score points"},
}
_ONE = {"1", "1.0", "1.00"}


def _day(moment: str) -> str:
    return moment[:10]


def spoken(labels: Words, language: str, otherwise: str = "") -> str:
    """The label in `language`, else in any, else `otherwise`.

    >>> spoken({"de": "Rost", "en": "rust"}, "en")
    'rust'
    """
    return labels.get(language) or next(iter(labels.values()), otherwise)


def name(node: Node, language: str) -> str:
    """What people call the member; without a title: its class and the start of its key."""
    kind = spoken(node["class"]["label"], language, node["class"]["id"].rpartition("#")[2])
    return spoken(node["title"], language) or f"{kind} {node['key'][:8]}"


def note(layer: str, node: Node, language: str, day: Day = _day) -> str:
    """A line about it: of an impact the values before and after, of evidence its kind, day and method.

    `day`: how the day of a moment is written.
    """
    parts = [part for part in _parts(layer, node, language, day) if part]
    return " · ".join(parts)


def links(trace: Mapping[str, Any], property_name: str) -> Iterator[tuple[str, str]]:
    """The pairs (from, to) of the statements with that property (its local name)."""
    for link in trace["links"]:
        if link["property"]["id"].rpartition("#")[2] == property_name:
            yield link["from"], link["to"]


def _parts(layer: str, node: Node, language: str, day: Day) -> Iterator[str]:
    words = _WORDS[language]
    match layer:
        case "touchpoints":
            yield _fact(node, "phase", language)
            yield _fact(node, "channel", language)
            minutes = _fact(node, "customerEffortMinutes", language)
            yield f"{minutes} {words['minutes']}" if minutes else ""
        case "evidence":
            yield spoken(node["class"]["label"], language)
            yield day(_first(node, "collectedAtTime"))
            yield _fact(node, "method", language)
        case "painPoints":
            yield _fact(node, "painPointKind", language)
            yield _fact(node, "painPointStatus", language)
            yield day(_first(node, "detectedAt"))
        case "solutions":
            yield _fact(node, "solutionKind", language)
            yield _fact(node, "solutionStatus", language)
            yield day(_first(node, "deployedAt"))
        case "releases":
            yield _fact(node, "version", language)
        case "impacts":
            yield _fact(node, "metric", language)
            yield _measured(node, "baseline", words["before"], language, day)
            yield _measured(node, "measurement", words["after"], language, day)
        case _:
            yield spoken(node["class"]["label"], language)


def _fact(node: Node, key: str, language: str) -> str:
    shown = []
    for fact in node["facts"].get(key, ()):
        if isinstance(fact, str):
            shown.append(fact)
        elif "label" in fact:
            shown.append(spoken(fact["label"], language, fact["id"].rpartition("/")[2]))
        elif fact.get("language") == language:
            shown.append(fact["text"])
    return ", ".join(shown)


def _first(node: Node, key: str) -> str:
    """The first moment of a property, or nothing."""
    return next((fact for fact in node["facts"].get(key, ()) if isinstance(fact, str)), "")


def _measured(node: Node, key: str, word: str, language: str, day: Day) -> str:
    values = [m for m in node["facts"].get(key, ()) if isinstance(m, Mapping) and m.get("value") is not None]
    shown = []
    for measured in values:
        number = measured["value"].replace(".", ",") if language == "de" else measured["value"]
        unit = unit_of(measured, language) if measured.get("unit") else ""
        on = day(measured.get("measuredAt") or "")
        shown.append(f"{word} {number} {unit}".strip() + (f" ({on})" if on else ""))
    return ", ".join(shown)


def unit_of(measured: Mapping[str, Any], language: str) -> str:
    """What stands behind a value: its unit, of several if the value is not one; a count needs none.

    >>> hours = {"id": f"{CI}Hour", "label": {"de": "Stunde", "en": "hour"}}
    >>> unit_of({"value": "14.5", "unit": hours}, "de"), unit_of({"value": "1", "unit": hours}, "en")
    ('Stunden', 'hour')
    """
    unit = measured["unit"]
    several = _SEVERAL.get(unit["id"].removeprefix(CI), {})
    if language not in several or (measured["value"] in _ONE and several[language]):
        return spoken(unit["label"], language)
    return several[language]
