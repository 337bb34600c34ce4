"""Deadlines by role: of queries and of updates."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.principal import Role
from kgservice.settings import Settings
from tests.engine.test_isolated import CROSS
from tests.engine.test_updates import ENDLESS
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.serving import Running

DEADLINES = "researcher=0.4 editor=0.8 administrator=60"


@pytest.fixture(scope="module")
def server(apart: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service with deadlines by role."""
    with serving(apart, tmp_path_factory.mktemp("keys"), deadline=1.2, deadlines=DEADLINES) as found:
        yield found


@pytest.mark.parametrize(
    ("roles", "seconds"),
    [
        ((), 30.0),
        (("steward",), 30.0),
        (("researcher",), 0.4),
        (("researcher", "editor"), 0.8),
        (("researcher", "steward"), 30.0),  # without an entry of its own it has the deadline of all
        (("researcher", "administrator"), 60.0),
    ],
)
def test_the_longest_of_ones_roles_counts(roles: tuple[str, ...], seconds: float) -> None:
    assert Settings(deadlines=DEADLINES).seconds(roles) == seconds


def ask(server: Running, *roles: Role, path: str = "/sparql", **fields: str) -> httpx.Response:
    """A query or update of somebody with these roles."""
    key = make_key(server.kg.settings, *roles, purposes=(RESEARCH,), default=RESEARCH)
    return asking(server, path, key, "POST", data=fields)


@pytest.mark.parametrize(
    ("roles", "timeout", "seconds"),
    [
        ((Role.RESEARCHER,), None, "0.4"),
        ((Role.RESEARCHER,), "60", "0.4"),
        ((Role.RESEARCHER,), "0.2", "0.2"),
        ((Role.RESEARCHER, Role.EDITOR), None, "0.8"),
        ((Role.RESEARCHER, Role.STEWARD), None, "1.2"),
    ],
)
def test_a_query_is_stopped_at_the_deadline_of_who_asks(
    server: Running, roles: tuple[Role, ...], timeout: str | None, seconds: str
) -> None:
    answer = ask(server, *roles, query=CROSS, **({} if timeout is None else {"timeout": timeout}))
    assert answer.status_code == 504, answer.text
    assert f"after {seconds} s" in answer.json()["detail"]


def test_so_is_an_update(server: Running) -> None:
    answer = ask(server, Role.EDITOR, path="/update", update=ENDLESS)
    assert answer.status_code == 504, answer.text
    assert "after 0.8 s" in answer.json()["detail"]
