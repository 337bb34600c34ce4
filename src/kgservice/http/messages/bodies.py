"""Request bodies: read within limits, spooled to a file when large, inflated, decoded as UTF-8."""

from __future__ import annotations

import asyncio
import gzip
import io
import tempfile
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from starlette.types import Receive

from kgservice.errors import BadInput, BadParameter, TooLarge, TooSlow, UnsupportedMediaType
from kgservice.http.messages.streaming import ClientLeft

IN_MEMORY = 1024 * 1024  # bytes; larger bodies go to a temporary file
MOST_PARAMETERS = 10_000
PATIENCE = 20  # seconds in which something more of a body has to come
_PIECE = 64 * 1024

Parameters = dict[str, list[str]]


async def pieces(headers: Mapping[str, str], receive: Receive, limit: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises `TooLarge` beyond `limit` bytes, at once when its length is announced."""
    announced = headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    size = 0
    while True:
        try:
            async with asyncio.timeout(PATIENCE):
                message = await receive()
        except TimeoutError:
            raise TooSlow("Nothing more of the body has come for {seconds} s", seconds=PATIENCE) from None
        if message["type"] == "http.disconnect":
            raise ClientLeft("the client closed the connection")
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if piece:
            yield piece
        if not message.get("more_body", False):
            return


async def spooled(headers: Mapping[str, str], receive: Receive, limit: int) -> BinaryIO:
    """The body as a file to read from, inflated; the caller closes it. `limit` holds for it inflated, too."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", "gzip", "x-gzip"}:
        raise UnsupportedMediaType(
            "Content-Encoding {coding!r} is not known; gzip is", coding=coding, source="Content-Encoding"
        )
    with ExitStack() as on_failure:
        start = bytearray()
        file: BinaryIO = io.BytesIO()
        async for piece in pieces(headers, receive, limit):
            start += piece
            if len(start) >= IN_MEMORY:
                if isinstance(file, io.BytesIO):
                    file = on_failure.enter_context(tempfile.TemporaryFile())
                await asyncio.to_thread(file.write, start)
                start = bytearray()
        file.write(start)  # less than IN_MEMORY
        file.seek(0)
        if coding == "identity":
            on_failure.pop_all()
            return file
        return await asyncio.to_thread(inflated, file, limit)


def inflated(packed: BinaryIO, limit: int) -> BinaryIO:
    """What a gzip file holds, as a file. Raises `TooLarge` beyond `limit` bytes, `BadInput` if broken."""
    size = 0
    with ExitStack() as on_failure:
        out: BinaryIO = on_failure.enter_context(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # type: ignore[assignment]
        try:
            with gzip.GzipFile(fileobj=packed) as source:
                while piece := source.read(_PIECE):
                    size += len(piece)
                    if size > limit:
                        raise _too_large(limit)
                    out.write(piece)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadInput(
                "The body is not valid gzip: {error}", error=error, source="Content-Encoding"
            ) from error
        out.seek(0)
        on_failure.pop_all()
        return out


async def text(headers: Mapping[str, str], receive: Receive, limit: int) -> str:
    """The body as text. Raises `BadInput` with line and column where it is not UTF-8."""
    if "content-encoding" not in headers:
        return utf8(b"".join([piece async for piece in pieces(headers, receive, limit)]))
    with await spooled(headers, receive, limit) as file:
        return utf8(file.read())


def utf8(data: bytes) -> str:
    """The text of UTF-8 `data`, without a byte order mark. Raises `BadInput` with line and column."""
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise BadInput(
            "The body is not valid UTF-8",
            line=before.count("\n") + 1,
            column=len(before) - (before.rfind("\n") + 1) + 1,
        ) from None


def parameters(encoded: str) -> Parameters:
    """URL-encoded parameters (a query string or a form), decoded exactly once.

    Raises `BadParameter` where they are not UTF-8.

    >>> parameters("query=ASK+%7B%7D&default")
    {'query': ['ASK {}'], 'default': ['']}
    """
    if encoded.count("&") >= MOST_PARAMETERS:
        raise BadParameter("There are more than {most} parameters", most=MOST_PARAMETERS)
    found: Parameters = {}
    try:
        for pair in encoded.split("&"):
            if pair:
                key, _, value = pair.partition("=")
                found.setdefault(_decoded(key), []).append(_decoded(value))
    except UnicodeDecodeError:
        raise BadParameter("The parameters are not percent-encoded UTF-8") from None
    return found


def _decoded(value: str) -> str:
    value = value.replace("+", " ")
    return unquote_to_bytes(value).decode() if "%" in value else value


def query_parameters(query_string: bytes) -> Parameters:
    """The parameters in the address. Raises `BadParameter` where they are not UTF-8."""
    try:
        return parameters(query_string.decode())
    except UnicodeDecodeError:
        raise BadParameter("The address is not percent-encoded UTF-8") from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge("The body is larger than {limit} bytes", limit=limit)
