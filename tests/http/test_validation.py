"""Validation over HTTP: what a dry run brings and mends without writing, and the forms of the reports."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx
import pytest
import rdflib
from pyoxigraph import RdfFormat, parse
from rdflib.namespace import RDF, SH

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.guard.validation import validate
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Change, Origin
from kgservice.domain.finding import REPORT_FORMATS
from kgservice.domain.principal import Role
from kgservice.http.resources.validation import OFFERS
from kgservice.shacl.terms import add_all
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import refused
from tests.http.test_proof import DOCUMENT, TURTLE
from tests.serving import Running, running

HEAD = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
PAIN = "00000000-0000-4000-8000-00000000000a"
PLACE = "00000000-0000-4000-8000-00000000000b"


@pytest.fixture
def kg(kg: KnowledgeGraph, guard: Guard) -> KnowledgeGraph:
    """An empty graph with the shapes that are read already."""
    kg.guard = guard
    return kg


def found(server: Running, turtle: str) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The new and the mended findings of a dry run: shape and last part of the focus node."""
    answer = server.post("/validation", content=HEAD + turtle, headers={"Content-Type": "text/turtle"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["violations"] == sum(f["severity"] == "Violation" for f in body["findings"])
    new, mended = (
        {(f["shape"].split("#")[1], f["focus"].split("/")[-1]) for f in body[key]}
        for key in ("findings", "mended")
    )
    return new, mended


def test_what_a_document_would_bring_and_mend(kg: KnowledgeGraph) -> None:
    with running(kg) as server:
        kg.commit(Change())
        before = kg.head
        new, mended = found(server, f"id:{PAIN} a ci:UsagePainPoint .")
        assert {("R02-touchpoint", PAIN), ("R02-kind", PAIN), ("R02-evidence", PAIN)} <= new
        assert mended == set()
        assert kg.head == before
        assert validate(kg).findings == ()


def test_only_what_the_document_changes_is_told(
    kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("data") / "pain.ttl"
    path.write_text(f"{HEAD} id:{PAIN} a ci:UsagePainPoint . id:{PLACE} a ci:Touchpoint .", encoding="utf-8")
    load_rdf(kg, [path], Origin())
    everything = {(f.rule.shape.split("#")[1], f.focus.value.split("/")[-1]) for f in validate(kg).findings}
    with running(kg) as server:
        new, mended = found(server, f"id:{PAIN} ci:painPointKind ci:Problem ; ci:occursAt id:{PLACE} .")
    assert {("R02-kind", PAIN), ("R02-touchpoint", PAIN)} <= mended <= everything
    path.write_text(
        f"{HEAD} id:{PAIN} ci:painPointKind ci:Problem ; ci:occursAt id:{PLACE} .", encoding="utf-8"
    )
    load_rdf(kg, [path], Origin())
    after = {(f.rule.shape.split("#")[1], f.focus.value.split("/")[-1]) for f in validate(kg).findings}
    assert (everything - mended) | new == after


def test_bad_documents_are_refused(server: Running) -> None:
    for body, media_type, status in (
        ("id:x a", "text/turtle", 400),
        ("{}", "application/json", 415),
        ("<a> <b> <c> <https://kg.example/view/everything> .", "application/n-quads", 400),
        (
            "<urn:a> <urn:b> <urn:c> <https://kg.example/view/everything> .",
            "application/n-quads",
            403,
        ),
    ):
        answer = server.post("/validation", content=body, headers={"Content-Type": media_type})
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_report_of_any_kind_has_the_same_members(kg: KnowledgeGraph) -> None:
    with running(kg) as server:
        whole = server.get("/validation").json()
        pain = f"id:{PAIN} a ci:UsagePainPoint ."
        dry = server.post("/validation", content=HEAD + pain, headers={"Content-Type": "text/turtle"}).json()
    assert dry.keys() == whole.keys() | {"mended"}
    assert (whole["conforms"], dry["conforms"]) == (True, False)
    assert dry["counts"]["Violation"] == dry["violations"] > 0
    assert sum(dry["counts"].values()) == len(dry["findings"])
    assert not any(finding["follows"] for finding in dry["findings"])


def test_a_dry_run_is_refused_where_the_commit_is(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(demo_kg_guarded, tmp_path) as server:
        editor = make_key(server.kg.settings, Role.EDITOR, purposes=(RESEARCH,))
        for path in ("/validation", "/graphs?graph=https%3A%2F%2Fkg.example%2Fgraph%2Fscratch"):
            answer = asking(server, path, editor, "POST", content=DOCUMENT, headers=TURTLE)
            assert refused(answer)[0] == 403, path
        officer = make_key(server.kg.settings, Role.ADMINISTRATOR)
        assert (
            asking(server, "/validation", officer, "POST", content=DOCUMENT, headers=TURTLE).status_code
            == 200
        )


FORMS = {
    "json": "application/json",
    "turtle": "text/turtle; charset=utf-8",
    "jsonld": "application/ld+json",
    "text": "text/plain; charset=utf-8",
    "junit": "application/xml",
    "sarif": "application/sarif+json",
}


def told(fmt: str, body: str) -> int:
    """How many violations a report in this form names."""
    match fmt:
        case "turtle" | "jsonld":
            rdf = RdfFormat.TURTLE if fmt == "turtle" else RdfFormat.JSON_LD
            graph = add_all(rdflib.Graph(), parse(body, format=rdf))
            report = graph.value(predicate=RDF.type, object=SH.ValidationReport)
            severities = [graph.value(r, SH.resultSeverity) for r in graph.objects(report, SH.result)]
            return severities.count(SH.Violation)
        case "text":
            return body.count("violation · R")
        case "junit":
            return len(list(ET.fromstring(body).iter("failure")))
        case "sarif":
            return sum(result["level"] == "error" for result in json.loads(body)["runs"][0]["results"])
    document = json.loads(body)
    number: int = document["violations"]
    assert number == sum(f["severity"] == "Violation" for f in document["findings"])
    return number


@pytest.fixture
def with_pain(kg: KnowledgeGraph, tmp_path: Path) -> KnowledgeGraph:
    """A graph with findings."""
    path = tmp_path / "pain.ttl"
    path.write_text(f"{HEAD} id:{PAIN} a ci:UsagePainPoint .", encoding="utf-8")
    load_rdf(kg, [path], Origin())
    return kg


def checked(answer: httpx.Response, name: str) -> int:
    """The number of violations that a report tells, whose form is this one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FORMS[name]
    assert answer.headers["vary"] == "Accept, Accept-Language"
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["kgservice-violations"]) == told(name, answer.text) > 0
    return told(name, answer.text)


def test_a_dry_run_in_every_form_by_name_and_by_media_type(server: Running) -> None:
    assert [offer.name for offer in OFFERS] == list(FORMS) == list(REPORT_FORMATS)
    content = f"{HEAD} id:{PLACE} a ci:UsagePainPoint ."
    headers = {"Content-Type": "text/turtle", "Accept-Language": "en"}
    numbers = set()
    for name, media_type in FORMS.items():
        accept = {"Accept": f"{media_type.split(';')[0]}, */*;q=0.1"}
        for query, more in ((f"?format={name}", {}), ("", accept)):
            answer = server.post(f"/validation{query}", content=content, headers={**headers, **more})
            numbers.add(checked(answer, name))
    assert len(numbers) == 1


@pytest.mark.parametrize("name", ["jsonld", "junit"])
def test_the_report_of_the_whole_graph_by_name(with_pain: KnowledgeGraph, name: str) -> None:
    with running(with_pain) as server:
        assert checked(server.get(f"/validation?format={name}"), name) > 2


def test_words_are_in_the_language_of_the_request(server: Running) -> None:
    for language, sentence in (("de-AT, en;q=0.5", "Keine Befunde."), ("en", "No findings.")):
        headers = {"Content-Type": "text/turtle", "Accept-Language": language}
        for name in ("text", "junit"):
            answer = server.post(f"/validation?format={name}", content=HEAD, headers=headers)
            assert sentence in answer.text
            assert answer.headers["content-language"] == language[:2]
        answer = server.post("/validation", content=HEAD, headers=headers)
        assert "content-language" not in answer.headers


def test_a_head_has_the_headers_of_the_form(server: Running) -> None:
    head = server.request("HEAD", "/validation?format=text", headers={"Accept-Language": "en"})
    assert head.content == b""
    assert head.headers["content-type"] == FORMS["text"]
    assert head.headers["content-length"] == str(len("No findings.\n"))
    assert head.headers["kgservice-violations"] == "0"


def test_other_forms_are_not_acceptable(server: Running) -> None:
    turtle = {"Content-Type": "text/turtle"}
    for answer in (
        server.get("/validation?format=csv"),
        server.get("/validation", headers={"Accept": "text/html"}),
        server.post("/validation?format=trig", content=HEAD, headers=turtle),
        server.post("/validation", content=HEAD, headers={**turtle, "Accept": "application/n-triples"}),
    ):
        assert answer.status_code == 406
        assert answer.headers["content-type"] == "application/problem+json"
        assert "format=sarif" in answer.json()["detail"]
