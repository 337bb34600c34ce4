"""A small replication for tests: what one server takes is written down and given to others, in its order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from kgservice.store.sparql_http import Server
from tests.serving import PLAIN
from tests.stores.servers import Running, oxigraph


class Log(ThreadingHTTPServer):
    """Stands before a server for what changes it, and keeps what that has taken: path, media type and body."""

    daemon_threads = True

    def __init__(self, server: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = _root(server.query)
        self.entries: list[tuple[str, str, bytes]] = []
        self.told: list[int] = []  # what the next answers say, whatever the server has said
        self.grown = threading.Condition()
        self.client = httpx.Client(trust_env=False, verify=PLAIN, timeout=60)
        before = f"http://127.0.0.1:{self.server_port}"
        self.server = replace(
            server,
            update=before + urlsplit(server.update).path,
            data=before + urlsplit(server.data).path,
        )

    def server_close(self) -> None:
        """Take no connection any more."""
        super().server_close()
        self.client.close()


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each answer waits 40 ms for a confirmation
    server: Log

    def do_POST(self) -> None:
        body = b"".join(self._body())
        entry = self.path, self.headers["Content-Type"], body
        with self.server.grown:
            answer = _post(self.server.client, self.server.behind, entry)
            if answer.is_success:
                self.server.entries.append(entry)
                self.server.grown.notify_all()
        self.send_response(self.server.told.pop(0) if self.server.told else answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def _body(self) -> Iterator[bytes]:
        if (size := self.headers["Content-Length"]) is not None:
            yield self.rfile.read(int(size))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        pass


class Feed:
    """Gives one server what the log keeps, each entry after `delay` seconds, while it is not `held`."""

    def __init__(self, log: Log, target: Server, paths: Mapping[str, str]) -> None:
        self.delay = 0.0
        self.position = 0
        self._log = log
        self._target = _root(target.query)
        self._paths = paths
        self._client = httpx.Client(trust_env=False, verify=PLAIN, timeout=60)
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Give it nothing meanwhile."""
        self._flowing.clear()
        try:
            yield
        finally:
            self._flowing.set()

    def _run(self) -> None:
        while not self._closed.is_set():
            with self._log.grown:
                self._log.grown.wait_for(
                    lambda: self._closed.is_set() or self.position < len(self._log.entries), 0.2
                )
                new = self._log.entries[self.position : self.position + 1]
            for entry in new:
                self._closed.wait(self.delay)
                while not self._flowing.wait(0.05) and not self._closed.is_set():
                    pass
                self._give(entry)

    def _give(self, entry: tuple[str, str, bytes]) -> None:
        while not self._closed.is_set():
            with suppress(httpx.TransportError):
                path, media_type, body = entry
                there = self._paths.get(path, path), media_type, body
                assert _post(self._client, self._target, there).is_success
                self.position += 1
                return
            time.sleep(0.05)  # it is not there

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self._thread.join()
        self._client.close()


@dataclass(frozen=True, slots=True)
class Replicated:
    """A server to write to, by way of its log, and others that get the same, each by its feed."""

    writer: Running
    log: Log
    readers: list[Running]
    feeds: list[Feed]

    @property
    def server(self) -> Server:
        """The one to write to."""
        return self.log.server

    @property
    def addresses(self) -> list[str]:
        """Where the readers answer queries."""
        return [reader.server.query for reader in self.readers]


@contextmanager
def replicated(folder: Path, readers: int = 2) -> Iterator[Replicated]:
    """Servers of Oxigraph, each a process: one to write to, and readers."""
    with ExitStack() as held:
        writer = held.enter_context(oxigraph(folder / "writer" / "store"))
        others = [held.enter_context(oxigraph(folder / f"reader-{n}" / "store")) for n in range(readers)]
        yield held.enter_context(replicating(writer, others))


@contextmanager
def replicating(
    writer: Running, others: list[Running], paths: Mapping[str, str] | None = None
) -> Iterator[Replicated]:
    """Have the others follow the first one; `paths`: what they call its endpoints."""
    with Log(writer.server) as log, ExitStack() as held:
        serving = threading.Thread(target=log.serve_forever, args=[0.02])
        serving.start()
        held.callback(serving.join)
        held.callback(log.shutdown)
        feeds = [Feed(log, other.server, paths or {}) for other in others]
        for feed in feeds:
            held.callback(feed.close)
        yield Replicated(writer, log, others, feeds)


def _root(address: str) -> str:
    return "{0.scheme}://{0.netloc}".format(urlsplit(address))


def _post(client: httpx.Client, root: str, entry: tuple[str, str, bytes]) -> httpx.Response:
    path, media_type, body = entry
    return client.post(root + path, content=body, headers={"Content-Type": media_type})
