"""The addresses of the application, also those of the routers that it includes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.routing import Mount, Route

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.http.app import framework
from kgservice.http.messages.tags import Tags
from kgservice.http.resources.sparql import Querying


def addresses(kg: KnowledgeGraph) -> set[str]:
    """The path of each route, such as `/queries/{id}`; what is mounted ends with a slash."""
    with ThreadPoolExecutor(1) as pool:
        tags = Tags()
        app = framework(kg, (pool, pool, pool), tags, Querying(kg, pool, tags))
        return {"/sparql", "/update", "/sign-in", "/sign-out", *_paths(app.routes)}


def _paths(routes: Iterable[Any]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Route):
            yield route.path
        elif isinstance(route, Mount):
            yield f"{route.path}/"
        else:  # a router that FastAPI includes
            assert route.include_context.prefix == ""
            yield from _paths(route.original_router.routes)
