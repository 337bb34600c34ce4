"""The PROV-O description of a commit."""

from __future__ import annotations

from datetime import datetime

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.changes.effect import Effect
from kgservice.domain.change import Origin
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE
from kgservice.namespaces import CI, DCTERMS, PROV, RDFS, XSD, Addresses


def provenance(
    addresses: Addresses, number: int, time: datetime, origin: Origin, effect: Effect
) -> set[Quad]:
    """The PROV-O description of a commit, in the provenance graph and in the view."""
    activity = NamedNode(addresses.instance("commit", str(number)))
    agent, agent_label = _named(addresses, "agent", origin.agent or "local")
    moment = Literal(time.isoformat(), datatype=NamedNode(f"{XSD}dateTime"))
    triples = [
        Triple(activity, TYPE, NamedNode(f"{PROV}Activity")),
        Triple(activity, NamedNode(f"{PROV}endedAtTime"), moment),
        Triple(activity, NamedNode(f"{PROV}wasAssociatedWith"), agent),
        Triple(agent, TYPE, NamedNode(f"{PROV}Agent")),
        *agent_label,
        *_decided(addresses, activity, origin),
        Triple(activity, NamedNode(f"{CI}commitNumber"), _count(number)),
        Triple(activity, NamedNode(f"{CI}statementsAdded"), _count(effect.added)),
        Triple(activity, NamedNode(f"{CI}statementsRemoved"), _count(effect.removed)),
    ]
    if origin.reason:
        triples.append(Triple(activity, NamedNode(f"{DCTERMS}description"), Literal(origin.reason)))
    if origin.source:
        source, source_label = _named(addresses, "source", origin.source)
        triples += [
            Triple(activity, NamedNode(f"{PROV}used"), source),
            Triple(source, TYPE, NamedNode(f"{PROV}Entity")),
            *source_label,
        ]
    influenced = NamedNode(f"{PROV}influenced")
    triples += [Triple(activity, influenced, record) for record in _changed(addresses, effect)]
    places = (NamedNode(addresses.provenance), NamedNode(addresses.everything))
    return {Quad(t.subject, t.predicate, t.object, place) for t in triples for place in places}


def _decided(addresses: Addresses, activity: NamedNode, origin: Origin) -> list[Triple]:
    """Who decided, where the principal that asked names another: it may not be true, so it is told apart."""
    if not origin.named:
        return []
    agent, label = _named(addresses, "agent", origin.named)
    influenced = Triple(activity, NamedNode(f"{PROV}wasInfluencedBy"), agent)
    return [influenced, Triple(agent, TYPE, NamedNode(f"{PROV}Agent")), *label]


def _changed(addresses: Addresses, effect: Effect) -> set[NamedNode]:
    """The records about which statements were added or removed one by one."""
    graphs = Graphs(addresses)
    return {
        triple.subject
        for quads in (effect.add, effect.remove)
        for triples in quads.where(graphs.is_record).by_graph.values()
        for triple in triples
        if isinstance(triple.subject, NamedNode)
    }


def _count(number: int) -> Literal:
    return Literal(str(number), datatype=NamedNode(f"{XSD}integer"))


def agent_of(addresses: Addresses, name: str) -> NamedNode:
    """What stands for an agent in the graph: an absolute IRI itself, else an instance made from the name."""
    return _named(addresses, "agent", name)[0]


def _named(addresses: Addresses, kind: str, name: str) -> tuple[NamedNode, list[Triple]]:
    """`name` itself if it is an absolute IRI, else an instance made from it, with `name` as its label."""
    try:
        return NamedNode(name), []
    except ValueError:
        node = NamedNode(addresses.instance(kind, name))
        return node, [Triple(node, NamedNode(f"{RDFS}label"), Literal(name))]
