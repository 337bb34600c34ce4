from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.http.access.sessions import MOST_OF_ONE, Sessions
from kgservice.store.keys import KeyFile, keys_of
from tests.conftest import NOON
from tests.http.keys import RESEARCH, bare, make_key, serving
from tests.serving import Running

HTML = {"Accept": "text/html"}


class Moving:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time(kg: KnowledgeGraph) -> Moving:
    kg.clock = moving = Moving()
    return moving


@pytest.fixture
def server(kg: KnowledgeGraph, tmp_path: Path, time: Moving) -> Iterator[Running]:
    with serving(kg, tmp_path) as server:
        yield server


def sign_in(server: Running, token: str, to: str = "/", **headers: str) -> httpx.Response:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null", **HTML, **headers}
    return bare(server, "/sign-in", "POST", data={"token": token, "to": to}, headers=headers)


def with_cookie(
    server: Running, value: str, path: str = "/queries", method: str = "GET", **headers: Any
) -> httpx.Response:
    cookie = f"kgservice-{server.port}={value}"
    return bare(server, path, method, headers={"Cookie": cookie, **headers})


def value_of(answer: httpx.Response, server: Running) -> str:
    assert answer.status_code == 303, answer.text
    return str(answer.cookies[f"kgservice-{server.port}"])


def test_signing_in_with_a_key(server: Running) -> None:
    key = make_key(server.kg.settings)
    answer = sign_in(server, f" {key} ", "/pages/questions?lang=en")
    assert answer.headers["location"] == "/pages/questions?lang=en"
    cookie = answer.headers.get_list("set-cookie")[0]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Max-Age=43200" in cookie
    assert "Secure" not in cookie  # this is plain HTTP
    assert "Domain" not in cookie
    value = value_of(answer, server)
    assert key not in cookie
    assert key[13:] not in cookie
    assert with_cookie(server, value).status_code == 200
    refused = with_cookie(server, value, "/export")
    assert refused.status_code == 403


def test_the_token_may_be_pasted_on_this_machine(server: Running) -> None:
    value = value_of(sign_in(server, server.token), server)
    assert server.token not in value
    assert with_cookie(server, value, "/export", "HEAD").status_code == 200


def test_wrong_keys(server: Running) -> None:
    answer = sign_in(server, "wrong")
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert sign_in(server, "").status_code == 401
    revoked = make_key(server.kg.settings)
    KeyFile(keys_of(server.kg.settings.store)).revoke(revoked[4:12], NOON)
    assert sign_in(server, revoked).status_code == 401


def test_the_page(server: Running) -> None:
    answer = bare(server, "/sign-in", headers=HTML)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert 'name="to" value="/"' in answer.text
    asked = bare(server, "/pages/questions?x=%22%3E&lang=en&ticket=", headers=HTML)
    assert asked.status_code == 401
    assert 'name="to" value="/pages/questions?x=%22%3E"' in asked.text
    assert bare(server, "/sign-in", "PUT").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert bare(server, "/sign-out").status_code == 405


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("//evil.example", "/evil.example"),
        ("https://evil.example/", "/https%3A//evil.example/"),
        ("/\\evil.example", "/evil.example"),
        ("\\\\evil.example", "/evil.example"),
        ("/a\r\nSet-Cookie: x=y", "/a%0D%0ASet-Cookie%3A%20x%3Dy"),
        ("/sign-out", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_nowhere_else(server: Running, to: str, location: str) -> None:
    assert sign_in(server, server.token, to).headers["location"] == location


def test_signing_in_and_out_must_come_from_a_page_of_the_service(server: Running) -> None:
    key = make_key(server.kg.settings)
    own = server.url.removesuffix("/")
    for wrong in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://evil.example"},
        {"Origin": f"http://127.0.0.1:{server.port + 1}"},
    ):
        assert sign_in(server, key, **wrong).status_code == 403
    for path in ("/sign-in", "/sign-out"):
        assert bare(server, path, "POST", data={"token": key}).status_code == 403
        assert bare(server, path, "POST", data={"token": key}, headers={"Origin": "null"}).status_code == 403
    assert bare(server, "/sign-in", "POST", data={"token": key}, headers={"Origin": own}).status_code == 303


def test_the_form_is_a_small_form(server: Running) -> None:
    own = {"Origin": server.url.removesuffix("/")}
    assert bare(server, "/sign-in", "POST", json={"token": 1}, headers=own).status_code == 415
    assert bare(server, "/sign-in", "POST", data={"token": 9000 * "x"}, headers=own).status_code == 413


