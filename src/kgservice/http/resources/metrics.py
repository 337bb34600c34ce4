"""`/metrics` for Prometheus: how much is asked, how long it takes, and how the service is. It names nobody.

Labels are methods, routes as they stand in the source (`/consents/{id}`) and statuses: no address that was
asked, no IRI, no principal.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterable
from functools import lru_cache

from fastapi import APIRouter
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.process_collector import ProcessCollector
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgservice import __version__
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.durations import BOUNDS
from kgservice.http.messages.cache import Cache
from kgservice.http.resources.inside import Inside

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Meters:
    """What is counted of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        of_route = ("method", "route")
        self.requests = Counter(
            "kgservice_requests", "Answered requests", (*of_route, "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "kgservice_request_seconds",
            "Time from the request to the end of its answer",
            of_route,
            buckets=BOUNDS,
            registry=self.registry,
        )
        self.running = Gauge(
            "kgservice_requests_running", "Requests being answered", of_route, registry=self.registry
        )
        # What is counted at every request, without looking it up by its labels each time.
        self.request_of = lru_cache(maxsize=4096)(self.requests.labels)
        self.seconds_of = lru_cache(maxsize=4096)(self.seconds.labels)
        self.running_of = lru_cache(maxsize=4096)(self.running.labels)
        self._state = {
            name: Gauge(f"kgservice_{name}", words, registry=self.registry)
            for name, words in (
                ("commits", "Commits since the start"),
                ("ready", "Whether everything is ready, 0 or 1"),
                ("writable", "Whether the store takes changes, 0 or 1"),
                ("reads_memory", "Whether queries on everything read the memory, 0 or 1"),
                ("disk_free_bytes", "Room on the disk of the store"),
            )
        }
        self.reader_used = Gauge(
            "kgservice_reader_used",
            "Whether a server that follows the store is used, 0 or 1",
            ("reader",),
            registry=self.registry,
        )
        self.reader_lag = Gauge(
            "kgservice_reader_lag", "Changes that it lacks", ("reader",), registry=self.registry
        )
        Gauge("kgservice_info", "The version", ("version",), registry=self.registry).labels(__version__).set(
            1
        )

    def answered(self) -> tuple[int, int]:
        """How many requests were answered since the start, and how many with a fault of the service."""
        all_ = failed = 0
        for metric in self.requests.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    all_ += int(sample.value)
                    failed += int(sample.value) if sample.labels["status"].startswith("5") else 0
        return all_, failed

    def text(self, kg: KnowledgeGraph) -> bytes:
        """All of it, in the format of Prometheus."""
        folder = kg.settings.store.absolute().parent
        state = {
            "commits": kg.head - kg.opened,
            "ready": kg.prepared,
            "writable": kg.store.writable,
            "reads_memory": kg.reads == "memory",
            "disk_free_bytes": shutil.disk_usage(folder).free if folder.exists() else 0,
        }
        for name, value in state.items():
            self._state[name].set(value)
        for number, standing in enumerate(kg.store.standings(), 1):
            self.reader_used.labels(number).set(standing.used)
            self.reader_lag.labels(number).set(standing.lag)
        return generate_latest(self.registry)


class Labels:
    """What is told of a request: its method, and its route as it stands in the source."""

    def __init__(self, routes: Iterable[str]) -> None:
        self._patterns = [(compile_path(route)[0], route) for route in dict.fromkeys(routes)]
        self.of = lru_cache(maxsize=4096)(self._found)

    def _found(self, method: str, path: str) -> tuple[str, str]:
        route = next((route for pattern, route in self._patterns if pattern.match(path)), "other")
        return method if method in _METHODS else "other", route


class Measuring:
    """ASGI middleware: counts each request under its route."""

    def __init__(self, app: ASGIApp, meters: Meters, labels: Labels) -> None:
        self._app = app
        self._meters = meters
        self._labels = labels

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        labels = self._labels.of(scope["method"], scope["path"])
        status = "none"  # whoever asked has gone

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        running, began = self._meters.running_of(*labels), time.perf_counter()
        running.inc()
        try:
            await self._app(scope, receive, noted)
        finally:
            running.dec()
            self._meters.request_of(*labels, status).inc()
            self._meters.seconds_of(*labels).observe(time.perf_counter() - began)


def make_router(kg: KnowledgeGraph, meters: Meters, cache: Cache) -> APIRouter:
    """The route of the figures."""
    meters.registry.register(Inside(kg, cache))
    router = APIRouter()

    @router.head("/metrics")
    @router.get("/metrics")
    async def metrics() -> Response:
        """How many requests, how long they take, and how the service is, in the text format of Prometheus.

        For administrators and the role `monitor`, which may do nothing else. The number of the last commit is
        told to those who may see everything, at `/health`.
        """
        text = await asyncio.to_thread(meters.text, kg)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    return router
