"""`/queries` and `/trace`: the list, answers in every format, what is refused, and the whole chain."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import RdfFormat, parse

from kgservice.application.answers.questions import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.trace import LAYERS
from tests.serving import Running, running

ID = "00000000-0000-4000-8000-"
BASE = f"https://kg.example/id/{ID}"
PAIN, SOLUTION, IMPACT = f"{ID}103000000006", f"{ID}103100000006", f"{ID}103200000006"


@pytest.fixture(scope="module")
def demo(demo_kg: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg) as server:
        yield server


def refused(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == f"/problems/{kind}"
    return problem


def test_the_list_has_everything(demo: Running) -> None:
    listed = demo.get("/queries").json()
    assert [q["id"] for q in listed] == list(questions())
    third = next(q for q in listed if q["number"] == 3)
    assert third["title"]["en"] == "Which pain points have no solution, by phase and age?"
    assert third["parameters"][0] == {
        "name": "phase",
        "type": "instance",
        "class": "https://w3id.org/kgservice/ci#Phase",
        "label": {"de": "Phase", "en": "Phase"},
        "description": {
            "de": "Nur diese Phase; ohne Angabe alle.",
            "en": "Only this phase; all when left out.",
        },
        "default": None,
        "required": False,
        "values": [],
    }
    assert third["columns"][0] == {
        "name": "painPoint",
        "de": "Der Pain Point.",
        "en": "The pain point.",
        "label": {"de": "Pain Point", "en": "Pain point"},
        "values": {},
        "persons": None,
    }
    assert third["sparql"].startswith("#+ number = 3")


def test_what_no_view_of_a_purpose_holds_is_refused_with_who_may_ask(demo: Running) -> None:
    purpose = {"KG-Purpose": "dpv:ResearchAndDevelopment"}
    problem = refused(demo.get("/queries/expiring-consents", headers=purpose), 403, "forbidden")
    assert "needs the view of everything" in problem["detail"]
    assert (problem["roles"], problem["purposes"]) == (
        ["administrator", "privacy-officer", "steward"],
        ["everything"],
    )
    page = demo.get("/pages/questions/expiring-consents?lang=en", headers=purpose)
    assert page.status_code == 403
    assert "needs the view of everything" in page.text
    assert demo.get("/queries/expiring-consents").json()["results"]["bindings"]
    told = {q["id"]: q["everything"] for q in demo.get("/queries").json()}
    assert (told["expiring-consents"], told["unsolved-pain-points"]) == (True, False)
    listed = demo.get("/pages/questions?lang=en", headers=purpose).text
    assert listed.count("(needs the view of everything)") == sum(told.values())
    assert "needs the view" not in demo.get("/pages/questions?lang=en").text


def test_an_answer_in_every_format(demo: Running) -> None:
    address = "/queries/unsolved-pain-points?phase=ci:MarketLaunch&minimumAge=90&language=en"
    answer = demo.get(address)
    assert answer.headers["content-type"] == "application/sparql-results+json"
    (row,) = answer.json()["results"]["bindings"]
    assert row["painPoint"]["value"] == f"{BASE}103000000011"
    assert row["painPointTitle"] == {
        "type": "literal",
        "xml:lang": "en",
        "value": "Spare-part number cannot be found in the shop",
    }
    assert row["ageDays"]["value"] == "182"
    table = demo.get(address, headers={"Accept": "text/csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    header, cells = csv.reader(io.StringIO(table.text))
    assert header == list(questions()["unsolved-pain-points"].columns)
    assert cells[0] == f"{BASE}103000000011"
    assert demo.get(address + "&format=tsv").headers["content-type"].startswith("text/tab-separated-values")
    assert demo.get(address + "&format=xml").headers["content-type"] == "application/sparql-results+xml"
    refused(demo.get(address, headers={"Accept": "text/turtle"}), 406, "not-acceptable")


def test_a_question_is_asked_by_its_number_too(demo: Running) -> None:
    assert demo.get("/queries/3").content == demo.get("/queries/unsolved-pain-points").content


def test_language_is_taken_by_questions_without_it(demo: Running) -> None:
    assert demo.get("/queries/minors?language=en").status_code == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/queries", "/queries/minors", f"/trace/{PAIN}"])
def test_methods(demo: Running, method: str, path: str) -> None:
    answer = demo.request(method, path)
    if method == "HEAD":
        assert answer.status_code == 200
        assert answer.headers["content-type"] == demo.get(path).headers["content-type"]
        assert answer.content == b""
    elif method == "OPTIONS":
        assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    else:
        refused(answer, 405, "method-not-allowed")


def test_answers_are_tagged_unless_the_clock_is_in_them(demo: Running) -> None:
    first = demo.get("/queries/impact-of-solution")
    again = demo.get("/queries/impact-of-solution", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert "etag" not in demo.get("/queries/unsolved-pain-points").headers
    assert "etag" in demo.get("/queries/unsolved-pain-points?now=2026-11-20").headers


def test_an_unknown_question_names_near_ones(demo: Running) -> None:
    problem = refused(demo.get("/queries/unsolved-painpoints"), 404, "not-found")
    assert "did you mean unsolved-pain-points" in problem["detail"]


@pytest.mark.parametrize(
    ("address", "source", "says"),
    [
        ("unsolved-pain-points?fase=x", "fase", "did you mean 'phase'"),
        ("unsolved-pain-points?phase=ci:Survey", "phase", "is no instance of"),
        ("unsolved-pain-points?minimumAge=old", "minimumAge", "is not a whole number"),
        ("unsolved-pain-points?now=2026-11-20T12:00:00", "now", "with its time zone"),
        ("unsolved-pain-points?minimumAge=1&minimumAge=2", "minimumAge", "is given 2 times"),
        ("lessons-for-touchpoint", "touchpoint", "needs a value for 'touchpoint'"),
        ("crm-consent?onlyDifferent=yes", "onlyDifferent", "`true` or `false`"),
        ("unsolved-pain-points?language=fr", "language", "is not one of `de`, `en`"),
    ],
)
def test_bad_parameters_are_named(demo: Running, address: str, source: str, says: str) -> None:
    problem = refused(demo.get(f"/queries/{address}"), 400, "bad-parameter")
    assert problem["source"] == source
    assert says in problem["detail"]


@pytest.mark.parametrize("hostile", ['"', "x> } DROP ALL #", "} UNION {", "\r\n", "\x00", "a" * 60_000])
def test_hostile_values_are_refused(demo: Running, hostile: str) -> None:
    before = demo.kg.head
    answer = demo.get("/queries/crm-match", params={"participant": hostile})
    assert answer.status_code in {400, 414}
    assert len(answer.content) < 2_000
    assert demo.kg.head == before


def titles(trace: dict[str, Any], layer: str) -> list[str]:
    return [node["title"]["de"] for node in trace["layers"][layer]]


def test_the_whole_chain_from_a_pain_point(demo: Running) -> None:
    trace = demo.get(f"/trace/{PAIN}").json()
    assert trace["focus"] == BASE.removesuffix(ID) + PAIN
    assert tuple(trace["layers"]) == LAYERS
    assert {layer: titles(trace, layer) for layer in LAYERS} == {
        "touchpoints": ["Alarm per E-Mail", "Alarm in der App"],
        "evidence": [
            "Rückmeldung vom 24.11.2025",
            "Rückmeldung vom 15.06.2026",
            "Rückmeldung vom 08.07.2026",
            "Fehlalarme vor Release 1.1",
            "Fehlalarme nach Release 1.1",
            "Stimmung beim Alarm, 28 Antworten",
        ],
        "painPoints": ["Zu viele Fehlalarme"],
        "inputs": [
            "Fehlalarme häufen sich bei Lastwechsel in der Nachtschicht",
            "Höchstens acht Fehlalarme je Monat",
            "Lernende Schwellwerte im stillen Betrieb",
        ],
        "solutions": ["Lernende Schwellwerte"],
        "releases": ["Druckpuls 1.1"],
        "impacts": ["Fehlalarme je Anlage und Monat", "Mittlere Stimmung beim Alarm, Skala −5 bis 5"],
        "lessons": ["Alarme erst im stillen Betrieb prüfen, dann senden"],
    }
    first = trace["layers"]["evidence"][0]
    assert first["class"]["id"] == "https://w3id.org/kgservice/ci#Feedback"
    assert first["facts"]["collectedAtTime"] == ["2025-11-24T08:00:00Z"]
    assert first["facts"]["method"][0]["label"]["en"] == "customer feedback"
    assert first["facts"]["confidentiality"][0]["label"]["en"] == "internal"
    impact = trace["layers"]["impacts"][0]["facts"]
    assert impact["metric"][0]["id"] == "https://w3id.org/kgservice/ci#ComplaintCount"
    assert impact["baseline"][0]["value"] == "31"
    assert impact["measurement"][0]["value"] == "6"
    assert impact["measurement"][0]["measuredAt"] == "2026-10-31T18:00:00Z"
    assert impact["measurement"][0]["unit"]["id"] == "https://w3id.org/kgservice/ci#Count"
    links = {(link["from"], link["property"]["id"].rpartition("#")[2], link["to"]) for link in trace["links"]}
    start = BASE.removesuffix(ID)
    assert {
        (start + PAIN, "occursAt", f"{BASE}101000000024"),
        (start + PAIN, "evidencedBy", f"{BASE}102400000022"),
        (start + PAIN, "addressedBy", start + SOLUTION),
        (start + IMPACT, "impactOf", start + SOLUTION),
        (f"{BASE}103400000003", "learnedFrom", start + IMPACT),
    } <= links


def test_backwards_from_solution_and_impact(demo: Running) -> None:
    forwards = demo.get(f"/trace/{PAIN}").json()
    assert demo.get(f"/trace/{SOLUTION}").json()["layers"] == forwards["layers"]
    one = demo.get(f"/trace/{IMPACT}").json()
    assert titles(one, "painPoints") == ["Zu viele Fehlalarme"]
    assert titles(one, "impacts") == ["Fehlalarme je Anlage und Monat"]
    assert "Stimmung beim Alarm, 28 Antworten" not in titles(one, "evidence")


def test_a_whole_iri_is_a_key(demo: Running) -> None:
    iri = BASE.removesuffix(ID) + PAIN
    assert demo.get(f"/trace/{quote(iri, safe='')}").json() == demo.get(f"/trace/{PAIN}").json()


@pytest.mark.parametrize("number", range(1, 19))
def test_json_ld_says_what_the_view_says(demo: Running, number: int) -> None:
    answer = demo.get(f"/trace/{ID}1030{number:08}", headers={"Accept": "application/ld+json"})
    assert answer.headers["content-type"] == "application/ld+json"
    triples = {quad.triple for quad in parse(answer.content, format=RdfFormat.JSON_LD)}
    assert len(triples) > 20
    view = demo.kg.addresses.everything
    held = {
        quad.triple
        for quad in demo.kg.store.match([(t.subject, t.predicate, t.object) for t in triples])
        if getattr(quad.graph_name, "value", "") == view
    }
    assert triples - held == set()
    asked = json.loads(demo.get(f"/trace/{ID}1030{number:08}").content)
    assert {node["id"] for layer in asked["layers"].values() for node in layer} <= {
        t.subject.value for t in triples if not hasattr(t.subject, "subject")
    }


def test_what_has_no_trace(demo: Running) -> None:
    refused(demo.get(f"/trace/{ID}999900000001"), 404, "not-found")
    problem = refused(demo.get(f"/trace/{ID}101000000001"), 400, "bad-parameter")
    assert "starts at a pain point, a solution or an impact" in problem["detail"]
    assert "ci:Touchpoint" in problem["detail"]
    refused(demo.get("/trace/a%20b"), 400, "bad-parameter")
    refused(demo.get(f"/trace/{PAIN}", headers={"Accept": "text/csv"}), 406, "not-acceptable")
