"""Forms of the pages: what a browser sends, and where it goes then."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import BadInput, BadParameter, UnsupportedMediaType
from kgservice.http.messages import bodies
from kgservice.http.messages.negotiation import media_type_of, utf8_media_type
from kgservice.http.messages.operation import FORM, MULTIPART

LONGEST_FORM = 64 * 1024  # bytes


async def sent(request: Request) -> dict[str, str]:
    """The fields of a form, each once. Raises `UnsupportedMediaType`, `BadParameter`, those of `bodies`."""
    if utf8_media_type(request.headers.get("content-type")) != FORM:
        raise UnsupportedMediaType("A form of the page is sent as a form", source="Content-Type")
    found = bodies.parameters(await bodies.text(request.headers, request.receive, LONGEST_FORM))
    for name, values in found.items():
        if len(values) > 1:
            raise BadParameter(
                "the field {name!r} is given {count} times",
                name=name[:80],
                count=len(values),
                source=name[:80],
            )
    return {name: values[0] for name, values in found.items()}


async def uploaded(request: Request, limit: int) -> tuple[str, bytes]:
    """The one file of a form: its name and content.

    Raises `UnsupportedMediaType`, `BadInput` where there is none, `TooLarge` beyond `limit` bytes.
    """
    if media_type_of(request.headers.get("content-type", ""))[0] != MULTIPART:
        raise UnsupportedMediaType("A file is sent as a form with files", source="Content-Type")
    body = bodies.pieces(request.headers, request.receive, limit)
    parser = MultiPartParser(request.headers, body, max_files=1, max_fields=0)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadInput("The form cannot be read: {error}", error=error.message) from None
    except KeyError:
        raise BadInput("The form has no boundary", source="Content-Type") from None
    except UnicodeError:
        raise BadInput("The name of the file is not in the charset that is stated") from None
    for _, part in form.multi_items():
        assert isinstance(part, UploadFile)  # max_fields=0
        try:
            content = await part.read()
        finally:
            await part.close()
        if content:
            name = (part.filename or "").encode(errors="replace").decode()  # some charsets give surrogates
            return name[:200], content
    raise BadInput("No file was chosen", source="file")


def see_other(path: str, parameters: Iterable[tuple[str, str]] = ()) -> Response:
    """To an address of this service: with one leading slash, since `//host/` would lead to another site."""
    query = urlencode(list(parameters))
    target = "/" + quote(path.lstrip("/\\")) + (f"?{query}" if query else "")
    return Response(status_code=303, headers={"Location": target, "Cache-Control": "no-store"})


def moment(given: str) -> str:
    """A moment as the browser sends it, in UTC, as it is written elsewhere; a day begins at midnight.

    >>> moment("2027-01-31"), moment("2027-01-31T09:30"), moment("2027-01-31T09:30:00+01:00")
    ('2027-01-31T00:00:00Z', '2027-01-31T09:30Z', '2027-01-31T09:30:00+01:00')
    """
    given = given.strip()
    if re.fullmatch(r"\d{4}-\d\d-\d\d", given, re.ASCII):
        return f"{given}T00:00:00Z"
    return f"{given}Z" if re.fullmatch(r"[-\dT]+:[\d:.]+", given, re.ASCII) else given


def said(form: Mapping[str, str], *names: str) -> dict[str, Any]:
    """Those fields of a form that say something, as the members of a body that programs would send.

    >>> said({"do": "x", "reason": " ", "method": "letter "}, "reason", "method")
    {'method': 'letter'}
    """
    return {name: form[name].strip() for name in names if form.get(name, "").strip()}


def moments(form: Mapping[str, str], *names: str) -> dict[str, Any]:
    """Those fields of a form that say a moment, as `moment` makes them."""
    return {name: moment(value) for name, value in said(form, *names).items()}


def key_of(kg: KnowledgeGraph, iri: str) -> str:
    """What stands for a record in an address: what ends its IRI, or all of it."""
    return quote(iri.removeprefix(kg.addresses.ids), safe="")


def unknown(form: Mapping[str, str]) -> BadParameter:
    """What to raise where a form asks for what no page offers."""
    return BadParameter(
        "{wanted!r} is nothing that can be done here", wanted=form.get("do", "")[:80], source="do"
    )


def unkept(response: Response) -> Response:
    """The answer, which no browser keeps: it is about persons, or secret, or depends on the clock."""
    response.headers["Cache-Control"] = "no-store"
    return response


def parts(address: str) -> tuple[str, list[tuple[str, str]]]:
    """The path and the parameters of an address of this service, as a page wrote it into a form.

    >>> parts("/pages/questions?lang=en")
    ('/pages/questions', [('lang', 'en')])
    """
    path, _, query = address.partition("?")
    return path, parse_qsl(query, keep_blank_values=True)
