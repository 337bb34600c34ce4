"""The view of everything: its definition, and how a change alters it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Set

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.domain.quads import Quads
from kgservice.store.base import Pattern, Store


def delta(
    store: Store,
    model: Model,
    graphs: Graphs,
    *,
    removed: Quads,
    added: Quads,
    erased: Collection[object] = frozenset(),
) -> tuple[set[Triple], set[Triple]]:
    """What the view loses and gains when the graphs that it shows lose `removed` and gain `added`.

    A statement leaves the view only if no other statement that stays states or entails it. Of what is
    `erased`, none stays.
    """

    new = said(added, model, graphs)
    candidates = said(removed, model, graphs) - new
    doubtful = unsure(candidates, erased)
    if doubtful:
        stays = (
            q for q in store.match(support(doubtful)) if graphs.in_view(q.graph_name) and q not in removed
        )
        candidates -= said(stays, model, graphs)
    return candidates, new


def said(quads: Iterable[Quad], model: Model, graphs: Graphs) -> set[Triple]:
    """What the quads put into a view: themselves, and what those of record graphs entail."""
    found: set[Triple] = set()
    for graph, triples in Quads.of(quads).by_graph.items():
        found |= said_in(graph, triples, model, graphs)
    return found


def said_in(graph: object, triples: Set[Triple], model: Model, graphs: Graphs) -> set[Triple]:
    """What the statements of one graph put into a view."""
    return model.all_entailed(triples).union(triples) if graphs.is_record(graph) else set(triples)


def unsure(candidates: Iterable[Triple], erased: Collection[object]) -> set[Triple]:
    """The statements that others may state or entail: none does of nodes that are erased."""
    return {t for t in candidates if t.subject not in erased and t.object not in erased}


def support(candidates: Iterable[Triple]) -> Iterator[Pattern]:
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


def exactly(triples: Iterable[Triple]) -> Iterator[Pattern]:
    """Where these statements are."""
    for t in triples:
        assert not isinstance(t.subject, Triple)
        yield (t.subject, t.predicate, t.object)


def placed(graph: NamedNode, triples: Iterable[Triple]) -> set[Quad]:
    """The triples in a graph."""
    return {Quad(t.subject, t.predicate, t.object, graph) for t in triples}
