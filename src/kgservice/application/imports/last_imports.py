"""What was loaded last: the commits that came from a file, a table or a CRM."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.namespaces import CI, DCTERMS, PROV, RDFS
from kgservice.store.base import Dataset, Term

MOST = 5
# What comes from an address of the service itself (/records, /update, …) was no import.
_IMPORTS = f"""PREFIX ci: <{CI}> PREFIX dcterms: <{DCTERMS}> PREFIX prov: <{PROV}> PREFIX rdfs: <{RDFS}>
SELECT ?number ?time ?source ?reason ?added ?removed WHERE {{
  ?commit ci:commitNumber ?number ; prov:endedAtTime ?time ; prov:used/rdfs:label ?source .
  FILTER(!STRSTARTS(?source, "/"))
  OPTIONAL {{ ?commit dcterms:description ?reason }}
  OPTIONAL {{ ?commit ci:statementsAdded ?added }}
  OPTIONAL {{ ?commit ci:statementsRemoved ?removed }}
}} ORDER BY DESC(?number) LIMIT {MOST}"""


@dataclass(frozen=True, slots=True)
class Import:
    """A commit of an import: its number, its time (ISO 8601), source and reason, and what it changed."""

    commit: int
    time: str
    source: str
    reason: str
    added: int
    removed: int


def last_imports(kg: KnowledgeGraph) -> tuple[Import, ...]:
    """The last imports, the newest first; keep the answer until `kg.state` changes."""
    provenance = Dataset(default=(NamedNode(kg.addresses.provenance),))
    return tuple(
        Import(_number(number), _text(time), _text(source), _text(reason), _number(added), _number(removed))
        for number, time, source, reason, added, removed in kg.store.select(_IMPORTS, provenance).rows
    )


def _text(term: Term | None) -> str:
    return term.value if isinstance(term, Literal) else ""


def _number(term: Term | None) -> int:
    return int(_text(term) or 0)
