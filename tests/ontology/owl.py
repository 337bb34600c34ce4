"""The ontology as rdflib graphs, and what the reasoner and the profile checker say of a graph."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jpype
import owlready2
import pytest
import rdflib
from rdflib import OWL, RDF, RDFS, Literal, URIRef
from rdflib.term import Node

from kgservice.namespaces import CI
from kgservice.resources import folder
from tests.ontology import java

MODULES = ("core", "journey", "experience", "segmentation", "consent", "crm", "alignment")
BASE = "https://w3id.org/kgservice/ci/"
_BUILT_IN = (str(OWL), str(RDF), str(RDFS), "http://www.lesfleursdunormal.fr/")


@cache
def module(name: str) -> rdflib.Graph:
    """One module alone, read once; nobody changes it."""
    return empty().parse(folder("ontology") / f"{name}.ttl")


def empty() -> rdflib.Graph:
    """A graph that says nothing: in a store for one graph, which takes half the time."""
    return rdflib.Graph("SimpleMemory")


def with_imports(name: str) -> rdflib.Graph:
    """One module with all that it imports, directly or not."""
    graph, waiting, seen = empty(), [name], set()
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            part = module(current)
            graph += part
            waiting += [str(o).removeprefix(BASE) for o in part.objects(None, OWL.imports)]
    return graph


def whole() -> rdflib.Graph:
    """All modules in one graph."""
    graph = empty()
    for name in MODULES:
        graph += module(name)
    return graph


def demonstration() -> rdflib.Graph:
    """All modules and the records of the demonstration."""
    graph = whole()
    for path in sorted(folder("demo").glob("*.ttl")):
        graph.parse(path)
    return graph


def own(graph: rdflib.Graph, kind: URIRef) -> set[URIRef]:
    """The terms of the model that have this type."""
    return {s for s in graph.subjects(RDF.type, kind) if isinstance(s, URIRef) and s.startswith(CI)}


def texts(graph: rdflib.Graph, term: Node, relation: URIRef) -> list[Literal]:
    """The literals that a term has in this relation."""
    return [o for o in graph.objects(term, relation) if isinstance(o, Literal)]


def languages(graph: rdflib.Graph, term: Node, relation: URIRef) -> list[str | None]:
    """The languages of these literals, sorted."""
    return sorted((o.language for o in texts(graph, term, relation)), key=str)


def local(term: object) -> str:
    """The part of an IRI after the last # or /."""
    return str(term).replace("#", "/").rpartition("/")[2]


def closure(graph: rdflib.Graph, relation: URIRef) -> dict[str, set[str]]:
    """All that each term is told to be below, without itself; class expressions left out."""
    return {
        str(s): {str(o) for o in graph.transitive_objects(s, relation) if isinstance(o, URIRef) and o != s}
        for s in set(graph.subjects(relation))
        if isinstance(s, URIRef)
    }


@dataclass(frozen=True)
class Classified:
    """What HermiT found: whether the graph is consistent, what can have no member, what is below what."""

    consistent: bool
    unsatisfiable: list[str]
    above: dict[str, set[str]]


_classified: dict[frozenset[tuple[Node, Node, Node]], Classified] = {}


def classify(graph: rdflib.Graph) -> Classified:
    """Run HermiT over `graph`, whose imports must already be in it; once for the same statements."""
    flat = _flat(graph)
    said = frozenset(flat)
    if said not in _classified:
        _classified[said] = _classify(flat)
    return _classified[said]


def _classify(graph: rdflib.Graph) -> Classified:
    owlready2.JAVA_EXE = java.executable()
    world = owlready2.World()
    text = io.BytesIO(graph.serialize(format="nt", encoding="utf-8"))
    ontology = world.get_ontology("https://kg.example/classified#").load(fileobj=text)
    try:
        with ontology, pytest.MonkeyPatch.context() as patch:
            patch.setenv("JDK_JAVA_OPTIONS", java.QUICK)
            owlready2.sync_reasoner_hermit(world, infer_property_values=False, debug=0)
    except owlready2.OwlReadyInconsistentOntologyError:
        return Classified(False, [], {})
    above = {}
    for entity in (*world.classes(), *world.properties()):
        iris = {a.iri for a in entity.ancestors() if hasattr(a, "iri") and a is not entity}
        above[entity.iri] = {i for i in iris if not i.startswith(_BUILT_IN)}
    empty = [c.iri for c in world.inconsistent_classes() if not c.iri.startswith(_BUILT_IN)]
    return Classified(True, empty, above)


def outside_of_owl_dl(graph: rdflib.Graph) -> list[str]:
    """The violations of the OWL 2 DL profile that OWLAPI finds in `graph`."""
    owlapi = java.owlapi()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "ontology.owl"
        _flat(graph).serialize(path, format="xml")
        manager = owlapi.apibinding.OWLManager.createOWLOntologyManager()
        loaded = manager.loadOntologyFromOntologyDocument(jpype.java.io.File(str(path)))
        report = owlapi.profiles.OWL2DLProfile().checkOntology(loaded)
        return sorted(str(v) for v in report.getViolations())


def _flat(graph: rdflib.Graph) -> rdflib.Graph:
    """A copy with one ontology header and no imports."""
    flat = empty()
    headers = set(graph.subjects(RDF.type, OWL.Ontology))
    for triple in graph:
        if triple[0] not in headers:
            flat.add(triple)
    flat.add((URIRef("https://kg.example/flat"), RDF.type, OWL.Ontology))
    return flat
