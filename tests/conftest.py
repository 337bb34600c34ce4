"""Fixtures for all tests: knowledge graphs with a clock that stands still, and a server in front of one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.clock import Clock
from kgservice.settings import Settings
from kgservice.store import OxigraphStore

if TYPE_CHECKING:
    from kgservice.application.guard import Guard
    from tests.serving import Running

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def clock() -> Clock:
    """A clock that always says 2026-11-20, noon (UTC)."""
    return lambda: NOON


@pytest.fixture(scope="session")
def model_only() -> Iterator[OxigraphStore]:
    """A store that holds the model and its view, to be copied: building them takes a second."""
    store = OxigraphStore()
    KnowledgeGraph.open(Settings(), store)
    yield store
    store.close()


@pytest.fixture
def kg(model_only: OxigraphStore, clock: Clock) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph in memory: the model, and no records."""
    with model_only.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        yield graph
        graph.close()


@pytest.fixture
def kg_on_disk(model_only: OxigraphStore, tmp_path: Path, clock: Clock) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph on disk: the model, and no records."""
    model_only.backup(tmp_path / "store")
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(tmp_path / "store"), clock, guarded=False)
    yield graph
    graph.close()


@pytest.fixture(scope="session")
def demo_kg(model_only: OxigraphStore, clock: Clock) -> Iterator[KnowledgeGraph]:
    """The demonstration graph at noon on 2026-11-20, for tests that only read."""
    from kgservice.application.demonstration import load_demonstration

    with model_only.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock)
        load_demonstration(graph)
        yield graph
        graph.close()


@pytest.fixture(scope="session")
def guard() -> Guard:
    """A guard that all guarded graphs share: reading the shapes takes seconds."""
    from kgservice.application.guard import Guard

    return Guard()


@pytest.fixture
def demo_kg_guarded(demo_kg: KnowledgeGraph, clock: Clock, guard: Guard) -> Iterator[KnowledgeGraph]:
    """A copy of the demonstration graph that takes no violations."""
    with demo_kg.store.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock)
        graph.guard = guard
        yield graph
        graph.close()


@pytest.fixture
def server(kg: KnowledgeGraph) -> Iterator[Running]:
    """A running server in front of `kg`."""
    from tests.serving import running

    with running(kg) as server:
        yield server
