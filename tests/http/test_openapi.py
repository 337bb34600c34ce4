"""The service does what `/openapi.json` says, whatever it is asked: generated requests over a socket.

FUZZ is the number of requests to each operation by each principal (`make fuzz`: many, and other ones).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.routing import compile_path

from kgservice.application.answers.questions import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.law.audit import opened
from kgservice.domain.clock import Clock
from kgservice.domain.principal import Role
from kgservice.http.openapi.document import document
from kgservice.settings import Settings
from tests.http.keys import RESEARCH, make_key
from tests.http.persons import PERSON
from tests.http.test_consents import RENEWED
from tests.http.test_requests import ERASURE
from tests.routes import addresses
from tests.serving import Running, running

EXAMPLES = int(os.environ.get("FUZZ", "3"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LINK = "00000000-0000-4000-8000-107000000045"
QUERIES = ["ASK {}", "SELECT * { ?s ?p ?o } LIMIT 3", "CONSTRUCT WHERE { ?s a ?o } LIMIT 3"]
UPDATES = ["INSERT DATA { GRAPH <urn:x:g> { <urn:x:s> <urn:x:p> 1 } }", "CLEAR GRAPH <urn:x:g>"]
# What random texts would never be, by the name of the parameter or the member of a form.
KNOWN: dict[str, list[str]] = {
    "key": [PERSON],
    "id": [RENEWED, ERASURE, LINK, "0f1c9a7e-0000-4000-8000-000000000000"],
    "query": QUERIES,
    "update": UPDATES,
    "graph": ["urn:x:g", "https://kg.example/graph/ontology"],
    "name": ["PainPoint", "core", "busy"],
    "format": ["turtle", "json", "html", "csv"],
    "KG-Purpose": ["everything", RESEARCH],
    "KG-At-Least": ["1"],
    "subject": [PERSON],
    "source": ["hubspot", "../../etc", "no such source"],
}
# What looks at everything, which takes seconds; other tests ask for it, too.
LONG = {"POST /check", "GET /validation", "POST /findings"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = {
    each.ok().label: each.ok()
    for each in schemathesis.openapi.from_dict(document(questions())).get_all_operations()
    if isinstance(each, Ok)
    and each.ok().path not in {"/backups", "/pages/backups"}  # each would be a copy on the disk
    if each.ok().label not in LONG or EXAMPLES > 10
}
Served = tuple[Running, list[dict[str, str]]]


@pytest.fixture(scope="module")
def served(
    demo_kg: KnowledgeGraph, clock: Clock, guard: Guard, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The demonstration, which may be changed, and the headers of nobody, of an editor with a purpose, of a steward."""
    folder = tmp_path_factory.mktemp("fuzz")
    with demo_kg.store.copy() as store:
        kg = KnowledgeGraph.open(Settings(), store, clock)
        kg.guard = guard
        kg.guard.prepare(kg.planner())
        kg.settings = replace(kg.settings, store=folder / "store", rate=0, sign_ins=10**6)
        with opened(kg.settings) as log, running(kg, audit=log) as server:
            steward = make_key(kg.settings, Role.ADMINISTRATOR, Role.STEWARD)
            editor = make_key(
                kg.settings, Role.EDITOR, Role.RESEARCHER, purposes=(RESEARCH,), default=RESEARCH
            )
            yield server, [{}, *({"Authorization": f"Bearer {key}"} for key in (editor, steward))]
        kg.close()


@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_as_described(served: Served, label: str) -> None:
    server, principals = served

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(label), st.data())
    def ask(case: Case[Any], data: st.DataObject) -> None:
        know(case, data.draw)
        for headers in principals:
            given = {"User-Agent": "fuzz", **headers}
            answer = case.call(
                base_url=server.url.rstrip("/"), headers=given, allow_redirects=False, timeout=300
            )
            case.validate_response(answer, checks=CHECKS)
            if answer.status_code >= 400 and "json" in answer.headers["content-type"][0]:
                problem = answer.json()
                assert problem["status"] == answer.status_code
                assert problem["type"].startswith("/problems/")

    ask()


def cases(label: str) -> st.SearchStrategy[Case[Any]]:
    operation = OPERATIONS[label]
    return st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )


def know(case: Case[Any], draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
    """Put something that exists in the place of some of the random values."""
    for part in (case.path_parameters, case.query, case.headers, case.body):
        if isinstance(part, dict):
            for name in part.keys() & KNOWN.keys():
                if draw(st.booleans()):
                    part[name] = draw(st.sampled_from(KNOWN[name]))
    media_type = case.media_type or ""
    if media_type.startswith("application/sparql-") and draw(st.booleans()):
        case.body = draw(st.sampled_from(QUERIES if media_type.endswith("query") else UPDATES))


def test_all_addresses_are_described_and_no_others(kg_in_memory: KnowledgeGraph) -> None:
    there = addresses(kg_in_memory) - {"/static/"} | {"/audit", "/audit/verification"}
    described = {re.sub(r"\{\w+\}", "x", path) for path in document(())["paths"]}
    for route in there:
        assert any(compile_path(route)[0].match(path) for path in described), route
    for path in described:
        assert any(compile_path(route)[0].match(path) for route in there), path
