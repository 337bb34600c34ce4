"""Requests that are no HTTP, or hardly, over a socket: each is answered with a problem, or the connection closed.

FUZZ: how many of each kind.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.serving import Running, running

often = settings(
    max_examples=int(os.environ.get("FUZZ", "60")),
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LONG = b"<long>"  # stands for a text that is too long to be shown
RUBBISH = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"\0", b"\xff\xfe", b"%", b"%zz", b"%00", b"\xc3", b"%C3", b"\x80" * 9, LONG]),
)
TOKENS = st.sampled_from(b"GET POST PUT DELETE HEAD OPTIONS PATCH TRACE get".split())
PATHS = st.sampled_from(
    b"/sparql /update /graphs /graphs/x /queries/search /imports /id/x /consents /subjects/search /health / * //"
    b" http://localhost/sparql /problems/x /audit".split()
)
NAMES = st.sampled_from(b"query update default-graph-uri graph default format purpose timeout text".split())
HEADERS = st.sampled_from(
    b"Accept Accept-Encoding Content-Type Content-Encoding KG-Purpose KG-At-Least Cookie If-None-Match If-Match"
    b" Range Accept-Language Origin Expect Host Authorization".split()
)
TYPES = st.sampled_from(
    b"application/sparql-query application/x-www-form-urlencoded text/turtle multipart/form-data"
    b" multipart/form-data;boundary=x application/json text/turtle;charset=utf-16 ;;;".split()
)


@pytest.fixture(scope="module")
def server(model_only: OxigraphStore) -> Iterator[Running]:
    with model_only.copy() as store:
        kg = KnowledgeGraph.open(Settings(rate=0), store, guarded=False)
        with running(kg) as found:
            yield found
        kg.close()


def answered(server: Running, request: bytes) -> None:
    """The request is answered within its meaning, and the service lives."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as connection:
        answer = b""
        try:
            connection.sendall(request.replace(LONG, b"a" * 70_000))
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                answer += piece
        except OSError:
            pass  # it was cut off, which is an answer, too
    if answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert status < 500, answer[:500]
        if status >= 400 and b"application/problem+json" in head and body:
            assert json.loads(body.partition(b"HTTP/1.1")[0])["status"] == status
        elif status >= 400:
            assert b"text/html" in head or not body, answer[:500]
    assert server.get("/health").status_code == 200


def head(server: Running, *more: bytes) -> bytes:
    sent = [
        b"Host: localhost",
        b"Authorization: Bearer " + server.token.encode(),
        b"Connection: close",
        *more,
    ]
    return b"\r\n".join(sent) + b"\r\n\r\n"


@seed(SEED)
@often
@given(TOKENS, PATHS, st.lists(st.tuples(st.one_of(NAMES, RUBBISH), RUBBISH), max_size=5))
def test_parameters(server: Running, method: bytes, path: bytes, given: list[tuple[bytes, bytes]]) -> None:
    query = b"&".join(name + b"=" + value for name, value in given)
    answered(server, method + b" " + path + b"?" + query + b" HTTP/1.1\r\n" + head(server))


@seed(SEED)
@often
@given(TOKENS, PATHS, st.lists(st.tuples(HEADERS, st.one_of(RUBBISH, TYPES)), max_size=6))
def test_headers(server: Running, method: bytes, path: bytes, given: list[tuple[bytes, bytes]]) -> None:
    more = [name + b": " + value for name, value in given]
    answered(server, method + b" " + path + b"?query=ASK%7B%7D HTTP/1.1\r\n" + head(server, *more))


@seed(SEED)
@often
@given(
    st.sampled_from(
        [b"/sparql", b"/update", b"/graphs?default", b"/imports", b"/consents", b"/subjects/search"]
    ),
    TYPES,
    st.sampled_from([b"identity", b"gzip", b"br", b"\xff"]),
    RUBBISH,
    st.one_of(st.none(), st.integers(-2, 100), st.sampled_from([2**31, 2**64, 10**30])),
)
def test_bodies(
    server: Running, path: bytes, media_type: bytes, coding: bytes, body: bytes, length: int | None
) -> None:
    """With a length that may be another one than that of the body."""
    size = len(body) if length is None else length
    more = [b"Content-Type: " + media_type, b"Content-Encoding: " + coding, b"Content-Length: %d" % size]
    answered(server, b"POST " + path + b" HTTP/1.1\r\n" + head(server, *more) + body)


@seed(SEED)
@often
@given(st.lists(st.tuples(st.one_of(st.none(), RUBBISH), RUBBISH), max_size=4), st.booleans())
def test_chunks(server: Running, chunks: list[tuple[bytes | None, bytes]], ends: bool) -> None:
    """Chunks whose sizes may be rubbish, and that may not end."""
    more = [b"Content-Type: application/sparql-query", b"Transfer-Encoding: chunked"]
    body = b"".join(
        (b"%x" % len(data) if said is None else said) + b"\r\n" + data + b"\r\n" for said, data in chunks
    )
    request = b"POST /sparql HTTP/1.1\r\n" + head(server, *more) + body + (b"0\r\n\r\n" if ends else b"")
    answered(server, request)


@seed(SEED)
@often
@given(st.binary(max_size=200))
def test_bytes(server: Running, request: bytes) -> None:
    answered(server, request)
