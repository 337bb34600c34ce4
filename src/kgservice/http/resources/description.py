"""The service description (SPARQL 1.1 Service Description) with VoID statistics of the default graph."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import BinaryIO

from pyoxigraph import BlankNode, Literal, NamedNode, Triple, serialize

from kgservice.application.views.reader import Reader
from kgservice.domain.sparql_search import MATCHES
from kgservice.errors import NotAcceptable
from kgservice.namespaces import PREFIXES, RDF, RDFS, SD, VOID, XSD
from kgservice.store.formats import GRAPH_FORMATS, RESULT_FORMATS, Format

_W3C_FORMATS = "http://www.w3.org/ns/formats/"
_FORMAT_IRIS = {
    "turtle": "Turtle",
    "ntriples": "N-Triples",
    "rdfxml": "RDF_XML",
    "jsonld": "JSON-LD",
    "trig": "TriG",
    "nquads": "N-Quads",
    "json": "SPARQL_Results_JSON",
    "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
}
_SIMPLE_ENTAILMENT = NamedNode("http://www.w3.org/ns/entailment/Simple")

_TOTALS = """SELECT (COUNT(*) AS ?triples) (COUNT(DISTINCT ?s) AS ?subjects) (COUNT(DISTINCT ?o) AS ?objects)
WHERE { ?s ?p ?o }"""
_ENTITIES = "SELECT (COUNT(DISTINCT ?s) AS ?entities) WHERE { ?s a ?class FILTER(isIRI(?s)) }"
_PROPERTIES = (
    "SELECT ?property (COUNT(*) AS ?triples) WHERE { ?s ?property ?o } GROUP BY ?property ORDER BY ?property"
)
_CLASSES = """SELECT ?class (COUNT(DISTINCT ?s) AS ?entities)
WHERE { ?s a ?class FILTER(isIRI(?class)) } GROUP BY ?class ORDER BY ?class"""


class Describer:
    """Describes the service; counts once for each state of a view."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[NamedNode, tuple[int, list[Triple]]] = {}

    def write(self, root: str, fmt: Format, out: BinaryIO, reader: Reader) -> None:
        """Write what the service at the address `root` (without a slash at its end) has for the reader."""
        if fmt.rdf is None:
            raise NotAcceptable("A description cannot be {fmt}", fmt=fmt.name)
        prefixes = {name: PREFIXES[name] for name in ("rdf", "rdfs", "sd", "void", "xsd")}
        serialize(
            self._triples(root, reader),
            out,
            format=fmt.rdf,
            prefixes=prefixes if _takes_prefixes(fmt) else None,
        )

    def _triples(self, root: str, reader: Reader) -> Iterator[Triple]:
        dataset, graph = BlankNode(), BlankNode("default")
        query, change = NamedNode(f"{root}/sparql#service"), NamedNode(f"{root}/update#service")
        for service, address, language in (
            (query, f"{root}/sparql", "SPARQL11Query"),
            (change, f"{root}/update", "SPARQL11Update"),
        ):
            yield _is_a(service, "Service")
            yield Triple(service, _sd("endpoint"), NamedNode(address))
            yield Triple(service, _sd("supportedLanguage"), _sd(language))
            yield Triple(service, _sd("defaultDataset"), dataset)
            yield Triple(service, _sd("defaultEntailmentRegime"), _SIMPLE_ENTAILMENT)
        if reader.settings.search:
            yield Triple(query, _sd("propertyFeature"), NamedNode(MATCHES))
            yield _is_a(NamedNode(MATCHES), "Feature")
        for fmt in (*RESULT_FORMATS, *GRAPH_FORMATS):
            yield Triple(query, _sd("resultFormat"), NamedNode(_W3C_FORMATS + _FORMAT_IRIS[fmt.name]))
        yield _is_a(dataset, "Dataset")
        yield Triple(dataset, _sd("defaultGraph"), graph)
        for name in _named(reader):
            if reader.store.has_graph(NamedNode(name)):
                named = BlankNode()
                yield Triple(dataset, _sd("namedGraph"), named)
                yield _is_a(named, "NamedGraph")
                yield Triple(named, _sd("name"), NamedNode(name))
        yield _is_a(graph, "Graph")
        yield Triple(graph, NamedNode(f"{RDFS}comment"), Literal(_comment(reader), language="en"))
        yield Triple(graph, NamedNode(f"{RDF}type"), _void("Dataset"))
        yield from self._statistics(graph, reader)

    def _statistics(self, graph: BlankNode, reader: Reader) -> list[Triple]:
        with self._lock:  # one count at a time: it may take a while on a large graph
            state = reader.state
            known = self._counted.get(reader.view)
            if known is None or known[0] != state:
                known = self._counted[reader.view] = (state, list(self._count(graph, reader)))
            return known[1]

    def _count(self, graph: BlankNode, reader: Reader) -> Iterator[Triple]:
        triples, subjects, objects = reader.select(_TOTALS).rows[0]
        (entities,) = reader.select(_ENTITIES).rows[0]
        properties = reader.select(_PROPERTIES).rows
        classes = reader.select(_CLASSES).rows
        totals = {
            "triples": triples,
            "distinctSubjects": subjects,
            "distinctObjects": objects,
            "entities": entities,
            "properties": Literal(str(len(properties)), datatype=NamedNode(f"{XSD}integer")),
            "classes": Literal(str(len(classes)), datatype=NamedNode(f"{XSD}integer")),
        }
        for name, count in totals.items():
            assert isinstance(count, Literal)
            yield Triple(graph, _void(name), count)
        for rows, kind, count_of in ((properties, "property", "triples"), (classes, "class", "entities")):
            for term, count in rows:
                assert isinstance(term, NamedNode)
                assert isinstance(count, Literal)
                part = BlankNode()
                yield Triple(graph, _void(f"{kind}Partition"), part)
                yield Triple(part, _void(kind), term)
                yield Triple(part, _void(count_of), count)


def _named(reader: Reader) -> tuple[str, ...]:
    """The graphs that are named as such: none beside the view of a purpose."""
    a = reader.addresses
    if reader.purpose is not None:
        return ()
    return (a.everything, a.ontology, a.vocabulary, a.provenance, a.finding, a.quality)


def _comment(reader: Reader) -> str:
    if reader.purpose is not None:
        return f"The view for the purpose <{reader.purpose}>."
    return (
        f"The view of everything, <{reader.view.value}>. The default graph of the Graph Store "
        f"Protocol (/graphs?default) is another: <{reader.addresses.scratch}>, "
        "for loose statements of no record."
    )


def _sd(name: str) -> NamedNode:
    return NamedNode(SD + name)


def _void(name: str) -> NamedNode:
    return NamedNode(VOID + name)


def _is_a(subject: NamedNode | BlankNode, name: str) -> Triple:
    return Triple(subject, NamedNode(f"{RDF}type"), _sd(name))


def _takes_prefixes(fmt: Format) -> bool:
    return fmt.name in {"turtle", "trig", "rdfxml", "jsonld"}
