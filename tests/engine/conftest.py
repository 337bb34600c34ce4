"""A demonstration graph whose queries run in processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.cli.isolating import isolated
from kgservice.domain.clock import Clock
from kgservice.engine.isolated import Isolated
from kgservice.settings import Settings
from kgservice.store import OxigraphStore


@pytest.fixture(scope="module")
def apart(
    demo_store: Path, clock: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KnowledgeGraph]:
    """The demonstration graph, unguarded, with an engine that holds all views in memory."""
    path = tmp_path_factory.mktemp("apart") / "store"
    OxigraphStore(demo_store).backup(path)
    settings = Settings(store=path, query_memory=200, query_answer=8, query_rows=20_000, queries=2)
    kg = KnowledgeGraph.open(settings, OxigraphStore(path), clock, guarded=False)
    with isolated(kg):
        until(lambda: len(engine_of(kg).held) == 1 + len(settings.active_purposes))
        yield kg
    kg.close()


def engine_of(kg: KnowledgeGraph) -> Isolated:
    """The engine, as what it is."""
    assert isinstance(kg.engine, Isolated)
    return kg.engine


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until it is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not become true"
        time.sleep(0.02)
