"""`POST /links/candidates`: who a new record may be, and who is never offered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import opened
from kgservice.application.links.customers import customers
from kgservice.application.sources.asked_records import Row, asked_rows
from kgservice.application.sources.lookups import Found, Lookups, _Held
from kgservice.crm import registry
from kgservice.crm.kept_models import keep, kept
from kgservice.crm.models import shipped
from kgservice.crm.settings import Source
from kgservice.domain.principal import Role
from kgservice.errors import Busy
from kgservice.namespaces import CI, DPV
from tests.crm.folders import people
from tests.http.keys import asking, make_key, serving
from tests.http.persons import refused
from tests.serving import Running, running
from tests.unit.links import AMBROS, ROSALINDE, SAWMILL, TILMAN

PATH = "/links/candidates"
TYPED = {
    "key": "K-1",
    "given_name": "T.",
    "family_name": "KANTWERK",
    "email": [" Tilman.Kantwerk+crm@FENSTERBAU-lichtkant.example "],
}
STRANGER = {"given_name": "Xaver", "family_name": "Niemandsfreund", "email": "x@nirgendwo.example"}


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server


def look(server: Running, *records: dict[str, Any], kind: str = "persons") -> list[list[dict[str, Any]]]:
    """The candidates of each record."""
    answer = server.post(PATH, json={"kind": kind, "records": list(records)})
    assert answer.status_code == 200, answer.text
    return [record["candidates"] for record in answer.json()["records"]]


def offered(server: Running, *records: dict[str, Any]) -> set[str]:
    """All who are offered."""
    return {one["customer"] for found in look(server, *records) for one in found}


def records_of(kg: KnowledgeGraph) -> dict[str, dict[str, Any]]:
    """A record that says the same as the graph, for each person who may be matched, by IRI."""
    return {
        str(row["key"]): {"full_name": row["full_name"], "email": row["email"], "phone": row["phone"]}
        for row in customers(kg, "persons")
    }


def test_a_person_is_found_by_an_email_that_is_typed_differently(server: Running) -> None:
    head = server.kg.head
    answer = server.post(PATH, json={"kind": "persons", "records": [TYPED, STRANGER]})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "kg-commit" not in answer.headers
    body = answer.json()
    assert (body["kind"], len(body["model"]["digest"]), len(body["records"])) == ("persons", 64, 2)
    known, stranger = body["records"]
    assert (known["key"], stranger) == ("K-1", {"key": None, "candidates": []})
    (one,) = known["candidates"]
    assert (one["customer"], one["customerName"]) == (TILMAN, "Tilman Kantwerk")
    assert one["probability"] > 0.99
    assert one["probability"] == pytest.approx(1 / (1 + 2 ** -one["weight"]), abs=1e-4)
    assert one["weight"] == pytest.approx(sum(each["weight"] for each in one["fields"]), abs=0.1)
    weights = [abs(each["weight"]) for each in one["fields"]]
    assert weights == sorted(weights, reverse=True)
    email = next(each for each in one["fields"] if each["field"] == "email")
    assert email["record"] == email["customer"] == "tilman.kantwerk@fensterbau-lichtkant.example"
    assert email["weight"] > 5
    assert server.kg.head == head


def test_organisations_are_found_by_name_and_place(server: Running) -> None:
    (found,) = look(
        server,
        {"name": "Saegewerk Tannhof", "website": "https://saegewerk-tannhof.example/de"},
        kind="organisations",
    )
    assert [(one["customer"], one["customerName"]) for one in found] == [(SAWMILL, "Sägewerk Tannhof GmbH")]


def test_who_has_not_agreed_is_not_offered(server: Running) -> None:
    rows = server.kg.select(
        f"SELECT ?name ?mail {{ <{ROSALINDE}> <{CI}personName> ?name . ?r <{CI}dataSubject> <{ROSALINDE}> ; "
        f"<{CI}emailAddress> ?mail }}"
    ).rows
    ((name, mail), *_) = rows
    assert ROSALINDE not in records_of(server.kg)
    record = {"full_name": name.value, "email": mail.value}  # type: ignore[union-attr]
    assert offered(server, record) == set()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["erasure", "restriction", "withdraw"])
def test_who_may_not_be_used_any_more_is_not_offered_from_then_on(server: Running, way: str) -> None:
    record = records_of(server.kg)[TILMAN]
    others = records_of(server.kg)[AMBROS]
    assert offered(server, record, others) == {TILMAN, AMBROS}
    key = TILMAN.rpartition("/")[2]
    if way == "withdraw":
        told = server.get(f"/subjects/{key}/access").json()
        for consent in told["consents"]:
            if consent["state"] != "withdrawn":
                done = server.post(
                    f"/consents/{consent['id'].rpartition('/')[2]}/withdraw", json={"method": "by letter"}
                )
                assert done.status_code < 300, done.text
    else:
        body = {"reason": "disputed"} if way == "restriction" else {"otherBasis": "erase"}
        done = server.post(f"/subjects/{key}/{way}", json=body)
        assert done.status_code < 300, done.text
    assert offered(server, record, others) == {AMBROS}


@pytest.mark.slow
def test_an_erasure_leaves_nothing_in_memory(demo_kg_guarded: KnowledgeGraph) -> None:
    kg = demo_kg_guarded
    lookups = Lookups(kg)
    rows = asked_rows("persons", [records_of(kg)[TILMAN]])
    assert lookups.of("persons", rows).names == {TILMAN: "Tilman Kantwerk"}
    held = lookups._kept["persons"]
    assert held._held is not None
    with running(kg) as server:
        done = server.post(f"/subjects/{TILMAN.rpartition('/')[2]}/erasure", json={"otherBasis": "erase"})
        assert done.status_code == 200, done.text
    assert held._held is None
    assert lookups.of("persons", rows).pairs == [[]]


@pytest.mark.slow
def test_what_is_hidden_during_a_question_is_not_told_by_it(
    demo_kg_guarded: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the question has been worked out, something is hidden: none of its answers may go out."""
    lookups = Lookups(demo_kg_guarded)
    rows = asked_rows("persons", [records_of(demo_kg_guarded)[TILMAN]])
    kept_ = lookups._kept["persons"]
    found, times = kept_._found, list[Found]()

    def slow(held: _Held, rows: Sequence[Row]) -> Found:
        said = found(held, rows)
        times.append(said)
        hiding = threading.Thread(target=lookups.forget)  # a commit in another thread, which does not wait
        hiding.start()
        hiding.join(10)
        assert not hiding.is_alive()
        return said

    monkeypatch.setattr(kept_, "_found", slow)
    with pytest.raises(Busy):
        lookups.of("persons", rows)
    assert len(times) == 3
    assert kept_._held is None


