"""The pages of records: lists of each class, and forms to make and change them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.forms import lists as form_lists
from kgservice.application.forms import records as form_records
from kgservice.application.forms.choices import names
from kgservice.application.forms.fields import Form
from kgservice.application.forms.findings import Placed, placed
from kgservice.application.forms.records import NEW, Shown
from kgservice.application.forms.shapes import CLASSES
from kgservice.application.forms.values import Fault, Typed
from kgservice.domain.finding import in_language
from kgservice.errors import BadInput, BadParameter, Conflict, Invalid, NotFound, PreconditionFailed
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.forms import see_other
from kgservice.http.pages.record_forms import Sent, Shower, as_sent, sent
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.web.tables import path_of
from kgservice.web.texts import text

RECORDS = "/pages/records"


def add(routes: Routes) -> None:
    """Put the pages where they belong."""

    def save(request: Request, form: Mapping[str, str]) -> Response:
        return _saved(routes.site.at(request), request, form)

    routes.page(RECORDS, classes_page)
    routes.page(f"{RECORDS}/{{name}}", list_page)
    routes.page(f"{RECORDS}/{{name}}/new", new_page)
    routes.form(f"{RECORDS}/{{name}}/new", save)
    routes.page(f"{RECORDS}/{{name}}/record/{{key}}", record_page)
    routes.form(f"{RECORDS}/{{name}}/record/{{key}}", save)


def classes_page(site: Site, request: Request) -> Response:
    """The classes whose records can be made and changed, with their numbers."""
    language = site.language(request)
    tiles = []
    for name in CLASSES:
        form = site.forms.named(name)
        tiles.append(
            {
                "name": text(f"records-{name}", language),
                "path": f"{RECORDS}/{name}",
                "about": in_language(form.about, language),
                "count": form_lists.count(site.kg, form),
            }
        )
    return site.page(request, "records.html", section="records", tiles=tiles)


def list_page(site: Site, request: Request) -> Response:
    """The records of a class, in pages; those whose title or description holds what is looked for."""
    language, name = site.language(request), request.path_params["name"]
    form = site.forms.named(name)
    words = request.query_params.get("q", "").strip()[:200]
    page = _page(request.query_params.get("page", "1"))
    found = form_lists.listing(site.kg, form, language, words, page)
    return site.page(
        request,
        "record_list.html",
        section="records",
        name=name,
        label=text(f"records-{name}", language),
        about=in_language(form.about, language),
        words=words,
        columns=[in_language(column.label, language) for column in found.columns],
        records=[
            {"name": one.name, "values": one.values, "path": _path(site, name, one.iri)}
            for one in found.records
        ],
        total=found.total,
        number=page,
        last=max(1, -(-found.total // form_lists.PAGE)),
        turn={
            step: f"{RECORDS}/{name}?{urlencode({'page': str(at), **({'q': words} if words else {})})}"
            for step, at in (("back", page - 1), ("on", page + 1))
        },
    )


def new_page(site: Site, request: Request) -> Response:
    """An empty form."""
    form = site.forms.named(request.path_params["name"])
    record = form_records.new_record(site.whole)
    draft = {"type": (Typed(form.of),)} if form.at("type") else {}
    return _form_page(site, request, Shown(record), as_sent(draft))


def record_page(site: Site, request: Request) -> Response:
    """The form of a record that is there."""
    form = site.forms.named(request.path_params["name"])
    shown = form_records.existing(site.whole, site.kg, form, _record(site, request.path_params["key"]))
    return _form_page(site, request, shown, as_sent(form_records.draft_of(form, shown)))


def _saved(site: Site, request: Request, fields: Mapping[str, str]) -> Response:
    """Save a form that was sent, or show it anew: with one more place, with what was found, what is wrong."""
    kg, name = site.whole, request.path_params["name"]
    form = site.forms.named(name)
    key = request.path_params.get("key")
    record = _record(site, fields.get("record", "") if key is None else key)
    shown = form_records.read(kg, site.kg, form, record)
    given = sent(form, fields)
    version = NEW if key is None else fields.get("current" if fields.get("do") == "over" else "version", NEW)
    if fields.get("do") not in {"save", "over"}:
        return _form_page(site, request, shown, given, version=version)
    faults: Sequence[Fault] = form_records.plan(site.kg, form, shown, given.draft).faults
    if not faults:
        try:
            form_records.save(
                kg,
                site.kg,
                form,
                record,
                given.draft,
                version=version,
                origin=origin_of(request.scope).because("", "/pages/records"),
            )
        except (BadInput, Conflict, Invalid, PreconditionFailed) as error:
            site.error = error
        else:
            return see_other(_path(site, name, record.value), [("saved", "1"), *kept(request)])
    return _form_page(site, request, shown, given, faults, version=version)


def _form_page(
    site: Site,
    request: Request,
    shown: Shown,
    given: Sent,
    faults: Sequence[Fault] = (),
    *,
    version: str | None = None,
) -> Response:
    language, name = site.language(request), request.path_params["name"]
    form = site.forms.named(name)
    found = refused(site, request, form, shown)
    conflict = isinstance(site.error, PreconditionFailed)
    stored = form_records.draft_of(form, shown) if conflict else None
    shower = Shower(site.kg, language, given, faults, found.at, stored=stored)
    is_new = "key" not in request.path_params
    record = shown.record.value
    wrong = [] if not faults else [text("form-faults", language)]
    if conflict:
        wrong.append(text("form-changed", language))
    return site.page(
        request,
        "record_form.html",
        section="records",
        name=name,
        label=text(f"records-{name}", language),
        called="" if is_new else names(site.kg, [record], language)[record],
        record=shown.record.value.removeprefix(site.kg.addresses.ids) if is_new else "",
        record_path=path_of(record, site.kg.addresses),
        list_path=f"{RECORDS}/{name}",
        target=f"{RECORDS}/{name}/new" if is_new else _path(site, name, record),
        version=shown.version if version is None else version,
        current=shown.version,
        groups=shower.groups(form),
        wrong=wrong,
        findings=shower.told(found.rest),
        refused=isinstance(site.error, Invalid),
        conflict=conflict,
        saved=request.query_params.get("saved") == "1" and site.error is None and not faults,
        status=422 if faults else 200,
    )


def refused(site: Site, request: Request, form: Form, shown: Shown) -> Placed:
    """What a change was refused for at the fields of the form, as far as whoever asks may know it."""
    if not isinstance(site.error, Invalid):
        return Placed()
    parts = {
        one.path: shown.parts.get(one.path) or form_records.derived(shown.record, one.path)
        for one in form.fields
        if one.part is not None
    }
    found = placed(site.forms, form, site.error.findings, parts)
    if not principal_of(request.scope).oversees:
        from kgservice.application.stewards.reports import discreet_refusal  # noqa: PLC0415 - costs time to import

        named = site.error.named
        found.at = {path: [*discreet_refusal(told, named)] for path, told in found.at.items()}
        found.rest = list(discreet_refusal(found.rest, named))
    return found


def _path(site: Site, name: str, iri: str) -> str:
    return f"{RECORDS}/{name}/record/{quote(iri.removeprefix(site.kg.addresses.ids), safe='')}"


def _record(site: Site, key: str) -> NamedNode:
    """The record by the last part of its IRI. Raises `NotFound` where that is no part of one."""
    if not key or "/" in key:
        raise NotFound("this is no name of a record")
    try:
        return NamedNode(site.kg.addresses.ids + key)
    except ValueError:
        raise NotFound("this is no name of a record") from None


def _page(given: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", given, re.ASCII) or not 1 <= int(given) <= 1_000_000:
        raise BadParameter("{given!r} is no page", given=given[:80], source="page")
    return int(given)


def kept(request: Request) -> list[tuple[str, str]]:
    """The language that the address says, to stay in it."""
    return [("lang", given) for given in [request.query_params.get("lang")] if given]
