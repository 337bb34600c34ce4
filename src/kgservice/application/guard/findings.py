"""The graph of findings: what the guard saw come and go, for stewards to work with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from pyoxigraph import BlankNode, Literal, NamedNode, Quad
from rdflib.term import BNode, Node

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.domain.change import Change
from kgservice.domain.finding import SEVERITIES, Finding
from kgservice.domain.model import TYPE
from kgservice.domain.waiver import STATUSES, may_be_waived, standing
from kgservice.namespaces import CI, DCTERMS, PREFIXES, SH, XSD
from kgservice.shacl.terms import from_rdflib, to_rdflib
from kgservice.store.base import Term

OPEN, WAIVED, MENDED = (Literal(status) for status in STATUSES)
STATUS = NamedNode(f"{CI}findingStatus")
FIRST_SEEN, LAST_SEEN = NamedNode(f"{CI}firstSeen"), NamedNode(f"{CI}lastSeen")
MENDED_AT = NamedNode(f"{CI}mendedAt")
OWNER = NamedNode(f"{CI}findingOwner")
WAIVER_REASON, WAIVED_BY, WAIVED_UNTIL = WAIVER = tuple(
    NamedNode(f"{CI}{name}") for name in ("waiverReason", "waivedBy", "waivedUntil")
)
RESULT = NamedNode(f"{SH}ValidationResult")
FOCUS, SHAPE, PATH, VALUE, COMPONENT, SEVERITY, MESSAGE = (
    NamedNode(f"{SH}{name}")
    for name in (
        "focusNode",
        "sourceShape",
        "resultPath",
        "value",
        "sourceConstraintComponent",
        "resultSeverity",
        "resultMessage",
    )
)
NUMBER = NamedNode(f"{DCTERMS}identifier")


@dataclass(frozen=True, slots=True)
class Counts:
    """What a full validation made of the graph of findings.

    How many findings are `new` (or back), `mended`, and `reopened`, since their waiver has run out; how many
    are `open` and `waived` now.
    """

    new: int = 0
    mended: int = 0
    reopened: int = 0
    open: int = 0
    waived: int = 0


def kept(
    planner: Planner,
    new: Iterable[Finding],
    gone: Iterable[Finding],
    now: datetime,
    settled: Mapping[str, Iterable[NamedNode]] | None = None,
) -> Effect:
    """What findings that come and go make of the graph of findings.

    A finding that comes again is the one that was there before: open again, or still waived. One that goes
    stays, as mended; so do all of a rule about nodes for which it is `settled`. Counted as no change of the
    user's.
    """
    book = _Book(planner, now)
    for finding in new:
        book.seen(finding)
    for finding in gone:
        book.mended(finding)
    for rule, nodes in (settled or {}).items():
        for node in nodes:
            for entry in book.of(node, NUMBER, Literal(rule)):
                book.close(entry)
    return entered(planner, book.add, book.remove)


def settled(
    planner: Planner,
    looked_at: Mapping[NamedNode, Collection[NamedNode]],
    found: Iterable[Finding],
    now: datetime,
) -> Effect:
    """What the graph of findings is to say when shapes have looked at nodes (by shape) and `found` these."""
    book = _Book(planner, now)
    holding = {book.holding(finding) for finding in found}
    for shape, nodes in looked_at.items():
        for node in nodes:
            for entry in book.of(node, SHAPE, shape) - holding:
                book.close(entry)
    return entered(planner, book.add, book.remove)


def entered(planner: Planner, add: Iterable[Quad], remove: Iterable[Quad]) -> Effect:
    """What to write for entries that come and go: no change of a user's."""
    effect = planner.effect(Change(add=tuple(add), remove=tuple(remove), trusted=True))
    effect.added = effect.removed = 0
    return effect


