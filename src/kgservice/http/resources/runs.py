"""Runs over HTTP: `/imports/{source}/runs` synchronises a source, `/links/runs` matches all of them.

Only sources that were added on this machine are read; a request names one and says nothing else of it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.background.started import Started
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources import packages as crm_packages
from kgservice.application.sources.runs import Doing, Runs
from kgservice.domain.change import Origin
from kgservice.domain.crm_run import CrmRun, Work
from kgservice.errors import BadParameter, NotFound
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, origin_of
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.following import HEADERS, answer
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate
from kgservice.http.messages.streaming import ClientLeft

STOP = "stop"


class RunResource:
    """`…/runs`, `…/runs/{run}` and `…/runs/{run}/stop` as an ASGI application.

    POST starts a run. As `application/x-ndjson` a line tells of the run, further ones how far it is, the last
    one its result or the problem; as JSON its result is waited for, unless `Prefer` asks for 202 with the
    address of the run at once or after some seconds. Who leaves does not stop it; POST to `stop` does.
    """

    def __init__(self, kg: KnowledgeGraph, runs: Runs, readers: Executor) -> None:
        self._kg = kg
        self._runs = runs
        self._readers = readers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        place = scope["path_params"]
        source, key, part = (str(place.get(name, "")) for name in ("source", "run", "part"))
        if part and part != STOP:
            raise NotFound("There is nothing at this address")
        methods = ("POST",) if part else ("GET",) if key else ("GET", "POST")
        if not await http.has(*methods):
            return
        note(scope, view=self._kg.view.value)
        try:
            if key or http.method != "POST":
                await http.reply(await self._told(http, source, key, part))
            else:
                await self._start(http, source)
        except ClientLeft:
            return

    async def _told(self, http: Exchange, source: str, key: str, part: str) -> Response:
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        address(http, ())

        def tell() -> Response:
            if part == STOP:
                return JSONResponse(self._runs.stop(key, source=source).to_json(), headers=HEADERS)
            if key:
                return JSONResponse(self._runs.one(key, source=source).to_json(), headers=HEADERS)
            work = None if source else Work.MATCH
            listed = [run.to_json() for run in self._runs.listed(source=source, work=work)]
            return JSONResponse({"runs": listed}, headers=HEADERS)

        return await on(self._readers, tell)

    async def _start(self, http: Exchange, source: str) -> None:
        await answer(
            http,
            self._readers,
            self._beginning(http, source),
            place=http.scope["path"],
            otherwise=None,
            reply=JSONResponse,
        )

    def _beginning(self, http: Exchange, source: str) -> Callable[[], Started[CrmRun]]:
        """What starts the run that is asked for."""
        given = address(http, ("agent", "allowEmpty") if source else ("agent",))
        empty = given.get("allowEmpty", "false")
        if empty not in {"true", "false"}:
            raise BadParameter("allowEmpty is true or false", source="allowEmpty")
        by = origin_of(http.scope, given.get("agent"))
        return lambda: begin(self._kg, self._runs, source, by, allow_empty=empty == "true")


def begin(
    kg: KnowledgeGraph, runs: Runs, source: str, by: Origin, *, allow_empty: bool = False
) -> Started[CrmRun]:
    """Start to read a source, or, without one, to match all of them.

    Raises `BadInput` where packages are missing, `NotFound`, `Conflict` while another run is at work.
    """
    crm_packages.check()
    from kgservice.application.sources import working as crm_working  # noqa: PLC0415 - it needs optional packages

    doing: Doing
    if source:
        doing = crm_working.syncing(
            kg.settings.crm_folder,
            kg.clock,
            source,
            kg.erased,
            seconds=kg.settings.mapping_deadline,
            allow_empty=allow_empty,
        )
        return runs.start(Work.SYNC, source, by.agent, doing)
    doing = crm_working.matching(kg, by)
    return runs.start(Work.MATCH, "", by.agent, doing)
