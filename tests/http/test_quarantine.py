"""Quarantine over HTTP: what an import may not bring waits, is mended, released or discarded; the rest is in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.namespaces import CI, DCTERMS, RDF, SH
from tests.serving import Running, running

HEAD = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
PROJECT = "00000000-0000-4000-8000-100100000001"
GOOD, BAD = "00000000-0000-4000-8000-aaaaaaaaaaa1", "00000000-0000-4000-8000-aaaaaaaaaaa2"
# A solution that addresses a pain point, and one that addresses none (R03).
PAIN = "00000000-0000-4000-8000-103000000001"
ADDRESSES = f"ci:addresses id:{PAIN}"
CONSENT = "00000000-0000-4000-8000-106000000001"

RESULTS = "application/sparql-results+json"
_TYPES = "https://www.iana.org/assignments/media-types"
METADATA = json.dumps(
    {
        "@context": "http://www.w3.org/ns/csvw",
        "dc:title": "Solutions",
        "url": "rows.csv",
        "tableSchema": {
            "primaryKey": "id",
            "columns": [
                {"name": "id", "titles": ["id"], "required": True},
                {"name": "pain", "titles": ["pain"]},
            ],
        },
        "transformations": [
            {
                "url": "source.sql",
                "scriptFormat": f"{_TYPES}/application/sql",
                "targetFormat": f"{_TYPES}/application/sql",
            },
            {
                "url": "row.rq",
                "scriptFormat": f"{_TYPES}/application/sparql-query",
                "targetFormat": f"{_TYPES}/text/turtle",
            },
        ],
        "https://w3id.org/kgservice/table#own": ["solution"],
    }
)
SQL = """CREATE TABLE good AS SELECT line, instance('solution', [id]) AS solution, pain FROM raw;
CREATE TABLE rejects AS SELECT line, '' AS reason FROM raw WHERE false;"""
ROW = f"""PREFIX ci: <{CI}> PREFIX id: <https://kg.example/id/> PREFIX xyz: <http://sparql.xyz/facade-x/data/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
CONSTRUCT {{
  ?solution a ci:Solution ; ci:inProject id:{PROJECT} ; ci:confidentiality ci:Internal ;
    ci:title "Lösung"@de , "Solution"@en ; ci:createdAt "2026-11-19T00:00:00Z"^^xsd:dateTime ;
    ci:addresses ?pain .
}} WHERE {{
  ?row xyz:solution ?solution . OPTIONAL {{ ?row xyz:pain ?any BIND(id:{PAIN} AS ?pain) }}
}}"""
SOLUTIONS = {"csv-metadata.json": METADATA, "source.sql": SQL, "row.rq": ROW}
EVENTS = {
    "csv-metadata.json": METADATA.replace("pain", "time").replace('"solution"', '"event"'),
    "source.sql": SQL.replace("pain", "time").replace("solution", "event"),
    "row.rq": f"""PREFIX ci: <{CI}> PREFIX id: <https://kg.example/id/>
