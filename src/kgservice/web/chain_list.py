"""A trace as a list for people: every member with what is known of it, and in words what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from kgservice.application.answers.chain_words import links, name, note, spoken, unit_of
from kgservice.web.dates import day, month
from kgservice.web.texts import text

Node = Mapping[str, Any]
_NOT_YET = frozenset({"Proposed", "Planned", "InDevelopment"})
"""States of a solution in which nobody can have measured anything."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member with its name and a line about it."""

    iri: str
    title: str
    note: str


@dataclass(frozen=True, slots=True)
class Value:
    """A measured value with its unit, and when; `missing`: what it lacks, in words."""

    value: str
    at: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """An impact: what was measured how, before and after, and the difference in words (or nothing)."""

    iri: str
    title: str
    metric: str
    method: str
    before: Value
    after: Value
    change: str


@dataclass(frozen=True, slots=True)
class Gap:
    """What a chain lacks: of which member, and what, with since when."""

    iri: str
    title: str
    lacks: str


@dataclass(frozen=True)
class ChainList:
    """The JSON of a trace in one language. `whole`: no purpose takes anything away."""

    trace: Mapping[str, Any]
    language: str
    whole: bool = True

    def members(self, layer: str) -> list[Member]:
        """The members of a layer."""
        return [
            Member(node["id"], name(node, self.language), about(layer, node, self.language))
            for node in self.trace["layers"][layer]
        ]

    def effects(self) -> list[Effect]:
        """The impacts as rows of a table."""
        return [self._effect(node) for node in self.trace["layers"]["impacts"]]

    def gaps(self) -> list[Gap]:
        """What is missing, from the pain points to the impacts."""
        return [
            Gap(node["id"], name(node, self.language), lacks)
            for layer, lacking in (
                ("painPoints", self._pain_point),
                ("solutions", self._solution),
                ("impacts", self._impact),
            )
            for node in self.trace["layers"][layer]
            for lacks in lacking(node)
        ]

    def no_solution(self, node: Node) -> str:
        """What a pain point without a solution lacks, in words; nothing where there is one."""
        if node["id"] in {source for source, _ in links(self.trace, "addressedBy")}:
            return ""
        return self._since("gap-solution", _first(node, "detectedAt"))

    def no_impact(self, node: Node) -> str:
        """What a solution without an impact lacks, in words; nothing where there is one or it is gone."""
        if node["id"] in {target for _, target in links(self.trace, "impactOf")}:
            return ""
        states = {fact["id"].rpartition("#")[2] for fact in _things(node, "solutionStatus")}
        if states & _NOT_YET:
            return self._text("gap-deployed")
        return "" if "Withdrawn" in states else self._since("gap-impact", _first(node, "deployedAt"))

    def _pain_point(self, node: Node) -> Iterator[str]:
        if lacks := self.no_solution(node):
            yield lacks
        # Where evidence is only counted, or a purpose hides some, this says nothing of the graph.
        if "evidence" not in self.trace and node["id"] not in self._evidenced():
            yield self._text("gap-evidence" if self.whole else "gap-evidence-purpose")

    def _solution(self, node: Node) -> Iterator[str]:
        if lacks := self.no_impact(node):
            yield lacks

    def _impact(self, node: Node) -> Iterator[str]:
        for key in ("metric", "baseline", "measurement", "measuredWith"):
            if not node["facts"].get(key):
                yield self._text(f"gap-{key}")
        if "evidence" not in self.trace and self.whole and node["id"] not in self._evidenced():
            yield self._text("gap-proof")

    def _evidenced(self) -> set[str]:
        return {source for source, _ in links(self.trace, "evidencedBy")}

    def _effect(self, node: Node) -> Effect:
        before, after = (_things(node, key) for key in ("baseline", "measurement"))
        return Effect(
            node["id"],
            name(node, self.language),
            self._names(node, "metric") or self._text("gap-metric"),
            self._names(node, "measuredWith") or self._text("gap-measuredWith"),
            self._value(before, "gap-baseline"),
            self._value(after, "gap-measurement"),
            self._change(before, after),
        )

    def _names(self, node: Node, key: str) -> str:
        return ", ".join(spoken(t["label"], self.language, t["id"]) for t in _things(node, key))

    def _value(self, found: Sequence[Node], lacking: str) -> Value:
        if not found or found[-1].get("value") is None:
            return Value("", "", self._text(lacking))
        last = found[-1]
        unit = unit_of(last, self.language) if last.get("unit") else self._text("gap-unit")
        at = day(last["measuredAt"], self.language) if last.get("measuredAt") else self._text("gap-time")
        return Value(f"{self._number(last['value'])} {unit}".strip(), at)

    def _change(self, before: Sequence[Node], after: Sequence[Node]) -> str:
        """The difference, and in per cent of the value before; only between values of one unit."""
        if not before or not after or before[-1].get("unit") != after[-1].get("unit"):
            return ""
        try:
            was, now = Decimal(before[-1]["value"]), Decimal(after[-1]["value"])
        except (InvalidOperation, TypeError):
            return ""
        change = self._number(f"{now - was:+f}")
        return f"{change} ({self._number(f'{100 * (now - was) / was:+.0f}')} %)" if was else change

    def _number(self, lexical: str) -> str:
        return (lexical.replace(".", ",") if self.language == "de" else lexical).replace("-", "−")

    def _since(self, key: str, at: str) -> str:
        return self._text(f"{key}-since").format(month=month(at, self.language)) if at else self._text(key)

    def _text(self, key: str) -> str:
        return text(key, self.language)


def about(layer: str, node: Node, language: str) -> str:
    """The line about a member, with its days as the language writes them."""
    return note(layer, node, language, lambda moment: day(moment, language))


def _things(node: Node, key: str) -> list[Node]:
    return [fact for fact in node["facts"].get(key, ()) if isinstance(fact, Mapping)]


def _first(node: Node, key: str) -> str:
    """The earliest of the moments of a property, or nothing."""
    return min((fact for fact in node["facts"].get(key, ()) if isinstance(fact, str)), default="")
