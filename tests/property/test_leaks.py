"""No request for a purpose gets out of its view, and a service that lets one out is found out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.application.forms import choices, lists
from kgservice.application.forms import records as form_records
from kgservice.application.views import search as searching
from kgservice.application.views.purposes import Purposes
from kgservice.application.views.reader import PurposeReader
from kgservice.domain import sparql_search
from kgservice.domain.change import Change
from kgservice.domain.principal import Principal, Role, stated_purpose
from kgservice.http.access import purposes
from kgservice.http.pages import record_forms
from kgservice.http.pages import sheets as sheet_pages
from kgservice.http.resources import parquet, questions
from kgservice.namespaces import CI, KG
from kgservice.store import OxigraphStore
from kgservice.store.base import Dataset
from tests.http.keys import IMPROVING
from tests.property.leaks import Leak, Search, grammar_of, inside, over_socket
from tests.property.leaks_requests import Asked, successions
from tests.property.leaks_world import COPIED, DETAIL, PROJECT, TYPE, A, Planted, World, ci
from tests.serving import PLAIN, running

ADDRESSES = (
    "/sparql",
    "/sparql?query=SELECT%20*%20%7B%3Fs%20%3Fp%20%3Fo%7D%20LIMIT%201",
    "/queries/pain-points-behind-solution",
    "/queries/moments-of-truth",
)


@pytest.fixture(scope="module")
def worlds(
    model_only: OxigraphStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, World]]:
    """The graph with canaries, and its twin without what is hidden."""
    folder = tmp_path_factory.mktemp("leaks")
    world = World(model_only, folder / "world")
    twin = World(model_only, folder / "twin", full=False)
    yield world, twin
    world.close()
    twin.close()


@pytest.fixture
def alone(model_only: OxigraphStore, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Makes a graph with canaries of one's own, once the service has been made a worse one."""
    made: list[World] = []

    def make() -> World:
        made.append(World(model_only, tmp_path))
        return made[0]

    yield make
    for world in made:
        world.close()


def search(world: World, twin: World | None, requests: int, seed: int = 1) -> Search:
    found = Search(world, inside(world), twin, inside(twin) if twin else None)
    grammar = grammar_of(world, seed)

    async def run() -> None:
        while (left := requests - found.counts["requests"]) > 0:
            await found.run(grammar, left)

    asyncio.run(run())
    return found


@pytest.mark.slow
def test_no_answer_leads_out_of_the_view(worlds: tuple[World, World]) -> None:
    world, twin = worlds
    done = search(world, twin, 1500)
    assert done.counts["requests"] >= 1500
    assert done.counts["compared with the twin"] > 800
    assert done.counts["like what does not exist"] > 50
    assert done.counts["status 200"] > 600
    assert len(done.shown) > 20, "hardly anything of what is shown was seen: the test proves little"
    assert {kind for kind in done.counts if not kind.startswith("status")} >= {
        *(
            "query",
            "page of a query",
            "oracle",
            "search",
            "saved question",
            "record",
            "page",
            "closed",
            "description",
        ),
        *("purpose", "update", "graph store", "dry run", "read back", "import", "write"),
        *("records", "form", "sheet", "question as Parquet", "after another purpose"),
    }


def test_a_search_begins_with_one_purpose_right_after_another(worlds: tuple[World, World]) -> None:
    """What the other one is told has canaries: a service that mixed them up would show them."""
    world, twin = worlds
    done = search(world, twin, len([*successions()]))
    assert done.counts["told to another purpose"] == 3
    assert done.counts["after another purpose"] == done.counts["query"] == done.counts["requests"] == 3


@pytest.mark.slow
def test_no_answer_over_a_socket_leads_out_of_the_view(worlds: tuple[World, World]) -> None:
    world, _ = worlds

    async def run(url: str) -> Search:
        async with httpx.AsyncClient(timeout=60, trust_env=False, verify=PLAIN) as client:
            found = Search(world, over_socket(world, url, client))
            await found.run(grammar_of(world, 2), 300)
            return found

    with running(world.kg) as server:
        done = asyncio.run(run(server.url))
    assert len(done.shown) > 10


# Tags


