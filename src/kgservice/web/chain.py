"""A trace as columns of a picture: what led to the pain points, what was done, what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kgservice.application.answers.chain_words import links, name
from kgservice.namespaces import CI
from kgservice.web.chain_list import ChainList, about
from kgservice.web.picture import Column, Item
from kgservice.web.texts import text

MOST = 8
"""Members of one layer that a still picture shows; the others are counted."""
MOST_MOVED = 60
"""The same for a picture that can be enlarged and moved."""
_WORKED_OUT = ("Requirement", "SolutionConcept", "Prototype")
"""Classes of what insights and ideas were made into, in this order; it has a column of its own."""

Nodes = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Chain:
    """The JSON of a trace in one language; `path_of` gives the address of a record, `most` see `MOST`."""

    trace: Mapping[str, Any]
    language: str
    path_of: Callable[[str], str]
    most: int = MOST

    def columns(self) -> list[Column]:
        """The columns: grounds, pain points, insights, what was made of them, solutions, impacts, proofs."""
        layers = self.trace["layers"]
        of_pains, backing = self._backing("painPoints"), self._grounds()
        proving = self._backing("impacts") - backing
        grounds = [node for node in layers["evidence"] if node["id"] in backing]
        grounds.sort(key=lambda node: node["id"] not in of_pains)
        proofs = [node for node in layers["evidence"] if node["id"] in proving]
        thought = [node for node in layers["inputs"] if _kind(node) not in _WORKED_OUT]
        worked_out = [node for node in layers["inputs"] if _kind(node) in _WORKED_OUT]
        worked_out.sort(key=lambda node: _WORKED_OUT.index(_kind(node)))
        touchpoints = self._items("touchpoints", "touchpoint", layers["touchpoints"])
        releases = self._items("releases", "release", layers["releases"])
        solutions = self._items("solutions", "solution", layers["solutions"]) + releases
        impacts = self._items("impacts", "impact", layers["impacts"])
        solutions += tuple(Item(f"none-{i}", "solution none", lacks) for i, lacks in self._unsolved())
        impacts += tuple(Item(f"none-{i}", "impact none", lacks) for i, lacks in self._unmeasured())
        lessons = self._items("lessons", "lesson", layers["lessons"])
        return [
            Column(self._text("grounds"), touchpoints + self._items("evidence", "evidence", grounds)),
            Column(self._text("pain-point"), self._items("painPoints", "pain-point", layers["painPoints"])),
            Column(self._text("thought"), self._items("inputs", "input", thought)),
            Column(self._text("worked-out"), self._items("inputs", "input", worked_out)),
            Column(self._text("solution"), solutions),
            Column(self._text("impact"), impacts),
            Column(self._text("proofs"), self._items("evidence", "evidence", proofs) + lessons),
        ]

    def lines(self) -> list[tuple[str, str]]:
        """The lines of the picture, from left to right, as pairs of keys."""
        pains, inputs, solutions, impacts = (
            {node["id"] for node in self.trace["layers"][layer]}
            for layer in ("painPoints", "inputs", "solutions", "impacts")
        )
        backing = self._grounds()
        found = [(target, source) for source, target in links(self.trace, "occursAt")]
        for source, target in links(self.trace, "evidencedBy"):
            if source in pains | inputs or (source in impacts and target in backing):
                found.append((target, source))
            elif source in impacts:
                found.append((source, target))
        found += links(self.trace, "addressedBy")
        found += links(self.trace, "leadsTo")
        found += [(target, source) for source, target in links(self.trace, "basedOnInsight")]
        found += [(target, source) for source, target in links(self.trace, "realises")]
        # A concept comes before its prototype, a solution after it.
        for source, target in links(self.trace, "testedAs"):
            found.append((target, source) if source in solutions else (source, target))
        found += [(target, source) for source, target in links(self.trace, "impactOf")]
        found += [(target, source) for source, target in links(self.trace, "learnedFrom")]
        found += [(i, f"none-{i}") for i, _ in (*self._unsolved(), *self._unmeasured())]
        return list(dict.fromkeys(found))

    def _unsolved(self) -> list[tuple[str, str]]:
        """The pain points that are shown and have no solution, and what they lack in words."""
        return self._lacking("painPoints", ChainList(self.trace, self.language).no_solution)

    def _unmeasured(self) -> list[tuple[str, str]]:
        """The solutions that are shown and have no impact, and what they lack in words."""
        return self._lacking("solutions", ChainList(self.trace, self.language).no_impact)

    def _lacking(self, layer: str, lacks: Callable[[Mapping[str, Any]], str]) -> list[tuple[str, str]]:
        shown = self.trace["layers"][layer][: self.most]
        return [(node["id"], words) for node in shown if (words := lacks(node))]

    def _grounds(self) -> set[str]:
        """The evidence of the pain points and of what was thought about them."""
        return self._backing("painPoints") | self._backing("inputs")

    def _backing(self, layer: str) -> set[str]:
        """The evidence of the members of a layer."""
        members = {node["id"] for node in self.trace["layers"][layer]}
        return {target for source, target in links(self.trace, "evidencedBy") if source in members}

    def _items(self, layer: str, kind: str, nodes: Nodes) -> tuple[Item, ...]:
        shown = [self._item(layer, kind, node) for node in nodes[: self.most]]
        if len(nodes) > self.most:
            rest = f"+ {len(nodes) - self.most} {self._text('more')}"
            shown.append(Item(f"more-{nodes[self.most]['id']}", f"{kind} none", rest))
        return tuple(shown)

    def _item(self, layer: str, kind: str, node: Mapping[str, Any]) -> Item:
        asked = " asked" if node["id"] == self.trace["focus"] else ""
        detail = about(layer, node, self.language)
        iri = node["id"]
        return Item(iri, f"{kind}{asked}", name(node, self.language), detail, self.path_of(iri))

    def _text(self, key: str) -> str:
        return text(key, self.language)


def _kind(node: Mapping[str, Any]) -> str:
    """The local name of the class."""
    return str(node["class"]["id"]).removeprefix(CI)
