"""Quads by graph do what sets of quads do, and effects of changes are put together as before."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.domain.quads import Quads
from kgservice.store import redo as redo_module
from kgservice.store.redo import Redo

GRAPHS = [NamedNode(f"urn:x:graph{n}") for n in range(3)]
EVERY = [
    Quad(NamedNode(f"urn:x:{s}"), NamedNode("urn:x:p"), Literal(o), graph)
    for s in range(3)
    for o in ("1", "2")
    for graph in GRAPHS
]


def some(rng: random.Random) -> set[Quad]:
    return set(rng.sample(EVERY, rng.randrange(8)))


def pairs() -> Iterator[tuple[set[Quad], set[Quad]]]:
    rng = random.Random(3)
    for _ in range(200):
        yield some(rng), some(rng)


def test_they_are_sets() -> None:
    for one, other in pairs():
        quads, others = Quads(one), Quads(other)
        assert (set(quads), len(quads), bool(quads)) == (one, len(one), bool(one))
        assert quads.graphs == {quad.graph_name for quad in one}
        assert {quad for quad in EVERY if quad in quads} == one
        assert set(quads.common(others)) == one & other
        assert set(quads.less(others)) == one - other
        assert set(quads.where(lambda graph: graph == GRAPHS[0])) == {
            quad for quad in one if quad.graph_name == GRAPHS[0]
        }
        assert set(quads.only(GRAPHS[1])) == {quad for quad in one if quad.graph_name == GRAPHS[1]}
        assert (quads == others) == (one == other)
        assert set(quads) == one  # looking changed nothing


def test_their_lines_are_of_what_they_hold_now() -> None:
    def written(quads: Quads, graph: NamedNode) -> str:
        return " .\n".join(sorted(str(quad.triple) for quad in quads if quad.graph_name == graph))

    def looked_at(quads: Quads) -> Quads:
        assert [quads.lines(graph) for graph in GRAPHS] == [written(quads, graph) for graph in GRAPHS]
        return quads

    for one, other in pairs():
        for change in (
            lambda quads, other=other: quads.update(Quads(other)),
            lambda quads, other=other: quads.update(looked_at(Quads(other))),
            lambda quads, other=other: quads.update(other),
            lambda quads, other=other: quads.remove(Quads(other)),
            lambda quads, other=other: [quads.add(quad) for quad in other],
            lambda quads: quads.leave(GRAPHS[:1]),
            lambda quads: quads.clear(),
        ):
            quads = looked_at(Quads(one))
            change(quads)
            looked_at(quads)
            looked_at(quads.only(GRAPHS[0]))
            looked_at(Quads.of(quads).less(Quads(other)))


def test_they_change_as_sets_do() -> None:
    for one, other in pairs():
        both = Quads(one)
        both |= Quads(other)
        assert both == Quads(one | other)
        less = Quads(one)
        less.remove(Quads(other))
        assert less == Quads(one - other)
        left = Quads(one)
        left.leave(GRAPHS[:2])
        assert left == Quads(quad for quad in one if quad.graph_name == GRAPHS[2])
        assert not any(not triples for triples in (*both.by_graph.values(), *less.by_graph.values()))


def test_what_is_taken_in_is_a_copy() -> None:
    one, other = Quads(EVERY[:1]), Quads()
    other |= one
    other.update(EVERY)
    assert set(one) == set(EVERY[:1])


def then(first: tuple[set[Quad], ...], later: tuple[set[Quad], ...], drop: set[NamedNode]) -> list[set[Quad]]:
    """Two effects (what they remove and add) as one, by single quads: the later one drops graphs."""
    (remove, add), (gone, new) = first, later
    add = {quad for quad in add if quad.graph_name not in drop}
    undone = gone & add
    restored = {quad for quad in new & remove if quad.graph_name not in drop}
    return [(remove - restored) | (gone - undone), (add - undone) | (new - restored)]


def test_two_effects_become_one() -> None:
    rng = random.Random(5)
    for _ in range(300):
        first, later = (some(rng), some(rng)), (some(rng), some(rng))
        drop = {graph for graph in GRAPHS if rng.random() < 0.2}
        effect = Effect(remove=Quads(first[0]), add=Quads(first[1]))
        effect.then(Effect(drop=set(drop), remove=Quads(later[0]), add=Quads(later[1])))
        assert [set(effect.remove), set(effect.add)] == then(first, later, drop)
        assert effect.drop == drop
        parts = effect.by_graph()
        assert {quad for part in parts.values() for quad in part.add} == set(effect.add)
        assert {quad for part in parts.values() for quad in part.remove} == set(effect.remove)
        assert parts.keys() == effect.graphs


@pytest.mark.parametrize("piece", [1, 3, 5000])
def test_they_are_written_as_single_quads_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    """Terms that hold what ends a line, graphs of all kinds, which say the same but for one statement each."""
    monkeypatch.setattr(redo_module, "_PIECE", piece)
    value = 'a "b" .\n <urn:x:g> .\\ \t \u2028 ü 🙂'
    places: list[NamedNode | DefaultGraph] = [*GRAPHS, DefaultGraph()]
    quads = [
        Quad(NamedNode("urn:x:s"), NamedNode("urn:x:p"), Literal(text, language="de"), graph)
        for text in (value, ".", " .", "\n")
        for graph in places
    ]
    quads += [
        Quad(quad.subject, quad.predicate, graph, graph) for quad, graph in zip(quads, GRAPHS, strict=False)
    ]
    redo = Redo(tmp_path)
    redo._note(Quads(quads), "")
    by_graph = set(redo._quads.read_bytes().splitlines(keepends=True))
    redo._note(quads, "")
    assert by_graph == set(redo._quads.read_bytes().splitlines(keepends=True))
    assert len(by_graph) == len(quads)