def test_signing_out(server: Running) -> None:
    value = value_of(sign_in(server, make_key(server.kg.settings)), server)
    other = value_of(sign_in(server, make_key(server.kg.settings)), server)
    answer = with_cookie(server, value, "/sign-out", "POST", **{"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    dropped = answer.headers.get_list("set-cookie")
    assert [c.partition("=")[0] for c in dropped] == [
        f"kgservice-{server.port}",
        f"kgservice-purpose-{server.port}",
    ]
    assert all("Max-Age=0" in c for c in dropped)
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert with_cookie(server, value).status_code == 401
    assert with_cookie(server, other).status_code == 200


def test_signing_out_ends_the_session_of_the_token(server: Running) -> None:
    value = value_of(sign_in(server, server.token), server)
    other = value_of(sign_in(server, server.token), server)
    assert value != other
    assert with_cookie(server, value, "/sign-out", "POST", **{"Sec-Fetch-Site": "same-origin"}).is_redirect
    assert with_cookie(server, value).status_code == 401
    assert with_cookie(server, other).status_code == 200


def test_sessions_end(server: Running, time: Moving) -> None:
    value = value_of(sign_in(server, make_key(server.kg.settings)), server)
    local = value_of(sign_in(server, server.token), server)
    time.now += timedelta(hours=11, minutes=59)
    assert with_cookie(server, value).status_code == 200
    time.now += timedelta(minutes=1)
    assert with_cookie(server, value).status_code == 401
    assert with_cookie(server, local).status_code == 200  # it lasts as long as the service


def test_a_session_ends_with_its_key(server: Running, time: Moving) -> None:
    revoked = make_key(server.kg.settings)
    short = make_key(server.kg.settings, expires=NOON + timedelta(minutes=1))
    first, second = (value_of(sign_in(server, key), server) for key in (revoked, short))
    KeyFile(keys_of(server.kg.settings.store)).revoke(revoked[4:12], NOON)
    assert with_cookie(server, first).status_code == 401
    assert with_cookie(server, second).status_code == 200
    time.now += timedelta(minutes=1)
    assert with_cookie(server, second).status_code == 401


def test_no_session_is_taken_over_from_the_browser(server: Running) -> None:
    key = make_key(server.kg.settings)
    mine = "an-id-that-somebody-planted"
    cookie = f"kgservice-{server.port}={mine}"
    value = value_of(sign_in(server, key, Cookie=cookie), server)
    assert value != mine
    assert with_cookie(server, mine).status_code == 401
    # Signing in once more ends the session before.
    again = value_of(sign_in(server, key, Cookie=f"kgservice-{server.port}={value}"), server)
    assert with_cookie(server, value).status_code == 401
    assert with_cookie(server, again).status_code == 200


def test_a_cookie_that_comes_twice_is_refused(server: Running) -> None:
    value = value_of(sign_in(server, make_key(server.kg.settings)), server)
    name = f"kgservice-{server.port}"
    for cookies in (f"{name}={value}; {name}=x", f"{name}=x; {name}={value}"):
        assert bare(server, "/queries", headers={"Cookie": cookies}).status_code == 401
    twice = [("Cookie", f"{name}={value}"), ("Cookie", f"{name}={value}")]
    assert bare(server, "/queries", headers=twice).status_code == 401
    assert bare(server, "/queries", headers={"Cookie": f"a{name}=x; {name}={value}; b"}).status_code == 200


def test_the_header_comes_before_the_cookie(server: Running) -> None:
    value = value_of(sign_in(server, server.token), server)
    reader = {"Authorization": f"Bearer {make_key(server.kg.settings)}"}
    assert with_cookie(server, value, "/export", **reader).status_code == 403
    assert with_cookie(server, value, "/export", Authorization="Bearer wrong").status_code == 401
    twice = [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {server.token}")]
    assert bare(server, "/queries", headers=twice).status_code == 400


def test_changes_by_cookie_come_from_the_same_origin(server: Running) -> None:
    value = value_of(sign_in(server, make_key(server.kg.settings, Role.EDITOR)), server)
    update = {"Content-Type": "application/sparql-update"}
    assert with_cookie(server, value, "/update", "POST", **update).status_code == 403
    evil = {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
    assert with_cookie(server, value, "/update", "POST", **update, **evil).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    assert with_cookie(server, value, "/update", "POST", **update, **own).status_code in {204, 400}


def test_behind_a_proxy_with_tls(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, proxies="127.0.0.1", hosts="kg.example") as server:
        key = make_key(kg.settings)
        tls = {"Host": "kg.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
        answer = sign_in(server, key, **tls, Origin="https://kg.example")
        assert answer.status_code == 303
        cookie = answer.headers.get_list("set-cookie")[0]
        assert cookie.startswith("__Host-kgservice-80=")
        assert "Secure" in cookie
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        name, _, value = cookie.partition(";")[0].partition("=")
        assert bare(server, "/queries", headers={**tls, "Cookie": f"{name}={value}"}).status_code == 200
        # Without its prefix another host of the domain could have set it.
        planted = {**tls, "Cookie": f"kgservice-80={value}"}
        assert bare(server, "/queries", headers=planted).status_code == 401
        # The token of this start opens nothing in a browser.
        assert sign_in(server, server.token, **tls).status_code == 401
        assert bare(server, f"/?ticket={server.token}", headers={**tls, **HTML}).status_code == 401
        page = bare(server, "/", headers={**tls, **HTML}).text
        assert "Link" not in page
        assert "API-Schlüssel" in page
        # Other hosts, and other ways in.
        assert bare(server, "/health", headers={"Host": "evil.example"}).status_code == 403
        assert bare(server, "/health", headers={"Host": "kg.example.evil"}).status_code == 403
        assert server.get("/queries").status_code == 200  # as the commands on this machine ask


def test_forwarded_headers_are_believed_of_proxies_only(server: Running) -> None:
    answer = bare(server, "/health", headers={"X-Forwarded-Proto": "https"})
    assert "strict-transport-security" not in answer.headers


def test_sessions_of_one_key_are_bounded() -> None:
    sessions = Sessions(lambda: NOON, 1)
    mine = [sessions.open("aaaaaaaa") for _ in range(MOST_OF_ONE + 2)]
    other = sessions.open("bbbbbbbb")
    found = [sessions.find(i) for i in (*mine[:3], mine[-1], other, "\ud800")]
    assert [s and s.prefix for s in found] == [None, None, "aaaaaaaa", "aaaaaaaa", "bbbbbbbb", None]


def test_a_purpose_in_a_cookie_goes_with_the_session(server: Running) -> None:
    key = make_key(server.kg.settings, purposes=(RESEARCH,))
    dropped = sign_in(server, key).headers.get_list("set-cookie")[1]
    assert dropped.startswith(f"kgservice-purpose-{server.port}=")
    assert "Max-Age=0" in dropped