def hidden_changes(world: World) -> list[tuple[Quad, ...]]:
    """Changes that concern nothing that is shown for the purpose."""
    plant = Planted(True)
    changes = []

    def take() -> None:
        changes.append(tuple(plant.adding))
        plant.adding.clear()

    person = plant.person("a new one")
    take()
    plant.consent(person, IMPROVING)
    take()
    node = plant.node("PainPoint", "new", hidden=True)
    plant.only(node, TYPE, ci("PainPoint"))
    plant.only(node, ci("inProject"), PROJECT)
    plant.only(node, ci("confidentiality"), ci("Confidential"))
    plant.hide(node, "title", "en")
    take()
    plant.hide(NamedNode(A.instance("leaks", "person", "silent")), "telephone")
    take()
    plant.hide(node, DETAIL, graph="urn:scratch:1")
    take()
    return changes


def tell_of_hidden_changes(world: World) -> None:
    """Make them, and see whether any tag tells. Raises `Leak`."""
    ask = inside(world)

    async def run() -> None:
        before = {a: await ask(Asked(Role.RESEARCHER, "GET", a)) for a in ADDRESSES}
        assert all(answer.tag for answer in before.values())
        for change in hidden_changes(world):
            head = world.kg.head
            world.kg.commit(Change(add=change))
            assert world.kg.head > head
            for address, answer in before.items():
                now = await ask(Asked(Role.RESEARCHER, "GET", address))
                if now.tag != answer.tag:
                    raise Leak(f"{address} had the tag {answer.tag}, and now has {now.tag}")
                headers = (("If-None-Match", answer.tag),)
                assert (await ask(Asked(Role.RESEARCHER, "GET", address, headers))).status == 304
        shown = Quad(COPIED, TYPE, ci("PainPoint")), Quad(COPIED, ci("title"), Literal("seen", language="en"))
        world.kg.commit(Change(add=shown))
        for address, answer in before.items():
            assert (await ask(Asked(Role.RESEARCHER, "GET", address))).tag != answer.tag

    asyncio.run(run())


def test_tags_tell_of_the_view_only(alone: Callable[[], World]) -> None:
    tell_of_hidden_changes(alone())


def test_who_may_not_know_is_not_told_whose_a_record_is(worlds: tuple[World, World]) -> None:
    world, _ = worlds
    ask = inside(world)
    record = A.instance("leaks", "record", "silent 0")
    project = A.project(A.key(PROJECT.value))
    update = f"INSERT DATA {{ GRAPH <{project}> {{ <{record}> <{DETAIL.value}> 'x' }} }}"
    headers = (("Content-Type", "application/sparql-update"),)
    answer = asyncio.run(ask(Asked(Role.EDITOR, "POST", "/update", headers, update)))
    assert answer.status == 409
    assert "belongs to the graph of a person" in answer.text
    assert A.key(A.instance("leaks", "person", "silent")) not in answer.text


@pytest.mark.parametrize("verb", ["COPY", "MOVE", "ADD"])
def test_who_states_a_purpose_copies_no_graphs(worlds: tuple[World, World], verb: str) -> None:
    world, _ = worlds
    ask = inside(world)
    headers = (("Content-Type", "application/sparql-update"),)
    said = set()
    for graph in (A.subject(A.key(A.instance("leaks", "person", "silent"))), A.subject("none"), "urn:none"):
        update = f"{verb} <{graph}> TO <{A.project('common')}>"
        answer = asyncio.run(ask(Asked(Role.EDITOR, "POST", "/update", headers, update)))
        said.add((answer.status, answer.body))
    assert len(said) == 1
    assert said.pop()[0] == 403


HIDDEN = A.instance("leaks", "record", "silent 0")
TURTLE = (("Content-Type", "text/turtle"),)
UPDATE = (("Content-Type", "application/sparql-update"),)


def said_of(world: World, make: Callable[[str], Asked], *names: str) -> set[tuple[object, ...]]:
    """The answers to the same request for several names, with one name in place of them all."""
    ask = inside(world)
    said: set[tuple[object, ...]] = set()
    for name in names:
        answer = asyncio.run(ask(make(name)))
        said.add((answer.status, answer.headers, answer.tag, answer.body.replace(name.encode(), b"name")))
    return said


