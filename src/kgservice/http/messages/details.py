"""The one table from exception to status, and the members of a problem document (RFC 9457).

No framework is imported here: the command line reads the table, too, and is to start at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgservice import errors

# exception → status, last part of the problem's type
PROBLEMS: dict[type[errors.KgError], tuple[int, str]] = {
    errors.KgError: (500, "error"),
    errors.BadInput: (400, "bad-input"),
    errors.BadQuery: (400, "malformed-sparql"),
    errors.BadRdf: (400, "malformed-rdf"),
    errors.BadTable: (400, "unreadable-table"),
    errors.BadParameter: (400, "bad-parameter"),
    errors.Unauthorised: (401, "unauthorised"),
    errors.Forbidden: (403, "forbidden"),
    errors.Reserved: (403, "reserved"),
    errors.NotFound: (404, "not-found"),
    errors.NotAcceptable: (406, "not-acceptable"),
    errors.TooSlow: (408, "request-timeout"),
    errors.Conflict: (409, "conflict"),
    errors.PreconditionFailed: (412, "precondition-failed"),
    errors.TooLarge: (413, "too-large"),
    errors.UnsupportedMediaType: (415, "unsupported-media-type"),
    errors.Invalid: (422, "not-valid"),
    errors.TooMany: (429, "too-many-requests"),
    errors.StoreFailed: (503, "store-failure"),
    errors.Busy: (503, "busy"),
    errors.DeadlineExceeded: (504, "deadline-exceeded"),
    errors.TooCostly: (507, "too-costly"),
    errors.Undecided: (503, "undecided"),
    errors.StoreFull: (507, "store-full"),
    errors.SourceFailed: (502, "source-failure"),
    errors.AuditFailed: (503, "audit-failure"),
}

# Problems that are none of the service's own errors: last part of the type → status, title
OTHERS: dict[str, tuple[int, str]] = {
    "method-not-allowed": (405, "Method not allowed"),
    "internal-error": (500, "Internal error"),
}


def details(error: errors.KgError) -> dict[str, Any]:
    """The problem details of one of the service's own errors, as JSON values."""
    status, name = next(PROBLEMS[c] for c in type(error).__mro__ if c in PROBLEMS)
    place: dict[str, Any] = {"line": error.line, "column": error.column, "source": error.source}
    if isinstance(error, errors.Invalid):
        place["findings"] = list(error.findings)
    if isinstance(error, errors.Forbidden):
        place |= {"roles": error.roles, "purposes": error.purposes}
    return document(status, name, error.title, error.detail, place)


def document(status: int, name: str, title: str, detail: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a problem document: those of all problems, and `members` that have a value."""
    body: dict[str, Any] = {"type": f"/problems/{name}", "title": title, "status": status, "detail": detail}
    return body | {key: value for key, value in members.items() if value is not None}


def told(problem: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a template shows of a problem; its `name` is the last part of its type."""
    if problem is None:
        return None
    name = str(problem["type"]).rpartition("/")[2]
    return {"name": name} | {key: problem.get(key) for key in ("detail", "line", "column")}
