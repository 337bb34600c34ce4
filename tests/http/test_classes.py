"""Records that fit no class: each way in says what is wrong and what to do, and leaves the graph as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.validation import validate
from kgservice.domain.change import Change
from kgservice.namespaces import CI, RDF
from tests.http.test_quarantine import HEAD, METADATA, PAIN, PROJECT, ROW, SQL
from tests.serving import Running, running

NEW = "00000000-0000-4000-8000-aaaaaaaaaaa4"
IRI = f"https://kg.example/id/{NEW}"
GRAPH = {"graph": f"https://kg.example/graph/project/{PROJECT}"}
TURTLE = {"Content-Type": "text/turtle"}
SAID = f'ci:inProject id:{PROJECT} ; ci:title "Piepser"@de , "Pager"@en'
# What it is said to be, and what the answer says.
CASES = {
    "nothing": ("", None, "It is not said what this is: a pain point, a touchpoint, a solution or"),
    "a misspelt class": ("a ci:Solutoin ;", f"{CI}Solutoin", "ci:Solutoin is no class of the model"),
    "an unknown class": ("a <urn:x:Thing> ;", "urn:x:Thing", "<urn:x:Thing> is no class of the model"),
    "anything at all": ("a owl:Thing ;", "http://www.w3.org/2002/07/owl#Thing", "owl:Thing is no class"),
}
OWL = "@prefix owl: <http://www.w3.org/2002/07/owl#> .\n"


@pytest.fixture
def guarded(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def update(server: Running, text: str) -> Any:
    """The answer to an update with the prefixes."""
    prefixes = (OWL + HEAD).replace("@prefix", "PREFIX").replace("> .", ">")
    return server.post(
        "/update", content=prefixes + text, headers={"Content-Type": "application/sparql-update"}
    )


@pytest.mark.slow
def test_a_record_of_no_class_is_refused_by_every_way_in(guarded: Running) -> None:
    kg = guarded.kg
    before = kg.head
    whole = guarded.get("/graphs", params=GRAPH, headers={"Accept": "application/n-triples"}).text
    for of_class, value, words in CASES.values():
        record = f"id:{NEW} {of_class} {SAID} ."
        full = OWL + HEAD + record
        answers = [
            guarded.post("/graphs", params=GRAPH, content=full, headers=TURTLE),
            guarded.request("PUT", "/graphs", params=GRAPH, content=full + whole, headers=TURTLE),
            update(guarded, f"INSERT DATA {{ {record} }}"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/not-valid"), answer.text
            assert answer.json()["detail"].startswith(f"R00 <{IRI}>: {words}")
            (finding,) = answer.json()["findings"]
            assert (finding["rule"], finding["severity"]) == ("R00", "Violation")
            assert (finding["focus"], finding["path"], finding["value"]) == (IRI, "rdf:type", value)
            assert set(finding["message"]) == {"de", "en"}
        dry = guarded.post("/validation", content=full, headers=TURTLE).json()
        assert [f["focus"] for f in dry["findings"] if f["rule"] == "R00"] == [IRI]
        assert dry["violations"] >= 1
    assert kg.head == before
    misspelt = update(guarded, f"INSERT DATA {{ id:{NEW} a ci:Solutoin ; {SAID} }}")
    assert "(ci:Solution?)" in misspelt.json()["detail"]
    two = update(guarded, f"INSERT DATA {{ id:{NEW} {SAID} . id:{PAIN}9 {SAID} }}")
    assert two.json()["detail"].endswith(" (and 1 more record)")
    report = guarded.post("/graphs", params=GRAPH, content=full, headers={**TURTLE, "Accept": "text/turtle"})
    assert "sh:resultPath rdf:type" in report.text


def test_an_import_holds_it_and_takes_the_rest(guarded: Running) -> None:
    content = f'{HEAD} id:{NEW} {SAID} . id:{PAIN} ci:causedBy id:{NEW} ; ci:note "Seen twice"@en .'
    answer = guarded.post("/imports", content=content, headers=TURTLE)
    (summary,) = answer.json()["imports"]
    (entry,) = summary["quarantined"]
    assert entry["reason"].startswith("R00: It is not said what this is: a pain point")
    assert summary["added"] == 2
    path = f"/quarantine/{entry['id']}"
    assert "R00" in {f["rule"] for f in guarded.get(path).json()["findings"]}
    refused = guarded.post(f"{path}/release")
    assert (refused.status_code, refused.json()["findings"][0]["rule"]) == (422, "R00")
    mended = f"{HEAD} id:{NEW} a ci:Solution ; {SAID} ."
    told = guarded.request("PUT", path, content=mended, headers=TURTLE).json()
    assert "R03" in {f["rule"] for f in told["findings"]}  # now the rules say what else is missing
    assert "R00" not in {f["rule"] for f in told["findings"]}


def test_a_row_of_a_table_that_makes_no_class_waits(guarded: Running, tmp_path: Path) -> None:
    """The CONSTRUCT states the class of rows with a pain point only."""
    row = ROW.replace("?solution a ci:Solution ;", "?solution a ?class ;").replace(
        "BIND(id:", "BIND(ci:Solution AS ?class) BIND(id:"
    )
    parts = {
        "rows.csv": "id,pain\n1,yes\n2,\n",
        "csv-metadata.json": METADATA,
        "source.sql": SQL,
        "row.rq": row,
    }
    files = [("files", (f"table/{name}", content)) for name, content in parts.items()]
    (summary,) = guarded.post("/imports", files=files).json()["imports"]
    assert summary["taken"] == 1
    (entry,) = summary["quarantined"]
    assert (entry["line"], entry["reason"][:32]) == (3, "R00: It is not said what this is")


def test_what_has_a_class_elsewhere_needs_none_here(guarded: Running) -> None:
    """Further statements of a record, others' IRIs as objects, and parts without names."""
    for text in (
        f"INSERT DATA {{ id:{PAIN} ci:note 'Seen again'@en }}",
        f"INSERT DATA {{ id:{PAIN} ci:source <https://example.org/ticket/7> }}",
        f"INSERT DATA {{ id:{PAIN} ci:remark [ ci:note 'Heard in the workshop'@en ] }}",
        "INSERT DATA { ci:Problem ci:note 'A concept of the vocabulary'@en }",
        "INSERT DATA { <urn:mine> <urn:p> 'Nothing that the model knows' }",
        f"INSERT DATA {{ <urn:Mine> a owl:Class ; <http://www.w3.org/2000/01/rdf-schema#subClassOf> ci:Evidence "
        f"; ci:inProject id:{PROJECT} }}",
        f"INSERT DATA {{ <urn:x> a <urn:Mine> ; ci:inProject id:{PROJECT} }}",
    ):
        answer = update(guarded, text)
        assert "R00" not in answer.text, answer.text
    nothing = update(guarded, f"INSERT DATA {{ [] ci:inProject id:{PROJECT} }}")
    assert "R00" in nothing.text  # a part of nothing


