"""What a request to a plain ASGI application gives: parameters of the address, members of a JSON body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.types import Scope

from kgservice.domain.change import Origin
from kgservice.errors import BadInput, BadParameter, UnsupportedMediaType
from kgservice.http.access.commits import note
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.bodies import text
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.negotiation import utf8_media_type

LONGEST_BODY = 64 * 1024  # bytes


def address(http: Exchange, names: Sequence[str]) -> dict[str, str]:
    """The parameters of the address, each once. Raises `BadParameter` for unknown ones."""
    found: dict[str, str] = {}
    for name, values in http.parameters.items():
        if name == "format":
            continue
        if name not in names:
            raise BadParameter("there is no parameter {name!r} here", name=name[:80], source=name[:80])
        if len(values) > 1:
            raise BadParameter("{name!r} is given {count} times", name=name, count=len(values), source=name)
        found[name] = values[0]
    return found


def origin_of(scope: Scope, named: str | None = None, *, dry: bool = False) -> Origin:
    """Who asks for a change, for its provenance, and what of it may be theirs to change.

    The one place where requests get it; the answer will tell the number of the commit. `named`: whom they
    name as the one who decided. `dry`: nothing is to be changed, and no number told.
    """
    principal = principal_of(scope)
    if not dry:
        scope["state"]["commit"] = None
    told = partial(note, scope)
    return Origin.asked(
        principal.name,
        named,
        privacy=principal.answers_for_privacy,
        oversees=principal.oversees,
        told=told,
    )


def asker(http: Exchange) -> Origin:
    """Who asks for a change: the principal; `agent` in the address names who decided it.

    Raises `BadParameter` for another parameter, or an agent that is none.
    """
    return origin_of(http.scope, address(http, ("agent",)).get("agent"))


async def json_body(http: Exchange, *, longest: int = LONGEST_BODY) -> Any:
    """The JSON of the body, of `longest` bytes at most; a body that does not say what it is counts as JSON.

    Raises `UnsupportedMediaType` for one that says something else, `BadInput` with the place where it is no
    JSON.
    """
    header = http.headers.get("content-type")
    if header and (said := utf8_media_type(header)) != "application/json":
        raise UnsupportedMediaType(
            "The body must be application/json, not {said}", said=said, source="Content-Type"
        )
    try:
        return json.loads(await text(http.headers, http.receive, longest))
    except json.JSONDecodeError as error:
        raise BadInput(
            "The body is no JSON: {error}", error=error.msg, line=error.lineno, column=error.colno
        ) from None
    except RecursionError:
        raise BadInput("The body is nested too deeply") from None
    except ValueError:  # thousands of digits
        raise BadInput("The body has a number that is too long") from None
