from __future__ import annotations

import pytest
from starlette.types import Scope

from kgservice.domain.principal import Principal, Role
from kgservice.errors import BadParameter, Forbidden
from kgservice.http.access.purposes import purpose_of
from kgservice.namespaces import DPV
from tests.http.keys import IMPROVING, RESEARCH

ACTIVE = (RESEARCH, IMPROVING)
INACTIVE = f"{DPV}Marketing"

RESEARCHER = Principal("key:1", frozenset({Role.RESEARCHER}), frozenset({RESEARCH, INACTIVE}), RESEARCH)
UNDECIDED = Principal("key:2", frozenset({Role.RESEARCHER}), frozenset({RESEARCH, IMPROVING}))
STEWARD = Principal("key:3", frozenset({Role.STEWARD}), frozenset({RESEARCH}))
NONE = Principal("key:4", frozenset({Role.READER}))


def scope(*headers: tuple[str, str], port: str | None = None) -> Scope:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"type": "http", "headers": raw, "state": {} if port is None else {"port": port}}


def test_what_is_stated() -> None:
    for given in (RESEARCH, "dpv:ResearchAndDevelopment"):
        for who in (RESEARCHER, UNDECIDED, STEWARD):
            assert purpose_of(scope(("KG-Purpose", given)), {}, who, ACTIVE) == RESEARCH
            assert purpose_of(scope(), {"purpose": [given]}, who, ACTIVE) == RESEARCH
    both = scope(("KG-Purpose", RESEARCH))
    assert purpose_of(both, {"purpose": ["dpv:ResearchAndDevelopment"]}, RESEARCHER, ACTIVE) == RESEARCH


def test_everything() -> None:
    stated = scope(("KG-Purpose", "everything"))
    assert purpose_of(stated, {}, STEWARD, ACTIVE) is None
    assert purpose_of(scope(), {"purpose": ["everything"]}, STEWARD, ACTIVE) is None
    with pytest.raises(Forbidden):
        purpose_of(stated, {}, RESEARCHER, ACTIVE)


def test_what_holds_when_nothing_is_stated() -> None:
    assert purpose_of(scope(), {}, RESEARCHER, ACTIVE) == RESEARCH
    assert purpose_of(scope(), {"purpose": [""]}, RESEARCHER, ACTIVE) == RESEARCH
    assert purpose_of(scope(), {}, STEWARD, ACTIVE) is None
    for who, own in ((UNDECIDED, [IMPROVING, RESEARCH]), (NONE, [])):
        with pytest.raises(Forbidden) as refused:
            purpose_of(scope(), {}, who, ACTIVE)
        assert refused.value.purposes == own
        assert all(purpose in refused.value.detail for purpose in own)
    with pytest.raises(Forbidden):  # the default is active no more
        purpose_of(scope(), {}, RESEARCHER, (IMPROVING,))


def test_unknown_and_forbidden_purposes_get_the_same_answer() -> None:
    told = set()
    for given in (IMPROVING, INACTIVE, "urn:no-such-purpose", "nonsense", "Everything", f"{RESEARCH} "):
        with pytest.raises(Forbidden) as refused:
            purpose_of(scope(), {"purpose": [given]}, RESEARCHER, ACTIVE)
        told.add((refused.value.detail, tuple(refused.value.purposes or ())))
    assert told == {(f"This purpose is none of yours; you may state: {RESEARCH}", (RESEARCH,))}
    with pytest.raises(Forbidden) as refused:
        purpose_of(scope(), {"purpose": [IMPROVING]}, STEWARD, ACTIVE)
    assert refused.value.purposes == [RESEARCH, "everything"]


def test_different_statements_are_refused() -> None:
    two = scope(("KG-Purpose", RESEARCH), ("KG-Purpose", IMPROVING))
    for request, parameters in (
        (two, {}),
        (scope(("KG-Purpose", RESEARCH)), {"purpose": [IMPROVING]}),
        (scope(("KG-Purpose", "everything")), {"purpose": [RESEARCH]}),
        (scope(), {"purpose": [RESEARCH, IMPROVING]}),
    ):
        with pytest.raises(BadParameter):
            purpose_of(request, parameters, UNDECIDED, ACTIVE)


def test_the_cookie_counts_last_and_only_with_a_session() -> None:
    cookie = ("Cookie", f'a=b; kgservice-purpose-8000="{IMPROVING}"')
    assert purpose_of(scope(cookie, port="8000"), {}, UNDECIDED, ACTIVE) == IMPROVING
    assert purpose_of(scope(cookie, port="8000"), {"purpose": [RESEARCH]}, UNDECIDED, ACTIVE) == RESEARCH
    for other in (scope(cookie), scope(cookie, port="8001")):
        assert purpose_of(other, {}, RESEARCHER, ACTIVE) == RESEARCH
    with pytest.raises(Forbidden):
        purpose_of(scope(cookie, port="8000"), {}, RESEARCHER, ACTIVE)
    twice = ("Cookie", f"kgservice-purpose-8000={IMPROVING}; kgservice-purpose-8000={RESEARCH}")
    with pytest.raises(BadParameter):
        purpose_of(scope(twice, port="8000"), {}, UNDECIDED, ACTIVE)
