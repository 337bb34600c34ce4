"""The application: which resource is at which address, and what every request passes through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgservice import __version__
from kgservice.application.answers.questions import questions
from kgservice.application.care.backups import Backups
from kgservice.application.care.maintenance import Maintenance
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.audit import AuditLog
from kgservice.application.sources.lookups import Lookups
from kgservice.application.sources.runs import Runs
from kgservice.errors import BadParameter, KgError, StoreFailed
from kgservice.http.access.auditing import Auditing, fixed_parts, paths_of
from kgservice.http.access.auth import Access
from kgservice.http.access.commits import ASKED, TOLD, Commits
from kgservice.http.access.purposes import HEADER
from kgservice.http.access.sign_in import SIGN_IN, SIGN_OUT
from kgservice.http.messages.breaking import Breaking
from kgservice.http.messages.headers import VIOLATIONS, SecurityHeaders
from kgservice.http.messages.problems import HANDLERS, problem_of
from kgservice.http.messages.tags import Tags
from kgservice.http.openapi.document import document
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.router import make_router
from kgservice.http.resources import health, maintenance, metrics, problem_types, terms
from kgservice.http.resources.assets import assets
from kgservice.http.resources.audit import Audit, AuditVerification
from kgservice.http.resources.conflicts import Conflicts
from kgservice.http.resources.consents import Consents
from kgservice.http.resources.decisions import Decisions
from kgservice.http.resources.findings import Findings
from kgservice.http.resources.graphs import Graphs
from kgservice.http.resources.imports import Imports
from kgservice.http.resources.journeys import Journeys
from kgservice.http.resources.links import Links
from kgservice.http.resources.lookups import LookupResource
from kgservice.http.resources.quality import Quality
from kgservice.http.resources.quarantine import Quarantine
from kgservice.http.resources.questions import SUPPRESSED, QuestionList, SavedQuestion
from kgservice.http.resources.records import Records
from kgservice.http.resources.requests import Activities, Requests
from kgservice.http.resources.runs import RunResource
from kgservice.http.resources.sources import SourceExport, Sources
from kgservice.http.resources.sparql import Querying, Updating
from kgservice.http.resources.subjects import Subjects
from kgservice.http.resources.trace import Tracing
from kgservice.http.resources.validation import Validation
from kgservice.store.keys import KeyFile, keys_of

QUERIES = 128  # queries that run or wait for their turn at the same time; a slow client holds one
READERS = 32  # other answers that can be written at the same time; a slow client holds one
LOOKING = 2  # questions about new records of a CRM, one for each kind of customers
WRITERS = 4  # changes that can be prepared at the same time; one commits
UPDATES = 64  # SPARQL updates, none of them large, that can be worked out or wait to be written
LOOKS = 2  # looks at the store for `/health` at the same time, whatever else waits for a thread


class Direct:
    """ASGI middleware: hands what is asked most often straight to its application, past the framework."""

    def __init__(self, app: ASGIApp, targets: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._targets = targets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or hand it on."""
        target = self._targets.get(scope["path"]) if scope["type"] == "http" else None
        if target is None:
            await self._app(scope, receive, send)
            return
        try:
            await target(scope, receive, send)
        except KgError as error:  # never after the first byte of an answer: see `streaming`
            await problem_of(error)(scope, receive, send)


