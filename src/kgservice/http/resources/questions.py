"""Saved questions: `/queries` lists them, `/queries/{id}` asks one, with its parameters in the address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from contextlib import suppress

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from kgservice.application.answers.questions import bind, find
from kgservice.application.answers.small_groups import as_query, ask_guarded, refused
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.domain.question import Question
from kgservice.errors import BadParameter
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import PARAMETER, reader_of
from kgservice.http.messages.bodies import Parameters
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.negotiation import PLAIN_JSON, negotiate
from kgservice.http.messages.streaming import ClientLeft
from kgservice.http.messages.tags import Tags
from kgservice.http.resources import parquet
from kgservice.http.resources.operation import Operation, allowance
from kgservice.http.resources.sparql import Querying
from kgservice.store.allowance import Allowance

SUPPRESSED = "KG-Suppressed"
"""The header with the number of cells that are empty because they say too much of few persons."""


class QuestionList:
    """`/queries` as an ASGI application: all questions with their parameters, columns and SPARQL, as JSON.

    `refused` tells which of them the one who asks may not ask.
    """

    def __init__(self, known: Mapping[str, Question]) -> None:
        self._listed = [(question.to_json(), question) for question in known.values()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        negotiate([PLAIN_JSON], http.headers.get("accept"), http.wanted)
        who = principal_of(scope)
        listed = [
            {
                **told,
                "refused": (question.everything and not who.oversees)
                or (refused(question) and not who.sees_persons),
            }
            for told, question in self._listed
        ]
        headers = {"Vary": "Accept, Authorization, Cookie", "Cache-Control": "private, no-cache"}
        await http.reply(JSONResponse(listed, headers=headers))


class SavedQuestion:
    """`/queries/{id}` as an ASGI application: the answer, streamed as that of `/sparql`, or as Parquet.

    Parameters of the address are those of the question; `format` chooses the format, and `language` is
    accepted by questions without it too. Who may not see single persons gets what `ask_guarded` leaves.
    """

    def __init__(
        self,
        kg: KnowledgeGraph,
        workers: Executor,
        querying: Querying,
        known: Mapping[str, Question],
        tags: Tags,
    ) -> None:
        self._kg = kg
        self._workers = workers
        self._querying = querying
        self._known = known
        self._tags = tags

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises the errors of `kgservice.errors`."""
        http = Exchange(scope, receive, send)
        if not await http.has("GET"):
            return
        question = find(self._known, scope["path_params"]["id"])
        given = _given(http, question)
        reader = reader_of(scope, _beside(http, question), self._kg)
        as_parquet = parquet.media_type(http)
        loop = asyncio.get_running_loop()
        allowed = allowance(scope, self._kg.settings, {})
        prepare = self._whole if principal_of(scope).sees_persons else self._guarded
        asked = await loop.run_in_executor(
            self._workers, prepare, reader, question, given, http.wanted, allowed
        )
        with suppress(ClientLeft):
            if as_parquet is None:
                await self._querying.answer(http, asked)
            else:
                await parquet.answer(
                    http, asked, question.id, as_parquet, workers=self._workers, tags=self._tags
                )

    @staticmethod
    def _whole(
        reader: Reader,
        question: Question,
        given: Mapping[str, str],
        wanted: str | None,
        allowed: Allowance,
    ) -> Operation:
        bound = bind(reader, question, given)
        return Operation(lambda: reader, bound.text, (), (), wanted, allowed, repeatable=not bound.clocked)

    def _guarded(
        self,
        reader: Reader,
        question: Question,
        given: Mapping[str, str],
        wanted: str | None,
        allowed: Allowance,
    ) -> Operation:
        found = ask_guarded(reader, question.id, given, self._known)
        return Operation(
            lambda: reader,
            as_query(found.solutions),
            (),
            (),
            wanted,
            allowed,
            repeatable=False,
            audited=found.asked,
            headers=((SUPPRESSED.lower().encode(), str(len(found.suppressed)).encode()),),
        )


def _beside(http: Exchange, question: Question) -> Parameters:
    """The parameters of the address that are not those of the question: it may ask about a purpose itself."""
    names = {parameter.name for parameter in question.parameters}
    return {name: values for name, values in http.parameters.items() if name not in names}


def _given(http: Exchange, question: Question) -> dict[str, str]:
    names = {parameter.name for parameter in question.parameters}
    given: dict[str, str] = {}
    for name, values in http.parameters.items():
        if name == "format" or (name in {"language", PARAMETER} and name not in names):
            continue
        if len(values) > 1:
            raise BadParameter(
                "{name!r} is given {count} times", name=name[:80], count=len(values), source=name[:80]
            )
        given[name] = values[0]
    return given
