"""What several files of tests over HTTP share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.serving import Running, running


@pytest.fixture(scope="module")
def unchanged(model_only: OxigraphStore) -> Iterator[Running]:
    """One server with an empty graph for all tests of a file: none of them changes anything."""
    with model_only.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, guarded=False)
        with running(kg) as server:
            yield server
        kg.close()