def reconciled(planner: Planner, found: Iterable[Finding], now: datetime) -> tuple[Change, Counts]:
    """The change that makes the graph of findings say what a full validation found, and what it does."""
    book = _Book(planner, now)
    before = {node: book.stored(node) for node in book.nodes()}
    after = {book.seen(finding) for finding in found}
    for node in before.keys() - after:
        book.close(node)
    waived = {node for node in after if before.get(node) == WAIVED and book.is_waived(node)}
    counts = Counts(
        new=sum(1 for node in after if before.get(node) in (None, MENDED)),
        mended=sum(1 for node in before.keys() - after if before[node] != MENDED),
        reopened=sum(1 for node in after - waived if before.get(node) == WAIVED),
        open=len(after - waived),
        waived=len(waived),
    )
    return Change(add=tuple(book.add), remove=tuple(book.remove), trusted=True), counts


def disputed(planner: Planner, found: Iterable[Finding], now: datetime) -> set[Term]:
    """The nodes about which the graph of findings does not tell what was `found`, of all that there is."""
    book = _Book(planner, now)
    entries = [(finding, book.entry(finding)) for finding in found]
    nodes: set[Term] = {f.focus for f, entry in entries if entry is None or book.stored(entry) == MENDED}
    known = {entry for _, entry in entries}
    for entry in book.nodes():
        if entry not in known and book.stored(entry) != MENDED:
            nodes.update(book.focus(entry))
    return nodes


def is_noted(planner: Planner, node: Node) -> bool:
    """Whether the graph of findings has an entry about the node."""
    graph = NamedNode(planner.addresses.finding)
    return any(quad.graph_name == graph for quad in planner.store.match([(None, FOCUS, from_rdflib(node))]))


def moment(time: datetime) -> Literal:
    """A moment as the graph holds it."""
    return Literal(time.isoformat(), datatype=NamedNode(f"{XSD}dateTime"))


def moment_of(term: Term | None) -> datetime | None:
    """The moment that a literal of the graph means; None when it means none."""
    try:
        found = datetime.fromisoformat(term.value) if isinstance(term, Literal) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None