def test_an_import_does_not_tell_what_is_known_already(alone: Callable[[], World]) -> None:
    world = alone()
    known = next(
        quad
        for quad in world.kg.store.match([(NamedNode(HIDDEN), NamedNode(f"{CI}content"), None)])
        if world.kg.graphs.is_subject(quad.graph_name)
    )
    ask = inside(world)

    def brought(statement: str) -> Asked:
        return Asked(Role.EDITOR, "POST", "/imports", TURTLE, statement, "import")

    same = asyncio.run(ask(brought(f"{known.triple} .")))
    new = asyncio.run(ask(brought(f'<{HIDDEN}> <{CI}content> "guessed" .')))
    assert (same.status, same.body) == (new.status, new.body)
    (told,) = json.loads(same.body)["imports"]
    assert (told["added"], told["removed"], told["commit"], told["mended"]) == (None, None, None, [])


def test_a_refused_import_tells_rules_and_nothing_that_records_say(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = worlds
    ask = inside(world)
    monkeypatch.setattr(world.kg, "guarded", True)
    secret = A.instance("leaks", "PainPoint", "confidential")
    body = f'<{HIDDEN}> <{CI}age> "old" . <{secret}> a <{CI}Solution> .'
    for _ in range(2):  # the second time it waits already
        for accept in ("application/json", "application/x-ndjson"):
            headers = (*TURTLE, ("Accept", accept))
            answer = asyncio.run(ask(Asked(Role.EDITOR, "POST", "/imports", headers, body)))
            assert (answer.status, "R03" in answer.text) == (200, True)
            assert "CANARY" not in answer.text
            named = {A.key(HIDDEN), A.key(secret)}
            assert world.hidden.intersection(re.findall(r"[0-9a-f-]{36}", answer.text)) <= named
            told = json.loads(answer.body.splitlines()[-1])["imports"][0]
            assert {tuple(entry) for entry in told["quarantined"]} == {("file", "line", "row", "reason")}


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_writing_a_graph_does_not_tell_whether_there_was_one(alone: Callable[[], World], method: str) -> None:
    world = alone()

    def write(graph: str) -> Asked:
        target = f"/graphs?graph={quote(graph, safe='')}"
        return Asked(Role.EDITOR, method, target, TURTLE, "", "write")

    for there, missing, status in (
        (
            A.subject(A.key(A.instance("leaks", "person", "silent"))),
            A.subject("none"),
            204 if method == "POST" else 403,
        ),
        (A.consent(A.key(A.instance("leaks", "person", "expired"))), A.consent("none"), 403),
        ("urn:scratch:1", "urn:scratch:none", 204),
        (A.quarantine("1"), A.quarantine("2"), 403),
        (A.finding, f"{A.finding}s", 403),
    ):
        assert world.kg.store.has_graph(NamedNode(there))
        (said,) = said_of(world, write, there, missing)
        assert said[0] == status, there


@pytest.mark.parametrize("condition", ["If-Match", "If-None-Match"])
def test_writing_on_a_condition_is_for_those_who_may_read_graphs(
    worlds: tuple[World, World], condition: str
) -> None:
    world, _ = worlds

    def write(graph: str) -> Asked:
        headers = (*TURTLE, (condition, "*"))
        return Asked(Role.EDITOR, "PUT", f"/graphs?graph={quote(graph, safe='')}", headers, "")

    (said,) = said_of(world, write, "urn:scratch:1", "urn:scratch:none")
    assert said[0] == 403


@pytest.mark.parametrize("verb", ["CREATE GRAPH", "DROP GRAPH", "CLEAR GRAPH"])
def test_an_update_of_graphs_does_not_tell_whether_there_are_any(
    alone: Callable[[], World], verb: str
) -> None:
    world = alone()

    def update(graph: str) -> Asked:
        return Asked(Role.EDITOR, "POST", "/update", UPDATE, f"{verb} <{graph}>", "update")

    (said,) = said_of(world, update, "urn:scratch:1", "urn:scratch:none")
    assert said[0] == 204
    for there, missing in (
        (A.subject(A.key(A.instance("leaks", "person", "silent"))), A.subject("none")),
        (A.consent(A.key(A.instance("leaks", "person", "expired"))), A.consent("none")),
    ):
        (said,) = said_of(world, update, there, missing)
        assert said[0] == 403


def test_who_may_not_see_a_record_is_not_told_what_it_says(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = worlds
    ask = inside(world)
    record = A.instance("leaks", "record", "silent 0")
    body = f'<{record}> <{CI}content> 4 ; <{CI}age> "old" .'
    for media_type in ("application/json", "text/turtle", "text/plain", "application/xml"):
        headers = (("Content-Type", "text/turtle"), ("Accept", media_type))
        answer = asyncio.run(ask(Asked(Role.EDITOR, "POST", "/validation", headers, body)))
        assert (answer.status, "R49" in answer.text) == (200, True)
        assert "CANARY" not in answer.text
    monkeypatch.setattr(world.kg, "guarded", True)
    headers = (("Content-Type", "text/turtle"), ("Accept", "application/json"))
    person = A.key(A.instance("leaks", "person", "silent"))
    graph = A.subject(person)
    for method in ("POST", "PUT"):
        answer = asyncio.run(ask(Asked(Role.EDITOR, method, f"/graphs?graph={graph}", headers, body)))
        assert answer.status == {"POST": 422, "PUT": 403}[method]
        assert "CANARY" not in answer.text
        assert not world.hidden.intersection(re.findall(r"[0-9a-f-]{36}", answer.text)) - {
            A.key(record),
            person,
        }


def test_a_finding_of_what_was_not_named_tells_no_node(worlds: tuple[World, World]) -> None:
    world, _ = worlds
    ask = inside(world)
    body = f"<{A.instance('leaks', 'PainPoint', 'confidential')}> a <{CI}Solution> ."
    for media_type in ("application/json", "text/turtle", "application/sarif+json", "text/plain"):
        headers = (("Content-Type", "text/turtle"), ("Accept", media_type))
        answer = asyncio.run(ask(Asked(Role.EDITOR, "POST", "/validation", headers, body)))
        named = {A.key(A.instance("leaks", "PainPoint", "confidential"))}
        assert answer.status == 200
        assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", answer.text)) & world.hidden <= named


# Sabotage: each of these services lets something out.


@pytest.mark.slow
def test_a_service_that_reads_all_graphs_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(reader: PurposeReader, text: str, default: object = (), named: object = ()) -> Dataset:
        return Dataset((reader.view,), None)

    monkeypatch.setattr(PurposeReader, "dataset", careless)
    world = alone()
    with pytest.raises(Leak, match=r"tells of|answered with yes"):
        search(world, None, 500)


def test_a_service_that_keeps_what_was_withdrawn_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Purposes.effect

    def careless(*given: object) -> Effect:
        effect = kept(*given)  # type: ignore[arg-type]
        effect.remove.clear()
        return effect

    monkeypatch.setattr(Purposes, "effect", careless)
    world = alone()
    with pytest.raises(Leak, match=r"tells of|answered with yes"):
        search(world, None, 500)


def test_a_service_whose_questions_read_everything_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "reader_of", lambda _scope, _parameters, kg: kg)
    world = alone()
    with pytest.raises(Leak, match="queries/"):
        search_for(world, {"saved question"}, 500)


def test_a_service_whose_tags_count_all_commits_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PurposeReader, "state", property(lambda reader: reader._whole.head))
    world = alone()
    with pytest.raises(Leak, match="had the tag"):
        tell_of_hidden_changes(world)


