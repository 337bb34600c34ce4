"""The page of the API keys: listed without what is secret, made, shown once, and revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.labels import labels, short
from kgservice.application.law import api_keys
from kgservice.domain.keys import ApiKey
from kgservice.domain.principal import Role
from kgservice.http.messages.forms import see_other, unkept, unknown
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site

KEYS = "/pages/keys"
ENDS = ("30d", "90d", "365d", "never")
_GRADES = {"valid": "good", "revoked": "bad"}


def add(routes: Routes, _machinery: Machinery) -> None:
    """Put the page where it belongs."""
    routes.answered(KEYS, keys_page, change)


def keys_page(site: Site, request: Request) -> Response:
    """All keys, and a form for a new one."""
    return _page(site, request, "", None)


def change(site: Site, request: Request, form: Mapping[str, str]) -> Response:
    """Make a key and show it, once, or revoke one. Raises `BadParameter`, `NotFound`, `StoreFailed`."""
    settings, now = site.whole.settings, site.whole.clock()
    if form.get("do") == "revoke":
        api_keys.revoke(settings, form.get("prefix", ""), now)
        return see_other(KEYS, request.query_params.items())
    if form.get("do") != "make":
        raise unknown(form)
    key, kept = api_keys.draft(
        settings,
        now,
        name=form.get("name", ""),
        roles=[role for role in Role if form.get(f"role-{role}") == "yes"],
        purposes=[value for name, value in form.items() if name.startswith("purpose-")],
        default=form.get("default") or None,
        expires=form.get("expires", ""),
    )
    api_keys.keep(settings, key, kept)
    return _page(site, request, key, kept)


def _page(site: Site, request: Request, key: str, made: ApiKey | None) -> Response:
    kg, language = site.whole, site.language(request)
    now = kg.clock()
    active = kg.settings.active_purposes
    found = [one.to_json(now) for one in api_keys.kept(kg.settings)]
    names = labels(kg, {*active, *(iri for one in found for iri in one["purposes"])}, language)

    def row(one: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **one,
            "grade": _GRADES.get(one["state"], ""),
            "purposes": [names.get(iri) or short(iri) for iri in one["purposes"]],
        }

    response = site.page(
        request,
        "keys.html",
        section="api-keys",
        keys=[row(one) for one in reversed(found)],
        key=key,
        made=made and row(made.to_json(now)),
        reads_nothing=made is not None and not made.purposes and not made.principal.oversees,
        roles=list(Role),
        purposes=[(iri, names.get(iri) or short(iri)) for iri in active],
        ends=ENDS,
    )
    return unkept(response)
