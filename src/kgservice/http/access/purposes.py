"""The purpose of a request: stated by header or parameter, else by cookie, else the principal's default."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from starlette.datastructures import Headers
from starlette.types import Scope

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.domain.audit import told_purpose
from kgservice.domain.principal import Principal, stated_purpose
from kgservice.errors import BadParameter
from kgservice.http.access.auditing import note
from kgservice.http.access.cookies import cookies, purpose_cookie
from kgservice.http.access.permissions import principal_of
from kgservice.namespaces import expand

HEADER = "KG-Purpose"
PARAMETER = "purpose"


def purpose_of(
    scope: Scope, parameters: Mapping[str, Sequence[str]], principal: Principal, active: Collection[str]
) -> str | None:
    """The IRI of the purpose that the request states; None for the view of everything.

    `parameters` are those of the address, with those of a form where there is one; `active` are the purposes
    that there are views for. The audit log tells of what is stated, also when it is refused. Raises
    `BadParameter` for two different statements, and what `stated_purpose` raises.
    """
    stated = _stated(Headers(scope=scope), parameters, scope.get("state", {}).get("port"))
    note(scope, purpose=told_purpose(stated))
    return stated_purpose(principal, stated, active, HEADER)


def reader_of(scope: Scope, parameters: Mapping[str, Sequence[str]], kg: KnowledgeGraph) -> Reader:
    """What the request may read: the view of its purpose, which goes into the audit log. See `purpose_of`."""
    purpose = purpose_of(scope, parameters, principal_of(scope), kg.settings.active_purposes)
    reader = kg.reader(purpose)
    note(scope, view=reader.view.value, purpose=purpose)
    return reader


def _stated(headers: Headers, parameters: Mapping[str, Sequence[str]], port: str | None) -> str | None:
    """What is stated, as an IRI or `everything`. `port` is given when the principal came by cookie."""
    given = {expand(value) for value in headers.getlist(HEADER) if value}
    given |= {expand(value) for value in parameters.get(PARAMETER, ()) if value}
    if not given and port is not None:
        given = {expand(value) for value in cookies(headers, purpose_cookie(port)) if value}
    if len(given) > 1:
        raise BadParameter("The request states different purposes", source=HEADER)
    return given.pop() if given else None
