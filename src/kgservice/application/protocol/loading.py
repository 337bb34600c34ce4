"""LOAD in an update: of files that the same request brings, named by `cid:`, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote, unquote

from pyoxigraph import DefaultGraph, NamedNode, Quad

from kgservice.domain.sparql_update import Load, UpdateOperation
from kgservice.errors import BadParameter, BadRdf, Forbidden, TooLarge
from kgservice.store.formats import Format
from kgservice.store.syntax import parse, resolve


@dataclass(frozen=True, slots=True)
class Upload:
    """An RDF file of `size` bytes that comes with an update; it may be read more than once."""

    fmt: Format
    file: BinaryIO
    size: int


Uploads = Mapping[str, Upload]
"""Files by their names."""


def check_loads(steps: Sequence[UpdateOperation], uploads: Uploads, limit: int) -> None:
    """Refuse what can be seen to be wrong before anything is read.

    Raises `Forbidden` for LOAD of an address; `BadParameter` for a file that no LOAD names; `TooLarge` for
    files that are named so often that more than `limit` bytes would be read.
    """
    named = [_name(step) for step in steps if isinstance(step, Load)]
    if sum(uploads[name].size for name in named if name in uploads) > limit:
        raise TooLarge(
            "LOAD reads more than {limit} bytes; name each file once", limit=limit, source="update"
        )
    for name in sorted(uploads.keys() - set(named)):
        raise BadParameter(
            "no LOAD names the file {name!r}; it would be LOAD <cid:{part}>",
            name=name,
            part=quote(name, safe=""),
            source="update",
        )


def loaded(step: Load, uploads: Uploads, graph: NamedNode | DefaultGraph, base: str) -> Iterator[Quad]:
    """The statements of the file that LOAD names, in `graph`; its blank nodes are new ones each time.

    Raises `BadParameter` when the request brings no such file; `BadRdf` with its name, line and column, also
    for statements that name a graph themselves.
    """
    name = _name(step)
    upload = uploads.get(name)
    if upload is None:
        raise BadParameter(
            "the request brings no file {name!r} for LOAD",
            name=name,
            line=step.line,
            column=step.column,
            source="update",
        )
    upload.file.seek(0)
    for quad in parse(upload.file, upload.fmt, base=base, rename=True, name=name):
        if quad.graph_name != DefaultGraph():
            raise BadRdf(
                "the file has statements in a graph, {graph}; LOAD takes only those without one",
                graph=quad.graph_name,
                source=name,
            )
        yield Quad(quad.subject, quad.predicate, quad.object, graph)


def _name(step: Load) -> str:
    """The name of the file that LOAD means (RFC 2392), which the request brings. Raises `Forbidden`."""
    scheme, _, part = resolve(step.prologue, step.source).value.partition(":")
    if scheme.lower() != "cid":
        raise Forbidden(
            "LOAD is for files that the request brings (cid:NAME): the service makes no outgoing requests",
            line=step.line,
            column=step.column,
        )
    return unquote(part)
