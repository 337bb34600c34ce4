"""Consents as pages show them: rows and a picture for a person, and the page of one with its forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Any

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.law import consents, subjects
from kgservice.application.law.consent_records import IN_FORCE, Recorded, recorded
from kgservice.application.law.decisions import stamp
from kgservice.domain.change import Origin
from kgservice.domain.consent import CONTROLLER, ENTITIES, GUARDIANS, SUBJECT, Event
from kgservice.domain.decision import withdrawn_at
from kgservice.http.access.auditing import note
from kgservice.http.messages.forms import key_of, moments, said, unkept, unknown
from kgservice.http.pages.persons import PERSONS
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI
from kgservice.web.dates import minute
from kgservice.web.texts import text
from kgservice.web.timeline import Timeline, Told, held, timeline

CONSENTS = "/pages/consents"
_CHANGES: dict[str, Callable[[KnowledgeGraph, str, Any, Origin], str]] = {
    "withdraw": consents.withdraw,
    "renew": consents.renew,
}


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.decided(f"{CONSENTS}/{{id}}", consent_page, decide, beyond=True)


def consent_page(site: Site, request: Request) -> Response:
    """One consent with its history, and forms to withdraw and to renew it."""
    kg, language = site.whole, site.language(request)
    found = recorded(kg, request.path_params["id"])
    note(request.scope, person=subjects.mark(kg, found.subject))
    person = labels(kg, [found.subject], language).get(found.subject) or short(found.subject)
    response = site.page(
        request,
        "consent_record.html",
        section="persons",
        person=person,
        person_path=f"{PERSONS}/{kg.addresses.key(found.subject)}",
        consent=rows(kg, [found], language)[0],
        picture=picture(kg, [found], language),
        notice=[found.title(iri, language) for iri in found.texts("notice")],
        recipients=found.texts("recipient"),
        revocable=bool(withdrawn_at(found.consent, kg.clock().astimezone(UTC))),
        givers=(SUBJECT, *GUARDIANS),
    )
    return unkept(response)


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> str:
    """Withdraw or renew a consent as a form says; the page of the person. Raises what these raise."""
    change = _CHANGES.get(form.get("do", ""))
    if change is None:
        raise unknown(form)
    body = said(form, "method", "by") | moments(form, "time", "expires")
    record = change(kg, key, body, by)
    return f"{PERSONS}/{kg.addresses.key(recorded(kg, record).subject)}"


def of(kg: KnowledgeGraph, person: NamedNode) -> list[Recorded]:
    """The consents of a person, those in force first, then the newest."""
    subject, _ = read_subject(kg, person)
    found = [recorded(kg, consent.iri) for consent in subject.consents]
    newest = {one.consent.iri: max((e.time.timestamp() for e in one.events), default=0.0) for one in found}
    return sorted(found, key=lambda one: (not one.state.holds, -newest[one.consent.iri], one.consent.iri))


def rows(kg: KnowledgeGraph, found: Sequence[Recorded], language: str) -> list[dict[str, Any]]:
    """What pages show of consents: what for, which data, how it stands, and what happened."""
    names = _names(kg, found, language)
    return [
        {
            "key": short(one.consent.iri),
            "path": f"{CONSENTS}/{key_of(kg, one.consent.iri)}",
            "receipt": f"/consents/{key_of(kg, one.consent.iri)}",
            "purposes": _named(names, one.consent.purposes),
            "categories": _named(names, one.consent.categories),
            "state": one.state_name,
            "grade": "good" if one.state_name == IN_FORCE else "bad",
            "until": stamp(one.state.until) if one.state.until else "",
            "events": [(_event(names, e), stamp(e.time), _way(e, language)) for e in one.events],
            "explicit": one.consent.explicit,
        }
        for one in found
    ]


def picture(kg: KnowledgeGraph, found: Sequence[Recorded], language: str) -> Timeline | None:
    """The consents over time, or None where nothing happened yet."""
    names = _names(kg, found, language)
    told = []
    for one in found:
        spans = held(one.consent)
        ends = f"{text('consent-ends', language)} {minute(stamp(spans[-1][1]), language)}" if spans else ""
        events = [f"{_event(names, e)}, {minute(stamp(e.time), language)}" for e in one.events]
        told.append(Told(one.consent, ", ".join(_named(names, one.consent.purposes)), events, ends))
    return timeline(told, kg.clock().astimezone(UTC), language)


def _names(kg: KnowledgeGraph, found: Sequence[Recorded], language: str) -> dict[str, str]:
    wanted = {iri for one in found for iri in one.consent.purposes | one.consent.categories}
    wanted |= {f"{CI}{event.act}" for one in found for event in one.events}
    return labels(kg, wanted, language)


def _named(names: Mapping[str, str], iris: frozenset[str]) -> list[str]:
    return sorted(names.get(iri) or short(iri) for iri in iris)


def _event(names: Mapping[str, str], event: Event) -> str:
    return names.get(f"{CI}{event.act}") or event.act.value


def _way(event: Event, language: str) -> str:
    entity = event.entity if event.entity in ENTITIES else "unknown"
    words = [event.method] if event.method else []
    return ", ".join([*words, *([] if entity == CONTROLLER else [text(f"by-{entity}", language)])])
