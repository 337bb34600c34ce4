"""The page that a person gets (Art. 15 GDPR) says all that the answer for programs says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri
from kgservice.application.stewards import quarantine
from kgservice.application.stewards.settling import Refusal
from kgservice.crm.canonical import CANONICAL
from kgservice.crm.forgetting import CanonicalTables
from kgservice.domain.change import Change, Origin
from kgservice.domain.link import Verdict
from kgservice.domain.matching import RecordId
from kgservice.namespaces import CI
from tests.http.persons import IDS, PERSON, refused
from tests.serving import Running, running
from tests.unit.links import TILMAN, pair, run

HTML = {"Accept": "text/html", "Accept-Language": "en"}
NAMES = {
    "id",
    "iri",
    "key",
    "class",
    "classes",
    "property",
    "datatype",
    "language",
    "label",
    "graph",
    "record",
    "mark",
}
"""Members that say what something is, which the page says in words, or by what the audit log knows the person."""
CODES = {
    *("kind", "status", "outcome", "state", "type", "by", "explicit", "table"),
    *("created", "decided", "decision"),
}
"""Members whose values the page says in words, or that are of the service: what became of an entry."""


def texts(found: Any, member: str = "", language: str = "en") -> Iterator[tuple[str, str]]:
    """All texts and numbers of an answer, with the member that holds them."""
    if isinstance(found, Mapping):
        if found.keys() >= {"value", "datatype"}:
            if found["datatype"] is not None:
                yield "value", found["value"]
            return
        if found.keys() == {"de", "en"}:
            yield member, found[language]
            return
        for name, value in found.items():
            if name not in NAMES | CODES:
                yield from texts(value, name, language)
    elif isinstance(found, list):
        for one in found:
            yield from texts(one, member, language)
    elif isinstance(found, str | int) and not isinstance(found, bool) and not str(found).startswith("http"):
        yield member, str(found)


def lacking(server: Running, key: str, language: str = "en") -> list[tuple[str, str]]:
    """What the answer for programs says and the page does not; moments stand in attributes of the page."""
    found = server.get(f"/subjects/{key}/access").json()
    for counted in ("statements", "records", "asOf"):  # of the store; the page tells its own moment
        del found[counted]
    page = server.get(f"/subjects/{key}/access", headers=HTML | {"Accept-Language": language})
    assert page.status_code == 200
    shown = set(re.findall(r'<time datetime="([^"]+)"', page.text))
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())
    return [
        (name, text)
        for name, text in texts(found, language=language)
        if text not in shown and text not in ("none", "true", "false") and " ".join(text.split()) not in words
    ]


@pytest.mark.parametrize("language", ["de", "en"])
def test_each_literal_of_the_answer_is_on_the_page(demo_kg_guarded: KnowledgeGraph, language: str) -> None:
    kg = demo_kg_guarded
    with running(kg) as server:
        for key in persons(kg):
            assert lacking(server, key, language) == [], key


def persons(kg: KnowledgeGraph) -> list[str]:
    """Persons with consents, requests, restrictions, and of whom records of others say something."""
    return [PERSON, *(f"00000000-0000-4000-8000-1007000000{n}" for n in (15, 17, 26, 29, 45))]


def test_as_a_file_it_needs_nothing_else(demo_kg_guarded: KnowledgeGraph) -> None:
    place = f"/subjects/{PERSON}/access"
    with running(demo_kg_guarded) as server:
        page = server.get(place, headers=HTML, params={"lang": "de"})
        file = server.get(place, headers=HTML, params={"lang": "de", "file": "true"})
        assert 'href="/static/' in page.text
        assert 'href="/' not in file.text
        assert 'src="' not in file.text
        assert "<style" in file.text
        assert file.headers["content-disposition"] == 'attachment; filename="my-data.html"'
        wrong = server.get(place, headers=HTML, params={"file": "yes"})
        assert (wrong.status_code, wrong.json()["detail"]) == (400, "file is true or false")


def test_the_person_reads_restrictions_and_answers_with_their_reasons(
    demo_kg_guarded: KnowledgeGraph,
) -> None:
    with running(demo_kg_guarded) as server:
        body = {"subject": PERSON, "kind": "access"}
        ticket = server.post("/requests", json=body).json()["id"].removeprefix(IDS)
        answer = {"outcome": "refused", "reason": "It was asked for twice & in vain"}
        assert server.post(f"/requests/{ticket}/answer", json=answer).status_code == 200
        made = server.post(f"/subjects/{PERSON}/restriction", json={"reason": "They contest it"}).json()
        lift = f"/subjects/{PERSON}/restriction/{made['id'].removeprefix(IDS)}/lift"
        assert server.post(lift, json={"informed": True}).status_code == 200
        page = unescape(server.get(f"/subjects/{PERSON}/access", headers=HTML).text)
        assert "refused: It was asked for twice & in vain" in page
        assert "all data. They contest it" in page
        assert lacking(server, PERSON) == []


def test_what_others_say_is_on_the_page(demo_kg_guarded: KnowledgeGraph) -> None:
    participant = "00000000-0000-4000-8000-100700000003"
    with running(demo_kg_guarded) as server:
        answer = server.get(f"/subjects/{participant}/access").json()
        found, name = answer["others"], answer["name"]
        (meeting,) = {one["record"] for one in found if one["property"] == f"{CI}participant"}
        page = unescape(server.get(f"/subjects/{participant}/access", headers=HTML).text)
        told = page[page.index("What records of others say of you") :]
        assert re.search(rf"<h3[^>]*>[a-z ]+ {meeting.removeprefix(IDS)}</h3>", told)
        assert re.search(rf'<th scope="row">[a-z ]*particip[a-z ]+</th><td>{name}</td>', told)
        assert len(re.findall(r"<tr>", told)) >= len(found) > 1
        assert lacking(server, participant) == []


@pytest.fixture
def linked(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> KnowledgeGraph:
    """A graph with a CRM record that is the person's, one that may be, and the rows of both."""
    kg, path = demo_kg_guarded, tmp_path / "crm.duckdb"
    with duckdb.connect(path) as db:
        for name, columns in CANONICAL.items():
            db.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
        for key, name in (("77", "Tilman Row"), ("78", "Somebody Row")):
            db.execute(
                "INSERT INTO persons (source, key, full_name, email, birth_date, opted_out, updated) VALUES "
                "('erp', ?, ?, ['a@b.example', 'c@d.example'], '1980-05-01', true, '2026-01-02 03:04:05')",
                [key, name],
            )
            db.execute(
                "INSERT INTO tickets (source, key, person_key, text) VALUES ('erp', ?, ?, ?)",
                [f"t{key}", key, f"ticket of {name}"],
            )
        db.execute("INSERT INTO deals (source, key, person_key, amount) VALUES ('erp', 'd1', '77', 12.50)")
        db.execute("INSERT INTO persons (source, key, full_name) VALUES ('other', '77', 'Third Row')")
    kg.forgetters.append(CanonicalTables(path))
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", TILMAN, 2.0)])
    decide(kg, link_iri(kg.addresses, RecordId("erp", "77"), TILMAN).value, Verdict.ACCEPTED, "him")
    return kg


