"""The graph of findings: what the guard saw come and go, for stewards to work with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from pyoxigraph import BlankNode, Literal, NamedNode, Quad
from rdflib.term import Node

from kgservice.application.effect import Effect
from kgservice.application.planner import Planner
from kgservice.domain.change import Change
from kgservice.domain.finding import SEVERITIES, Finding
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, DCTERMS, PREFIXES, SH, XSD
from kgservice.shacl.terms import from_rdflib
from kgservice.store.base import Term

OPEN, WAIVED, MENDED = Literal("open"), Literal("waived"), Literal("mended")
STATUS = NamedNode(f"{CI}findingStatus")
FIRST_SEEN, LAST_SEEN = NamedNode(f"{CI}firstSeen"), NamedNode(f"{CI}lastSeen")
MENDED_AT = NamedNode(f"{CI}mendedAt")
FOCUS, SHAPE, PATH, VALUE = (
    NamedNode(f"{SH}{name}") for name in ("focusNode", "sourceShape", "resultPath", "value")
)


def kept(planner: Planner, new: Iterable[Finding], gone: Iterable[Finding], now: datetime) -> Effect:
    """What findings that come and go make of the graph of findings.

    A finding that comes again is the one that was there before: open again, or still waived. One that goes
    stays, as mended. Counted as no change of the user's.
    """
    book = _Book(planner, moment(now))
    for finding in new:
        book.seen(finding)
    for finding in gone:
        book.mended(finding)
    effect = planner.effect(Change(add=tuple(book.add), remove=tuple(book.remove), trusted=True))
    effect.added = effect.removed = 0
    return effect


def is_noted(planner: Planner, node: Node) -> bool:
    """Whether the graph of findings has an entry about the node."""
    graph = NamedNode(planner.addresses.finding)
    return any(quad.graph_name == graph for quad in planner.store.match([(None, FOCUS, from_rdflib(node))]))


def moment(time: datetime) -> Literal:
    """A moment as the graph holds it."""
    return Literal(time.isoformat(), datatype=NamedNode(f"{XSD}dateTime"))


class _Book:
    """Entries of the graph of findings to add and to remove."""

    def __init__(self, planner: Planner, now: Literal) -> None:
        self._planner = planner
        self._now = now
        self._graph = NamedNode(planner.addresses.finding)
        self.add: list[Quad] = []
        self.remove: list[Quad] = []

    def seen(self, finding: Finding) -> None:
        """Enter a finding, or open its entry again."""
        node = self._entry(finding)
        if node is None:
            node = NamedNode(self._planner.addresses.instance("finding", *finding.key))
            self.add += (Quad(node, p, o, self._graph) for p, o in _described(finding))
            self.add.append(Quad(node, FIRST_SEEN, self._now, self._graph))
            self._set(node, STATUS, OPEN)
        elif self._value(node, STATUS) != WAIVED:
            self._set(node, STATUS, OPEN)
            self._clear(node, MENDED_AT)
        self._set(node, LAST_SEEN, self._now)

    def mended(self, finding: Finding) -> None:
        """Say in the entry of a finding that it is gone."""
        node = self._entry(finding)
        if node is not None and self._value(node, STATUS) != MENDED:
            self._set(node, STATUS, MENDED)
            self._set(node, MENDED_AT, self._now)

    def _entry(self, finding: Finding) -> NamedNode | None:
        """The entry of a finding: its own, or one that says the same less fully."""
        own = NamedNode(self._planner.addresses.instance("finding", *finding.key))
        said = dict(_described(finding))
        for quad in sorted(self._match(None, FOCUS, finding.focus), key=lambda quad: quad.subject != own):
            node = quad.subject
            if node == own:
                return own
            if not isinstance(node, NamedNode) or self._value(node, SHAPE) != said.get(SHAPE):
                continue
            if all(self._value(node, p) in (None, said.get(p)) for p in (PATH, VALUE)):
                return node
        return None

    def _match(self, s: NamedNode | None, p: NamedNode, o: Term | None) -> Iterator[Quad]:
        for quad in self._planner.store.match([(s, p, o)]):
            if quad.graph_name == self._graph:
                yield quad

    def _value(self, node: NamedNode, prop: NamedNode) -> Term | None:
        return next((quad.object for quad in self._match(node, prop, None)), None)

    def _clear(self, node: NamedNode, prop: NamedNode) -> None:
        self.remove += self._match(node, prop, None)

    def _set(self, node: NamedNode, prop: NamedNode, value: Literal) -> None:
        self.remove += (quad for quad in self._match(node, prop, None) if quad.object != value)
        self.add.append(Quad(node, prop, value, self._graph))


def _described(finding: Finding) -> Iterator[tuple[NamedNode, Term]]:
    """What a finding says, as far as statements without blank nodes can: not complex paths."""
    yield TYPE, NamedNode(f"{SH}ValidationResult")
    yield FOCUS, finding.focus
    severity = finding.severity
    yield (
        NamedNode(f"{SH}resultSeverity"),
        NamedNode(f"{SH}{severity}" if severity in SEVERITIES else severity),
    )
    yield NamedNode(f"{SH}sourceConstraintComponent"), NamedNode(finding.component)
    if finding.rule.shape:
        yield SHAPE, NamedNode(finding.rule.shape)
    if finding.rule.number:
        yield NamedNode(f"{DCTERMS}identifier"), Literal(finding.rule.number)
    prefix, _, local = finding.path.partition(":")
    if local.isidentifier() and prefix in PREFIXES:
        yield PATH, NamedNode(PREFIXES[prefix] + local)
    if finding.value is not None and not isinstance(finding.value, BlankNode):
        yield VALUE, finding.value
    for language, text in finding.messages.items():
        yield NamedNode(f"{SH}resultMessage"), Literal(text, language=language) if language else Literal(text)
