"""In which form a store gives literals back: what is written to find that out."""

from __future__ import annotations

from collections.abc import Iterable

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.namespaces import RDF, XSD

ANY = NamedNode("urn:kgservice:any")
_TEXTS = frozenset(NamedNode(iri) for iri in (f"{XSD}string", f"{RDF}langString"))


def typed(terms: Iterable[Literal]) -> set[Literal]:
    """Those of the literals that a store may give back in another form: all but texts."""
    return {term for term in terms if term.datatype not in _TEXTS}


def placed(terms: Iterable[Literal], graph: NamedNode | None = None) -> dict[NamedNode, Quad]:
    """One statement for each literal, by its subject; in the default graph, or in a named one."""
    places = ((NamedNode(f"urn:kgservice:{number}"), term) for number, term in enumerate(terms))
    return {place: Quad(place, ANY, term, graph or DefaultGraph()) for place, term in places}
