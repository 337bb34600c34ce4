"""The view of everything: its definition, how a change alters it, and building it anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.store.base import Dataset, Pattern, Store
from kgservice.store.formats import N_TRIPLES


def delta(
    store: Store, model: Model, graphs: Graphs, *, removed: set[Quad], added: set[Quad]
) -> tuple[set[Quad], set[Quad]]:
    """What to remove from the view and to add to it when the record graphs lose `removed` and gain `added`.

    A statement leaves the view only if no other statement that stays states or entails it.
    """
    new = {q.triple for q in added}
    gone = {q.triple for q in removed}
    add = {t for triple in new - gone for t in (triple, *model.entailed(triple))}
    candidates = {t for triple in gone - new for t in (triple, *model.entailed(triple))} - add
    if candidates:
        for quad in store.match(_support(candidates)):
            if graphs.is_record(quad.graph_name):
                if quad not in removed:
                    candidates -= {quad.triple, *model.entailed(quad.triple)}
            elif graphs.in_view(quad.graph_name):
                candidates.discard(quad.triple)
        for triple in new:
            candidates -= {triple, *model.entailed(triple)}
    view = NamedNode(graphs.addresses.everything)
    return _in(view, candidates), _in(view, add)


def _support(candidates: Iterable[Triple]) -> Iterator[Pattern]:
    """Where statements are that can state or entail one of `candidates`."""
    seen: set[Pattern] = set()
    for triple in candidates:
        s, o = triple.subject, triple.object
        assert not isinstance(s, Triple)
        patterns: list[Pattern] = [(s, TYPE, None)] if triple.predicate == TYPE else [(s, None, o)]
        if isinstance(o, NamedNode | BlankNode) and triple.predicate != TYPE:
            patterns.append((o, None, s))
        for pattern in patterns:
            if pattern not in seen:
                seen.add(pattern)
                yield pattern


def _in(graph: NamedNode, triples: Iterable[Triple]) -> set[Quad]:
    return {Quad(t.subject, t.predicate, t.object, graph) for t in triples}


def rebuild(store: Store, model: Model, graphs: Graphs) -> None:
    """Build the view anew from what it is defined by, in bounded memory.

    Not atomic: until it ends, readers see a part. The record statements come first, and what they entail is read
    from the view while it holds nothing else.
    """
    view = NamedNode(graphs.addresses.everything)
    store.apply(drop=[view])
    names = store.graphs()
    load_graphs(store, view, [name for name in names if graphs.is_record(name)])
    load_entailed(store, model, view, Dataset(default=(view,)))
    load_graphs(store, view, [name for name in names if graphs.in_view(name) and not graphs.is_record(name)])


def load_graphs(store: Store, view: NamedNode, names: Iterable[NamedNode]) -> None:
    """Add the statements of the graphs `names` to the view."""
    with tempfile.TemporaryFile() as file:
        for name in names:
            store.dump(cast(BinaryIO, file), N_TRIPLES, graph=name)
        _load(store, view, cast(BinaryIO, file))


def load_entailed(store: Store, model: Model, view: NamedNode, dataset: Dataset) -> None:
    """Add to the view what the statements of `dataset` (its default graph) entail one by one."""
    with tempfile.TemporaryFile() as file:
        for query in entailment_queries(store, model, dataset):
            store.query(query, dataset, lambda _: N_TRIPLES, cast(BinaryIO, file))
        _load(store, view, cast(BinaryIO, file))


def entailment_queries(store: Store, model: Model, dataset: Dataset) -> Iterator[str]:
    """A CONSTRUCT for each property and class in use that entails something: what its statements entail."""
    used = store.select("SELECT DISTINCT ?p WHERE { ?s ?p ?o }", dataset).rows
    for (prop,) in used:
        turned = [t for t in model.directions.get(cast(NamedNode, prop), ()) if t[1]]
        straight = [t for t in model.directions.get(cast(NamedNode, prop), ()) if not t[1]]
        if straight:
            template = " . ".join(f"?s {p} ?o" for p, _ in straight)
            yield f"CONSTRUCT {{ {template} }} WHERE {{ ?s {prop} ?o }}"
        if turned:
            template = " . ".join(f"?o {p} ?s" for p, _ in turned)
            yield f"CONSTRUCT {{ {template} }} WHERE {{ ?s {prop} ?o FILTER(!isLiteral(?o)) }}"
    types = store.select(f"SELECT DISTINCT ?c WHERE {{ ?s {TYPE} ?c }}", dataset).rows
    for (cls,) in types:
        above = model.superclasses.get(cast(NamedNode, cls), frozenset())
        if above:
            template = " . ".join(f"?s {TYPE} {c}" for c in above)
            yield f"CONSTRUCT {{ {template} }} WHERE {{ ?s {TYPE} {cls} }}"


def _load(store: Store, view: NamedNode, file: BinaryIO) -> None:
    if file.tell():
        file.seek(0)
        store.load(file, N_TRIPLES, graph=view)
