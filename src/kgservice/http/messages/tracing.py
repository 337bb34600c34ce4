"""Spans of requests for OpenTelemetry, for the collector that the setting `telemetry` names.

They name nobody: a span holds the method, the route as it stands in the source, the status and the time, but
no address that was asked, no query, no principal. Needs `kgservice[telemetry]`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgservice import __version__

Labels = Callable[[str, str], tuple[str, str]]
_TIMEOUT = 3.0  # seconds until the collector is given up


class _Headers(Getter[Scope]):
    """The headers of a request, by which whoever asked says what the span belongs to (W3C Trace Context)."""

    def get(self, carrier: Scope, key: str) -> list[str] | None:
        """The values of a header."""
        name = key.lower().encode()
        return [value.decode("latin-1") for header, value in carrier["headers"] if header == name] or None

    def keys(self, carrier: Scope) -> list[str]:
        """The names of all headers."""
        return [name.decode("latin-1") for name, _ in carrier["headers"]]


class Tracing:
    """ASGI middleware: a span for each request; `labels` gives the method and the route to tell."""

    def __init__(self, app: ASGIApp, collector: str, labels: Labels) -> None:
        self._app = app
        self._labels = labels
        resource = Resource({"service.name": "kgservice", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{collector.rstrip('/')}/v1/traces", timeout=_TIMEOUT)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._context = TraceContextTextMapPropagator()  # no other: that of baggage logs what it cannot read
        self._tracer = self._provider.get_tracer("kgservice", __version__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request within a span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan":
                await asyncio.to_thread(self._provider.shutdown)  # what is left is sent
            return
        method, route = self._labels(scope["method"], scope["path"])
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            context=self._context.extract(scope, getter=_Headers()),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,  # what it says may be about persons
            set_status_on_exception=False,
        ) as span:

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            await self._app(scope, receive, noted)
