"""What one request of the SPARQL 1.1 Protocol asks for, in whichever form it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pyoxigraph import NamedNode
from starlette.types import Scope

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.errors import BadParameter, UnsupportedMediaType
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.bodies import Parameters, parameters, text
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.negotiation import utf8_media_type
from kgservice.settings import Settings
from kgservice.store.allowance import Allowance

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"

_DATASET = {
    "query": ("default-graph-uri", "named-graph-uri"),
    "update": ("using-graph-uri", "using-named-graph-uri"),
}
OF_A_QUERY = {"query", "update", *_DATASET["query"]}


@dataclass(frozen=True, slots=True)
class Operation:
    """One query or update with the dataset that the protocol's parameters name.

    `reading` gives what it may read, or raises `Forbidden`; `allowance` says how much time it may take.
    `repeatable`: the same request gives the same answer as long as the graph is the same. `audited`: the
    query that the audit log tells of, if it is another one than `text`. `headers`: what the answer carries
    besides.
    """

    reading: Callable[[], Reader]
    text: str
    default: tuple[NamedNode, ...]
    named: tuple[NamedNode, ...]
    wanted: str | None
    allowance: Allowance
    repeatable: bool = True
    audited: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


async def read_operation(http: Exchange, kg: KnowledgeGraph, limit: int, direct: str, name: str) -> Operation:
    """The one operation of a request, from its address, its form or its body (media type `direct`)."""
    found = http.parameters
    if http.method == "POST":
        media_type = utf8_media_type(http.headers.get("content-type"))
        if media_type == FORM:
            for key, values in parameters(await text(http.headers, http.receive, limit)).items():
                found.setdefault(key, []).extend(values)
        elif media_type == direct:
            if name in found:
                raise BadParameter("{name} is in the address and in the body", name=name, source=name)
            found[name] = [await text(http.headers, http.receive, limit)]
        else:
            raise UnsupportedMediaType(
                "{media_type!r} is neither {direct} nor {form}",
                media_type=media_type,
                direct=direct,
                form=FORM,
                source="Content-Type",
            )
    if (count := len(found.get(name, ()))) != 1:
        raise BadParameter("There must be one {name}, not {count}", name=name, count=count, source=name)
    merged, named = _DATASET[name]
    return Operation(
        partial(reader_of, http.scope, dict(found), kg),
        found[name][0],
        _graphs(found, merged),
        _graphs(found, named),
        http.wanted,
        allowance(http.scope, kg.settings, found),
    )


def allowance(scope: Scope, settings: Settings, given: Parameters) -> Allowance:
    """How much time a query of the one who asks may take; `timeout` of the request: seconds, if fewer.

    Raises `BadParameter`.
    """
    principal = principal_of(scope)
    most = settings.seconds(principal.roles)
    try:
        wanted = [float(seconds) for seconds in given.get("timeout", ())]
    except ValueError:
        wanted = [0.0]
    if not all(seconds > 0 for seconds in wanted):
        raise BadParameter("timeout is no number of seconds above 0", source="timeout")
    return Allowance(principal.name, min(most, *wanted) if wanted else most)


def _graphs(found: Parameters, name: str) -> tuple[NamedNode, ...]:
    return tuple(iri(value, name) for value in found.get(name, ()))


def iri(value: str, source: str) -> NamedNode:
    """The IRI of a graph. Raises `BadParameter` when it is none, or relative."""
    try:
        return NamedNode(value)
    except ValueError as error:
        raise BadParameter(
            "{value!r} is not an absolute IRI: {error}", value=value, error=error, source=source
        ) from None
