"""Requests to the API of a CRM: patient with one that is slow or busy, to its own address and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from dlt.sources.helpers.requests.retry import Client
from requests.adapters import HTTPAdapter

from kgservice.crm.credentials import Secrets
from kgservice.crm.declared import Declared
from kgservice.crm.settings import SETTINGS, Source
from kgservice.errors import BadInput, KgError, SourceFailed, Unauthorised
from kgservice.phrases import Phrase
from kgservice.settings import is_secure_address


class Web:
    """The connection of a source: its address, and a session that tries again what may pass.

    Answers 429 and 5xx, and connections that break, are tried again `attempts` times, after what
    `Retry-After` says or 1, 2, 4… seconds, 60 at most. `rest` are the settings that were not taken here;
    `busy` is a word that an answer of 403 holds where it means that there were too many requests.
    """

    def __init__(self, source: Source, secrets: Secrets) -> None:
        declared = Declared(source.connection, SETTINGS, "connection.")
        self.source = source
        self.secrets = secrets
        self.url = declared.text("url")
        if not is_secure_address(self.url, loopback=True):
            raise declared.fault("url", "is no https address without user name")
        if urlsplit(self.url).query or urlsplit(self.url).fragment:
            raise declared.fault(
                "url", "holds a query; parameters belong to options, what is secret to credentials"
            )
        client = Client(
            request_timeout=declared.number("timeout", 30),
            request_max_attempts=declared.number("attempts", 5),
            request_max_retry_delay=60,
            raise_for_status=False,
        )
        ca = declared.text("ca", "")
        self.rest = declared
        self.busy = ""
        self.session = client.session
        self.session.trust_env = False  # no password from .netrc, no proxy that settings do not name
        if ca:
            self.session.verify = str(source.folder / ca)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _OneOrigin(self.url, source.name))
        patient: Callable[..., requests.Response] = self.session.send

        def send(request: requests.PreparedRequest, **options: Any) -> requests.Response:
            response = patient(request, **options)
            self.check(response)  # when no further attempt is left
            return response

        self.session.send = send  # type: ignore[method-assign]

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """What is answered to a JSON body. Raises as `check` and `answer` do."""
        return self._posted(path, json=body, headers=headers)

    def token(self, path: str, fields: dict[str, str]) -> str:
        """The access token that is given for `fields`, as of OAuth 2 (RFC 6749). Raises as `post` does."""
        answered = self._posted(path, data=fields, headers={"Accept": "application/json"})
        token = answered.get("access_token") if isinstance(answered, dict) else None
        if not isinstance(token, str) or not token:
            raise SourceFailed("answers without a token at {path}", path=f"/{path}", source=self.source.name)
        return token

    def _posted(self, path: str, **options: Any) -> Any:
        try:
            response = self.session.post(f"{self.url.rstrip('/')}/{path}", **options)
        except requests.RequestException as error:
            raise self.told(error) from None
        return self.answer(response)

    def answer(self, response: requests.Response) -> Any:
        """The JSON of an answer. Raises `SourceFailed` for what is none."""
        try:
            return response.json()
        except (json.JSONDecodeError, requests.JSONDecodeError):
            raise SourceFailed("answers with what is no JSON", source=self.source.name) from None

    def check(self, response: requests.Response) -> None:
        """Raise `Unauthorised` for an answer of 401 or 403, `SourceFailed` for another error.

        Who gives tokens refuses with 400 as well.
        """
        path = urlsplit(response.url).path
        if response.status_code == 403 and self.busy and self.busy in response.text:
            raise SourceFailed("allows no more requests for now", source=self.source.name)
        if response.status_code in {401, 403} or (response.status_code == 400 and path.endswith("/token")):
            raise Unauthorised(
                "the credentials are refused ({status} at {path})",
                status=response.status_code,
                path=path,
                source=self.source.name,
            )
        if not response.ok:
            raise SourceFailed(
                "answers {status} at {path}",
                status=response.status_code,
                path=path,
                source=self.source.name,
            )

    def told(self, error: requests.RequestException) -> KgError:
        """What a failed request is to people."""
        if isinstance(error, requests.Timeout):
            detail = Phrase("does not answer in time")
        elif isinstance(error, requests.exceptions.SSLError):
            detail = Phrase("has a certificate that is not trusted")
        elif isinstance(error, requests.exceptions.ChunkedEncodingError):
            detail = Phrase("broke off in the middle of an answer")
        elif isinstance(error, requests.ConnectionError):
            detail = Phrase("cannot be reached, or broke off")
        else:
            detail = Phrase("cannot be asked: {kind}", kind=type(error).__name__)
        return SourceFailed(detail, source=self.source.name)


class _OneOrigin(HTTPAdapter):
    """Sends requests to one origin only: credentials go nowhere else, whatever an answer links to."""

    def __init__(self, url: str, source: str) -> None:
        super().__init__()
        self._origin = _origin(url)
        self._source = source

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if _origin(str(request.url)) != self._origin:
            host = urlsplit(str(request.url)).hostname
            raise SourceFailed("leads to another address ({host})", host=host, source=self._source)
        return super().send(request, *args, **kwargs)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def bad_setting(key: str, detail: str, /, **values: object) -> BadInput:
    """The error about a key of the settings that a library does not take, as `Declared.fault` says it."""
    return BadInput("{key} {what}", key=key, what=Phrase(detail, **values), source=SETTINGS)
