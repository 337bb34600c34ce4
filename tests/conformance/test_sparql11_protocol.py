"""The W3C suite of the SPARQL 1.1 Protocol: every case over a real socket."""

from __future__ import annotations

import pytest

from tests.conformance.http_cases import SUITE, Case, Request, cases, check, load, send
from tests.serving import Running

CASES = cases(SUITE / "protocol" / "manifest.ttl")


def test_no_case_is_lost() -> None:
    assert len(CASES) == len({case.name for case in CASES}) == 34


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, server: Running) -> None:
    load(server, case)
    for request in case.requests:
        path = request.path.replace("/sparql/", address(case, request), 1)
        answer = send(server, request.method, path, request.headers, request.body)
        check(request.expected, *answer)


def address(case: Case, request: Request) -> str:
    """Where a request goes: the suite leaves the addresses of queries and updates to the service."""
    if request.headers.get("content-type", "").startswith("application/sparql-query"):
        return "/sparql"
    return "/update" if "update" in case.name else "/sparql"
