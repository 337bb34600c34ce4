"""`kgservice migrate`: from one store to another, also from the embedded one to a server and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from kgservice.cli.answers import put_json
from kgservice.cli.options import JsonOption
from kgservice.errors import BadParameter
from kgservice.phrases import noun
from kgservice.settings import Settings

_HELP = (
    "A directory of the embedded store, or a server: QUERY[,UPDATE[,DATA]], the addresses of its endpoints."
)


def migrate(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=_HELP)],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="The same.")],
    as_json: JsonOption = False,
) -> None:
    """Copy all graphs of SOURCE to TARGET and compare them. Nothing may write to either meanwhile.

    After an interruption the same command goes on: graphs that have arrived are not copied again. Until then
    no other command uses TARGET. User and password of a server are those of
    KGSERVICE_REMOTE_USER and KGSERVICE_REMOTE_PASSWORD. Keys, audit log and the list of the erased stay where
    they are.

    Example: kgservice migrate data/store http://127.0.0.1:3030/ds/sparql,http://127.0.0.1:3030/ds/update,http://127.0.0.1:3030/ds/data
    """
    # The stores and the engines behind them cost time to import.
    from kgservice.application.care.migrating import migrate as migrated  # noqa: PLC0415
    from kgservice.cli.bars import Bars  # noqa: PLC0415
    from kgservice.cli.stores import mark_of, store_of  # noqa: PLC0415

    places = _settings_of(source, exists=True), _settings_of(target, exists=False)
    if places[0] == places[1]:
        raise BadParameter("SOURCE and TARGET are the same", source="TARGET")
    first = store_of(places[0])
    try:
        second = store_of(places[1], in_part=True)
        mark = mark_of(places[1], second)
        try:
            with Bars(named=True) as bars:
                done = migrated(first, second, bars.show, mark.set)
            if places[1].remote:
                mark.clear()
        finally:
            second.close()
        if not places[1].remote:  # only what is closed is on the disk
            mark.clear()
    finally:
        first.close()
    if as_json:
        put_json(asdict(done))
        return
    statements, graphs = noun(done.statements, "statement|statements"), noun(done.graphs, "graph|graphs")
    were = f", {done.same} of them were there" if done.same else ""
    print(f"Migrated: {done.statements:,} {statements} in {done.graphs:,} {graphs}{were}")


def _settings_of(place: str, *, exists: bool) -> Settings:
    """The settings that name the store. Raises `BadParameter`."""
    if place.startswith(("http://", "https://")):
        query, *others = place.split(",")
        update, data, *more = [*others, "", ""]
        if any(more):
            raise BadParameter("{place!r} names more than three addresses", place=place, source="a server")
        there = Settings.load(remote=query, remote_update=update or query, remote_data=data or query)
        return replace(there, remote_readers="")
    if exists and not Path(place).is_dir():
        raise BadParameter("there is no directory {place}", place=place, source="SOURCE")
    return replace(Settings.load(store=Path(place)), remote="")
