"""The least that an ASGI service on uvicorn can do: one query in one worker thread, nothing checked.

    python -m benchmarks.asgi_floor STORE PORT [--apart]

It shows which part of our latency is the price of asyncio and a thread, with `--apart` also of a process in
which the query can be stopped, and which part is ours.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import uvicorn
from pyoxigraph import QueryResultsFormat, QuerySolutions, Store
from starlette.types import Receive, Scope, Send


class Floor:
    """Answers every POST with the result of its body as a query, in JSON."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._workers = ThreadPoolExecutor(1)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        query = (await receive())["body"]
        body = await asyncio.get_running_loop().run_in_executor(self._workers, self._answer, query)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def answering(store: Store) -> Callable[[bytes], bytes]:
    """What answers a query here."""

    def answer(query: bytes) -> bytes:
        results = store.query(query.decode() or "SELECT * {}")
        assert isinstance(results, QuerySolutions)
        out = io.BytesIO()
        results.serialize(out, QueryResultsFormat.JSON)
        return out.getvalue()

    return answer


def apart(folder: str) -> Callable[[bytes], bytes]:
    """What has another process answer it, one query at a time; each is one packet, as is its answer."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        here.close()
        answer = answering(Store.read_only(folder))
        while query := there.recv(1 << 20):
            there.sendall(answer(query))
        os._exit(0)
    there.close()

    def ask(query: bytes) -> bytes:
        here.sendall(query or b"SELECT * {}")
        return here.recv(1 << 20)

    return ask


def main() -> None:
    """Serve the store of a bare Oxigraph server, read only, beside it."""
    folder, port = sys.argv[1:3]
    answer = apart(folder) if "--apart" in sys.argv else answering(Store.read_only(folder))
    uvicorn.run(Floor(answer), port=int(port), access_log=False, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
