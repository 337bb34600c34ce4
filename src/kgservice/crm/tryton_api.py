"""Calls of Tryton's JSON-RPC: logged in at the first one, with the credentials of the source."""

from __future__ import annotations

import base64
from typing import Any

from kgservice.crm.credentials import Secrets
from kgservice.crm.settings import Source
from kgservice.crm.web import Web
from kgservice.errors import SourceFailed


class CallRefused(SourceFailed):
    """Tryton answers, and does not do what was asked: other calls may still be answered."""


class TrytonApi:
    """One database of a Tryton server, as the settings of a source name it. Raises `BadInput` for others."""

    def __init__(self, source: Source, secrets: Secrets) -> None:
        self._source = source
        self._secrets = secrets
        self._web = Web(source, secrets)
        connection = self._web.rest
        self._database = connection.text("database")
        connection.finish()
        self._authorization = ""

    def call(self, model: str, method: str, *params: Any) -> Any:
        """What a method of a model answers.

        Raises `Unauthorised` when the login is refused, `CallRefused` when this call is, `SourceFailed` when
        Tryton does not answer.
        """
        if not self._authorization:
            user = self._secrets.need("user", self._source.name)
            password = self._secrets.need("password", self._source.name)
            number, session, *_ = self._rpc("common.db.login", user, {"password": password})
            token = base64.b64encode(f"{user}:{number}:{session}".encode()).decode()
            self._authorization = f"Session {token}"
        return self._rpc(f"model.{model}.{method}", *params, {})

    def _rpc(self, method: str, *params: Any) -> Any:
        headers = {"Authorization": self._authorization} if self._authorization else None
        body = {"id": 1, "method": method, "params": params}
        answer = self._web.post(f"{self._database}/rpc/", body, headers)
        if not isinstance(answer, dict) or "result" not in answer:
            said = answer.get("error", ["nothing"]) if isinstance(answer, dict) else ["no result"]
            reason = self._secrets.hidden(str(said[0]))[:300]
            raise CallRefused(
                "refuses {method}: {said}", method=method, said=reason, source=self._source.name
            )
        return answer["result"]
