"""Answers of saved questions as Parquet files."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import BinaryIO

from kgservice.application.protocol import parquet
from kgservice.application.views.reader import Reader
from kgservice.http.access.auditing import note
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import Offer, Representation, negotiate
from kgservice.http.messages.streaming import HeaderList, respond
from kgservice.http.messages.tags import NEGOTIATED, Tags
from kgservice.http.resources.operation import Operation
from kgservice.http.resources.sparql import depends_on_view
from kgservice.store.formats import RESULT_FORMATS

PARQUET = Representation("parquet", ("application/vnd.apache.parquet", "application/x-parquet"))
_OFFERS: tuple[Offer, ...] = (*RESULT_FORMATS, PARQUET)


def media_type(http: Exchange) -> str | None:
    """The media type of Parquet, if that is asked for. Raises `NotAcceptable` for what there is not."""
    offer, chosen = negotiate(_OFFERS, http.headers.get("accept"), http.wanted)
    return chosen if offer is PARQUET else None


async def answer(
    http: Exchange, asked: Operation, name: str, chosen: str, *, workers: Executor, tags: Tags
) -> None:
    """Send the answer of a question as the file `name`, of the media type `chosen`."""
    note(http.scope, query=asked.audited or asked.text)
    reader = asked.reading()
    headers: HeaderList = [
        *NEGOTIATED,
        *asked.headers,
        (b"content-type", chosen.encode()),
        (b"content-disposition", f'attachment; filename="{name}.parquet"'.encode()),
    ]
    matches = False
    if asked.repeatable and depends_on_view(asked.text):
        tag = tags.of(await on(workers, lambda: tags.of_view(reader)), PARQUET)
        headers.append((b"etag", tag.encode()))
        matches = tags.match(tag, http.headers.get("if-none-match"))
    if matches or http.method == "HEAD":
        await http.reply_bare(304 if matches else 200, headers)
        return
    await respond(
        http.receive,
        http.send,
        workers=workers,
        produce=_producing(reader, asked),
        head=lambda: headers,
        left=asked.allowance.leave,
    )


def _producing(reader: Reader, asked: Operation) -> Callable[[BinaryIO], None]:
    return lambda out: parquet.write(reader.solve(asked.text, allowance=asked.allowance), out)
