from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.errors import TooMany
from kgservice.http.access import limits
from kgservice.http.access.limits import Attempts, Limits
from kgservice.settings import Settings
from tests.conftest import NOON
from tests.http.keys import asking, bare, make_key, serving


class Moving:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_requests_in_a_minute() -> None:
    clock = Moving()
    limit = Limits(6, 0, clock)
    for _ in range(6):
        limit.leave(limit.enter("a"))
    with pytest.raises(TooMany) as refused:
        limit.enter("a")
    assert refused.value.after == 10
    limit.leave(limit.enter("b"))
    clock.now = 9.9
    with pytest.raises(TooMany) as refused:
        limit.enter("a")
    assert refused.value.after == 1
    clock.now = 10
    limit.leave(limit.enter("a"))
    clock.now = 10_000  # no more than a minute's worth is saved up
    for _ in range(6):
        limit.leave(limit.enter("a"))
    with pytest.raises(TooMany):
        limit.enter("a")


def test_requests_at_once() -> None:
    limit = Limits(0, 2)
    first, _ = limit.enter("a"), limit.enter("a")
    with pytest.raises(TooMany):
        limit.enter("a")
    limit.enter("b")
    limit.leave(first)
    limit.enter("a")


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_KNOWN", 10)
    clock = Moving()
    limit = Limits(60, 1, clock)
    limit.enter("busy")
    for number in range(100):
        clock.now += 1
        limit.leave(limit.enter(f"{number}"))
    with pytest.raises(TooMany):
        limit.enter("busy")
    assert len(limit._accounts._known) <= 10


def test_failed_attempts() -> None:
    clock = Moving()
    attempts = Attempts(2, clock)
    for _ in range(5):
        attempts.begin("192.0.2.1")
        attempts.succeeded("192.0.2.1")
    attempts.begin("192.0.2.1")
    attempts.begin("192.0.2.1")
    with pytest.raises(TooMany):
        attempts.begin("192.0.2.1")
    attempts.begin("192.0.2.2")
    for host in ("2001:db8::1", "2001:db8::2"):
        attempts.begin(host)
    with pytest.raises(TooMany):
        attempts.begin("2001:db8::3")
    clock.now = 30
    attempts.begin("192.0.2.1")


def test_too_many_requests_over_http(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, rate=3) as server:
        key, other = make_key(kg.settings), make_key(kg.settings)
        for _ in range(3):
            assert asking(server, "/queries", key).status_code == 200
        answer = asking(server, "/queries", key)
        assert answer.status_code == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "/problems/too-many-requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        page = asking(server, "/queries", key, headers={"Accept": "text/html"})
        assert page.status_code == 429
        assert page.headers["content-type"].startswith("text/html")
        assert int(page.headers["retry-after"]) >= 1
        assert asking(server, "/queries", other).status_code == 200
        assert server.get("/queries").status_code == 200


def test_open_addresses_are_limited_by_address(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, rate=3) as server:
        assert [bare(server, "/health").status_code for _ in range(4)] == [200, 200, 200, 429]
        assert server.get("/queries").status_code == 200


def test_requests_at_once_over_http(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, at_once=1) as server:
        key = make_key(kg.settings, Role.EDITOR)
        assert asking(server, "/queries", key).status_code == 200
        # A body that does not come to its end.
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as slow:
            head = (
                f"POST /update HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {key}\r\n"
                "Content-Type: application/sparql-update\r\nContent-Length: 100\r\n\r\nINSERT"
            )
            slow.sendall(head.encode())
            assert until(lambda: asking(server, "/queries", key).status_code, 429)
            assert asking(server, "/queries", key).headers["retry-after"] == "1"
            assert server.get("/queries").status_code == 200
        assert until(lambda: asking(server, "/queries", key).status_code, 200)


def until(ask: Callable[[], int], wanted: int) -> bool:
    """Whether the answer comes to be the wanted one within five seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        if ask() == wanted:
            return True
    return False


def test_failed_sign_ins_over_http(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, sign_ins=2) as server:
        key, other, late = (make_key(kg.settings, dear=True) for _ in range(3))
        over = make_key(kg.settings, expires=NOON, dear=True)
        assert asking(server, "/queries", key).status_code == 200
        wrong = [key[:-5] + f"{n}AAAA" for n in range(5)]
        assert [asking(server, "/queries", w).status_code for w in wrong[:3]] == [401, 401, 429]
        # Who has a valid key gets in; who has not has to wait, whatever is given, and however often.
        assert asking(server, "/queries", key).status_code == 200
        assert asking(server, "/queries", other).status_code == 200
        nobody = f"kgs_{'0' * 8}_{'A' * 43}"
        answers = [asking(server, "/queries", guess) for guess in (*wrong, nobody, over)]
        assert {answer.status_code for answer in answers} == {429}
        assert len({answer.json()["detail"] for answer in answers}) == 1
        start = time.perf_counter()
        assert {asking(server, "/queries", guess).status_code for guess in (*wrong, nobody) * 5} == {429}
        assert time.perf_counter() - start < 5  # of these none is hashed
        assert asking(server, "/queries", late).status_code == 200
        assert asking(server, "/queries", "no key at all").status_code == 429
        assert server.get("/queries").status_code == 200
        own = {"Origin": server.url.removesuffix("/")}
        page = bare(server, "/sign-in", "POST", data={"token": "guess"}, headers=own)
        assert page.status_code == 429
        assert int(page.headers["retry-after"]) >= 1


def test_wrong_tokens_are_failed_attempts(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, sign_ins=2) as server:
        key = make_key(kg.settings)
        wrong = [asking(server, "/queries", f"wrong {n}") for n in range(4)]
        assert [answer.status_code for answer in wrong] == [401, 401, 429, 429]
        assert int(wrong[-1].headers["retry-after"]) >= 1
        basic = {"Authorization": f"Basic {base64.b64encode(b'anybody:wrong').decode()}"}
        assert bare(server, "/queries", headers=basic).status_code == 429
        # Without credentials nobody tries anything; who has the right ones is not kept out by others.
        assert bare(server, "/queries").status_code == 401
        assert server.get("/queries").status_code == 200
        assert asking(server, "/queries", key).status_code == 200


@pytest.mark.parametrize(
    ("given", "most"),
    [
        ({}, 120_000),
        ({"host": "0.0.0.0"}, 600),
        ({"hosts": "kg.example"}, 600),
        ({"proxies": "10.0.0.1"}, 600),
        ({"host": "0.0.0.0", "rate": 5000}, 5000),
        ({"rate": 0}, 0),
    ],
)
def test_in_a_network_fewer_requests_are_let_in_by_themselves(given: dict[str, Any], most: int) -> None:
    assert Settings(**given).requests_a_minute == most


def test_a_right_key_that_is_asked_with_many_times_at_once_is_one_attempt(
    kg: KnowledgeGraph, tmp_path: Path
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with serving(kg, tmp_path, sign_ins=1) as server, ThreadPoolExecutor(10) as pool:
        key = make_key(kg.settings)
        answers = pool.map(lambda _: asking(server, "/queries", key).status_code, range(10))
        assert set(answers) == {200}