class Stopping:
    """ASGI middleware: says 503 to those who still wait for an answer when the service is told to stop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, also when the server cancels it; an answer that has begun is broken off."""
        started = False

        async def noticed(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except asyncio.CancelledError:
            if scope["type"] == "http" and not started:
                await problem_of(StoreFailed("The service is stopping"))(scope, receive, send)


def create_app(kg: KnowledgeGraph, *, token: str, ticket: str = "", audit: AuditLog | None = None) -> ASGIApp:
    """The HTTP service over `kg`, which the caller opens and closes; `token` is the local one.

    `ticket` is that of the link that lets one browser in; without it there is no link.
    `audit`, which the caller opens and closes too, records what they do.
    """
    readers = ThreadPoolExecutor(READERS, thread_name_prefix="kgservice-read")
    writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="kgservice-write")
    tags = Tags()
    queries = ThreadPoolExecutor(QUERIES, thread_name_prefix="kgservice-query")
    updates = ThreadPoolExecutor(UPDATES, thread_name_prefix="kgservice-update")
    large = ThreadPoolExecutor(WRITERS, thread_name_prefix="kgservice-large")
    querying, updating = Querying(kg, queries, tags), Updating(kg, updates, large)
    meters = metrics.Meters()
    resources = framework(
        kg, (queries, readers, writers, updates, large), tags, querying, audit=audit, meters=meters
    )
    direct = Direct(resources, {"/sparql": querying, "/update": updating})
    keys = KeyFile(keys_of(kg.settings.store))
    app: ASGIApp = Access(Stopping(Commits(direct, kg)), kg.settings, token, keys, kg.clock, ticket=ticket)
    paths = [*paths_of(resources.routes), "/sparql", "/update", SIGN_IN, SIGN_OUT]
    if audit is not None:
        parts = fixed_parts(paths, questions())
        app = Auditing(app, audit, kg.addresses.everything, parts)
    if origins := kg.settings.origins.split():
        app = shared(app, origins)
    labels = metrics.Labels([*paths, "/static/{path:path}"])
    app = metrics.Measuring(SecurityHeaders(app), meters, labels)
    if kg.settings.telemetry:
        app = traced(app, kg.settings.telemetry, labels)
    return Breaking(ServerErrorMiddleware(app, handler=HANDLERS[Exception]))


def traced(app: ASGIApp, collector: str, labels: metrics.Labels) -> ASGIApp:
    """The application with a span for each request. Raises `BadParameter` where the library is not there."""
    try:
        from kgservice.http.messages.tracing import Tracing  # noqa: PLC0415 - optional
    except ImportError as error:
        raise BadParameter(
            "spans need what `pip install 'kgservice[telemetry]'` installs", source="KGSERVICE_TELEMETRY"
        ) from error
    return Tracing(app, collector, labels.of)


