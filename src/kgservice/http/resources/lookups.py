"""`POST /links/candidates`: who in the graph new records of a CRM may be; nothing is written."""

from __future__ import annotations

from concurrent.futures import Executor

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links import customers as link_customers
from kgservice.application.sources.asked_records import asked_rows
from kgservice.application.sources.lookups import Lookups
from kgservice.domain.link import ORGANISATIONS, PERSONS
from kgservice.domain.members import Members
from kgservice.http.access.auditing import note
from kgservice.http.access.given import address, json_body
from kgservice.http.messages.exchange import Exchange, on
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate
from kgservice.http.messages.streaming import ClientLeft

LONGEST_BODY = 4 * 2**20  # bytes
_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept, Authorization, Cookie"}


class LookupResource:
    """`/links/candidates` as an ASGI application.

    POST with `{"kind": "persons", "records": [{…}, …]}`, whose members are columns of the canonical table,
    answers with the candidates of each record, explained as a link is. `workers` are threads of its own: the
    first question takes as long as it takes to read all customers, and others wait for it.
    """

    def __init__(self, kg: KnowledgeGraph, lookups: Lookups, workers: Executor) -> None:
        self._kg = kg
        self._lookups = lookups
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("POST"):
            return
        view = link_customers.reader(self._kg)
        note(scope, view=view.view.value, purpose=view.purpose)
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        address(http, ())
        try:
            asked = Members(await json_body(http, longest=LONGEST_BODY))
        except ClientLeft:
            return
        kind, records = asked.one_of("kind", (PERSONS, ORGANISATIONS)), asked.raw("records")
        asked.done()

        def look() -> Response:
            rows = asked_rows(kind, records)
            keys = [record.get("key") for record in records]
            return JSONResponse(self._lookups.of(kind, rows).to_json(keys), headers=_HEADERS)

        await http.reply(await on(self._workers, look))
