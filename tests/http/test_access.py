from __future__ import annotations

import asyncio
import base64
import http.client
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import Forbidden
from kgservice.http.app import Stopping
from kgservice.http.serve import check_door
from kgservice.settings import Settings
from tests.conftest import NOON
from tests.http.keys import make_key
from tests.serving import PLAIN, Running, running

ASK = "/sparql?query=ASK%7B%7D"
TICKET = "the-ticket-of-the-link"


@pytest.fixture(scope="module")
def server(unchanged: Running) -> Running:
    return unchanged


@pytest.fixture
def opened(kg: KnowledgeGraph) -> Iterator[Running]:
    """A service whose link has not been used."""
    with running(kg, ticket=TICKET) as server:
        yield server


def bare(server: Running, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """A request without the token, redirects not followed."""
    url = server.url + path.removeprefix("/")
    names = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return httpx.request(method, url, headers=names, trust_env=False, verify=PLAIN)


@pytest.mark.parametrize(
    "path", ["/", ASK, "/sparql", "/update", "/graphs?default", "/openapi.json", "/nothing/here", "/health/"]
)
def test_everything_needs_the_token(server: Running, path: str) -> None:
    answer = bare(server, path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/unauthorised"
    assert [c.split()[0] for c in answer.headers.get_list("www-authenticate")] == ["Bearer", "Basic"]


def test_browsers_are_not_asked_for_a_password(server: Running) -> None:
    answer = bare(server, "/", Sec_Fetch_Mode="navigate")
    assert [c.split()[0] for c in answer.headers.get_list("www-authenticate")] == ["Bearer"]


@pytest.mark.parametrize(
    ("language", "words"), [("de", "Öffnen Sie den Link"), ("en", "Open the link that it printed")]
)
def test_people_without_the_token_get_a_page_that_asks_for_it(
    server: Running, language: str, words: str
) -> None:
    asked = {"Accept": "text/html,*/*;q=0.8", "Accept_Language": language}
    for path in ("/", "/pages/sparql?query=1", "/?ticket=wrong"):
        answer = bare(server, path, **asked)
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("text/html")
        assert [c.split()[0] for c in answer.headers.get_list("www-authenticate")] == ["Bearer"]
        assert f'<html lang="{language}">' in answer.text
        assert words in answer.text
        assert ('role="alert"' in answer.text) == ("wrong" in path)
        assert "wrong" not in answer.text
        assert '<form method="post" action="/sign-in">' in answer.text
        assert 'name="token"' in answer.text
    assert bare(server, "/", "HEAD", **asked).text == ""
    assert bare(server, "/update", "POST", **asked).headers["content-type"] == "application/problem+json"
    assert bare(server, "/static/kgservice.css").status_code == 200
    assert 'lang="en"' in bare(server, "/?lang=en", **(asked | {"Accept_Language": "de"})).text


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_bearer_and_basic(server: Running) -> None:
    for right in (
        f"Bearer {server.token}",
        f"bearer  {server.token}",
        basic("anybody", server.token),
        basic("", server.token),
    ):
        assert bare(server, ASK, Authorization=right).status_code == 200
    for wrong in (
        "Bearer wrong",
        f"Bearer {server.token}x",
        "Bearer",
        basic("anybody", "wrong"),
        basic(server.token, ""),
        "Basic ???",
        f"Digest {server.token}",
        server.token,
    ):
        assert bare(server, ASK, Authorization=wrong).status_code == 401


def cookie_of(server: Running) -> str:
    with httpx.Client(trust_env=False, verify=PLAIN) as browser:
        return server.sign_in(browser)


def test_the_link_sets_a_cookie_and_leaves_no_ticket_in_the_address(opened: Running) -> None:
    server = opened
    answer = bare(server, f"/trace/a%20b?x=1&ticket={TICKET}&y=%C3%BC")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/trace/a%20b?x=1&y=%C3%BC"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert f"kgservice-{server.port}=" in cookie
    assert server.token not in cookie
    assert bare(server, ASK, Cookie=cookie.partition(";")[0]).status_code == 200


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "Der Link öffnet den Dienst einmal"), ("en", "The link opens the service once")],
)
def test_the_link_opens_one_browser_only(opened: Running, language: str, words: str) -> None:
    link, page = f"/?ticket={TICKET}", {"Accept": "text/html", "Accept_Language": language}
    first = bare(opened, link, **page)
    assert first.status_code == 303
    again = bare(opened, link, **page)
    assert again.status_code == 401
    assert "set-cookie" not in again.headers
    assert words in again.text
    assert 'name="token"' in again.text
    assert TICKET not in again.text
    assert bare(opened, link).json()["type"] == "/problems/unauthorised"
    # Who came in by it may open it again, as from the terminal, and programs need no link.
    cookie = first.headers["set-cookie"].partition(";")[0]
    assert bare(opened, link, **page, Cookie=cookie).status_code == 200
    out = bare(opened, "/sign-out", "POST", Cookie=cookie, Origin=opened.url.removesuffix("/"))
    assert out.status_code == 303
    assert bare(opened, ASK, Cookie=cookie).status_code == 401
    assert bare(opened, ASK, Authorization=f"Bearer {opened.token}").status_code == 200