@pytest.mark.slow
def test_the_index_is_made_once_while_customers_stay_the_same(demo_kg_guarded: KnowledgeGraph) -> None:
    kg = demo_kg_guarded
    lookups = Lookups(kg)
    rows = asked_rows("persons", [records_of(kg)[TILMAN]])
    lookups.of("persons", rows)
    first = lookups._kept["persons"]._held
    assert first is not None
    index = first.index
    with running(kg) as server:
        title = f'INSERT DATA {{ GRAPH <urn:x:g> {{ <urn:x:p> a <{CI}Persona> ; <{CI}title> "One"@en }} }}'
        assert server.post("/update", data={"update": title}).status_code == 204
        lookups.of("persons", rows)
        held = lookups._kept["persons"]._held
        assert held is not None
        assert held.index is index
        before = f"?r <{CI}dataSubject> <{TILMAN}> ; <{CI}emailAddress> ?mail"
        new = f'?r <{CI}emailAddress> "new@kantwerk.example"'
        change = f"DELETE {{ ?r <{CI}emailAddress> ?mail }} INSERT {{ {new} }} WHERE {{ {before} }}"
        answer = server.post("/update", data={"update": change})
        assert answer.status_code == 204, answer.text
    ((pair,),) = lookups.of("persons", asked_rows("persons", [{"email": "NEW@kantwerk.example"}])).pairs
    assert pair.customer == TILMAN
    assert "new@kantwerk.example" in pair.values["email"][1].split(", ")


