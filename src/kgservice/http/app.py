"""The application: which resource is at which address, and what every request passes through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from kgservice import __version__
from kgservice.application.graph import KnowledgeGraph
from kgservice.application.questions import questions
from kgservice.http import health, maintenance, pages
from kgservice.http.auth import Access
from kgservice.http.graphs import Graphs
from kgservice.http.imports import Imports
from kgservice.http.problems import HANDLERS
from kgservice.http.questions import QuestionList, SavedQuestion
from kgservice.http.sparql import Querying, Tags, Updating
from kgservice.http.trace import Tracing
from kgservice.web.render import STATIC

READERS = 32  # answers that can be written at the same time; a slow client holds one
WRITERS = 4  # changes that can be prepared at the same time; one commits


def create_app(kg: KnowledgeGraph, *, token: str) -> FastAPI:
    """The HTTP service over `kg`, which the caller opens and closes; `token` lets people and programs in."""
    readers = ThreadPoolExecutor(READERS, thread_name_prefix="kgservice-read")
    writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="kgservice-write")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        readers.shutdown(cancel_futures=True)
        writers.shutdown()

    app = FastAPI(
        title="kgservice",
        version=__version__,
        docs_url=None,  # FastAPI's pages load scripts from another site
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        exception_handlers=HANDLERS,
    )
    app.state.kg = kg
    app.add_middleware(Access, token=token)
    tags = Tags()
    graphs = Graphs(kg, readers, writers, tags)
    querying = Querying(kg, readers, tags)
    known = questions()
    # Plain ASGI applications: what is asked most often passes through as little as possible.
    app.router.routes += [
        Route("/sparql", querying),
        Route("/update", Updating(kg, writers)),
        Route("/graphs", graphs),
        Route("/graphs/{path:path}", graphs),
        Route("/queries", QuestionList(known)),
        Route("/queries/{id}", SavedQuestion(kg, readers, querying, known)),
        Route("/trace/{key:path}", Tracing(kg, readers)),
        Route("/imports", Imports(kg, writers)),
        Route("/export", maintenance.Export(kg, readers)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    app.include_router(health.make_router(kg))
    app.include_router(maintenance.make_router(kg))
    app.include_router(pages.make_router(kg))
    return app
