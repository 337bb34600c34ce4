"""The SPARQL 1.1 protocols as a client: queries, updates and graphs of a server, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from kgservice.errors import DeadlineExceeded, StoreFailed, Undecided
from kgservice.store.certificates import certificates

_CONNECT = 5.0  # seconds until a server has to take a connection
_LOADING = 3600.0  # seconds that a server may take for a document
_PIECE = 64 * 1024
_SAID = 300  # characters of what a server says about an error
# Virtuoso answers a query that it has given up with 200, wrong rows and this header.
_GIVEN_UP = "X-SQL-State"
# What a proxy says when it does not know what became of a request.
_GATEWAYS = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Server:
    """Where a SPARQL server takes queries, updates and graphs (Graph Store Protocol), and who we are there.

    `seconds`: how long one request may take.
    """

    query: str
    update: str
    data: str
    user: str = ""
    password: str = ""
    seconds: float = 60.0

    @property
    def name(self) -> str:
        """The server, for messages: without what may be secret."""
        url = httpx.URL(self.query)
        return f"{url.scheme}://{url.netloc.decode()}"


class Unreachable(StoreFailed):
    """The server takes no connection: it has got nothing."""


class Refused(StoreFailed):
    """The server has answered, with a status that says no."""

    def __init__(self, detail: str, status: int = 500, within: str = "") -> None:
        super().__init__(detail, within=within)
        self.status = status


class Readable(Protocol):
    """What a stream of bytes is read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes; none at the end."""


class Client:
    """Requests to one server; any number of threads may make them. It follows no redirects and no proxies.

    Raises `StoreFailed`, which says what the server says to who runs the service, and `DeadlineExceeded`.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        auth = httpx.BasicAuth(server.user, server.password) if server.user else None
        timeout = httpx.Timeout(server.seconds, connect=_CONNECT)
        known = certificates(server.query, server.update, server.data)
        self._http = httpx.Client(
            auth=auth, timeout=timeout, trust_env=False, follow_redirects=False, verify=known
        )

    @contextmanager
    def query(
        self, text: str, accept: str, graphs: Iterable[tuple[str, str]] = (), seconds: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of an answer, of this media type.

        `graphs`: names and values of the parameters for the dataset.
        """
        parameters: dict[str, list[str]] = {"query": [text]}
        for name, value in graphs:
            parameters.setdefault(name, []).append(value)
        most = self.server.seconds if seconds is None else seconds
        if most <= 0:
            raise DeadlineExceeded("the query has waited for its turn until its time was up")
        try:
            with self._answer(self.server.query, most, {"Accept": accept}, data=parameters) as found:
                media_type = found.headers.get("content-type", "").partition(";")[0].strip()
                if media_type != accept:
                    told = f"{self.server.name}: {media_type!r} instead of {accept!r}"
                    raise StoreFailed("the server answers in a form that it was not asked for", within=told)
                yield self._pieces(found, time.monotonic() + most)
        except httpx.ReadTimeout as error:
            raise DeadlineExceeded(
                "the server has not answered within {seconds:g} s", seconds=round(most, 3)
            ) from error
        except httpx.RequestError as error:
            raise StoreFailed("the connection to the server broke", within=self._met(error)) from error

    def update(self, text: str) -> None:
        """Have a change made. Raises `Undecided` when it is not known whether it was."""
        headers = {"Content-Type": "application/sparql-update; charset=utf-8"}
        try:
            with self._answer(self.server.update, self.server.seconds, headers, content=text.encode()):
                return
        except httpx.RequestError as error:
            raise Undecided(
                "the connection to the server broke before it said what became of a change",
                within=self._met(error),
            ) from error
        except Refused as error:
            if error.status in _GATEWAYS:
                raise Undecided(error.detail, within=error.within) from error
            raise

    def post(self, source: Readable, media_type: str) -> None:
        """Add the quads of a document. When the connection breaks, some or all of them may be there."""
        try:
            with self._answer(
                self.server.data, _LOADING, {"Content-Type": media_type}, content=_read(source)
            ):
                return
        except httpx.RequestError as error:
            raise StoreFailed(
                "the connection to the server broke while a document was sent; some or all of it may be "
                "there; send it again",
                within=self._met(error),
            ) from error

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    @contextmanager
    def _answer(
        self, url: str, seconds: float, headers: Mapping[str, str], **given: Any
    ) -> Iterator[httpx.Response]:
        """The answer to a POST. Raises `Unreachable`, `Refused`, and what httpx raises when it breaks."""
        timeout = httpx.Timeout(seconds, connect=min(seconds, _CONNECT))
        try:
            with self._http.stream("POST", url, headers=headers, timeout=timeout, **given) as answer:
                if answer.status_code < 300 and _GIVEN_UP in answer.headers:
                    told = f"{self.server.name}: {_GIVEN_UP} {answer.headers[_GIVEN_UP][:_SAID]}"
                    raise Refused("the server has given up what it was asked", within=told)
                if answer.status_code >= 300:
                    answer.read()
                    said = " ".join(answer.text.split())[:_SAID]
                    told = f"the server answers {answer.status_code}"
                    raise Refused(told, answer.status_code, f"{self.server.name}: {said}")
                yield answer
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unreachable("the server cannot be reached", within=self._met(error)) from error

    def _met(self, error: httpx.RequestError) -> str:
        return f"{self.server.name}: {error}"

    def _pieces(self, answer: httpx.Response, until: float) -> Iterator[bytes]:
        for piece in answer.iter_bytes():
            yield piece
            if time.monotonic() > until:
                raise DeadlineExceeded("the server has not answered completely in time")


def _read(source: Readable) -> Iterator[bytes]:
    while piece := source.read(_PIECE):
        yield piece
