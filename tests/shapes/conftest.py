"""What the tests of the shapes share: the shapes and the model, loaded once for all."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib

from kgservice.application.guard.validation import shipped_model
from kgservice.shacl.local import LocalValidator
from kgservice.shacl.shapes import Shapes, shipped_shapes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shapes() -> Shapes:
    return shipped_shapes()


@pytest.fixture(scope="session")
def local(shapes: Shapes, model: rdflib.Graph) -> LocalValidator:
    """Validates small graphs quickly: shapes and model are prepared once (see `tests/property`)."""
    return LocalValidator(shapes, model)


@pytest.fixture(scope="session")
def model() -> rdflib.Graph:
    """The model without its words: constraints look at none of them, and each validation copies the model."""
    graph = rdflib.Graph()
    for s, p, o in shipped_model():
        if not isinstance(o, rdflib.Literal):
            graph.add((s, p, o))
    return graph
