from __future__ import annotations

import base64
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain import keys
from kgservice.domain.principal import Principal, Role
from kgservice.errors import Conflict, NotFound, StoreFailed
from kgservice.http.access import recognition
from kgservice.store.keys import KeyFile, keys_of
from tests.conftest import NOON
from tests.http.keys import RESEARCH, asking, bare, make_key, serving
from tests.serving import Running

QUESTIONS = "/queries"


@pytest.fixture
def server(kg: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(kg, tmp_path, sign_ins=1000) as server:
        yield server


def prefix(key: str) -> str:
    return key[4:12]


def test_a_key_lets_in_by_bearer_and_basic(server: Running) -> None:
    key = make_key(server.kg.settings)
    assert asking(server, QUESTIONS, key).status_code == 200
    basic = base64.b64encode(f"anybody:{key}".encode()).decode()
    assert bare(server, QUESTIONS, headers={"Authorization": f"Basic {basic}"}).status_code == 200
    assert server.get(QUESTIONS).status_code == 200  # the local token goes on


def test_keys_that_are_wrong(server: Running) -> None:
    key = make_key(server.kg.settings)
    other = make_key(server.kg.settings)
    swapped = key[:13] + other[13:]
    changed = key[:-1] + ("A" if key[-1] != "A" else "B")
    for wrong in (swapped, changed, key[:-1], f"{key}x", key.upper(), f"kgs_00000000_{43 * 'x'}", "kgs_"):
        answer = asking(server, QUESTIONS, wrong)
        assert answer.status_code == 401
        assert answer.json()["detail"] == "The credentials are not valid"
    for path in (f"{QUESTIONS}?token={key}", f"{QUESTIONS}?key={key}"):  # never in an address
        assert bare(server, path).status_code == 401


def test_a_revoked_key_is_refused_at_once(server: Running) -> None:
    key = make_key(server.kg.settings)
    assert asking(server, QUESTIONS, key).status_code == 200
    file = KeyFile(keys_of(server.kg.settings.store))
    assert file.revoke(prefix(key), NOON).revoked == NOON
    answer = asking(server, QUESTIONS, key)
    assert answer.status_code == 401
    assert answer.json()["detail"] == "This API key is expired or revoked"
    assert file.revoke(prefix(key), NOON + timedelta(1)).revoked == NOON  # the first time stays
    with pytest.raises(NotFound):
        file.revoke("ffffffff", NOON)


def test_an_expired_key_is_refused(server: Running) -> None:
    assert asking(server, QUESTIONS, make_key(server.kg.settings, expires=NOON)).status_code == 401
    later = make_key(server.kg.settings, expires=NOON + timedelta(seconds=1))
    assert asking(server, QUESTIONS, later).status_code == 200


def test_keys_of_a_file_that_is_replaced_or_gone(server: Running) -> None:
    path = keys_of(server.kg.settings.store)
    key = make_key(server.kg.settings)
    assert asking(server, QUESTIONS, key).status_code == 200
    path.unlink()
    assert asking(server, QUESTIONS, key).status_code == 401
    other = make_key(server.kg.settings)
    assert asking(server, QUESTIONS, other).status_code == 200
    assert asking(server, QUESTIONS, key).status_code == 401
    # The same prefix with another hash is another key, also for the memory of right ones.
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE api_key SET hash = ?", (keys.hashed(key),))
    connection.close()
    assert asking(server, QUESTIONS, other).status_code == 401


def test_a_file_that_cannot_be_read_lets_nobody_in(server: Running) -> None:
    key = make_key(server.kg.settings)
    path = keys_of(server.kg.settings.store)
    path.write_bytes(b"no database at all" * 100)
    assert asking(server, QUESTIONS, key).status_code == 503
    assert server.get(QUESTIONS).status_code == 200


def test_what_is_kept_shows_no_key(server: Running) -> None:
    path = keys_of(server.kg.settings.store)
    key = make_key(server.kg.settings, dear=True)
    secret = key[13:]
    content = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret.encode() not in content
    assert hashlib.sha256(key.encode()).hexdigest().encode() not in content
    kept = KeyFile(path).find(prefix(key))
    assert kept is not None
    assert kept[1].startswith("scrypt$15$8$1$")
    assert keys.hashed(key) != kept[1]  # salted
    assert not keys.matches(key, "scrypt$15$8")
    assert not keys.matches(key, "plain$1$1$1$YQ==$YQ==")


def test_a_right_key_is_hashed_once_a_minute(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def matches(key: str, kept: str) -> bool:
        hashed.append(key)
        return keys.matches(key, kept)

    monkeypatch.setattr(recognition, "matches", matches)
    key = make_key(server.kg.settings)
    for _ in range(5):
        assert asking(server, QUESTIONS, key).status_code == 200
    assert hashed == [key]
    for _ in range(2):
        asking(server, QUESTIONS, key[:-5] + "AAAAA")
    assert len(hashed) == 3


def test_a_key_that_is_not_there_takes_as_long_as_one_that_is(server: Running) -> None:
    key = make_key(server.kg.settings, dear=True)

    def took(given: str) -> float:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            assert asking(server, QUESTIONS, given).status_code == 401
            times.append(time.perf_counter() - began)
        return min(times)

    there, not_there = took(key[:-5] + "AAAAA"), took(f"kgs_ffffffff_{43 * 'x'}")
    assert 0.3 < there / not_there < 3


def test_who_a_key_is() -> None:
    def who(*roles: Role, purposes: tuple[str, ...] = (), default: str | None = None) -> Principal:
        return keys.ApiKey("3f2a91c0", "x", frozenset(roles), purposes, default, NOON, None).principal

    only = who(Role.RESEARCHER, purposes=(RESEARCH,))
    assert (only.name, set(only.purposes), only.default) == ("key:3f2a91c0", {RESEARCH}, RESEARCH)
    assert who(Role.RESEARCHER, purposes=(RESEARCH, "urn:b")).default is None
    assert who(Role.RESEARCHER, purposes=(RESEARCH, "urn:b"), default="urn:b").default == "urn:b"
    assert who(Role.STEWARD, purposes=(RESEARCH,)).default is None


def test_two_keys_with_one_prefix_are_refused(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys")
    kept = keys.ApiKey("3f2a91c0", "x", frozenset({Role.READER}), (), None, NOON, None)
    file.add(kept, "h")
    with pytest.raises(Conflict):
        file.add(replace(kept, name="y"), "h")
    assert file.all() == [kept]
    with pytest.raises(StoreFailed):
        KeyFile(tmp_path / "keys" / "below").add(kept, "h")
    file.close()
