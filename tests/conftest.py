"""Fixtures for all tests: a fresh knowledge graph in memory, and a server in front of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kgservice.application.graph import KnowledgeGraph
    from serving import Running


@pytest.fixture
def kg() -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph in memory: the model, and no records."""
    from kgservice.application.graph import KnowledgeGraph
    from kgservice.settings import Settings
    from kgservice.store import OxigraphStore

    graph = KnowledgeGraph.open(Settings(), OxigraphStore())
    yield graph
    graph.close()


@pytest.fixture(scope="session")
def demo_kg() -> Iterator[KnowledgeGraph]:
    """The demonstration graph on 2026-11-20 at noon (UTC), for tests that only read."""
    from kgservice.application.demonstration import load_demonstration
    from kgservice.application.graph import KnowledgeGraph
    from kgservice.settings import Settings
    from kgservice.store import OxigraphStore

    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(), clock=lambda: noon)
    load_demonstration(graph)
    yield graph
    graph.close()


@pytest.fixture
def server(kg: KnowledgeGraph) -> Iterator[Running]:
    """A running server in front of `kg`."""
    from serving import running

    with running(kg) as server:
        yield server
