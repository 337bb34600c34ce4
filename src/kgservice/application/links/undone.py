"""What a link that is accepted no more has brought beside its records: consents end, and what waits goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pyoxigraph import Literal, NamedNode, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.guard.findings import moment
from kgservice.application.links.consequences import in_records
from kgservice.application.links.statements import DERIVED_FROM
from kgservice.domain.change import Change, Origin
from kgservice.domain.consent import AGREEING, CONTROLLER, Act
from kgservice.domain.link import PERSONS, Link
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI

METHOD = "link to a CRM record undone"
_MOMENT = timedelta(seconds=1)


def invalidated(kg: KnowledgeGraph, link: Link) -> set[Triple]:
    """The events that end the consents which the record of a link has given: they may be somebody else's.

    What proves them stays. A consent whose last word the record did not say, such as one that was renewed
    here, goes on.
    """
    if link.kind != PERSONS:
        return set()
    subject, _ = read_subject(kg, NamedNode(link.customer))
    record, found = NamedNode(link.record), set[Triple]()
    for consent in subject.consents:
        last = max(consent.events, key=lambda event: event.time, default=None)
        if last is None or last.act not in AGREEING:
            continue
        if in_records(kg, [(NamedNode(last.iri), DERIVED_FROM, record)]):
            now = kg.clock().astimezone(UTC).replace(microsecond=0)
            found |= _event(kg, NamedNode(consent.iri), max(now, last.time + _MOMENT))
    return found


def _event(kg: KnowledgeGraph, consent: NamedNode, time: datetime) -> set[Triple]:
    """That a consent proved to be void."""
    node = NamedNode(kg.addresses.new())
    return {
        Triple(node, TYPE, NamedNode(CI + Act.INVALIDATED)),
        Triple(node, NamedNode(f"{CI}eventOf"), consent),
        Triple(node, NamedNode(f"{CI}eventTime"), moment(time)),
        Triple(node, NamedNode(f"{CI}eventMethod"), Literal(METHOD)),
        Triple(node, NamedNode(f"{CI}eventEntity"), Literal(CONTROLLER)),
    }


def drop_waiting(kg: KnowledgeGraph, link: Link, origin: Origin) -> int:
    """Take out of quarantine what speaks of the record of a link; how many entries.

    It would be released as data of the wrong person. Of the right one it comes anew with the next run.
    """
    ours = kg.addresses.quarantine("")
    quads = kg.store.match([(None, None, NamedNode(link.record))])
    entries = {q.graph_name for q in quads if isinstance(q.graph_name, NamedNode)}
    gone = sorted((graph for graph in entries if graph.value.startswith(ours)), key=str)
    if gone:
        kg.commit(Change(drop=tuple(gone), origin=origin, trusted=True))
    return len(gone)
