"""The page that erases a person: what goes and what stays, told before it is done and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.law import erasing, obligations, subjects, tickets
from kgservice.application.law.doubles import Doubles, others, words_of
from kgservice.application.links.consequences import linked_records
from kgservice.domain.rights import Right
from kgservice.errors import BadParameter
from kgservice.http.access.auditing import note
from kgservice.http.access.given import origin_of
from kgservice.http.messages.forms import key_of, said, unkept
from kgservice.http.pages.findings import BOARD
from kgservice.http.pages.links import LINKS
from kgservice.http.pages.persons import PERSONS
from kgservice.http.pages.quarantine import QUARANTINE
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.tickets import REQUESTS
from kgservice.web.dates import moment


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.answered(f"{PERSONS}/{{id}}/erasure", erasure_page, erase, beyond=True)


def erasure_page(site: Site, request: Request) -> Response:
    """The second step: what will be erased, and a form that says that it is meant."""
    kg, language = site.whole, site.language(request)
    key = request.path_params["id"]
    person = subjects.one(kg, key)
    note(request.scope, person=subjects.mark(kg, person.value))
    told = subjects.summary(kg, key)
    bound = obligations.records(kg, person)
    linked, waiting = linked_records(kg, person)
    names = labels(kg, {*bound, *(basis for bases in bound.values() for basis in bases)}, language)
    response = site.page(
        request,
        "erasure.html",
        section="persons",
        name=told["name"] or short(person.value),
        path=f"{PERSONS}/{kg.addresses.key(person.value)}",
        statements=told["statements"],
        records=sorted((one["label"][language], one["count"]) for one in told["records"]),
        bound=[
            (
                names.get(iri) or short(iri),
                f"/id/{key_of(kg, iri)}",
                sorted(names.get(basis) or short(basis) for basis in bases),
            )
            for iri, bases in bound.items()
        ],
        linked=[(one.source, one.key) for one in linked],
        doubles=_doubles(kg, Doubles(waiting, others(kg, person, words_of(kg, person))), language),
        waiting=[
            (
                one.iri,
                one.received and moment(one.received.isoformat(), language),
                one.due and moment(one.due.isoformat(), language),
            )
            for one in tickets.waiting(kg, person, Right.ERASURE)
        ],
    )
    return unkept(response)


def erase(site: Site, request: Request, form: Mapping[str, str]) -> Response:
    """Erase the person, and tell what that did: nothing tells it again."""
    if form.get("sure") != "yes":
        raise BadParameter("Say that the person is to be erased: it cannot be taken back", source="sure")
    kg = site.whole
    done = erasing.erase(
        kg, request.path_params["id"], said(form, "otherBasis", "request"), origin_of(request.scope)
    )
    note(request.scope, ticket=kg.addresses.key(done.ticket))
    found = done.to_json()
    response = site.page(
        request,
        "erased.html",
        section="persons",
        at=found["erasedAt"],
        statements=found["statements"],
        ticket=f"{REQUESTS}/{key_of(kg, done.ticket)}" if done.ticket else "",
        moot=[f"{REQUESTS}/{key_of(kg, iri)}" for iri in done.moot],
        kept=len(done.kept),
        elsewhere=[(short(iri), _place(kg, iri)) for iri in done.elsewhere],
        doubles=_doubles(kg, done.doubles, site.language(request)),
        linked=[(one.source, one.key) for one in done.linked],
        rows=done.rows,
        files_wait=done.waiting,
    )
    return unkept(response)


def _doubles(kg: KnowledgeGraph, found: Doubles, language: str) -> dict[str, Any]:
    """Who may be the same person: records with the pages of their links, and other persons with theirs."""
    names = labels(kg, found.persons, language)
    return {
        "records": [(one.id.source, one.id.key, f"{LINKS}/{key_of(kg, one.node)}") for one in found.records],
        "persons": [
            (names.get(iri) or short(iri), f"{PERSONS}/{kg.addresses.key(iri)}") for iri in found.persons
        ],
    }


def _place(kg: KnowledgeGraph, iri: str) -> str:
    """Where one can look at what may mention the person: an entry in quarantine, a finding, a record."""
    held = kg.addresses.quarantine("")
    if iri.startswith(held):
        return f"{QUARANTINE}/{iri.removeprefix(held)}"
    is_finding = any(kg.store.match([(NamedNode(iri), None, None)], NamedNode(kg.addresses.finding)))
    return f"{BOARD if is_finding else '/id'}/{key_of(kg, iri)}"
