"""In which state a consent is at a moment: the last event that changes it decides, then the date of expiry."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from rdflib.namespace import RDF
from rdflib.term import Node

from tests.answers.facts import CI, Facts, moment

# A request changes nothing: a consent that was given stays given while one asks for its renewal.
STATES: dict[Node, str] = {
    CI.ConsentGiven: "in-force",
    CI.ConsentRenewed: "in-force",
    CI.ConsentRefused: "refused",
    CI.ConsentWithdrawn: "withdrawn",
    CI.ConsentExpired: "expired",
    CI.ConsentInvalidated: "invalidated",
}


class State(NamedTuple):
    """The state of a consent, since when, and when it expires."""

    name: str
    since: datetime | None
    until: datetime | None


def state(f: Facts, consent: Node, now: datetime) -> State:
    """The state of a consent at a moment, from what had happened by then."""
    expiry = f.one(consent, CI.expiresAt)
    until = moment(expiry) if expiry else None
    changes = [
        (moment(f.one(event, CI.eventTime)), STATES[kind])
        for event in f.all(consent, CI.hasEvent)
        for kind in f.all(event, RDF.type)
        if kind in STATES
    ]
    past = sorted(change for change in changes if change[0] <= now)
    if not past:
        return State("never-given", None, until)
    since, name = past[-1]
    if name == "in-force" and until is not None and until <= now:
        return State("expired", until, until)
    return State(name, since, until)


def in_force(f: Facts, consent: Node, now: datetime) -> bool:
    """Whether a consent holds at a moment."""
    return state(f, consent, now).name == "in-force"
