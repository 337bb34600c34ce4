"""One record and its neighbours: what it says and what refers to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.errors import NotFound
from kgservice.namespaces import CI, RDF
from kgservice.store.base import Term

MOST = 200
_TYPE = f"{RDF}type"
_OUTGOING = "SELECT ?p ?o WHERE { VALUES ?record { UNDEF } ?record ?p ?o } ORDER BY ?p ?o"
_INCOMING = (
    f"SELECT ?s ?p WHERE {{ VALUES ?record {{ UNDEF }} ?s ?p ?record }} ORDER BY ?p ?s LIMIT {MOST + 1}"
)
_CHAINS = """
PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?pain (SAMPLE(?anyTitle) AS ?title) (COUNT(DISTINCT ?impact) AS ?impacts) WHERE {
  VALUES ?language { UNDEF }
  ?pain a ci:PainPoint ; ci:addressedBy ?solution .
  OPTIONAL { ?impact ci:impactOf ?solution }
  OPTIONAL { ?pain ci:title ?anyTitle FILTER(LANG(?anyTitle) = ?language) }
} GROUP BY ?pain ORDER BY DESC(BOUND(?title)) DESC(?impacts > 0) ?title ?pain LIMIT 12
"""


@dataclass(frozen=True, slots=True)
class Record:
    """The statements of a record: `outgoing` (property, value), `incoming` (property, subject; some)."""

    iri: str
    outgoing: tuple[tuple[str, Term], ...]
    incoming: tuple[tuple[str, Term], ...]

    @property
    def types(self) -> frozenset[str]:
        """The IRIs of its classes."""
        return frozenset(o.value for p, o in self.outgoing if p == _TYPE and isinstance(o, NamedNode))

    def nodes(self) -> set[NamedNode]:
        """What it refers to, and what refers to it."""
        return {node for _, node in (*self.outgoing, *self.incoming) if isinstance(node, NamedNode)}

    def without(self, nodes: Collection[Term]) -> Record:
        """The record without its statements with these nodes."""
        return Record(
            self.iri,
            tuple((p, o) for p, o in self.outgoing if o not in nodes),
            tuple((p, s) for p, s in self.incoming if s not in nodes),
        )


def record(kg: Reader, iri: NamedNode) -> Record:
    """The record called `iri` in the view of everything. Raises `NotFound` when nothing is said of it."""
    terms = {"record": iri}
    outgoing = [
        (p.value, o)
        for p, o in kg.select(with_values(_OUTGOING, terms)).rows
        if isinstance(p, NamedNode) and o is not None
    ]
    incoming = [
        (p.value, s)
        for s, p in kg.select(with_values(_INCOMING, terms)).rows
        if isinstance(p, NamedNode) and s is not None
    ]
    # What the model entails says some things twice; the view shows each once, in the words of the model.
    said = {(o, p.startswith(CI)) for p, o in outgoing}
    types = {o for p, o in outgoing if p == _TYPE and isinstance(o, NamedNode)}
    above = {c for one in types for c in kg.model.superclasses.get(one, ()) if not c.value.startswith(CI)}
    outgoing = [
        (p, o)
        for p, o in outgoing
        if not kg.graphs.is_genid(o)
        and (p.startswith(CI) or (o not in above if p == _TYPE else (o, True) not in said))
    ]
    incoming = [(p, s) for p, s in incoming if not kg.graphs.is_genid(s) and p.startswith(CI)]
    if not outgoing and not incoming:
        raise NotFound("nothing is known of <{iri}>", iri=iri.value)
    return Record(iri.value, tuple(outgoing), tuple(incoming[:MOST]))


def chains(kg: Reader, language: str) -> list[tuple[str, str]]:
    """Some pain points that were addressed, those with an impact first: IRI and title (or '')."""
    rows = kg.select(with_values(_CHAINS, {"language": Literal(language)})).rows
    return [
        (pain.value, title.value if isinstance(title, Literal) else "")
        for pain, title, _ in rows
        if isinstance(pain, NamedNode)
    ]
