"""The least that an ASGI service on uvicorn can do: one query in one worker thread, nothing checked.

    python -m benchmarks.asgi_floor STORE PORT

It shows which part of our latency is the price of asyncio and a thread, and which part is ours.
"""

from __future__ import annotations

import asyncio
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
from pyoxigraph import QueryResultsFormat, QuerySolutions, Store
from starlette.types import Receive, Scope, Send


class Floor:
    """Answers every POST with the result of its body as a query, in JSON."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workers = ThreadPoolExecutor(4)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        query = (await receive())["body"].decode()
        body = await asyncio.get_running_loop().run_in_executor(self._workers, self._answer, query)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, query: str) -> bytes:
        results = self._store.query(query or "SELECT * {}")
        assert isinstance(results, QuerySolutions)
        out = io.BytesIO()
        results.serialize(out, QueryResultsFormat.JSON)
        return out.getvalue()


def main() -> None:
    """Serve the store of a bare Oxigraph server, read only, beside it."""
    app = Floor(Store.read_only(str(Path(sys.argv[1]))))
    uvicorn.run(app, port=int(sys.argv[2]), access_log=False, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
