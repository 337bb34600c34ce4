"""Quarantine: what an import brought and the guard refused waits here for a steward; nothing is lost.

Each entry is a graph `{base}graph/quarantine/{key}`, in no view. It holds the refused statements and, about
its own name, where they came from and what became of them; what else it keeps, see `kept`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment
from kgservice.application.stewards import kept
from kgservice.application.stewards.settling import Refusal
from kgservice.domain.change import LOCAL, Change, Commit, Origin
from kgservice.errors import BadParameter, Conflict, NotFound
from kgservice.namespaces import DCTERMS, RDFS, SCHEMA
from kgservice.phrases import Bilingual
from kgservice.store.base import Term

STATUSES = WAITING, RELEASED, DISCARDED, MENDED = "waiting", "released", "discarded", "mended"
_GERMAN = {RELEASED: "freigegeben", DISCARDED: "verworfen", MENDED: "behoben"}
_SOURCE, _LINE = NamedNode(f"{DCTERMS}source"), NamedNode(f"{SCHEMA}position")
_ROW, _REASON = NamedNode(f"{SCHEMA}text"), NamedNode(f"{DCTERMS}description")
_CREATED, _MODIFIED = NamedNode(f"{DCTERMS}created"), NamedNode(f"{DCTERMS}modified")
_STATUS, _DECISION = NamedNode(f"{SCHEMA}creativeWorkStatus"), NamedNode(f"{RDFS}comment")
_PART, _MAPPING = NamedNode(f"{DCTERMS}isPartOf"), NamedNode(f"{DCTERMS}conformsTo")
ABOUT = NamedNode(f"{SCHEMA}about")
_AGAIN = Bilingual("It was delivered again as it was", "Unverändert noch einmal geliefert")


@dataclass(frozen=True, slots=True)
class Source:
    """Where refused statements came from: the file, the line of the row (1-based) and the row as it stood.

    Of a table `mapping` is the title; `about` are the records that belong to these statements alone.
    """

    file: str
    line: int | None = None
    row: str = ""
    mapping: str = ""
    about: frozenset[NamedNode] = frozenset()


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry: its key, its source, why it was refused, what became of it (`decision`: for which reason).

    `created` and `decided` are moments as xsd:dateTime. `told`: the reason for who may not see everything.
    The reasons are `Bilingual`, but for what a person said, and for entries of older releases (English).
    """

    key: str
    source: Source
    reason: str
    status: str
    created: str
    decided: str = ""
    decision: str = ""
    told: str = ""

    def to_json(self) -> dict[str, Any]:
        """As JSON object."""
        return {
            "id": self.key,
            "status": self.status,
            "file": self.source.file,
            "line": self.source.line,
            "row": self.source.row,
            "reason": self.reason,
            "created": self.created,
            "decided": self.decided or None,
            "decision": self.decision or None,
        }

    def discreet(self) -> dict[str, Any]:
        """As JSON object for whoever brought it and may not see everything: what they know, and the rules."""
        source = self.source
        return {"file": source.file, "line": source.line, "row": source.row, "reason": self.told}


def hold(
    kg: KnowledgeGraph, held: Iterable[tuple[Iterable[Triple], Source, Refusal]], origin: Origin
) -> list[Quarantined]:
    """Put statements into quarantine: for each entry its statements, where they came from, and why it waits.

    The same statements from the same source make the same entry. One that was discarded stays discarded; one
    that was mended waits again.
    """
    quads: list[Quad] = []
    entries: list[Quarantined] = []
    created = moment(kg.clock())
    for triples, source, refusal in held:
        statements = sorted(map(str, triples := set(triples)))
        name = "|".join((source.file, str(source.line), *statements))
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
        graph = _graph(kg, key)
        if kg.store.has_graph(graph):
            if (entry := one(kg, key)).status == MENDED:
                decide(kg, entry, WAITING, origin, reason=_AGAIN)
            entries.append(replace(one(kg, key), source=source, told=refusal.told))
            continue
        entry = Quarantined(key, source, refusal.reason, WAITING, created.value, told=refusal.told)
        entries.append(entry)
        quads += (Quad(t.subject, t.predicate, t.object, graph) for t in triples)
        quads += (Quad(graph, p, o, graph) for p, o in _described(kg, entry))
        quads += kept.findings_quads(graph, refusal.findings)
    kg.commit(Change(add=tuple(quads), origin=origin, trusted=True))
    return entries


