"""The decision on consent against a naive model, which replays the history and walks the trees step by step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kgservice.domain.consent import (
    Act,
    Activity,
    Authorisation,
    Basis,
    Concepts,
    Consent,
    Event,
    Objection,
    Subject,
)
from kgservice.domain.decision import HOLDING, Asked, Decision, Reason, allowed
from kgservice.domain.finding import Policy

START = datetime(2024, 12, 30, tzinfo=UTC)  # the year changes on the way
# Parents of each concept; "c5" and "c6" are above each other, which nobody should write.
CATEGORIES = [("c1", "c0"), ("c2", "c1"), ("c3", "c0"), ("c3", "c4"), ("c5", "c6"), ("c6", "c5")]
PURPOSES = [("p1", "p0"), ("p2", "p1")]
NAMES = ("c0", "c1", "c2", "c3", "c4", "c5", "c6")
GOALS = ("p0", "p1", "p2", "p3")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def tree(pairs: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    return {low: frozenset(h for one, h in pairs if one == low) for low, _ in pairs}


days = st.integers(0, 8).map(day)
maybe_days = st.none() | days
some_names = st.frozensets(st.sampled_from(NAMES), max_size=3)
some_goals = st.frozensets(st.sampled_from(GOALS), max_size=2)


@st.composite
def consents(draw: st.DrawFn, name: str) -> Consent:
    count = draw(st.integers(0, 5))
    events = tuple(
        Event(f"{name}-e{n}", draw(st.sampled_from(Act)), draw(days), draw(maybe_days)) for n in range(count)
    )
    flags = [draw(st.booleans()) for _ in range(2)]
    rare = [draw(st.integers(0, 9)) == 0 for _ in range(2)]
    return Consent(name, draw(some_names), draw(some_goals), events, draw(maybe_days), flags[0], *rare)


authorisations = st.builds(
    Authorisation,
    st.just("g"),
    st.sampled_from(["ParentOfDataSubject", "GuardianOfDataSubject", "Teacher"]),
    maybe_days,
    st.frozensets(st.sampled_from(["k0", "k1"])),
)
subjects = st.builds(
    Subject,
    st.just("s"),
    st.tuples(consents("k0"), consents("k1")),
    st.sampled_from([None, None, False, True]),
    st.lists(st.sampled_from([15, 16, 40]), max_size=1).map(tuple),
    st.lists(st.sampled_from([2008, 2009, 2010, 1980]), max_size=1).map(tuple),
    st.booleans(),
    st.lists(authorisations, max_size=2).map(tuple),
    st.lists(st.builds(Objection, days, maybe_days), max_size=1).map(tuple),
    st.frozensets(st.sampled_from(Basis)),
)
activities = st.lists(
    st.builds(
        Activity,
        st.sampled_from(["a0", "a1"]),
        some_names,
        some_goals,
        st.frozensets(st.sampled_from(Basis), min_size=1, max_size=2),
        st.booleans(),
        st.booleans(),
    ),
    max_size=2,
)
questions = st.builds(
    Asked, st.sampled_from(NAMES), st.sampled_from(GOALS), days, st.sampled_from([False, False, False, True])
)
special_names = st.frozensets(st.sampled_from(NAMES), max_size=1)


class Naive:
    """Says yes or no, slowly: reads the rules one after the other, with nothing shared."""

    def __init__(self, asked: Asked, subject: Subject, special: frozenset[str], profile: str) -> None:
        self.asked, self.subject, self.special, self.profile = asked, subject, special, profile

    def is_below(self, low: str, high: str, pairs: list[tuple[str, str]], steps: int = 8) -> bool:
        if low == high:
            return True
        return steps > 0 and any(
            self.is_below(above, high, pairs, steps - 1) for one, above in pairs if one == low
        )

    def covers(self, ground: Consent | Activity) -> bool:
        for category in ground.categories:
            for purpose in ground.purposes:
                if self.is_below(self.asked.category, category, CATEGORIES) and self.is_below(
                    self.asked.purpose, purpose, PURPOSES
                ):
                    return True
        return False

    def is_special(self) -> bool:
        if self.asked.special:
            return True
        return any(self.is_below(self.asked.category, name, CATEGORIES) for name in self.special)

    def young_at(self, moment: datetime) -> bool:
        person = self.subject
        if person.minor:
            return True
        for age in person.ages:
            if age < 16:
                return True
        return any(moment.year - 16 < born for born in person.birth_years)

    def guardian(self, consent: str | None) -> bool:
        for one in self.subject.authorisations:
            if one.role == "Teacher" or one.verified is None or one.verified > self.asked.moment:
                continue
            if consent is None or consent in one.consents:
                return True
        return False

    def consent_holds(self, consent: Consent) -> bool:
        """Replays the days one by one; a day with a decision and anything else confuses it until the next."""
        if consent.flawed or consent.implied or not self.covers(consent):
            return False
        yes: Event | None = None
        for number in range(9):
            if day(number) > self.asked.moment:
                break
            today = [event for event in consent.events if event.time == day(number)]
            if all(event.act == Act.REQUESTED for event in today):
                continue
            yes = None
            if len(today) == 1 and today[0].act in (Act.GIVEN, Act.RENEWED):
                (yes,) = today
        if yes is None:
            return False
        end = consent.expires if yes.expires is None else yes.expires
        if end is None or not self.asked.moment < end:
            return False
        if self.is_special() and not consent.explicit:
            return False
        return not self.young_at(yes.time) or self.guardian(consent.iri)

    def activity_holds(self, activity: Activity) -> bool:
        if self.profile != "gdpr" or not self.covers(activity):
            return False
        if self.is_special() and not activity.article9:
            return False
        if self.young_at(self.asked.moment) and not self.guardian(None):
            return False
        opposed = [
            o
            for o in self.subject.objections
            if o.received <= self.asked.moment and not (o.refused and o.refused <= self.asked.moment)
        ]
        for letter in activity.bases:
            if letter in ("b", "d") and letter not in self.subject.claimed:
                continue
            if letter == "f" and not activity.balanced:
                continue
            if letter in ("e", "f") and opposed:
                continue
            return True
        return False

    def says(self, activities: list[Activity]) -> bool:
        person = self.subject
        if person.young and person.minor is None and not person.ages + person.birth_years:
            return False
        return any(self.consent_holds(c) for c in person.consents) or any(
            self.activity_holds(a) for a in activities
        )


def decide(
    asked: Asked, subject: Subject, special: frozenset[str], profile: str, grounds: list[Activity]
) -> Decision:
    concepts = Concepts(tree(CATEGORIES), tree(PURPOSES), special)
    return allowed(asked, subject, concepts, Policy(profile=profile), grounds)


@settings(max_examples=500, deadline=None)
@given(questions, subjects, special_names, st.sampled_from(["consent-only", "gdpr"]), activities)
def test_the_decision_is_that_of_the_naive_model(
    asked: Asked, subject: Subject, special: frozenset[str], profile: str, grounds: list[Activity]
) -> None:
    decision = decide(asked, subject, special, profile, grounds)
    assert decision.allowed == Naive(asked, subject, special, profile).says(grounds)


# Two questions of three are answered yes by a subject like this, so that both answers are often compared.
plain = st.builds(
    Consent,
    st.sampled_from(["k0", "k1"]),
    st.just(frozenset({"c0", "c4"})),
    st.just(frozenset({"p0"})),
    st.lists(
        st.builds(Event, st.uuids().map(str), st.sampled_from([Act.GIVEN, Act.RENEWED, Act.WITHDRAWN]), days),
        max_size=3,
    ).map(tuple),
    st.sampled_from([day(8), day(20)]),
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(questions, st.builds(Subject, st.just("s"), st.lists(plain, max_size=2).map(tuple)), special_names)
def test_what_justifies_the_decision_exists_and_says_the_same(
    asked: Asked, subject: Subject, special: frozenset[str]
) -> None:
    decision = decide(asked, subject, special, "consent-only", [])
    assert decision.allowed == Naive(asked, subject, special, "consent-only").says([])
    assert decision.allowed == any(verdict.holds for verdict in decision.considered)
    verdict = decision.verdict
    if verdict is None:
        assert decision.reason is Reason.NO_GROUND
        return
    assert (verdict.reason, verdict) == (decision.reason, decision.considered[0])
    assert verdict.ground in {consent.iri for consent in subject.consents}
    if verdict.event is not None:
        events = [e for c in subject.consents if c.iri == verdict.ground for e in c.events]
        assert verdict.event in events
        assert verdict.event.time <= asked.moment
    if verdict.reason in HOLDING:
        assert verdict.event is not None
        assert verdict.event.act in (Act.GIVEN, Act.RENEWED)
        assert verdict.until is not None
        assert verdict.until > asked.moment


@settings(max_examples=100, deadline=None)
@given(questions, subjects, st.permutations([0, 1]), st.sampled_from(["consent-only", "gdpr"]), activities)
def test_the_order_of_what_is_known_does_not_matter(
    asked: Asked, subject: Subject, order: list[int], profile: str, grounds: list[Activity]
) -> None:
    turned = Subject(
        subject.iri,
        tuple(
            Consent(
                c.iri,
                c.categories,
                c.purposes,
                c.events[::-1],
                c.expires,
                c.explicit,
                c.implied,
                c.flawed,
            )
            for c in (subject.consents[i] for i in order)
        ),
        subject.minor,
        subject.ages,
        subject.birth_years,
        subject.young,
        subject.authorisations[::-1],
        subject.objections,
        subject.claimed,
    )
    none: frozenset[str] = frozenset()
    assert decide(asked, subject, none, profile, grounds) == decide(asked, turned, none, profile, grounds)


@settings(max_examples=100, deadline=None)
@given(questions, subjects, activities)
def test_the_profile_consent_only_allows_no_more_than_gdpr(
    asked: Asked, subject: Subject, grounds: list[Activity]
) -> None:
    none: frozenset[str] = frozenset()
    if decide(asked, subject, none, "consent-only", grounds).allowed:
        assert decide(asked, subject, none, "gdpr", grounds).allowed
