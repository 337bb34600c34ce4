"""An answer that breaks off closes the connection, with one line in the log."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Receive, Scope, Send

from kgservice.http.messages.streaming import BrokenTransfer

_log = logging.getLogger(__name__)


class Breaking:
    """ASGI middleware, the outermost: a broken transfer is no fault of ours that needs a trace in the log.

    The server closes the connection, since the answer has not come to its end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request as far as it goes."""
        try:
            await self._app(scope, receive, send)
        except BrokenTransfer as error:
            # What the cause says may hold a value of the query or of the graph.
            cause = error.__cause__
            _log.warning("an answer broke off: %s", error if cause is None else type(cause).__name__)
