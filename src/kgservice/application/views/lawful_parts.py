"""Consents, age, authorisations, objections and activities, made of the statements that were read of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pyoxigraph import Literal, NamedNode

from kgservice.domain.consent import (
    Act,
    Activity,
    Authorisation,
    Basis,
    Consent,
    Event,
    Objection,
    Period,
    Subject,
    period_of,
    read_moment,
)
from kgservice.namespaces import CI, DPV, RDF
from kgservice.store.base import Term

GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
EXPLICIT = f"{DPV}ExplicitlyExpressedConsent"
_NO = (Literal(False), Literal("0", datatype=Literal(False).datatype))
_NUMBER = re.compile(r"([+-]?[0-9]{1,9})([.]0*)?")

# The statements about one node: the values of each property, by its name in our namespace, or its IRI.
Said = Mapping[str, list[Term]]
# By part (person, demographic, consent, event, authorisation, objection, restriction, claim, activity) and
# node.
# `urn:basis` and `urn:kind` lead to a legal basis or kind of customer and to all broader ones.
Parts = Mapping[str, Mapping[str, Said]]


def subject_of(person: str, parts: Parts) -> Subject:
    """The person that the parts tell of."""
    said = parts.get("person", {}).get(person, {})
    read = _Reader(parts)
    return Subject(
        person,
        tuple(read.consents()),
        _minor(said),
        tuple(read.numbers(said, "age")),
        tuple(read.numbers(said, "birthYear")),
        f"{CI}YoungCustomers" in iris(said, "urn:kind"),
        tuple(read.authorisations()),
        tuple(read.objections()),
        frozenset().union(*(_bases(claim) for claim in parts.get("claim", {}).values())),
        tuple(read.restrictions()),
        read.in_words(said, "age", "birthYear"),
    )


def activities_of(parts: Parts) -> Iterator[Activity]:
    """The processing activities that rest on other bases than consent."""
    return _Reader(parts).activities()


class _Reader:
    """One pass over what was read of a person, by part and node."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def numbers(self, person: Said, name: str) -> Iterator[int]:
        """Whole numbers that the person and their demographic records state."""
        for value in self._stated(person, name):
            if (number := _number(value)) is not None:
                yield number

    def in_words(self, person: Said, *names: str) -> bool:
        """Whether they state something that is no number."""
        return any(_number(value) is None for name in names for value in self._stated(person, name))

    def _stated(self, person: Said, name: str) -> Iterator[Term]:
        for said in (person, *self._of("demographic").values()):
            yield from said.get(name, ())

    def consents(self) -> Iterator[Consent]:
        """The consent records of the person."""
        events: dict[str, list[tuple[str, Said]]] = defaultdict(list)
        for iri, said in self._of("event").items():
            for consent in iris(said, "eventOf"):
                events[consent].append((iri, said))
        for iri, said in self._of("consent").items():
            read = [_event(name, event) for name, event in events[iri]]
            basis = iris(said, "urn:basis")
            endless = f"{DPV}EndlessDuration" in iris(said, f"{DPV}hasDuration")
            yield Consent(
                iri,
                frozenset(iris(said, "forCategory")),
                frozenset(iris(said, "forPurpose")),
                tuple(event for event in read if event is not None),
                None if endless else _earliest(said, "expiresAt"),
                EXPLICIT in basis,
                f"{DPV}ImpliedConsent" in basis,
                None in read or _is_unclear(said, "expiresAt"),
            )

    def authorisations(self) -> Iterator[Authorisation]:
        """What guardians agreed to."""
        for iri, said in self._of("authorisation").items():
            roles = _texts(said, "authorisedBy")
            moments = _moments(said, "verifiedAt")
            yield Authorisation(
                iri,
                roles[0] if len(roles) == 1 else "",
                max(moments, default=None),
                frozenset(iris(said, "authorisationFor")),
            )

    def objections(self) -> Iterator[Objection]:
        """The objections of the person; one that does not say when it came has always been there."""
        for said in self._of("objection").values():
            refused = f"{CI}Refused" in iris(said, "requestOutcome")
            yield Objection(
                _earliest(said, "receivedAt") or datetime.min.replace(tzinfo=UTC),
                max(_moments(said, "answeredAt"), default=None) if refused else None,
            )

    def restrictions(self) -> Iterator[Period]:
        """When all data of the person are restricted."""
        for said in self._of("restriction").values():
            yield period_of(_words(said, "validFrom"), _words(said, "validUntil"))

    def activities(self) -> Iterator[Activity]:
        """The processing activities that rest on other bases than consent."""
        for iri, said in self._of("activity").items():
            exceptions = {value.removeprefix(f"{GDPR}A9-2-") for value in iris(said, "article9Basis")}
            if bases := _bases(said):
                yield Activity(
                    iri,
                    frozenset(iris(said, "forCategory")),
                    frozenset(iris(said, "forPurpose")),
                    bases,
                    any(map(str.strip, _texts(said, "balancingOfInterests"))),
                    any(len(letter) == 1 and letter != "a" for letter in exceptions),
                )

    def _of(self, part: str) -> Mapping[str, Said]:
        return dict(sorted(self._parts.get(part, {}).items()))


def _event(iri: str, said: Said) -> Event | None:
    """The event; None when it has not exactly one kind and moment, so that nobody can tell what it means."""
    kinds = [Act(name) for name in _names(iris(said, f"{RDF}type")) if name in set(Act)]
    times = _moments(said, "eventTime")
    if len(kinds) != 1 or len(times) != 1 or _is_unclear(said, "eventTime"):
        return None
    return Event(
        iri,
        kinds[0],
        times[0],
        _earliest(said, "expiresAt"),
        " / ".join(_texts(said, "eventMethod")),
        " / ".join(_texts(said, "eventEntity")),
    )


def _bases(said: Said) -> frozenset[Basis]:
    letters = {iri.removeprefix(f"{GDPR}A6-1-") for iri in iris(said, "urn:basis")}
    return frozenset(basis for basis in Basis if basis in letters)


def _minor(said: Said) -> bool | None:
    """Whether the person is said to be a minor; yes if both is said, or what is neither yes nor no."""
    stated = [value not in _NO for value in said.get("isMinor", ())]
    return any(stated) if stated else None


def _number(value: Term) -> int | None:
    found = _NUMBER.fullmatch(value.value) if isinstance(value, Literal) else None
    return None if found is None else int(found[1])


def _names(iris: set[str]) -> list[str]:
    return sorted(iri.removeprefix(CI) for iri in iris)


def iris(said: Said, name: str) -> set[str]:
    """Those values of a property that are nodes."""
    return {value.value for value in said.get(name, ()) if isinstance(value, NamedNode)}


def _texts(said: Said, name: str) -> list[str]:
    return sorted(value.value for value in said.get(name, ()) if isinstance(value, Literal))


def _words(said: Said, name: str) -> list[str]:
    """The values of a property as they are written; a node is no word."""
    return [value.value if isinstance(value, Literal) else "" for value in said.get(name, ())]


def _moments(said: Said, name: str) -> list[datetime]:
    """The moments with a time zone."""
    return [found for found in map(_read_moment, said.get(name, ())) if found is not None]


def _is_unclear(said: Said, name: str) -> bool:
    """Whether a value is no moment, or one without a time zone."""
    return None in map(_read_moment, said.get(name, ()))


def _earliest(said: Said, name: str) -> datetime | None:
    return min(_moments(said, name), default=None)


def _read_moment(value: Term) -> datetime | None:
    return read_moment(value.value) if isinstance(value, Literal) else None
