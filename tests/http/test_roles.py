from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Principal, Role
from kgservice.errors import Forbidden, NotFound
from kgservice.http.access import permissions
from kgservice.http.access.permissions import RULES, is_open, permit, rule_of
from kgservice.http.access.sign_in import SIGN_IN, SIGN_OUT
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.http.keys import asking, bare, make_key, serving
from tests.routes import addresses
from tests.serving import Running

MONITOR, READER, RESEARCHER, EDITOR, STEWARD, PRIVACY, ADMIN = Role
ALL = set(Role) - {MONITOR}
QUERYING = ALL - {READER}
EDITING = {EDITOR, STEWARD, ADMIN}
STEWARDS = {STEWARD, ADMIN}
OFFICERS = {PRIVACY, ADMIN}
OVERSEEING = {STEWARD, PRIVACY, ADMIN}

# method, address → who may
MAY: list[tuple[str, str, set[Role]]] = [
    ("GET", "/", ALL),
    ("GET", "/queries", ALL),
    ("GET", "/queries/no-such-question", ALL),
    ("GET", "/trace/00000000-0000-4000-8000-000000000000", ALL),
    ("GET", "/journeys", ALL),
    ("GET", "/journeys/x", ALL),
    ("GET", "/pages/journeys", ALL),
    ("GET", "/pages/walls", ALL),
    ("GET", "/ontology", ALL),
    ("GET", "/ontology/PainPoint", ALL),
    ("GET", "/id/x", ALL),
    ("GET", "/openapi.json", ALL),
    ("GET", "/pages/questions", ALL),
    ("GET", "/pages/record?iri=urn:x", ALL),
    ("GET", "/pages/sparql", QUERYING),
    ("GET", "/pages/workbench", QUERYING),
    ("GET", "/pages/findings", STEWARDS),
    ("GET", "/pages/findings/x", STEWARDS),
    ("POST", "/pages/findings/x", STEWARDS),
    ("GET", "/pages/quarantine", STEWARDS),
    ("POST", "/pages/quarantine/x", STEWARDS),
    ("GET", "/pages/links", STEWARDS),
    ("POST", "/pages/links/x", STEWARDS),
    ("GET", "/pages/persons", OFFICERS),
    ("POST", "/pages/persons", OFFICERS),
    ("GET", "/pages/persons/x/erasure", OFFICERS),
    ("POST", "/pages/persons/x/erasure", OFFICERS),
    ("GET", "/requests", OFFICERS),
    ("POST", "/requests", OFFICERS),
    ("GET", "/pages/requests", OFFICERS),
    ("POST", "/pages/requests", OFFICERS),
    ("POST", "/pages/requests/x", OFFICERS),
    ("POST", "/pages/consents/x", OFFICERS),
    ("GET", "/pages/sources/x", STEWARDS),
    ("POST", "/pages/sources/x", STEWARDS),
    ("GET", "/pages/conflicts", STEWARDS),
    ("POST", "/pages/conflicts/x", STEWARDS),
    ("GET", "/pages/administration", {ADMIN}),
    ("GET", "/pages/keys", {ADMIN}),
    ("POST", "/pages/keys", {ADMIN}),
    ("GET", "/pages/backups", {ADMIN}),
    ("GET", "/pages/audit", OFFICERS),
    ("POST", "/pages/purpose", ALL),
    ("GET", "/sparql?query=ASK%7B%7D", QUERYING),
    ("HEAD", "/sparql?query=ASK%7B%7D", QUERYING),
    ("GET", "/sparql", QUERYING),
    ("POST", "/sparql", QUERYING),
    ("POST", "/update", EDITING),
    ("POST", "/imports", EDITING),
    ("GET", "/imports", STEWARDS),
    ("GET", "/imports/x", STEWARDS),
    ("POST", "/imports/x/runs", STEWARDS),
    ("POST", "/imports/x/runs/x/stop", STEWARDS),
    ("GET", "/links/runs", STEWARDS),
    ("POST", "/links/candidates", STEWARDS),
    ("GET", "/imports/x/export", STEWARDS),
    ("POST", "/imports/x/export", STEWARDS),
    ("POST", "/records", EDITING),
    ("GET", "/records/x", EDITING),
    ("PUT", "/records/x", EDITING),
    ("DELETE", "/records/x", EDITING),
    ("POST", "/validation", EDITING),
    ("GET", "/validation?format=none", STEWARDS),
    ("PUT", "/graphs?graph=urn:x", EDITING),
    ("POST", "/graphs?default", EDITING),
    ("DELETE", "/graphs?graph=urn:x", EDITING),
    ("GET", "/graphs?default", OVERSEEING),
    ("HEAD", "/graphs/x", OVERSEEING),
    ("GET", "/findings", OVERSEEING),
    ("POST", "/findings/x/waiver", STEWARDS),
    ("DELETE", "/findings/x/waiver", STEWARDS),
    ("GET", "/quarantine", STEWARDS),
    ("PUT", "/quarantine/x", STEWARDS),
    ("POST", "/quarantine/x/release", STEWARDS),
    ("GET", "/links", STEWARDS),
    ("GET", "/links/report", STEWARDS),
    ("GET", "/links/x/waterfall", STEWARDS),
    ("POST", "/links/x/accept", STEWARDS),
    ("POST", "/links/x/undo", STEWARDS),
    ("GET", "/quality", STEWARDS),
    ("POST", "/consents", OFFICERS),
    ("GET", "/consents/x", OFFICERS),
    ("POST", "/consents/x/withdraw", OFFICERS),
    ("GET", "/decisions", OFFICERS),
    ("GET", "/export", {ADMIN}),
    ("GET", "/check", {ADMIN}),
    ("POST", "/check", {ADMIN}),
    ("GET", "/backups", {ADMIN}),
    ("GET", "/maintenance", {ADMIN}),
    ("GET", "/maintenance/x", {ADMIN}),
    ("POST", "/maintenance/x/stop", {ADMIN}),
    ("POST", "/pages/administration", {ADMIN}),
    ("POST", "/pages/backups", {ADMIN}),
    ("GET", "/metrics", {ADMIN, MONITOR}),
]


