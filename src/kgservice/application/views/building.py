"""Building views from their definition, in bounded memory. Not atomic: meanwhile readers see a part."""

from __future__ import annotations

import tempfile
from collections.abc import Set
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from pyoxigraph import NamedNode

from kgservice.application.changes.entailing import Entailments
from kgservice.application.changes.record_texts import Progress, RecordTexts, counted, silent, step
from kgservice.application.views.building_purposes import PurposeViews
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import Model
from kgservice.store.base import Store
from kgservice.store.formats import N_TRIPLES

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph


def build_all(kg: KnowledgeGraph, told: Progress = silent) -> None:
    """Add to the view of everything what it lacks, and build those of purposes anew."""
    with RecordTexts(kg.store, kg.graphs, told) as records:
        extend(kg.store, kg.model, kg.graphs, records=records, told=told)
        _rebuild_purposes(kg, records, told)


def extend(
    store: Store,
    model: Model,
    graphs: Graphs,
    *,
    view: NamedNode | None = None,
    records: RecordTexts | None = None,
    told: Progress = silent,
) -> None:
    """Add to the view (that of everything, unless it is named) all that its definition says."""
    entailments = Entailments(model)
    with ExitStack() as held:
        texts = records or held.enter_context(RecordTexts(store, graphs, told))
        spool = held.enter_context(tempfile.TemporaryFile())
        for graph in counted(texts.graphs(), "Building the view of everything", told):
            for piece in texts.pieces(graph):
                spool.write(piece)
                spool.write(entailments.of_all(piece))
        for name in store.graphs():
            if graphs.in_view(name) and not graphs.is_record(name):
                store.dump(cast(BinaryIO, spool), N_TRIPLES, graph=name)
        with step("Filling the view of everything", told):
            _load(store, spool, view or NamedNode(graphs.addresses.everything))


def _load(store: Store, spool: IO[bytes], graph: NamedNode) -> None:
    if spool.tell():
        spool.seek(0)
        store.load(cast(BinaryIO, spool), N_TRIPLES, graph=graph)


def build_purposes(kg: KnowledgeGraph, purposes: Set[str], told: Progress = silent) -> None:
    """Fill the views of these purposes, which hold nothing, and note when they change by themselves.

    The view of everything is there. What is noted of persons is made anew.
    """
    with RecordTexts(kg.store, kg.graphs, told) as records:
        PurposeViews(kg, purposes, records).build(told)


def rebuild_purposes(kg: KnowledgeGraph, told: Progress = silent) -> None:
    """Build all views of purposes anew."""
    with RecordTexts(kg.store, kg.graphs, told) as records:
        _rebuild_purposes(kg, records, told)


def _rebuild_purposes(kg: KnowledgeGraph, records: RecordTexts, told: Progress) -> None:
    for purpose in kg.settings.active_purposes:
        kg.store.empty(NamedNode(kg.addresses.view(purpose)), keep=kg.graphs.model)
    PurposeViews(kg, frozenset(kg.settings.active_purposes), records).build(told)
