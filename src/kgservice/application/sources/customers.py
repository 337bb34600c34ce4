"""What the graph says of customers in the fields that a CRM has, too, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment_of
from kgservice.application.links.consequences import in_records
from kgservice.application.links.linking import SOURCE
from kgservice.domain.crm_field import FIELDS, same
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, PROV
from kgservice.store.base import Term

# A filter on the fields: from a data block the planner would begin with all that has one of them.
_EVIDENCE = {
    kind: f"""PREFIX ci: <{CI}> SELECT ?one ?p ?value ?at {{
  VALUES ?one {{ UNDEF }}
  ?node ci:dataSubject ?one ; a ci:CustomerDataRecord ; ?p ?value
  FILTER(?p IN ({", ".join(f"ci:{name}" for name in fields.values())}))
  OPTIONAL {{ ?node ci:recordedAt ?at }} }}"""
    for kind, fields in FIELDS.items()
}
_TOUCHED = f"""SELECT ?one (MAX(?time) AS ?at) {{
  VALUES ?one {{ UNDEF }} ?commit <{PROV}influenced> ?one ; <{PROV}endedAtTime> ?time
  FILTER NOT EXISTS {{ VALUES ?linking {{ UNDEF }} ?commit <{PROV}used> ?linking }} }} GROUP BY ?one"""
_LINKING = (SOURCE, "crm")  # the sources of commits that link records and take them over


@dataclass(slots=True)
class Known:
    """What is known of one customer, by property (local name) and value.

    `own`: said of the customer itself; `evidence`: said by records about them, and when that was recorded.
    `touched`: when a commit changed the customer last that did not come of links.
    """

    own: dict[str, dict[str, list[Quad]]] = field(default_factory=lambda: defaultdict(dict))
    evidence: dict[str, dict[str, datetime | None]] = field(default_factory=lambda: defaultdict(dict))
    touched: datetime | None = None

    def since(self, prop: str, values: Collection[str]) -> datetime | None:
        """When the graph learned the latest of these values, as far as it is known."""
        told = [at for text, at in self.evidence[prop].items() if at and any(same(text, v) for v in values)]
        return max(told, default=self.touched)


def known(kg: KnowledgeGraph, kind: str, customers: Sequence[str]) -> dict[str, Known]:
    """What the graph says of the customers (IRIs)."""
    found = {iri: Known() for iri in customers}
    if not found:
        return found
    nodes = [NamedNode(iri) for iri in sorted(found)]
    names = [NamedNode(CI + name) for name in FIELDS[kind].values()]
    for quad in in_records(kg, ((node, name, None) for node in nodes for name in names)):
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, Literal):
            own = found[quad.subject.value].own[quad.predicate.value.removeprefix(CI)]
            own.setdefault(quad.object.value, []).append(quad)
    for one, p, value, at in kg.select(with_values(_EVIDENCE[kind], {"one": nodes})).rows:
        if isinstance(value, Literal):
            of = found[_text(one)].evidence[_text(p).removeprefix(CI)]
            times = [time for time in (of.get(value.value), moment_of(at)) if time]
            of[value.value] = max(times, default=None)
    linking = [NamedNode(kg.addresses.instance("source", name)) for name in _LINKING]
    for one, at in kg.select(with_values(_TOUCHED, {"one": nodes, "linking": linking})).rows:
        found[_text(one)].touched = moment_of(at)
    return found


def _text(term: Term | None) -> str:
    return term.value if isinstance(term, Literal | NamedNode) else ""
