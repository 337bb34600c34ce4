"""The store port: what every store must do. Another store joins by a parameter of the fixture."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kgservice.errors import BadQuery, BadRdf, NotAcceptable, StoreFailed
from kgservice.namespaces import NOTES, XSD
from kgservice.store import Dataset, Kind, OxigraphStore, Store
from kgservice.store.cluster import Cluster
from kgservice.store.formats import (
    CSV,
    GRAPH_FORMATS,
    JSON,
    N_QUADS,
    N_TRIPLES,
    RESULT_FORMATS,
    TSV,
    TURTLE,
    Format,
    graph_format_of,
)
from kgservice.store.remote import RemoteStore
from tests.engine.conftest import until
from tests.stores.servers import KINDS, Running

G, H = NamedNode("http://example.org/g"), NamedNode("http://example.org/h")
P = NamedNode("http://example.org/p")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Running]]:
    """Servers by their names, each started when it is first asked for."""
    with ExitStack() as held:

        @cache
        def start(name: str) -> Running:
            return held.enter_context(KINDS[name](tmp_path_factory.mktemp(name) / "store"))

        yield start


@pytest.fixture(params=["oxigraph-memory", "oxigraph-disk", *KINDS, "cluster"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, servers: Callable[[str], Running]
) -> Iterator[Store]:
    opened: Store
    if request.param in KINDS:
        opened = RemoteStore(servers(request.param).server)
        opened.apply(drop=opened.graphs())
    elif request.param == "cluster":  # of a server that follows itself
        server = servers("oxigraph-server").server
        opened = Cluster(server, [server.query])
        opened.follow()
        until(lambda: opened.standings()[0].used)
        opened.apply(drop=opened.graphs())
    else:
        opened = OxigraphStore(tmp_path / "store" if request.param == "oxigraph-disk" else None)
    yield opened
    opened.close()


def node(name: str) -> NamedNode:
    return NamedNode(f"http://example.org/{name}")


def quad(name: str, value: object = "v", graph: NamedNode = G) -> Quad:
    return Quad(
        node(name), P, value if isinstance(value, NamedNode | Literal) else Literal(str(value)), graph
    )


def held(store: Store) -> set[Quad]:
    return set(store.match([(None, None, None)]))


def answer(store: Store, text: str, fmt: Format, dataset: Dataset | None = None) -> bytes:
    out = io.BytesIO()
    store.query(text, dataset or Dataset((G,)), lambda _: fmt, out)
    return out.getvalue()


AWKWARD = [
    'quote " and \\ backslash',
    "line\nfeed\rreturn\ttab\b\f",
    "nul \u0000 bell \u0007 escape \u001b",
    "} ; DROP ALL ; INSERT DATA {",
    "\U0001f600 \u200b \ufeff ä",
]


@pytest.mark.parametrize("text", AWKWARD)
def test_any_text_comes_back_and_goes_again(store: Store, text: str) -> None:
    quads = {
        quad("a", Literal(text)),
        quad("a", Literal(text, language="de")),
        quad("a", Literal(text, datatype=P)),
    }
    store.apply(add=quads)
    assert held(store) == quads
    store.apply(remove=quads)
    assert held(store) == set()


def test_apply_drops_removes_creates_and_adds_in_this_order(store: Store) -> None:
    store.apply(add=[quad("old"), quad("other", graph=H)])
    store.apply(
        drop=[G],
        remove=[quad("other", graph=H)],
        create=[node("empty")],
        add=[quad("new"), quad("other", graph=H)],
    )
    assert held(store) == {quad("new"), quad("other", graph=H)}
    assert store.has_graph(node("empty"))


def test_apply_of_nothing_changes_nothing(store: Store) -> None:
    store.apply()
    assert store.graphs() == []


def test_a_graph_is_emptied_but_for_what_others_hold(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kgservice.store.oxigraph._AT_ONCE", 2)  # in pieces
    here, there = node("here"), node("there")
    store.apply(add=[quad(f"s{n}", graph=here) for n in range(7)] + [quad("s3", graph=there)])
    store.empty(here, keep=[there])
    assert held(store) == {quad("s3", graph=here), quad("s3", graph=there)}
    store.empty(here)
    assert held(store) == {quad("s3", graph=there)}
    assert not store.has_graph(here)


def test_dropping_an_unknown_graph_and_creating_a_known_one_are_fine(store: Store) -> None:
    store.apply(add=[quad("a")])
    store.apply(drop=[H], create=[G])
    assert held(store) == {quad("a")}


def test_a_refused_change_leaves_everything_as_it_was(store: Store) -> None:
    store.apply(add=[quad("a")])
    with pytest.raises(BadRdf):
        store.apply(add=[quad("b")], remove=[quad("a"), _with_blank_node()])
    assert held(store) == {quad("a")}


def _with_blank_node() -> Quad:
    return Quad(BlankNode(), P, Literal("x"), G)


def test_match_gives_the_graph_and_looks_at_any_position(store: Store) -> None:
    store.apply(add=[quad("a", node("b")), quad("a", node("b"), H), quad("c")])
    assert set(store.match([(node("a"), P, node("b"))])) == {quad("a", node("b")), quad("a", node("b"), H)}
    assert set(store.match([(None, None, node("b"))])) == {quad("a", node("b")), quad("a", node("b"), H)}
    assert list(store.match([(node("nobody"), None, None)])) == []
    assert list(store.match([])) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (Literal("007", datatype=NamedNode(f"{XSD}integer")), "7"),
        (Literal("1.10", datatype=NamedNode(f"{XSD}decimal")), "1.1"),
        (Literal("plain"), "plain"),
        (Literal("not a number", datatype=NamedNode(f"{XSD}integer")), "not a number"),
    ],
)
def test_normalised_says_what_comes_back(store: Store, given: Literal, kept: str) -> None:
    expected = store.normalised([given]).get(given, given)
    store.apply(add=[quad("a", given)])
    assert {q.object for q in held(store)} == {expected}
    assert expected.value == kept


def test_query_runs_on_exactly_the_dataset(store: Store) -> None:
    store.apply(add=[quad("a"), quad("b", graph=H)])
    every = f"""SELECT ?s WHERE {{ {{ ?s ?p ?o }} UNION {{ GRAPH ?g {{ ?s ?p ?o }} }}
        FILTER(!BOUND(?g) || !STRSTARTS(STR(?g), "{NOTES}")) }} ORDER BY ?s"""

    def names(dataset: Dataset) -> list[str]:
        return [str(row[0]) for row in store.select(every, dataset).rows]

    a, b = str(node("a")), str(node("b"))
    assert names(Dataset((G,), ())) == [a]
    assert names(Dataset((G, H), ())) == [a, b]
    assert names(Dataset((), (H,))) == [b]
    assert names(Dataset((), None)) == [a, b]
    assert names(Dataset((), ())) == []
    from_text = "SELECT ?s FROM <http://example.org/h> WHERE { ?s ?p ?o }"
    assert [str(r[0]) for r in store.select(from_text, Dataset((G,), from_clauses=True)).rows] == [b]


@pytest.mark.parametrize("fmt", RESULT_FORMATS, ids=lambda f: str(f.name))
def test_solutions_come_in_each_result_format(store: Store, fmt: Format) -> None:
    store.apply(add=[quad("a", "x")])
    body = answer(store, "SELECT ?s ?o WHERE { ?s ?p ?o }", fmt)
    assert b"http://example.org/a" in body
    assert b"x" in body


@pytest.mark.parametrize("fmt", GRAPH_FORMATS, ids=lambda f: str(f.name))
def test_graphs_come_in_each_graph_format(store: Store, fmt: Format) -> None:
    store.apply(add=[quad("a", "x")])
    body = answer(store, "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }", fmt)
    twin = OxigraphStore()
    twin.load(io.BytesIO(body), fmt, graph=G)
    assert held(twin) == {quad("a", "x")}


def test_choose_is_told_the_kind(store: Store) -> None:
    asked: list[Kind] = []

    def choose(kind: Kind) -> Format:
        asked.append(kind)
        return N_TRIPLES if kind is Kind.GRAPH else JSON

    for text in (
        "SELECT * {}",
        "ASK {}",
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "DESCRIBE <http://x/>",
    ):
        store.query(text, Dataset(), choose, io.BytesIO())
    assert asked == [Kind.SOLUTIONS, Kind.BOOLEAN, Kind.GRAPH, Kind.GRAPH]


@pytest.mark.parametrize("fmt", [CSV, TSV, TURTLE], ids=lambda f: str(f.name))
def test_a_boolean_has_no_table_and_no_graph(store: Store, fmt: Format) -> None:
    out = io.BytesIO()
    with pytest.raises(NotAcceptable):
        store.query("ASK {}", Dataset(), lambda _: fmt, out)
    assert out.getvalue() == b""


def test_nothing_is_written_before_the_query_is_known_to_be_right(store: Store) -> None:
    out = io.BytesIO()
    with pytest.raises(BadQuery) as caught:
        store.query("SELECT *\nWHERE { ?s ?p }", Dataset(), lambda _: JSON, out)
    assert (caught.value.line, caught.value.column) == (2, 16)
    assert out.getvalue() == b""


def test_the_error_of_the_stream_is_not_taken_for_one_of_the_store(store: Store) -> None:
    store.apply(add=[quad("a")])

    class Gone:
        def write(self, _: bytes) -> int:
            raise ConnectionResetError("the client left")

        def flush(self) -> None: ...

    with pytest.raises(ConnectionResetError, match="the client left"):
        store.query("SELECT * { ?s ?p ?o }", Dataset((G,)), lambda _: JSON, cast(BinaryIO, Gone()))


def test_select_ask_and_construct_in_memory(store: Store) -> None:
    store.apply(add=[quad("a", "x")])
    found = store.select("SELECT ?o ?none WHERE { ?s ?p ?o }", Dataset((G,)))
    assert found.variables == ("o", "none")
    assert found.rows == [(Literal("x"), None)]
    assert store.ask("ASK { ?s ?p ?o }", Dataset((G,)))
    assert store.construct("CONSTRUCT WHERE { ?s ?p ?o }", Dataset((G,))) == [
        Triple(node("a"), P, Literal("x"))
    ]
    for method in (store.select, store.ask, store.construct):
        wrong = "ASK {}" if method != store.ask else "SELECT * {}"
        with pytest.raises(BadQuery):
            method(wrong, Dataset())


def test_load_takes_quads_and_triples(store: Store, tmp_path: Path) -> None:
    store.load(io.BytesIO(b"<s> <p> 1 ."), TURTLE, graph=G, base="http://example.org/")
    file = tmp_path / "data.nq"
    file.write_bytes(
        b"<http://example.org/b> <http://example.org/p> <http://example.org/c> <http://example.org/h> .\n"
    )
    store.load(file, N_QUADS)
    assert {q.graph_name for q in held(store)} == {G, H}


def test_a_document_with_an_error_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    lines = b"".join(b"<http://x/%d> <http://x/p> <http://x/o> <http://x/g> .\n" % i for i in range(5000))
    file = tmp_path / "bad.nq"
    file.write_bytes(lines + b"<http://x/last> oops\n")
    with pytest.raises(BadRdf) as caught:
        store.load(file, N_QUADS)
    assert caught.value.line == 5001
    assert caught.value.source == file.name
    assert held(store) == set()


def test_dump_gives_one_graph_or_all(store: Store) -> None:
    store.apply(add=[quad("a"), quad("b", graph=H)])
    out = io.BytesIO()
    store.dump(out, N_TRIPLES, graph=H)
    assert out.getvalue().startswith(b"<http://example.org/b>")
    out = io.BytesIO()
    store.dump(out, N_QUADS)
    assert len(out.getvalue().splitlines()) == 2
    with pytest.raises(NotAcceptable):
        store.dump(io.BytesIO(), TURTLE)
    with pytest.raises(NotAcceptable):
        store.dump(io.BytesIO(), JSON, graph=G)


def test_a_backup_is_the_store_at_that_moment(store: Store, tmp_path: Path) -> None:
    store.apply(add=[quad("a")], create=[H])
    store.backup(tmp_path / "backup")
    store.apply(add=[quad("b")])
    with pytest.raises(StoreFailed):
        store.backup(tmp_path / "backup")
    restored = OxigraphStore(tmp_path / "backup")
    assert held(restored) == {quad("a")}
    assert restored.has_graph(H)
    restored.close()


def test_used_nodes_are_those_of_statements_in_named_graphs(store: Store) -> None:
    many = [node(str(number)) for number in range(1200)]  # more than one query asks for
    store.apply(add=[quad("7"), quad("8", node("9")), quad("10", node("9"), H)])
    assert store.used(many, as_object=False) == {node("7"), node("8"), node("10")}
    assert store.used(many, as_object=True) == {node("9")}
    assert store.used([], as_object=True) == set()


@pytest.mark.parametrize("memory", [0, 1, 1_000_000])
def test_a_copy_is_private_and_leaves_nothing(store: Store, tmp_path: Path, memory: int) -> None:
    store.apply(add=[quad("a")], create=[H])
    with store.copy(memory) as copy:
        copy.apply(add=[quad("b")], remove=[quad("a")])
        assert held(copy) == {quad("b")}
        assert copy.has_graph(H)
        assert held(store) == {quad("a")}
    assert held(store) == {quad("a")}
    assert [p.name for p in tmp_path.iterdir()] in ([], ["store"])


def test_a_copy_of_files_is_in_memory_where_it_fits(tmp_path: Path) -> None:
    store = OxigraphStore(tmp_path / "store")
    store.apply(add=[quad(str(number)) for number in range(1000)])
    for memory, held_there in ((0, False), (50_000, False), (500_000, True)):
        with store.copy(memory) as copy:
            assert isinstance(copy, OxigraphStore)
            assert (copy.path is None) == held_there
            assert held(copy) == held(store)
    store.close()


def test_many_writers_lose_nothing(store: Store) -> None:
    def write(thread: int) -> None:
        for i in range(20):
            store.apply(add=[quad(f"{thread}-{i}")])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held(store)) == 160


def test_a_closed_store_says_so(store: Store) -> None:
    assert store.healthy()
    store.close()
    store.close()
    assert not store.healthy()
    with pytest.raises(StoreFailed, match="closed"):
        store.select("SELECT * {}", Dataset())


def test_a_second_owner_is_told_why_it_cannot_open(tmp_path: Path) -> None:
    first = OxigraphStore(tmp_path / "store")
    with pytest.raises(StoreFailed, match="another process uses the store"):
        OxigraphStore(tmp_path / "store")
    first.apply(add=[quad("a")])
    first.close()
    again = OxigraphStore(tmp_path / "store")
    assert held(again) == {quad("a")}
    again.close()


def test_file_names_say_the_format() -> None:
    assert [f.name for f in GRAPH_FORMATS if graph_format_of(Path("x" + f.extensions[0])) is f] == [
        f.name for f in GRAPH_FORMATS
    ]
    assert graph_format_of(Path("x.csv")) is None
