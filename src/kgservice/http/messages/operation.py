"""What an operation is: one method at one address, with what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kgservice.http.messages.negotiation import PLAIN_JSON, Offer

TEXT: dict[str, Any] = {"type": "string"}
GUARDED = (404, 409, 422, 507)
"""The errors of a change that the guard judges."""
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
COSTLY = (504, 507)  # how a query can fail
Offers = tuple[Offer, ...]
Body = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one address.

    `answers`: what it can be answered with; none for no content. `statuses`: those of answers that are no
    errors. `asked`: parameters of the address, those that must be there with a `!` at their end. `body`: by
    media type, the schema. `fails`: the statuses of errors besides those that all have. `reads`: for a
    purpose. `changes`: it makes a commit. `is_open`: nobody has to sign in. `of_page`: errors may be pages.
    """

    summary: str
    answers: Offers = (PLAIN_JSON,)
    statuses: tuple[int, ...] = (200,)
    asked: tuple[str, ...] = ()
    body: Body = field(default_factory=dict)
    fails: tuple[int, ...] = ()
    reads: bool = False
    changes: bool = False
    is_open: bool = False
    of_page: bool = False


def members(*needed: str, **others: Mapping[str, Any]) -> Body:
    """A JSON object: the members that it needs, and those it may have; texts, unless `others` says more."""
    known = {name: others.get(name, TEXT) for name in (*needed, *others)}
    return {"application/json": {"type": "object", "properties": known, "required": list(needed)}}


def form(fields: Mapping[str, Any], *needed: str) -> Body:
    """A form: what each field is, and those that it needs."""
    return {FORM: {"type": "object", "properties": dict(fields), "required": list(needed)}}
