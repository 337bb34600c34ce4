"""The guard over HTTP: every way in refuses a violation, says why, and leaves the graph as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.application.graph import KnowledgeGraph
from kgservice.namespaces import CI, SH
from tests.serving import Running, running

PREFIXES = """PREFIX ci: <https://w3id.org/kgservice/ci#> PREFIX id: <https://kg.example/id/>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> PREFIX dpv: <https://w3id.org/dpv#>
"""
NEW = "00000000-0000-4000-8000-aaaaaaaaaaaa"
PROJECT = "00000000-0000-4000-8000-100100000001"
TOUCHPOINT = "00000000-0000-4000-8000-102800000001"
PAIN = f"<https://kg.example/id/{NEW}> a ci:UsagePainPoint ; ci:occursAt id:{TOUCHPOINT} ."


@pytest.fixture
def guarded(demo_kg_guarded: KnowledgeGraph) -> Iterator[Running]:
    with running(demo_kg_guarded) as server:
        yield server


def consents(kg: KnowledgeGraph) -> str:
    """The graph of the consents of a person about whom there are records that rest on them."""
    person = kg.select(
        f"""PREFIX ci: <{CI}> PREFIX dpv: <https://w3id.org/dpv#> SELECT DISTINCT ?person WHERE {{
            ?record ci:legalBasis dpv:Consent ; ci:collectedAtTime ?time ; ci:dataSubject ?person
        }} ORDER BY ?person LIMIT 1"""
    ).rows[0][0]
    assert isinstance(person, NamedNode)
    return kg.addresses.consent(kg.addresses.key(person.value))


def update(server: Running, text: str) -> list[str]:
    """Run an update; the shapes of the violations it was refused for, none if it was taken."""
    answer = server.post(
        "/update", content=PREFIXES + text, headers={"Content-Type": "application/sparql-update"}
    )
    if answer.status_code == 204:
        return []
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "/problems/not-valid"
    assert all(f["severity"] == "Violation" and set(f["message"]) == {"de", "en"} for f in body["findings"])
    return sorted(f["shape"].split("#")[1] for f in body["findings"])


def test_sparql_update_is_guarded_in_every_form(guarded: Running) -> None:
    before = guarded.kg.head
    assert {"R02-evidence", "R02-kind", "R08-project"} <= set(update(guarded, f"INSERT DATA {{ {PAIN} }}"))
    assert "R02-kind" in update(guarded, "DELETE WHERE { ?pain a ci:PainPoint ; ci:painPointKind ?kind }")
    assert "R01-channel" in update(
        guarded,
        "DELETE { ?touchpoint ci:channel ?channel } INSERT {} WHERE { ?touchpoint ci:channel ?channel }",
    )
    consent = f"<{consents(guarded.kg)}>"
    for operation in (f"CLEAR GRAPH {consent}", f"DROP GRAPH {consent}"):
        assert "R25-collection" in update(guarded, operation)  # records rest on what is in it
    assert guarded.kg.head == before
    assert update(guarded, "CLEAR ALL") == []  # nothing is left that could be wrong


def test_the_graph_store_is_guarded(guarded: Running) -> None:
    before = guarded.kg.head
    graph = f"https://kg.example/graph/project/{PROJECT}"
    turtle = {"Content-Type": "text/turtle"}
    pain = f"{PREFIXES} {PAIN} <https://kg.example/id/{NEW}> ci:inProject id:{PROJECT} ."
    wrong = guarded.post("/graphs", params={"graph": graph}, content=pain, headers=turtle)
    assert wrong.status_code == 422, wrong.text
    whole = guarded.get("/graphs", params={"graph": graph}, headers={"Accept": "text/turtle"})
    consent = consents(guarded.kg)
    empty = guarded.request("PUT", "/graphs", params={"graph": consent}, content="", headers=turtle)
    assert empty.status_code == 422
    assert guarded.request("DELETE", "/graphs", params={"graph": consent}).status_code == 422
    assert guarded.kg.head == before
    assert (
        guarded.get("/graphs", params={"graph": graph}, headers={"Accept": "text/turtle"}).text == whole.text
    )


def test_a_scratch_graph_is_free(guarded: Running) -> None:
    assert update(guarded, f"INSERT DATA {{ GRAPH <urn:mine> {{ {PAIN} }} }}") == []


def test_warnings_are_taken_and_kept_as_findings(guarded: Running) -> None:
    """An impact without its baseline is a warning; the finding is there with the commit, and mended later."""
    kg = guarded.kg
    impact, baseline, rest = kg.select(
        f"""PREFIX ci: <{CI}> SELECT ?impact ?baseline (SAMPLE(?x) AS ?one) WHERE {{
            ?impact a ci:Impact ; ci:baseline ?baseline ; ci:impactOf ?x
            FILTER NOT EXISTS {{ ?baseline ci:baselineOf ?impact, ?impact2 FILTER(?impact != ?impact2) }}
        }} GROUP BY ?impact ?baseline ORDER BY ?impact LIMIT 1"""
    ).rows[0]
    assert rest is not None
    link = f"{impact} ci:baseline {baseline}"

    def status() -> list[tuple[str, ...]]:
        found = kg.select(
            f"""PREFIX ci: <{CI}> PREFIX sh: <{SH}> SELECT ?status ?severity WHERE {{
                ?finding sh:focusNode {impact} ; sh:sourceShape ?shape ; ci:findingStatus ?status ;
                    sh:resultSeverity ?severity
                FILTER(STRENDS(STR(?shape), "R05-baseline")) }}"""
        ).rows
        return [tuple(t.value for t in row if isinstance(t, Literal | NamedNode)) for row in found]

    assert status() == []
    assert (
        update(
            guarded,
            f"DELETE {{ ?s ?p ?o }} WHERE {{ VALUES (?s ?o) {{ ({impact} {baseline}) ({baseline} {impact}) }} ?s ?p ?o }}",
        )
        == []
    )
    assert status() == [("open", f"{SH}Warning")]
    assert update(guarded, f"INSERT DATA {{ {link} }}") == []
    assert status() == [("mended", f"{SH}Warning")]


def test_withdrawing_a_consent_is_never_refused(guarded: Running) -> None:
    """A use that the consent carried goes on: a finding for the steward, but no reason to keep the consent."""
    kg = guarded.kg
    use, consent = kg.select(
        f"""PREFIX ci: <{CI}> PREFIX dpv: <https://w3id.org/dpv#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
        SELECT ?use ?consent WHERE {{
            ?use a ci:ProcessingOperation ; ci:legalBasis dpv:Consent ; ci:forPurpose ?purpose ;
                ci:usesRecord ?record .
            ?record ci:dataSubject ?person ; ci:hasCategory ?category .
            ?consent ci:dataSubject ?person ; ci:forPurpose ?purpose ; ci:forCategory ?category ; ci:hasEvent ?given .
            FILTER NOT EXISTS {{ ?use ci:endedAt ?end }}
            FILTER NOT EXISTS {{ ?consent ci:hasEvent ?other . ?other a ci:ConsentWithdrawn }}
        }} ORDER BY ?use ?consent LIMIT 1"""
    ).rows[0]
    event = (
        f"<https://kg.example/id/{NEW}> a ci:ConsentWithdrawn ; ci:eventOf {consent} ; "
        'ci:eventTime "2026-11-20T10:00:00Z"^^xsd:dateTime'
    )
    fields = kg.select(
        f"""PREFIX ci: <{CI}> SELECT ?p ?o WHERE {{ {consent} ci:hasEvent ?e . ?e ?p ?o
            FILTER(?p IN (ci:eventMethod, ci:eventAgent, ci:eventEntity)) }}"""
    ).rows
    for p, o in fields:
        event += f" ; {p} {o}"
    assert update(guarded, f"INSERT DATA {{ {event} }}") == []
    found = kg.select(
        f"""PREFIX ci: <{CI}> PREFIX sh: <{SH}> SELECT ?shape WHERE {{
            ?f sh:focusNode {use} ; sh:sourceShape ?shape ; ci:findingStatus "open" ;
               sh:resultSeverity sh:Violation }}"""
    ).rows
    assert ("R20-after-withdrawal",) in {
        tuple(t.value.split("#")[1] for t in row if isinstance(t, NamedNode)) for row in found
    }
