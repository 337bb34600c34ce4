"""Full-text search on real views: each knows its own texts, follows each commit, and forgets what goes."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import consents, erasing
from kgservice.application.protocol.update import update
from kgservice.application.views.reader import Reader
from kgservice.application.views.search import MOST, Search
from kgservice.domain.change import LOCAL, Change
from kgservice.domain.clock import Clock
from kgservice.errors import BadQuery, Busy, Forbidden, StoreFailed
from kgservice.namespaces import CI, DPV, KG
from kgservice.settings import Settings
from kgservice.store.formats import CSV
from tests.terms import quad
from tests.unit.test_search_words import memory_of

PREFIX = f"PREFIX kg: <{KG}> PREFIX ci: <{CI}> "
RESEARCH = f"{DPV}ResearchAndDevelopment"
SERVICE_PERSONALISATION = f"{DPV}ServicePersonalisation"
PERSON = "00000000-0000-4000-8000-100700000005"
EMAIL = "walburga.friesinger@metallbau-rotensteig.example"


@pytest.fixture
def demo(demo_kg: KnowledgeGraph, clock: Clock) -> Iterator[KnowledgeGraph]:
    """A copy of the demonstration graph, unguarded."""
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock, guarded=False)
        yield kg
        kg.close()


def found(reader: Reader, text: str) -> set[str]:
    """The texts that a query finds, one way, and the other."""
    query = PREFIX + f'SELECT ?text {{ (?s ?score ?text) kg:matches "{text}" }}'
    rows = {row[0].value for row in reader.solve(query).rows if isinstance(row[0], Literal)}
    out = io.BytesIO()
    reader.query(query.replace("?text {", "?text WHERE {"), lambda _: CSV, out)
    assert len(out.getvalue().splitlines()) >= bool(rows)
    return rows


def say(kg: KnowledgeGraph, *texts: str, not_any_more: tuple[str, ...] = ()) -> None:
    kg.commit(
        Change(
            add=tuple(quad(f"id:{text}", "ci:title", Literal(text, language="de")) for text in texts),
            remove=tuple(quad(f"id:{t}", "ci:title", Literal(t, language="de")) for t in not_any_more),
        )
    )


def test_a_commit_is_found_by_the_next_query_and_gone_with_the_next(kg: KnowledgeGraph) -> None:
    assert found(kg, "Quietschen") == set()
    say(kg, "Quietschen", "Quietsche")
    assert found(kg, "quietschen*") == {"Quietschen"}
    assert found(kg, "quietschen") == {"Quietschen", "Quietsche"}
    held = len(kg.search.index(kg.view))
    say(kg, not_any_more=("Quietschen",))
    assert found(kg, "quietschen") == {"Quietsche"}
    assert len(kg.search.index(kg.view)) == held - 1
    assert b"Quietschen" not in memory_of(kg.search.index(kg.view))


def test_a_text_that_others_say_stays(kg: KnowledgeGraph) -> None:
    one, other = (quad(f"id:{n}", "ci:title", Literal("Pfeifen")) for n in "ab")
    kg.commit(Change(add=(one, other)))
    assert found(kg, "pfeifen") == {"Pfeifen"}
    kg.commit(Change(remove=(one,)))
    assert found(kg, "pfeifen") == {"Pfeifen"}
    kg.commit(Change(remove=(other,)))
    assert found(kg, "pfeifen") == set()


def test_each_view_knows_its_own_texts_only(demo: KnowledgeGraph) -> None:
    other = demo.reader(SERVICE_PERSONALISATION)
    research = demo.reader(RESEARCH)
    for reader in (demo, other, research):
        texts = {
            row[0] for row in reader.select("SELECT DISTINCT ?o { ?s ?p ?o FILTER(ISLITERAL(?o)) }").rows
        }
        said = [t for t in texts if isinstance(t, Literal) and t.datatype.value.endswith("tring")]
        assert len(demo.search.index(reader.view)) == len(said)
    name = "Friesinger"
    assert found(demo, name)
    assert name.encode() in memory_of(demo.search.index(demo.view))
    for reader in (other, research):
        names = {row[0] for row in reader.select(PREFIX + "SELECT ?n { ?s ci:personName ?n }").rows}
        shown = any(isinstance(n, Literal) and name in n.value for n in names)
        assert (name.encode() in memory_of(demo.search.index(reader.view))) is shown
    assert len({len(demo.search.index(r.view)) for r in (demo, other, research)}) == 3


def test_a_withdrawal_takes_the_texts_out_of_the_view_at_once(demo: KnowledgeGraph) -> None:
    research = demo.reader(RESEARCH)
    asked = f"""{PREFIX} SELECT ?consent ?text {{
      ?record ci:dataSubject ?person ; ci:content|ci:quote ?text .
      ?consent a ci:ConsentRecord ; ci:dataSubject ?person ; ci:forPurpose <{RESEARCH}> .
    }} ORDER BY ?text"""
    texts = PREFIX + "SELECT ?text { ?record ci:content|ci:quote ?text }"
    shown = {row[0] for row in research.select(texts).rows}
    consent, text = next(row for row in demo.select(asked).rows if row[1] in shown)
    assert isinstance(consent, NamedNode)
    assert isinstance(text, Literal)
    words = text.value.replace('"', " ")
    assert text.value in found(research, words)
    index = demo.search.index(research.view)
    held = len(index)
    consents.withdraw(demo, consent.value.rpartition("/")[2], {"method": "call"})
    assert text not in {row[0] for row in research.select(texts).rows}
    assert text.value not in found(research, words)
    assert len(index) < held
    assert text.value.encode() not in memory_of(index)


def test_an_erasure_leaves_no_trace_in_memory(demo: KnowledgeGraph) -> None:
    assert found(demo, EMAIL) == {EMAIL}
    index = demo.search.index(demo.view)
    held = len(index)
    assert EMAIL.encode() in memory_of(index)
    erasing.erase(demo, PERSON, {"otherBasis": "erase"})
    assert found(demo, EMAIL) == set()
    assert len(index) < held - 5
    for word in (EMAIL.encode(), b"Walburga", b"walburga"):
        assert word not in memory_of(index)


def test_a_search_never_says_more_than_the_view(kg: KnowledgeGraph) -> None:
    """Even if the index knows a text that has left the view in the meantime, the query does not say it."""
    say(kg, "Knacken")
    text = kg.search.answered(PREFIX + 'SELECT ?s { ?s kg:matches "knacken" }', kg.dataset(""), kg.view)
    assert len(kg.select(text).rows) == 1
    say(kg, not_any_more=("Knacken",))
    assert '"Knacken"@de' in text
    assert kg.select(text).rows == []


def test_while_an_index_is_being_filled_nobody_waits(kg: KnowledgeGraph) -> None:
    say(kg, "vorher")
    with kg.writing:  # it cannot begin before this ends
        kg.search.start(kg.view)
        with pytest.raises(Busy) as busy:
            kg.search.index(kg.view)
        say(kg, "zwischendrin")
    assert busy.value.after == 5
    kg.search._filling[kg.view].wait()
    assert found(kg, "vorher") == {"vorher"}
    assert found(kg, "zwischendrin") == {"zwischendrin"}
    say(kg, "nachher")
    assert found(kg, "nachher") == {"nachher"}


def test_what_does_not_fit_is_not_held(kg: KnowledgeGraph, caplog: pytest.LogCaptureFixture) -> None:
    kg.commit(
        Change(add=tuple(quad("id:long", "ci:title", Literal(f"{n} {'x ' * 5000}")) for n in range(50)))
    )
    kg.search = Search(kg.store, kg.copies, 1)
    kg.search.start(kg.view)
    kg.search._filling[kg.view].wait()
    with pytest.raises(StoreFailed, match="not held"):
        found(kg, "a")
    assert "more texts than fit" in caplog.text
    assert kg.search._budget._left == 2**20


def test_it_can_be_switched_off(kg: KnowledgeGraph) -> None:
    kg.search = Search(kg.store, kg.copies, 0)
    kg.search.start(kg.view)
    with pytest.raises(Forbidden, match="switched off"):
        found(kg, "a")


def test_after_a_bulk_load_the_index_is_filled_again(kg: KnowledgeGraph) -> None:
    assert found(kg, "knirschen") == set()
    with kg.building():
        kg.store.apply(add=[Quad(NamedNode("urn:s"), NamedNode("urn:p"), Literal("Knirschen"), kg.view)])
    assert found(kg, "knirschen") == {"Knirschen"}


def test_hits_are_cut_at_a_limit_and_the_total_tells(kg: KnowledgeGraph) -> None:
    kg.commit(Change(add=tuple(quad("id:many", "ci:title", Literal(f"zzwort {n}")) for n in range(MOST + 5))))
    rows = kg.solve(PREFIX + 'SELECT ?t ?n { (?s ?score ?t ?n) kg:matches "zzwort" }').rows
    assert len(rows) == MOST
    assert {row[1] for row in rows} == {Literal(MOST + 5)}


@pytest.mark.parametrize(
    "query",
    [
        'SELECT * FROM <urn:g> { ?s kg:matches "a" }',
        'SELECT * { GRAPH ?g { ?s kg:matches "a" } }',
        'SELECT * { ?s kg:matches "a" GRAPH ?g { ?s ?p ?o } }',
        f'SELECT * {{ ?s kg:matches "{"a " * 33}" }}',
    ],
)
def test_queries_that_search_in_a_wrong_way_are_refused(kg: KnowledgeGraph, query: str) -> None:
    with pytest.raises(BadQuery, match="kg:matches"):
        kg.solve(PREFIX + query)


def test_other_datasets_are_refused(kg: KnowledgeGraph) -> None:
    query = PREFIX + 'SELECT * { ?s kg:matches "a" }'
    provenance = NamedNode(kg.addresses.provenance)
    for default, named in (((provenance,), ()), ((kg.view, provenance), ()), ((kg.view,), (provenance,))):
        with pytest.raises(BadQuery, match="name no other graph"):
            kg.query(query, lambda _: CSV, io.BytesIO(), default=default, named=named)
    kg.query(query, lambda _: CSV, io.BytesIO(), default=(kg.view,))


def test_updates_do_not_search(kg: KnowledgeGraph) -> None:
    with pytest.raises(BadQuery, match="not for updates"):
        update(
            kg, PREFIX + 'DELETE { ?s ci:title ?t } WHERE { ?s kg:matches "a" ; ci:title ?t }', origin=LOCAL
        )
