"""The entries of the graph of findings, read: each finding with how it stands now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.application.guard.classes import RULE
from kgservice.application.stewards.explaining import holding, named, path_of
from kgservice.domain.finding import Finding, Node, Rule
from kgservice.domain.waiver import may_be_waived, standing
from kgservice.namespaces import SH
from kgservice.shacl.terms import shorten
from kgservice.store.base import Term


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why a finding is accepted, by whose word (an IRI), and until when."""

    reason: str
    by: str
    until: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"reason": self.reason, "by": self.by or None, "until": written(self.until)}


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept finding. `status`: how it stands now, by the clock; `waiver`: the last one, perhaps run out.

    `path` is empty where the graph holds none; IRIs and numbers are empty where they are not known.
    """

    iri: NamedNode
    status: str
    severity: str
    rule: str
    shape: str
    component: str
    focus: Node
    path: str
    value: Node | None
    messages: dict[str, str]
    owner: str
    first_seen: datetime | None
    last_seen: datetime | None
    mended_at: datetime | None
    waiver: Waiver | None

    @property
    def names(self) -> tuple[str, str]:
        """What tells the rule: its number and the name of the shape."""
        return (self.rule, self.shape.rpartition("#")[2])

    def finding(self, kg: KnowledgeGraph) -> Finding:
        """The finding as the validation gives it, with the words of its rule."""
        unclassed = RULE if self.rule == RULE.number else None  # no shape has its words
        known = kg.guard.shapes.rules.get(rdflib.URIRef(self.shape)) if self.shape else unclassed
        rule = replace(known or Rule(self.rule, self.shape, self.severity), severity=self.severity)
        path = self.path or path_of(kg, self.shape)
        return Finding(
            rule,
            self.focus,
            path,
            self.value,
            self.messages,
            named(kg, self.focus),
            self.component,
            properties=holding(kg, self.shape, self.focus, self.value),
        )

    def to_json(self, kg: KnowledgeGraph) -> dict[str, Any]:
        """As a JSON object; terms as N-Triples, except that IRIs stand bare."""
        owner = NamedNode(self.owner) if self.owner else None
        return {
            "id": self.iri.value.removeprefix(kg.addresses.ids),
            "iri": self.iri.value,
            "status": self.status,
            "severity": self.severity,
            "rule": self.rule,
            "focus": _text(self.focus),
            "label": named(kg, self.focus),
            "path": self.path,
            "properties": holding(kg, self.shape, self.focus, self.value),
            "value": None if self.value is None else _text(self.value),
            "message": self.messages,
            "shape": self.shape,
            "component": self.component,
            "owner": self.owner or None,
            "ownerName": next(iter(named(kg, owner).values()), None),
            "firstSeen": written(self.first_seen),
            "lastSeen": written(self.last_seen),
            "mendedAt": written(self.mended_at),
            "waiver": self.waiver and self.waiver.to_json(),
        }


def read(kg: KnowledgeGraph, nodes: Iterable[NamedNode], graph: NamedNode | None = None) -> Iterator[Entry]:
    """The entries of these names, in order, in the graph of findings or another one.

    Names that it does not know are left out.
    """
    kg.current()
    graph, now = graph or NamedNode(kg.addresses.finding), kg.clock()
    for node in nodes:
        said: dict[NamedNode, list[Term]] = defaultdict(list)
        for quad in kg.store.match([(node, None, None)]):
            if quad.graph_name == graph:
                said[quad.predicate].append(quad.object)
        focus = next(iter(said[findings.FOCUS]), None)
        if isinstance(focus, NamedNode | Literal | BlankNode):
            yield _entry(node, focus, said, now)


def written(time: datetime | None) -> str | None:
    """A moment as JSON gives it."""
    return None if time is None else time.isoformat().replace("+00:00", "Z")


def _entry(node: NamedNode, focus: Node, said: dict[NamedNode, list[Term]], now: datetime) -> Entry:
    def text(prop: NamedNode) -> str:
        term = min(said[prop], key=str, default=None)
        return term.value if isinstance(term, NamedNode | Literal) else ""

    def moment(prop: NamedNode) -> datetime | None:
        return findings.moment_of(next(iter(said[prop]), None))

    number, shape = text(findings.NUMBER), text(findings.SHAPE)
    severity = text(findings.SEVERITY).removeprefix(SH)
    until = moment(findings.WAIVED_UNTIL)
    waiver = None
    if any(said[prop] for prop in findings.WAIVER):
        waiver = Waiver(text(findings.WAIVER_REASON), text(findings.WAIVED_BY), until)
    allowed = may_be_waived(severity, [number, shape.rpartition("#")[2]])
    path, value = text(findings.PATH), next(iter(said[findings.VALUE]), None)
    return Entry(
        iri=node,
        status=standing(text(findings.STATUS), until, now, allowed=allowed),
        severity=severity,
        rule=number,
        shape=shape,
        component=text(findings.COMPONENT),
        focus=focus,
        path=shorten(path) if path else "",
        value=value if isinstance(value, NamedNode | Literal | BlankNode) else None,
        messages={
            term.language or "": term.value for term in said[findings.MESSAGE] if isinstance(term, Literal)
        },
        owner=text(findings.OWNER),
        first_seen=moment(findings.FIRST_SEEN),
        last_seen=moment(findings.LAST_SEEN),
        mended_at=moment(findings.MENDED_AT),
        waiver=waiver,
    )


def _text(node: Node) -> str:
    return node.value if isinstance(node, NamedNode) else str(node)
