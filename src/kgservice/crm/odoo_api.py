"""Calls of Odoo's external API: JSON-2 with an API key (from 19 on), or JSON-RPC with a login (until 21)."""

from __future__ import annotations

from typing import Any

from kgservice.crm.credentials import Secrets
from kgservice.crm.settings import Source
from kgservice.crm.web import Web
from kgservice.errors import SourceFailed, Unauthorised

_REFUSED = ("odoo.exceptions.AccessDenied", "odoo.http.SessionExpiredException")


class OdooApi:
    """One database of an Odoo, as the settings of a source name it. Raises `BadInput` for others.

    The credential `token` is an API key, for JSON-2; `user` and `password` (or an API key in its place) are a
    login, for JSON-RPC, which says them with each call.
    """

    def __init__(self, source: Source, secrets: Secrets) -> None:
        self._source = source
        self._secrets = secrets
        self._web = Web(source, secrets)
        connection = self._web.rest
        self._key = secrets.get("token")
        self._database = connection.text("database", "" if self._key is not None else None)
        # Archived records are there, too; without a language, names are those of Odoo's sources (English).
        self._context: dict[str, Any] = {"active_test": False}
        if language := connection.text("language", ""):
            self._context["lang"] = language
        connection.finish()
        self._user = 0

    def call(self, model: str, method: str, **arguments: Any) -> Any:
        """What a method of a model answers to named arguments.

        Raises `Unauthorised` when the credentials are refused, `SourceFailed` when this call is or when Odoo
        does not answer.
        """
        given = arguments | {"context": self._context}
        if self._key is not None:
            headers = {"Authorization": f"bearer {self._key}"}
            if self._database:
                headers["X-Odoo-Database"] = self._database
            return self._web.post(f"json/2/{model}/{method}", given, headers)
        login = [self._database, self._logged_in(), self._secrets.need("password", self._source.name)]
        return self._rpc("object", "execute_kw", [*login, model, method, [], given])

    def _logged_in(self) -> int:
        """The number of the user, which is asked for once."""
        if not self._user:
            user = self._secrets.need("user", self._source.name)
            password = self._secrets.need("password", self._source.name)
            found = self._rpc("common", "authenticate", [self._database, user, password, {}])
            if not isinstance(found, int) or not found:  # false for a wrong login
                raise Unauthorised("the credentials are refused", source=self._source.name)
            self._user = found
        return self._user

    def _rpc(self, service: str, method: str, args: list[Any]) -> Any:
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "call",
            "params": {"service": service, "method": method, "args": args},
        }
        answer = self._web.post("jsonrpc", body)
        if isinstance(answer, dict) and "result" in answer:
            return answer["result"]
        error = answer.get("error") if isinstance(answer, dict) else None
        data = error.get("data") if isinstance(error, dict) else None
        named = data if isinstance(data, dict) else {}
        if named.get("name") in _REFUSED:
            raise Unauthorised("the credentials are refused", source=self._source.name)
        # The rest of it (`debug`) is a traceback, and may tell what is in the database.
        said = self._secrets.hidden(str(named.get("message") or named.get("name") or "no result"))
        raise SourceFailed(
            "refuses {method}: {said}",
            method=method if service == "common" else f"{args[3]}.{args[4]}",
            said=said.strip().splitlines()[0][:200],
            source=self._source.name,
        )
