"""`POST /imports`: files into the graph, the way `kgservice load` loads them.

Only what the request carries is read, never a path of this machine. The SQL of an uploaded mapping runs in a
private database that can reach no file and no network.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from starlette.datastructures import UploadFile
from starlette.types import ASGIApp, Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.imports import imports
from kgservice.errors import BadInput, KgError
from kgservice.http.access.given import origin_of
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.bodies import spooled
from kgservice.http.messages.details import details
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.multipart import parts_of
from kgservice.http.messages.negotiation import (
    PLAIN_JSON,
    Representation,
    body_format,
    media_type_of,
    negotiate,
)
from kgservice.http.messages.operation import MULTIPART
from kgservice.http.messages.problems import language_of, method_not_allowed
from kgservice.http.messages.streaming import ClientLeft, HeaderList, respond

NDJSON = Representation("ndjson", ("application/x-ndjson",))

Upload = tuple[str, BinaryIO]


class Imports:
    """`/imports` as an ASGI application.

    Takes `multipart/form-data` with files, or one RDF document. A folder is sent as files whose names start
    with the folder's name; one with a mapping is loaded as a table. Answers with the summaries as JSON, or as
    `application/x-ndjson`: a line for each step, and a last line with the summaries or the problem. Who may
    not see everything is told nothing of what is stored: see `imports.load`. GET is for `sources`.
    """

    def __init__(self, kg: KnowledgeGraph, workers: Executor, sources: ASGIApp) -> None:
        self._kg = kg
        self._workers = workers
        self._sources = sources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors` before the first byte of the answer."""
        exchange = Exchange(scope, receive, send)
        if exchange.method in {"GET", "HEAD"}:
            await self._sources(scope, receive, send)
            return
        if exchange.method != "POST":
            await exchange.reply(method_not_allowed("GET, HEAD, POST"))
            return
        representation, media_type = negotiate(
            (PLAIN_JSON, NDJSON), exchange.headers.get("accept"), exchange.wanted
        )
        with ExitStack() as files:
            try:
                uploads = await self._uploads(exchange, files)
            except ClientLeft:
                return

            def produce(out: BinaryIO) -> None:
                self._load(uploads, scope, out, in_steps=representation is NDJSON)

            head: HeaderList = [(b"content-type", media_type.encode()), (b"cache-control", b"no-store")]
            await respond(receive, send, workers=self._workers, produce=produce, head=lambda: head)

    async def _uploads(self, exchange: Exchange, files: ExitStack) -> list[Upload]:
        """The files of the body with their names, open until `files` is closed."""
        headers, limit = exchange.headers, self._kg.settings.max_body
        if media_type_of(headers.get("content-type", ""))[0] != MULTIPART:
            fmt = body_format(headers.get("content-type"))
            body = files.enter_context(await spooled(headers, exchange.receive, limit))
            return [(f"document{fmt.extensions[0]}", body)]
        uploads: list[Upload] = []
        for _, part in await parts_of(headers, exchange.receive, limit, files):
            assert isinstance(part, UploadFile)  # there are no fields
            uploads.append((part.filename or "", part.file))
        if not uploads:
            raise BadInput("The multipart body holds no file")
        return uploads

    def _load(self, uploads: Sequence[Upload], scope: Scope, out: BinaryIO, *, in_steps: bool) -> None:
        names = sorted({safe_path(name).parts[0] for name, _ in uploads})
        origin = origin_of(scope).because("import", ", ".join(names)[:500])
        discreet = not principal_of(scope).oversees
        with tempfile.TemporaryDirectory(prefix="kgservice-import-") as folder:
            paths = _put(uploads, Path(folder))

            def step(name: str, done: int, total: int) -> None:
                if in_steps:
                    out.write(_line({"event": "progress", "name": name, "done": done, "total": total}))

            try:
                summaries = imports.load(self._kg, paths, origin, step, discreet=discreet)
            except KgError as error:
                if not in_steps:
                    raise
                out.write(_line({"event": "problem", **details(error, language_of(scope))}))
                return
        done: dict[str, Any] = {"imports": summaries}
        if in_steps:
            done = {"event": "done", **done, "commit": scope["state"]["commits"].told(scope)}
        out.write(_line(done))


def safe_path(name: str) -> PurePosixPath:
    """The relative path that a file name of an upload says. Raises `BadInput` for one that leads elsewhere.

    >>> safe_path("cfpb/source.sql").parts
    ('cfpb', 'source.sql')
    """
    path = PurePosixPath(name)
    bad = not path.parts or path.is_absolute() or any(part == ".." for part in path.parts)
    bad = bad or "\\" in name or ":" in name or len(path.parts) > 8
    if bad or not name.isprintable() or len(name.encode()) > 255:  # no surrogate is printable
        raise BadInput("{name!r} is no name for an uploaded file", name=name[:80], source="filename")
    return path


def _put(uploads: Sequence[Upload], folder: Path) -> list[Path]:
    """Write the files below `folder`; the files and folders that stand in it, to be loaded.

    Raises `BadInput` for a name that is sent twice, or once as a file and once as a folder.
    """
    for name, file in uploads:
        target = folder / safe_path(name)
        if target.exists():
            raise BadInput("{name!r} is sent twice", name=name, source="filename")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise BadInput("{name!r} is below what is sent as a file", name=name, source="filename") from None
        with target.open("xb") as out:
            shutil.copyfileobj(file, out)
    return sorted(folder.iterdir())


def _line(value: dict[str, Any]) -> bytes:
    # In ASCII, so that half a character in a name or a reason is written too.
    return json.dumps(value).encode() + b"\n"
