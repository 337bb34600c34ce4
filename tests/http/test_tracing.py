"""Spans for OpenTelemetry: a collector on loopback gets one for each request, and nothing that was asked."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import BadParameter
from kgservice.http.app import create_app
from tests.serving import running

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@contextmanager
def collector(bodies: list[bytes]) -> Iterator[str]:
    """An address that takes what is sent there."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def spans(bodies: list[bytes]) -> list[Span]:
    return [
        span
        for body in bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_each_request_is_a_span_that_says_nothing_of_what_was_asked(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # ms; else spans are sent every five seconds
    bodies: list[bytes] = []
    with collector(bodies) as address:
        kg.settings = replace(kg.settings, telemetry=address)
        with running(kg) as server:
            query = {"query": 'ASK { ?s ?p "a secret" }'}
            server.get("/sparql", params=query, headers={"traceparent": PARENT, "baggage": "a secret"})
            server.get("/trace/a-secret-key")
            server.get("/sparql", params={"query": "SELECT * { a secret"})
            end = time.monotonic() + 20
            while len(spans(bodies)) < 3 and time.monotonic() < end:
                time.sleep(0.05)
    found = spans(bodies)
    told = [
        (span.name, {a.key: a.value.int_value or a.value.string_value for a in span.attributes})
        for span in found
    ]
    method = {"http.request.method": "GET"}
    assert told == [
        ("GET /sparql", {**method, "http.route": "/sparql", "http.response.status_code": 200}),
        (
            "GET /trace/{key:path}",
            {**method, "http.route": "/trace/{key:path}", "http.response.status_code": 404},
        ),
        ("GET /sparql", {**method, "http.route": "/sparql", "http.response.status_code": 400}),
    ]
    assert found[0].trace_id.hex() == PARENT.split("-")[1]
    assert found[0].parent_span_id.hex() == PARENT.split("-")[2]
    assert found[1].parent_span_id == b""
    assert not any(b"secret" in body for body in bodies)
    assert "secret" not in caplog.text


@pytest.mark.slow
def test_no_collector_is_no_hindrance(kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    kg.settings = replace(kg.settings, telemetry="http://127.0.0.1:9")
    with running(kg) as server:
        assert server.get("/sparql", params={"query": "ASK {}"}).status_code == 200


def test_without_the_library_the_service_says_what_to_install(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "kgservice.http.messages.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    kg.settings = replace(kg.settings, telemetry="http://127.0.0.1:9")
    with pytest.raises(BadParameter, match="telemetry"):
        create_app(kg, token="t")
