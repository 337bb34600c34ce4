"""Questions 7 to 13, journey and phase: steps, channels, passes and feelings. All columns are compared."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.facts import CI, expected, facts, number, or_blank, rows


def mean(values: Iterable[Decimal]) -> Decimal | None:
    """The mean with two decimals; None of nothing."""
    all_values = list(values)
    if not all_values:
        return None
    return (sum(all_values, Decimal()) / len(all_values)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def steps_and_passes(place: Node | None) -> set[Node]:
    """The steps at a touchpoint and the passes of it, also those that name only their step."""
    f = facts()
    there = f.all(place, CI.passedIn)
    return there | {run for step in there for run in f.all(step, CI.passedBy)}


def strengths(place: Node | None) -> list[Decimal]:
    """How strong the feelings were that were observed at a touchpoint, at a step there or in a pass of it."""
    f = facts()
    there = {place, *steps_and_passes(place)}
    seen = {one for one in f.of(CI.EmotionObservation) if f.all(one, CI.experienceAt, CI.observedIn) & there}
    return [number(strength) for one in seen for strength in f.all(one, CI.intensity)]


def feelings(step: Node) -> dict[Node, set[Node]]:
    """What was felt at a step, recorded for it or observed at it or in a pass of it, with the causes."""
    f = facts()
    found: dict[Node, set[Node]] = {emotion: set() for emotion in f.all(step, CI.emotion)}
    passes = f.all(step, CI.passedBy)
    for place in (step, *passes):
        for seen in f.all(place, CI.hasExperience, CI.emotionObserved):
            for emotion in f.all(seen, CI.emotion):
                found.setdefault(emotion, set()).update(f.all(seen, CI.causedBy))
    return found


def valence(emotion: Node) -> int:
    """1 for a pleasant feeling, 0 for a neutral one, -1 for an unpleasant one."""
    return int(number(facts().ontology.value(emotion, CI.valence)))


def place_of(step: Node | None) -> Node | None:
    return facts().one(step, CI.atTouchpoint)


def channel_of(step: Node | None) -> Node | None:
    """The channel of a step, else that of its touchpoint."""
    return facts().one(step, CI.channel) or facts().one(place_of(step), CI.channel)


def steps(journey: Node) -> list[Node]:
    """The steps of a journey in order."""
    f = facts()
    return sorted(f.all(journey, CI.hasStep), key=lambda step: number(f.one(step, CI.stepOrder)))


def steps_and_next() -> list[tuple[Node, Node, Node]]:
    """Each journey with a step and the step that comes next."""
    f = facts()
    found = [(journey, a, b) for journey in f.of(CI.Journey) for a, b in pairwise(steps(journey))]
    assert all(f.one(a, CI.nextStep) == b for _, a, b in found)
    return found


def test_q07_persona_journey() -> None:
    f = facts()
    found = [
        [
            persona,
            f.label(persona),
            journey,
            f.label(journey),
            f.one(step, CI.stepOrder),
            place_of(step),
            f.label(place_of(step)),
            f.label(channel_of(step)),
            f.label(emotion),
            mean(strengths(place_of(step))),
        ]
        for persona in f.of(CI.Persona)
        for journey in f.all(persona, CI.hasJourney)
        for step in steps(journey)
        for emotion in or_blank(feelings(step))
    ]
    assert len({row[2] for row in found}) == 1
    assert rows(found) == expected("persona-journey")


def differences(planned: Node, actual: Node) -> list[tuple[str, Node | None, Node | None]]:
    """How two journeys differ, with the planned step and the actual one."""
    plan, real = steps(planned), steps(actual)
    pairs = [(p, a) for p in plan for a in real if place_of(p) == place_of(a)]
    only_pairs = [
        (p, a) for p, a in pairs if [place_of(step) for step in plan + real].count(place_of(p)) == 2
    ]
    return [
        *(("not-passed", p, None) for p in plan if p not in {p for p, _ in pairs}),
        *(("not-planned", None, a) for a in real if a not in {a for _, a in pairs}),
        *(
            ("other-channel", p, a)
            for p, a in pairs
            if channel_of(a) not in {channel_of(q) for q, b in pairs if b == a}
        ),
        *(
            ("other-order", p, a)
            for p, a in only_pairs
            if any((plan.index(p) < plan.index(q)) != (real.index(a) < real.index(b)) for q, b in only_pairs)
        ),
    ]


def test_q08_planned_and_actual_journey() -> None:
    f = facts()
    found = []
    for actual in f.of(CI.ActualJourney):
        for planned in f.all(actual, CI.plannedAs):
            for difference, plan, real in differences(planned, actual):
                place = place_of(plan or real)
                found.append(
                    [
                        actual,
                        f.label(actual),
                        planned,
                        place,
                        f.label(place),
                        difference,
                        f.one(plan, CI.stepOrder),
                        f.one(real, CI.stepOrder),
                        f.label(channel_of(plan)),
                        f.label(channel_of(real)),
                    ]
                )
    assert sorted(rows(found)) == sorted(expected("planned-and-actual-journey"))


def test_q09_moments_of_truth() -> None:
    f = facts()
    found = []
    for place in f.of(CI.Touchpoint):
        marked = str(f.one(place, CI.momentOfTruth)) == "true"
        ends = [
            end for run in f.of(CI.TouchpointPass) & steps_and_passes(place) for end in f.all(run, CI.outcome)
        ]
        counts = [ends.count(end) for end in (CI.Satisfied, CI.Buys, CI.StaysLoyal)]
        if marked or any(counts):
            found.append([place, f.label(place), f.label(f.one(place, CI.phase)), marked, *counts])
    assert sorted(rows(found)) == sorted(expected("moments-of-truth"))


def test_q10_emotion_turns() -> None:
    f = facts()
    found = []
    for journey, before, after in steps_and_next():
        pleasant = [emotion for emotion in feelings(before) if valence(emotion) > 0]
        unpleasant = {emotion: why for emotion, why in feelings(after).items() if valence(emotion) < 0}
        left, reached = place_of(before), place_of(after)
        found += [
            [
                journey,
                f.label(journey),
                f.label(left),
                f.label(first),
                reached,
                f.label(reached),
                f.label(then),
                cause,
                f.label(cause),
            ]
            for first in pleasant
            for then, why in unpleasant.items()
            for cause in or_blank(why)
        ]
    assert sorted(rows(found)) == sorted(expected("emotion-turns"))


def test_q11_phases_without_customer_input() -> None:
    f = facts()
    found = []
    for project in f.of(CI.Project):
        for phase in f.ontology.subjects(RDF.type, CI.Phase):
            places = {
                p
                for p in f.of(CI.Touchpoint)
                if f.one(p, CI.inProject) == project and f.one(p, CI.phase) == phase
            }
            collected = {record for place in places for record in f.all(place, CI.collected)}
            if not collected & f.of(CI.CustomerDataRecord, CI.AggregateResult):
                found.append([project, f.label(project), phase, f.label(phase), len(places)])
    assert sorted(rows(found)) == sorted(expected("phases-without-customer-input"))


def test_q12_channel_breaks() -> None:
    f = facts()
    found = []
    for journey, before, after in steps_and_next():
        seamless = f.one(after, CI.seamless)
        if channel_of(before) != channel_of(after) and str(seamless) != "true":
            found.append(
                [
                    journey,
                    f.label(journey),
                    f.label(place_of(before)),
                    f.label(channel_of(before)),
                    place_of(after),
                    f.label(place_of(after)),
                    f.label(channel_of(after)),
                    seamless,
                ]
            )
    assert sorted(rows(found)) == sorted(expected("channel-breaks"))


def test_q13_automation_and_emotion() -> None:
    f = facts()
    found = []
    for place in f.of(CI.Touchpoint):
        degrees = f.one(place, CI.automationDegree), f.one(place, CI.personalInteraction)
        felt = strengths(place)
        if felt or any(degree is not None for degree in degrees):
            found.append([place, f.label(place), *degrees, mean(felt), len(felt)])
    assert sorted(rows(found)) == sorted(expected("automation-and-emotion"))
