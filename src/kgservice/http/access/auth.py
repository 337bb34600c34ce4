"""The door: each request goes on as that of a principal who may, within limits, or is answered here."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kgservice.domain.clock import Clock
from kgservice.domain.principal import Principal
from kgservice.errors import KgError, Unauthorised
from kgservice.http.access.cookies import cookies, session_cookie
from kgservice.http.access.hosts import Hosts, once, port_of, same_origin
from kgservice.http.access.limits import Limits
from kgservice.http.access.permissions import OPEN, is_open, permit
from kgservice.http.access.recognition import Recogniser
from kgservice.http.access.sessions import Sessions
from kgservice.http.access.sign_in import SIGN_IN, SIGN_OUT, SignIn, wants_page
from kgservice.http.messages.problems import problem_of
from kgservice.http.messages.streaming import ClientLeft
from kgservice.settings import Settings
from kgservice.store.keys import KeyFile

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ANONYMOUS = Principal("anonymous", frozenset())


class Access:
    """ASGI middleware: puts the principal into `scope["state"]`, and hands on what that principal may do.

    Credentials come as `Authorization: Bearer`, as the password of `Authorization: Basic` with any user, or
    as the cookie of a browser that signed in. Requests for another host name are refused (DNS rebinding), as
    are changes by cookie from another origin (cross-site request forgery).
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        token: str,
        keys: KeyFile,
        clock: Clock,
        *,
        ticket: str = "",
    ) -> None:
        self._app = app
        self._keys = keys
        self._hosts = Hosts(settings)
        self._recogniser = Recogniser(settings, token, keys, clock)
        sessions = Sessions(clock, settings.session_hours)
        self._sign_in = SignIn(settings, self._recogniser, sessions, ticket)
        self._limits = Limits(settings.requests_a_minute, settings.at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or hand it on."""
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                self._keys.close()
            return
        if scope["type"] != "http":  # there are no websockets here, so nobody is let in by one
            await send({"type": "websocket.close"})
            return
        try:
            found = await self._recognise(scope, receive)
            if isinstance(found, Principal):
                scope.setdefault("state", {})["principal"] = found  # denials are audited with it
                if not is_open(scope["path"]):
                    permit(found, scope["method"], scope["path"])
                who = found.name if found is not ANONYMOUS else f"anonymous {_address(scope)}"
                account = self._limits.enter(who)
        except KgError as error:
            found = self._refused(scope, error)
        except ClientLeft:  # while the sign-in form was read
            return
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._limits.leave(account)

    async def _recognise(self, scope: Scope, receive: Receive) -> Principal | Response:
        """Who makes the request, or the answer to it. Raises `Unauthorised`, `Forbidden` and others."""
        host, authorization = once(scope)
        self._hosts.check(host)
        if scope["path"] == OPEN:
            try:
                return await self._principal(scope, authorization, host)
            except KgError:  # it is open to all, and tells more to some
                return ANONYMOUS
        if is_open(scope["path"]):
            return ANONYMOUS
        if scope["path"] in {SIGN_IN, SIGN_OUT}:
            return await self._sign_in.answer(scope, receive, host, _address(scope))
        if not authorization and (instead := self._sign_in.link(scope, host)) is not None:
            return instead
        return await self._principal(scope, authorization, host)

    async def _principal(self, scope: Scope, authorization: str, host: str) -> Principal:
        """Who sent these credentials. Raises `Unauthorised`, `TooMany` after many failures, `Forbidden`."""
        if authorization:
            return await self._recogniser.of_header(authorization, _address(scope))
        headers, port = Headers(scope=scope), port_of(host)
        values = cookies(headers, session_cookie(scope["scheme"], port))
        if len(values) > 1:
            raise Unauthorised("The cookie is given twice; sign in again")
        if values:
            principal = self._sign_in.of_cookie(values[0])
            if scope["method"] not in SAFE_METHODS:
                same_origin(scope["scheme"], host, headers)
            scope.setdefault("state", {})["port"] = port
            return principal
        raise Unauthorised("Send a token or key as Authorization: Bearer, or sign in")

    def _refused(self, scope: Scope, error: KgError) -> Response:
        page = wants_page(scope)
        response = self._sign_in.refused(scope, error) if page else problem_of(error)
        if isinstance(error, Unauthorised):
            response.headers.append("WWW-Authenticate", 'Bearer realm="kgservice"')
            # A browser would ask for a user and a password.
            if not page and "sec-fetch-mode" not in Headers(scope=scope):
                response.headers.append("WWW-Authenticate", 'Basic realm="kgservice", charset="UTF-8"')
        return response


def _address(scope: Scope) -> str:
    """Where the request comes from: the client, or what a trusted proxy says of it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