def written(folder: Path, *lines: str) -> Source:
    folder.mkdir(exist_ok=True)
    text = "Number;Name;E-Mail;Changed\n" + "".join(f"{line}\n" for line in lines)
    (folder / "people.csv").write_text(text, encoding="utf-8")
    return people(folder, 'file = "people.csv"')


@pytest.mark.slow
def test_the_scores_are_those_of_a_run(server: Running, tmp_path: Path) -> None:
    """A source with the record is read and matched; the link says of it what the look-up says."""
    name, mail = "Kantwerk, Tilmann", "tilman.kantwerk@fensterbau-lichtkant.example"
    (before,) = look(server, {"full_name": name, "email": mail})
    registry.add(server.kg.settings.crm_folder, written(tmp_path / "people", f'7;"{name}";{mail};2026-01-01'))
    assert server.post("/imports/people/runs").status_code == 200
    assert server.post("/links/runs").status_code == 200
    (link,) = server.get("/links?source=people").json()["links"]
    (after,) = look(server, {"full_name": name, "email": mail})
    for (one,) in (before, after):
        said = ("customer", "customerName", "probability", "weight")
        assert {name: one[name] for name in said} == {name: link[name] for name in said}
        assert one["fields"] == link["fields"]


@pytest.mark.slow
def test_the_trained_model_of_the_last_run_is_taken(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    kg = demo_kg_guarded
    kg.settings = replace(kg.settings, store=tmp_path / "store")
    folder = kg.settings.crm_folder
    folder.mkdir()
    rows, lookups = asked_rows("persons", [records_of(kg)[TILMAN]]), Lookups(kg)
    packaged = lookups.of("persons", rows).model
    assert not packaged.frequencies
    assert packaged.prior == pytest.approx(0.5 / len(records_of(kg)))
    trained = replace(shipped("persons"), prior=0.001)
    keep(folder, trained)
    assert lookups.of("persons", rows).model == trained
    assert [pair.fields["prior"] for (pair,) in lookups.of("persons", rows).pairs] == [
        pytest.approx(-9.96, abs=0.01)
    ]
    keep(folder, replace(trained, frequencies=False))  # of a run on tables too small to train on
    assert kept(folder, "persons") is None
    assert lookups.of("persons", rows).model == packaged
    (folder / "model-persons.json").write_text("{}", encoding="utf-8")
    assert lookups.of("persons", rows).model == packaged
    assert sorted(path.name for path in folder.iterdir()) == ["model-persons.json"]


def test_only_stewards_may_ask(server: Running) -> None:
    settings = server.kg.settings
    purposes = settings.active_purposes
    for role in Role:
        key = make_key(settings, role, purposes=purposes, default=purposes[0])
        answer = asking(server, PATH, key, "POST", json={"kind": "persons", "records": [TYPED]})
        assert answer.status_code == (200 if role in {Role.STEWARD, Role.ADMINISTRATOR} else 403), role
    assert server.get(PATH).status_code == 405


BAD: list[tuple[object, str | None]] = [
    ({"records": [TYPED]}, "kind"),
    ({"kind": "cats", "records": [TYPED]}, "kind"),
    ({"kind": "persons"}, "records"),
    ({"kind": "persons", "records": []}, "records"),
    ({"kind": "persons", "records": TYPED}, "records"),
    ({"kind": "persons", "records": [TYPED] * 1001}, "records"),
    ({"kind": "persons", "records": [TYPED], "more": 1}, "more"),
    ({"kind": "persons", "records": [TYPED, "Anna"]}, "records[1]"),
    ({"kind": "persons", "records": [TYPED, {"vat_id": "DE1"}]}, "records[1].vat_id"),
    ({"kind": "organisations", "records": [{"given_name": "Anna"}]}, "records[0].given_name"),
    ({"kind": "persons", "records": [{"postal_code": 72813}]}, "records[0].postal_code"),
    ({"kind": "persons", "records": [{"family_name": "x" * 2001}]}, "records[0].family_name"),
    ({"kind": "persons", "records": [{"family_name": ["x"]}]}, "records[0].family_name"),
    ({"kind": "persons", "records": [{"email": ["a@b.example", 7]}]}, "records[0].email"),
    ({"kind": "persons", "records": [{"email": ["a@b.example"] * 101}]}, "records[0].email"),
    ({"kind": "persons", "records": [{"birth_date": "31.02.1960"}]}, "records[0].birth_date"),
    ({"kind": "persons", "records": [{"updated": "2026-01-01T12:00:00"}]}, "records[0].updated"),
    ({"kind": "persons", "records": [{"opted_out": "yes"}]}, "records[0].opted_out"),
    ({"kind": "persons", "records": [{"country": "Deutschland"}]}, "records[0].country"),
    ({"kind": "persons", "records": [{"family_name": "a\0"}]}, "records[0].family_name"),
    ([], None),
]


@pytest.mark.parametrize(("body", "source"), BAD, ids=[str(source) for _, source in BAD])
def test_what_is_wrong_is_told_with_its_place(
    server_that_stays: Running, body: object, source: str | None
) -> None:
    status, place, _ = refused(server_that_stays.post(PATH, json=body))
    assert (status, place) == (400, source)


@pytest.fixture(scope="module")
def server_that_stays(demo_kg: KnowledgeGraph) -> Iterator[Running]:
    """A server for tests that change nothing."""
    with running(demo_kg) as server:
        yield server


def test_odd_records_are_taken(server_that_stays: Running) -> None:
    server = server_that_stays
    half = server.post(PATH, content=b'{"kind": "persons", "records": [{"city": "\\ud800"}]}')
    assert refused(half)[:2] == (400, "records[0].city")
    assert refused(server.post(PATH, content=b"{"))[0] == 400
    long = json.dumps({"kind": "persons", "records": [{"city": " " * 5 * 2**20}]})
    assert server.post(PATH, content=long).status_code == 413
    assert server.post(f"{PATH}?x=1", json={"kind": "persons", "records": [TYPED]}).status_code == 400
    full = {
        **TYPED,
        "birth_date": "1970-01-31",
        "updated": "2026-01-01T12:00:00Z",
        "deleted": False,
        "country": "de",
        "street": "",
        "phone": None,
        "opted_out": None,
        "language": "de",
    }
    found = look(
        server, full, {}, {"email": []}, {"city": "\x1b\u200b'; DROP TABLE index_persons --"}, *[TYPED] * 996
    )
    assert [one["customer"] for one in found[0]] == [TILMAN]
    assert found[1] == found[2] == found[3] == []
    assert len(found) == 1000
    assert all([one["customer"] for one in each] == [TILMAN] for each in found[4:])


def test_without_a_purpose_for_matching_nothing_is_compared(
    demo_kg_guarded: KnowledgeGraph, tmp_path: Path
) -> None:
    with serving(demo_kg_guarded, tmp_path, matching_purpose="dpv:Nothing") as server:
        answer = server.post(PATH, json={"kind": "persons", "records": [TYPED]})
        assert refused(answer)[:2] == (400, "KGSERVICE_MATCHING_PURPOSE")
    with serving(demo_kg_guarded, tmp_path, matching_purpose="everything") as server:
        assert offered(server, TYPED) == {TILMAN}


@pytest.mark.slow
def test_who_is_offered_is_as_likely_as_is_set(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    another = {**TYPED, "given_name": "Otto"}  # likely 0.38: a relative may have the same address
    for least, expected in ((0.3, {TILMAN}), (0.5, set())):
        with serving(demo_kg_guarded, tmp_path, matching_candidate=least) as server:
            assert offered(server, another) == expected


def test_questions_are_recorded_as_reading_for_the_purpose(
    demo_kg_guarded: KnowledgeGraph, tmp_path: Path
) -> None:
    kg = demo_kg_guarded
    kg.settings = replace(kg.settings, store=tmp_path / "store")
    with opened(kg.settings) as log, running(kg, audit=log) as server:
        assert offered(server, TYPED) == {TILMAN}
        asking(server, PATH, "no key", "POST", json={})
    with opened(kg.settings) as log:
        found = [line.to_json() for line in log.export()]
    assert [(e["action"], e["resource"], e.get("purpose"), e["outcome"]) for e in found] == [
        ("read", "POST /links/candidates", f"{DPV}CustomerRelationshipManagement", 200),
        ("denied", "POST /links/candidates", None, 401),
    ]
