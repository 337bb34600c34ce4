"""The decision on consent against a naive model, which replays the history and walks the trees step by step."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, seed, settings
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
    Period,
    Subject,
)
from kgservice.domain.decision import Asked, Decision, Reason, allowed
from kgservice.domain.finding import Policy

START = datetime(2024, 12, 29, tzinfo=UTC)  # the year changes on the way
# Parents of each concept; "c5" and "c6" are above each other, which nobody should write.
CATEGORIES = [("c1", "c0"), ("c2", "c1"), ("c3", "c0"), ("c3", "c4"), ("c5", "c6"), ("c6", "c5")]
PURPOSES = [("p1", "p0"), ("p2", "p1")]
NAMES = ("c0", "c1", "c2", "c3", "c4", "c5", "c6")
GOALS = ("p0", "p1", "p2", "p3")


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def tree(pairs: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    return {low: frozenset(h for one, h in pairs if one == low) for low, _ in pairs}


# Few values, so that moments meet; and the parts that a test is not about let everything through, else nearly
# every answer would be no.
days = st.integers(0, 5).map(day)
names = st.sampled_from(NAMES)
sets_of_names = st.frozensets(names, min_size=1, max_size=2)
sets_of_goals = st.frozensets(st.sampled_from(GOALS), min_size=1, max_size=2)
every_name, every_goal = st.just(frozenset(NAMES)), st.just(frozenset(GOALS))
some_end = st.sampled_from([day(99), None, day(3), day(5)])
far_end: st.SearchStrategy[datetime | None] = st.just(day(99))
given_once = st.just((Event("given", Act.GIVEN, day(0)),))


def histories(name: str) -> st.SearchStrategy[tuple[Event, ...]]:
    acts = st.sampled_from([Act.GIVEN, Act.RENEWED, Act.GIVEN, Act.RENEWED, *Act])
    ends = st.sampled_from([None, None, *map(day, range(2, 8))])
    events = st.lists(st.tuples(acts, days, ends), max_size=4)
    return events.map(lambda drawn: tuple(Event(f"{name}-{n}", *one) for n, one in enumerate(drawn)))


def consents(
    name: str,
    categories: st.SearchStrategy[frozenset[str]] = every_name,
    purposes: st.SearchStrategy[frozenset[str]] = every_goal,
    events: st.SearchStrategy[tuple[Event, ...]] = given_once,
    ends: st.SearchStrategy[datetime | None] = far_end,
) -> st.SearchStrategy[Consent]:
    return st.builds(
        Consent,
        st.just(name),
        categories,
        purposes,
        events,
        ends,
        st.booleans(),
        st.sampled_from([False] * 9 + [True]),
        st.sampled_from([False] * 9 + [True]),
    )


authorisations = st.builds(
    Authorisation,
    st.just("g"),
    st.sampled_from(["ParentOfDataSubject", "GuardianOfDataSubject", "Teacher"]),
    st.none() | days,
    st.sampled_from([frozenset({"k0"}), frozenset({"k0", "k1"}), frozenset[str]()]),
)


# Mostly none: while one holds, all answers are no.
periods = st.builds(Period, st.none() | days, st.none() | days)
restrictions = st.lists(periods, max_size=2).map(tuple) | st.just(()) | st.just(())


def subjects(consents: st.SearchStrategy[tuple[Consent, ...]]) -> st.SearchStrategy[Subject]:
    """Persons of whom all may vary."""
    return st.builds(
        Subject,
        st.just("s"),
        consents,
        st.sampled_from([None, None, None, False, True]),
        st.lists(st.sampled_from([15, 16, 40]), max_size=1).map(tuple),
        st.lists(st.sampled_from([2008, 2009, 2010, 1980]), max_size=1).map(tuple),
        st.booleans(),
        st.lists(authorisations, max_size=2).map(tuple),
        st.lists(st.builds(Objection, days, st.none() | days), max_size=1).map(tuple),
        st.frozensets(st.sampled_from(Basis)),
        restrictions,
    )


def grown(consents: st.SearchStrategy[tuple[Consent, ...]]) -> st.SearchStrategy[Subject]:
    """Persons of whom nothing is known but their consents."""
    return st.builds(Subject, st.just("s"), consents)


def activities(
    categories: st.SearchStrategy[frozenset[str]], purposes: st.SearchStrategy[frozenset[str]]
) -> st.SearchStrategy[list[Activity]]:
    bases = st.frozensets(st.sampled_from(Basis), min_size=1, max_size=2)
    one = st.builds(
        Activity, st.sampled_from(["a0", "a1"]), categories, purposes, bases, st.booleans(), st.booleans()
    )
    return st.lists(one, max_size=2)


questions = st.builds(
    Asked, names, st.sampled_from(GOALS), days, st.sampled_from([False, False, False, True])
)
special_names = st.frozensets(names, max_size=1)
profiles = st.sampled_from(["consent-only", "gdpr"])
NONE: frozenset[str] = frozenset()
everywhere = activities(every_name, every_goal)
varied = subjects(
    st.tuples(
        consents("k0", sets_of_names, sets_of_goals, histories("k0"), some_end),
        consents("k1", events=histories("k1"), ends=some_end),
    )
)
anywhere = activities(sets_of_names, sets_of_goals)


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
        for born in person.birth_years:
            # Whoever was born in the last hour of that year has had as many full years as there were turns
            # of a year since, without the one that followed the birth at once.
            turns = [year for year in range(born + 1, 2100) if datetime(year, 1, 1, tzinfo=UTC) <= moment]
            if len(turns[1:]) < 16:
                return True
        return False

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

    def is_kept_only(self) -> bool:
        """Replays the days: each restriction that has begun and not ended stops all that day."""
        for one in self.subject.restrictions:
            runs = one.start is None
            for number in range(9):
                if day(number) > self.asked.moment:
                    break
                if one.start == day(number):
                    runs = True
                if one.end is not None and one.end <= day(number):
                    runs = False
            if runs:
                return True
        return False

    def says(self, activities: list[Activity]) -> bool:
        person = self.subject
        if self.is_kept_only():
            return False
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


def agree(
    asked: Asked, subject: Subject, special: frozenset[str], profile: str, grounds: list[Activity]
) -> Decision:
    """The decision, which is that of the naive model and is justified by what was known."""
    decision = decide(asked, subject, special, profile, grounds)
    assert decision.allowed == Naive(asked, subject, special, profile).says(grounds)
    assert decision.allowed == any(verdict.holds for verdict in decision.considered)
    verdict = decision.verdict
    if verdict is None:
        assert decision.reason in (Reason.NO_GROUND, Reason.AGE_UNKNOWN, Reason.RESTRICTED)
        return decision
    assert (verdict.reason, verdict) == (decision.reason, decision.considered[0])
    assert verdict.ground in {c.iri for c in subject.consents} | {a.iri for a in grounds}
    if verdict.event is not None:
        events = [e for c in subject.consents if c.iri == verdict.ground for e in c.events]
        assert verdict.event in events
        assert verdict.event.time <= asked.moment
    if verdict.reason is Reason.CONSENT:
        assert verdict.event is not None
        assert verdict.event.act in (Act.GIVEN, Act.RENEWED)
        assert verdict.until is not None
        assert verdict.until > asked.moment
    return decision


@settings(max_examples=400, deadline=None)
@given(questions, grown(st.tuples(consents("k0", events=histories("k0"), ends=some_end))))
def test_any_history(asked: Asked, subject: Subject) -> None:
    agree(asked, subject, NONE, "consent-only", [])


@settings(max_examples=200, deadline=None)
@given(questions, grown(st.tuples(consents("k0", sets_of_names, sets_of_goals))), special_names)
def test_any_scope(asked: Asked, subject: Subject, special: frozenset[str]) -> None:
    agree(asked, subject, special, "consent-only", [])


@settings(max_examples=300, deadline=None)
@given(questions, subjects(st.tuples(consents("k0", events=days.map(lambda d: (Event("e", Act.GIVEN, d),))))))
def test_any_person(asked: Asked, subject: Subject) -> None:
    agree(asked, subject, NONE, "consent-only", [])


@settings(max_examples=400, deadline=None)
@given(questions, subjects(st.just(())), special_names, everywhere)
def test_any_activity(
    asked: Asked, subject: Subject, special: frozenset[str], grounds: list[Activity]
) -> None:
    agree(asked, subject, special, "gdpr", grounds)


@settings(max_examples=200, deadline=None)
@given(
    questions,
    st.lists(st.builds(Objection, days, st.none() | days), min_size=1, max_size=2).map(tuple),
    st.sampled_from(Basis),
)
def test_any_objection(asked: Asked, objections: tuple[Objection, ...], basis: Basis) -> None:
    person = Subject("s", objections=objections, claimed=frozenset(Basis))
    ground = Activity(
        "a", frozenset(NAMES), frozenset(GOALS), frozenset({basis}), balanced=True, article9=True
    )
    agree(asked, person, NONE, "gdpr", [ground])


@settings(max_examples=300, deadline=None)
@given(questions, varied, special_names, profiles, anywhere)
def test_all_together(
    asked: Asked, subject: Subject, special: frozenset[str], profile: str, grounds: list[Activity]
) -> None:
    agree(asked, subject, special, profile, grounds)


def test_the_questions_are_answered_with_yes_and_for_all_reasons() -> None:
    """Tests that compare one no with another prove little."""
    found: Counter[Reason] = Counter()

    @seed(1)
    @settings(max_examples=400, deadline=None, database=None)
    @given(
        questions,
        grown(st.tuples(consents("k0", events=histories("k0"), ends=some_end))),
        subjects(st.tuples(consents("k0"))),
        subjects(st.just(())),
        everywhere,
    )
    def count(asked: Asked, one: Subject, two: Subject, three: Subject, grounds: list[Activity]) -> None:
        special = frozenset({"c1"})
        found[decide(asked, one, special, "consent-only", []).reason] += 1
        found[decide(asked, two, special, "consent-only", []).reason] += 1
        found[decide(asked, three, special, "gdpr", grounds).reason] += 1

    count()
    assert len(found) >= len(Reason) - 1, set(Reason) - set(found)
    assert found[Reason.CONSENT] > 40
    assert found[Reason.LEGAL_BASIS] > 20


@settings(max_examples=100, deadline=None)
@given(questions, varied, st.permutations([0, 1]), profiles, anywhere)
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
        subject.restrictions[::-1],
    )
    assert decide(asked, subject, NONE, profile, grounds) == decide(asked, turned, NONE, profile, grounds)


@settings(max_examples=100, deadline=None)
@given(questions, varied, anywhere)
def test_the_profile_consent_only_allows_no_more_than_gdpr(
    asked: Asked, subject: Subject, grounds: list[Activity]
) -> None:
    if decide(asked, subject, NONE, "consent-only", grounds).allowed:
        assert decide(asked, subject, NONE, "gdpr", grounds).allowed
