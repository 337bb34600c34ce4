"""Bodies of several parts (`multipart/form-data`): fields and files, read within limits."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive

from kgservice.errors import BadInput, UnsupportedMediaType
from kgservice.http.messages.bodies import pieces
from kgservice.http.messages.negotiation import body_format, media_type_of
from kgservice.store.formats import Format, graph_format_of

MOST_FILES = 1000
_OCTETS = "application/octet-stream"

Parts = list[tuple[str, str | UploadFile]]


async def parts_of(
    headers: Headers, receive: Receive, limit: int, files: ExitStack, *, fields: int = 0
) -> Parts:
    """The parts with their names: texts, at most so many `fields`, and files, open until `files` is closed.

    Raises `UnsupportedMediaType` when it is compressed, `BadInput` when it cannot be read, and what `pieces`
    raises: all parts together have at most `limit` bytes.
    """
    if headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaType("A multipart body cannot be compressed", source="Content-Encoding")
    body = pieces(headers, receive, limit)
    parser = MultiPartParser(headers, body, max_files=MOST_FILES, max_fields=fields, max_part_size=limit)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadInput("The multipart body cannot be read: {error}", error=error.message) from None
    except KeyError:
        raise BadInput("The multipart body has no boundary", source="Content-Type") from None
    except UnicodeError:
        raise BadInput("The name of a part is not in the charset that is stated") from None
    parts = form.multi_items()
    for _, part in parts:
        if isinstance(part, UploadFile):
            files.callback(part.file.close)
    return parts


def format_of(part: UploadFile) -> Format:
    """The RDF format of a file, by its `Content-Type`, or by its name where that says nothing.

    Raises `UnsupportedMediaType` with the name.
    """
    guessed = graph_format_of(Path(part.filename or ""))
    said = part.headers.get("content-type", _OCTETS)
    if guessed and media_type_of(said)[0] == _OCTETS:
        return guessed
    try:
        return body_format(said)
    except UnsupportedMediaType as error:
        error.source = part.filename or error.source
        raise
