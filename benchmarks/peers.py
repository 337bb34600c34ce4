"""The servers that are compared, each in a process of its own on loopback with the same statements."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil

TOKEN = "benchmark"


@dataclass(frozen=True, slots=True)
class Server:
    """A running SPARQL server: where it listens, the path of its endpoint, headers to send, its process;
    `form`: it takes queries as forms only.
    """

    name: str
    port: int
    path: str
    headers: dict[str, str]
    pid: int
    form: bool = False

    def memory(self) -> int:
        """Memory of the process and its children in bytes; what they share counts once (see `memory_of`)."""
        return memory_of(self.pid)


def memory_of(pid: int) -> int:
    """The proportional set size of a process and its children, in bytes.

    Resident memory would count what forks share with their parent as often as there are forks.
    """
    root, used = psutil.Process(pid), 0
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            used += int(process.memory_full_info().pss)
    return used


def free_port() -> int:
    """A TCP port on loopback that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def running(
    name: str,
    command: Sequence[str],
    port: int,
    path: str,
    headers: dict[str, str],
    log: Path,
    wait: float = 60,
    environment: Mapping[str, str] = {},
) -> Iterator[Server]:
    """Start `command`, wait until it answers HTTP (at most `wait` seconds), stop it at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        try:
            deadline = time.monotonic() + wait
            while not answered(port, "/"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.1)
            yield Server(name, port, path, headers, process.pid)
        finally:
            process.terminate()
            process.wait(30)


def answered(port: int, path: str) -> bytes:
    """What an HTTP server on the port answers to a GET: status and body; nothing if there is none."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return str(answer.status).encode() + b" " + answer.read()
    except OSError:
        return b""
    finally:
        connection.close()


@contextmanager
def kgservice(store: Path, log: Path, memory: int, *, answers: bool = False) -> Iterator[Server]:
    """Our service on a filled store, once `memory` MiB hold what they are to hold (0: it reads from disk).

    Questions are asked again and again here: what was answered before is worked out anew, unless the service
    keeps `answers`, as it does where nobody sets it otherwise.
    """
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("kgservice")),
        "serve",
        "--store",
        str(store),
        "--port",
        str(port),
        "--token",
        TOKEN,
    ]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    environment = {"KGSERVICE_MEMORY": str(memory), **({} if answers else {"KGSERVICE_CACHE": "0"})}
    with running("kgservice", command, port, "/sparql", headers, log, 900, environment) as server:
        deadline = time.monotonic() + 900
        while not _filled(health := answered(port, "/health"), memory):
            if time.monotonic() > deadline:
                raise RuntimeError(f"kgservice did not read what it keeps in memory: {health!r}")
            time.sleep(1)
        yield server


def _filled(health: bytes, memory: int) -> bool:
    """Whether the view, if there is memory for it, and the indexes of texts are read: that takes a core."""
    return b'"filling":false' in health and (not memory or b'"reads":"memory"' in health)


def bare_oxigraph(triples: Path, folder: Path, log: Path) -> AbstractContextManager[Server]:
    """The Oxigraph server of the package `oxigraph`, on disk, the same statements in its default graph."""
    binary = shutil.which("oxigraph", path=str(Path(sys.executable).parent)) or "oxigraph"
    if not folder.exists():
        subprocess.run(
            [binary, "load", "--location", str(folder), "--file", str(triples)],
            check=True,
            capture_output=True,
        )
        subprocess.run([binary, "optimize", "--location", str(folder)], check=True, capture_output=True)
    port = free_port()
    command = [binary, "serve", "--location", str(folder), "--bind", f"127.0.0.1:{port}"]
    return running("oxigraph server", command, port, "/query", {}, log)


def rdflib_endpoint(triples: Path, log: Path) -> AbstractContextManager[Server]:
    """rdflib-endpoint on rdflib's memory store."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.rdflib_server", str(triples), str(port)]
    return running("rdflib-endpoint", command, port, "/", {}, log, wait=900)


def asgi_floor(folder: Path, log: Path, *options: str) -> AbstractContextManager[Server]:
    """The least ASGI service, on the store of the bare Oxigraph server; see there for the options."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.asgi_floor", str(folder), str(port), *options]
    return running(" ".join(("ASGI floor", *options)), command, port, "/", {}, log)