def shared(app: ASGIApp, origins: Sequence[str]) -> CORSMiddleware:
    """The application for scripts of pages at `origins`, too, which send a token or key: never a cookie."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match", ASKED, HEADER],
        expose_headers=[
            "Content-Disposition",
            "ETag",
            "Location",
            "Retry-After",
            SUPPRESSED,
            TOLD,
            VIOLATIONS,
        ],
    )


def framework(
    kg: KnowledgeGraph,
    pools: Sequence[ThreadPoolExecutor],
    tags: Tags,
    querying: Querying,
    *,
    audit: AuditLog | None = None,
    meters: metrics.Meters | None = None,
) -> FastAPI:
    """All resources but the two that `Direct` serves; the pools are shut down when it stops.

    `pools`: threads for queries, for other reading, for changes, and what else is to be shut down.
    """
    queries, readers, writers, *others = pools
    asking = ThreadPoolExecutor(LOOKS, thread_name_prefix="kgservice-health")
    runs = Runs(kg.settings.crm_folder, kg.clock)
    backups, meters = Backups(kg, kg.settings.backup_folder), meters or metrics.Meters()
    jobs = Maintenance(kg, backups)
    lookups, looking = Lookups(kg), ThreadPoolExecutor(LOOKING, thread_name_prefix="kgservice-look-up")

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        # In threads, so that answers can still be sent.
        await asyncio.to_thread(runs.close)
        await asyncio.to_thread(jobs.close)
        await asyncio.to_thread(queries.shutdown, cancel_futures=True)
        await asyncio.to_thread(readers.shutdown, cancel_futures=True)
        for pool in (writers, *others, asking):
            await asyncio.to_thread(pool.shutdown)
        await asyncio.to_thread(looking.shutdown, cancel_futures=True)
        lookups.close()

    app = FastAPI(
        title="kgservice",
        version=__version__,
        docs_url=None,  # FastAPI's pages load scripts from another site
        redoc_url=None,
        redirect_slashes=False,
        # What it would send to a collector holds paths, queries and messages, which may name somebody.
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
        exception_handlers=HANDLERS,
    )
    conflicts = Conflicts(kg, readers, writers)
    graphs = Graphs(kg, readers, writers, tags)
    people, tickets = Subjects(kg, readers, writers), Requests(kg, readers, writers)
    links, sources, running = (
        Links(kg, readers, writers, tags),
        Sources(kg, runs, readers),
        RunResource(kg, runs, readers),
    )
    known, findings, consents = questions(), Findings(kg, readers, writers), Consents(kg, readers, writers)
    app.router.routes += [
        Route("/graphs", graphs),
        Route("/graphs/{path:path}", graphs),
        Route("/queries", QuestionList(known)),
        Route("/queries/{id}", SavedQuestion(kg, readers, querying, known, tags)),
        Route("/trace/{key:path}", Tracing(kg, readers)),
        Route("/journeys", Journeys(kg, readers)),
        Route("/journeys/{key:path}", Journeys(kg, readers)),
        Route("/records", Records(kg, readers, writers, tags)),
        Route("/records/{key:path}", Records(kg, readers, writers, tags)),
        Route("/imports", Imports(kg, writers, sources)),
        Route("/imports/{source}", sources),
        Route("/imports/{source}/export", SourceExport(kg, readers, writers)),
        Route("/imports/{source}/runs", running),
        Route("/imports/{source}/runs/{run}", running),
        Route("/imports/{source}/runs/{run}/{part}", running),
        Route("/validation", Validation(kg, readers)),
        Route("/consents", consents),
        Route("/consents/{id}", consents),
        Route("/consents/{id}/{part}", consents),
        Route("/decisions", Decisions(kg, readers)),
        Route("/subjects", people),
        Route("/subjects/{path:path}", people),
        Route("/requests", tickets),
        Route("/requests/{id}", tickets),
        Route("/requests/{id}/{part}", tickets),
        Route("/processing-activities", Activities(kg, readers)),
        Route("/findings", findings),
        Route("/findings/{id}", findings),
        Route("/findings/{id}/{part}", findings),
        Route("/findings/{id}/{part}/{proposal}", findings),
        Route("/links", links),
        Route("/links/candidates", LookupResource(kg, lookups, looking)),
        Route("/links/conflicts", conflicts),
        Route("/links/conflicts/{id}/{part}", conflicts),
        Route("/links/runs", running),
        Route("/links/runs/{run}", running),
        Route("/links/runs/{run}/{part}", running),
        Route("/links/{id}", links),
        Route("/links/{id}/{part}", links),
        Route("/quality", Quality(kg, readers, writers, known)),
        Route("/quarantine", Quarantine(kg, readers, writers)),
        Route("/quarantine/{path:path}", Quarantine(kg, readers, writers)),
        Route("/backups", maintenance.Backing(jobs, backups, readers)),
        Route("/check", maintenance.Checking(jobs, readers)),
        Route("/maintenance", maintenance.Jobs(jobs)),
        Route("/maintenance/{id}", maintenance.Jobs(jobs)),
        Route("/maintenance/{id}/{part}", maintenance.Jobs(jobs)),
        Route("/export", maintenance.Export(kg, readers)),
        Mount("/static", assets()),
    ]
    if audit is not None:
        app.router.routes += [
            Route("/audit", Audit(audit, readers)),
            Route("/audit/verification", AuditVerification(audit, readers)),
        ]
    app.include_router(health.make_router(kg, asking))
    app.include_router(metrics.make_router(kg, meters, querying.cache))
    app.include_router(make_router(kg, known, Machinery(runs, backups, jobs, audit, meters)))
    app.include_router(problem_types.make_router(kg))
    app.include_router(terms.make_router(kg))
    # As FastAPI tells to replace it; made when somebody asks for it first.
    app.openapi = cache(lambda: document(known))  # type: ignore[method-assign]
    return app
