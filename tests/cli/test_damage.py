"""A store whose files are damaged or gone: `serve` says so, and how to go on, before it serves anything."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care.backups import Backups
from kgservice.cli.local import opened
from kgservice.domain.change import Change
from kgservice.errors import StoreFailed
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.checksums import Checksums
from tests.cli.commands import COMMAND, environment


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    path.write_bytes(content)


def largest(store: Path, pattern: str) -> Path:
    return max(store.glob(pattern), key=lambda path: path.stat().st_size)


def gone(pattern: str) -> Callable[[Path], None]:
    return lambda store: largest(store, pattern).unlink()


def flipped(pattern: str) -> Callable[[Path], None]:
    return lambda store: flip(largest(store, pattern))


@pytest.fixture
def store(model_only: OxigraphStore, tmp_path: Path) -> Path:
    """A store that was served, then written to and not closed."""
    store = tmp_path / "store"
    model_only.backup(store)
    Checksums(store).note(store)
    living = tmp_path / "living"
    shutil.move(store, living)
    with opened(Settings(store=living, reserve=0)) as kg:
        kg.guarded = False
        kg.commit(Change(add=(Quad(NamedNode("urn:test:x"), NamedNode(f"{CI}title"), Literal("x")),)))
        copy_at_rest(living, store)
    return store


def copy_at_rest(living: Path, store: Path) -> None:
    """Copy an open store at a moment at which it compacts nothing."""
    for _ in range(50):
        before = {path.name for path in living.iterdir()}
        with suppress(shutil.Error):
            shutil.copytree(living, store)
            if before == {path.name for path in living.iterdir()}:
                return
        shutil.rmtree(store)
        time.sleep(0.2)
    raise AssertionError("the store is never at rest")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flipped("CURRENT"), "The store is damaged"),
        (gone("CURRENT"), "The store is damaged"),
        (flipped("MANIFEST-*"), "The store is damaged"),
        (gone("MANIFEST-*"), "The store is damaged"),
        (gone("*.sst"), "The store is damaged"),
        (flipped("*.sst"), "are damaged: "),
        (flipped("*.log"), "is at commit 0, but commit 1 was answered"),
        (gone("*.log"), "is at commit 0, but commit 1 was answered"),
    ],
    ids=["CURRENT", "no CURRENT", "MANIFEST", "no MANIFEST", "no table", "table", "log", "no log"],
)
def test_serve_says_what_is_damaged_and_how_to_go_on(
    store: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(store)
    done = subprocess.run(
        [*COMMAND, "serve", "--store", store, "--port", "0"],
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (6, "")
    assert said in done.stderr
    assert "kgservice restore" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_damaged_file_gets_into_no_backup(store: Path, tmp_path: Path) -> None:
    with opened(Settings(store=store, reserve=0)) as kg:
        with kg.store.checkpoint() as tables:  # compaction may have made others
            Checksums(store).note(tables)
            kept = largest(tables, "*.sst").name
        flip(store / kept)
        with pytest.raises(StoreFailed, match="are damaged"):
            Backups(kg, tmp_path / "kept").make()
        assert list((tmp_path / "kept").iterdir()) == []


def test_tables_of_checkpoints_are_noted_and_others_are_not_looked_at(tmp_path: Path) -> None:
    store, checkpoint = tmp_path / "store", tmp_path / "checkpoint"
    for folder in (store, checkpoint):
        folder.mkdir()
        (folder / "000009.sst").write_bytes(b"what it held")
    (store / "000010.sst").write_bytes(b"half written")
    sums = Checksums(store)
    sums.check()  # nothing is known
    sums.note(checkpoint)
    flip(store / "000010.sst")
    sums.check()
    flip(store / "000009.sst")
    sums.note(checkpoint)
    with pytest.raises(StoreFailed, match="are damaged: 000009"):
        sums.check()
    (checkpoint / "000009.sst").rename(checkpoint / "000011.sst")
    sums.note(checkpoint)
    sums.check()
    (store / "CHECKSUMS").write_text("[")
    sums.check()
