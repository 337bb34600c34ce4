"""Forms of the pages: what a browser sends, and where it goes then."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from kgservice.errors import BadParameter, UnsupportedMediaType
from kgservice.http import bodies
from kgservice.http.negotiation import utf8_media_type
from kgservice.http.operation import FORM

LONGEST_FORM = 64 * 1024  # bytes


async def sent(request: Request) -> dict[str, str]:
    """The fields of a form, each once. Raises `UnsupportedMediaType`, `BadParameter`, those of `bodies`."""
    if utf8_media_type(request.headers.get("content-type")) != FORM:
        raise UnsupportedMediaType("A form of the page is sent as a form", source="Content-Type")
    found = bodies.parameters(await bodies.text(request.headers, request.receive, LONGEST_FORM))
    for name, values in found.items():
        if len(values) > 1:
            raise BadParameter(f"the field {name[:80]!r} is given {len(values)} times", source=name[:80])
    return {name: values[0] for name, values in found.items()}


def see_other(path: str, parameters: Iterable[tuple[str, str]] = ()) -> Response:
    """To an address of this service: with one leading slash, since `//host/` would lead to another site."""
    query = urlencode(list(parameters))
    target = "/" + quote(path.lstrip("/\\")) + (f"?{query}" if query else "")
    return Response(status_code=303, headers={"Location": target, "Cache-Control": "no-store"})


def parts(address: str) -> tuple[str, list[tuple[str, str]]]:
    """The path and the parameters of an address of this service, as a page wrote it into a form.

    >>> parts("/pages/questions?lang=en")
    ('/pages/questions', [('lang', 'en')])
    """
    path, _, query = address.partition("?")
    return path, parse_qsl(query, keep_blank_values=True)
