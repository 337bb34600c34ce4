"""How a query is asked: of no other service, written so that it is quick, with reasons if it is stopped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

from kgservice.domain.query_cost import why_costly
from kgservice.domain.query_exists import nested
from kgservice.domain.query_few import Few, apart
from kgservice.domain.query_rewrites import quicker
from kgservice.domain.sparql_scan import Piece, federated, may_federate, place, scan
from kgservice.errors import BadQuery, DeadlineExceeded, Forbidden, TooCostly
from kgservice.phrases import Phrase

Result = TypeVar("Result")


@contextmanager
def explained(text: str) -> Iterator[None]:
    """What takes more than it may is told with what is costly in the query, as it was asked."""
    try:
        yield
    except (DeadlineExceeded, TooCostly) as error:
        if reasons := why_costly(text):
            error.detail = Phrase("{said}. {reasons}", said=error.detail, reasons=reasons)
        raise


def quickly(ask: Callable[[str], Result], text: str, few: Few | None) -> Result:
    """What `ask` gives for the query, written so that the engine is quick; errors tell of it as it is.

    `few` tells which properties few statements have; None where a server answers, which plans for itself:
    what it makes of EXISTS in EXISTS has not been looked at.
    """
    written = quicker(text if few is None else apart(nested(text), few))
    try:
        return ask(written)
    except BadQuery:
        if written == text:
            raise
    return ask(text)


def scanned(text: str, services: Collection[str] = ()) -> list[Piece]:
    """The tokens of a query that may name places.

    Raises `Forbidden` if it would ask another service than one of `services`.
    """
    pieces = scan(text) if "FROM" in text.upper() or may_federate(text) else []
    remote = federated(pieces, services)
    if remote is not None:
        line, column = place(text, remote.start)
        but = Phrase(" but to {services}", services=", ".join(services)) if services else ""
        raise Forbidden(
            "SERVICE is not allowed: queries make no outgoing requests{but}",
            but=but,
            line=line,
            column=column,
        )
    return pieces
