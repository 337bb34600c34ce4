"""A store whose files are damaged or gone: `serve` says so, and how to go on, before it serves anything."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care.backups import Backups
from kgservice.cli.local import opened
from kgservice.domain.change import Change
from kgservice.errors import StoreFailed
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.checksums import NAME, Checksums
from tests.cli.commands import COMMAND, environment


def flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    path.write_bytes(content)


def largest(store: Path, pattern: str) -> Path:
    return max(store.glob(pattern), key=lambda path: path.stat().st_size)


def gone(pattern: str) -> Callable[[Path], None]:
    return lambda store: largest(store, pattern).unlink()


def flip_noted(store: Path) -> None:
    """Damage a table whose checksum is known: while the store was open, others may have been made of some."""
    noted = json.loads((store / NAME).read_text())
    flip(
        max((store / name for name in noted if (store / name).exists()), key=lambda path: path.stat().st_size)
    )


def flipped(pattern: str) -> Callable[[Path], None]:
    return lambda store: flip(largest(store, pattern))


@pytest.fixture(scope="module")
def written(model_only: OxigraphStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was served, then written to and not closed, to be copied."""
    folder = tmp_path_factory.mktemp("written")
    store, living = folder / "store", folder / "living"
    model_only.backup(living)
    Checksums(living).note(living)
    with opened(Settings(store=living, reserve=0)) as kg:
        kg.guarded = False
        kg.commit(Change(add=(Quad(NamedNode("urn:test:x"), NamedNode(f"{CI}title"), Literal("x")),)))
        copy_at_rest(living, store)
    return store


@pytest.fixture
def store(written: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(written, tmp_path / "store"))


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


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "CURRENT": (flipped("CURRENT"), "The store is damaged"),
    "no CURRENT": (gone("CURRENT"), "The store is damaged"),
    "MANIFEST": (flipped("MANIFEST-*"), "The store is damaged"),
    "no MANIFEST": (gone("MANIFEST-*"), "The store is damaged"),
    "no table": (gone("*.sst"), "The store is damaged"),
    "table": (flip_noted, "are damaged: "),
    "log": (flipped("*.log"), "is at commit 0, but commit 1 was answered"),
    "no log": (gone("*.log"), "is at commit 0, but commit 1 was answered"),
}
# `serve` on one store after the other in one process, which takes two seconds to start; what each has said.
SERVES = """
import json, sys
from tests.cli.commands import run_here

for store in sys.argv[1:]:
    done = run_here("serve", "--store", store, "--port", "0")
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""


def ended(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """A process that has ended by itself."""
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment(), timeout=120
    )


@pytest.fixture(scope="module")
def served(written: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What `serve` says on each damaged store: its exit code, its output and its errors."""
    folder = tmp_path_factory.mktemp("damaged")
    stores = [Path(shutil.copytree(written, folder / name)) for name in DAMAGES]
    for store, (damage, _) in zip(stores, DAMAGES.values(), strict=True):
        damage(store)
    done = ended(sys.executable, "-W", "error", "-c", SERVES, *stores)
    assert done.returncode == 0, done.stderr
    return dict(zip(DAMAGES, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("damage", DAMAGES)
def test_serve_says_what_is_damaged_and_how_to_go_on(served: dict[str, list[Any]], damage: str) -> None:
    code, out, said = served[damage]
    assert (code, out) == (6, "")
    assert DAMAGES[damage][1] in said
    assert "kgservice restore" in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_the_process_ends_with_that(store: Path) -> None:
    damage, said = DAMAGES["table"]
    damage(store)
    done = ended(*COMMAND, "serve", "--store", store, "--port", "0")
    assert (done.returncode, done.stdout) == (6, "")
    assert said in done.stderr
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
