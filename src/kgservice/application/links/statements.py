"""What the graph says of a link, its decisions and its run; and what it says because a link is accepted."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment
from kgservice.application.links.records import DECISIONS
from kgservice.domain.link import MOST_FIELDS, ORGANISATIONS, PERSONS, Decision, Run, State
from kgservice.domain.matching import Pair, RecordId
from kgservice.domain.model import IN_PROJECT, TYPE
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, PROV, SKOS, XSD, Addresses
from kgservice.store.base import Term

LONGEST = 200  # characters of a compared value that are kept
EXACT_MATCH = NamedNode(f"{SKOS}exactMatch")
DERIVED_FROM = NamedNode(f"{PROV}wasDerivedFrom")
DECISION, DECIDED_AT = NamedNode(f"{CI}decision"), NamedNode(f"{CI}decidedAt")
RECORD_VALUE = NamedNode(f"{CI}recordValue")
_ENDS = {PERSONS: "linkedPerson", ORGANISATIONS: "linkedOrganisation"}
_CLASSES = {PERSONS: "CrmContact", ORGANISATIONS: "CrmAccount"}
_KEY = re.compile(r"[A-Za-z0-9._:/-]+")
# One is enough: all records of a source are of one system.
_SYSTEM = f"""PREFIX ci: <{CI}> SELECT ?system {{
  VALUES ?source {{ UNDEF }} ?record ci:externalSystem ?source ; ci:crmSystem ?system }} LIMIT 1"""
# By the key alone: many records have the source, and those would all be looked at for each key.
_RECORDS = {
    kind: f"""PREFIX ci: <{CI}> SELECT ?source ?key ?record {{
  VALUES ?key {{ UNDEF }} ?record ci:externalId ?key ; ci:externalSystem ?source ; a ci:{name} }}"""
    for kind, name in _CLASSES.items()
}
_PROJECTS = f"""PREFIX ci: <{CI}> SELECT ?one ?project {{
  VALUES ?one {{ UNDEF }} ?one a ci:CustomerOrganisation ; ci:inProject ?project }}"""


@dataclass(frozen=True, slots=True)
class Places:
    """What has to be looked up to write links of some records of a kind to some customers.

    `records`: the IRIs of records that the graph has, `systems`: those of their sources, `projects`: the
    projects of organisations.
    """

    addresses: Addresses
    kind: str
    records: Mapping[RecordId, NamedNode]
    systems: Mapping[str, NamedNode]
    projects: Mapping[str, tuple[NamedNode, ...]]

    @classmethod
    def of(cls, kg: KnowledgeGraph, kind: str, ids: Iterable[RecordId], customers: Iterable[str]) -> Places:
        """Look them up."""
        wanted = set(ids)
        keys = [Literal(external_id(kg.addresses, one)) for one in sorted(wanted, key=str)]
        by_external = {(one.source, external_id(kg.addresses, one)): one for one in wanted}
        records: dict[RecordId, NamedNode] = {}
        for source, key, record in kg.select(with_values(_RECORDS[kind], {"key": keys})).rows:
            one = by_external.get((_text(source), _text(key)))
            if one is not None and isinstance(record, NamedNode):
                records[one] = min(record, records.get(one, record), key=str)
        systems: dict[str, NamedNode] = {}
        for name in sorted({one.source for one in wanted}):
            for (system,) in kg.select(with_values(_SYSTEM, {"source": Literal(name)})).rows:
                if isinstance(system, NamedNode):
                    systems[name] = system
        nodes = [NamedNode(iri) for iri in sorted(set(customers))] if kind == ORGANISATIONS else []
        projects: dict[str, list[NamedNode]] = {}
        for one_, project in kg.select(with_values(_PROJECTS, {"one": nodes})).rows if nodes else ():
            if isinstance(project, NamedNode):
                projects.setdefault(_text(one_), []).append(project)
        of_organisations = {one_: tuple(sorted(found, key=str)) for one_, found in projects.items()}
        return cls(kg.addresses, kind, records, systems, of_organisations)

    def record(self, one: RecordId) -> NamedNode:
        """The IRI of a record: as the graph has it, else made of kind, source and key."""
        return self.records.get(one) or record_iri(self.addresses, self.kind, one)

    def in_projects(self, node: NamedNode, customer: str) -> set[Triple]:
        """That something about an organisation is in its projects."""
        return {Triple(node, IN_PROJECT, project) for project in self.projects.get(customer, ())}


def record_iri(addresses: Addresses, kind: str, one: RecordId) -> NamedNode:
    """The IRI of a record of a CRM, the same whenever it comes.

    Many CRMs count persons and organisations each from 1, so that both may have the same key.
    """
    return NamedNode(addresses.instance("crm-record", kind, one.source, one.key))


def link_iri(addresses: Addresses, one: RecordId, customer: str) -> NamedNode:
    """The IRI of the link of a record to a customer."""
    return NamedNode(addresses.instance("crm-link", one.source, one.key, customer))


def restriction_iri(addresses: Addresses, node: NamedNode) -> NamedNode:
    """The IRI of the restriction of something that the CRM has deleted."""
    return NamedNode(addresses.instance("crm-deleted", node.value))


def external_id(addresses: Addresses, one: RecordId) -> str:
    """The key as R50 allows it; for one with other characters, which may say who it is, a UUID made of it."""
    if _KEY.fullmatch(one.key):
        return one.key
    return str(uuid.UUID(addresses.instance("crm-key", one.source, one.key).rpartition("/")[2]))


def ends(places: Places, node: NamedNode, one: RecordId, customer: str) -> set[Triple]:
    """What makes a link: its record, its customer, and where the record is from."""
    kind = places.kind
    said = _described(
        node,
        "CrmLink",
        [
            ("linksRecord", places.record(one)),
            (_ENDS[kind], NamedNode(customer)),
            ("recordSource", Literal(one.source)),
            ("recordKey", Literal(one.key)),
        ],
    )
    return said | places.in_projects(node, customer) if kind == ORGANISATIONS else said


def scored(places: Places, node: NamedNode, pair: Pair, run: NamedNode) -> set[Triple]:
    """What a run says of a link: both ends, the score, and each comparison with both values.

    Without the decision; `run` is told apart by `ci:proposedIn`.
    """
    said = ends(places, node, pair.record, pair.customer)
    said |= {
        Triple(node, NamedNode(CI + name), value)
        for name, value in (
            ("confidence", decimal(pair.probability, 6)),
            ("matchWeight", decimal(pair.weight, 2)),
            ("proposedIn", run),
        )
    }
    for name, weight in sorted(pair.fields.items())[:MOST_FIELDS]:
        part = NamedNode(places.addresses.instance("crm-comparison", node.value, name))
        values = pair.values.get(name, ("", ""))
        told: list[tuple[str, Term]] = [
            ("comparisonOf", node),
            ("fieldName", Literal(name)),
            ("matchWeight", decimal(weight, 2)),
        ]
        told += [
            (prop, Literal(value[:LONGEST]))
            for prop, value in zip(("recordValue", "customerValue"), values, strict=True)
            if value
        ]
        said |= _described(part, "FieldComparison", told)
    return said


def run_of(addresses: Addresses, run: Run) -> tuple[NamedNode, set[Triple]]:
    """The node of a run, and what is said of it."""
    node = NamedNode(addresses.instance("crm-run", run.model.digest, str(run.state), run.started.isoformat()))
    return node, _described(
        node,
        "MatchRun",
        [
            ("modelKind", Literal(run.model.kind)),
            ("modelDigest", Literal(run.model.digest)),
            ("modelVersion", Literal(run.model.version)),
            ("dataState", Literal(str(run.state), datatype=NamedNode(f"{XSD}integer"))),
            ("startedAt", moment(run.started)),
            ("endedAt", moment(run.ended)),
        ],
    )


def decided(addresses: Addresses, link: NamedNode, decision: Decision) -> set[Triple]:
    """A decision on a link: an event."""
    node = NamedNode(addresses.instance("crm-decision", link.value, str(decision.number)))
    said: list[tuple[str, Term]] = [
        ("decides", link),
        ("verdict", NamedNode(CI + decision.verdict)),
        ("decisionNumber", Literal(str(decision.number), datatype=NamedNode(f"{XSD}integer"))),
        ("decidedAt", moment(decision.at)),
    ]
    if decision.by:
        said.append(("decidedBy", NamedNode(decision.by)))
    if decision.reason:
        said.append(("decisionReason", Literal(decision.reason)))
    return _described(node, "LinkEvent", said)


def state_of(link: NamedNode, state: State, at: datetime | None) -> set[Triple]:
    """How a link stands, and since when."""
    said = {Triple(link, DECISION, DECISIONS[state])}
    return said if at is None else said | {Triple(link, DECIDED_AT, moment(at))}


def published(places: Places, one: RecordId, customer: str) -> set[Triple]:
    """What is said because a link is accepted: the match, the record, and the system it is from."""
    record, who = places.record(one), NamedNode(customer)
    system = places.systems.get(one.source)
    said = {Triple(who, EXACT_MATCH, record)}
    if system is None:
        system = NamedNode(places.addresses.instance("crm-system", one.source))
        said |= _described(
            system, "CrmSystem", [("title", Literal(one.source, language=tag)) for tag in ("de", "en")]
        )
    about: list[tuple[str, Term]] = [
        ("crmSystem", system),
        ("externalSystem", Literal(one.source)),
        ("externalId", Literal(external_id(places.addresses, one))),
    ]
    if places.kind == PERSONS:
        about.append(("dataSubject", who))
    else:
        said |= places.in_projects(record, customer)
    return said | _described(record, _CLASSES[places.kind], about)


def decimal(value: float, places: int) -> Literal:
    """A number as the graph holds it: a decimal without zeros at its end."""
    number = Decimal(str(round(value, places))).normalize() + 0
    return Literal(f"{number:f}", datatype=NamedNode(f"{XSD}decimal"))


def loose(triples: Iterable[Triple]) -> tuple[Quad, ...]:
    """The statements, for the router to place."""
    return tuple(Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in triples)


def _described(node: NamedNode, cls: str, said: Iterable[tuple[str, Term]]) -> set[Triple]:
    found = {Triple(node, TYPE, NamedNode(CI + cls))}
    return found | {Triple(node, NamedNode(CI + name), value) for name, value in said}


def _text(term: Term | None) -> str:
    return term.value if isinstance(term, Literal | NamedNode) else ""