def test_a_class_that_leads_to_none_of_the_model_is_none(guarded: Running) -> None:
    """No rule sees the scratch graph, nor looks at what is only below a class of another vocabulary."""
    below = "<http://www.w3.org/2000/01/rdf-schema#subClassOf>"
    for text in (
        f"INSERT DATA {{ <urn:Mine> {below} ci:Feedback . <urn:Other> {below} <urn:Above> }}",
        f"INSERT DATA {{ <urn:Class> a owl:Class ; {below} <urn:Above> ; ci:inProject id:{PROJECT} ; "
        "<http://www.w3.org/2004/02/skos/core#prefLabel> 'Eigene'@de, 'own'@en }",
    ):
        assert update(guarded, text).status_code == 204
    for kind in ("urn:Mine", "urn:Other", "urn:Class"):
        taken = update(guarded, f"INSERT DATA {{ <urn:x> a <{kind}> ; ci:inProject id:{PROJECT} }}")
        assert (taken.status_code, [f["rule"] for f in taken.json()["findings"]]) == (422, ["R00"])
    record = NamedNode("https://kg.example/id/of-own-class")
    said = ((f"{RDF}type", "urn:Class"), (f"{CI}inProject", f"https://kg.example/id/{PROJECT}"))
    add = tuple(Quad(record, NamedNode(p), NamedNode(o)) for p, o in said)
    guarded.kg.commit(Change(add=add, trusted=True))
    found = validate(guarded.kg, processes=1)
    assert [f.focus for f in found.findings if f.rule.number == "R00"] == [record]


@pytest.mark.slow
def test_a_record_keeps_its_class(guarded: Running) -> None:
    """The class alone cannot be taken away; a record that had none before is no reason to refuse."""
    taken = update(guarded, f"DELETE WHERE {{ id:{PAIN} a ?class }}")
    assert (taken.status_code, taken.json()["findings"][0]["rule"]) == (422, "R00")
    assert "no longer be said what this is" in taken.json()["detail"]
    whole = update(guarded, f"DROP GRAPH <{GRAPH['graph']}>")  # persons' graphs speak of its records
    assert (whole.status_code, {f["rule"] for f in whole.json()["findings"]}) == (422, {"R00"})
    other = update(
        guarded, f"DELETE {{ id:{PAIN} a ?c }} INSERT {{ id:{PAIN} a ci:Nothing }} WHERE {{ id:{PAIN} a ?c }}"
    )
    assert other.json()["findings"][0]["value"] == f"{CI}Nothing"
    old = NamedNode("https://kg.example/id/old")
    add = (Quad(old, NamedNode(f"{CI}inProject"), NamedNode(f"https://kg.example/id/{PROJECT}")),)
    guarded.kg.commit(Change(add=add, trusted=True))
    assert update(guarded, f"INSERT DATA {{ <{old.value}> ci:note 'Old'@en }}").status_code == 204
    assert update(guarded, f"DELETE WHERE {{ <{old.value}> ?p ?o }}").status_code == 204
    assert not guarded.kg.ask(f"ASK {{ <{old.value}> <{RDF}type> ?class }}")


def test_a_statement_for_another_graph_says_what_is_missing(guarded: Running) -> None:
    for said, words in (
        ('ci:title "Pager"@en', "names no project; state it (ci:inProject)"),
        ('<urn:p> "Pager"', "is no record yet; state its class (rdf:type)"),
    ):
        answer = guarded.post("/graphs", params=GRAPH, content=f"{HEAD} id:{NEW} {said} .", headers=TURTLE)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/conflict")
        assert words in answer.json()["detail"]
