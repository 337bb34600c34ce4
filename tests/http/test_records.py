"""Single records over HTTP: made, read as they were stated, replaced on a condition, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.editing import stated, triples_of
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, DPV
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.serving import Running

TURTLE = {"Content-Type": "text/turtle", "Accept": "text/turtle"}
PREFIXES = """PREFIX ci: <https://w3id.org/kgservice/ci#> PREFIX id: <https://kg.example/id/>
PREFIX dpv: <https://w3id.org/dpv#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""
PAIN = "00000000-0000-4000-8000-103000000001"
SOLUTION = """a ci:Solution ; ci:title "Pager"@en ; ci:addresses id:00000000-0000-4000-8000-103000000001 ;
  ci:inProject id:00000000-0000-4000-8000-100100000001 ; ci:confidentiality ci:Internal ;
  ci:solutionStatus ci:Proposed"""


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server


def said(answer: httpx.Response) -> set[Triple]:
    assert answer.status_code == 200, answer.text
    return {quad.triple for quad in parse(answer.content, RdfFormat.TURTLE)}


def made(server: Running, text: str = SOLUTION) -> str:
    """The address of a new record."""
    answer = server.post("/records", content=f"{PREFIXES} [] {text} .", headers=TURTLE)
    assert answer.status_code == 201, answer.text
    place = answer.headers["location"]
    assert answer.json() == {"records": [f"https://kg.example/id/{place.removeprefix('/records/')}"]}
    assert int(answer.headers["kg-commit"]) == server.kg.head
    return place


@pytest.mark.parametrize("text", ["[] a <urn:x> ; <urn:y> 1 .", "[] <urn:y> 1 .", "", "[] ci:title 'x'@en ."])
def test_what_describes_no_record_is_refused(server: Running, text: str) -> None:
    head = server.kg.head
    answer = server.post("/records", content=PREFIXES + text, headers=TURTLE)
    assert answer.status_code == 400
    assert "describes no record" in answer.json()["detail"]
    assert server.kg.head == head


@pytest.mark.slow
def test_a_record_is_made_read_replaced_and_deleted(server: Running) -> None:
    place = made(server)
    record = NamedNode(f"https://kg.example/id/{place.rpartition('/')[2]}")
    found = server.get(place, headers=TURTLE)
    assert Triple(record, NamedNode(f"{CI}title"), Literal("Pager", language="en")) in said(found)
    assert {triple.subject for triple in said(found)} == {record}
    assert not any(triple.predicate.value == f"{CI}addressedBy" for triple in said(found))  # that is entailed
    assert server.get(place, headers=TURTLE | {"If-None-Match": found.headers["etag"]}).status_code == 304

    document = f"{PREFIXES} <> {SOLUTION.replace('Pager', 'Beeper')} ."
    condition = TURTLE | {"If-Match": found.headers["etag"]}
    assert server.request("PUT", place, content=document, headers=condition).status_code == 204
    now = server.get(place, headers=TURTLE)
    assert said(now) - said(found) == {
        Triple(record, NamedNode(f"{CI}title"), Literal("Beeper", language="en"))
    }
    head = server.kg.head
    assert server.request("PUT", place, content=document, headers=TURTLE).status_code == 204  # nothing new
    assert server.kg.head == head
    assert server.request("PUT", place, content=document, headers=condition).status_code == 412  # too late

    assert server.request("DELETE", place, headers=condition).status_code == 412
    condition = {"If-Match": now.headers["etag"]}
    assert server.request("DELETE", place, headers=condition).status_code == 204
    assert server.get(place).status_code == 404
    assert server.request("DELETE", place).status_code == 404
    assert check(server.kg) == []


def test_of_two_writers_one_is_told_that_it_was_slower(server: Running) -> None:
    place = made(server)
    tag = server.get(place, headers=TURTLE).headers["etag"]

    def write(title: str) -> int:
        document = f"{PREFIXES} <> {SOLUTION.replace('Pager', title)} ."
        return server.request("PUT", place, content=document, headers=TURTLE | {"If-Match": tag}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(write, ("One", "Two"))) == [204, 412]
    other = f"/records/{'0' * 8}-0000-4000-8000-{'b' * 12}"
    document = f"{PREFIXES} <> {SOLUTION} ."
    new = TURTLE | {"If-None-Match": "*"}
    assert server.request("PUT", other, content=document, headers=new).status_code == 201
    assert server.request("PUT", other, content=document, headers=new).status_code == 412
    assert (
        server.request("PUT", other, content=document, headers=TURTLE | {"If-Match": "*"}).status_code == 204
    )