def listed(kg: KnowledgeGraph, status: str | None = None) -> list[Quarantined]:
    """The entries, all or those with one status, the oldest first."""
    part = NamedNode(kg.addresses.quarantine(""))
    own = (quad for quad in kg.store.match([(None, _PART, part)]) if quad.graph_name == quad.subject)
    found = [_entry(kg, quad.subject) for quad in own]
    chosen = (entry for entry in found if status in (None, entry.status))
    return sorted(chosen, key=lambda e: (e.created, e.source.file, e.source.line or 0, e.key))


def one(kg: KnowledgeGraph, key: str) -> Quarantined:
    """The entry. Raises `NotFound`."""
    graph = _graph(kg, key)
    if not kg.store.has_graph(graph):
        raise NotFound("there is no entry {key} in quarantine", key=key)
    return _entry(kg, graph)


def statements(kg: KnowledgeGraph, key: str) -> list[Triple]:
    """The refused statements of an entry. Raises `NotFound`."""
    one(kg, key)
    graph = _graph(kg, key)
    return [quad.triple for quad in kg.planner().quads(graph) if not kept.is_own(graph, quad.subject)]


def findings(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """What the statements of an entry would bring and mend now: the dry run. Raises `NotFound`."""
    change = Change.adding(Quad(t.subject, t.predicate, t.object) for t in statements(kg, key))
    return kg.preview(change).to_json()


def report(kg: KnowledgeGraph, status: str | None = None) -> dict[str, Any]:
    """The entries as JSON object. Raises `BadParameter` for a status that there is not."""
    if status not in {None, *STATUSES}:
        raise BadParameter(
            "{status!r} is none of {statuses}", status=status, statuses=", ".join(STATUSES), source="status"
        )
    return {"entries": [entry.to_json() for entry in listed(kg, status)]}


def shown(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """An entry with its statements, as they are and, once mended, as they came in, and why it was refused.

    The statements are N-Triples. If it waits, also what they would bring now (dry run).
    """
    entry, graph = one(kg, key), _graph(kg, key)
    told = entry.to_json() | {
        "statements": kept.lines(statements(kg, key)),
        "original": kept.lines(kept.original_of(kg, graph)),
        "refusedFor": kept.findings_of(kg, graph),
    }
    return told | (findings(kg, key) if entry.status == WAITING else {})


def released(kg: KnowledgeGraph, key: str, by: Origin = LOCAL) -> dict[str, Any]:
    """Release an entry; the commit as JSON object. Raises what `release` raises."""
    commit = release(kg, key, by)
    return {"commit": commit.number, "added": commit.added, "removed": commit.removed}


def release(kg: KnowledgeGraph, key: str, by: Origin = LOCAL) -> Commit:
    """Commit the statements of an entry as records.

    Raises `NotFound`, `Conflict` when it is not waiting, `Invalid` when they still bring a violation.
    """
    with kg.writing:
        entry = _waiting(kg, key)
        graph = _graph(kg, key)
        origin = by.because(f"Release from quarantine: {key}", entry.source.file)
        triples = statements(kg, key)
        commit = kg.commit(
            Change(add=tuple(Quad(t.subject, t.predicate, t.object) for t in triples), origin=origin)
        )
        gone = tuple(Quad(t.subject, t.predicate, t.object, graph) for t in triples)
        decide(kg, entry, RELEASED, origin, gone=gone)
        return commit


def discard(kg: KnowledgeGraph, key: str, reason: str, by: Origin = LOCAL) -> None:
    """Say that an entry is not wanted, and why; its statements stay in it.

    Raises `NotFound`, `Conflict` when it is not waiting, `BadParameter` without a reason.
    """
    if not reason.strip():
        raise BadParameter("Say why it is discarded", source="reason")
    with kg.writing:
        entry = _waiting(kg, key)
        decide(kg, entry, DISCARDED, by.because(reason, entry.source.file), reason=reason)


def mend(kg: KnowledgeGraph, key: str, triples: Iterable[Triple], by: Origin = LOCAL) -> dict[str, Any]:
    """Put other statements in the place of those of an entry; what these would bring and mend (dry run).

    What came in is kept. Raises `NotFound`, `Conflict` when it is not waiting, `BadInput` without statements
    or for one about the entry itself.
    """
    with kg.writing:
        entry = _waiting(kg, key)
        graph = _graph(kg, key)
        came, mended = statements(kg, key), set(triples)
        kept.refuse_unfit(graph, mended)
        old = tuple(Quad(t.subject, t.predicate, t.object, graph) for t in came)
        new = tuple(Quad(t.subject, t.predicate, t.object, graph) for t in mended)
        if set(came) != mended and not kept.original_of(kg, graph):
            new += tuple(kept.original_quads(graph, came))
        origin = by.because(f"Mend in quarantine: {key}", entry.source.file)
        kg.commit(Change(add=new, remove=old, origin=origin, trusted=True))
        return findings(kg, key)


def _waiting(kg: KnowledgeGraph, key: str) -> Quarantined:
    entry = one(kg, key)
    if entry.status != WAITING:
        status = Bilingual(entry.status, _GERMAN[entry.status])
        raise Conflict("the entry {key} was {status} at {at}", key=key, status=status, at=entry.decided)
    return entry


def decide(
    kg: KnowledgeGraph,
    entry: Quarantined,
    status: str,
    origin: Origin,
    *,
    reason: str = "",
    gone: tuple[Quad, ...] = (),
) -> None:
    """Say what became of an entry, and why; the statements `gone` leave it."""
    graph = _graph(kg, entry.key)
    add = [Quad(graph, _STATUS, Literal(status), graph), Quad(graph, _MODIFIED, moment(kg.clock()), graph)]
    if reason:
        add += (Quad(graph, _DECISION, word, graph) for word in kept.in_languages(reason))
    said = kg.store.match((graph, prop, None) for prop in (_STATUS, _MODIFIED, _DECISION))
    was = [quad for quad in said if quad.graph_name == graph]
    kg.commit(Change(add=tuple(add), remove=(*was, *gone), origin=origin, trusted=True))


def _graph(kg: KnowledgeGraph, key: str) -> NamedNode:
    try:
        return NamedNode(kg.addresses.quarantine(str(uuid.UUID(key))))
    except ValueError:
        raise NotFound("there is no entry {key!r} in quarantine", key=key[:80]) from None


def _described(kg: KnowledgeGraph, entry: Quarantined) -> list[tuple[NamedNode, Term]]:
    said: list[tuple[NamedNode, Term]] = [
        (_PART, NamedNode(kg.addresses.quarantine(""))),
        (_SOURCE, Literal(entry.source.file)),
        *((_REASON, reason) for reason in kept.in_languages(entry.reason)),
        (_STATUS, Literal(entry.status)),
        (_CREATED, moment(kg.clock())),
    ]
    if entry.source.line is not None:
        said.append((_LINE, Literal(entry.source.line)))
    texts = ((_ROW, entry.source.row), (_MAPPING, entry.source.mapping))
    said += [(prop, Literal(text)) for prop, text in texts if text]
    return [*said, *((ABOUT, node) for node in sorted(entry.source.about, key=str))]


def _entry(kg: KnowledgeGraph, graph: Any) -> Quarantined:
    said = [
        (quad.predicate, quad.object)
        for quad in kg.store.match([(graph, None, None)])
        if quad.graph_name == graph and isinstance(quad.object, Literal)
    ]
    found = {predicate: value.value for predicate, value in said if value.language != "de"}
    german = {predicate: value.value for predicate, value in said if value.language == "de"}
    line: Any = found.get(_LINE)

    def told(predicate: NamedNode) -> str:
        said = found.get(predicate, "")
        return Bilingual(said, german[predicate]) if predicate in german else said

    return Quarantined(
        graph.value.rpartition("/")[2],
        Source(found.get(_SOURCE, ""), line and int(line), found.get(_ROW, ""), found.get(_MAPPING, "")),
        told(_REASON),
        found.get(_STATUS, WAITING),
        found.get(_CREATED, ""),
        found.get(_MODIFIED, ""),
        told(_DECISION),
    )
