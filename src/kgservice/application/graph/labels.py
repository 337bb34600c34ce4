"""What people call a term or a record: its label in their language."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import Literal, NamedNode

from kgservice.application.views.reader import Reader

_AT_ONCE = 500
_LABELS = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?iri ?label WHERE {
  VALUES ?iri { %s }
  ?iri skos:prefLabel|ci:title|rdfs:label|ci:personName ?label
}
"""


def labels(kg: Reader, iris: Iterable[str], language: str) -> dict[str, str]:
    """The label of each IRI that has one, by IRI: in `language` if there is one, else in any."""
    wanted = sorted(set(iris))
    found: dict[str, tuple[bool, str]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        # Terms written by the RDF library; no text of a user gets into the query.
        terms = " ".join(str(NamedNode(iri)) for iri in wanted[start : start + _AT_ONCE])
        for iri, label in kg.select(_LABELS % terms).rows:
            if isinstance(iri, NamedNode) and isinstance(label, Literal):
                candidate = (label.language != language, label.value)
                found[iri.value] = min(found.get(iri.value, candidate), candidate)
    return {iri: label for iri, (_, label) in found.items()}


def short(iri: str) -> str:
    """The last part of an IRI, for one without a label.

    >>> short("https://w3id.org/kgservice/ci#PainPoint"), short("https://kg.example/graph/ontology")
    ('PainPoint', 'ontology')
    """
    return iri.rstrip("/#").replace("#", "/").rpartition("/")[2] or iri