def test_json_ld_goes_in_and_out_and_parts_without_a_name_belong_to_the_record(server: Running) -> None:
    body = {
        "@context": {"@vocab": CI},
        "@type": "Solution",
        "title": {"@value": "Pager", "@language": "en"},
        "addresses": {"@id": f"https://kg.example/id/{PAIN}"},
        "inProject": {"@id": "https://kg.example/id/00000000-0000-4000-8000-100100000001"},
        "confidentiality": {"@id": f"{CI}Internal"},
        "solutionStatus": {"@id": f"{CI}Proposed"},
        "https://example.org/note": {"https://example.org/text": "a part"},
    }
    json_ld = {"Content-Type": "application/ld+json", "Accept": "application/ld+json"}
    answer = server.post("/records", content=json.dumps(body), headers=json_ld)
    assert answer.status_code == 201, answer.text
    place = answer.headers["location"]
    found = server.get(place, headers=json_ld)
    assert found.headers["content-type"].startswith("application/ld+json")
    assert "a part" in found.text
    again = server.request(
        "PUT", place, content=found.content, headers=json_ld | {"If-Match": found.headers["etag"]}
    )
    assert again.status_code == 204, again.text
    assert int(again.headers["kg-commit"]) == int(answer.headers["kg-commit"])  # nothing has changed
    part = next(t.object for t in said(server.get(place, headers=TURTLE)) if "genid" in str(t.object))
    more = f"{PREFIXES} <> {SOLUTION} ; <https://example.org/note> {part}, [ <urn:x:text> 'another' ] . {part} <urn:x:text> 'a part' ."
    for _ in range(2):
        assert server.request("PUT", place, content=more, headers=TURTLE).status_code == 204
    found = server.get(place, headers=TURTLE)
    assert len({t.subject for t in said(found)}) == 3  # the record, the part it had, and a new one
    assert {"another", "a part"} <= {t.object.value for t in said(found) if isinstance(t.object, Literal)}
    # A part of this record is none of another one.
    other = made(server)
    wrong = f"{PREFIXES} <> {SOLUTION} ; <https://example.org/note> {part} . {part} <urn:x:text> 'mine' ."
    assert server.request("PUT", other, content=wrong, headers=TURTLE).status_code == 400
    assert said(server.get(place, headers=TURTLE)) != set()


def test_what_the_guard_refuses_changes_nothing(server: Running) -> None:
    place, head = made(server), server.kg.head
    wrong = f'{PREFIXES} <> a ci:Solution ; ci:title "Pager"@en .'
    plain = {"Content-Type": "text/turtle"}
    answer = server.request("PUT", place, content=wrong, headers=plain)
    assert answer.status_code == 422
    assert {f["shape"].split("#")[1] for f in answer.json()["findings"]} >= {"R40-level"}
    answer = server.post("/records", content=f"{PREFIXES} [] a ci:Solution .", headers=TURTLE)
    assert answer.status_code == 422
    touchpoint = server.kg.select(
        f"SELECT ?touchpoint {{ <https://kg.example/id/{PAIN}> <{CI}occursAt> ?touchpoint }}"
    ).rows[0][0]
    assert isinstance(touchpoint, NamedNode)
    key = touchpoint.value.rpartition("/")[2]
    assert server.request("DELETE", f"/records/{key}").status_code == 422  # pain points would occur nowhere
    assert server.kg.head == head


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "words"),
    [
        ("POST", "/records", "<urn:a> <urn:b> 1 .", 400, "no record"),
        ("POST", "/records", "", 400, "no record"),
        ("POST", "/records", "<urn:a> <urn:b>", 400, "line 1"),
        ("POST", "/records", f"id:{PAIN} a ci:PainPoint .", 409, "PUT replaces it"),
        ("PUT", f"/records/{PAIN}", "", 400, "DELETE"),
        ("PUT", f"/records/{PAIN}", "<urn:a> <urn:b> 1 .", 400, "no part of the record"),
        ("PUT", "/records/a b<c>", "<> <urn:b> 1 .", 404, "no name of a record"),
        ("GET", "/records/none", "", 404, "nothing is known"),
        ("DELETE", "/records", "", 405, ""),
        ("POST", f"/records/{PAIN}", "", 405, ""),
    ],
)
def test_what_is_wrong_is_said(
    server: Running, method: str, path: str, document: str, status: int, words: str
) -> None:
    head = server.kg.head
    answer = server.request(method, path, content=f"{PREFIXES}{document}", headers=TURTLE)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"] or (words == "line 1" and answer.json()["line"] > 0)
    assert server.kg.head == head


def test_a_document_that_names_graphs_is_refused(server: Running) -> None:
    quads = {"Content-Type": "application/n-quads"}
    answer = server.post("/records", content="<urn:a> <urn:b> <urn:c> <urn:g> .", headers=quads)
    assert answer.status_code == 400
    assert "urn:g" in answer.json()["detail"]


def test_for_a_purpose_only_what_its_view_shows_is_told_and_replaced(server: Running) -> None:
    """Who edits for research neither sees nor loses what is not shown for that."""
    kg = server.kg
    record, hidden = partly_shown(kg)
    key = make_key(kg.settings, Role.EDITOR, purposes=(RESEARCH,), default=RESEARCH)
    path = f"/records/{record.value.rpartition('/')[2]}"
    found = asking(server, path, key, headers=TURTLE)
    whole = said(server.get(path, headers=TURTLE))
    assert hidden <= whole
    assert said(found) == whole - hidden
    condition = TURTLE | {"If-Match": found.headers["etag"]}
    answer = asking(server, path, key, "PUT", content=found.content, headers=condition)
    assert answer.status_code == 204, answer.text
    assert said(server.get(path, headers=TURTLE)) == whole
    assert asking(server, path, key, headers={"KG-Purpose": f"{DPV}Marketing"}).status_code == 403
    reader = make_key(kg.settings, Role.READER, purposes=(RESEARCH,), default=RESEARCH)
    assert asking(server, path, reader).status_code == 403


def partly_shown(kg: KnowledgeGraph) -> tuple[NamedNode, set[Triple]]:
    """A record of which the view of research shows something, and what it does not show of it."""
    research = kg.reader(RESEARCH)
    for (record,) in kg.select(
        f"SELECT DISTINCT ?r {{ ?r <{CI}dataSubject>|<{CI}personName> ?o }} ORDER BY ?r"
    ).rows:
        assert isinstance(record, NamedNode)
        shown = triples_of(stated(kg, research, record))
        hidden = triples_of(stated(kg, kg, record)) - shown
        if shown and hidden:
            return record, set(hidden)
    raise AssertionError("there is no such record")
