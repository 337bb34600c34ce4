"""`/health`: whether the service lives, answers and is ready; needs no token."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from kgservice import __version__
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.engine import engine
from kgservice.errors import StoreFailed
from kgservice.http.access.permissions import principal_of

_UNCACHED = {"Cache-Control": "no-store"}


def make_router(kg: KnowledgeGraph, asking: Executor) -> APIRouter:
    """The route of the health check; `asking` are threads that do nothing but look at the store."""
    router = APIRouter()
    validation = engine(kg.settings)

    async def answers() -> bool:
        return await asyncio.get_running_loop().run_in_executor(asking, kg.store.healthy)

    @router.head("/health")
    @router.get("/health")
    async def health(request: Request) -> JSONResponse:
        """Status, version, where queries on the view of everything read (`memory` or `disk`), whether copies
        in memory are still being filled after the start, and what validates (`accelerated` or `pyshacl`).

        Who may see everything is told the number of the last commit, too: to others it would tell when
        something changed that they do not see. 503 while the store does not answer.
        """
        if not await answers():
            raise StoreFailed("The store does not answer")
        state: dict[str, Any] = {"status": "ok", "version": __version__}
        state |= {"reads": kg.reads, "filling": kg.copies.filling, "validation": validation}
        if principal_of(request.scope).oversees:
            state["commit"] = kg.head
        return JSONResponse(state, headers=_UNCACHED)

    @router.head("/health/live")
    @router.get("/health/live")
    async def live() -> JSONResponse:
        """For what starts the service anew when it hangs: it asks nothing of the store."""
        return JSONResponse({"status": "ok"}, headers=_UNCACHED)

    @router.head("/health/ready")
    @router.get("/health/ready")
    async def ready() -> JSONResponse:
        """For what spreads requests: 503 until the shapes are read, and while the store does not answer.

        `writes`: whether changes are taken. Without them, as on a full disk, reading goes on, so it is ready.
        """
        if not kg.prepared:
            raise StoreFailed("The shapes are being read: changes would wait for it")
        if not await answers():
            raise StoreFailed("The store does not answer")
        return JSONResponse({"status": "ready", "writes": kg.store.writable}, headers=_UNCACHED)

    return router