def test_rows_of_linked_records_are_handed_out_and_no_others(linked: KnowledgeGraph) -> None:
    key = linked.addresses.key(TILMAN)
    with running(linked) as server:
        found = server.get(f"/subjects/{key}/access").json()["crmRecords"]
        assert [(one["source"], one["key"], one["table"]) for one in found] == [
            ("erp", "77", "persons"),
            ("erp", "77", "tickets"),
            ("erp", "77", "deals"),
        ]
        assert found[0]["values"] == {
            "source": "erp",
            "key": "77",
            "full_name": "Tilman Row",
            "email": ["a@b.example", "c@d.example"],
            "birth_date": "1980-05-01",
            "opted_out": True,
            "updated": "2026-01-02T03:04:05Z",
        }
        assert found[2]["values"]["amount"] == "12.50"
        assert lacking(server, key) == lacking(server, key, "de") == []
        page = server.get(f"/subjects/{key}/access", headers=HTML | {"Accept-Language": "de"}).text
        assert '<th scope="row">Werbewiderspruch</th><td>ja</td>' in page
        assert "ticket of Tilman Row" in page
        # Whose these are, is not known (Art. 15(4) GDPR).
        assert not {name for name in ("Somebody Row", "Third Row") if name in page}


def test_rows_that_are_being_written_are_waited_for(linked: KnowledgeGraph, tmp_path: Path) -> None:
    key = linked.addresses.key(TILMAN)
    with running(linked) as server, duckdb.connect(tmp_path / "crm.duckdb"):
        status, place, _ = refused(server.get(f"/subjects/{key}/access"))
        assert (status, place) == (409, "crm.duckdb")