PREFIX xyz: <http://sparql.xyz/facade-x/data/> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
CONSTRUCT {{
  ?event a ci:ConsentRequested ; ci:eventOf id:{CONSENT} ; ci:eventTime ?time ;
    ci:eventMethod "letter" ; ci:eventEntity "DataController" .
}} WHERE {{ ?row xyz:event ?event ; xyz:time ?at BIND(STRDT(?at, xsd:dateTime) AS ?time) }}""",
}


def solution(key: str, more: str = "") -> str:
    """A solution in Turtle."""
    return f"""id:{key} a ci:Solution ; ci:inProject id:{PROJECT} ; ci:confidentiality ci:Internal ;
        ci:title "Lösung"@de , "Solution"@en ; ci:createdAt "2026-11-19T00:00:00Z"^^xsd:dateTime {more} .
    """


@pytest.fixture
def guarded(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def load(server: Running, turtle: str) -> dict[str, Any]:
    """Import a document; its summary."""
    answer = server.post("/imports", content=HEAD + turtle, headers={"Content-Type": "text/turtle"})
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()["imports"][0]
    return summary


def known(kg: KnowledgeGraph, key: str) -> bool:
    return kg.ask(f"ASK {{ <https://kg.example/id/{key}> a <{CI}Solution> }}")


@pytest.fixture
def waiting(guarded: Running) -> str:
    """The entry of the bad record, after an import of a good one and a bad one."""
    summary = load(guarded, solution(GOOD, f"; {ADDRESSES}") + solution(BAD))
    (entry,) = summary["quarantined"]
    return str(entry["id"])


@pytest.mark.slow
def test_the_rest_is_committed_and_the_refused_record_waits(guarded: Running, waiting: str) -> None:
    assert known(guarded.kg, GOOD)
    assert not known(guarded.kg, BAD)
    (entry,) = guarded.get("/quarantine?status=waiting").json()["entries"]
    assert (entry["id"], entry["status"], entry["file"]) == (waiting, "waiting", "document.ttl")
    assert entry["reason"].startswith("R03: ")
    shown = guarded.get(f"/quarantine/{waiting}").json()
    assert {f["rule"] for f in shown["findings"] if f["severity"] == "Violation"} == {"R03"}
    assert len(shown["statements"]) == 6
    assert all(BAD in line for line in shown["statements"])
    assert check(guarded.kg) == []


def test_the_same_import_again_makes_no_second_entry(guarded: Running, waiting: str) -> None:
    head = guarded.kg.head
    again = load(guarded, solution(GOOD, f"; {ADDRESSES}") + solution(BAD))
    assert [entry["id"] for entry in again["quarantined"]] == [waiting]
    assert guarded.kg.head == head


def test_mend_and_release(guarded: Running, waiting: str) -> None:
    path = f"/quarantine/{waiting}"
    refused = guarded.post(f"{path}/release")
    assert refused.status_code == 422
    assert {f["rule"] for f in refused.json()["findings"]} == {"R03"}
    report = guarded.post(f"{path}/release", headers={"Accept": "text/turtle"})
    assert (report.status_code, report.headers["content-type"]) == (422, "text/turtle; charset=utf-8")
    assert "sh:sourceShape shape:R03-" in report.text
    turtle = {"Content-Type": "text/turtle"}
    mended = guarded.request("PUT", path, content=HEAD + solution(BAD, f"; {ADDRESSES}"), headers=turtle)
    assert mended.status_code == 200, mended.text
    assert mended.json()["violations"] == 0
    released = guarded.post(f"{path}/release")
    assert released.status_code == 200, released.text
    assert released.json()["added"] == 7
    assert known(guarded.kg, BAD)
    assert guarded.get(path).json()["status"] == "released"
    assert guarded.post(f"{path}/release").status_code == 409


def test_discard_needs_a_reason_and_keeps_what_came_in(guarded: Running, waiting: str) -> None:
    path = f"/quarantine/{waiting}"
    assert guarded.request("DELETE", path, content="{}").status_code == 400
    assert guarded.request("DELETE", path, content="[1]").status_code == 400
    assert guarded.request("DELETE", path).status_code == 400
    gone = guarded.request("DELETE", path, json={"reason": "entered twice"})
    assert gone.status_code == 200, gone.text
    shown = guarded.get(path).json()
    assert (shown["status"], shown["decision"], len(shown["statements"])) == ("discarded", "entered twice", 6)
    assert not known(guarded.kg, BAD)
    again = guarded.request("DELETE", path, json={"reason": "again"}, headers={"Accept-Language": "de"})
    assert again.status_code == 409
    assert re.search(r"ist seit \S+ (freigegeben|verworfen)", again.json()["detail"])


SEVERAL = """id:aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa5 a ci:PainPoint ; ci:inProject id:{project} ;
    ci:title "Ohne Ort"@de , "No place"@en ; ci:confidentiality ci:Internal .
