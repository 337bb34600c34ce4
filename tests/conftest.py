"""Fixtures that all tests share: a fixed clock and knowledge graphs with the model of the package."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kgservice import resources
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.load import load_rdf
from kgservice.domain.change import Origin
from kgservice.domain.clock import Clock
from kgservice.settings import Settings
from kgservice.store import OxigraphStore

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def clock() -> Clock:
    """A clock that stands still at `NOW`."""
    return lambda: NOW


@pytest.fixture
def kg(clock: Clock) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph in memory, with the model."""
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(), clock)
    yield graph
    graph.close()


@pytest.fixture
def kg_on_disk(tmp_path: Path, clock: Clock) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph on disk, with the model."""
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(tmp_path / "store"), clock)
    yield graph
    graph.close()


@pytest.fixture(scope="session")
def demo_kg(clock: Clock) -> Iterator[KnowledgeGraph]:
    """The demonstration graph in memory; shared by the session, so tests only read it."""
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(), clock)
    load_rdf(graph, [resources.folder("demo")], Origin(agent="demo"))
    yield graph
    graph.close()