class _Book:
    """Entries of the graph of findings to add and to remove."""

    def __init__(self, planner: Planner, now: datetime) -> None:
        self._planner = planner
        self._time = now
        self._now = moment(now)
        self._graph = NamedNode(planner.addresses.finding)
        self.add: list[Quad] = []
        self.remove: list[Quad] = []

    def nodes(self) -> list[NamedNode]:
        """The entries there are."""
        found = self._match(None, TYPE, RESULT)
        return [quad.subject for quad in found if isinstance(quad.subject, NamedNode)]

    def stored(self, node: NamedNode) -> Term | None:
        """The status that an entry states."""
        return self._value(node, STATUS)

    def is_waived(self, node: NamedNode) -> bool:
        """Whether an entry is waived, by a waiver that holds."""
        names = [term.value.rpartition("#")[2] for term in self._values(node, NUMBER, SHAPE)]
        severity = "".join(term.value.removeprefix(SH) for term in self._values(node, SEVERITY))
        status, until = self._value(node, STATUS), moment_of(self._value(node, WAIVED_UNTIL))
        stored = status.value if isinstance(status, Literal) else ""
        held = standing(stored, until, self._time, allowed=may_be_waived(severity, names))
        return held == WAIVED.value

    def focus(self, node: NamedNode) -> Iterator[Term]:
        """What an entry is about."""
        return (quad.object for quad in self._match(node, FOCUS, None))

    def seen(self, finding: Finding) -> NamedNode:
        """Enter a finding, or open its entry again; the entry."""
        node = self.entry(finding)
        if node is None:
            node = self._own(finding)
            self.add += (Quad(node, p, o, self._graph) for p, o in described(finding))
            self.add.append(Quad(node, FIRST_SEEN, self._now, self._graph))
            self._set(node, STATUS, OPEN)
        elif not self.is_waived(node):
            self._set(node, STATUS, OPEN)
            for prop in (MENDED_AT, *WAIVER):
                self._clear(node, prop)
        self._set(node, LAST_SEEN, self._now)
        return node

    def holding(self, finding: Finding) -> NamedNode:
        """The entry of a finding that holds: as it is, unless it is new or was mended."""
        node = self.entry(finding)
        return self.seen(finding) if node is None or self._value(node, STATUS) == MENDED else node

    def of(self, focus: NamedNode, prop: NamedNode, value: Term) -> set[NamedNode]:
        """The entries about a node that say this, such as which shape it is by."""
        nodes = {q.subject for q in self._match(None, FOCUS, focus) if isinstance(q.subject, NamedNode)}
        return {node for node in nodes if self._value(node, prop) == value}

    def mended(self, finding: Finding) -> None:
        """Say in the entry of a finding that it is gone."""
        node = self.entry(finding)
        if node is not None:
            self.close(node)

    def close(self, node: NamedNode) -> None:
        """Say in an entry that its finding is gone."""
        if self._value(node, STATUS) != MENDED:
            self._set(node, STATUS, MENDED)
            self._set(node, MENDED_AT, self._now)

    def entry(self, finding: Finding) -> NamedNode | None:
        """The entry of a finding: its own, or one that says the same less fully.

        Not one that the service made: that is of another finding.
        """
        own = self._own(finding)
        nodes = {quad.subject for quad in self._match(None, FOCUS, finding.focus)}
        if own in nodes or not nodes:
            return own if nodes else None
        others = {self._own(replace(finding, value=None)), self._own(replace(finding, value=None, path=""))}
        said = dict(described(finding))
        for node in sorted(nodes - others, key=str):
            if not isinstance(node, NamedNode) or self._value(node, SHAPE) != said.get(SHAPE):
                continue
            if all(self._value(node, p) in (None, said.get(p)) for p in (PATH, VALUE, COMPONENT)):
                return node
        return None

    def _own(self, finding: Finding) -> NamedNode:
        return NamedNode(self._planner.addresses.instance("finding", *finding.key))

    def _match(self, s: NamedNode | None, p: NamedNode, o: Term | None) -> Iterator[Quad]:
        for quad in self._planner.store.match([(s, p, o)]):
            if quad.graph_name == self._graph:
                yield quad

    def _value(self, node: NamedNode, prop: NamedNode) -> Term | None:
        return next((quad.object for quad in self._match(node, prop, None)), None)

    def _values(self, node: NamedNode, *props: NamedNode) -> Iterator[NamedNode | Literal]:
        for prop in props:
            for quad in self._match(node, prop, None):
                if isinstance(quad.object, NamedNode | Literal):
                    yield quad.object

    def _clear(self, node: NamedNode, prop: NamedNode) -> None:
        self.remove += self._match(node, prop, None)

    def _set(self, node: NamedNode, prop: NamedNode, value: Literal) -> None:
        self.remove += (quad for quad in self._match(node, prop, None) if quad.object != value)
        self.add.append(Quad(node, prop, value, self._graph))


def with_result(finding: Finding) -> Finding:
    """The finding with the statements of its SHACL result, as far as `described` tells them."""
    result = BNode()
    stated = ((result, to_rdflib(p), to_rdflib(o)) for p, o in described(finding))
    return replace(finding, result=tuple(stated))


def described(finding: Finding) -> Iterator[tuple[NamedNode, Term]]:
    """What a finding says, as far as statements without blank nodes can: not complex paths."""
    yield TYPE, RESULT
    yield FOCUS, finding.focus
    severity = finding.severity
    yield (
        SEVERITY,
        NamedNode(f"{SH}{severity}" if severity in SEVERITIES else severity),
    )
    yield COMPONENT, NamedNode(finding.component)
    if finding.rule.shape:
        yield SHAPE, NamedNode(finding.rule.shape)
    if finding.rule.number:
        yield NUMBER, Literal(finding.rule.number)
    prefix, _, local = finding.path.partition(":")
    if local.isidentifier() and prefix in PREFIXES:
        yield PATH, NamedNode(PREFIXES[prefix] + local)
    if finding.value is not None and not isinstance(finding.value, BlankNode):
        yield VALUE, finding.value
    for language, text in finding.messages.items():
        yield MESSAGE, Literal(text, language=language) if language else Literal(text)