@pytest.fixture(scope="module")
def server(model_only: OxigraphStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all tests here: none of them changes anything."""
    with model_only.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, guarded=False)
        with serving(kg, tmp_path_factory.mktemp("roles")) as server:
            yield server
        kg.close()


@pytest.fixture(scope="module")
def key_of(server: Running) -> dict[Role, str]:
    """A key for each role."""
    purposes = server.kg.settings.active_purposes
    return {role: make_key(server.kg.settings, role, purposes=purposes, default=purposes[0]) for role in Role}


@pytest.mark.parametrize(
    ("method", "path", "may"),
    MAY,
    ids=[f"{method} {path.partition('?')[0]} {n}" for n, (method, path, _) in enumerate(MAY)],
)
def test_who_may(server: Running, key_of: dict[Role, str], method: str, path: str, may: set[Role]) -> None:
    for role in Role:
        answer = asking(server, path, key_of[role], method)
        assert answer.status_code != 401
        assert (answer.status_code != 403) == (role in may), (role, answer.status_code, answer.text)
        if role not in may and method != "HEAD":
            problem = answer.json()
            assert problem["type"] == "/problems/forbidden"
            assert set(problem["roles"]) == may
            assert str(role) in problem["detail"]


def test_every_route_is_in_the_table(kg: KnowledgeGraph) -> None:
    paths = addresses(kg) - {SIGN_IN, SIGN_OUT}  # these are answered at the door
    assert {"/queries/{id}", "/health", "/check", "/id/{key}", "/", "/static/"} <= paths
    for path in paths:
        assert is_open(path) or rule_of(path) is not None, path


def test_every_rule_names_roles_that_may_something() -> None:
    for path, rule in RULES.items():
        assert Role.ADMINISTRATOR in rule.read | rule.write, path


def test_what_is_not_in_the_table_is_not_handed_on(
    server: Running, key_of: dict[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(RULES, "/export")
    assert asking(server, "/export", key_of[Role.ADMINISTRATOR]).status_code == 404
    assert server.get("/export").status_code == 404


@pytest.mark.parametrize(
    "target",
    [
        "//sparql?query=ASK%7B%7D",
        "/%2Fsparql?query=ASK%7B%7D",
        "/sparql%2F?query=ASK%7B%7D",
        "/sparql/?query=ASK%7B%7D",
        "/./sparql?query=ASK%7B%7D",
        "/queries/../sparql?query=ASK%7B%7D",
        "/queries/..%2Fsparql?query=ASK%7B%7D",
        "/queries/%2e%2e/sparql?query=ASK%7B%7D",
        "/static/../sparql?query=ASK%7B%7D",
        "/static/%2e%2e/export",
        "/problems/../export",
        "/problems/..%2fexport",
        "/health/../export",
        "/health%2Fexport",
        "/health;/export",
        "/SPARQL?query=ASK%7B%7D",
        "/sparql%00?query=ASK%7B%7D",
        "/sparql%0A?query=ASK%7B%7D",
        "/export%0A",
        "/export/",
        "//export",
        "/\\export",
        "/pages//sparql",
        "/pages/./sparql",
        "/pages/%73parql/",
        "/%65xport/",
        "http://127.0.0.1/export",
        "*",
    ],
)
def test_no_path_leads_around_the_table(server: Running, key_of: dict[Role, str], target: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {key_of[Role.READER]}", "Accept": "application/json"}
    connection.putrequest("GET", target, skip_host=True)
    connection.putheader("Host", f"127.0.0.1:{server.port}")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status in {400, 403, 404, 405}, body[:200]


@pytest.mark.parametrize("path", ["/export", "/%65xport", "/sparql", "/%73parql"])
def test_a_decoded_path_is_what_counts(server: Running, key_of: dict[Role, str], path: str) -> None:
    assert asking(server, path, key_of[Role.READER]).status_code == 403


def test_headers_that_only_proxies_understand_change_nothing(
    server: Running, key_of: dict[Role, str]
) -> None:
    reader = key_of[Role.READER]
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "X-Forwarded-Path"):
        answer = asking(server, "/queries", reader, headers={name: "/export"})
        assert answer.status_code == 200
    for name in ("X-HTTP-Method-Override", "X-Method-Override"):
        answer = asking(server, "/export", reader, "POST", headers={name: "GET"})
        assert answer.status_code == 403


def test_a_request_within_a_request_is_refused(server: Running, key_of: dict[Role, str]) -> None:
    inner = f"GET /export HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest("POST", "/update")
    for name, value in {
        "Authorization": f"Bearer {key_of[Role.READER]}",
        "Content-Type": "application/sparql-update",
        "Content-Length": str(len(inner)),
        "Transfer-Encoding": "chunked",
    }.items():
        connection.putheader(name, value)
    connection.endheaders(("0\r\n\r\n" + inner).encode())
    assert connection.getresponse().status == 400
    connection.close()


def test_authorization_given_twice_is_refused(server: Running, key_of: dict[Role, str]) -> None:
    both = [key_of[Role.READER], server.token]
    for keys in (both, both[::-1]):
        headers = [("Authorization", f"Bearer {key}") for key in keys]
        answer = bare(server, "/export", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["source"] == "Authorization"
    joined = {"Authorization": f"Bearer {both[0]}, Bearer {both[1]}"}
    assert bare(server, "/export", headers=joined).status_code == 401


def test_people_see_a_page(server: Running, key_of: dict[Role, str]) -> None:
    page = {"Accept": "text/html"}
    answer = asking(server, "/pages/sparql", key_of[Role.READER], headers=page)
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "researcher" in answer.text
    assert asking(server, "/nothing", key_of[Role.READER], headers=page).status_code == 404


def test_the_navigation_offers_what_a_role_may_read(server: Running, key_of: dict[Role, str]) -> None:
    page = {"Accept": "text/html"}
    reader = asking(server, "/", key_of[Role.READER], headers=page).text
    steward = asking(server, "/", key_of[Role.STEWARD], headers=page).text
    for path in ("/pages/workbench", "/pages/findings", "/pages/quarantine", "/pages/links"):
        assert f'href="{path}"' not in reader
        assert f'href="{path}"' in steward
    assert 'value="everything"' not in reader
    assert 'value="everything"' in steward


def test_options_and_unknown_methods(server: Running, key_of: dict[Role, str]) -> None:
    assert asking(server, "/sparql", key_of[Role.READER], "OPTIONS").status_code == 403
    assert asking(server, "/queries", key_of[Role.READER], "OPTIONS").status_code == 204
    assert asking(server, "/queries", key_of[Role.READER], "DELETE").status_code == 405
    assert asking(server, "/update", key_of[Role.READER], "PATCH").status_code == 403
    assert asking(server, "/update", key_of[Role.READER], "TRACE").status_code == 403
    assert asking(server, "/update", key_of[Role.READER], "BREW").status_code == 400


def test_who_has_no_role_may_nothing() -> None:
    nobody = Principal("x", frozenset())
    for path in RULES:
        with pytest.raises(Forbidden, match="yours: none"):
            permit(nobody, "GET", path)
    with pytest.raises(NotFound):
        permit(Principal("x", frozenset({Role.ADMINISTRATOR})), "GET", "/nothing")


def test_several_roles_add_up(server: Running) -> None:
    key = make_key(server.kg.settings, Role.READER, Role.PRIVACY_OFFICER)
    assert asking(server, "/decisions", key).status_code == 400
    assert asking(server, "/queries", key).status_code == 200
    assert asking(server, "/findings", key).status_code == 200
    assert asking(server, "/quarantine", key).status_code == 403


def test_every_request_has_a_principal(kg: KnowledgeGraph, tmp_path: Path) -> None:
    import asyncio

    from starlette.types import Message, Receive, Scope, Send

    from kgservice.http.access.auth import Access
    from kgservice.store.keys import KeyFile, keys_of

    seen: list[Principal] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(permissions.principal_of(scope))

    async def nothing(*_: Message) -> Message:
        return {"type": "http.disconnect"}

    settings = Settings(store=tmp_path / "store")
    access = Access(app, settings, "t", KeyFile(keys_of(settings.store)), kg.clock)
    for path, token in (("/sparql", "t"), ("/health", None), ("/queries", make_key(settings))):
        headers = [(b"host", b"localhost")]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http"}
        asyncio.run(access({**scope, "headers": headers}, nothing, nothing))  # type: ignore[arg-type]
    local, anonymous, key = seen
    assert (local.name, set(local.roles), local.default) == ("local", {Role.ADMINISTRATOR}, None)
    assert local.purposes == set(settings.active_purposes)
    assert (anonymous.name, anonymous.roles) == ("anonymous", frozenset())
    assert key.name.startswith("key:")


def test_the_last_commit_is_told_to_those_who_see_everything(
    server: Running, key_of: dict[Role, str]
) -> None:
    for role, key in key_of.items():
        told = asking(server, "/health", key)
        assert told.status_code == 200
        assert ("commit" in told.json()) == (role in OVERSEEING), role
    assert server.get("/health").json()["commit"] == server.kg.head
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "session=wrong"}):
        open_to_all = bare(server, "/health", headers=headers)
        assert open_to_all.status_code == 200
        assert set(open_to_all.json()) == {"status", "version", "reads", "filling", "validation"}


def test_problems_name_no_key(server: Running, key_of: dict[Role, str]) -> None:
    key = key_of[Role.READER]
    for path in ("/export", f"/nothing?token={quote(key)}"):
        assert key[13:] not in json.dumps(asking(server, path, key).json())


def test_nobody_comes_in_by_a_websocket(server: Running, key_of: dict[Role, str]) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert bare(server, "/export", headers=upgrade).status_code in {400, 401, 403}
    assert asking(server, "/export", key_of[Role.READER], headers=upgrade).status_code == 403
