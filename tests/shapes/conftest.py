"""What the tests of the shapes share: the shapes and the model, loaded once for all."""

from __future__ import annotations

from pathlib import Path

import pytest
import rdflib

from kgservice.application.validation import shipped_model
from kgservice.shacl.shapes import Shapes, load_shapes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shapes() -> Shapes:
    return load_shapes()


@pytest.fixture(scope="session")
def model() -> rdflib.Graph:
    return shipped_model()
