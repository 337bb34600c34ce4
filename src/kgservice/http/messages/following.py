"""Answers of what takes its time: its steps as they come, its result, or where it is told of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, BinaryIO, TypeVar

from starlette.responses import JSONResponse, Response

from kgservice.application.background.started import Started, Told
from kgservice.errors import KgError
from kgservice.http.messages.details import details
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, Representation, negotiate
from kgservice.http.messages.preferring import patience
from kgservice.http.messages.problems import language_of
from kgservice.http.messages.streaming import HeaderList, respond

Run = TypeVar("Run", bound=Told)
NDJSON = Representation("ndjson", ("application/x-ndjson",))
HEADERS = {"Cache-Control": "no-store", "Vary": "Accept, Authorization, Cookie, Prefer"}


async def answer(
    http: Exchange,
    workers: Executor,
    begin: Callable[[], Started[Run]],
    *,
    place: str,
    otherwise: float | None,
    reply: Callable[[Mapping[str, Any]], Response],
) -> None:
    """Begin a run in a worker thread and answer, for who takes lines, with its steps as they come.

    Others get its result in a `reply`, if it has ended after the seconds that they prefer to wait, or
    `otherwise` (None: as long as it takes); if not, 202 with how it stands and its address, its id below
    `place`. Who leaves does not stop it. Raises `NotAcceptable`, what `begin` raises, and what the run does.
    """
    offer, media_type = negotiate([PLAIN_JSON, NDJSON], http.headers.get("accept"), http.wanted)
    prefers = patience(http.headers, otherwise)
    started = await on(workers, begin)
    if offer is NDJSON:
        head: HeaderList = [
            (b"content-type", media_type.encode()),
            *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
        ]
        await respond(
            http.receive,
            http.send,
            workers=workers,
            produce=lambda out: _follow(http, started, out),
            head=lambda: head,
        )
    elif await ended(started, prefers.seconds):
        response = reply(started.result())
        response.headers.update({**HEADERS, **prefers.headers})
        await http.reply(response)
    else:
        where = {"Location": f"{place}/{started.run.id}"}
        headers = {**HEADERS, **where, **prefers.headers}
        await http.reply(JSONResponse(started.now().to_json(), 202, headers=headers))


async def ended(started: Started[Run], seconds: float | None) -> bool:
    """Whether it has ended after so many seconds, or None: wait until it has."""
    end = asyncio.wrap_future(started.future)
    end.add_done_callback(lambda one: one.cancelled() or one.exception())  # told by who asks for the result
    done, _ = await asyncio.wait([end], timeout=seconds)
    return bool(done)


def _follow(http: Exchange, started: Started[Run], out: BinaryIO) -> None:
    """Write a line for each step of a run, and one for its end."""
    out.write(_line({"event": "run", "run": started.now().to_json()}))
    told: dict[str, tuple[int, int]] = {}
    for run in started.follow():
        new = {name: step for name, step in run.progress.items() if told.get(name) != step}
        told |= new
        for name, (done, total) in (new or dict(list(told.items())[-1:])).items():
            out.write(_line({"event": "progress", "name": name, "done": done, "total": total}))
    try:
        result = started.result()
    except KgError as error:
        out.write(_line({"event": "problem", **details(error, language_of(http.scope))}))
        return
    end: dict[str, Any] = {"event": "done", "result": result}
    state = http.scope["state"]
    if "commit" in state:  # it is a change: see `Commits`
        end["commit"] = state["commits"].told(http.scope)
    out.write(_line(end))


def _line(value: object) -> bytes:
    return json.dumps(value, default=str).encode() + b"\n"
