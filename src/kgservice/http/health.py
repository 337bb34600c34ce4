"""`/health`: whether the service and its store answer; needs no token."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import JSONResponse

from kgservice import __version__
from kgservice.application.graph import KnowledgeGraph
from kgservice.errors import StoreFailed


def make_router(kg: KnowledgeGraph) -> APIRouter:
    """The route of the health check."""
    router = APIRouter(tags=["service"])

    @router.head("/health", include_in_schema=False)
    @router.get("/health", summary="Whether the service answers")
    async def health() -> JSONResponse:
        """Status, version, number of the last commit, and where queries on the view read: `memory` or `disk`.

        503 while the store does not answer.
        """
        if not await asyncio.to_thread(kg.store.healthy):
            raise StoreFailed("The store does not answer")
        state = {"status": "ok", "version": __version__, "commit": kg.head, "reads": kg.reads}
        return JSONResponse(state, headers={"Cache-Control": "no-store"})

    return router
