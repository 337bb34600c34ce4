"""Signing in and out in a browser: `/sign-in` and `/sign-out`, and the page for those who have not."""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope

from kgservice.domain.keys import prefix_of
from kgservice.domain.principal import Principal
from kgservice.errors import KgError, NotAcceptable, TooMany, Unauthorised, UnsupportedMediaType
from kgservice.http.access import cookies
from kgservice.http.access.hosts import port_of, same_origin
from kgservice.http.access.recognition import Recogniser
from kgservice.http.access.sessions import Sessions
from kgservice.http.messages import bodies
from kgservice.http.messages.details import shown
from kgservice.http.messages.forms import see_other
from kgservice.http.messages.negotiation import HTML, PLAIN_JSON, negotiate, utf8_media_type
from kgservice.http.messages.operation import FORM
from kgservice.http.messages.problems import method_not_allowed
from kgservice.settings import Settings
from kgservice.web.render import Pages
from kgservice.web.texts import LANGUAGES, preferred

SIGN_IN = "/sign-in"
SIGN_OUT = "/sign-out"
LONGEST_FORM = 8 * 1024  # bytes


class SignIn:
    """How browsers come in: the link of a local service, a form that takes a key, and a cookie after that.

    The link holds `ticket`, which lets one browser in; without one there is no link. The cookie is the id of
    a session, which knows whether the browser came in by the link or the token, as the local user, or by key.
    """

    def __init__(self, settings: Settings, recogniser: Recogniser, sessions: Sessions, ticket: str) -> None:
        self._settings = settings
        self._recogniser = recogniser
        self._sessions = sessions
        self._pages = Pages()
        self._ticket = ticket.encode()  # empty once it was used

    def of_cookie(self, value: str) -> Principal:
        """Who has this cookie. Raises `Unauthorised`."""
        session = self._sessions.find(value)
        if session is None:
            raise Unauthorised("The cookie is from another start of the service, or has ended; sign in again")
        if session.prefix is None:
            return self._recogniser.local
        return self._recogniser.of_prefix(session.prefix)

    def link(self, scope: Scope, host: str) -> Response | None:
        """The redirect for the first use of the link of a local service; None for any other address.

        Who has come in by the link can open it again, since then the cookie counts.
        """
        if b"ticket" not in scope["query_string"] or not self._settings.local:  # nearly always
            return None
        parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tickets = [value.encode("utf-8", "surrogateescape") for key, value in parameters if key == "ticket"]
        if scope["method"] != "GET" or len(tickets) != 1:
            return None
        if not self._ticket or not hmac.compare_digest(tickets[0], self._ticket):
            return None
        self._ticket = b""
        _recognised(scope, self._recogniser.local)
        response = see_other(scope["path"], [(key, value) for key, value in parameters if key != "ticket"])
        cookies.set_session(response, scope["scheme"], port_of(host), self._sessions.open(None))
        return response

    async def answer(self, scope: Scope, receive: Receive, host: str, address: str) -> Response:
        """Answer a request to `/sign-in` or `/sign-out`. Raises `Forbidden` for one from another site."""
        if scope["path"] == SIGN_IN and scope["method"] in {"GET", "HEAD"}:
            return self.page(scope, 200)
        if scope["method"] != "POST":
            return method_not_allowed("GET, POST" if scope["path"] == SIGN_IN else "POST")
        headers = Headers(scope=scope)
        same_origin(scope["scheme"], host, headers)
        if scope["path"] == SIGN_OUT:
            return self._out(scope, headers, host)
        return await self._in(scope, headers, receive, host, address)

    async def _in(
        self, scope: Scope, headers: Headers, receive: Receive, host: str, address: str
    ) -> Response:
        if utf8_media_type(headers.get("content-type")) != FORM:
            raise UnsupportedMediaType("The sign-in form is sent as a form", source="Content-Type")
        form = bodies.parameters(await bodies.text(headers, receive, LONGEST_FORM))
        given = form.get("token", [""])[0].strip()
        path, _, query = form.get("to", ["/"])[0].partition("?")
        port = port_of(host)
        if self._settings.local and self._recogniser.is_token(given.encode(errors="replace")):
            value, lasts = self._sessions.open(None), None
            _recognised(scope, self._recogniser.local)
        else:
            try:
                _recognised(scope, await self._recogniser.of_key(given, address))
            except (Unauthorised, TooMany) as error:
                return self.refused(scope, error)
            value, lasts = self._sessions.open(prefix_of(given) or ""), self._sessions.seconds
        if path in {SIGN_IN, SIGN_OUT}:
            path = "/"
        response = see_other(path, parse_qsl(query, keep_blank_values=True))
        self._end(scope, headers, port)  # the session before this one
        cookies.set_session(response, scope["scheme"], port, value, lasts)
        return response

    def _out(self, scope: Scope, headers: Headers, host: str) -> Response:
        port = port_of(host)
        self._leaving(scope, headers, port)
        self._end(scope, headers, port)
        response = see_other(SIGN_IN, [])
        cookies.end_session(response, scope["scheme"], port)
        return response

    def _end(self, scope: Scope, headers: Headers, port: str) -> None:
        for value in cookies.cookies(headers, cookies.session_cookie(scope["scheme"], port)):
            self._sessions.close(value)

    def _leaving(self, scope: Scope, headers: Headers, port: str) -> None:
        """Note who signs out; a cookie that says nothing any more is no reason to refuse it."""
        for value in cookies.cookies(headers, cookies.session_cookie(scope["scheme"], port)):
            with suppress(Unauthorised):
                _recognised(scope, self.of_cookie(value))

    def page(self, scope: Scope, status: int, wrong: str | None = None) -> Response:
        """The page that asks for a token or a key; `wrong` names the text that says what was wrong."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        rest = urlencode([(key, value) for key, value in query if key not in {"ticket", "lang"}])
        here = quote(scope["path"]) + (f"?{rest}" if rest else "")
        if scope["path"] in {SIGN_IN, SIGN_OUT}:
            here, to = SIGN_IN, "/"
        else:
            to = here
        how = "sign-in-how" if self._settings.local else "sign-in-key"
        return self._answer(scope, "sign_in.html", status, here=here, to=to, wrong=wrong, how=how)

    def refused(self, scope: Scope, error: KgError) -> Response:
        """The page for an error before the request reached the page that it asked for."""
        if isinstance(error, Unauthorised):
            return self.page(scope, 401, self._wrong(scope))
        problem = shown(error, self._language(scope)[0])
        here = quote(scope["path"])
        response = self._answer(scope, "error.html", problem["status"], here=here, problem=problem)
        if isinstance(error, TooMany):
            response.headers["Retry-After"] = str(error.after)
        return response

    def _wrong(self, scope: Scope) -> str | None:
        """The name of the text that says what was wrong with what somebody tried; None if nothing was."""
        if scope["method"] == "POST":
            return "sign-in-wrong"
        if self._settings.local and b"ticket=" in scope["query_string"]:
            return "sign-in-used"
        return None

    def _answer(self, scope: Scope, template: str, status: int, **values: Any) -> Response:
        language, chosen = self._language(scope)
        html = self._pages.render(template, language, chosen=chosen, section="", **values)
        headers = {
            "Cache-Control": "no-store",
            "Vary": "Accept, Accept-Language",
            "Content-Language": language,
        }
        return HTMLResponse("" if scope["method"] == "HEAD" else html, status, headers)

    def _language(self, scope: Scope) -> tuple[str, bool]:
        """The language of the answer, and whether the address says it."""
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("lang", "")
        liked = preferred(Headers(scope=scope).get("accept-language"), self._settings.language)
        return (given, True) if given in LANGUAGES else (liked, False)


def wants_page(scope: Scope) -> bool:
    """Whether the request comes from somebody who reads pages."""
    if scope["method"] not in {"GET", "HEAD"}:
        return False
    try:
        return negotiate((PLAIN_JSON, HTML), Headers(scope=scope).get("accept"), None)[0] is HTML
    except NotAcceptable:
        return False


def _recognised(scope: Scope, principal: Principal) -> None:
    """Say who makes the request: the audit log tells it."""
    scope.setdefault("state", {})["principal"] = principal
