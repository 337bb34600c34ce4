"""`kgservice load`: RDF files and mapped tables into the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from kgservice.cli.answers import put_json, say, show_rows, shown
from kgservice.cli.backend import connected
from kgservice.cli.bars import Bars
from kgservice.cli.exits import Exit
from kgservice.cli.options import JsonOption, StoreOption, TokenOption, UrlOption, existing_path, settings_for
from kgservice.errors import BadParameter
from kgservice.settings import Settings


def load(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="RDF files, folders of them, or folders of a table and its mapping.",
            parser=existing_path,
            metavar="PATHS",
        ),
    ],
    bulk: Annotated[
        bool,
        typer.Option(
            "--bulk",
            help="N-Quads whose statements name their graphs, such as an export: read at the speed of the "
            "store, their graphs trusted. No service may be running on the store.",
        ),
    ] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Load RDF files, or tables with their mapping. Loading the same again changes nothing.

    Rows that the mapping refuses are reported with their line and do not stop the rest. Exit code 1 when
    something was refused or is in quarantine.

    Examples:

      kgservice load examples/cfpb

      kgservice load workshop.ttl interviews/ --json

      kgservice load --bulk export.nq
    """
    if bulk and url:
        raise BadParameter("a bulk load goes to a store, not to a service", source="--bulk")
    if bulk:
        summaries = _bulk(settings_for(store, token), paths)
    else:
        summaries = _load(settings_for(store, token), url, paths)
    if as_json:
        put_json(summaries)
    else:
        for summary in summaries:
            _tell(summary)
    if any(summary.get("refused") or summary.get("quarantined") for summary in summaries):
        raise typer.Exit(Exit.FINDINGS)


def _bulk(settings: Settings, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Load N-Quads directly into the store."""
    from kgservice.application.imports.load import bulk_load  # noqa: PLC0415 - other commands start without it
    from kgservice.cli.local import ORIGIN, opened  # noqa: PLC0415
    from kgservice.cli.recording import recording  # noqa: PLC0415

    summaries: list[dict[str, Any]] = []
    with (
        opened(settings) as kg,
        recording(settings) as recorder,
        recorder.doing("load --bulk", "imports", reads=False),
        Bars(named=True) as bars,
    ):
        for path in paths:
            commit = bulk_load(kg, path, replace(ORIGIN, source=path.name), bars.show)
            summaries.append(
                {
                    "title": "Bulk load",
                    "files": [path.name],
                    "added": commit.added,
                    "removed": commit.removed,
                    "commit": commit.number,
                }
            )
    return summaries


def _load(settings: Settings, url: str | None, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Load by whoever has the store, with a bar for each thing that is read."""
    with connected(settings, url, create=True) as backend, Bars() as bars:
        return backend.load(paths, bars.show)


_MOST = 50
"""The refused rows, and the names of files, that are shown; `--json` has all."""
_SOME = 5
"""What is in quarantine and shown; `kgservice quarantine` has all."""


_COUNTS = (
    ("rows", "rows"),
    ("taken", "rows taken"),
    ("repeated", "rows repeated"),
    ("statements", "statements read"),
    ("added", "statements added"),
    ("removed", "statements removed"),
    ("commit", "last commit"),
)


def _tell(summary: dict[str, Any]) -> None:
    """Say what one import did: counts on standard output, refused rows as a table on the error stream."""
    refused = summary.get("refused", [])
    _line("title", summary["title"])
    for file in summary["files"][:_MOST]:
        _line("file", file)
    if len(summary["files"]) > _MOST:
        _line("files in all", len(summary["files"]))
    for key, words in _COUNTS:
        if summary.get(key) is not None:
            _line(words, summary[key])
        if key == "repeated":
            _line("rows refused", len(refused))
    for kind, number in summary.get("records", {}).items():
        _line(f"records {shown({'type': 'uri', 'value': kind})}", number)
    nothing = (summary["added"], summary["removed"]) == (0, 0)
    taken = summary.get("taken", 1) or not refused
    if nothing and taken and not summary.get("quarantined"):
        typer.echo("Nothing changed: the graph said all of this already.")
    _reasons("Refused:", refused, _MOST)
    held = summary.get("quarantined", [])
    _reasons(f"In quarantine, with the reasons: {len(held)} (see kgservice quarantine)", held, _SOME)
    if summary.get("mended"):
        say(f"Mended, so no longer waiting in quarantine: {len(summary['mended'])}")
    for path in summary.get("rejects", []):
        say(f"The refused rows are in {path}, to be mended and loaded.")


def _reasons(words: str, refused: Sequence[dict[str, Any]], most: int) -> None:
    """The first of what was refused, if anything was, and why, as a table below these words."""
    if not refused:
        return
    columns = ("file", "line", "reason")
    say(words)
    show_rows(columns, [{key: str(row[key] or "") for key in columns} for row in refused[:most]])
    if len(refused) > most:
        say(f"… and {len(refused) - most} more")


def _line(words: str, value: object) -> None:
    typer.echo(f"{words:<32} {value}".encode(errors="replace").decode())
