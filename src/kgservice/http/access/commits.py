"""Commit numbers: that of the commit which an answer tells of, and that which a request asks for at least."""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.errors import BadParameter
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.problems import problem_of

TOLD = "KG-Commit"
ASKED = "KG-At-Least"
_LONGEST = 18  # digits of a number


class Commits:
    """ASGI middleware: adds `KG-Commit` to the answer of a change, and sees to `KG-At-Least` of any request.

    Who may see everything is told the number. To others it would tell how much others change, and whether
    what they wrote was there already; so they get it sealed, in other words each time, for this service to
    read until it ends. Behind `Access`, which says who asks.
    """

    def __init__(self, app: ASGIApp, kg: KnowledgeGraph) -> None:
        self._app = app
        self._kg = kg
        self._seal = Fernet(Fernet.generate_key())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, and the answer back with the number; or refuse what is asked for."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if asked := Headers(scope=scope).getlist(ASKED):
                self._kg.reach(self._number(scope, asked))
        except BadParameter as error:
            error.source = ASKED
            await problem_of(error)(scope, receive, send)
            return

        async def numbered(message: Message) -> None:
            if message["type"] == "http.response.start" and _changed(scope, message):
                header = TOLD.lower().encode(), self.told(scope).encode()
                message["headers"] = [*message["headers"], header]
            await send(message)

        scope["state"]["commits"] = self
        await self._app(scope, receive, send if scope["method"] in {"GET", "HEAD"} else numbered)

    def told(self, scope: Scope) -> str:
        """What tells of the last commit that the request has made; if it changed nothing, of the last of all.

        For who asks for at least that commit, the latter is as good.
        """
        number = str(scope["state"]["commit"] or self._kg.head)
        return number if principal_of(scope).oversees else self._seal.encrypt(number.encode()).decode()

    def _number(self, scope: Scope, asked: list[str]) -> int:
        """The number that is asked for. Raises `BadParameter`."""
        text = asked[0]
        if len(asked) == 1 and text.isascii() and text.isdigit() and len(text) <= _LONGEST:
            if principal_of(scope).oversees:
                return int(text)
        elif len(asked) == 1:
            try:
                return int(self._seal.decrypt(text.encode("latin-1")))
            except InvalidToken:
                pass
        raise BadParameter(
            "This is nothing that an answer has told you in {span} since the service started; "
            "what was answered before that is there",
            span=TOLD,
        )


def note(scope: Scope, number: int) -> None:
    """Note the number of a commit that the request has made."""
    scope["state"]["commit"] = number


def _changed(scope: Scope, message: Message) -> bool:
    """Whether this begins the answer to a change that is made: see `origin_of`.

    An answer that tells of its steps begins before; its last line tells the commit.
    """
    steps = (b"content-type", b"application/x-ndjson")
    return "commit" in scope["state"] and message["status"] < 300 and steps not in message["headers"]
