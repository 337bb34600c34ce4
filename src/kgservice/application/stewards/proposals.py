"""Changes that would mend a finding and that a machine can work out; a person decides whether to make one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.finding import Finding
from kgservice.domain.repairs import Words, repairs
from kgservice.namespaces import SH
from kgservice.shacl.asks import Step, asked, steps
from kgservice.store.base import Pattern

_MIN_COUNT = f"{SH}MinCountConstraintComponent"
_INVERSE: Words = {
    "de": "Die Verbindung, die nur von der anderen Seite angegeben ist, auch von dieser angeben.",
    "en": "State the link, which is stated from the other side only, from this side, too.",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change: the record statements to `remove` and to `add`, and what it does in words.

    `kind`: `tag-…` (a language), `date`, `type` (a datatype) or `inverse`.
    """

    kind: str
    words: Words
    remove: tuple[Triple, ...]
    add: tuple[Triple, ...]

    @property
    def id(self) -> str:
        """Its name: the kind and a digest of the statements. What would change others has another name."""
        text = "\n".join(["-", *map(str, self.remove), "+", *map(str, self.add)])
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object; statements as N-Triples."""
        return {
            "id": self.id,
            "words": dict(self.words),
            "remove": [ntriple(triple) for triple in self.remove],
            "add": [ntriple(triple) for triple in self.add],
        }


def proposals(kg: KnowledgeGraph, finding: Finding) -> list[Proposal]:
    """What could mend the finding; empty where that takes knowledge of the matter."""
    focus, shape = finding.focus, finding.rule.shape
    if not isinstance(focus, NamedNode) or not shape:
        return []
    found = list(_literals(kg, finding, focus))
    if finding.component in ("", _MIN_COUNT):
        missing = tuple(dict.fromkeys(_inverses(kg, focus, steps(kg.guard.shapes, shape))))
        if missing:
            found.append(Proposal("inverse", _INVERSE, (), missing))
    return found


def ntriple(triple: Triple) -> str:
    """A statement as N-Triples line, without the line feed."""
    return f"{triple.subject} {triple.predicate} {triple.object} ."


def stated(kg: KnowledgeGraph, patterns: Iterable[Pattern]) -> list[Triple]:
    """The record statements that fit one of the patterns, in order."""
    found = {quad.triple for quad in kg.store.match(patterns) if kg.graphs.is_record(quad.graph_name)}
    return sorted(found, key=str)


def _literals(kg: KnowledgeGraph, finding: Finding, focus: NamedNode) -> Iterator[Proposal]:
    """Literals of the focus node in a wrong form, each with a right one."""
    for links, kinds in asked(kg.guard.shapes, finding.rule.shape).items():
        properties = [link.property for link in links if not link.inverse]
        for triple in stated(kg, ((focus, p, None) for p in properties)):
            value = triple.object
            if not isinstance(value, Literal) or finding.value not in (None, value):
                continue
            for repair in repairs(value, kinds):
                # As the store gives it back: only so it can be found there again.
                literal = kg.store.normalised([repair.literal]).get(repair.literal, repair.literal)
                better = Triple(triple.subject, triple.predicate, literal)
                if better != triple:
                    yield Proposal(repair.name, repair.words, (triple,), (better,))


def _inverses(kg: KnowledgeGraph, focus: NamedNode, links: Iterable[Step]) -> Iterator[Triple]:
    """Statements that one of the links looks for and that follow from what their inverses state."""
    for link in links:
        turned = [p for p, turned in kg.model.sources.get(link.property, ()) if turned]
        patterns: list[Pattern] = [(focus, p, None) if link.inverse else (None, p, focus) for p in turned]
        for triple in stated(kg, patterns):
            s, o = triple.object, triple.subject
            if isinstance(s, NamedNode) and isinstance(o, NamedNode):
                missing = Triple(s, link.property, o)
                if not stated(kg, [(s, link.property, o)]):
                    yield missing
