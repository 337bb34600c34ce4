"""Questions 19 and 20: unmet needs by segment, and members of dynamic segments. All columns are compared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.facts import CI, expected, facts, item, moment, or_blank, rows
from tests.conftest import NOON


def segments_with(need: Node) -> set[Node]:
    """The segments that have a need or job, themselves or through a persona; an outcome, through its job."""
    f = facts()
    found = set().union(*(segments_with(job) for job in f.all(need, CI.outcomeOf)))
    for holder in f.all(need, CI.needOf, CI.jobOf):
        found |= ({holder} & f.of(CI.Segment)) | f.all(holder, CI.personaOf)
    return found


def test_q19_unmet_needs() -> None:
    f = facts()
    found = []
    for need in f.of(CI.Need, CI.CustomerJob, CI.CustomerOutcome):
        status = f.one(need, CI.needStatus)
        if status in (CI.Unmet, CI.PartlyMet):
            kind = f.label(f.one(need, RDF.type))
            solutions = len(f.all(need, CI.fulfilledBy))
            found += [
                [need, f.label(need), kind, f.label(status), segment, f.label(segment), solutions]
                for segment in or_blank(segments_with(need))
            ]
    assert sorted(rows(found)) == sorted(expected("unmet-needs"))


@pytest.mark.parametrize(
    ("case", "at"),
    [("segment-members", NOON), ("segment-members.july", datetime(2026, 7, 15, tzinfo=UTC))],
)
def test_q20_segment_members(case: str, at: datetime) -> None:
    f, segment = facts(), item(1051, 4)
    assert segment in f.of(CI.DynamicSegment)
    rule = f.one(segment, CI.memberRule)
    found = []
    for membership in f.all(segment, CI.hasMembership):
        since, until = f.one(membership, CI.validFrom), f.one(membership, CI.validUntil)
        if moment(since) <= at and (until is None or at < moment(until)):
            member = f.one(membership, CI.memberPerson, CI.memberOrganisation)
            name = f.one(member, CI.personName) or f.label(member)
            words = f.one(rule, CI.ruleText)
            found.append([segment, f.label(segment), member, name, since, until, rule, words])
    assert sorted(rows(found)) == sorted(expected(case))
