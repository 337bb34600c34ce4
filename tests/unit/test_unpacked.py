"""The scan for the texts of erased persons finds what is there, in each kind of file, also where a search of the
bytes does not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from kgservice.application.care.backups import Backups
from kgservice.application.graph.erased import Erased
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.clock import Clock
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.unpacked import files_with

SAID = NamedNode("urn:says")
# A short text lies in the keys of the store, which leave out what they begin with as the one before.
LONG, SHORT = "Walburga Friesinger from house number {}", "Walburga {}"


def texts(count: int) -> set[str]:
    return {form.format(f"{n:04}") for n in range(count) for form in (LONG, SHORT)}


def quads(count: int) -> list[Quad]:
    return [Quad(NamedNode("urn:one"), SAID, Literal(text)) for text in sorted(texts(count))]


def found(folder: Path, count: int, kind: str) -> set[str]:
    """Those of the texts that the scan finds in the files of a kind."""
    held = files_with(folder, texts(count))
    return set().union(*(of for name, of in held.items() if name.endswith(kind)))


def seen(folder: Path, count: int, kind: str) -> set[str]:
    """Those of the texts that stand in the bytes of these files as they are."""
    data = [path.read_bytes() for path in folder.iterdir() if path.name.endswith(kind)]
    return {text for text in texts(count) if any(text.encode() in one for one in data)}


def test_tables_of_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.bulk_extend(quads(2000))
    store.optimize()
    del store
    assert len(seen(tmp_path, 2000, ".sst")) < 3000  # the others are packed
    assert found(tmp_path, 2000, ".sst") == texts(2000)


def test_what_was_deleted_from_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.bulk_extend(quads(2000))
    store.optimize()
    store.clear()
    store.flush()
    del store
    long = {text for text in texts(2000) if text.startswith(LONG[:24])}
    assert found(tmp_path, 2000, ".sst") >= long


def test_the_log_of_the_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.extend(quads(2000))  # pages of 32 KiB cut some of the texts
    del store
    assert seen(tmp_path, 2000, ".log") < found(tmp_path, 2000, ".log") == texts(2000)


@pytest.mark.slow
def test_tables_of_the_crm(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "crm.duckdb")) as base:
        base.execute("CREATE SCHEMA work; CREATE TABLE work.rows (said VARCHAR)")
        base.execute("INSERT INTO work.rows SELECT unnest(?)", [sorted(texts(2000))])
        base.execute("INSERT INTO work.rows SELECT said || ' again' FROM work.rows, range(20)")
        base.execute("CHECKPOINT")
        base.execute("COPY work.rows TO ? (FORMAT parquet)", [str(tmp_path / "rows.parquet")])
    for kind in (".duckdb", ".parquet"):
        assert len(seen(tmp_path, 2000, kind)) < 4000, kind
        assert found(tmp_path, 2000, kind) == texts(2000), kind


@pytest.mark.slow
def test_what_is_beside_the_store_and_backups(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "graph" / "store"
    path.parent.mkdir()
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock, guarded=False)
    kg.erased = Erased.beside(path)
    kg.store.apply(add=quads(20))
    Backups(kg, tmp_path / "kept").make()
    kg.close()
    assert found(path, 20, "") == found(tmp_path / "kept", 20, "") == texts(20)
    for name in ("store.erased.jsonl", "store.validation", "store.secret"):
        path.with_name(name).write_text("Walburga 0001", encoding="utf-8")
    assert set(files_with(path.parent, {"Walburga 0001"})) > {
        *("store.erased.jsonl", "store.validation", "store.secret")
    }


def test_what_it_cannot_read_is_no_proof(tmp_path: Path) -> None:
    (tmp_path / "1.sst").write_bytes(b"another format")
    with pytest.raises(ValueError, match="no SST file"):
        files_with(tmp_path, {"x"})
