"""Whose records may be taken over: only of customers who may be matched, also once they are linked."""

from __future__ import annotations

from collections.abc import Collection

from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subjects
from kgservice.application.links.customers import usable
from kgservice.domain.link import PERSONS, Link, Verdict


def usable_links(kg: KnowledgeGraph, kind: str, links: Collection[Link]) -> set[str]:
    """The accepted links (IRIs) whose customers may be matched now.

    Somebody whom a record was made into (`unmatched = "create"`) was never matched: their record is followed
    until they have said something of the use of their data.
    """
    found = usable(kg, kind, [link.customer for link in links])
    others = [link for link in links if link.customer not in found]
    made = [NamedNode(link.customer) for link in others if kind == PERSONS and made_of_record(link)]
    subjects, _ = read_subjects(kg, made)
    silent = {iri for iri, said in subjects.items() if not said.consents and not said.objections}
    return {link.node for link in links if link.customer in found | silent}


def made_of_record(link: Link) -> bool:
    """Whether the customer was made of the record."""
    return link.weight is None and link.standing.stands is Verdict.BY_RULE
