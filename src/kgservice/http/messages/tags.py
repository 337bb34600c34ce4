"""ETags, and the answers that carry one whatever they are made of."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import BinaryIO

from kgservice.application.views.reader import Reader
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.negotiation import Offer, coding, content_type
from kgservice.http.messages.streaming import CODINGS, HeaderList, respond
from kgservice.store.formats import Format

# The headers of every answer whose form depends on the request and whose content on the commit.
NEGOTIATED: tuple[tuple[bytes, bytes], ...] = (
    (b"vary", b"Accept, Accept-Encoding, KG-Purpose, Authorization, Cookie"),
    (b"cache-control", b"private, no-cache"),
)

_TAG = re.compile(r'"(\d+)-[^"]*-([0-9a-f]+)"')


class Tags:
    """ETags: the commit, the format and, since commit numbers start again with another store, this start."""

    def __init__(self) -> None:
        self._start = uuid.uuid4().hex[:8]
        self._secret = secrets.token_bytes(32)

    def of(self, state: int | str, fmt: Offer) -> str:
        """The weak ETag of an answer: equal answers may differ in the order of rows and in their coding.

        `state`: a commit, or what `of_view` gives.
        """
        return f'W/"{state}-{fmt.name}-{self._start}"'

    def of_view(self, reader: Reader) -> str:
        """The state of a view for its tags; from that of a purpose nothing can be told of another view."""
        if reader.purpose is None:
            return str(reader.state)
        said = f"{reader.view.value} {reader.state}".encode()
        return hashlib.blake2b(said, key=self._secret, digest_size=12).hexdigest()

    def of_text(self, lines: Iterable[str]) -> str:
        """The state of what is told by lines in any order; nobody can tell from it what else they may be."""
        said = "\n".join(sorted(lines)).encode()
        return hashlib.blake2b(said, key=self._secret, digest_size=12).hexdigest()

    def names(self, if_match: str, state: str) -> bool:
        """Whether one of the tags in `If-Match` is of this state, in any format."""
        found = (tag.strip().removeprefix("W/").strip('"') for tag in if_match.split(","))
        return any(tag.startswith(f"{state}-") and tag.endswith(f"-{self._start}") for tag in found)

    @staticmethod
    def match(tag: str, if_none_match: str | None) -> bool:
        """Whether `If-None-Match` names `tag` (weak comparison) or is `*`."""
        if if_none_match is None:
            return False
        known = {t.strip().removeprefix("W/") for t in if_none_match.split(",")}
        return "*" in known or tag.removeprefix("W/") in known

    def holds(self, if_match: str, changed: int) -> bool:
        """Whether one of the tags in `If-Match` is of the last change (the commit `changed`) or of after."""
        return any(found[2] == self._start and int(found[1]) >= changed for found in _TAG.finditer(if_match))

    async def answer(
        self,
        http: Exchange,
        fmt: Format,
        media_type: str,
        *,
        state: int | str,
        workers: Executor,
        produce: Callable[[BinaryIO], None],
        sending: Callable[[Callable[[], None]], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Send what `produce` writes, in a format known beforehand; for HEAD and 304 only the headers.

        `state` is what it was before anything was read; for `sending` see `respond`.
        """
        tag = self.of(state, fmt)
        headers: HeaderList = [
            *NEGOTIATED,
            (b"content-type", content_type(media_type).encode()),
            (b"etag", tag.encode()),
        ]
        matches = self.match(tag, http.headers.get("if-none-match"))
        if matches or http.method == "HEAD":
            await http.reply_bare(304 if matches else 200, headers)
            return
        await respond(
            http.receive,
            http.send,
            workers=workers,
            produce=produce,
            head=lambda: headers,
            encoding=coding(CODINGS, http.headers.get("accept-encoding")),
            sending=sending,
        )
