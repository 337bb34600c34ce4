from __future__ import annotations

from pathlib import Path

import httpx

from kgservice.application.graph.graph import KnowledgeGraph
from tests.http.keys import bare, make_key, serving
from tests.serving import PLAIN, Running

ORIGIN = "https://app.example"


def preflight(server: Running, origin: str, headers: str = "authorization, kg-purpose") -> dict[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": headers,
    }
    answer = bare(server, "/sparql", "OPTIONS", headers=asked)
    return {"status": str(answer.status_code), **answer.headers}


def test_scripts_of_other_sites_get_no_answer(server: Running) -> None:
    for given in (ORIGIN, "null"):
        assert not any(name.startswith("access-control") for name in preflight(server, given))
        answer = server.get("/queries", headers={"Origin": given})
        assert "access-control-allow-origin" not in answer.headers


def test_scripts_of_named_origins_may_ask_with_a_key(kg: KnowledgeGraph, tmp_path: Path) -> None:
    with serving(kg, tmp_path, origins=f"{ORIGIN} http://localhost:3000") as server:
        allowed = preflight(server, ORIGIN)
        assert allowed["status"] == "200"
        assert allowed["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-credentials" not in allowed
        assert allowed["x-content-type-options"] == "nosniff"
        for other in ("https://evil.example", f"{ORIGIN}.evil", "https://app.example:444", "null", "*"):
            assert "access-control-allow-origin" not in preflight(server, other)
        key = make_key(kg.settings)
        headers = {"Origin": ORIGIN, "Authorization": f"Bearer {key}"}
        answer = bare(server, "/queries", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "Origin" in answer.headers["vary"]
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
        # A change by cookie still has to come from a page of the service.
        with httpx.Client(verify=PLAIN) as browser:
            cookie = server.sign_in(browser)
        change = {"Origin": ORIGIN, "Cookie": cookie, "Content-Type": "application/sparql-update"}
        assert bare(server, "/update", "POST", headers=change).status_code == 403


def test_pages_carry_the_whole_policy(server: Running) -> None:
    headers = bare(server, "/", headers={"Accept": "text/html"}).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["base-uri"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "form-action")} == {"'self'"}
    assert "camera=()" in headers["permissions-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "strict-transport-security" not in headers  # this is plain HTTP
