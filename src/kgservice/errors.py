"""Every way the service can fail, as one tree.

KgError
├── BadInput                  what came in is wrong                       400, exit 2
│   ├── BadQuery              SPARQL query or update is malformed         400
│   ├── BadRdf                RDF does not parse                          400
│   ├── BadTable              a table or mapping cannot be read           400
│   └── BadParameter          a parameter is missing, unknown or mistyped 400
├── Forbidden                 understood, but refused                     403, exit 3
│   ├── Reserved              what only who answers for privacy changes   403, exit 3
│   ├── Rewriting             what events of a consent say would change 403, exit 3
│   └── Leaving               records would leave the graph of a person   403, exit 3
├── Unauthorised              no or a wrong token                         401, exit 3
├── NotFound                  no such graph, question, record, term       404, exit 4
├── NotAcceptable             none of the asked formats can be given      406
├── Conflict                  the change contradicts what is stored       409, exit 5
│   └── Returning             somebody who was erased would come back     409, exit 5
├── PreconditionFailed        what was to be changed has changed meanwhile  412, exit 5
├── TooSlow                   the body does not come                      408
├── TooLarge                  the body is over the limit                  413
├── UnsupportedMediaType      the body's format is not known              415
├── Invalid                   the data does not conform to the shapes     422, exit 1
├── TooMany                   more requests than one may make             429, exit 6
├── StoreFailed               the store cannot answer                     503, exit 6
│   ├── Undecided             a change may have been made, or not yet      503, exit 6
│   └── StoreFull             there is no room for a change               507, exit 6
├── Busy                      there is no room for the query now          503, exit 6
├── DeadlineExceeded          the query took longer than it may           504, exit 6
├── TooCostly                 it needs more memory, or answers more, than it may  507, exit 6
├── SourceFailed              a CRM or database elsewhere cannot answer   502, exit 6
└── AuditFailed               what happens cannot be recorded             503, exit 6

HTTP statuses are assigned in `http/messages/details.py`, exit codes in `cli`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kgservice.phrases import Phrase


class KgError(Exception):
    """The base of all errors that a user is told about.

    `detail` is one sentence for people, in English, with `{name}` for each of the `values` (see `Phrase`; the
    German ones are in `web/catalogue/errors.de.json`); `line` and `column` (1-based) say where in the input,
    when that is known; `source` names the input (a file, a parameter).

    >>> NotFound("there is no phase {name!r}", name="x").detail
    "there is no phase 'x'"
    """

    title = "Error"

    def __init__(
        self,
        detail: str,
        /,
        *,
        line: int | None = None,
        column: int | None = None,
        source: str | None = None,
        **values: object,
    ) -> None:
        self.detail = Phrase(detail, **values) if values else detail
        super().__init__(self.detail)
        self.line = line
        self.column = column
        self.source = source

    def __str__(self) -> str:
        """The sentence, after the place when it is known: `file, line 3, column 7: …`."""
        place = [self.source] if self.source else []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.column is not None:
            place.append(f"column {self.column}")
        return f"{', '.join(place)}: {self.detail}" if place else self.detail


class BadInput(KgError):
    """What came in is wrong."""

    title = "Bad input"


class BadQuery(BadInput):
    """A SPARQL query or update is malformed."""

    title = "Malformed SPARQL"


class BadRdf(BadInput):
    """RDF does not parse."""

    title = "Malformed RDF"


class BadTable(BadInput):
    """A table or its mapping cannot be read."""

    title = "Unreadable table"


class BadParameter(BadInput):
    """A parameter is missing, unknown or has the wrong type."""

    title = "Bad parameter"


class Forbidden(KgError):
    """The request is understood and refused; `roles` and `purposes` name those that it could be made with.

    `nodes`: the IRIs of what it is refused for, where whoever catches it has to know them.
    """

    title = "Forbidden"

    def __init__(
        self,
        detail: str,
        /,
        *,
        roles: Sequence[str] | None = None,
        purposes: Sequence[str] | None = None,
        nodes: Collection[str] = (),
        **values: Any,
    ) -> None:
        super().__init__(detail, **values)
        self.roles = roles
        self.purposes = purposes
        self.nodes = nodes


class Reserved(Forbidden):
    """The change is about records that only those change who answer for privacy."""


class Rewriting(Forbidden):
    """What `nodes`, events of consents, say would be changed or taken away, which nobody may."""


class Leaving(Forbidden):
    """What is said of `nodes` would leave the graph of a person, or the scratch graph."""


class Unauthorised(KgError):
    """There is no token, or a wrong one."""

    title = "Unauthorised"


class NotFound(KgError):
    """There is no such graph, question, record or term."""

    title = "Not found"


class NotAcceptable(KgError):
    """None of the formats asked for can be given."""

    title = "Not acceptable"


class Conflict(KgError):
    """The change contradicts what is stored."""

    title = "Conflict"


class Returning(Conflict):
    """The change speaks of `nodes` (IRIs), persons who were erased."""

    def __init__(self, detail: str, /, *, nodes: Collection[str] = (), **values: Any) -> None:
        super().__init__(detail, **values)
        self.nodes = nodes


class PreconditionFailed(KgError):
    """What was to be changed is not as the client last saw it."""

    title = "Precondition failed"


class TooSlow(KgError):
    """The client announces more than it sends."""

    title = "Request timeout"


class TooLarge(KgError):
    """The body is larger than the limit."""

    title = "Content too large"


class UnsupportedMediaType(KgError):
    """The format of the body is not known here."""

    title = "Unsupported media type"


class Invalid(KgError):
    """The data does not conform to the shapes; `findings` says how, as JSON objects.

    `named`: the nodes and values that the change names, as findings write them.
    """

    title = "Not valid"

    def __init__(
        self,
        detail: str,
        /,
        *,
        findings: Sequence[Mapping[str, Any]] = (),
        named: Collection[str] = (),
        **values: Any,
    ) -> None:
        super().__init__(detail, **values)
        self.findings = findings
        self.named = named


class TooMany(KgError):
    """There are more requests, or failed attempts, than one may make; `after`: seconds until the next one."""

    title = "Too many requests"

    def __init__(self, detail: str, /, *, after: int = 1, **values: Any) -> None:
        super().__init__(detail, **values)
        self.after = after


class StoreFailed(KgError):
    """The store cannot answer.

    `within` is for who runs the service only: the address of a server, and what that has said.
    """

    title = "Store failure"

    def __init__(self, detail: str, /, *, within: str = "", **values: Any) -> None:
        super().__init__(detail, **values)
        self.within = within

    @property
    def in_full(self) -> str:
        """The sentence for who runs the service."""
        return f"{self.detail} ({self.within})" if self.within else self.detail

    def __str__(self) -> str:
        """The same, after the place when it is known."""
        return super().__str__().removesuffix(self.detail) + self.in_full


class Undecided(StoreFailed):
    """It is not known whether the store has made a change, or it has made a part of it; it will be made."""


class StoreFull(StoreFailed):
    """There is no room on the disk for a change."""

    title = "Store full"


class Busy(KgError):
    """There is no room for the query; `after`: seconds until there may be."""

    title = "Busy"

    def __init__(self, detail: str, /, *, after: int = 1, **values: Any) -> None:
        super().__init__(detail, **values)
        self.after = after


class DeadlineExceeded(KgError):
    """The query took longer than it may, and was stopped."""

    title = "Deadline exceeded"


class TooCostly(KgError):
    """The query needs more memory, or has a larger answer, than it may, and was stopped."""

    title = "Insufficient memory"


class SourceFailed(KgError):
    """A CRM, database or file that records come from, or Spark, cannot answer, or broke off."""

    title = "Source failure"


class AuditFailed(KgError):
    """The audit log cannot be written or was tampered with, so that nothing may be answered."""

    title = "Audit failure"
