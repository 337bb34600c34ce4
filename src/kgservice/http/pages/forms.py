"""Forms of the pages: what a browser sends, and where it goes then."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response

from kgservice.errors import BadInput, BadParameter, UnsupportedMediaType
from kgservice.http import bodies
from kgservice.http.negotiation import media_type_of, utf8_media_type
from kgservice.http.operation import FORM, MULTIPART

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
        raise BadInput(f"The form cannot be read: {error.message}") from None
    except KeyError:
        raise BadInput("The form has no boundary", source="Content-Type") from None
    for _, part in form.multi_items():
        assert isinstance(part, UploadFile)  # max_fields=0
        try:
            content = await part.read()
        finally:
            await part.close()
        if content:
            return (part.filename or "")[:200], content
    raise BadInput("No file was chosen", source="file")


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