def test_quarantine_and_scratch_that_mention_the_person_are_handed_out(
    demo_kg_guarded: KnowledgeGraph,
) -> None:
    kg, mine = demo_kg_guarded, NamedNode("https://kg.example/mine")
    says, node = NamedNode("urn:says"), NamedNode("urn:x")
    rows = (("W. Friesinger", "7;FRIESINGER;Walburga"), ("Friesinger", "8;Friesinger;Berta"))
    for line, (name, row) in enumerate(rows):
        said = Triple(node, NamedNode(f"{CI}personName"), Literal(name))
        quarantine.hold(kg, [({said}, quarantine.Source("new.csv", line, row), Refusal("R50"))], Origin())
    notes = ("Walburga Friesinger called", "Frau Friesinger called", "hello")
    kg.commit(Change(add=tuple(Quad(node, says, Literal(text), mine) for text in notes)))
    with running(kg) as server:
        found = server.get(f"/subjects/{PERSON}/access").json()
        assert [(one["file"], one["line"], one["row"]) for one in found["quarantine"]] == [
            ("new.csv", 0, "7;FRIESINGER;Walburga")
        ]
        assert [one["value"] for one in found["quarantine"][0]["values"]] == ["W. Friesinger"]
        assert [(one["graph"], one["value"]) for one in found["notes"]] == [(mine.value, notes[0])]
        assert [(name, text) for name, text in lacking(server, PERSON) if name != "reason"] == []
        page = server.get(f"/subjects/{PERSON}/access", headers=HTML).text
        assert "7;FRIESINGER;Walburga" in page
        assert notes[0] in page
        assert not {text for text in ("Berta", notes[1], "hello") if text in page}
        kept = {graph for graph in kg.store.graphs() if "/quarantine/" in graph.value}
        assert len(kept) == 2  # reading takes nothing away


def test_activities_without_consent_are_told_in_the_profile_gdpr(demo_kg_guarded: KnowledgeGraph) -> None:
    kg = demo_kg_guarded
    kg.commit(
        Change(
            add=tuple(
                Quad(NamedNode(f"{IDS}{name}"), NamedNode(prop), value, DefaultGraph())
                for name, category in (("bills", "IdentificationData"), ("cameras", "SocialMediaData"))
                for prop, value in (
                    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#type", NamedNode(f"{CI}ProcessingActivity")),
                    (f"{CI}title", Literal(f"{name} of customers", language="en")),
                    (f"{CI}forPurpose", NamedNode("https://w3id.org/dpv#ServiceProvision")),
                    (f"{CI}legalBasis", NamedNode("https://w3id.org/dpv/legal/eu/gdpr#A6-1-c")),
                    (f"{CI}forCategory", NamedNode(CI + category)),
                    (f"{CI}recipient", Literal(f"office for {name}")),
                    (f"{CI}retention", Literal(3333)),
                )
            ),
            trusted=True,
        )
    )
    with running(kg) as server:
        before = server.get(f"/subjects/{PERSON}/access").json()
        assert before["activities"] == []
        assert "office for bills" not in before["recipients"]
        kg.settings = replace(kg.settings, profile="gdpr")
        found = server.get(f"/subjects/{PERSON}/access").json()
        assert "bills of customers" in {one["title"].get("en") for one in found["activities"]}
        assert "office for bills" in found["recipients"]
        assert 3333 in found["retention"]
        assert "https://w3id.org/dpv#ServiceProvision" in found["purposes"]
        assert "office for cameras" not in found["recipients"]  # nothing of this kind is kept about them
        assert lacking(server, PERSON) == []
