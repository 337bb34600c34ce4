"""The decision on consent, rule by rule, with the reason that it gives; moments as people write them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pyoxigraph import Literal

from kgservice.application.views.lawful_parts import Said, subject_of
from kgservice.domain.consent import (
    Act,
    Activity,
    Authorisation,
    Basis,
    Concepts,
    Consent,
    Event,
    Objection,
    Period,
    Subject,
    moment,
)
from kgservice.domain.decision import Asked, Decision, Reason, allowed, withdrawn_at
from kgservice.domain.finding import Policy
from kgservice.domain.grants import next_change
from kgservice.errors import BadParameter

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CONCEPTS = Concepts(
    {"gait": frozenset({"health"}), "health": frozenset({"behaviour"})},
    {"new-pump": frozenset({"research"})},
    frozenset({"health"}),
)


def on(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def event(act: Act, time: datetime, expires: datetime | None = None) -> Event:
    return Event(f"{act}-{time:%Y%m%d}", act, time, expires)


GIVEN = event(Act.GIVEN, on(2025))
CONSENT = Consent("k", frozenset({"behaviour"}), frozenset({"research"}), (GIVEN,), on(2028))


def ask(
    *consents: Consent,
    category: str = "behaviour",
    purpose: str = "research",
    at: datetime = NOW,
    profile: str = "consent-only",
    activities: tuple[Activity, ...] = (),
    subject: Subject | None = None,
    special: bool = False,
) -> Decision:
    person = replace(subject or Subject("s"), consents=consents)
    asked = Asked(category, purpose, at, special)
    return allowed(asked, person, CONCEPTS, Policy(profile=profile), activities)


def with_events(*events: Event) -> Consent:
    return replace(CONSENT, events=events)


def test_a_consent_allows_and_justifies() -> None:
    decision = ask(CONSENT)
    assert decision.allowed
    assert decision.reason is Reason.CONSENT
    assert decision.verdict is not None
    assert (decision.verdict.ground, decision.verdict.event, decision.verdict.until) == (
        "k",
        GIVEN,
        on(2028),
    )


def test_nothing_is_allowed_without_a_ground() -> None:
    assert ask().reason is Reason.NO_GROUND
    assert ask(CONSENT, category="other").reason is Reason.NO_GROUND
    assert ask(CONSENT, purpose="marketing").reason is Reason.NO_GROUND


def test_narrower_concepts_are_covered_and_broader_are_not() -> None:
    assert ask(CONSENT, purpose="new-pump").allowed
    narrow = replace(CONSENT, purposes=frozenset({"new-pump"}))
    assert ask(narrow, purpose="research").reason is Reason.NO_GROUND
    narrow = replace(CONSENT, categories=frozenset({"gait"}), explicit=True)
    assert ask(narrow).reason is Reason.NO_GROUND


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (Act.WITHDRAWN, Reason.WITHDRAWN),
        (Act.REFUSED, Reason.REFUSED),
        (Act.EXPIRED, Reason.EXPIRED),
        (Act.INVALIDATED, Reason.INVALIDATED),
    ],
)
def test_the_last_event_wins(act: Act, reason: Reason) -> None:
    end = event(act, on(2026))
    decision = ask(with_events(end, GIVEN))
    assert (decision.reason, decision.verdict and decision.verdict.event) == (reason, end)
    assert ask(with_events(end, GIVEN), at=on(2025, 12, 31)).allowed
    assert ask(with_events(end, GIVEN, event(Act.RENEWED, on(2026, 2)))).allowed
    assert not ask(with_events(end, GIVEN), at=on(2026)).allowed


def test_a_request_changes_nothing() -> None:
    asked = event(Act.REQUESTED, on(2026))
    assert ask(with_events(GIVEN, asked)).allowed
    assert ask(with_events(asked)).reason is Reason.NEVER_GIVEN
    assert ask(CONSENT, at=on(2024)).reason is Reason.NEVER_GIVEN


def test_events_at_the_same_time_are_an_error_until_a_later_one() -> None:
    tie = (event(Act.GIVEN, on(2026)), event(Act.WITHDRAWN, on(2026)))
    assert ask(with_events(GIVEN, *tie)).reason is Reason.UNCLEAR
    assert ask(with_events(GIVEN, *tie), at=on(2025, 6)).allowed
    assert ask(with_events(*tie, event(Act.RENEWED, on(2026, 2)))).allowed
    assert ask(replace(CONSENT, flawed=True)).reason is Reason.UNCLEAR
    assert ask(replace(CONSENT, flawed=True), replace(CONSENT, iri="other")).allowed


def test_a_consent_ends_at_its_date_and_must_have_one() -> None:
    assert ask(CONSENT, at=on(2028)).reason is Reason.EXPIRED
    assert ask(CONSENT, at=on(2027, 12, 31)).allowed
    assert ask(replace(CONSENT, expires=None)).reason is Reason.ENDLESS
    # The end that was said with the yes counts, whatever was agreed later.
    short = event(Act.GIVEN, on(2025), on(2025, 6))
    again = event(Act.RENEWED, on(2026), on(2028))
    both = with_events(short, again)
    assert ask(both, at=on(2025, 7)).reason is Reason.EXPIRED
    assert ask(both, at=on(2026, 7)).allowed


def test_implied_consent_is_none() -> None:
    assert ask(replace(CONSENT, implied=True)).reason is Reason.IMPLIED


def test_special_categories_need_an_explicit_consent() -> None:
    explicit = replace(CONSENT, explicit=True)
    for category in ("health", "gait"):
        assert ask(CONSENT, category=category).reason is Reason.NOT_EXPLICIT
        assert ask(explicit, category=category).allowed
    assert ask(CONSENT, special=True).reason is Reason.NOT_EXPLICIT
    assert ask(explicit, special=True).allowed


@pytest.mark.parametrize("how", [{"minor": True}, {"ages": (15,)}, {"birth_years": (2010,)}])
def test_minors_need_a_guardian(how: dict[str, object]) -> None:
    child = Subject("s", **how)  # type: ignore[arg-type]
    assert ask(CONSENT, subject=child).reason is Reason.NO_GUARDIAN
    good = Authorisation("g", "ParentOfDataSubject", on(2026), frozenset({"k"}))
    assert ask(CONSENT, subject=replace(child, authorisations=(good,))).allowed
    for bad in (
        replace(good, verified=None),
        replace(good, verified=on(2027)),
        replace(good, role="Teacher"),
        replace(good, consents=frozenset({"other"})),
    ):
        decision = ask(CONSENT, subject=replace(child, authorisations=(bad,)))
        assert decision.reason is Reason.NO_GUARDIAN


def test_growing_up_does_not_heal_what_a_child_said_alone() -> None:
    grown = Subject("s", birth_years=(2010,))
    assert ask(CONSENT, subject=grown, at=on(2027)).reason is Reason.NO_GUARDIAN
    doubtful = with_events(GIVEN, event(Act.RENEWED, on(2026, 3)))  # perhaps before the birthday
    assert ask(doubtful, subject=grown, at=on(2027, 6)).reason is Reason.NO_GUARDIAN
    renewed = with_events(GIVEN, event(Act.RENEWED, on(2027)))
    assert ask(renewed, subject=grown, at=on(2027, 6)).allowed


@pytest.mark.parametrize(
    ("given", "alone"),
    [
        (on(2024, 6), False),  # 13 or 14
        (on(2026, 1, 15), False),  # 15, or 16 since some days
        (on(2026, 12, 31), False),  # 16 since this day at the latest, where it has begun
        (on(2027, 1, 1), True),  # 16 or 17
        (on(2027, 6), True),
    ],
)
def test_in_the_year_of_the_birthday_nobody_knows_so_it_is_the_safe_side(
    given: datetime, alone: bool
) -> None:
    person = Subject("s", birth_years=(2010,))
    consent = with_events(event(Act.GIVEN, given))
    at = on(2027, 7)
    assert ask(consent, subject=person, at=at).reason is (Reason.CONSENT if alone else Reason.NO_GUARDIAN)
    parent = Authorisation("g", "ParentOfDataSubject", given, frozenset({"k"}))
    assert ask(consent, subject=replace(person, authorisations=(parent,)), at=at).allowed
    law = activity(Basis.LEGAL_OBLIGATION)
    assert ask(activities=law, profile="gdpr", subject=person, at=given).allowed == alone


def test_views_are_looked_at_again_when_nobody_of_that_year_is_a_minor_any_more() -> None:
    person = Subject("s", birth_years=(2010,))
    assert next_change(person, on(2026), Policy()) == on(2027)
    assert next_change(person, on(2027), Policy()) is None
    assert next_change(Subject("s", birth_years=(10**9,)), on(2026), Policy()) is None


def test_an_unknown_age_blocks_where_minors_are_to_be_expected() -> None:
    assert ask(CONSENT, subject=Subject("s", young=True)).reason is Reason.AGE_UNKNOWN
    assert ask(CONSENT, subject=Subject("s", young=True, minor=False)).allowed
    assert ask(CONSENT, subject=Subject("s", young=True, birth_years=(1990,))).allowed
    assert ask(CONSENT, subject=Subject("s")).allowed


def test_nothing_is_allowed_while_all_data_are_restricted() -> None:
    held = Subject("s", restrictions=(Period(on(2026, 3), on(2026, 6)),))
    assert ask(CONSENT, subject=held, at=on(2026, 2)).allowed
    for time in (on(2026, 3), on(2026, 5, 31)):
        decision = ask(CONSENT, subject=held, at=time)
        assert (decision.allowed, decision.reason) == (False, Reason.RESTRICTED)
    assert ask(CONSENT, subject=held, at=on(2026, 6)).allowed
    law = activity(Basis.LEGAL_OBLIGATION)
    always = Subject("s", young=True, restrictions=(Period(None, None), Period(on(2027), None)))
    assert ask(subject=always, activities=law, profile="gdpr").reason is Reason.RESTRICTED


def test_a_withdrawal_leaves_no_yes_neither_now_nor_later() -> None:
    assert withdrawn_at(CONSENT, NOW) == (NOW,)
    over = with_events(GIVEN, event(Act.WITHDRAWN, on(2026)))
    assert withdrawn_at(over, NOW) == ()
    assert withdrawn_at(with_events(event(Act.REQUESTED, on(2026))), NOW) == ()
    assert withdrawn_at(replace(over, flawed=True), NOW) == (NOW,)
    ahead = (event(Act.RENEWED, on(2028)), event(Act.GIVEN, on(2027)), event(Act.WITHDRAWN, on(2029)))
    assert withdrawn_at(replace(over, events=(*over.events, *ahead)), NOW) == (NOW, on(2027), on(2028))
    both = (event(Act.GIVEN, on(2026)), event(Act.WITHDRAWN, on(2026)))
    assert withdrawn_at(with_events(*both), NOW) == withdrawn_at(with_events(*both[::-1]), NOW) == (NOW,)
    # Whatever the history, what is entered then leaves no yes.
    for consent in (CONSENT, with_events(*both), replace(over, events=(*over.events, *ahead))):
        no = tuple(Event(f"no-{n}", Act.WITHDRAWN, at) for n, at in enumerate(withdrawn_at(consent, NOW)))
        ended = replace(consent, events=(*consent.events, *no))
        assert not any(ask(ended, at=at).allowed for at in (NOW, on(2027), on(2027, 6), on(2028), on(2030)))


BEHAVIOUR, RESEARCH = frozenset({"behaviour"}), frozenset({"research"})


def activity(basis: Basis, *, balanced: bool = False, article9: bool = False) -> tuple[Activity, ...]:
    return (Activity("a", BEHAVIOUR, RESEARCH, frozenset({basis}), balanced, article9),)


def test_other_bases_count_in_the_profile_gdpr_only() -> None:
    law = activity(Basis.LEGAL_OBLIGATION)
    assert ask(activities=law).reason is Reason.NO_GROUND
    decision = ask(activities=law, profile="gdpr")
    assert decision.reason is Reason.LEGAL_BASIS
    assert decision.verdict is not None
    assert (decision.verdict.ground, decision.verdict.basis) == ("a", Basis.LEGAL_OBLIGATION)


def test_a_contract_counts_for_those_who_have_one() -> None:
    contract = activity(Basis.CONTRACT)
    assert ask(activities=contract, profile="gdpr").reason is Reason.NOT_CLAIMED
    party = Subject("s", claimed=frozenset({Basis.CONTRACT}))
    assert ask(activities=contract, profile="gdpr", subject=party).allowed


def test_a_legitimate_interest_must_be_weighed_and_can_be_objected_to() -> None:
    interest = activity(Basis.LEGITIMATE_INTERESTS)
    assert ask(activities=interest, profile="gdpr").reason is Reason.NO_BALANCING
    interest = activity(Basis.LEGITIMATE_INTERESTS, balanced=True)
    assert ask(activities=interest, profile="gdpr").allowed
    objecting = Subject("s", objections=(Objection(on(2026), on(2026, 3)),))
    asked = {"activities": interest, "profile": "gdpr", "subject": objecting}
    assert ask(**asked, at=on(2025)).allowed  # type: ignore[arg-type]
    assert ask(**asked, at=on(2026, 2)).reason is Reason.OBJECTED  # type: ignore[arg-type]
    assert ask(**asked).allowed  # type: ignore[arg-type]


def test_other_bases_need_article_9_and_guardians_too() -> None:
    law = activity(Basis.LEGAL_OBLIGATION)
    assert ask(activities=law, profile="gdpr", category="gait").reason is Reason.NO_ARTICLE_9
    excepted = activity(Basis.LEGAL_OBLIGATION, article9=True)
    assert ask(activities=excepted, profile="gdpr", category="gait").allowed
    child = Subject("s", minor=True)
    assert ask(activities=law, profile="gdpr", subject=child).reason is Reason.NO_GUARDIAN


def test_a_withdrawn_consent_does_not_end_another_basis() -> None:
    withdrawn = with_events(GIVEN, event(Act.WITHDRAWN, on(2026)))
    decision = ask(withdrawn, activities=activity(Basis.LEGAL_OBLIGATION), profile="gdpr")
    assert decision.reason is Reason.LEGAL_BASIS
    assert [v.reason for v in decision.considered] == [Reason.LEGAL_BASIS, Reason.WITHDRAWN]


@pytest.mark.parametrize(
    "value",
    ["", "2026-11-20", "20261120", "2026-11-20T12:00:00", "yesterday", "0001-01-01T00:00:00+14:00", "x" * 99],
)
def test_moments_need_a_time_and_a_zone(value: str) -> None:
    with pytest.raises(BadParameter) as caught:
        moment(value, "time")
    assert caught.value.source == "time"


@pytest.mark.parametrize(
    ("stated", "minor"),
    [([], None), ([Literal(False)], False), ([Literal(True)], True), ([Literal("true")], True)],
)
def test_who_is_not_said_to_be_of_age_counts_as_a_minor(stated: list[Literal], minor: bool | None) -> None:
    """A text is no answer, so it is the safe side that counts."""
    said: Said = {"isMinor": [*stated]}
    assert subject_of("urn:p", {"person": {"urn:p": said}}).minor is minor
