"""The form of the record that a finding is about, in the page of the finding: to mend it at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.forms import records as form_records
from kgservice.application.forms.findings import Asked, asked
from kgservice.application.forms.values import Fault
from kgservice.application.stewards import stewarding
from kgservice.errors import BadInput, Conflict, Invalid, NotFound, PreconditionFailed
from kgservice.http.access.given import origin_of
from kgservice.http.messages.forms import see_other
from kgservice.http.pages.record_forms import Sent, Shower, as_sent, sent
from kgservice.http.pages.records import kept, refused
from kgservice.http.pages.site import Site
from kgservice.web.texts import text

Shows = Callable[[Site, Request, dict[str, Any] | None], Response]
"""Shows the page of the finding with a form in it."""


def form_of(
    site: Site,
    request: Request,
    finding: Mapping[str, Any],
    given: Sent | None = None,
    *,
    faults: Sequence[Fault] = (),
    version: str | None = None,
) -> dict[str, Any] | None:
    """What the page shows of the form, the field in question first; None where there is no form for it."""
    found = asked(site.whole, site.forms, finding)
    if found is None:
        return None
    language = site.language(request)
    shown = form_records.read(site.whole, site.whole, found.form, found.record)
    told = refused(site, request, found.form, shown)
    conflict = isinstance(site.error, PreconditionFailed)
    draft = form_records.draft_of(found.form, shown)
    shower = Shower(
        site.whole,
        language,
        given or as_sent(draft),
        faults,
        told.at,
        first=found.path,
        stored=draft if conflict else None,
    )
    wrong = [text("form-faults", language)] if faults else []
    return {
        "groups": shower.groups(found.form),
        "version": shown.version if version is None else version,
        "wrong": wrong + ([text("form-changed", language)] if conflict else []),
        "findings": shower.told(told.rest),
        "refused": isinstance(site.error, Invalid),
        "faults": bool(faults),
    }


def mend(site: Site, request: Request, fields: Mapping[str, str], shows: Shows) -> Response:
    """Save the form, and go back to the finding; or show it anew: with one more place, with what is wrong.

    Raises `NotFound` where there is no such finding, or no form for its record.
    """
    key = request.path_params["id"]
    finding = stewarding.one(site.whole, key).to_json(site.whole)
    found = asked(site.whole, site.forms, finding)
    if found is None:
        raise NotFound("there is no form for what this finding is about")
    given, version = sent(found.form, fields), fields.get("version", "")
    faults: Sequence[Fault] = ()
    if fields.get("do") == "save":
        faults = _saved(site, request, found, given, version)
        if not faults and site.error is None:
            return see_other(f"/pages/findings/{key}", [("saved", "1"), *kept(request)])
    return shows(site, request, form_of(site, request, finding, given, faults=faults, version=version))


def _saved(site: Site, request: Request, found: Asked, given: Sent, version: str) -> Sequence[Fault]:
    """Save what was sent; what is wrong with it, or the error at the site, if it could not be saved."""
    kg = site.whole
    shown = form_records.read(kg, kg, found.form, found.record)
    faults = form_records.plan(kg, found.form, shown, given.draft).faults
    if not faults:
        origin = origin_of(request.scope).because("finding mended by a form", "/pages/findings")
        try:
            form_records.save(kg, kg, found.form, found.record, given.draft, version=version, origin=origin)
        except (BadInput, Conflict, Invalid, PreconditionFailed) as error:
            site.error = error
    return faults
