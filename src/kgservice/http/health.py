"""`/health`: whether the service and its store answer; needs no token."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from kgservice import __version__
from kgservice.application.graph import KnowledgeGraph
from kgservice.errors import StoreFailed
from kgservice.http.permissions import principal_of


def make_router(kg: KnowledgeGraph) -> APIRouter:
    """The route of the health check."""
    router = APIRouter(tags=["service"])

    @router.head("/health", include_in_schema=False)
    @router.get("/health", summary="Whether the service answers")
    async def health(request: Request) -> JSONResponse:
        """Status, version, and where queries on the view of everything read: `memory` or `disk`.

        Who may see everything is told the number of the last commit, too: to others it would tell when
        something changed that they do not see. 503 while the store does not answer.
        """
        if not await asyncio.to_thread(kg.store.healthy):
            raise StoreFailed("The store does not answer")
        state: dict[str, Any] = {"status": "ok", "version": __version__, "reads": kg.reads}
        if principal_of(request.scope).oversees:
            state["commit"] = kg.head
        return JSONResponse(state, headers={"Cache-Control": "no-store"})

    return router
