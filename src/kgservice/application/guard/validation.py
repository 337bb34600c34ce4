"""Validate what the store holds, or files before they are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import rdflib
from pyoxigraph import BlankNode, CanonicalizationAlgorithm, DefaultGraph, NamedNode, Quad, RdfFormat, parse
from pyoxigraph import Dataset as Data

from kgservice import __version__, resources
from kgservice.application.changes import modelfiles
from kgservice.application.changes.record_texts import Progress, silent
from kgservice.application.guard.bulk import Job, findings
from kgservice.application.guard.journal import Journal
from kgservice.application.guard.unclassed import Unclassed
from kgservice.domain.clock import Clock, system_clock
from kgservice.domain.finding import Node, Policy
from kgservice.domain.graphs import Graphs
from kgservice.errors import BadInput, BadRdf, NotFound
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.shacl.bulk import CHUNK, BulkValidator, chunks
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.reach import Triple
from kgservice.shacl.report import Report
from kgservice.shacl.shapes import Shapes, shipped_shapes
from kgservice.shacl.targets import Candidate
from kgservice.shacl.terms import add_all, to_rdflib
from kgservice.shacl.validate import context_graph, context_of
from kgservice.store.base import Dataset, Store
from kgservice.store.documents import check_document
from kgservice.store.formats import graph_format_of

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph

_ALL = "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }"


def validate(
    kg: KnowledgeGraph,
    *,
    shapes: Shapes | None = None,
    policy: Policy | None = None,
    processes: int | None = None,
    told: Progress = silent,
    journal: Journal | None = None,
) -> Report:
    """Validate the record graphs of the store (project, subject and consent graphs) as one graph.

    `shapes` default to those shipped, "now" is the clock of `kg`. Quarantine, scratch graphs and views are
    not looked at. What is validated is what the store gives back, with literals as the store keeps them. It
    is looked at in parts, by several `processes` if there is much (None: one for each processor); `told`
    hears how far it is. With a `journal` it can go on after an
    interruption, with the moment at which it began as "now".
    """
    shapes, policy, now = shapes or shipped_shapes(), policy or kg.policy, kg.clock()
    model = model_of(kg.store, kg.addresses)
    if journal is not None:
        now = journal.begin(_digest(kg, policy, shapes.graph, model), now)
    base = (*model, *context_of(now, policy))
    job = Job(kg.addresses, shapes, base, classed=True, accelerated=kg.settings.accelerated)
    return Report.of(findings(kg.store, job, processes=processes, told=told, journal=journal))


def _digest(kg: KnowledgeGraph, policy: Policy, *graphs: rdflib.Graph) -> str:
    """What tells this validation from one of other records, with other shapes or by another program."""
    last = NamedNode(kg.addresses.instance("commit", str(kg.head)))
    lines = [__version__, str(CHUNK), str(policy), *sorted(map(str, kg.store.match([(last, None, None)])))]
    for graph in graphs:
        data = Data(parse(graph.serialize(format="ntriples"), format=RdfFormat.N_TRIPLES))
        data.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
        lines += sorted(map(str, data))
    return sha256("\n".join(lines).encode()).hexdigest()


def validate_files(
    paths: Sequence[Path],
    kg: KnowledgeGraph | None = None,
    *,
    shapes: Shapes | None = None,
    settings: Settings | None = None,
    clock: Clock = system_clock,
) -> Report:
    """Validate RDF files (or folders of them) without writing anything.

    Without `kg` the files stand alone, with the shipped model and the policy of `settings`, and `clock` says
    "now"; with `kg` they are validated together with what its store holds, as if they had been added, and its
    clock and policy count. Names of graphs in the files are ignored, but for this: what no record graph holds
    needs no class. The report knows which file describes a node. Raises `NotFound` for a
    missing file, `BadInput` for an unknown ending, and `BadRdf`, with the line, for malformed RDF.
    """
    files = _files(paths)
    model, data = (
        (shipped_model(), rdflib.Graph())
        if kg is None
        else (model_of(kg.store, kg.addresses), records_of(kg))
    )
    settings = settings or Settings() if kg is None else kg.settings
    graphs = Graphs(Addresses(settings.base))
    described: dict[Node, str] = {}
    of_records: list[Triple] = []
    for path in files:
        for quad in _read(path):
            triple = (to_rdflib(quad.subject), to_rdflib(quad.predicate), to_rdflib(quad.object))
            data.add(triple)
            if isinstance(quad.subject, NamedNode | BlankNode):
                described.setdefault(quad.subject, str(path))
            if isinstance(quad.graph_name, DefaultGraph) or graphs.is_record(quad.graph_name):
                of_records.append(triple)
    context = context_graph(clock() if kg is None else kg.clock(), Policy.of(settings))
    validator = BulkValidator(shapes or shipped_shapes(), (*model, *context), screened=settings.accelerated)
    report = _report(validator, (*model, *context), data, of_records)
    focus = {finding.focus for finding in report.findings}
    return replace(report, sources={node: described[node] for node in focus & described.keys()})


def _report(
    validator: BulkValidator, base: tuple[Triple, ...], data: rdflib.Graph, of_records: Iterable[Triple]
) -> Report:
    """The report on data together with the base, of whose thousand nodes few need the reference engine.

    What the statements `of_records` are about needs a class.
    A blank node in what bears on some nodes leaves all of these to it: those of the base are looked at apart.
    """
    statements = GraphStatements(data)
    of_base = dict.fromkeys(validator.candidates())
    of_data: dict[Candidate, None] = {}
    for s, p, o in sorted(statements.all(), key=str):
        of_data[s, None] = None
        if p in validator.objects_of:
            assert isinstance(p, rdflib.URIRef)
            of_data[o, p] = None
    found = validator.anywhere(statements)
    unclassed = Unclassed(base)
    found += unclassed.among(unclassed.records(of_records), statements)
    for some in (of_base, (one for one in of_data if one not in of_base)):
        for chunk in chunks(some):
            found += validator.among(chunk, statements)
    return Report.of(found)


def records_of(kg: KnowledgeGraph) -> rdflib.Graph:
    """All statements of the record graphs in the store, merged, in memory."""
    graph = rdflib.Graph()
    for name in kg.store.graphs():
        if kg.graphs.is_record(name):
            add_all(graph, kg.store.construct(_ALL, Dataset(default=(name,))))
    return graph


def model_of(store: Store, addresses: Addresses) -> rdflib.Graph:
    """The ontology and the vocabulary in the store, in memory."""
    graph = rdflib.Graph()
    for triple in model_statements(store, addresses):
        graph.add(triple)
    return graph


def model_statements(store: Store, addresses: Addresses) -> set[Triple]:
    """The statements of the ontology and the vocabulary in the store."""
    return {
        (to_rdflib(triple.subject), to_rdflib(triple.predicate), to_rdflib(triple.object))
        for name in (addresses.ontology, addresses.vocabulary)
        for triple in store.construct(_ALL, Dataset(default=(NamedNode(name),)))
    }


def shipped_model() -> rdflib.Graph:
    """The ontology and the vocabulary of the package, in memory, as a store holds them: without blank nodes.

    The reference engine alone can look at what has a blank node in it, which takes long.
    """
    read = modelfiles.read(resources.folder("ontology"), Graphs(Addresses(Settings().base)))
    return add_all(rdflib.Graph(), read.quads)


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [p for p in sorted(path.rglob("*")) if p.is_file() and graph_format_of(p)]
        elif path.exists():
            found.append(path)
        else:
            raise NotFound("there is no such file", source=str(path))
    return found


def _read(path: Path) -> list[Quad]:
    """The statements of a file."""
    fmt = graph_format_of(path)
    if fmt is None:
        raise BadInput("the ending of the file names no RDF format", source=str(path))
    check_document(path, fmt)
    try:
        return list(
            parse(path=str(path), format=fmt.rdf, base_iri=path.resolve().as_uri(), rename_blank_nodes=True)
        )
    except SyntaxError as e:
        raise BadRdf(e.msg, source=str(path), line=e.lineno, column=e.offset) from None
    except ValueError as e:
        raise BadRdf(str(e), source=str(path)) from None
