"""Stores of older and newer releases, and such that have lost what was answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care import check
from kgservice.application.changes.standing import SCHEMA
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change
from kgservice.domain.clock import Clock
from kgservice.errors import StoreFailed
from kgservice.namespaces import CI, XSD, Addresses
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.disk import MARK, Disk
from tests.prepared import old_store

STATE = NamedNode(Addresses(Settings().base).state)
VERSION = NamedNode("https://schema.org/schemaVersion")


def version(number: int) -> Quad:
    return Quad(STATE, VERSION, Literal(str(number), datatype=NamedNode(f"{XSD}integer")), STATE)


def opened(path: Path, clock: Clock) -> KnowledgeGraph:
    store = OxigraphStore(path, Disk(path))
    try:
        return KnowledgeGraph.open(Settings(store=path), store, clock, guarded=False)
    except StoreFailed:
        store.close()
        raise


def write(kg: KnowledgeGraph, words: str) -> None:
    kg.commit(Change(add=(Quad(NamedNode("urn:test:x"), NamedNode(f"{CI}title"), Literal(words)),)))


@pytest.fixture
def path(model_only: OxigraphStore, tmp_path: Path) -> Path:
    """A store with the model."""
    model_only.backup(tmp_path / "store")
    return tmp_path / "store"


def test_a_store_says_in_which_form_it_is(path: Path, clock: Clock) -> None:
    kg = opened(path, clock)
    assert list(kg.store.match([(None, VERSION, None)])) == [version(SCHEMA)]
    kg.close()


def test_a_store_from_before_forms_had_numbers_is_brought_up(
    path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    kg = opened(path, clock)
    write(kg, "of old")
    kg.store.apply(remove=[version(SCHEMA)])  # it is all that such a store lacks
    kg.close()
    kg = opened(path, clock)
    assert "from form 0 to form 1" in caplog.text
    assert list(kg.store.match([(None, VERSION, None)])) == [version(SCHEMA)]
    assert kg.ask("ASK { ?x ?p 'of old' }")
    assert check.check(kg) == []
    kg.close()


def test_a_store_that_an_older_release_wrote_is_brought_up(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    kg = opened(old_store(tmp_path / "store"), clock)
    assert "from form 0 to form 1" in caplog.text
    assert list(kg.store.match([(None, VERSION, None)])) == [version(SCHEMA)]
    person = "00000000-0000-4000-8000-1007000000"
    graphs = ("project/common", *(f"{kind}/{person}{n}" for n in (15, 22) for kind in ("subject", "consent")))
    held = [
        list(kg.store.match([(None, None, None)], NamedNode(f"{kg.addresses.graphs}{g}"))) for g in graphs
    ]
    assert (kg.head, [len(quads) for quads in held]) == (5, [121, 31, 47, 24, 25])
    people = f"SELECT ?name WHERE {{ ?person a <{CI}ContactPerson> ; <{CI}personName> ?name }}"
    research = kg.reader("https://w3id.org/dpv#ResearchAndDevelopment")
    assert (len(kg.select(people).rows), len(research.select(people).rows)) == (2, 1)
    write(kg, "of now")
    assert (kg.head, check.check(kg)) == (6, [])
    kg.close()


def test_a_store_of_a_newer_release_is_refused_and_stays_as_it_is(path: Path, clock: Clock) -> None:
    kg = opened(path, clock)
    kg.store.apply(remove=[version(SCHEMA)], add=[version(SCHEMA + 1)])
    before = set(kg.store.match([(None, None, None)]))
    kg.close()
    with pytest.raises(StoreFailed, match="Install that release, or restore a backup"):
        opened(path, clock)
    store = OxigraphStore(path)
    assert set(store.match([(None, None, None)])) == before
    store.close()


def test_a_store_that_has_lost_answered_commits_is_refused_until_the_loss_is_accepted(
    path: Path, clock: Clock
) -> None:
    kg = opened(path, clock)
    write(kg, "first")
    old = path.with_name("old")
    kg.store.backup(old)
    write(kg, "second")
    kg.close()
    (old / MARK).write_bytes((path / MARK).read_bytes())
    with pytest.raises(StoreFailed, match="at commit 1, but commit 2 was answered"):
        opened(old, clock)
    (old / MARK).unlink()
    kg = opened(old, clock)
    assert kg.head == 1
    kg.close()
    (path / MARK).write_text("no number")  # says nothing
    opened(path, clock).close()
