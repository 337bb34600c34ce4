"""Thousands of connections that say nothing, and fewer files than connections, at a service of its own."""

from __future__ import annotations

import json
import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

import httpx
import psutil
import pytest

from kgservice.store import OxigraphStore
from tests.cli.test_service import Service, serving
from tests.engine.conftest import until
from tests.engine.test_isolated import CROSS

pytestmark = pytest.mark.slow  # each starts a service
MANY = 10_000
PROMPT = 3  # seconds; 1 where nothing else runs, but tests share the processors
FORM = "application/x-www-form-urlencoded"
INSERT = {"update": "INSERT DATA { GRAPH <urn:x:scratch> { <urn:x:s> <urn:x:p> 1 } }"}
SLOW = urlencode(INSERT).encode()


class Client:
    """What asks the service while others only hold connections, each time by a new connection."""

    def __init__(self, service: Service) -> None:
        self._url, self._token = service.url, service.token
        one_each = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(limits=one_each, trust_env=False, verify=False, timeout=60)
        self.port = httpx.URL(service.url).port or 80
        self.process = psutil.Process(service.process.pid)

    def post(self, path: str, **data: str) -> httpx.Response:
        """A form."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return self._client.post(self._url + path, data=data, headers=headers)

    def healthy(self, path: str = "/health") -> float:
        """Seconds until the health check answers; many, if it does not."""
        start = time.monotonic()
        answer = self._client.get(f"{self._url}{path}")
        return time.monotonic() - start if answer.status_code == 200 else 60

    def works(self) -> None:
        """It is healthy at once, reads and writes."""
        assert self.healthy() < PROMPT
        assert self.post("/update", **INSERT).status_code == 204
        assert self.post("/sparql", query="ASK {}").json()["boolean"]
        assert self.post("/sparql", query="SELECT * { GRAPH ?g { ?s ?p 1 } }").status_code == 200

    def begin(self, path: str = "/update", length: int = 9) -> socket.socket:
        """A request whose body is still to come, and is waited for."""
        begun = self.silent()
        begun.sendall(
            (
                f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n"
                f"Content-Length: {length}\r\nExpect: 100-continue\r\n"
                + (
                    "Origin: http://localhost\r\n"
                    if path == "/sign-in"
                    else f"Authorization: Bearer {self._token}\r\n"
                )
                + "\r\n"
            ).encode()
        )
        assert begun.recv(1000).startswith(b"HTTP/1.1 100 ")
        return begun

    def silent(self) -> socket.socket:
        """A connection that says nothing."""
        return socket.create_connection(("127.0.0.1", self.port), 10)


@contextmanager
def served(store: OxigraphStore, folder: Path, *before: str, **env: str) -> Iterator[Client]:
    store.backup(folder / "store")
    with serving(folder / "store", before=before, **env) as service:
        client = Client(service)
        until(lambda: client.healthy("/health/ready") < PROMPT, 120)
        client.works()
        yield client


def test_ten_thousand_idle_connections_do_not_matter(model_only: OxigraphStore, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * MANY:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with served(model_only, tmp_path) as client, ExitStack() as held:
            files, memory = client.process.num_fds(), client.process.memory_info().rss
            for _ in range(MANY):
                held.enter_context(client.silent())
            client.works()
            assert client.process.num_fds() > MANY  # they are all there
            taken = client.process.memory_info().rss - memory
            print(f"{memory / 2**20:.0f} MiB before, {taken / MANY / 1024:.1f} KiB for each connection")
            assert taken < MANY * 30 * 1024
            with ThreadPoolExecutor(8) as pool:  # in more processes than before, so with high descriptors
                asked = [pool.submit(client.post, "/sparql", query=CROSS, timeout="1") for _ in range(8)]
            assert {each.result().status_code for each in asked} <= {503, 504}
            held.close()
            until(lambda: client.process.num_fds() < files + 100)
            client.works()
            print(f"{client.process.memory_info().rss / 2**20:.0f} MiB afterwards")
            assert client.process.memory_info().rss < memory + taken + 50 * 2**20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_with_few_files_those_who_say_nothing_make_room(model_only: OxigraphStore, tmp_path: Path) -> None:
    limited = ("sh", "-c", 'ulimit -n 1200; exec "$@"', "sh")
    with served(model_only, tmp_path, *limited) as client, ExitStack() as held:
        files = client.process.num_fds()
        silent = [held.enter_context(client.silent()) for _ in range(2000)]
        client.works()
        assert client.process.num_fds() < 1200
        for first in silent[:1000]:
            assert first.recv(1) == b""  # closed
        held.close()
        until(lambda: client.process.num_fds() < files + 20)
        client.works()


def test_requests_that_are_not_sent_to_their_end_keep_nobody_out(
    model_only: OxigraphStore, tmp_path: Path
) -> None:
    with served(model_only, tmp_path, KGSERVICE_CONNECTIONS="20") as client, ExitStack() as held:
        others = [held.enter_context(client.begin("/sign-in")) for _ in range(19)]  # who needs no key
        slow = held.enter_context(client.begin(length=len(SLOW)))
        client.works()
        assert others[0].recv(1) == b""  # closed
        for start in range(0, len(SLOW), 4):  # but not who goes on
            slow.sendall(SLOW[start : start + 4])
            assert client.healthy() < PROMPT
            held.enter_context(client.silent())
        assert slow.recv(1000).startswith(b"HTTP/1.1 204 ")


def test_who_finds_all_being_answered_is_told_to_come_back(model_only: OxigraphStore, tmp_path: Path) -> None:
    with served(model_only, tmp_path, KGSERVICE_CONNECTIONS="5") as client, ExitStack() as held:
        body = urlencode({"query": CROSS, "timeout": "30"}).encode()
        for _ in range(5):
            held.enter_context(client.begin("/sparql", len(body))).sendall(body)
        head = b""
        while not head.startswith(b"HTTP/1.1 503 "):  # until the service has read all of them
            with client.silent() as late:
                late.settimeout(1)
                with suppress(TimeoutError):
                    head, _, answer = late.recv(10_000).partition(b"\r\n\r\n")
        assert b"\r\nRetry-After: 1\r\n" in head
        assert json.loads(answer)["type"] == "/problems/busy"
        held.close()
        until(lambda: client.healthy() < PROMPT)
        client.works()
