"""The demonstration graph that ships with the package: a maker of compressors and its customers."""

from __future__ import annotations

from pyoxigraph import NamedNode, Quad

from kgservice import resources
from kgservice.application.changes.effect import Effect
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Commit, Origin
from kgservice.domain.quads import Quads
from kgservice.store.formats import TRIG, TURTLE
from kgservice.store.syntax import parse

ORIGIN = Origin(agent="kgservice", reason="demonstration graph", source="demo")


def load_demonstration(kg: KnowledgeGraph) -> Commit:
    """Load the demonstration graph; the last of its commits. Loading it again changes nothing.

    The guard does not judge it: it was valid at its own moment, 2026-11-20, and rules about now would soon
    find what is overdue in it. Its findings are part of it.
    """
    folder = resources.folder("demo")
    with kg.writing:
        records = load_rdf(kg, sorted(folder.glob(f"*{TURTLE.extensions[0]}")), ORIGIN, trusted=True).commit
        places = (NamedNode(kg.addresses.finding), NamedNode(kg.addresses.everything))
        triples = [
            quad.triple
            for path in sorted(folder.glob(f"*{TRIG.extensions[0]}"))
            for quad in parse(path, TRIG, base=kg.settings.base)
        ]
        there = {quad.triple for quad in kg.planner().quads(places[0])}
        new = [triple for triple in dict.fromkeys(triples) if triple not in there]
        add = Quads(Quad(t.subject, t.predicate, t.object, place) for t in new for place in places)
        return kg.write(Effect(add=add, added=len(new)), ORIGIN, trusted=True) if add else records
