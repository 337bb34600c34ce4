"""What one request of the SPARQL 1.1 Protocol asks for, in whichever form it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from pyoxigraph import NamedNode
from starlette.datastructures import Headers
from starlette.types import Scope

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.loading import Upload
from kgservice.application.views.reader import Reader
from kgservice.errors import BadInput, BadParameter, UnsupportedMediaType
from kgservice.http.access.permissions import principal_of
from kgservice.http.access.purposes import reader_of
from kgservice.http.messages.bodies import MOST_PARAMETERS, Parameters, parameters, text, utf8
from kgservice.http.messages.exchange import Exchange
from kgservice.http.messages.multipart import format_of, parts_of
from kgservice.http.messages.negotiation import media_type_of, utf8_media_type
from kgservice.http.messages.operation import FORM, MULTIPART
from kgservice.settings import Settings
from kgservice.store.allowance import Allowance

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
    besides. `uploads`: the files that come with it, by their names.
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
    uploads: Mapping[str, Upload] = field(default_factory=dict)


async def read_operation(
    http: Exchange, kg: KnowledgeGraph, limit: int, direct: str, name: str, *, files: ExitStack | None = None
) -> Operation:
    """The one operation of a request, from its address, its form or its body (media type `direct`).

    With `files` the form may bring some, which are open until it is closed.
    """
    found = http.parameters
    uploads: dict[str, Upload] = {}
    if http.method == "POST":
        media_type = utf8_media_type(http.headers.get("content-type"))
        if media_type == FORM:
            for key, values in parameters(await text(http.headers, http.receive, limit)).items():
                found.setdefault(key, []).extend(values)
        elif media_type == MULTIPART and files is not None:
            fields, uploads = await _in_parts(http, limit, name, files)
            for key, values in fields.items():
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
        uploads=uploads,
    )


async def _in_parts(
    http: Exchange, limit: int, operation: str, files: ExitStack
) -> tuple[Parameters, dict[str, Upload]]:
    """The fields and the files of a form in parts; the text of the `operation` may be sent as a file, too.

    Raises `BadInput` for what is not UTF-8, and for files of one name; what `parts_of` and `format_of` raise.
    """
    _, said = media_type_of(http.headers["content-type"])
    boundary = f'; boundary="{said["boundary"]}"' if "boundary" in said else ""
    # Latin-1 has a character for each byte: what comes so is what was sent, and no guess at it.
    headers = Headers({**http.headers, "content-type": f"{MULTIPART}; charset=latin-1{boundary}"})
    fields: Parameters = {}
    uploads: dict[str, Upload] = {}
    for key, part in await parts_of(headers, http.receive, limit, files, fields=MOST_PARAMETERS):
        if isinstance(part, str):
            fields.setdefault(_sent(key), []).append(_sent(part))
        elif key == operation:
            fields.setdefault(key, []).append(utf8(await part.read()))
        else:
            name = _sent(part.filename or "")
            if name in uploads:
                raise BadInput("{name!r} is sent twice", name=name, source="filename")
            uploads[name] = Upload(format_of(part), part.file, part.size or 0)
    return fields, uploads


def _sent(latin_1: str) -> str:
    return utf8(latin_1.encode("latin-1"))


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
