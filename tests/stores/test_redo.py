"""Large changes to a store on disk: made in two steps, and both or none, whenever the process ends."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.errors import BadRdf, StoreFailed, Undecided
from kgservice.store import OxigraphStore
from kgservice.store import redo as redo_module
from kgservice.store.redo import LARGE, Redo

GRAPH, OTHER = NamedNode("urn:x:graph"), NamedNode("urn:x:other")
OLD = Quad(NamedNode("urn:x:old"), NamedNode("urn:x:p"), Literal("before"), GRAPH)
NEW = Quad(NamedNode("urn:x:old"), NamedNode("urn:x:p"), Literal("after"), GRAPH)
UPDATE = (
    f"DELETE DATA {{ GRAPH {GRAPH} {{ {OLD.triple} }} }} ; INSERT DATA {{ GRAPH {GRAPH} {{ {NEW.triple} }} }}"
)


def many(count: int = LARGE) -> list[Quad]:
    """Quads with all kinds of terms that N-Quads has to escape."""
    value = 'a "b"\\ \n\t \u2028 ü 🙂'
    return [
        Quad(NamedNode(f"urn:x:{i}"), NamedNode("urn:x:p"), Literal(value, language="de"), OTHER)
        for i in range(count)
    ]


def held(store: OxigraphStore) -> set[Quad]:
    return set(store.match([(None, None, None)]))


class Failing:
    """A store whose update fails once the quads are there."""

    def __init__(self, store: pyoxigraph.Store) -> None:
        self.bulk_load = store.bulk_load

    def update(self, text: str) -> None:  # noqa: ARG002
        raise OSError("the disk is gone")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that holds one statement."""
    store = OxigraphStore(tmp_path / "store")
    store.apply(add=[OLD])
    store.close()
    return tmp_path / "store"


def test_a_large_change_is_made_and_leaves_no_files(path: Path) -> None:
    store = OxigraphStore(path)
    store.apply(add=[*many(), NEW], remove=[OLD])
    assert held(store) == {*many(), NEW}
    assert not list(path.glob("REDO*"))
    store.close()
    assert held(OxigraphStore(path)) == {*many(), NEW}


def test_what_was_left_is_done_at_the_next_opening(path: Path) -> None:
    engine = pyoxigraph.Store(path)
    with pytest.raises(Undecided, match="could not be finished"):
        Redo(path).make(Failing(engine), many(3), UPDATE)  # type: ignore[arg-type]
    assert Redo(path).left
    del engine
    store = OxigraphStore(path)
    assert held(store) == {*many(3), NEW}
    assert not list(path.glob("REDO*"))


def test_what_was_left_is_done_by_settling(path: Path) -> None:
    store = OxigraphStore(path)
    with pytest.raises(Undecided):
        Redo(path).make(Failing(store._store), many(3), UPDATE)  # type: ignore[arg-type]
    store.settle()
    assert held(store) == {*many(3), NEW}


KILLED = """
import os, signal, sys
from pathlib import Path
import pyoxigraph
from kgservice.store.redo import Redo
from tests.stores.test_redo import UPDATE, many

class Killed:
    def __init__(self, store):
        self.store = store
    def bulk_load(self, **given):
        if sys.argv[2] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self.store.bulk_load(**given)
    def update(self, text):
        if sys.argv[2] == "after":
            self.store.update(text)
        os.kill(os.getpid(), signal.SIGKILL)

Redo(Path(sys.argv[1])).make(Killed(pyoxigraph.Store(sys.argv[1])), many(50), UPDATE)
"""


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_killed_process_leaves_all_of_it_or_nothing(path: Path, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), when], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    store = OxigraphStore(path)
    assert held(store) == {*many(50), NEW}
    assert not list(path.glob("REDO*"))


def test_without_its_journal_nothing_was_begun(path: Path) -> None:
    (path / "REDO.nq").write_text(f"{many(1)[0]} .\n")
    (path / "REDO").write_bytes(b"00000000\nDELETE WHERE { GRAPH ?g { ?s ?p ?o } }")  # not to its end
    assert held(OxigraphStore(path)) == {OLD}


def test_quads_that_cannot_be_read_change_nothing(path: Path) -> None:
    store = OxigraphStore(path)
    with pytest.raises(SyntaxError):
        Redo(path).make(store._store, ["no quad"], UPDATE)  # type: ignore[list-item]
    assert held(store) == {OLD}
    assert not Redo(path).left


def test_a_folder_that_takes_no_notes_changes_nothing(path: Path) -> None:
    store = OxigraphStore(path)
    (path / "REDO.nq").mkdir()
    with pytest.raises(StoreFailed, match="cannot be noted"):
        store.apply(add=many(), remove=[OLD])
    assert held(store) == {OLD}


def test_a_malformed_update_is_told_as_always(path: Path) -> None:
    store = OxigraphStore(path)
    with pytest.raises(BadRdf):
        store.change("no update")


def changes(rng: random.Random) -> Iterable[tuple[list[Quad], list[Quad], list[NamedNode]]]:
    """Changes that add, remove and drop the same few quads and graphs over and over."""
    quads = [
        Quad(NamedNode(f"urn:x:{s}"), NamedNode("urn:x:p"), Literal(o), graph)
        for s in range(4)
        for o in ("1", "2")
        for graph in (GRAPH, OTHER)
    ]
    for _ in range(60):
        add, remove = (rng.sample(quads, rng.randrange(6)) for _ in range(2))
        yield add, remove, [graph for graph in (GRAPH, OTHER) if rng.random() < 0.2]


def test_two_steps_do_what_one_does(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redo_module, "LARGE", 1)
    store, plain = OxigraphStore(path), OxigraphStore()
    plain.apply(add=[OLD])
    for add, remove, drop in changes(random.Random(7)):
        for one in (store, plain):
            one.apply(add=add, remove=remove, drop=drop)
        assert held(store) == held(plain)


def test_a_note_that_fails_at_its_end_is_no_note(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise OSError("the disk is gone")

    store = OxigraphStore(path)
    with monkeypatch.context() as patch:
        patch.setattr(redo_module, "sync", fail)
        with pytest.raises(StoreFailed, match="cannot be noted"):
            store.apply(add=many(), remove=[OLD])
    assert not Redo(path).left
    assert held(store) == {OLD}


def test_a_damaged_note_is_told(path: Path) -> None:
    engine = pyoxigraph.Store(path)
    with pytest.raises(Undecided):
        Redo(path).make(Failing(engine), many(3), UPDATE)  # type: ignore[arg-type]
    del engine
    (path / "REDO.nq").write_text("no quad")
    with pytest.raises(Undecided, match="could not be finished"):
        OxigraphStore(path)


def test_tables_of_a_killed_process_are_taken_away(path: Path) -> None:
    (path / "bulk-1.sst").write_text("somebody's name")
    OxigraphStore(path).close()
    assert not list(path.glob("bulk-*"))