@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("GET", "ticket=wrong"),
        ("GET", "ticket="),
        ("GET", f"ticket={TICKET}&ticket={TICKET}"),
        ("GET", f"token={TICKET}"),
        ("HEAD", f"ticket={TICKET}"),  # as of a program that looks where a link leads
        ("POST", f"ticket={TICKET}"),
    ],
)
def test_what_does_not_use_the_link_up(opened: Running, method: str, query: str) -> None:
    assert bare(opened, f"/?{query}", method).status_code == 401
    assert bare(opened, f"/?ticket={TICKET}").status_code == 303


def test_the_ticket_is_no_token_and_the_token_no_ticket(opened: Running) -> None:
    assert bare(opened, ASK, Authorization=f"Bearer {TICKET}").status_code == 401
    for name in ("ticket", "token"):
        assert bare(opened, f"/?{name}={opened.token}").status_code == 401


def test_without_a_ticket_there_is_no_link(server: Running) -> None:
    assert bare(server, "/?ticket=").status_code == 401


def test_wrong_cookies(server: Running) -> None:
    assert bare(server, ASK, Cookie=f"kgservice-{server.port}=wrong").status_code == 401
    assert bare(server, ASK, Cookie=f"kgservice-{server.port}").status_code == 401
    assert bare(server, ASK, Cookie=f"kgservice-{server.port}=Wü").status_code == 401


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example/x", "///evil.example"])
def test_the_redirect_stays_here(opened: Running, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", opened.port, timeout=10)
    connection.putrequest("GET", f"{path}?ticket={TICKET}")
    connection.endheaders()
    response = connection.getresponse()
    location = response.headers["location"]
    connection.close()
    assert response.status == 303
    assert location.startswith("/evil.example")


def test_changes_by_cookie_must_come_from_the_same_origin(server: Running) -> None:
    cookie = cookie_of(server)
    own = server.url.removesuffix("/")
    kind = {"Content_Type": "application/sparql-update", "Cookie": cookie}
    for wrong in (
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{server.port + 1}"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": own},
        {"Sec_Fetch_Site": "none"},
    ):
        answer = bare(server, "/update", "POST", **kind, **wrong)
        assert answer.status_code == 403
        assert answer.json()["source"] == "Origin"
    for right in ({"Origin": own}, {"Sec_Fetch_Site": "same-origin"}):
        # Let in, and then refused for its empty update.
        assert bare(server, "/update", "POST", **kind, **right).status_code in {204, 400}
    assert bare(server, ASK, Cookie=cookie, Sec_Fetch_Site="cross-site").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1:{port}", 200),
        ("[::1]:{port}", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example:{port}", 403),
        ("[::1].evil.example", 403),
        ("", 403),
    ],
)
def test_only_loopback_names(server: Running, host: str, status: int) -> None:
    headers = {"Host": host.format(port=server.port), "Authorization": f"Bearer {server.token}"}
    for path in (ASK, "/health"):
        answer = httpx.get(server.url + path.removeprefix("/"), headers=headers, trust_env=False)
        assert answer.status_code == status


