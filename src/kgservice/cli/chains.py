"""A trace as a tree for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text
from rich.tree import Tree

from kgservice.application.answers.chain_words import links, name, note
from kgservice.phrases import noun

_MOST = 12
_WORDS = {
    "de": {
        "touchpoint": "an",
        "evidence": "Beleg",
        "lesson": "Lehre",
        "more": "weiterer Beleg|weitere Belege",
    },
    "en": {
        "touchpoint": "at",
        "evidence": "evidence",
        "lesson": "lesson",
        "more": "more piece of evidence|more pieces of evidence",
    },
}


def tree(trace: Mapping[str, Any], language: str) -> Tree:
    """The chain as a tree: pain points, their solutions, the impacts of these, each with its evidence."""
    return _Chain(trace, language).tree()


class _Chain:
    def __init__(self, trace: Mapping[str, Any], language: str) -> None:
        self._trace = trace
        self._language = language
        self._words = _WORDS[language]
        self._nodes = {
            node["id"]: (layer, node) for layer, nodes in trace["layers"].items() for node in nodes
        }

    def tree(self) -> Tree:
        layers = self._trace["layers"]
        root = Tree("", hide_root=True)
        placed: set[str] = set()
        for pain in layers["painPoints"]:
            branch = self._branch(root, pain["id"], "red")
            self._ends(branch, self._to(pain["id"], "occursAt"), self._words["touchpoint"])
            self._evidence(branch, pain["id"])
            for solution in self._to(pain["id"], "addressedBy"):
                placed.add(solution)
                self._solution(branch, solution)
        for solution in layers["solutions"]:
            if solution["id"] not in placed:
                self._solution(root, solution["id"])
        return root

    def _solution(self, parent: Tree, iri: str) -> None:
        branch = self._branch(parent, iri, "blue")
        self._lessons(branch, iri)
        for impact in self._from(iri, "impactOf"):
            below = self._branch(branch, impact, "green")
            self._evidence(below, impact)
            self._lessons(below, impact)

    def _evidence(self, parent: Tree, iri: str) -> None:
        found = self._to(iri, "evidencedBy")
        self._ends(parent, found[:_MOST], self._words["evidence"])
        if len(found) > _MOST:
            parent.add(Text(f"+ {len(found) - _MOST} {noun(len(found) - _MOST, self._words['more'])}", "dim"))

    def _lessons(self, parent: Tree, iri: str) -> None:
        self._ends(parent, self._from(iri, "learnedFrom"), self._words["lesson"])

    def _ends(self, parent: Tree, iris: Sequence[str], word: str) -> None:
        for iri in iris:
            parent.add(Text.assemble((f"{word}: ", "dim"), self._line(iri)))

    def _branch(self, parent: Tree, iri: str, colour: str) -> Tree:
        line = self._line(iri)
        line.stylize(f"bold {colour}", 0, len(name(self._nodes[iri][1], self._language)))
        return parent.add(line)

    def _line(self, iri: str) -> Text:
        layer, node = self._nodes[iri]
        detail = note(layer, node, self._language)
        shown = Text(name(node, self._language))
        return shown.append(f"  {detail}", "dim") if detail else shown

    def _to(self, iri: str, property_name: str) -> list[str]:
        return [b for a, b in links(self._trace, property_name) if a == iri and b in self._nodes]

    def _from(self, iri: str, property_name: str) -> list[str]:
        return [a for a, b in links(self._trace, property_name) if b == iri and a in self._nodes]
