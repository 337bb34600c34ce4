"""API keys for tests, made as the command makes them, but for the cost of their hashes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.keys import ApiKey, hashed, new_key
from kgservice.domain.principal import Role
from kgservice.namespaces import DPV
from kgservice.settings import Settings
from kgservice.store.keys import KeyFile, keys_of
from tests.conftest import NOON
from tests.serving import PLAIN, Running, running

_CHEAP = (4, 8, 1)
"""Each hash and each comparison at the cost of the service takes a tenth of a second."""
RESEARCH = f"{DPV}ResearchAndDevelopment"
IMPROVING = f"{DPV}ImproveExistingProductsAndServices"


def make_key(
    settings: Settings,
    *roles: Role,
    purposes: tuple[str, ...] = (),
    default: str | None = None,
    expires: datetime | None = None,
    dear: bool = False,
) -> str:
    """A new key in the file of the keys, a reader's without a role. `dear`: hashed as the service does it."""
    key, prefix = new_key()
    kept = ApiKey(
        prefix, "test", frozenset(roles) or frozenset({Role.READER}), purposes, default, NOON, expires
    )
    file = KeyFile(keys_of(settings.store))
    file.add(kept, hashed(key) if dear else hashed(key, _CHEAP))
    file.close()
    return key


@contextmanager
def serving(kg: KnowledgeGraph, folder: Path, **settings: Any) -> Iterator[Running]:
    """Serve `kg` with other settings and with the keys in `folder`."""
    kg.settings = replace(kg.settings, store=folder / "store", **settings)
    with running(kg) as server:
        yield server


def bare(server: Running, path: str, method: str = "GET", **options: Any) -> httpx.Response:
    """A request without the token, redirects not followed."""
    return httpx.request(
        method,
        server.url + path.removeprefix("/"),
        trust_env=False,
        verify=PLAIN,
        **{"timeout": 60} | options,
    )


def asking(server: Running, path: str, key: str, method: str = "GET", **options: Any) -> httpx.Response:
    """A request with a key."""
    headers = {"Authorization": f"Bearer {key}"} | options.pop("headers", {})
    return bare(server, path, method, headers=headers, **options)
