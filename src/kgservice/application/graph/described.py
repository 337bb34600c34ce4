"""What a view says of nodes: values by property, what a path leads to, and names in all languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import Literal, NamedNode

from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.domain.trace import Thing
from kgservice.namespaces import CI
from kgservice.store.base import Term

Values = Mapping[str, Mapping[str, Sequence[Term]]]
"""By IRI of the node and local name of the property."""

_PREFIXES = """
PREFIX ci: <https://w3id.org/kgservice/ci#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
# A list, not a VALUES block: the store would join that by reading every statement of each property.
_VALUES = """
SELECT ?node ?property ?value WHERE {
  VALUES ?node { UNDEF }
  ?node ?property ?value .
  FILTER(?property IN (%s))
} ORDER BY ?node ?property ?value
"""
_NAMES = """
SELECT ?node ?property ?name WHERE {
  VALUES ?node { UNDEF }
  ?node ?property ?name .
  FILTER(?property IN (skos:prefLabel, ci:title, ci:personName))
} ORDER BY ?node ?property ?name
"""


def rows(kg: Reader, text: str, nodes: Iterable[str]) -> list[tuple[Term | None, ...]]:
    """The rows of a query of ours with `nodes` in its `VALUES ?node { UNDEF }`; none without nodes."""
    terms = [NamedNode(iri) for iri in sorted(set(nodes))]
    if not terms:
        return []
    return [tuple(row) for row in kg.select(_PREFIXES + with_values(text, {"node": terms})).rows]


def values(kg: Reader, nodes: Iterable[str], names: Iterable[str]) -> Values:
    """What is said of `nodes` with the `ci:` properties `names`, which are ours."""
    found: dict[str, dict[str, list[Term]]] = defaultdict(lambda: defaultdict(list))
    listed = ", ".join(f"ci:{name}" for name in sorted(set(names)))
    for node, prop, value in rows(kg, _VALUES % listed, nodes):
        if value is not None:
            found[iri(node)][iri(prop).removeprefix(CI)].append(value)
    return found


def linked(kg: Reader, nodes: Iterable[str], path: str) -> dict[str, list[str]]:
    """What `path` (a property path of ours) leads to, by node, in order."""
    text = (
        f"SELECT DISTINCT ?node ?to WHERE {{ VALUES ?node {{ UNDEF }} ?node {path} ?to }} ORDER BY ?node ?to"
    )
    found: dict[str, list[str]] = defaultdict(list)
    for node, to in rows(kg, text, nodes):
        if isinstance(to, NamedNode):
            found[iri(node)].append(to.value)
    return found


def things(kg: Reader, nodes: Iterable[str]) -> dict[str, Thing]:
    """Each of `nodes` with its names by language; what has no language stands under `""`."""
    wanted = sorted(set(nodes))
    names: dict[str, dict[str, str]] = defaultdict(dict)
    titled: set[str] = set()
    for node, prop, name in rows(kg, _NAMES, wanted):
        if isinstance(name, Literal):
            names[iri(node)].setdefault(name.language or "", name.value)
            if iri(prop) == f"{CI}title":
                titled.add(iri(node))
    return {node: Thing(node, names.get(node, {}), node in titled) for node in wanted}


def iri(term: Term | None) -> str:
    """The IRI that a term is, or ""."""
    return term.value if isinstance(term, NamedNode) else ""


def iris(terms: Iterable[Term]) -> list[str]:
    """Those of the terms that are IRIs."""
    return [term.value for term in terms if isinstance(term, NamedNode)]


def text(terms: Sequence[Term]) -> str | None:
    """The first literal, as it is written."""
    return next((term.value for term in terms if isinstance(term, Literal)), None)


def number(term: Term | None) -> float | None:
    """The number that a literal is; None for what is none."""
    try:
        return float(term.value) if isinstance(term, Literal) else None
    except ValueError:
        return None
