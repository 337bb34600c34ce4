"""Records by spreadsheet: a template to download, a file to upload, and what becomes of each row."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.forms import sheets as form_sheets
from kgservice.application.forms.choices import choices, names
from kgservice.application.forms.fields import Field, Form, Kind
from kgservice.application.forms.sheets import ID, NEW_ROWS, Column, Judged
from kgservice.application.graph.labels import short
from kgservice.domain.finding import in_language
from kgservice.errors import NotFound
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.forms import see_other
from kgservice.http.pages.records import RECORDS, kept
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.pages.uploads import Uploads
from kgservice.namespaces import CI
from kgservice.web import sentences
from kgservice.web.tables import path_of
from kgservice.web.texts import text

LARGEST = 4 * 2**20
"""Bytes of an uploaded workbook."""
_STATES = ("new", "changed", "same", "refused")


def add(routes: Routes) -> None:
    """Put the pages where they belong."""
    uploads = Uploads(routes.site.whole.clock)
    path = f"{RECORDS}/{{name}}/sheet"

    def page(site: Site, request: Request) -> Response:
        return _page(site, request, uploads)

    def refused(site: Site, request: Request) -> Response:
        return _refused_rows(site, request, uploads)

    def taken(request: Request, file: str, content: bytes) -> Response:
        return _uploaded(routes.site.at(request), request, uploads, (file, content))

    def take(request: Request, form: Mapping[str, str]) -> Response:
        return _take(routes.site.at(request), request, uploads, form.get("key", ""))

    routes.page(path, page)
    routes.upload(path, LARGEST, taken)
    routes.form(f"{path}/take", take)
    routes.page(f"{path}/template", template)
    routes.page(f"{path}/refused", refused)


def template(site: Site, request: Request) -> Response:
    """The workbook to fill in, with names for new records."""
    language, name = site.language(request), request.path_params["name"]
    form = site.forms.named(name)
    free = ([str(uuid.uuid4())] for _ in range(NEW_ROWS))
    return _workbook(text(f"records-{name}", language), _columns(site, form, language), free, f"{name}.xlsx")


def _page(site: Site, request: Request, uploads: Uploads) -> Response:
    language, name = site.language(request), request.path_params["name"]
    form = site.forms.named(name)
    key = request.query_params.get("key", "")
    upload = uploads.get(key, name, principal_of(request.scope).name) if key else None
    rows: Sequence[Judged] = ()
    if upload is not None:
        rows = upload.taken or form_sheets.judge(site.whole, site.kg, form, upload.lines, upload.file)
    counts = {state: sum(row.state == state for row in rows) for state in _STATES}
    called = names(site.kg, [row.record.value for row in rows if row.record is not None], language)
    return site.page(
        request,
        "sheet.html",
        section="records",
        name=name,
        label=text(f"records-{name}", language),
        list_path=f"{RECORDS}/{name}",
        path=f"{RECORDS}/{name}/sheet",
        key=key,
        file=upload.file if upload is not None else "",
        done=upload is not None and upload.taken is not None,
        counts=[(state, counts[state]) for state in _STATES],
        good=counts["new"] + counts["changed"],
        refused=counts["refused"],
        most=form_sheets.MOST_ROWS,
        rows=[
            {
                "line": row.line.line,
                "state": row.state,
                "name": _name(row, called),
                "path": path_of(row.record.value, site.kg.addresses)
                if row.record is not None and (upload and upload.taken) and row.state != "refused"
                else "",
                "reasons": _reasons(site, request, form, row),
            }
            for row in rows
        ],
    )


def _uploaded(site: Site, request: Request, uploads: Uploads, sent: tuple[str, bytes]) -> Response:
    name, (file, content) = request.path_params["name"], sent
    form = site.forms.named(name)
    lines = form_sheets.opened(content, file)
    form_sheets.judge(site.whole, site.kg, form, lines, file)  # a sheet of another class is told at once
    key = uploads.keep(name, file, lines, principal_of(request.scope).name)
    return see_other(f"{RECORDS}/{name}/sheet", [("key", key), *kept(request)])


def _take(site: Site, request: Request, uploads: Uploads, key: str) -> Response:
    name = request.path_params["name"]
    upload = uploads.get(key, name, principal_of(request.scope).name)
    if upload.taken is None:
        origin = origin_of(request.scope).because("records by spreadsheet", upload.file)
        form = site.forms.named(name)
        upload.taken = form_sheets.take(
            site.whole, site.kg, form, upload.lines, file=upload.file, origin=origin
        )
    return see_other(f"{RECORDS}/{name}/sheet", [("key", key), *kept(request)])


def _refused_rows(site: Site, request: Request, uploads: Uploads) -> Response:
    """The refused rows as they stood, with the reasons in a column of their own."""
    language, name = site.language(request), request.path_params["name"]
    form = site.forms.named(name)
    key = request.query_params.get("key", "")
    if not key:
        raise NotFound("no file is named", source="key")
    upload = uploads.get(key, name, principal_of(request.scope).name)
    rows = upload.taken or form_sheets.judge(site.whole, site.kg, form, upload.lines, upload.file)
    columns = [*_columns(site, form, language), Column("", text("sheet-reason", language), wide=True)]
    lines = (
        [
            *(row.line.cells.get(column.name, "") for column in columns[:-1]),
            "\n".join(_reasons(site, request, form, row)),
        ]
        for row in rows
        if row.state == "refused"
    )
    return _workbook(text("sheet-refused", language), columns, lines, f"{name}-refused.xlsx")


def _columns(site: Site, form: Form, language: str) -> list[Column]:
    """The columns of the sheet of a class: headings, notes and pick lists in the language."""
    found = [Column(ID, text("sheet-id", language), text("sheet-id-note", language), wide=True)]
    lists: dict[tuple[str, ...], tuple[str, ...]] = {}
    for name, (path, tag) in form_sheets.columns(form).items():
        leaf = form.at(path)
        assert leaf is not None
        options: tuple[str, ...] = ()
        if leaf.kind is Kind.CHOICE:
            listed = leaf.among or leaf.classes
            if listed not in lists:
                offered = choices(site.kg, leaf, language)
                lists[listed] = tuple(called for _, called in offered.options)
            options = lists[listed]
        elif leaf.kind is Kind.TRUTH:
            options = (text("form-yes", language), text("form-no", language))
        found.append(
            Column(
                name,
                _heading(form, leaf, tag, language),
                _note(leaf, language),
                options,
                free=leaf.several or leaf.kind is not Kind.CHOICE or not leaf.among,
            )
        )
    return found


def _heading(form: Form, leaf: Field, tag: str, language: str) -> str:
    above = form.at(leaf.path.rpartition("/")[0])
    label = in_language(leaf.label, language)
    outer = f"{in_language(above.label, language)}: " if above is not None else ""
    star = " *" if leaf.least and (above is None or above.least) and not (above and above.shared) else ""
    return f"{outer}{label}{f' ({tag})' if tag else ''}{star}"


def _note(leaf: Field, language: str) -> str:
    """What a cell means, its unit among it, and how it is written."""
    notes = [in_language(leaf.help, language)]
    if leaf.low or leaf.high:
        notes.append(f"{leaf.low or '…'} – {leaf.high or '…'}")
    if leaf.kind is Kind.MOMENT:
        notes.append(text("sheet-moment", language))
    if leaf.several and leaf.kind is not Kind.TEXT:
        notes.append(text("sheet-several", language))
    return "\n".join(filter(None, notes))


def _reasons(site: Site, request: Request, form: Form, row: Judged) -> list[str]:
    """Why a row is refused, in words; for who may not see everything, without what the records say."""
    language = site.language(request)
    found = []
    for fault in row.faults:
        leaf = form.at(fault.path)
        label = in_language(leaf.label, language) if leaf else text("sheet-id", language)
        found.append(f"{label}: {text(f'wrong-{fault.wrong.value}', language)}")
    told: Sequence[Mapping[str, Any]] = row.findings
    if told and not principal_of(request.scope).oversees:
        from kgservice.application.stewards.reports import discreet_refusal  # noqa: PLC0415 - costs time to import

        told = discreet_refusal(told, ())
    found += [f"{one['rule']}: {in_language(one['message'], language)}" for one in told]
    if not found and row.reason:
        found.append(sentences.told(row.reason, language) or row.reason)
    return list(dict.fromkeys(found))


def _name(row: Judged, called: Mapping[str, str]) -> str:
    """What the record of a row is called, there or in the row."""
    titles = [value for name, value in row.line.cells.items() if name.startswith(f"{CI}title@")]
    stored = called.get(row.record.value, "") if row.record is not None else ""
    if titles or row.record is None:
        return titles[0] if titles else row.line.cells.get(ID, "")
    return stored or short(row.record.value)


def _workbook(title: str, columns: Sequence[Column], rows: Any, file: str) -> Response:
    content = form_sheets.workbook(title, columns, rows)
    headers = {
        "Content-Disposition": f'attachment; filename="{file}"',
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type=form_sheets.MEDIA_TYPE, headers=headers)
