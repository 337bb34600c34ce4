"""The SPARQL of mappings in a process of its own: the same statements, and limits that hold."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kgservice import resources
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.batches import Batch
from kgservice.application.imports.constructs import EACH, Constructs
from kgservice.application.imports.mapping import read_mapping
from kgservice.application.imports.row_graphs import Workbench
from kgservice.application.imports.tables import _rows, load_tables
from kgservice.domain.clock import Clock
from kgservice.engine.isolated import Isolated, Limits
from kgservice.engine.rooms import Room
from kgservice.errors import BadTable, DeadlineExceeded, StoreFailed, TooCostly
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.base import Engine
from kgservice.tabular.csv_records import records
from tests.engine.conftest import until
from tests.engine.test_isolated import children

ADDRESSES = Addresses("https://kg.example/")
TEN = "{ 0 1 2 3 4 5 6 7 8 9 }"
MANY = " ".join(f"VALUES ?n{at} {TEN}" for at in range(12))
"""A million million solutions."""
COUNTED = f"CONSTRUCT {{ <a> <b> ?n }} WHERE {{ {{ SELECT (COUNT(*) AS ?n) {{ {MANY} }} }} }}"
"""It makes nothing until it has counted all of them."""
PROVIDERS = """PREFIX xyz: <http://sparql.xyz/facade-x/data/> PREFIX ci: <https://w3id.org/kgservice/ci#>
CONSTRUCT { ?p a ci:Provider ; ci:title ?t } WHERE { ?row xyz:pain_point ?p ; xyz:schmerzpunkt ?t }"""
LONG = " ".join(
    f"BIND(CONCAT(?t{at}, ?t{at}, ?t{at}, ?t{at}, ?t{at}, ?t{at}) AS ?t{at + 1})" for at in range(14)
)


@pytest.fixture
def engine() -> Iterator[Isolated]:
    """An engine whose queries may take 200 MiB."""
    engine = Isolated(OxigraphStore(), lambda: 1, Limits(200 * 2**20), Room(light=2, heavy=2))
    yield engine
    engine.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The mapping of the spreadsheet of ten rows, to be changed."""
    return Path(shutil.copytree(resources.folder("examples") / "spreadsheet", tmp_path / "mapping"))


def batches(folder: Path, engine: Engine | None) -> list[Batch]:
    """What the mapping makes of the rows of its file: four at a time, and those of the first four alone."""
    mapping = read_mapping(folder)
    found = records(mapping.files[0], mapping.dialect)
    positions = mapping.positions(next(found).fields, "")
    with Workbench(mapping, ADDRESSES, seconds=60, engine=engine) as bench:
        assert bench.fill(_rows(found, mapping, positions, {})) == 10
        together = list(bench.batches(4))
        return [*together, *bench.singles(together[0])]


def made(folder: Path, engine: Engine | None, text: str, seconds: float = 60) -> set[Triple]:
    """What a CONSTRUCT makes of a graph that counts as one row."""
    (folder / "graph.rq").write_text(text)
    graph = NamedNode("urn:graph")
    quads = [Quad(BlankNode(), NamedNode("urn:cell"), Literal("x" * 50), graph)]
    (triples,) = Constructs(read_mapping(folder), "https://kg.example/", seconds, engine).made(
        quads, [graph], 1
    )
    return triples


def test_the_statements_are_the_same_as_without(engine: Isolated, folder: Path) -> None:
    apart, here = batches(folder, engine), batches(folder, None)
    assert [batch.rows for batch in apart] == [4, 4, 2, 1, 1, 1, 1]
    assert all(batch.triples for batch in here)
    assert apart == here
    assert set().union(*(batch.triples for batch in apart[3:])) == apart[0].triples


def test_a_table_is_loaded_in_a_service_as_by_a_command(
    engine: Isolated, kg: KnowledgeGraph, folder: Path
) -> None:
    kg.engine = engine
    summary = load_tables(kg, folder, rejects=folder.parent)
    assert (summary.rows, summary.taken, summary.refused) == (10, 10, [])
    kg.engine = None
    assert load_tables(kg, folder, rejects=folder.parent).added == 0


