"""What stewards do with findings: look them up, assign and waive them, have them checked anew, mend them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.changes.planner import LOOSE
from kgservice.application.changes.provenance import agent_of
from kgservice.application.changes.record_texts import Progress, silent
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.application.guard.findings import Counts
from kgservice.application.stewards.entries import Entry, read
from kgservice.application.stewards.explaining import explain
from kgservice.application.stewards.proposals import proposals
from kgservice.domain import question
from kgservice.domain.change import LOCAL, Change, Commit, Origin
from kgservice.domain.finding import SEVERITIES
from kgservice.domain.question import Parameter, with_values
from kgservice.domain.waiver import MENDED, OPEN, STATUSES, WAIVED, may_be_waived
from kgservice.errors import BadParameter, Conflict, Forbidden, NotFound
from kgservice.namespaces import CI, DCTERMS, SH
from kgservice.phrases import Phrase
from kgservice.store.base import Dataset, Term

LIMIT, MOST = 100, 10_000
LONGEST = 2000  # characters of a reason
SOURCE = "/findings"
SERVICE = Origin(agent="kgservice")

_FOUND = f"""
PREFIX ci: <{CI}> PREFIX dcterms: <{DCTERMS}> PREFIX sh: <{SH}>
SELECT DISTINCT ?finding ?status ?severity ?number WHERE {{
  VALUES ?status {{ UNDEF }}
  VALUES ?severity {{ UNDEF }}
  VALUES ?focus {{ UNDEF }}
  ?finding a sh:ValidationResult ; sh:focusNode ?focus ; sh:resultSeverity ?severity ;
    ci:findingStatus ?status .
  OPTIONAL {{ ?finding dcterms:identifier ?number }}
  VALUES ?rule {{ UNDEF }}
  FILTER(!BOUND(?rule) || EXISTS {{ ?finding dcterms:identifier ?rule }})
  VALUES ?owner {{ UNDEF }}
  FILTER(!BOUND(?owner) || EXISTS {{ ?finding ci:findingOwner ?owner }})
}}"""
_EMPLOYEE = f"ASK {{ VALUES ?owner {{ UNDEF }} ?owner a <{CI}Employee> }}"
_PROPOSAL = re.compile(r"(?:tag-[a-z0-9-]+|date|type|inverse)-[0-9a-f]{8}")


def listed(
    kg: KnowledgeGraph,
    *,
    status: str | None = None,
    severity: str | None = None,
    rule: str | None = None,
    focus: str | None = None,
    owner: str | None = None,
    limit: int | str = LIMIT,
) -> tuple[list[Entry], int]:
    """The findings that fit, at most `limit` of them, the gravest first, and what is mended after all others;
    and how many fit.

    As they stand now: a waiver that has run out counts as open. Read from the graph of findings alone, so
    that no record can pass for one. `focus` and `owner`: an IRI or a UUID. Raises `BadParameter`.
    """
    most = _limit(limit)
    terms: dict[str, NamedNode | Literal | list[Literal]] = {}
    if status is not None:
        _one_of("status", status, STATUSES)
        terms["status"] = [Literal(stored) for stored in ((OPEN, WAIVED) if status == OPEN else (status,))]
    if severity is not None:
        _one_of("severity", severity, SEVERITIES)
        terms["severity"] = NamedNode(f"{SH}{severity}")
    if rule is not None:
        terms["rule"] = Literal(_text("rule", rule))
    for name, iri in (("focus", focus), ("owner", owner)):
        if iri is not None:
            terms[name] = _named(kg, name, iri)
    kg.current()
    graph = Dataset(default=(NamedNode(kg.addresses.finding),))
    found = []
    for node, stored, grave, number in kg.store.select(with_values(_FOUND, terms), graph).rows:
        if isinstance(node, NamedNode):
            # Only of what is waived it depends on the clock how it stands.
            doubtful = status is not None and stored == findings.WAIVED
            if not doubtful or any(entry.status == status for entry in read(kg, [node])):
                found.append((stored == findings.MENDED, _rank(grave), str(number or ""), node.value))
    return list(read(kg, (NamedNode(iri) for *_, iri in sorted(found)[:most]))), len(found)


def one(kg: KnowledgeGraph, key: str) -> Entry:
    """A finding by its IRI, or by the UUID that ends it. Raises `NotFound`."""
    try:
        node = NamedNode(key if ":" in key else kg.addresses.ids + key)
    except ValueError:
        raise NotFound("{key!r} is no name of a finding", key=key[:80]) from None
    for entry in read(kg, [node]):
        return entry
    raise NotFound("there is no finding <{node}>", node=node.value)


def report(kg: KnowledgeGraph, given: Mapping[str, str]) -> dict[str, Any]:
    """What `listed` finds for these of its arguments, as a JSON object: the `total` and the `findings`."""
    entries, total = listed(kg, **given)
    return {"total": total, "findings": [entry.to_json(kg) for entry in entries]}


def explained(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """A finding with its explanation, as a JSON object. Raises `NotFound`."""
    entry = one(kg, key)
    return {**entry.to_json(kg), "explanation": explain(kg, entry.finding(kg))}


def assign(kg: KnowledgeGraph, key: str, owner: str | None, by: Origin = LOCAL) -> Commit:
    """Name the employee (IRI or UUID) who is to mend a finding; None: nobody any more.

    Raises `BadParameter` for somebody who is no employee, `NotFound`.
    """
    with kg.writing:
        entry = one(kg, key)
        new: list[tuple[NamedNode, Term]] = []
        if owner is not None:
            employee = _named(kg, "owner", owner)
            if not kg.ask(with_values(_EMPLOYEE, {"owner": employee})):
                raise BadParameter(
                    "<{employee}> is no employee in the graph; give the IRI or the UUID of one",
                    employee=employee.value,
                    source="owner",
                )
            new = [(findings.OWNER, employee)]
        reason = f"finding {'assigned' if owner else 'assigned to nobody'}"
        return _set(kg, entry, [findings.OWNER], new, by.because(reason, SOURCE))


def waive(kg: KnowledgeGraph, key: str, reason: str, until: str, by: Origin = LOCAL) -> Commit:
    """Accept a finding, for a reason, until a moment (or a day begins, UTC), by the word of `by`.

    Raises `Forbidden` for a violation of consent or of the rights of persons, `Conflict` for a finding that
    is mended, `BadParameter` without a reason or for an end that has passed.
    """
    said = _text("reason", reason).strip()
    if not said:
        raise BadParameter("a waiver needs a reason", source="reason")
    with kg.writing:
        entry = one(kg, key)
        if not may_be_waived(entry.severity, entry.names):
            raise Forbidden(
                "A violation of {rule} cannot be waived: consent and the rights of persons are not "
                "ours to give up",
                rule=entry.rule or Phrase("this rule"),
            )
        if entry.status == MENDED:
            raise Conflict("The finding is mended; there is nothing to waive")
        now = kg.clock()
        end = question.term(_parameter("until", "dateTime"), until, now=now, ids=kg.addresses.ids)
        moment = findings.moment_of(end)
        if moment is None or moment <= now:
            raise BadParameter("a waiver must end in the future", source="until")
        decided = agent_of(kg.addresses, by.decided)
        new: list[tuple[NamedNode, Term]] = [
            (findings.STATUS, findings.WAIVED),
            (findings.WAIVER_REASON, Literal(said)),
            (findings.WAIVED_BY, decided),
            (findings.WAIVED_UNTIL, findings.moment(moment)),
        ]
        origin = by.because(f"finding waived: {said}", SOURCE)
        return _set(kg, entry, [findings.STATUS, *findings.WAIVER], new, origin)


def reopen(kg: KnowledgeGraph, key: str, by: Origin = LOCAL) -> Commit:
    """Take the waiver of a finding back. Raises `Conflict` for one that is mended, `NotFound`."""
    with kg.writing:
        entry = one(kg, key)
        if entry.status == MENDED:
            raise Conflict("The finding is mended; it opens by itself when it comes again")
        new: list[tuple[NamedNode, Term]] = [(findings.STATUS, findings.OPEN)]
        origin = by.because("finding opened again", SOURCE)
        return _set(kg, entry, [findings.STATUS, *findings.WAIVER], new, origin)


def apply(kg: KnowledgeGraph, key: str, proposal: str, by: Origin = LOCAL) -> Commit:
    """Make the change that a proposal tells of, through the guard like any other.

    Raises `NotFound` for a proposal that there never was, `Conflict` when the finding is mended or the
    statements of the proposal are others by now, `Invalid` when the change would bring a violation.
    """
    with kg.writing:
        entry = one(kg, key)
        if entry.status == MENDED:
            raise Conflict("The finding is mended already")
        found = next((p for p in proposals(kg, entry.finding(kg)) if p.id == proposal), None)
        if found is None:
            if _PROPOSAL.fullmatch(proposal):
                raise Conflict("The statements of the finding have changed; look at its proposals again")
            raise NotFound("the finding has no proposal {proposal!r}", proposal=proposal[:80])
        return kg.commit(
            Change(
                add=_loose(found.add),
                remove=_loose(found.remove),
                origin=by.because(f"finding mended: {found.words['en']}", entry.iri.value),
            )
        )


def refresh(kg: KnowledgeGraph, by: Origin = SERVICE, told: Progress = silent) -> Counts:
    """Validate everything and enter what is new, what is mended, and what is open again after its waiver.

    Commits go on meanwhile (see `Following.anew`). `told` hears how far it is.
    """
    return kg.following.anew(by.because("full validation", SOURCE), told)


def _set(
    kg: KnowledgeGraph,
    entry: Entry,
    old: Iterable[NamedNode],
    new: Iterable[tuple[NamedNode, Term]],
    origin: Origin,
) -> Commit:
    """Replace what an entry says by some properties."""
    graph = NamedNode(kg.addresses.finding)
    stored = kg.store.match((entry.iri, prop, None) for prop in old)
    add = tuple(Quad(entry.iri, prop, value, graph) for prop, value in new)
    gone = tuple(quad for quad in stored if quad.graph_name == graph and quad not in add)
    return kg.commit(Change(add=add, remove=gone, origin=origin, trusted=True))


def _rank(severity: Term | None) -> int:
    """Where a severity stands among the others, the gravest first; unknown ones are grave."""
    known = [NamedNode(f"{SH}{name}") for name in SEVERITIES]
    return known.index(severity) if isinstance(severity, NamedNode) and severity in known else 0


def _loose(triples: Iterable[Triple]) -> tuple[Quad, ...]:
    return tuple(Quad(t.subject, t.predicate, t.object, LOOSE) for t in triples)


def _named(kg: KnowledgeGraph, name: str, iri: str) -> NamedNode:
    term = question.term(_parameter(name, "instance"), iri, now=kg.clock(), ids=kg.addresses.ids)
    assert isinstance(term, NamedNode)
    return term


def _parameter(name: str, kind: str) -> Parameter:
    return Parameter(name, kind, {"de": name, "en": name})


def _one_of(name: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        raise BadParameter(
            "{value!r} is not one of {known}", value=value[:80], known=question.listed(known), source=name
        )


def _limit(limit: int | str) -> int:
    text = str(limit)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= MOST:
        raise BadParameter(
            "{text!r} is no whole number from 1 to {most}", text=text[:80], most=MOST, source="limit"
        )
    return int(text)


def _text(name: str, value: str) -> str:
    """The text, if it is of a sensible length and can be written."""
    if len(value) > LONGEST:
        raise BadParameter("the text is longer than {longest} characters", longest=LONGEST, source=name)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadParameter("the text is not valid Unicode", source=name) from None
    return value