def search_for(world: World, kinds: set[str], requests: int, seed: int = 3) -> Search:
    """Ask a world alone, with requests of some kinds only."""
    found = Search(world, inside(world))
    grammar = grammar_of(world, seed)

    async def run() -> None:
        await found.succeed()
        while found.counts["requests"] < requests:
            asked = grammar.request()
            if asked.kind in kinds:
                await found.one(replace(asked, like=None))

    asyncio.run(run())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("what", ["lists", "pick lists", "forms", "names in sheets"])
def test_a_service_whose_pages_of_records_read_everything_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    world = alone()
    if what == "lists":
        listing = lists.listing
        monkeypatch.setattr(lists, "listing", lambda _, *rest: listing(world.kg, *rest))
    elif what == "pick lists":
        offered = choices.choices
        for module in (record_forms, sheet_pages):
            monkeypatch.setattr(module, "choices", lambda _, *rest: offered(world.kg, *rest))
    elif what == "forms":
        existing = form_records.existing
        monkeypatch.setattr(form_records, "existing", lambda kg, _, *rest: existing(kg, kg, *rest))
    else:
        called = choices.names
        monkeypatch.setattr(sheet_pages, "names", lambda _, *rest: called(world.kg, *rest))
    with pytest.raises(Leak, match="tells of"):
        search_for(world, {"records", "form", "sheet"}, 400)