"""
"""A pain point that breaks R02 in four ways: no touchpoint, kind, evidence, moment."""


def asked(server: Running, key: str, pattern: str) -> list[str]:
    """The values of `?x` by SPARQL in the graph of an entry, in order."""
    query = (
        f"PREFIX sh: <{SH}> PREFIX rdf: <{RDF}> PREFIX dcterms: <{DCTERMS}> "
        f"SELECT ?x {{ GRAPH <https://kg.example/graph/quarantine/{key}> {{ {pattern} }} }} ORDER BY ?x"
    )
    answer = server.post("/sparql", data={"query": query}, headers={"Accept": RESULTS})
    assert answer.status_code == 200, answer.text
    return [row["x"]["value"] for row in answer.json()["results"]["bindings"]]


def test_all_that_is_wrong_with_a_record_is_told_and_kept(guarded: Running) -> None:
    """Also when nobody can find it again, since the entry waits no more."""
    (entry,) = load(guarded, SEVERAL.format(project=PROJECT))["quarantined"]
    shown = guarded.get(f"/quarantine/{entry['id']}").json()
    wrong = {f["shape"].rpartition("#")[2] for f in shown["findings"] if f["severity"] == "Violation"}
    assert {"R02-touchpoint", "R02-kind", "R02-evidence", "R02-detected"} <= wrong
    assert {f["shape"].rpartition("#")[2] for f in shown["refusedFor"]} == wrong
    assert entry["reason"] == shown["reason"]
    for finding in shown["refusedFor"]:
        assert f"{finding['rule']}: {finding['message']['en']}" in entry["reason"]
    # Whether a finding only follows is told of a change that is yet to be made.
    told = [{name: value for name, value in f.items() if name != "follows"} for f in shown["findings"]]
    now = {tuple(sorted(map(str, f.items()))) for f in told}
    assert {tuple(sorted(map(str, f.items()))) for f in shown["refusedFor"]} <= now
    shapes = asked(guarded, entry["id"], "[] a sh:ValidationResult ; sh:sourceShape ?x")
    assert {iri.rpartition("#")[2] for iri in shapes} == wrong
    guarded.request("DELETE", f"/quarantine/{entry['id']}", json={"reason": "no pain point"})
    after = guarded.get(f"/quarantine/{entry['id']}").json()
    assert (after["refusedFor"], after["status"]) == (shown["refusedFor"], "discarded")
    assert "findings" not in after
    assert guarded.get("/findings", params={"focus": shown["refusedFor"][0]["focus"]}).json()["total"] == 0


def test_what_has_no_class_is_kept_with_the_words_of_its_rule(guarded: Running) -> None:
    """It has no shape whose words could be looked up."""
    (entry,) = load(guarded, f'id:{BAD} ci:title "Nothing"@en .')["quarantined"]
    shown = guarded.get(f"/quarantine/{entry['id']}").json()
    (kept,), (now,) = shown["refusedFor"], shown["findings"]
    assert kept["name"] == {"de": "Klasse des Datensatzes", "en": "class of the record"}
    assert {part: kept[part] for part in ("name", "reason", "group")} == {
        part: now[part] for part in ("name", "reason", "group")
    }


def test_what_came_in_is_kept_when_it_is_mended(guarded: Running, waiting: str) -> None:
    path, turtle = f"/quarantine/{waiting}", {"Content-Type": "text/turtle"}
    came = guarded.get(path).json()
    assert (len(came["statements"]), came["original"]) == (6, [])

    def put(more: str) -> None:
        answer = guarded.request("PUT", path, content=HEAD + solution(BAD, more), headers=turtle)
        assert answer.status_code == 200, answer.text

    put("")  # the same
    assert guarded.get(path).json() == came
    put('; ci:note "First try"@en')
    put(f'; {ADDRESSES} ; ci:note "Second try"@en')
    mended = guarded.get(path).json()
    assert (len(mended["statements"]), mended["original"]) == (8, came["statements"])
    titles = "[] a rdf:Statement ; rdf:predicate <https://w3id.org/kgservice/ci#title> ; rdf:object ?x"
    assert asked(guarded, waiting, titles) == ["Lösung", "Solution"]
    assert guarded.post(f"{path}/release").json()["added"] == 8
    released = guarded.get(path).json()
    assert (released["statements"], released["original"]) == ([], came["statements"])
    assert [finding["rule"] for finding in released["refusedFor"]] == ["R03"]
    assert check(guarded.kg) == []


@pytest.mark.parametrize("about", ["", "#finding-1", "#statement-1"])
def test_an_entry_says_of_itself_only_what_the_service_says(
    guarded: Running, waiting: str, about: str
) -> None:
    path, turtle = f"/quarantine/{waiting}", {"Content-Type": "text/turtle"}
    before = guarded.get(path).json()
    itself = f"<https://kg.example/graph/quarantine/{waiting}{about}>"
    status = f'{itself} <https://schema.org/creativeWorkStatus> "discarded" .'
    refused = guarded.request("PUT", path, content=f"{HEAD}{solution(BAD)} {status}", headers=turtle)
    assert refused.status_code == 400, refused.text
    assert guarded.get(path).json() == before


def test_nothing_is_no_mended_record(guarded: Running, waiting: str) -> None:
    """It could be released, and what came in would be gone without a reason."""
    path = f"/quarantine/{waiting}"
    before = guarded.get(path).json()
    empty = guarded.request("PUT", path, content=HEAD, headers={"Content-Type": "text/turtle"})
    assert empty.status_code == 400, empty.text
    assert "discarded" in empty.json()["detail"]
    assert guarded.get(path).json() == before


def test_a_record_is_no_entry(guarded: Running, waiting: str) -> None:
    """Whatever it says that it is part of."""
    part = "<http://purl.org/dc/terms/isPartOf> <https://kg.example/graph/quarantine/>"
    load(guarded, f"id:{PAIN} {part} .")
    assert [entry["id"] for entry in guarded.get("/quarantine").json()["entries"]] == [waiting]


def test_what_depends_on_a_held_record_is_held_too(guarded: Running) -> None:
    """A solution of a pain point that is held has no ground without it, though nothing else is wrong with it."""
    pain = f"id:{BAD} a ci:PainPoint ; ci:inProject id:{PROJECT} ."
    summary = load(guarded, pain + solution(GOOD, f"; ci:addresses id:{BAD}"))
    assert len(summary["quarantined"]) == 2
    assert summary["added"] == 0
    reasons = {entry["reason"][:4] for entry in summary["quarantined"]}
    assert reasons == {"R02:", "R03:"}


def test_bad_requests(guarded: Running) -> None:
    for method, path, status in (
        ("GET", "/quarantine?status=lost", 400),
        ("GET", "/quarantine/nothing", 404),
        ("GET", f"/quarantine/{GOOD}", 404),
        ("POST", f"/quarantine/{GOOD}/release", 404),
        ("POST", f"/quarantine/{GOOD}/burn", 404),
        ("POST", "/quarantine", 405),
        ("PUT", f"/quarantine/{GOOD}", 415),
    ):
        answer = guarded.request(method, path)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for graph in ("/graph/quarantine/x", "/graph/finding"):
        address = f"https://kg.example{graph}"
        answer = guarded.post(
            "/graphs",
            params={"graph": address},
            content="<urn:a> <urn:b> <urn:c> .",
            headers={"Content-Type": "text/turtle"},
        )
        assert answer.status_code == 403, answer.text


@pytest.mark.slow
def test_a_record_that_comes_again_and_is_taken_waits_no_more(guarded: Running, waiting: str) -> None:
    """Also what waits twice; but not what a document says in addition."""
    worse = load(guarded, solution(BAD, "; ci:solutionStatus ci:Nothing"))["quarantined"][0]["id"]
    other = load(guarded, f"id:{PAIN} ci:painPointKind ci:Challenge .")["quarantined"]
    assert [entry["status"] for entry in guarded.get("/quarantine").json()["entries"]] == ["waiting"] * 3
    more = load(guarded, f'id:{PAIN} ci:note "Seen again"@en .')
    assert (more["quarantined"], more["mended"]) == ([], [])
    summary = load(guarded, solution(BAD, f"; {ADDRESSES}"))
    assert summary["quarantined"] == []
    assert {entry["id"] for entry in summary["mended"]} == {waiting, worse}
    assert known(guarded.kg, BAD)
    for key in (waiting, worse):
        shown = guarded.get(f"/quarantine/{key}").json()
        assert (shown["status"], shown["decision"]) == (
            "mended",
            "A later version was taken from document.ttl",
        )
        assert shown["decided"] == "2026-11-20T12:00:00Z"
        assert len(shown["statements"]) >= 6  # nothing is lost
        assert guarded.post(f"/quarantine/{key}/release").status_code == 409
        for language, words in (
            ("de", "Eine spätere Fassung wurde übernommen: document.ttl"),
            ("en", "A later version was taken from document.ttl"),
        ):
            page = guarded.get(f"/pages/quarantine/{key}?lang={language}").text
            assert re.findall(r"(?:A later version|Eine spätere)[^<]*", unescape(page)) == [words]
    left = guarded.get("/quarantine?status=waiting").json()["entries"]
    assert [entry["id"] for entry in left] == [entry["id"] for entry in other]
    assert len(guarded.get("/quarantine?status=mended").json()["entries"]) == 2
    again = load(guarded, solution(BAD, f"; {ADDRESSES}"))
    assert (again["added"], again["mended"]) == (0, [])
    assert check(guarded.kg) == []


def deliver(
    server: Running, rows: str, name: str = "rows.csv", mapping: Mapping[str, str] = SOLUTIONS
) -> dict[str, Any]:
    """Import a delivery of a table, of solutions if nothing else is said, beside its mapping; its summary."""
    parts = {**{f"table/{part}": text for part, text in mapping.items()}, name: rows}
    answer = server.post("/imports", files=[("files", (path, text)) for path, text in parts.items()])
    assert answer.status_code == 200, answer.text
    summary: dict[str, Any] = answer.json()["imports"][0]
    return summary


def test_a_row_that_comes_again_and_is_taken_waits_no_more(guarded: Running) -> None:
    """Whatever the file is called, whichever line it stands on; as the file of rejects, mended, for one."""
    first = deliver(guarded, "id,pain\n1,yes\n2,\n3,\n")
    second, third = (entry["id"] for entry in first["quarantined"])
    again = deliver(guarded, "id,pain\n1,yes\n2,\n3,\n")
    assert (again["mended"], len(again["quarantined"])) == ([], 2)
    mended = deliver(guarded, "rejected_line,rejected_reason,id,pain\n3,R03,2,yes\n", name="rows-mended.csv")
    assert [entry["id"] for entry in mended["mended"]] == [second]
    (entry,) = guarded.get("/quarantine?status=mended").json()["entries"]
    assert (entry["line"], entry["row"], entry["file"]) == (3, "2,", "rows.csv")
    assert entry["decision"] == "A later version was taken from rows-mended.csv"
    assert [e["id"] for e in guarded.get("/quarantine?status=waiting").json()["entries"]] == [third]
    back = deliver(guarded, "id,pain\n2,\n1,yes\n")
    assert len(back["quarantined"]) == 1  # refused once more: on another line, so another entry
    assert len(guarded.get("/quarantine?status=waiting").json()["entries"]) == 2
    deliver(guarded, "id,pain\n1,yes\n2,\n")
    entry = guarded.get(f"/quarantine/{second}").json()
    assert (entry["status"], entry["decision"]) == ("waiting", "It was delivered again as it was")
    page = unescape(guarded.get(f"/pages/quarantine/{second}?lang=de").text)
    assert "Unverändert noch einmal geliefert" in page
    assert "It was delivered again" not in page
    as_before = deliver(guarded, "id,pain\n1,yes\n2,\n")
    assert [(e["id"], e["status"]) for e in as_before["quarantined"]] == [(second, "waiting")]
    whole = deliver(guarded, "id,pain\n1,yes\n2,yes\n3,yes\n")
    assert len(whole["mended"]) == 3
    assert guarded.get("/quarantine?status=waiting").json()["entries"] == []


def test_a_row_that_would_rewrite_an_event_of_a_consent_waits_and_the_others_are_in(guarded: Running) -> None:
    """No administrator can release it, so the reason tells of none."""
    first = deliver(guarded, "id,time\n1,2026-11-20T08:00:00Z\n", mapping=EVENTS)
    assert (first["taken"], first["quarantined"]) == (1, [])
    rows = "id,time\n1,2026-11-20T09:00:00Z\n2,2026-11-20T10:00:00Z\n"
    again = deliver(guarded, rows, mapping=EVENTS)
    assert again["taken"] == 1
    (entry,) = again["quarantined"]
    assert (entry["line"], entry["row"]) == (2, "1,2026-11-20T09:00:00Z")
    assert "what an event of a consent says, which nobody may" in entry["reason"]
    page = unescape(guarded.get(f"/pages/quarantine/{entry['id']}?lang=de").text)
    assert "was ein Ereignis einer Einwilligung sagt, und das darf niemand" in page
    assert "administrator" not in entry["reason"]
    events = guarded.get(f"/consents/{CONSENT}").json()["events"]
    asked = [one["time"] for one in events if one["time"].startswith("2026-11-20")]
    assert asked == ["2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z"]
    assert guarded.post(f"/quarantine/{entry['id']}/release").status_code == 422


def test_refused_rows_are_in_the_answer_and_in_no_file(guarded: Running) -> None:
    """Rows that never were statements are not in quarantine; whoever sent them gets them back, and no path."""
    place = guarded.kg.settings.store.parent
    before = {path for path in place.rglob("*") if path.is_file()} if place.exists() else set()
    summary = deliver(guarded, "id,pain\n1,yes\n2\n,Erika Musterfrau\n", name="refused.csv")
    assert (summary["rows"], summary["taken"], summary["quarantined"]) == (3, 1, [])
    assert [(one["line"], one["row"]) for one in summary["refused"]] == [(3, "2"), (4, ",Erika Musterfrau")]
    assert all(one["reason"] for one in summary["refused"])
    assert summary["rejects"] == []
    after = {path for path in place.rglob("*") if path.is_file()} if place.exists() else set()
    assert not {path for path in after - before if b"Musterfrau" in path.read_bytes()}
    assert not (place / "rejects" / "refused.csv").exists()
    assert not list((place / "rejects").glob("refused-*"))


def test_a_refused_row_of_a_table_waits_with_its_text(guarded: Running, tmp_path: Path) -> None:
    """A mapping that gives one row a solution for no pain point; the other rows are in."""
    folder = tmp_path / "table"
    folder.mkdir()
    (folder / "rows.csv").write_text("id,pain\n1,yes\n2,\n3,yes\n", encoding="utf-8")
    (folder / "csv-metadata.json").write_text(METADATA, encoding="utf-8")
    (folder / "source.sql").write_text(SQL, encoding="utf-8")
    (folder / "row.rq").write_text(ROW, encoding="utf-8")
    files = [("files", (f"table/{path.name}", path.read_bytes())) for path in sorted(folder.iterdir())]
    answer = guarded.post("/imports", files=files)
    assert answer.status_code == 200, answer.text
    (summary,) = answer.json()["imports"]
    assert (summary["rows"], summary["taken"]) == (3, 2)
    (entry,) = summary["quarantined"]
    assert (entry["file"], entry["line"], entry["row"]) == ("rows.csv", 3, "2,")
    assert [(r["line"], r["reason"][:4], r["row"]) for r in summary["refused"]] == [(3, "R03:", "2,")]
