"""The whole ontology, read once."""

from __future__ import annotations

import pytest
import rdflib

from tests.ontology import owl


@pytest.fixture(scope="session")
def ontology() -> rdflib.Graph:
    """All modules in one graph; tests do not change it."""
    return owl.whole()
