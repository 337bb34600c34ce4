"""The guard over HTTP: every way in refuses a violation, says why, and leaves the graph as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import rdflib
from pyoxigraph import Literal, NamedNode, RdfFormat, parse
from rdflib.namespace import RDF
from rdflib.namespace import SH as SHACL

from kgservice import resources
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import LOCAL
from kgservice.namespaces import CI, SH
from kgservice.shacl.terms import add_all, path_text
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


def without_categories(server: Running, graph: str) -> str:
    """The graph of consents, as N-Triples, without what the consents are for."""
    whole = server.get("/graphs", params={"graph": graph}, headers={"Accept": "application/n-triples"}).text
    kept = [line for line in whole.splitlines() if "#forCategory>" not in line]
    assert len(kept) < len(whole.splitlines())
    return "\n".join(kept)


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


def test_a_moment_that_only_some_engines_know_is_none(guarded: Running) -> None:
    moment = "'0000-01-01T00:00:00Z'^^xsd:dateTime"
    assert "R15-time-zone" in update(guarded, f"INSERT DATA {{ {PAIN} id:{NEW} ci:createdAt {moment} }}")


def test_one_more_violation_is_counted_as_one(guarded: Running) -> None:
    pain = "id:00000000-0000-4000-8000-103000000007"
    text = f"{PREFIXES} INSERT DATA {{ {pain} ci:validFrom 'today' ; ci:validUntil 'tomorrow' }}"
    answer = guarded.post("/update", content=text, headers={"Content-Type": "application/sparql-update"})
    assert len(answer.json()["findings"]) == 2
    assert answer.json()["detail"].endswith(" (and 1 more violation)")


def test_sparql_update_is_guarded_in_every_form(guarded: Running) -> None:
    before = guarded.kg.head
    assert {"R02-evidence", "R02-kind", "R08-project"} <= set(update(guarded, f"INSERT DATA {{ {PAIN} }}"))
    assert "R02-kind" in update(guarded, "DELETE WHERE { ?pain a ci:PainPoint ; ci:painPointKind ?kind }")
    assert "R01-channel" in update(
        guarded,
        "DELETE { ?touchpoint ci:channel ?channel } INSERT {} WHERE { ?touchpoint ci:channel ?channel }",
    )
    consent = f"<{consents(guarded.kg)}>"
    kind = "?consent ci:forCategory ?category"  # records rest on it
    assert "R25-collection" in update(
        guarded, f"DELETE {{ {kind} }} WHERE {{ GRAPH {consent} {{ {kind} }} }}"
    )
    headers = {"Content-Type": "application/sparql-update"}
    for operation in (f"CLEAR GRAPH {consent}", f"DROP GRAPH {consent}"):
        refused = guarded.post("/update", content=operation, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/rewriting")
    assert guarded.kg.head == before


def test_all_may_be_cleared_at_once(kg: KnowledgeGraph, guard: Guard) -> None:
    """Nothing is left that could be wrong; a part of it is refused. The demonstration takes half a minute for it."""
    load_rdf(kg, [resources.folder("shapes") / "core" / "examples" / "R03.valid.ttl"], LOCAL, trusted=True)
    kg.guard, kg.guarded = guard, True
    solutions = f"SELECT (COUNT(*) AS ?n) WHERE {{ ?one a <{CI}Solution> }}"
    with running(kg) as server:
        assert "R03-pain-point" in update(server, "DELETE WHERE { ?pain ci:addressedBy ?solution }")
        assert kg.select(solutions).rows == [(Literal(1),)]
        assert update(server, "CLEAR ALL") == []
        assert kg.select(solutions).rows == [(Literal(0),)]


def test_the_graph_store_is_guarded(guarded: Running) -> None:
    before = guarded.kg.head
    graph = f"https://kg.example/graph/project/{PROJECT}"
    turtle = {"Content-Type": "text/turtle"}
    pain = f"{PREFIXES} {PAIN} <https://kg.example/id/{NEW}> ci:inProject id:{PROJECT} ."
    wrong = guarded.post("/graphs", params={"graph": graph}, content=pain, headers=turtle)
    assert wrong.status_code == 422, wrong.text
    whole = guarded.get("/graphs", params={"graph": graph}, headers={"Accept": "text/turtle"})
    consent = {"graph": consents(guarded.kg)}  # records rest on what is in it
    narrowed = without_categories(guarded, consent["graph"])
    assert (
        guarded.request("PUT", "/graphs", params=consent, content=narrowed, headers=turtle).status_code == 422
    )
    for gone in (
        guarded.request("PUT", "/graphs", params=consent, content="", headers=turtle),
        guarded.request("DELETE", "/graphs", params=consent),
    ):
        assert (gone.status_code, gone.json()["type"]) == (403, "/problems/rewriting")
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
    turtle = {"Content-Type": "text/turtle", "Accept-Language": "en"}
    prefixes = f"@prefix ci: <{CI}> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> . "
    dry = guarded.post("/validation", content=f"{prefixes}{event} .", headers=turtle)
    report = dry.json()
    grave = [f for f in report["findings"] if f["severity"] == "Violation"]
    assert grave
    assert all(f["follows"] for f in grave)
    assert report["counts"]["Violation"] == len(grave)
    assert (report["violations"], dry.headers["kgservice-violations"]) == (0, "0")
    text = guarded.post("/validation?format=text", content=f"{prefixes}{event} .", headers=turtle).text
    assert f"{len(grave)} of them only follow" in text
    assert update(guarded, f"INSERT DATA {{ {event} }}") == []
    found = kg.select(
        f"""PREFIX ci: <{CI}> PREFIX sh: <{SH}> SELECT ?shape WHERE {{
            ?f sh:focusNode {use} ; sh:sourceShape ?shape ; ci:findingStatus "open" ;
               sh:resultSeverity sh:Violation }}"""
    ).rows
    assert ("R20-after-withdrawal",) in {
        tuple(t.value.split("#")[1] for t in row if isinstance(t, NamedNode)) for row in found
    }


REPORTS = {"text/turtle": RdfFormat.TURTLE, "application/ld+json": RdfFormat.JSON_LD}


def results(answer: httpx.Response) -> list[tuple[str, str, str, str]]:
    """The results of the SHACL report that a refusal is: focus, shape, severity and path."""
    assert answer.status_code == 422, answer.text
    media_type = answer.headers["content-type"].partition(";")[0]
    graph = add_all(rdflib.Graph(), parse(answer.content, format=REPORTS[media_type]))
    report = graph.value(predicate=RDF.type, object=SHACL.ValidationReport)
    assert graph.value(report, SHACL.conforms) == rdflib.Literal(False)
    found = list(graph.objects(report, SHACL.result))
    assert len(found) == int(answer.headers["kgservice-violations"]) == len(set(found))
    for result in found:
        tags = {str(getattr(m, "language", None)) for m in graph.objects(result, SHACL.resultMessage)}
        assert tags == {"de", "en"}
        assert graph.value(result, SHACL.sourceConstraintComponent)
    paths = {result: graph.value(result, SHACL.resultPath) for result in found}
    return sorted(
        (
            str(graph.value(result, SHACL.focusNode)),
            str(graph.value(result, SHACL.sourceShape) or ""),  # none has it that a class is missing
            str(graph.value(result, SHACL.resultSeverity)).removeprefix(SH),
            "" if (path := paths[result]) is None else path_text(graph, path),
        )
        for result in found
    )


def told(answer: httpx.Response) -> list[tuple[str, str, str, str]]:
    """The same of problem details."""
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    return sorted((f["focus"], f["shape"], f["severity"], f["path"]) for f in answer.json()["findings"])


def test_a_client_that_prefers_rdf_gets_the_report_itself(guarded: Running) -> None:
    """Every way in answers with the SHACL report, which says what the problem details say."""
    consent = consents(guarded.kg)
    narrowed = without_categories(guarded, consent)
    pain = f"{PREFIXES} {PAIN} <https://kg.example/id/{NEW}> ci:inProject id:{PROJECT} ."
    project = {"graph": f"https://kg.example/graph/project/{PROJECT}"}
    turtle, sparql = {"Content-Type": "text/turtle"}, {"Content-Type": "application/sparql-update"}
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/graphs", {"params": project, "content": pain, "headers": turtle}),
        ("PUT", "/graphs", {"params": {"graph": consent}, "content": narrowed, "headers": turtle}),
        ("POST", "/update", {"content": f"{PREFIXES} INSERT DATA {{ {PAIN} }}", "headers": sparql}),
    ]
    for method, path, options in ways:
        headers = options.pop("headers")
        plain = told(guarded.request(method, path, headers=headers, **options))
        assert plain
        for accept in REPORTS:
            asked = {**headers, "Accept": accept}
            answer = guarded.request(method, path, headers=asked, **options)
            assert answer.headers["content-type"].partition(";")[0] == accept
            assert answer.headers["vary"] == "Accept"
            assert answer.headers["cache-control"] == "no-store"
            assert results(answer) == plain
    paths = {path for *_, path in plain}
    assert any("|" in path for path in paths), paths  # complex paths are told, too


@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        ("*/*", "application/problem+json"),
        ("application/json, text/turtle", "application/problem+json"),
        ("application/json;q=0.5, text/turtle;q=0.6", "text/turtle"),
        ("application/problem+json, text/turtle;q=0.9", "application/problem+json"),
        ("application/n-triples, application/ld+json;q=0.8, */*;q=0.1", "application/ld+json"),
        ("text/html", "application/problem+json"),
    ],
)
def test_the_form_of_a_refusal_is_negotiated(guarded: Running, accept: str, sent: str) -> None:
    headers = {"Content-Type": "application/sparql-update", "Accept": accept}
    answer = guarded.post("/update", content=f"{PREFIXES} INSERT DATA {{ {PAIN} }}", headers=headers)
    assert answer.status_code == 422
    assert answer.headers["content-type"].partition(";")[0] == sent


def test_other_problems_stay_problem_details(guarded: Running) -> None:
    headers = {"Content-Type": "application/sparql-update", "Accept": "text/turtle"}
    answer = guarded.post("/update", content="INSERT", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
