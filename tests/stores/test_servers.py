"""The service on SPARQL servers: which are used, and whole stories."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pyoxigraph
import pytest
import rdflib
import typer.testing
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care import check
from kgservice.application.guard.record_file import RecordFile, copied
from kgservice.application.imports.demonstration import load_demonstration
from kgservice.cli.bars import Bars
from kgservice.cli.local import opened
from kgservice.cli.main import app
from kgservice.domain.clock import Clock
from kgservice.errors import StoreFailed
from kgservice.namespaces import CI
from kgservice.shacl.terms import to_rdflib
from kgservice.store import OxigraphStore
from kgservice.store.remote import RemoteStore
from kgservice.store.selftest import check_server
from kgservice.store.sparql_http import Server
from tests.sabotage import sabotage
from tests.stores.servers import KINDS, Running, settings_for, virtuoso

TITLE = NamedNode(f"{CI}title")
G = NamedNode("urn:g")


@pytest.fixture(scope="module", params=list(KINDS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of each kind."""
    with KINDS[request.param](tmp_path_factory.mktemp(request.param) / "store") as found:
        yield found


def emptied(server: Server) -> None:
    """Nothing is left on the server."""
    store = RemoteStore(server)
    store.apply(drop=store.graphs())
    store.close()


@pytest.mark.slow
def test_servers_that_can_be_relied_on_are_used(running: Running) -> None:
    store = RemoteStore(running.server)
    check_server(store, running.server.name)
    assert [graph for graph in store.graphs() if "self-test" in graph.value] == []
    store.close()


def test_the_records_of_a_server_are_copied_into_a_file(running: Running) -> None:
    store = RemoteStore(running.server)
    kept, left = (Quad(G, TITLE, Literal("t"), NamedNode(f"urn:{name}")) for name in ("kept", "left"))
    store.apply(add=[kept, left])
    with copied(store, lambda name: name == kept.graph_name) as path, closing(RecordFile(path)) as records:
        assert list(records.all()) == [(to_rdflib(G), to_rdflib(TITLE), rdflib.Literal("t"))]
    store.apply(drop=[NamedNode("urn:kept"), NamedNode("urn:left")])
    store.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="Virtuoso comes from Debian's packages")
def test_virtuoso_is_refused_with_the_reasons(tmp_path: Path) -> None:
    with virtuoso(tmp_path / "store") as found:
        store = RemoteStore(found.server)
        with pytest.raises(StoreFailed) as caught:
            check_server(store, found.server.name)
        store.close()
    told = caught.value.detail
    assert told.startswith(f"the server {found.server.name} cannot be used: ")
    for reason in ("xsd:duration", '"1"^^<xsd:boolean> back for "true"', "default graph", "ASK"):
        assert reason in told


@pytest.mark.slow
def test_the_demonstration_lives_on_a_server(running: Running, tmp_path: Path, clock: Clock) -> None:
    with opened(settings_for(running.server, tmp_path)) as kg:
        kg.guarded = False
        load_demonstration(kg)
        number = kg.head
        assert number > 0
        assert check.check(kg) == []
        purpose = kg.reader(kg.settings.active_purposes[0])
        everything, part = (
            reader.select("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }").rows[0][0] for reader in (kg, purpose)
        )
        assert isinstance(everything, Literal)
        assert isinstance(part, Literal)
        assert 1000 < int(part.value) < int(everything.value)
    with opened(settings_for(running.server, tmp_path)) as kg:
        assert kg.head == number
        faults = sabotage(kg)
        assert check.check(kg) == faults
    store = RemoteStore(running.server)
    store.apply(drop=store.graphs())
    store.close()


def is_kind_of_its_own(graph: NamedNode) -> bool:
    """Graphs of all kinds: views only say again what others say, and persons differ little."""
    if "/subject/" in graph.value or "/consent/" in graph.value:
        return graph.value.endswith(("14", "18"))
    return "/view/" not in graph.value


def part(source: Path, target: Path, kept: Callable[[NamedNode], bool]) -> None:
    """Write some graphs of a store to a new one."""
    store, written = pyoxigraph.Store.read_only(str(source)), pyoxigraph.Store(str(target))
    for name in store.named_graphs():
        if isinstance(name, NamedNode) and kept(name):
            written.bulk_extend(store.quads_for_pattern(None, None, None, name))
    written.flush()


@pytest.mark.slow
def test_a_server_that_holds_a_part_is_refused_until_the_migration_has_ended(
    demo_store: Path, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, settings = running.server, settings_for(running.server, tmp_path)
    there = ",".join((server.query, server.update, server.data))
    here, back = tmp_path / "here", tmp_path / "back"
    part(demo_store, here, is_kind_of_its_own)
    command = typer.testing.CliRunner()

    def stop(_self: Bars, _what: str, done: int, _all: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Bars, "show", stop)
        assert command.invoke(app, ["migrate", str(here), there]).exit_code == 130
    with (
        pytest.raises(StoreFailed, match=f"holds a part of another one.*migrate SOURCE {re.escape(there)}"),
        opened(settings),
    ):
        pass
    assert command.invoke(app, ["migrate", there, str(back)]).exit_code == 6
    on = json.loads(command.invoke(app, ["migrate", "--json", str(here), there]).stdout)
    assert on["same"] == 3
    assert command.invoke(app, ["migrate", there, str(back)]).exit_code == 0
    with opened(settings) as kg:
        assert kg.head > 0
    emptied(server)


@pytest.mark.slow
def test_a_graph_moves_to_a_server_and_back(demo_store: Path, running: Running, tmp_path: Path) -> None:
    server = running.server
    there = ",".join((server.query, server.update, server.data))
    here, back = tmp_path / "here", tmp_path / "back"
    part(demo_store, here, is_kind_of_its_own)
    source = OxigraphStore(here)
    source.apply(create=[NamedNode("urn:empty")])
    graphs = len(source.graphs())
    source.close()
    command = typer.testing.CliRunner()
    first = command.invoke(app, ["migrate", str(here), there])
    assert first.exit_code == 0, first.output
    assert f"{graphs} graphs" in first.output
    assert "were there" not in first.output
    again = command.invoke(app, ["migrate", "--json", str(here), there])
    counts = json.loads(again.stdout)
    assert counts["same"] == counts["graphs"] == graphs > 10
    far = RemoteStore(server)
    far.apply(remove=[next(iter(far.match([(None, TITLE, None)])))])
    far.close()
    mended = json.loads(command.invoke(app, ["migrate", "--json", str(here), there]).stdout)
    assert mended["same"] == mended["graphs"] - 1 == graphs - 1
    assert command.invoke(app, ["migrate", there, str(back)]).exit_code == 0
    stores = OxigraphStore(here), OxigraphStore(back)
    assert set(stores[0].match([(None, None, None)])) == set(stores[1].match([(None, None, None)]))
    assert set(stores[0].graphs()) == set(stores[1].graphs())
    stores[1].apply(add=[Quad(TITLE, TITLE, TITLE, NamedNode("urn:other"))])
    for store in stores:
        store.close()
    refused = command.invoke(app, ["migrate", str(here), str(back)])
    assert refused.exit_code == 5, refused.stderr
    assert "urn:other" in refused.stderr
    assert command.invoke(app, ["migrate", str(tmp_path / "none"), there]).exit_code == 2
    emptied(server)
