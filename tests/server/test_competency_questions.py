"""Each of the 40 competency questions gives the rows that were checked by hand against `demo/`.

`expected/*.csv` holds them in the order of the answer: `id:1030…` stands for the instance IRI, `ci:` for the
namespace of the ontology, `*` for a value that depends on the size of the demonstration.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad, QuerySolutions, Store

from kgservice.application.answers.questions import ask, bind, questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import BadParameter
from kgservice.store.base import Term

EXPECTED = Path(__file__).parent / "expected"
ID = "00000000-0000-4000-8000-"
PREFIXES = {
    f"https://kg.example/id/{ID}": "id:",
    "https://w3id.org/kgservice/ci#": "ci:",
    "https://kg.example/": "kg:",
}

# file of the expected rows → parameters; the part of its name before `.` is the question
CASES: dict[str, dict[str, str]] = {
    "pain-points-behind-solution": {"solution": f"{ID}103100000006"},
    "impact-of-solution": {},
    "unsolved-pain-points": {},
    "unsolved-pain-points.old": {"phase": "ci:MarketLaunch", "minimumAge": "90", "language": "en"},
    "deployed-without-impact": {},
    "deployed-without-impact.same-day": {"now": "2026-09-07T12:00:00Z"},
    "single-source-claims": {},
    "lessons-for-touchpoint": {"touchpoint": f"{ID}101000000024"},
    "persona-journey": {},
    "planned-and-actual-journey": {},
    "moments-of-truth": {},
    "emotion-turns": {},
    "phases-without-customer-input": {},
    "channel-breaks": {},
    "automation-and-emotion": {},
    "suitable-methods": {
        "customerKind": "ci:PrivateCustomers",
        "dataCategory": "ci:PreferenceData",
        "capacity": "ci:Low",
        "costBenefit": "ci:High",
    },
    "method-cost-and-yield": {},
    "data-without-planned-method": {},
    "customer-effort": {},
    "synchronous-methods": {},
    "unmet-needs": {},
    "segment-members": {"segment": f"{ID}105100000004"},
    "segment-members.july": {"segment": f"{ID}105100000004", "at": "2026-07-15"},
    "psychographic-segments": {"language": "en"},
    "product-contexts": {},
    "personas-without-evidence": {},
    "may-i-use.given": {"record": f"{ID}102400000004", "purpose": "dpv:ResearchAndDevelopment"},
    "may-i-use.withdrawn": {"record": f"{ID}102400000030", "purpose": "dpv:ResearchAndDevelopment"},
    "may-i-use.before-withdrawal": {
        "record": f"{ID}102400000030",
        "purpose": "dpv:ResearchAndDevelopment",
        "now": "2026-11-20T08:00:00Z",
    },
    "may-i-use.given-again": {"record": f"{ID}102400000019", "purpose": "dpv:ResearchAndDevelopment"},
    "may-i-use.expired": {"record": f"{ID}102400000007", "purpose": "dpv:ResearchAndDevelopment"},
    "may-i-use.restricted": {"record": f"{ID}102400000008", "purpose": "dpv:ResearchAndDevelopment"},
    "may-i-use.no-ground": {
        "record": f"{ID}102400000021",
        "purpose": "dpv:CustomerRelationshipManagement",
    },
    "may-i-use.contract": {"record": f"{ID}102200000027", "purpose": "dpv:ServiceProvision"},
    "stop-after-withdrawal": {},
    "special-category-records": {},
    "subject-data": {"person": f"{ID}100700000045"},
    "expiring-consents": {},
    "record-of-processing": {},
    "minors": {},
    "completeness": {},
    "contradictions": {},
    "stale-or-duplicate": {},
    "crm-match": {},
    "crm-differences": {},
    "crm-consent": {},
    "changes": {"record": f"{ID}103100000006"},
    "state-at": {"validAt": "2025-03-01", "knownAt": "2025-02-01", "project": f"{ID}100100000001"},
    "state-at.person": {"validAt": "2026-09-15", "about": f"{ID}100700000009"},
    "state-at.before-move": {"validAt": "2026-08-01", "about": f"{ID}100700000009"},
    "state-at.known-then": {
        "validAt": "2026-09-15",
        "knownAt": "2026-09-15",
        "about": f"{ID}100700000009",
    },
    "derived-statements": {},
    "retracted-source": {"source": f"{ID}100900000003"},
}

KNOWN = questions()

REQUIRED = {
    "touchpoint": f"{ID}101000000024",
    "record": f"{ID}102400000004",
    "purpose": "dpv:ResearchAndDevelopment",
    "person": f"{ID}100700000001",
    "text": "undicht",
}


def short(term: Term | None) -> str:
    """A term as it stands in the expected files."""
    text = "" if term is None else str(getattr(term, "value", term))
    for long, prefix in PREFIXES.items():
        if text.startswith(long):
            return prefix + text.removeprefix(long)
    return text


def test_all_forty_have_a_case() -> None:
    numbers = {q.number for q in KNOWN.values() if q.number is not None}
    assert numbers == set(range(1, 41))
    asked = {KNOWN[name.partition(".")[0]].number for name in CASES}
    assert asked == numbers
    assert {path.name for path in EXPECTED.iterdir()} == {f"{name}.csv" for name in CASES}


@pytest.mark.parametrize("name", CASES)
def test_rows(demo_kg: KnowledgeGraph, name: str) -> None:
    with (EXPECTED / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header, *expected = csv.reader(file)
    answer = ask(demo_kg, name.partition(".")[0], CASES[name], KNOWN)
    assert list(answer.solutions.variables) == header
    rows = [[short(term) for term in row] for row in answer.solutions.rows]
    shown = [
        ["*" if wanted == "*" else given for given, wanted in zip(row, want, strict=True)]
        for row, want in zip(rows, expected, strict=False)
    ]
    assert shown + rows[len(shown) :] == expected


@pytest.mark.parametrize("number", range(1, 6))
def test_a_project_keeps_the_others_out(demo_kg: KnowledgeGraph, number: int) -> None:
    question = next(q.id for q in KNOWN.values() if q.number == number)
    rows = ask(demo_kg, question, {}, KNOWN).solutions.rows
    first, second = (
        ask(demo_kg, question, {"project": f"{ID}10010000000{n}"}, KNOWN).solutions.rows for n in (1, 2)
    )
    assert len(first) + len(second) == len(rows)
    assert len(second) == (1 if question == "single-source-claims" else 0)


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", [q.id for q in KNOWN.values() if q.number is not None])
def test_columns_and_time(demo_kg: KnowledgeGraph, name: str, language: str) -> None:
    question = KNOWN[name]
    given = {p.name: REQUIRED[p.name] for p in question.parameters if p.required}
    if any(p.name == "language" for p in question.parameters):
        given["language"] = language
    ask(demo_kg, name, given, KNOWN)
    start = time.perf_counter()
    answer = ask(demo_kg, name, given, KNOWN)
    assert time.perf_counter() - start < 1
    assert answer.solutions.variables == tuple(question.columns)


@pytest.mark.slow
def test_every_column_has_a_value_somewhere(demo_kg: KnowledgeGraph) -> None:
    """A column that is empty in every answer hides a mistake in its pattern."""
    empty = set()
    for question in KNOWN.values():
        given = {p.name: REQUIRED[p.name] for p in question.parameters if p.required}
        cases = [given, *(v for k, v in CASES.items() if k.partition(".")[0] == question.id)]
        rows = [row for values in cases for row in ask(demo_kg, question.id, values, KNOWN).solutions.rows]
        if question.number is not None:
            columns = enumerate(question.columns)
            empty |= {(question.id, name) for i, name in columns if not any(row[i] for row in rows)}
    # The only persona without evidence has no segment.
    assert empty == {("personas-without-evidence", "segment"), ("personas-without-evidence", "segmentTitle")}


@pytest.mark.slow
def test_what_no_view_of_a_purpose_answers_says_so(demo_kg: KnowledgeGraph) -> None:
    """An answer that changes without consents, commits, findings and measurements would mislead there."""
    quads = list(demo_kg.store.match([(None, None, None)]))
    a, graphs = demo_kg.addresses, demo_kg.graphs
    hidden = [NamedNode(iri) for iri in (a.provenance, a.finding, a.quality)]
    secret = {q.subject for q in quads if q.graph_name in hidden or graphs.is_consent(q.graph_name)}
    view = [q.triple for q in quads if q.graph_name == demo_kg.view and q.subject not in secret]
    rest = Store()
    rest.extend(Quad(t.subject, t.predicate, t.object) for t in view)
    misleading = set()
    for question in KNOWN.values():
        given = {p.name: REQUIRED[p.name] for p in question.parameters if p.required}
        cases = [given, *(v for k, v in CASES.items() if k.partition(".")[0] == question.id)]
        for values in cases:
            left = rest.query(bind(demo_kg, question, values).text)
            assert isinstance(left, QuerySolutions)
            whole = ask(demo_kg, question.id, values, KNOWN).solutions.rows
            if sorted(str(tuple(row)) for row in left) != sorted(str(tuple(row)) for row in whole):
                misleading.add(question.id)
    needing = {question.id for question in KNOWN.values() if question.everything}
    assert {"consent-coverage", "expiring-consents", "subject-data", "open-findings"} <= misleading
    # Of the complaints there are no consents in the demonstration.
    assert misleading == needing - {"narratives-by-channel"}


HOSTILE = [
    '" } DROP ALL #',
    "' } ; DROP ALL #",
    "https://kg.example/> } ; DROP ALL ; SELECT * { ?s ?p <x:y",
    "} UNION { ?s ?p ?o",
    "VALUES ?language { UNDEF }",
    '\\" } \\u007D',
    "\n} DROP ALL #",
    "?now",
    "ci:x> . <urn:a",
    "a" * 100_000,
    "\x00",
    "\ud800",
]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_are_inert(demo_kg: KnowledgeGraph, hostile: str) -> None:
    before = demo_kg.head, len(demo_kg.store.graphs())
    for question in KNOWN.values():
        good = {p.name: REQUIRED[p.name] for p in question.parameters if p.required}
        for parameter in question.parameters:
            if parameter.type == "string" and not parameter.values and hostile[:1] not in "a\ud800":
                answer = ask(demo_kg, question.id, {**good, parameter.name: hostile}, KNOWN)
                assert answer.solutions.rows == []
                assert answer.bindings[parameter.name].value == hostile
            else:
                with pytest.raises(BadParameter) as refused:
                    ask(demo_kg, question.id, {**good, parameter.name: hostile}, KNOWN)
                assert refused.value.source == parameter.name
    assert (demo_kg.head, len(demo_kg.store.graphs())) == before
