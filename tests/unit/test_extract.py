"""What full validation looks up in a part of a store is what the record graphs say, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest
import rdflib
from pyoxigraph import BlankNode, Literal, NamedNode, Quad
from rdflib.term import Node, URIRef

from kgservice.application.guard import extract
from kgservice.application.guard.extract import Extract
from kgservice.application.guard.record_file import RecordFile, copied
from kgservice.errors import StoreFailed
from kgservice.shacl.reach import Triple
from kgservice.shacl.terms import to_rdflib
from kgservice.store.oxigraph import OxigraphStore

EX = "https://kg.example/"
ONE, TWO, VIEW = (NamedNode(EX + name) for name in ("record/1", "record/2", "view"))
P, Q = NamedNode(EX + "p"), NamedNode(EX + "q")
A, HUB = NamedNode(EX + "a"), NamedNode(EX + "hub")
NUMBER = Literal("7", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer"))
TEXTS = (
    *("", " ", "@de", '"', '"@de', "\\", "\\u0041", "a\nb\r\tc", "\x00\x85\u2028\x0b", "<x>", "_:b7", "ü"),
    "l" * 300,
)
QUADS = [
    Quad(A, P, HUB, ONE),
    Quad(A, P, HUB, TWO),  # said twice
    Quad(A, Q, NUMBER, TWO),
    Quad(A, Q, BlankNode("b7"), ONE),
    Quad(BlankNode("b7"), P, Literal("Wort", language="de"), ONE),
    *(Quad(A, NamedNode(EX + "text"), Literal(text), TWO) for text in TEXTS),
    Quad(A, NamedNode(EX + "text"), Literal('a "quoted" \\ one', language="de-at"), TWO),
    Quad(A, NamedNode(EX + "text"), Literal('"\n', datatype=NamedNode(EX + "type")), TWO),
    *(Quad(NamedNode(f"{EX}n{n}"), P, HUB, ONE) for n in range(120)),  # more than is read at once
    *(Quad(HUB, Q, NamedNode(f"{EX}n{n}"), TWO) for n in range(110)),
    Quad(A, P, NamedNode(EX + "entailed"), VIEW),
]
SAID = {
    (to_rdflib(q.subject), to_rdflib(q.predicate), to_rdflib(q.object)) for q in QUADS if q.graph_name != VIEW
}
SEVEN = rdflib.Literal("007", datatype=rdflib.XSD.integer, normalize=False)
NODES = {node for s, _, o in SAID for node in (s, o)} | {URIRef(EX + "entailed"), SEVEN}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Extract]:
    """The record graphs of a store on disk."""
    store = OxigraphStore(tmp_path / "store")
    store._store.extend(QUADS)  # a change may hold no blank nodes
    with copied(store, lambda name: name != VIEW) as path, closing(RecordFile(path)) as records:
        yield Extract(records)
    store.close()


def expected(node: Node, predicate: URIRef | None, *, back: bool) -> set[Triple]:
    node = to_rdflib(NUMBER) if back and node == SEVEN else node  # as the store writes it
    return {t for t in SAID if t[2 if back else 0] == node and predicate in {None, t[1]}}


@pytest.mark.parametrize("few_first", [False, True])
def test_each_statement_is_found_once_from_either_end(records: Extract, *, few_first: bool) -> None:
    ways = product(sorted(NODES, key=str), (None, to_rdflib(P), to_rdflib(Q)), (False, True))
    for node, predicate, back in ways:
        assert predicate is None or isinstance(predicate, URIRef)
        true = expected(node, predicate, back=back)
        counts = (1, 3, 130)
        if few_first:
            some = [records.some(node, predicate, most, back=back) for most in counts]
        found = (records.to if back else records.of)(node, predicate)
        if not few_first:
            some = [records.some(node, predicate, most, back=back) for most in counts]
        assert len(found) == len(true)
        assert {*found} == true
        for most, part in zip(counts, some, strict=True):
            assert len(part) == len({*part} & true) == min(most, len(true))
    assert {*records.all()} == SAID
    assert len(list(records.all())) == len(SAID)


def test_what_was_looked_up_is_forgotten_when_it_is_much(
    records: Extract, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, hub = to_rdflib(A), to_rdflib(HUB)
    before = records.of(node, None), records.to(hub, None)
    records.spare()
    assert records.of(node, None) is before[0]
    monkeypatch.setattr(extract, "_HELD", 1)
    records.spare()
    again = records.of(node, None), records.to(hub, None)
    assert again[0] is not before[0]
    assert [*again] == [*before]


def test_a_copy_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(name: str, done: int, _every: int) -> None:
        if (name, done) == ("Reading records", 0):
            raise KeyboardInterrupt

    store = OxigraphStore(tmp_path / "store")
    store._store.extend(QUADS)
    with pytest.raises(KeyboardInterrupt), copied(store, lambda _: True, interrupt):
        raise AssertionError("it has broken off")
    store.close()
    assert [path.name for path in tmp_path.iterdir() if path.name != "store"] == []


def test_a_copy_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "records"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StoreFailed, match=r"the copy of the records cannot be used: .*not a database"):
        RecordFile(path)
