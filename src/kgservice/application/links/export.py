"""Accepted links of a source with the consents of whom they mean, for the CRM: what may be matched."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_concepts, read_subjects
from kgservice.application.links import customers as link_customers
from kgservice.application.links.records import DECISIONS, LISTED, read
from kgservice.domain.link import ORGANISATIONS, PERSONS, Link, State
from kgservice.domain.link_export import ConsentCase, ConsentState, Exported, stamp
from kgservice.domain.question import compact, with_values
from kgservice.tabular.spreadsheet import cell

COLUMNS = ("source", "key", "kind", "customer", "probability", "verdict", "decided")
AT_ONCE = 500  # links that are looked up together


def exported(kg: KnowledgeGraph, source: str) -> Iterator[Exported]:
    """The records of a source that are linked, as far as their customers may be matched now.

    In the order of the links' IRIs. Raises `BadParameter` when the purpose of matching is not active.
    """
    accepted = with_values(LISTED, {"decision": DECISIONS[State.ACCEPTED], "source": Literal(source)})
    rows = kg.select(accepted).rows
    nodes = sorted({node for node, _ in rows if isinstance(node, NamedNode)}, key=str)
    concepts = read_concepts(kg)
    purposes = kg.settings.active_purposes
    for start in range(0, len(nodes), AT_ONCE):
        links = [one for one in read(kg, nodes[start : start + AT_ONCE]) if _counts(one, source)]
        usable = {
            kind: link_customers.usable(kg, kind, [one.customer for one in links if one.kind == kind])
            for kind in (PERSONS, ORGANISATIONS)
        }
        lawful = [one for one in links if one.customer in usable[one.kind]]
        persons = sorted({one.customer for one in lawful if one.kind == PERSONS})
        subjects, activities = read_subjects(kg, [NamedNode(iri) for iri in persons])
        case = ConsentCase(concepts, kg.policy, kg.clock(), activities)
        for link in lawful:
            subject = subjects.get(link.customer)
            states: dict[str, ConsentState] = {}
            if subject is not None:
                states = case.states(subject, purposes)
            yield _row(link, states)


def _counts(link: Link, source: str) -> bool:
    return link.standing.state is State.ACCEPTED and link.id.source == source


def _row(link: Link, states: dict[str, ConsentState]) -> Exported:
    stands = link.standing.stands
    return Exported(
        link.id,
        link.kind,
        link.customer,
        "" if link.probability is None else f"{link.probability:f}",
        stands.value if stands else "",
        stamp(link.decided_at) or "",
        states,
    )


def write_csv(rows: Iterable[Exported], purposes: Iterable[str], out: BinaryIO) -> int:
    """Write the rows as CSV, a state and an end for each of the purposes; how many there were.

    The columns `consent …` and `until …` are empty for organisations; `opted out` names the purposes that
    the person has said no to.
    """
    purposes = list(purposes)
    names = {purpose: compact(purpose) for purpose in purposes}
    heads = [head for name in names.values() for head in (f"consent {name}", f"until {name}")]
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([*COLUMNS, *heads, "opted out"])
    count = 0
    for row in rows:
        states = [row.consents.get(purpose) for purpose in purposes]
        told = [
            part for one in states for part in ((one.reason.value, stamp(one.until)) if one else ("", ""))
        ]
        out_of = " ".join(names[purpose] for purpose, one in row.consents.items() if one.opted_out)
        own = (*_plain(row), *told, out_of)
        table.writerow([cell(part) for part in own])
        count += 1
        out.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
    out.write(text.getvalue().encode())  # the heads, where there is nothing below them
    return count


def _plain(row: Exported) -> tuple[str, ...]:
    one = row.id
    return one.source, one.key, row.kind, row.customer, row.probability, row.verdict, row.decided
