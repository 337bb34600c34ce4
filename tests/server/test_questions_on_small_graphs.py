"""Cases of the saved questions that the demonstration does not hold, on graphs of a few records."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgservice.application.answers.questions import ask, questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports.load import load_rdf
from kgservice.domain.change import Origin

HEAD = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix t: <https://kg.example/id/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
KNOWN = questions()


def rows(kg: KnowledgeGraph, folder: Path, turtle: str, question: str, **given: str) -> list[dict[str, str]]:
    """The answer on `turtle`: for each row the values by column, without `https://kg.example/id/`."""
    (folder / "case.ttl").write_text(HEAD + turtle, encoding="utf-8")
    load_rdf(kg, [folder / "case.ttl"], Origin())
    solutions = ask(kg, question, given, KNOWN).solutions
    return [
        {
            name: str(getattr(term, "value", "")).removeprefix("https://kg.example/id/")
            for name, term in zip(solutions.variables, row, strict=True)
        }
        for row in solutions.rows
    ]


def journey(name: str, kind: str, *touchpoints: str, more: str = "") -> str:
    steps = [
        f"t:{name} ci:hasStep t:{name}{i} . "
        f"t:{name}{i} a ci:JourneyStep ; ci:stepOrder {i} ; ci:atTouchpoint t:{touchpoint} ."
        for i, touchpoint in enumerate(touchpoints)
    ]
    steps += [f"t:{name}{i} ci:nextStep t:{name}{i + 1} ." for i in range(len(touchpoints) - 1)]
    return f"t:{name} a ci:{kind} {more} .\n" + "\n".join(steps)


@pytest.mark.parametrize(
    ("passed", "changed"),
    [
        (("a", "b", "a"), []),  # a loop that was planned as a loop
        (("b", "a", "c"), ["a", "b"]),
        (("a", "b", "c"), []),
    ],
)
def test_q8_order_is_compared_where_it_is_unambiguous(
    kg: KnowledgeGraph, tmp_path: Path, passed: tuple[str, ...], changed: list[str]
) -> None:
    planned = ("a", "b", "a") if passed == ("a", "b", "a") else ("a", "b", "c")
    turtle = journey("plan", "PlannedJourney", *planned)
    turtle += journey("walk", "ActualJourney", *passed, more="; ci:plannedAs t:plan")
    found = rows(kg, tmp_path, turtle, "planned-and-actual-journey")
    assert {row["difference"] for row in found} <= {"other-order"}
    assert sorted(row["touchpoint"] for row in found) == changed


FEELINGS = (
    journey("walk", "ActualJourney", "a", "b")
    + """
t:p0 a ci:TouchpointPass ; ci:passOf t:walk0 ; ci:atTouchpoint t:a .
t:p1 a ci:TouchpointPass ; ci:passOf t:walk1 ; ci:atTouchpoint t:b .
t:e0 a ci:EmotionObservation ; ci:observedIn t:p0 ; ci:emotion ci:Excitement ; ci:intensity 3 .
t:e1 a ci:EmotionObservation ; ci:observedIn t:p1 ; ci:emotion ci:Frustration ; ci:intensity -2 .
"""
)


def test_q10_feelings_may_be_recorded_in_the_passes(kg: KnowledgeGraph, tmp_path: Path) -> None:
    found = rows(kg, tmp_path, FEELINGS, "emotion-turns")
    assert [(row["journey"], row["toTouchpoint"]) for row in found] == [("walk", "b")]


def test_q7_feelings_may_be_recorded_in_the_passes(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = FEELINGS + "t:persona a ci:Persona ; ci:title 'P'@en . t:walk ci:journeyOf t:persona ."
    found = rows(kg, tmp_path, turtle, "persona-journey", language="en")
    assert [row["emotionLabel"] for row in found] == ["excitement", "frustration"]


@pytest.mark.parametrize("moment", ["2026-03-01T06:00:00Z", "2026-02-28T00:00:00Z", "2026-03-11T01:00:00Z"])
def test_q4_days_since_deployment(kg: KnowledgeGraph, tmp_path: Path, moment: str) -> None:
    turtle = """t:s a ci:Solution ; ci:solutionStatus ci:Deployed ; ci:title 'S'@en ;
        ci:deployedAt "2026-03-01T00:00:00Z"^^xsd:dateTime ."""
    found = rows(kg, tmp_path, turtle, "deployed-without-impact", now=moment)
    expected = {"2026-03-01": ["0"], "2026-02-28": [], "2026-03-11": ["10"]}
    assert [row["days"] for row in found] == expected[moment[:10]]


def test_q19_wishes_are_no_needs(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = "t:w a ci:Wish ; ci:needStatus ci:Unmet . t:n a ci:LatentNeed ; ci:needStatus ci:Unmet ."
    assert {row["need"] for row in rows(kg, tmp_path, turtle, "unmet-needs")} == {"n"}


def test_q21_only_present_members_count(kg: KnowledgeGraph, tmp_path: Path) -> None:
    turtle = """t:s a ci:Segment ; ci:criterion ci:PsychographicCriterion ; ci:usesDataCategory ci:PreferenceData .
        t:anna a ci:ContactPerson . t:bert a ci:ContactPerson .
        t:m1 a ci:SegmentMembership ; ci:membershipOf t:s ; ci:memberPerson t:anna ;
            ci:validFrom "2025-01-01T00:00:00Z"^^xsd:dateTime ; ci:validUntil "2026-01-01T00:00:00Z"^^xsd:dateTime .
        t:m2 a ci:SegmentMembership ; ci:membershipOf t:s ; ci:memberPerson t:bert ;
            ci:validFrom "2025-01-01T00:00:00Z"^^xsd:dateTime ."""
    found = rows(kg, tmp_path, turtle, "psychographic-segments", now="2026-06-01T00:00:00Z")
    assert [row["member"] for row in found] == ["bert"]


@pytest.mark.parametrize("first", ["ConsentGiven", "ConsentWithdrawn"])
@pytest.mark.parametrize("times", [("12:00:00+02:00", "10:00:00Z"), ("10:00:00Z", "12:00:00+02:00")])
def test_q36_events_of_one_instant_with_other_offsets(
    kg: KnowledgeGraph, tmp_path: Path, first: str, times: tuple[str, str]
) -> None:
    """Given and withdrawn at the same instant: both were last, and what is in force goes first."""
    (second,) = {"ConsentGiven", "ConsentWithdrawn"} - {first}
    turtle = f"""t:p a ci:ContactPerson . t:c a ci:ConsentRecord ; ci:dataSubject t:p ; ci:hasEvent t:e1, t:e2 .
t:e1 a ci:{first} ; ci:eventOf t:c ; ci:eventTime "2026-01-01T{times[0]}"^^xsd:dateTime .
t:e2 a ci:{second} ; ci:eventOf t:c ; ci:eventTime "2026-01-01T{times[1]}"^^xsd:dateTime .
t:r a ci:CrmContact ; ci:crmConsentState "given" .
t:l a ci:CrmLink ; ci:linksRecord t:r ; ci:linkedPerson t:p .
"""
    found = rows(kg, tmp_path, turtle, "crm-consent")
    assert [(row["person"], row["ourState"]) for row in found] == [("p", "given")]
