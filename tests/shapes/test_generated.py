"""Generated graphs keep all rules until they are damaged, and no shape is idle in all that the tests validate."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import rdflib
from benchmarks.complete import NOW, CompleteGenerator
from pyoxigraph import RdfFormat, parse

from kgservice.domain.finding import Policy
from kgservice.shacl.compile import automata
from kgservice.shacl.datasets import GraphStatements
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.roots import Index
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.terms import add_all
from kgservice.shacl.validate import context_graph, validate

ROOT = Path(__file__).parents[2]
FILES = [*ROOT.glob("shapes/*/examples/*.ttl"), *ROOT.glob("demo/*.ttl")]


def generated(seed: int) -> rdflib.Graph:
    """The records of ten customers."""
    lines = "".join(CompleteGenerator(10, seed).lines())
    return add_all(rdflib.Graph(), parse(lines, format=RdfFormat.N_QUADS))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_generated_graph_keeps_all_rules_until_it_is_damaged(
    seed: int, shapes: Shapes, local: LocalValidator, model: rdflib.Graph
) -> None:
    context = context_graph(NOW, Policy())
    whole = generated(seed)
    assert validate(whole, shapes, model=model, context=context).findings == ()
    lost = random.Random(seed).sample(sorted(whole), 30)
    damaged = rdflib.Graph()
    for triple in {*whole} - {*lost}:
        damaged.add(triple)
    found = {finding.key for finding in validate(damaged, shapes, model=model, context=context).findings}
    difference = local.difference(lost, GraphStatements(whole), GraphStatements(damaged), context)
    assert {finding.key for finding in difference.new} == found
    assert len(found) > 10
    assert difference.gone == []


@pytest.mark.slow
def test_every_shape_applies_to_something(shapes: Shapes, model: rdflib.Graph) -> None:
    """All these graphs are validated in a test: here, in `test_examples` or in `test_demo`."""
    data = generated(1)
    for path in FILES:
        data.parse(path)
    alone, together = Index(model), Index({*model, *data})
    idle = [root.shape for root in automata(shapes) if root.all_targets(together) <= root.all_targets(alone)]
    assert idle == []
