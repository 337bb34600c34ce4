"""The one table from exception to status, and the members of a problem document (RFC 9457).

No framework is imported here: the command line reads the table, too, and is to start at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgservice import errors
from kgservice.web import sentences
from kgservice.web.texts import text

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
    errors.Rewriting: (403, "rewriting"),
    errors.Leaving: (403, "leaving"),
    errors.NotFound: (404, "not-found"),
    errors.NotAcceptable: (406, "not-acceptable"),
    errors.TooSlow: (408, "request-timeout"),
    errors.Conflict: (409, "conflict"),
    errors.Returning: (409, "erased"),
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


def details(error: errors.KgError, language: str = "en") -> dict[str, Any]:
    """The problem details of one of the service's own errors, as JSON values; for people in `language`."""
    status, name = next(PROBLEMS[c] for c in type(error).__mro__ if c in PROBLEMS)
    place: dict[str, Any] = {"line": error.line, "column": error.column, "source": error.source}
    if isinstance(error, errors.Invalid):
        place["findings"] = list(error.findings)
    if isinstance(error, errors.Forbidden):
        place |= {"roles": error.roles, "purposes": error.purposes}
    return translated(document(status, name, error.title, error.detail, place), language)


def document(status: int, name: str, title: str, detail: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a problem document: those of all problems, and `members` that have a value."""
    body: dict[str, Any] = {"type": f"/problems/{name}", "title": title, "status": status, "detail": detail}
    return body | {key: value for key, value in members.items() if value is not None}


def translated(problem: Mapping[str, Any], language: str) -> dict[str, Any]:
    """A problem document with title and detail in `language`; a detail that is known in English only stays.

    >>> translated(document(404, "not-found", "Not found", "There is nothing at this address", {}), "de")
    {'type': '/problems/not-found', 'title': 'Nicht gefunden', 'status': 404, 'detail': 'Hier ist nichts'}
    """
    if language == "en":
        return dict(problem)
    title = text(f"problem-{name_of(problem)}", language)
    detail = sentences.told(problem["detail"], language)
    return {**problem, "title": title, "detail": detail or problem["detail"]}


def name_of(problem: Mapping[str, Any]) -> str:
    """What a kind of problem is called: the last part of its type."""
    return str(problem["type"]).rpartition("/")[2]


def in_a_line(error: errors.KgError, language: str) -> str:
    """What a terminal shows of an error: the kind, the place when it is known, and the detail.

    >>> in_a_line(errors.BadRdf("The document breaks off", source="a.ttl", line=3), "de")
    'Kein gültiges RDF: a.ttl, Zeile 3: The document breaks off'
    """
    if language == "en":
        return f"{error.title}: {error}"
    problem = details(error, language)
    places = [error.source] if error.source else []
    places += [f"{text(part, language)} {problem[part]}" for part in ("line", "column") if part in problem]
    within = f" ({error.within})" if isinstance(error, errors.StoreFailed) and error.within else ""
    return ": ".join([problem["title"], *([", ".join(places)] if places else []), problem["detail"]]) + within


def shown(error: errors.KgError, language: str) -> dict[str, Any]:
    """What a page shows of an error: `english` says that the detail is in English only."""
    problem = details(error, language)
    found = {key: problem.get(key) for key in ("status", "detail", "line", "column")}
    english = sentences.told(error.detail, language) is None
    return {"name": name_of(problem), "english": english, **found}
