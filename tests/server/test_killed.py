"""A command that is killed in the middle, at each of many moments: the store is whole, or the next run ends well."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pyoxigraph import NamedNode

from kgservice.application.care import check, migrating
from kgservice.application.care.backups import Backups
from kgservice.application.graph.erased import Erased
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import erasing
from kgservice.cli.exits import Exit
from kgservice.cli.stores import store_of
from kgservice.domain.clock import Clock
from kgservice.errors import StoreFailed
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.cli.commands import run_here
from tests.prepared import old_store
from tests.server.killed import killed
from tests.unpacked import files_with

PERSON = "00000000-0000-4000-8000-100700000015"
FAMILY = "Tannwald"

pytestmark = pytest.mark.slow


def sums(store: OxigraphStore) -> dict[str, tuple[int, int]]:
    """How many statements each graph has, and their checksum."""
    return {graph.value: migrating.summed(store, graph) for graph in store.graphs()}


def sums_in(path: Path) -> dict[str, tuple[int, int]]:
    store = OxigraphStore(path)
    found = sums(store)
    store.close()
    return found


def test_a_store_that_was_being_brought_up_is_brought_up_by_the_next_start(
    tmp_path: Path, clock: Clock
) -> None:
    old_store(tmp_path / "start" / "store")
    *broken_off, whole = killed(tmp_path, 7, "query", "ASK {}", "--store", "store")
    expected = sums_in(whole / "store")
    for folder in broken_off:
        path = folder / "store"
        kg = KnowledgeGraph.open(Settings(store=path), store := OxigraphStore(path), clock, guarded=False)
        assert sums(store) == expected, folder.name
        kg.close()
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock, guarded=False)
    assert check.check(kg) == []
    kg.close()


def test_a_migration_to_another_store_goes_on(tmp_path: Path) -> None:
    path = old_store(tmp_path / "start" / "store")
    store = OxigraphStore(path)
    store.apply(create=[NamedNode("urn:empty")])
    store.close()
    expected = sums_in(path)
    same, refused = set(), 0
    for folder in killed(tmp_path, 2, "migrate", "store", "other"):
        other = Settings(store=folder / "other")
        if (folder / "other" / "MIGRATING").exists():
            refused += 1
            with pytest.raises(StoreFailed, match=r"kgservice migrate SOURCE .*other"):
                store_of(other)
        else:
            assert not other.store.exists() or sums_in(other.store) in ({}, expected)
        done = run_here("migrate", folder / "store", folder / "other", "--json")
        assert done.returncode == 0, done.stderr
        same.add(json.loads(done.stdout)["same"])
        assert sums_in(folder / "store") == sums_in(folder / "other") == expected
        store_of(other).close()
    assert (min(same), max(same), len(same) > 4) == (0, len(expected), True)
    assert refused > 4


def test_a_restore_leaves_no_store_or_a_whole_one(tmp_path: Path, clock: Clock) -> None:
    path = old_store(tmp_path / "start" / "data" / "store")
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock, guarded=False)
    kg.erased = Erased.beside(path)
    Backups(kg, tmp_path / "start" / "kept").make()
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    kg.close()
    shutil.rmtree(path)
    *broken_off, whole = killed(tmp_path, 15, "restore", "kept", "--into", "data/store")
    views = {
        name: count for name, (count, _) in sums_in(whole / "data" / "store").items() if "/view/" in name
    }
    codes = set()
    for folder in broken_off:
        restored = folder / "data" / "store"
        codes.add(run_here("restore", folder / "kept", "--into", restored).returncode)
        done = run_here("compact", "--store", restored)
        assert done.returncode == 0, done.stderr
        assert files_with(restored, {FAMILY}) == {}
        found = sums_in(restored)
        assert {name: count for name, (count, _) in found.items() if name in views} == views
        assert not list(restored.parent.glob(".*"))
    assert codes == {0, Exit.CONFLICT}  # there was no store, or a whole one