def test_security_headers_are_on_every_answer(server: Running) -> None:
    xml = server.get(ASK, headers={"Accept": "application/sparql-results+xml"})
    for answer in (xml, server.get("/nothing"), bare(server, "/"), server.get("/")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "'unsafe-" not in answer.headers["content-security-policy"]
        assert "server" not in answer.headers
    for data in (server.get(ASK), bare(server, "/health")):  # no browser runs JSON
        assert data.headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" not in data.headers


def test_neither_token_nor_ticket_is_ever_written(opened: Running, capfd: pytest.CaptureFixture[str]) -> None:
    bare(opened, f"/?ticket={TICKET}x")
    bare(opened, f"/?ticket={TICKET}")
    bare(opened, f"/x?token={opened.token}")
    opened.get(ASK)
    written = capfd.readouterr()
    assert opened.token not in written.out + written.err
    assert TICKET not in written.out + written.err


@pytest.mark.parametrize(
    ("given", "local"),
    [
        ({}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "::"}, False),
        ({"host": "192.168.0.1"}, False),
        ({"host": "kg.example"}, False),
        ({"hosts": "kg.example"}, False),
        ({"proxies": "127.0.0.1"}, False),
    ],
)
def test_more_than_this_machine_is_served_only_with_keys_or_a_provider(
    tmp_path: Path, given: dict[str, str], local: bool
) -> None:
    settings = Settings.load({}, store=tmp_path / "store", **given)
    assert settings.local == local
    if local:
        check_door(settings, NOON)
        return
    with pytest.raises(Forbidden, match="kgservice keys create"):
        check_door(settings, NOON)
    check_door(replace(settings, oidc_issuer="https://login.example", oidc_audience="kg"), NOON)
    make_key(settings, expires=NOON)
    with pytest.raises(Forbidden, match="kgservice keys create"):
        check_door(settings, NOON)
    make_key(settings)
    check_door(settings, NOON)


@pytest.mark.parametrize("query", ["query=ASK%7BFILTER(?ticket=1)%7D", "query=ASK%7B%7D&myticket=1"])
def test_a_ticket_inside_another_parameter_is_none(server: Running, query: str) -> None:
    cookie = cookie_of(server)
    assert bare(server, f"/sparql?{query}", Cookie=cookie).status_code == 200
    assert bare(server, f"/sparql?{query}").status_code == 401


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", "GET, HEAD, OPTIONS"),
        ("/ontology", "GET, HEAD, OPTIONS"),
        ("/ontology/PainPoint", "GET, HEAD, OPTIONS"),
        ("/id/x", "GET, HEAD, OPTIONS"),
        ("/export", "GET, HEAD, OPTIONS"),
        ("/validation", "GET, HEAD, OPTIONS, POST"),
        ("/check", "GET, HEAD, OPTIONS, POST"),
        ("/imports", "GET, HEAD, OPTIONS, POST"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/health/ready", "GET, HEAD, OPTIONS"),
        ("/backups", "GET, HEAD, OPTIONS, POST"),
        ("/metrics", "GET, HEAD, OPTIONS"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/static/kgservice.css", "GET, HEAD, OPTIONS"),
        ("/problems/conflict", "GET, HEAD, OPTIONS"),
    ],
)
def test_every_resource_says_its_methods(server: Running, path: str, methods: str) -> None:
    answer = server.request("OPTIONS", path)
    assert (answer.status_code, answer.headers["allow"], answer.content) == (204, methods, b"")
    refused = server.request("DELETE", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)


def test_who_waits_while_the_service_stops_is_told() -> None:
    sent: list[Message] = []

    async def waiting(_scope: Scope, _receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def stop() -> None:
        scope = {"type": "http", "method": "POST", "path": "/imports", "headers": []}
        task = asyncio.create_task(Stopping(waiting)(scope, receive, send))
        await asyncio.sleep(0)
        task.cancel()
        await task

    asyncio.run(stop())
    assert sent[0]["status"] == 503
    problem = json.loads(sent[1]["body"])
    assert (problem["type"], problem["detail"]) == ("/problems/store-failure", "The service is stopping")
