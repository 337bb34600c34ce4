"""Findings after random lawful and ordinary changes, some of which cannot be entered at once: as in everything."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from benchmarks.complete import NOW, CompleteGenerator
from pyoxigraph import NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.application.guard.later import noted
from kgservice.application.guard.validation import validate
from kgservice.application.law import consents, erasing
from kgservice.domain.change import Change
from kgservice.domain.consent import SUBJECT
from kgservice.errors import Invalid, KgError, StoreFull
from kgservice.namespaces import CI, RDF
from kgservice.settings import Settings
from kgservice.store.formats import N_QUADS
from kgservice.store.oxigraph import OxigraphStore
from kgservice.store.syntax import parse

TYPE = NamedNode(f"{RDF}type")
STEPS = 25
CHANGES = {"lawful": 8, "ordinary": 6, "erase": 2, "withdraw": 3, "hinder": 4}


class World:
    """A small graph that the rules accept, and what happens to it."""

    def __init__(self, path: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        generator = CompleteGenerator(6)
        self.kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), lambda: NOW)
        quads = parse("".join(generator.lines()).encode(), N_QUADS)
        self.kg.commit(Change.adding([Quad(*quad.triple) for quad in quads]))
        for n, person in enumerate(self.of_class("ContactPerson")):
            with suppress(Invalid):  # who has not agreed to it
                self.kg.commit(generator.new_record(4 * n + 1, [person.value]))
        self.hindered, self.entered = False, 0
        self.taken: list[tuple[Quad, ...]] = []
        self.made_up = self.kg.guard.made_up
        self.kg.guard.made_up = self.perhaps  # type: ignore[method-assign]

    def perhaps(self, planner: Planner, now: datetime) -> Effect:
        """What follows, unless there is no room for it."""
        if self.hindered:
            raise StoreFull("no room is left")
        self.entered += 1
        return self.made_up(planner, now)

    def records(self) -> list[Quad]:
        """What records say, in an order."""
        every = self.kg.store.match([(None, None, None)])
        return sorted((quad for quad in every if self.kg.graphs.is_record(quad.graph_name)), key=str)

    def of_class(self, name: str) -> list[NamedNode]:
        """The nodes of a class."""
        kind = NamedNode(f"{CI}{name}")
        found = {q.subject for q in self.records() if (q.predicate, q.object) == (TYPE, kind)}
        return sorted((node for node in found if isinstance(node, NamedNode)), key=str)

    def edit(self, *, lawful: bool) -> None:
        """Take statements out, or a node with all that is said with it; or put back what was taken."""
        every = [quad for quad in self.records() if lawful or quad.predicate != TYPE]
        kind = self.dice.choice(("some", "node", "back", "elsewhere"))
        if kind == "back" and self.taken:
            self.kg.commit(Change(add=self.taken.pop(), lawful=lawful))
        elif kind == "elsewhere":  # said by two graphs, of which one may lose it
            quad, graph = self.dice.choice(every), self.dice.choice(every).graph_name
            self.kg.commit(
                Change(add=(Quad(quad.subject, quad.predicate, quad.object, graph),), lawful=lawful)
            )
        elif kind == "node":
            node = self.dice.choice(every).subject
            gone = tuple(quad for quad in self.records() if node in {quad.subject, quad.object})
            self.kg.commit(Change(remove=gone, lawful=lawful))
            self.taken.append(gone)
        else:
            gone = tuple(self.dice.sample(every, self.dice.choice((1, 1, 3, 30))))
            self.kg.commit(Change(remove=gone, lawful=lawful))
            self.taken.append(gone)

    def step(self) -> None:
        """Something happens, or is refused."""
        (what,) = self.dice.choices([*CHANGES], [*CHANGES.values()])
        if what == "hinder":
            self.hindered = not self.hindered
        elif what == "erase":
            person = self.kg.addresses.key(self.dice.choice(self.of_class("ContactPerson")).value)
            erasing.erase(self.kg, person, {"otherBasis": self.dice.choice(("erase", "keep"))})
        elif what == "withdraw":
            consent = self.dice.choice(self.of_class("ConsentRecord")).value
            time = (NOW - timedelta(hours=1)).isoformat()
            consents.withdraw(self.kg, consent, {"method": "letter", "by": SUBJECT, "time": time})
        else:
            self.edit(lawful=what == "lawful")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_what_is_entered_is_what_there_is(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path / "store", seed)
    compared = 0
    for _ in range(STEPS):
        with suppress(KgError, IndexError):  # it is refused, or nobody is left
            world.step()
        if world.hindered:
            continue
        with world.kg.writing:
            planner = world.kg.planner()
            found = validate(world.kg, processes=1).findings
            assert findings.disputed(planner, found, NOW) == set()
        assert noted(world.kg.store, world.kg.addresses) == {}
        compared += bool(found)
    world.kg.close()
    assert compared > 5
    assert world.entered > 5
