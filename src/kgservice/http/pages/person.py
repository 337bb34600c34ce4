"""The page of one person: consents over time, a decision in words, and the rights with their forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.graph.lawful_facts import read_concepts
from kgservice.application.law import corrections, decisions, requests, restricting, subjects, tickets
from kgservice.domain.change import Origin
from kgservice.errors import BadParameter
from kgservice.http.access.auditing import note
from kgservice.http.messages import forms
from kgservice.http.pages import consents
from kgservice.http.pages.persons import PERSONS
from kgservice.http.pages.routes import Exercised, Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.tickets import row as request_row
from kgservice.web.dates import minute
from kgservice.web.tables import cell, worded
from kgservice.web.texts import text

ASKED = ("category", "use", "at")
"""What the address asks for a decision; `purpose` in an address is what a page is read for."""
LONGEST = 80
"""Characters of a value that a pick list shows."""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.decided(f"{PERSONS}/{{id}}", person_page, decide, beyond=True)


def person_page(site: Site, request: Request) -> Response:
    """What there is about the person, as far as consents and rights go."""
    kg, language = site.whole, site.language(request)
    key = request.path_params["id"]
    person = subjects.one(kg, key)
    note(request.scope, person=subjects.mark(kg, person.value))
    told = subjects.summary(kg, key)
    recorded = consents.of(kg, person)
    kinds = labels(kg, told["classes"], language)
    asked = {name: request.query_params.get(name, "") for name in ASKED}
    response = site.page(
        request,
        "subject_record.html",
        section="persons",
        name=told["name"] or short(person.value),
        kinds=sorted(kinds.get(iri) or short(iri) for iri in told["classes"]),
        path=f"{PERSONS}/{kg.addresses.key(person.value)}",
        data=f"/subjects/{kg.addresses.key(person.value)}",
        record=f"/id/{forms.key_of(kg, person.value)}",
        statements=told["statements"],
        consents=consents.rows(kg, recorded, language),
        picture=consents.picture(kg, recorded, language),
        asked=asked,
        decision=_decision(site, key, asked, language),
        concepts=_concepts(kg, language),
        restrictions=restricting.of(kg, person),
        requests=[
            request_row(kg, tickets.to_json(one, kg.clock().astimezone(UTC)))
            for one in tickets.of(kg, person)
        ],
        rights=tickets.RIGHTS,
        entries=_entries(kg, key, language),
    )
    return forms.unkept(response)


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> Exercised:
    """Do what a form asks for; the page of the person again. Raises what the parts raise."""
    deeds: dict[str, Callable[[], str | None]] = {
        "request": lambda: requests.open_(
            kg, {"subject": key} | forms.said(form, "kind") | forms.moments(form, "received"), by
        ),
        "object": lambda: restricting.object_(kg, key, forms.moments(form, "received"), by),
        "restrict": lambda: restricting.restrict(kg, key, forms.said(form, "reason"), by).ticket,
        "lift": lambda: _lift(kg, key, form, by),
        "rectify": lambda: (
            corrections.correct(kg, key, form.get("entry", ""), form.get("value", "").strip(), by).ticket
        ),
    }
    deed = deeds.get(form.get("do", ""))
    if deed is None:
        raise forms.unknown(form)
    return Exercised(f"{PERSONS}/{key}", deed())


def _lift(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> None:
    """End a restriction, which no ticket asks for."""
    body = {"informed": form.get("informed") == "yes"}
    restricting.lift(kg, key, form.get("restriction", ""), body, by)


def _decision(site: Site, key: str, asked: Mapping[str, str], language: str) -> dict[str, Any] | None:
    """Whether data may be used, as the address asks, in words; what is wrong with it is told by the page."""
    if not asked["category"] or not asked["use"]:
        return None
    at = forms.moment(asked["at"]) or None
    try:
        found = decisions.decide(site.whole, key, asked["category"], asked["use"], at).to_json(_written)
    except BadParameter as error:
        site.error = error
        return None
    return {
        "allowed": found["allowed"],
        "words": found["words"][language],
        "considered": [
            {"holds": one["holds"], "words": one["words"][language]} for one in found["considered"]
        ],
    }


def _written(at: datetime, language: str) -> str:
    return minute(decisions.stamp(at), language)


def _concepts(kg: KnowledgeGraph, language: str) -> dict[str, list[tuple[str, str]]]:
    """What can be asked about: data categories and purposes, the purposes that are active first."""
    known = read_concepts(kg)
    names = labels(kg, {*known.categories, *known.purposes}, language)
    active = kg.settings.active_purposes

    def named(iris: Mapping[str, object]) -> list[tuple[str, str]]:
        pairs = ((iri, names.get(iri) or short(iri)) for iri in iris)
        return sorted(pairs, key=lambda pair: (pair[0] not in active, pair[1].lower()))

    return {"categories": named(known.categories), "purposes": named(known.purposes)}


def _entries(kg: KnowledgeGraph, key: str, language: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be put right, in groups by record: the id of each entry, and its property and value."""
    found = corrections.entries(kg, key)
    names = labels(kg, {iri for e in found for iri in (e.prop.value, *e.classes)}, language)
    groups = []
    for _, members in groupby(found, key=lambda entry: entry.record):
        group = list(members)
        kinds = ", ".join(names.get(iri) or short(iri) for iri in group[0].classes)
        groups.append((kinds, [(e.id, _entry(kg, e, names, language)) for e in group]))
    return groups


def _entry(kg: KnowledgeGraph, entry: corrections.Entry, names: Mapping[str, str], language: str) -> str:
    truth = {"true": text("yes", language), "false": text("no", language)}
    made = worded(cell(entry.value, names, kg.addresses, language), entry.value, truth)
    value = made.moment or made.text  # a moment as it has to be typed
    value = value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
    return f"{names.get(entry.prop.value) or short(entry.prop.value)}: {value}"
