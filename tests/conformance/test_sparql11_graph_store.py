"""The W3C suite of the SPARQL 1.1 Graph Store HTTP Protocol: every case over a real socket."""

from __future__ import annotations

import pytest

from tests.conformance.http_cases import SUITE, Case, cases, check, send
from tests.serving import Running

FOLDER = SUITE / "graph-store-protocol"
CASES = cases(FOLDER / "manifest.ttl")


def test_no_case_is_lost() -> None:
    assert len(cases(FOLDER / "manifest-direct.ttl")) == 4
    assert len(cases(FOLDER / "manifest-indirect.ttl")) == 9
    assert len({case.name for case in CASES}) == 13


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, server: Running) -> None:
    known: dict[str, str] = {}
    for request in case.requests:
        path, body = request.path.replace("/gsp", "/graphs", 1), request.body
        for variable, value in known.items():
            path = path.replace(variable, value)
            body = body and body.replace(variable.encode(), value.encode())
        status, headers, answer = send(server, request.method, path, request.headers, body)
        check(request.expected, status, headers, answer)
        if request.expected.location is not None:
            known[request.expected.location] = headers["Location"]
