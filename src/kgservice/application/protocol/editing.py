"""Single records: read as they were stated, made, replaced, deleted; as far as whoever asks sees them."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pyoxigraph import BlankNode, DefaultGraph, NamedNode, Quad, Triple

from kgservice.application.changes.modelfiles import NamedBlankNodes
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.domain.change import Change, Origin
from kgservice.domain.model import TYPE
from kgservice.errors import BadRdf, Conflict, NotFound
from kgservice.store.formats import Format
from kgservice.store.syntax import parse

Expected = Callable[[frozenset[Triple]], None]
"""Raises an error unless the record, as it is, is what whoever asks expects."""


@dataclass(frozen=True, slots=True)
class Made:
    """New records; `main` are those that no other of them refers to."""

    records: tuple[NamedNode, ...]
    main: tuple[NamedNode, ...]


def stated(kg: KnowledgeGraph, reader: Reader, record: NamedNode) -> frozenset[Quad]:
    """What was stated of a record and of its parts without a name of their own, as far as the reader sees it.

    What the model entails is left out. The quads name the record graphs. Of what the reader does not see
    nothing is looked up: it would take the longer the more is said of it, and so tell that it is there.
    """
    reader.current()
    found: set[Quad] = set()
    nodes, seen = [record], {record}
    while nodes:
        node = nodes.pop()
        shown = {quad.triple for quad in kg.store.match([(node, None, None)], reader.view)}
        for quad in kg.store.match([(node, None, None)]) if shown else ():
            if kg.graphs.is_record(quad.graph_name) and quad.triple in shown:
                found.add(quad)
                part = quad.object
                if isinstance(part, NamedNode) and kg.graphs.is_genid(part) and part not in seen:
                    seen.add(part)
                    nodes.append(part)
    return frozenset(found)


def triples_of(quads: Iterable[Quad]) -> frozenset[Triple]:
    """What quads say, wherever."""
    return frozenset(quad.triple for quad in quads)


def read(kg: KnowledgeGraph, reader: Reader, record: NamedNode) -> frozenset[Triple]:
    """See `stated`. Raises `NotFound` where there is nothing."""
    found = triples_of(stated(kg, reader, record))
    if not found:
        raise NotFound("nothing is known of <{record}>", record=record.value)
    return found


@dataclass(frozen=True, slots=True)
class Document:
    """What an RDF document says of records, and its digest."""

    quads: tuple[Quad, ...]
    digest: str


def document(content: bytes, fmt: Format, base: str) -> Document:
    """Read a document. Raises `BadRdf`, also for one that names graphs."""
    found = tuple(parse(content, fmt, base=base))
    for quad in found:
        if not isinstance(quad.graph_name, DefaultGraph):
            raise BadRdf(
                "the document names the graph {graph}; the service decides what goes where",
                graph=quad.graph_name,
            )
    return Document(found, hashlib.sha256(content).hexdigest())


def make(kg: KnowledgeGraph, reader: Reader, said: Document, origin: Origin) -> Made:
    """Make the records that a document describes: blank nodes with a class get IRIs as records have.

    Raises `BadRdf` where there is no record, `Conflict` for one that is there, and what a commit raises.
    """
    typed = dict.fromkeys(quad.subject for quad in said.quads if quad.predicate == TYPE)
    if not any(quad.subject in typed and kg.model.concerns(quad.triple) for quad in said.quads):
        raise BadRdf("the document describes no record: nothing in it has a class of the model (rdf:type)")
    names: dict[object, NamedNode] = {
        node: NamedNode(f"{kg.addresses.ids}{uuid.uuid4()}") for node in typed if isinstance(node, BlankNode)
    }
    parts = NamedBlankNodes(kg.graphs, uuid.uuid4().hex)
    add = [
        parts.quad(
            Quad(names.get(q.subject, q.subject), q.predicate, names.get(q.object, q.object), q.graph_name)
        )
        for q in said.quads
    ]
    records = [node for node in (names.get(node, node) for node in typed) if isinstance(node, NamedNode)]
    with kg.writing:
        for record in records:
            if stated(kg, reader, record):
                raise Conflict("<{record}> is there; PUT replaces it", record=record.value)
        kg.commit(Change(add=tuple(add), origin=origin))
    referred = {quad.object for quad in add if quad.subject != quad.object}
    return Made(tuple(records), tuple(record for record in records if record not in referred))


def replace(
    kg: KnowledgeGraph,
    reader: Reader,
    record: NamedNode,
    said: Document,
    *,
    origin: Origin,
    expected: Expected,
) -> bool:
    """Put what a document says of a record in the place of what the reader sees of it; whether it is new.

    Parts of the record are named as `stated` names them, or new blank nodes. Raises `BadRdf` for statements
    about anything else, what `expected` raises, and what a commit raises.
    """
    if not said.quads:
        raise BadRdf("the document says nothing of the record; DELETE deletes it")
    parts = NamedBlankNodes(kg.graphs, f"{record.value}|{said.digest}")  # the same when it comes again
    new = [parts.quad(quad) for quad in said.quads]
    with kg.writing:
        old = stated(kg, reader, record)
        own = {record, *(quad.subject for quad in old)}
        for quad in said.quads:
            if not isinstance(quad.subject, BlankNode) and quad.subject not in own:
                raise BadRdf(
                    "the document says something of {subject}, which is no part of the record",
                    subject=quad.subject,
                )
        before, after = triples_of(old), triples_of(new)
        expected(before)
        kg.commit(
            Change(
                add=tuple(quad for quad in new if quad.triple not in before),
                remove=tuple(quad for quad in old if quad.triple not in after),
                origin=origin,
            )
        )
    return not old


def delete(kg: KnowledgeGraph, reader: Reader, record: NamedNode, origin: Origin, expected: Expected) -> None:
    """Delete what the reader sees of a record, with what refers to it.

    Raises `NotFound` where there is nothing, what `expected` raises, and what a commit raises.
    """
    with kg.writing:
        old = stated(kg, reader, record)
        expected(triples_of(old))
        if not old:
            raise NotFound("nothing is known of <{record}>", record=record.value)
        shown = triples_of(kg.store.match([(None, None, record)], reader.view))
        referring = {
            quad
            for quad in kg.store.match([(None, None, record)])
            if kg.graphs.is_record(quad.graph_name) and quad.triple in shown
        }
        kg.commit(Change(remove=tuple(old | referring), origin=origin))
