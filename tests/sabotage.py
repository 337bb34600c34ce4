"""What makes a store unsound, for tests that it is noticed."""

from __future__ import annotations

import random

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice.application.changes import streams
from kgservice.application.graph.graph import KnowledgeGraph

STRANGE = NamedNode("urn:x:strange")


def sabotage(kg: KnowledgeGraph) -> list[str]:
    """Change each view, and leave it as large as it was; what a check has to say of that.

    Each loses a statement of the model, a number and any other, and gets one of another view where there is one, a
    number and a text that formats write in ways of their own. Some of it only moves from view to view.
    """
    dice, faults = random.Random(4), list[str]()
    views = [kg.view, *(NamedNode(kg.addresses.view(purpose)) for purpose in kg.settings.active_purposes)]
    everything = _statements(kg, kg.view)
    model = sorted(set().union(*(_statements(kg, graph) for graph in kg.graphs.model)), key=str)
    for number, view in enumerate(views):
        held = _statements(kg, view)
        numbers = [
            t for t in held if isinstance(t.object, Literal) and t.object.datatype.value.endswith("integer")
        ]
        gone = {dice.choice(model), dice.choice(sorted(numbers, key=str)), dice.choice(sorted(held, key=str))}
        come = {
            Triple(STRANGE, STRANGE, Literal(number)),
            Triple(STRANGE, STRANGE, Literal('\ta\n"b\\ \x08\x7f äß€😀 ')),
            *sorted(everything - held, key=str)[:1],
        }
        kg.store.apply(
            add=[Quad(t.subject, t.predicate, t.object, view) for t in come],
            remove=[Quad(t.subject, t.predicate, t.object, view) for t in gone],
        )
        for triples, words in ((come, "holds, but should not:"), (gone, "lacks:")):
            faults += [f"{view} {words} {triple}" for triple in sorted(map(str, triples))]
    return faults


def _statements(kg: KnowledgeGraph, graph: NamedNode) -> set[Triple]:
    return set(streams.triples(kg.store, graph))
