"""`kgservice crm conflicts` and `settle`: fields in which a CRM and the graph differ, for stewards."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from kgservice.application.graph.labels import short
from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.backend import connected
from kgservice.cli.options import JsonOption, StoreOption, TokenOption, UrlOption, settings_for, unicode_text


class Settling(StrEnum):
    """What a steward says of a field."""

    TAKE = "take"
    KEEP = "keep"
    UNDO = "undo"


def conflicts(
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the fields in which a CRM and the graph differ and that wait for somebody to decide.

    Example: kgservice crm conflicts
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.links.conflicts()
    if as_json:
        put_json({"conflicts": found})
        return
    heads = ("id", "customer", "record", "field", "CRM", "graph")
    rows = [
        (
            short(one["id"]),
            one["customerName"] or short(one["customer"]),
            f"{one['source']} {one['key']}",
            one["field"],
            ", ".join(one["crm"]),
            ", ".join(one["graph"]),
        )
        for one in found
    ]
    show_rows(heads, [dict(zip(heads, row, strict=True)) for row in rows])


def settle(
    key: Annotated[str, typer.Argument(metavar="ID", help="The field value: its id, as the list shows it.")],
    how: Annotated[
        Settling, typer.Argument(help="take the CRM's value, keep ours, or undo the last decision on it.")
    ],
    reason: Annotated[str, typer.Option(help="Why; it is kept with the decision.")],
    agent: Annotated[str | None, typer.Option("--agent", help="Who decided, if another did.")] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Decide on a field in which a CRM and the graph differ; it counts until one of both says something else.

    Example: kgservice crm settle 00000000-0000-4000-8000-107000000045 take --reason "asked her"
    """
    with connected(settings_for(store, token), url) as backend:
        done = backend.links.settle(
            unicode_text(key, "ID"), how.value, unicode_text(reason, "--reason"), agent
        )
    if as_json:
        put_json(done)
    else:
        say(f"{done['source']} {done['key']}, {done['field']}: {done['verdict']}.")