def test_a_query_that_makes_nothing_for_long_is_stopped_and_leaves_no_process(
    engine: Isolated, folder: Path
) -> None:
    made(folder, engine, "CONSTRUCT { <a> <b> ?o } WHERE { ?s ?p ?o }")
    before, begun = len(children()), time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"CONSTRUCT of the mapping was stopped after 0\.5 s"):
        made(folder, engine, COUNTED, 0.5)
    assert time.monotonic() - begun < 20
    until(lambda: len(children()) <= before)
    assert len(made(folder, engine, "CONSTRUCT { <a> <b> ?o } WHERE { ?s ?p ?o }")) == 1


def test_a_query_that_takes_too_much_memory_is_stopped(engine: Isolated, folder: Path) -> None:
    text = f"CONSTRUCT {{ <a> <b> ?t14 }} WHERE {{ ?s ?p ?t0 {LONG} }}"
    with pytest.raises(TooCostly, match="more than 200 MiB"):
        made(folder, engine, text)


@pytest.mark.parametrize("apart", [True, False])
def test_statements_are_counted(engine: Isolated, folder: Path, *, apart: bool) -> None:
    chosen = engine if apart else None
    template = (
        "CONSTRUCT { <a> <b> ?x } WHERE { {} BIND(CONCAT(STR(?n0), STR(?n1), STR(?n2), STR(?n3)) AS ?x) }"
    )
    most = template.replace("{}", f"VALUES ?n0 {{ 0 1 }} VALUES ?n1 {TEN} VALUES ?n2 {TEN} VALUES ?n3 {TEN}")
    assert len(made(folder, chosen, most)) == EACH == 2000
    with pytest.raises(TooCostly, match="more than 2000 statements"):
        made(folder, chosen, most.replace("{ 0 1 }", "{ 0 1 2 }"))


def test_without_processes_the_clock_is_looked_at_with_each_statement(folder: Path) -> None:
    text = f"CONSTRUCT {{ <a> <b> ?n0 }} WHERE {{ {MANY} }}"
    with pytest.raises(DeadlineExceeded, match="CONSTRUCT of the mapping was stopped"):
        made(folder, None, text, 1e-6)


@pytest.mark.parametrize(
    "text", ["CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o", "SELECT ?s { ?s ?p CONSTRUCT {} }"]
)
@pytest.mark.parametrize("apart", [True, False])
def test_what_is_no_construct_is_a_fault_of_the_mapping(
    engine: Isolated, folder: Path, text: str, *, apart: bool
) -> None:
    with pytest.raises(BadTable):
        made(folder, engine if apart else None, text)


def test_a_service_that_stops_ends_them(folder: Path) -> None:
    engine = Isolated(OxigraphStore(), lambda: 1, Limits(), Room(light=2, heavy=2))
    with ThreadPoolExecutor() as pool:
        nursed = len(children())
        running = pool.submit(made, folder, engine, COUNTED)
        until(lambda: len(children()) > nursed)
        engine.close()
        with pytest.raises(StoreFailed):
            running.result(30)


class Watched:
    """An engine that notes whether others may write while a mapping is at work."""

    def __init__(self, engine: Isolated, kg: KnowledgeGraph) -> None:
        self.free: list[bool] = []
        self._engine, self._kg = engine, kg

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def construct(self, *given: Any, **named: Any) -> list[set[Triple]]:
        with ThreadPoolExecutor(1) as other:
            self.free.append(other.submit(self._free).result())
        return self._engine.construct(*given, **named)

    def _free(self) -> bool:
        if not self._kg.writing.acquire(blocking=False):
            return False
        self._kg.writing.release()
        return True


def test_others_may_write_while_the_rows_of_a_refused_batch_are_looked_at(
    engine: Isolated, folder: Path, model_only: OxigraphStore, clock: Clock
) -> None:
    path = folder.parent / "store"
    model_only.backup(path)
    (folder / "graph.rq").write_text(PROVIDERS)
    table = folder / "schmerzpunkte.csv"
    text = table.read_text("cp1252")
    table.write_text(text.replace("Rechnung nennt", "max@firma.example nennt"), "cp1252")
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock)
    watched = Watched(engine, kg)
    kg.engine = watched
    summary = load_tables(kg, folder, rejects=folder.parent)
    assert (summary.rows, summary.taken, len(summary.quarantined)) == (10, 9, 1)
    assert watched.free == [True, True]
    kg.engine = None
    kg.close()