def test_a_service_whose_parquet_files_hold_everything_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    producing = parquet._producing
    world = alone()
    monkeypatch.setattr(parquet, "_producing", lambda _, asked: producing(world.kg, asked))
    with pytest.raises(Leak, match="tells of"):
        search_for(world, {"question as Parquet"}, 1500)


def test_a_service_that_shows_everything_to_who_oversees_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(principal: Principal, *rest: Any) -> str | None:
        return None if principal.oversees else stated_purpose(principal, *rest)

    monkeypatch.setattr(purposes, "stated_purpose", careless)
    world = alone()
    with pytest.raises(Leak, match=r"(?s)tells of.*overseer"):
        search_for(world, {"query", "record"}, 500)


@pytest.mark.parametrize("which", ["first", "before"])
def test_a_service_that_keeps_the_purpose_of_the_request_before_is_caught(
    alone: Callable[[], World], monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """As one would whose answers were kept by who asks, not by what they may see: of the first or the last.

    What each search begins with finds it out, whatever the dice throw after that.
    """
    kept: dict[str, str | None] = {}

    def careless(principal: Principal, given: str | None, *rest: Any) -> str | None:
        purpose = stated_purpose(principal, given, *rest)
        told = kept.setdefault(principal.name, purpose)
        if which == "before":
            kept[principal.name] = purpose
        return told

    monkeypatch.setattr(purposes, "stated_purpose", careless)
    world = alone()
    with pytest.raises(Leak, match=r"tells of|tag of the view of another purpose"):
        search(world, None, len([*successions()]))


def searched(text: str) -> Asked:
    """A search of a researcher that tells all it can."""
    query = f'PREFIX kg: <{KG}> SELECT * {{ (?thing ?score ?text ?total) kg:matches "{text}" }}'
    return Asked(Role.RESEARCHER, "GET", f"/sparql?{urlencode({'query': query})}", kind="search")


def test_a_service_that_searches_in_everything_is_caught(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query looks up in the view what the index finds, so nothing is told but how much there is."""
    world, twin = worlds
    found = Search(world, inside(world), twin, inside(twin))
    for text in ("canary*", "shown*", "7"):
        asyncio.run(found.one(searched(text)))
    assert {"SHOWN-1", "SHOWN-7"} <= found.shown
    kept = searching.Search.index
    for kg in (world.kg, twin.kg):
        monkeypatch.setattr(kg.search, "index", lambda _, kg=kg: kept(kg.search, kg.view))
    asyncio.run(found.one(searched("canary*")))
    with pytest.raises(Leak, match="answers otherwise"):
        asyncio.run(found.one(searched("8")))


def test_a_service_that_trusts_an_index_of_everything_is_caught(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, _ = worlds
    kept = searching.Search.index
    monkeypatch.setattr(world.kg.search, "index", lambda _: kept(world.kg.search, world.kg.view))
    answer = sparql_search.Search.answer

    def trusting(asked: sparql_search.Search, rows: Sequence[sparql_search.Row]) -> str:
        return re.sub(r"\?\w+ !<\S+> \?\w+ } }$", "} }", answer(asked, rows))

    monkeypatch.setattr(sparql_search.Search, "answer", trusting)
    with pytest.raises(Leak, match="tells of"):
        asyncio.run(Search(world, inside(world)).one(searched("canar*")))
