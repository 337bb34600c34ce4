"""Fixtures for all tests: knowledge graphs with a clock that stands still, and a server in front of one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.demonstration import load_demonstration
from kgservice.application.stewards import stewarding
from kgservice.domain.clock import Clock
from kgservice.garbage import look_seldom
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.prepared import made_once, ontology_read_once

if TYPE_CHECKING:
    from kgservice.application.guard.guard import Guard
    from tests.serving import Running

IN_MEMORY, ROOM = Path("/dev/shm"), 8 * 2**30
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def has_room(folder: Path) -> bool:
    """Whether the folders of all tests can be there, and programs in them be run."""
    if not folder.is_dir():
        return False
    found = os.statvfs(folder)
    free = min(found.f_bavail * found.f_frsize, psutil.virtual_memory().available // 2)
    return free >= ROOM and not found.f_flag & os.ST_NOEXEC


def pytest_configure() -> None:
    """Look for garbage as the program does, and keep what is compiled, as do processes that tests start.

    Where Python is told to keep nothing compiled, each process would compile hundreds of modules again, and
    rewrite the assertions of all tests. Where there is room, folders of tests are in memory: nothing that they
    prove outlives a loss of power, and they need not wait for a disk.
    """
    look_seldom()
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if has_room(IN_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no process works alone at the end.

    Each file goes to one process (`--dist loadfile`), so that what it shares is made once.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def clock() -> Clock:
    """A clock that always says 2026-11-20, noon (UTC)."""
    return lambda: NOON


@pytest.fixture(scope="session", autouse=True)
def _ontology() -> Iterator[None]:
    """See `ontology_read_once`."""
    with ontology_read_once():
        yield


@pytest.fixture(scope="session")
def model_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OxigraphStore]:
    """A store that holds the model and its view, to be copied: on disk a copy is hard links, and takes no time."""

    def make(path: Path) -> None:
        KnowledgeGraph.open(Settings(), OxigraphStore(path)).close()

    store = OxigraphStore(made_once(tmp_path_factory, "model", make))
    yield store
    store.close()


@pytest.fixture
def kg(model_only: OxigraphStore, clock: Clock) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph: the model, and no records."""
    with model_only.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        yield graph
        graph.close()


@pytest.fixture
def kg_in_memory(clock: Clock) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph in memory: making one takes seconds."""
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(), clock, guarded=False)
    yield graph
    graph.close()


@pytest.fixture(scope="session")
def demo_store(tmp_path_factory: pytest.TempPathFactory, model_only: OxigraphStore, clock: Clock) -> Path:
    """A store directory with the demonstration graph at noon on 2026-11-20, for those who only read."""

    def make(path: Path) -> None:
        model_only.backup(path)
        kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock)
        load_demonstration(kg)
        kg.close()

    return made_once(tmp_path_factory, "demo", make)


@pytest.fixture(scope="session")
def demo_kg(
    demo_store: Path, tmp_path_factory: pytest.TempPathFactory, clock: Clock
) -> Iterator[KnowledgeGraph]:
    """The demonstration graph at noon on 2026-11-20, for tests that only read."""
    own = shutil.copytree(demo_store, tmp_path_factory.mktemp("demo") / "store")
    graph = KnowledgeGraph.open(Settings(), OxigraphStore(own), clock)
    yield graph
    graph.close()


@pytest.fixture(scope="session")
def guard() -> Guard:
    """A guard that all guarded graphs share: reading the shapes takes seconds."""
    from kgservice.application.guard.guard import Guard

    return Guard()


@pytest.fixture
def demo_kg_guarded(demo_kg: KnowledgeGraph, clock: Clock, guard: Guard) -> Iterator[KnowledgeGraph]:
    """A copy of the demonstration graph that takes no violations."""
    with demo_kg.store.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock)
        graph.guard = guard
        yield graph
        graph.close()


@pytest.fixture(scope="session")
def stewarded(
    tmp_path_factory: pytest.TempPathFactory, demo_store: Path, clock: Clock
) -> Iterator[OxigraphStore]:
    """A store with the demonstration graph and its findings, as a validation of all leaves it, to be copied."""

    def make(path: Path) -> None:
        shutil.copytree(demo_store, path)
        kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock)
        stewarding.refresh(kg)
        kg.close()

    store = OxigraphStore(made_once(tmp_path_factory, "stewarded", make))
    yield store
    store.close()


@pytest.fixture
def stewarded_kg(stewarded: OxigraphStore, clock: Clock, guard: Guard) -> Iterator[KnowledgeGraph]:
    """A copy of the demonstration graph with its findings that takes no violations."""
    with stewarded.copy() as store:
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
