"""`backup`, `verify` and `restore`: nothing is lost, what was erased stays erased, a broken copy is not taken."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care.backups import Backups, faults_of
from kgservice.application.graph.erased import Erased
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import erasing
from kgservice.cli.runtime import find
from kgservice.domain.backup import File, Manifest
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.errors import BadInput
from kgservice.namespaces import CI
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.cli.commands import Run
from tests.cli.test_service import serving

FAMILY = "tannwald"
PERSON = "00000000-0000-4000-8000-100700000015"


@pytest.fixture
def store(demo_store: Path, tmp_path: Path) -> Path:
    """A copy of the demonstration graph."""
    return Path(shutil.copytree(demo_store, tmp_path / "data" / "store"))


@pytest.fixture
def kg(store: Path, clock: Clock) -> Iterator[KnowledgeGraph]:
    """The demonstration graph; each look at its clock is a second later."""
    seconds = iter(range(10_000))

    def later() -> datetime:
        return clock() + timedelta(seconds=next(seconds))

    graph = KnowledgeGraph.open(Settings(store=store), OxigraphStore(store), later, guarded=False)
    graph.erased = Erased.beside(store)
    yield graph
    graph.close()


def say(kg: KnowledgeGraph, words: str) -> None:
    subject = NamedNode(f"{kg.addresses.ids}00000000-0000-4000-8000-0000000000aa")
    kg.commit(Change(add=(Quad(subject, NamedNode(f"{CI}title"), Literal(words)),)))


def quads(path: Path) -> set[Quad]:
    store = OxigraphStore(path)
    found = set(store.match([(None, None, None)]))
    store.close()
    return found


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.unlink()  # it may be shared
    path.write_bytes(content)


def test_only_its_owner_can_read_a_backup(run: Run, store: Path, tmp_path: Path) -> None:
    run("keys", "create", "--name", "a", "--role", "steward", "--store", store)
    made = run("backup", tmp_path / "kept", "--store", store, "--json")
    assert made.returncode == 0, made.stderr
    folder = Path(json.loads(made.stdout)["folder"])
    names = {"audit.sqlite", "keys.sqlite", "manifest.json", "store"}
    assert {path.name for path in folder.iterdir()} == names
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.iterdir()])
    shutil.rmtree(folder / "store")
    assert run("verify", folder).returncode == 1
    again = run("backup", tmp_path / "kept", "--store", store)
    assert again.returncode in {0, 5}  # 5: in the same second


@pytest.mark.slow
def test_what_is_restored_is_what_was_kept(run: Run, store: Path, tmp_path: Path) -> None:
    run("keys", "create", "--name", "a", "--role", "steward", "--store", store)
    assert run("backup", tmp_path / "kept", "--store", store).returncode == 0
    before = quads(store)
    verified = run("verify", tmp_path / "kept")
    assert (verified.returncode, "is whole" in verified.stdout) == (0, True)
    other = tmp_path / "other" / "store"
    restored = run("restore", tmp_path / "kept", "--into", other)
    assert restored.returncode == 0, restored.stderr
    assert quads(other) == before
    assert {path.name for path in other.parent.iterdir()} == {
        "store",
        "store.audit.sqlite",
        "store.keys.sqlite",
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in other.parent.iterdir())
    assert run("check", "--store", other).returncode == 0
    assert "restore" in run("audit", "list", "--store", other).stdout
    assert run("audit", "verify", "--store", other).returncode == 0
    full = run("restore", tmp_path / "kept", "--into", other)
    assert (full.returncode, "there is a store" in full.stderr) == (5, True)
    assert (
        run("restore", tmp_path / "kept", "--into", tmp_path / "new", KGSERVICE_BASE="urn:x/").returncode == 2
    )


def test_a_later_backup_shares_the_files_that_did_not_change(kg: KnowledgeGraph, tmp_path: Path) -> None:
    kg.store.optimize()  # else Oxigraph puts files together at any moment, and none may be left the same
    backups = Backups(kg, tmp_path / "kept")
    first = backups.make()
    say(kg, "after the first backup")
    second = backups.make()
    assert (first.shared, second.manifest.commit) == (0, first.manifest.commit + 1)
    same = set(first.manifest.files) & set(second.manifest.files)
    assert 0 < second.shared == sum(file.size for file in same) < second.manifest.size
    for file in same:
        assert (first.folder / file.path).samefile(second.folder / file.path)
    # A file that is damaged in the first one is not shared.
    largest = max(same, key=lambda file: file.size)
    flip(second.folder / largest.path)
    third = backups.make()
    assert faults_of(second.folder) == [f"{largest.path} is damaged: its checksum differs"]
    assert (largest in third.manifest.files, faults_of(third.folder)) == (True, [])


def test_what_broke_off_or_is_damaged_is_not_restored(run: Run, store: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / ".20260101T000000Z.unfinished" / "store").mkdir(parents=True)
    (kept / "20270101T000000Z" / "store").mkdir(parents=True)  # its manifest would have come last
    assert run("verify", kept).returncode == 4
    assert run("restore", kept, "--into", tmp_path / "new").returncode == 4
    folder = Path(json.loads(run("backup", kept, "--store", store, "--json").stdout)["folder"])
    assert not list(kept.glob(".*"))
    flip(max((folder / "store").iterdir(), key=lambda path: path.stat().st_size))
    (folder / "store" / "more").touch()
    (folder / "store" / "CURRENT").unlink()
    verified = run("verify", kept, "--json")
    assert (verified.returncode, len(json.loads(verified.stdout)["faults"])) == (1, 3)
    restored = run("restore", kept, "--into", tmp_path / "new")
    assert (restored.returncode, "the backup is damaged" in restored.stderr) == (2, True)
    assert not (tmp_path / "new").exists()
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"commit": ', '"commit": 1'))
    assert run("verify", kept).returncode == 2


@pytest.mark.slow
def test_who_was_erased_since_is_erased_again_and_leaves_the_files(
    run: Run, kg: KnowledgeGraph, store: Path, tmp_path: Path
) -> None:
    Backups(kg, tmp_path / "kept").make()
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    kg.close()
    shutil.rmtree(store)
    restored = run("restore", tmp_path / "kept", "--into", store)
    assert (restored.returncode, "this person was erased again" in restored.stderr) == (0, True), (
        restored.stderr
    )
    left = quads(store)
    assert not [quad for quad in left if FAMILY in str(quad.object).lower()]
    assert not [path for path in store.iterdir() if FAMILY.encode() in path.read_bytes().lower()]
    # On another machine only a list that was kept elsewhere can know.
    bare = run("restore", tmp_path / "kept", "--into", tmp_path / "bare" / "store")
    assert "erased again" not in bare.stderr
    assert "whoever was erased since the backup is back" in bare.stderr
    assert "since the backup is back" not in restored.stderr
    told = store.with_name("store.erased.jsonl")
    known = run("restore", tmp_path / "kept", "--into", tmp_path / "known" / "store", "--erased", told)
    assert "this person was erased again" in known.stderr
    assert "since the backup is back" not in known.stderr


@pytest.mark.slow
def test_a_service_makes_its_backups_where_its_setting_says(
    run: Run, empty_store: Path, tmp_path: Path
) -> None:
    with serving(empty_store) as service:
        running = find(empty_store)
        assert running is not None
        with httpx.Client(
            base_url=running.url, headers={"Authorization": f"Bearer {running.token}"}, timeout=60
        ) as client:
            update = f'INSERT DATA {{ <urn:test:x> a <{CI}Persona> ; <{CI}title> "kept"@en }}'
            done = client.post(
                "/update", content=update, headers={"Content-Type": "application/sparql-update"}
            )
            assert done.is_success, done.text
            elsewhere = run("backup", tmp_path / "elsewhere", "--store", empty_store)
            assert (elsewhere.returncode, (tmp_path / "elsewhere").exists()) == (2, False)
            made = run("backup", "--store", empty_store, "--json")
            assert made.returncode == 0, made.stderr
            assert run("check", "--store", empty_store).returncode == 0
            # It would go on with the files that it has open, wherever they are moved.
            empty_store.rename(tmp_path / "moved")
            over = run("restore", empty_store.with_name("store.backups"), "--into", empty_store)
            assert (over.returncode, "stop it first" in over.stderr) == (6, True)
            assert not empty_store.exists()
            (tmp_path / "moved").rename(empty_store)
            listed = client.get("/backups").json()
            jobs = client.get("/maintenance").json()["jobs"]
        # The service did both, and the commands followed them.
        assert [(job["work"], job["state"]) for job in jobs] == [("check", "done"), ("backup", "done")]
        assert Path(listed["folder"]) == empty_store.with_name("store.backups")
        assert [kept["commit"] for kept in listed["backups"]] == [json.loads(made.stdout)["commit"]] == [1]
        assert service.process.poll() is None
    assert run("restore", empty_store.with_name("store.backups"), "--into", tmp_path / "new").returncode == 0
    query = run("query", f'ASK {{ ?x <{CI}title> "kept"@en }}', "--store", tmp_path / "new")
    assert query.stdout == "yes\n"
    with closing(sqlite3.connect(tmp_path / "new.audit.sqlite")) as log:
        said = [json.loads(body)["resource"] for (body,) in log.execute("SELECT body FROM entry")]
    assert "kgservice restore" in said


def test_a_manifest_says_when_it_was_changed() -> None:
    moment = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
    manifest = Manifest("1", 1, "urn:x/", 7, moment, (File("store/a", 1, "0"),))
    assert Manifest.read(manifest.written(), "m") == manifest
    for wrong in (manifest.written().replace("7", "8"), "{}", "[]", "null", '{"sha256": 1}', "\x00"):
        with pytest.raises(BadInput, match="manifest"):
            Manifest.read(wrong, "m")
