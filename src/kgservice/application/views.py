"""The view of everything: its definition, how a change alters it, and building it anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kgservice.domain.graphs import Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.store.base import Dataset, Pattern, Store
from kgservice.store.formats import N_TRIPLES


def delta(
    store: Store, model: Model, graphs: Graphs, *, removed: set[Quad], added: set[Quad]
) -> tuple[set[Quad], set[Quad]]:
    """What the view loses and gains when the graphs that it shows lose `removed` and gain `added`.

    A statement leaves the view only if no other statement that stays states or entails it.
    """

    def said(quads: Iterable[Quad]) -> set[Triple]:
        """What the quads put into the view: themselves, and what those of record graphs entail."""
        found: set[Triple] = set()
        for quad in quads:
            found.add(quad.triple)
            if graphs.is_record(quad.graph_name):
                found |= model.entailed(quad.triple)
        return found

    new = said(added)
    candidates = said(removed) - new
    if candidates:
        stays = (
            q for q in store.match(_support(candidates)) if graphs.in_view(q.graph_name) and q not in removed
        )
        candidates -= said(stays)
    view = NamedNode(graphs.addresses.everything)
    return _in(view, candidates), _in(view, new)


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


def rebuild(store: Store, model: Model, graphs: Graphs, *, view: NamedNode | None = None) -> None:
    """Build the view anew (or its twin named `view`) from what it is defined by, in bounded memory.

    Not atomic: until it ends, readers see a part.
    """
    view = view or NamedNode(graphs.addresses.everything)
    store.apply(drop=[view])
    extend(store, model, graphs, view=view)


def extend(store: Store, model: Model, graphs: Graphs, *, view: NamedNode | None = None) -> None:
    """Add to the view all that its definition says, and remove nothing. In bounded memory, not atomic."""
    view = view or NamedNode(graphs.addresses.everything)
    with tempfile.TemporaryFile() as spool:
        file = cast(BinaryIO, spool)
        for name in store.graphs():
            if graphs.in_view(name):
                store.dump(file, N_TRIPLES, graph=name)
        for query in _entailments(model, graphs):
            store.query(query, Dataset(), lambda _: N_TRIPLES, file)
        if file.tell():
            file.seek(0)
            store.load(file, N_TRIPLES, graph=view)


def _entailments(model: Model, graphs: Graphs) -> Iterator[str]:
    """A CONSTRUCT for each property and class in use that entails something: what its statements entail."""

    def in_records(pattern: str) -> str:
        prefixes = " || ".join(f"STRSTARTS(STR(?g), {Literal(prefix)})" for prefix in graphs.record_prefixes)
        return f"WHERE {{ GRAPH ?g {{ {pattern} }} FILTER({prefixes}) }}"

    for prop, directions in sorted(model.directions.items(), key=str):
        straight = " . ".join(f"?s {p} ?o" for p, turned in directions if not turned)
        turned = " . ".join(f"?o {p} ?s" for p, turned in directions if turned)
        if straight:
            yield f"CONSTRUCT {{ {straight} }} {in_records(f'?s {prop} ?o')}"
        if turned:
            yield f"CONSTRUCT {{ {turned} }} {in_records(f'?s {prop} ?o . FILTER(!isLiteral(?o))')}"
    for cls, above in sorted(model.superclasses.items(), key=str):
        if above:
            template = " . ".join(f"?s {TYPE} {c}" for c in above)
            yield f"CONSTRUCT {{ {template} }} {in_records(f'?s {TYPE} {cls}')}"
