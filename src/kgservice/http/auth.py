"""Who may speak to the service: the token, the cookie made from it, the host name and the origin."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kgservice.errors import Forbidden, KgError, NotAcceptable, Unauthorised
from kgservice.http.headers import security_headers
from kgservice.http.negotiation import HTML, PLAIN_JSON, negotiate
from kgservice.http.problems import problem_of
from kgservice.web.render import Pages
from kgservice.web.texts import LANGUAGES, preferred

OPEN_PATHS = frozenset({"/health"})
# What the kinds of problems mean, 401 among them, and the style of the pages: the same for everybody.
OPEN_BELOW = ("/problems/", "/static/")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_LOCAL_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?", re.IGNORECASE)


class Access:
    """ASGI middleware: lets requests with the token through, and adds the security headers to all answers.

    The token comes as `Authorization: Bearer`, as the password of `Authorization: Basic` with any user, as
    `?token=` of a GET (answered with a cookie and a redirect to the address without it), or as that cookie.
    Requests whose Host is not a loopback name are refused (DNS rebinding), as are changes by cookie from
    another origin (cross-site request forgery).
    """

    def __init__(self, app: ASGIApp, token: str, language: str = "de") -> None:
        if not token:
            raise ValueError("the token must not be empty")
        self._app = app
        self._language = language
        self._pages = Pages()
        self._token = token.encode()
        # Cookies go to every port of a host, so the cookie does not hold the token itself.
        self._cookie = hmac.new(self._token, b"kgservice cookie", hashlib.sha256).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                message["headers"] = [*headers, *security_headers(headers)]
            await send(message)

        try:
            instead = self._check(scope)
        except KgError as error:
            instead = problem_of(error)
            if isinstance(error, Unauthorised):
                page = _wants_page(scope)
                instead = self._sign_in(scope) if page else instead
                _challenge(scope, instead, basic=not page)
        await (instead or self._app)(scope, receive, guarded)

    def _check(self, scope: Scope) -> Response | None:
        """None to go on, or a redirect. Raises `Unauthorised` or `Forbidden`."""
        headers = Headers(scope=scope)
        host = _host(headers)
        if scope["path"] in OPEN_PATHS or scope["path"].startswith(OPEN_BELOW):
            return None
        if authorization := headers.get("authorization"):
            if not self._is_token(_credentials(authorization)):
                raise Unauthorised("The token in Authorization is not the one of this service")
            return None
        if scope["method"] in {"GET", "HEAD"} and (parameters := _with_token(scope["query_string"])):
            return self._redirect(scope, host, parameters)
        name = cookie_name(host)
        if (cookie := headers.get("cookie")) and name in cookie:
            if not hmac.compare_digest(_cookie(cookie, name).encode(), self._cookie.encode()):
                raise Unauthorised("The cookie is from another start of the service; open its link again")
            if scope["method"] not in SAFE_METHODS:
                _same_origin(scope, headers, host)
            return None
        raise Unauthorised("Send the token of this service, or open the link that it printed at its start")

    def _sign_in(self, scope: Scope) -> Response:
        """The page for people who come without the token; it asks for it."""
        parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = dict(parameters).get("lang", "")
        liked = preferred(Headers(scope=scope).get("accept-language"), self._language)
        rest = urlencode([(key, value) for key, value in parameters if key not in {"token", "lang"}])
        html = self._pages.render(
            "sign_in.html",
            given if given in LANGUAGES else liked,
            chosen=given in LANGUAGES,
            here=quote(scope["path"]) + (f"?{rest}" if rest else ""),
            section="",
            wrong="token" in dict(parameters),
        )
        headers = {"Cache-Control": "no-store", "Vary": "Accept, Accept-Language"}
        return HTMLResponse("" if scope["method"] == "HEAD" else html, 401, headers)

    def _redirect(self, scope: Scope, host: str, parameters: list[tuple[str, str]]) -> Response:
        tokens = [value for key, value in parameters if key == "token"]
        if len(tokens) != 1 or not self._is_token(tokens[0].encode("utf-8", "surrogateescape")):
            raise Unauthorised("The token in the address is not the one of this service")
        rest = urlencode([(key, value) for key, value in parameters if key != "token"])
        # One leading slash only: `//host/` would lead to another site.
        target = "/" + quote(scope["path"].lstrip("/\\")) + (f"?{rest}" if rest else "")
        response = Response(status_code=303, headers={"Location": target, "Cache-Control": "no-store"})
        response.set_cookie(cookie_name(host), self._cookie, path="/", httponly=True, samesite="strict")
        return response

    def _is_token(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._token)


def _with_token(query_string: bytes) -> list[tuple[str, str]] | None:
    """The parameters of an address when `token` is one of them, else None."""
    if b"token" not in query_string:  # nearly always
        return None
    parameters = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    return parameters if any(key == "token" for key, _ in parameters) else None


def cookie_name(host: str) -> str:
    """The name of the cookie: with the port, since browsers share cookies between the ports of a host."""
    port = host.rpartition("]")[2].partition(":")[2]
    return f"kgservice-{port or '80'}"


def _host(headers: Headers) -> str:
    host = headers.get("host", "")
    if not _LOCAL_HOST.fullmatch(host):
        raise Forbidden("This service answers only as localhost, 127.0.0.1 or [::1]", source="Host")
    return host


def _credentials(authorization: str) -> bytes:
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value.encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            raise Unauthorised("The Basic credentials are not valid Base64") from None
    raise Unauthorised("Authorization must be Bearer or Basic")


def _cookie(header: str, name: str) -> str:
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _same_origin(scope: Scope, headers: Headers, host: str) -> None:
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site not in {None, "same-origin"} or origin not in {None, f"{scope['scheme']}://{host}"}:
        raise Forbidden("A change by cookie must come from a page of this service", source="Origin")
    if site is None and origin is None:
        raise Forbidden("A change by cookie needs an Origin header; programs send the token", source="Origin")


def _wants_page(scope: Scope) -> bool:
    if scope["method"] not in {"GET", "HEAD"}:
        return False
    try:
        return negotiate((PLAIN_JSON, HTML), Headers(scope=scope).get("accept"), None)[0] is HTML
    except NotAcceptable:
        return False


def _challenge(scope: Scope, response: Response, *, basic: bool) -> None:
    response.headers.append("WWW-Authenticate", 'Bearer realm="kgservice"')
    # A browser would ask for a user and a password.
    if basic and "sec-fetch-mode" not in Headers(scope=scope):
        response.headers.append("WWW-Authenticate", 'Basic realm="kgservice", charset="UTF-8"')
