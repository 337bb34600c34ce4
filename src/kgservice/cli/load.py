"""`kgservice load`: RDF files and mapped tables into the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.backend import connected
from kgservice.cli.options import JsonOption, StoreOption, TokenOption, UrlOption, existing_path, settings_for


def load(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="RDF files, folders of them, or folders of a table and its mapping.",
            parser=existing_path,
            metavar="PATHS",
        ),
    ],
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Load RDF files, or tables with their mapping. Loading the same again changes nothing.

    Rows that the mapping refuses are reported with their line and do not stop the rest.

    Examples:

      kgservice load examples/cfpb

      kgservice load workshop.ttl interviews/ --json
    """
    with connected(settings_for(store, token), url, create=True) as backend, _Bars() as bars:
        summaries = backend.load(paths, bars.show)
    if as_json:
        put_json(summaries)
        return
    for summary in summaries:
        _tell(summary)


class _Bars:
    """One progress bar for each thing that is read, on the error stream, gone at the end."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, name: str, done: int, total: int) -> None:
        """Show that `done` of `total` is read of the thing called `name`."""
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)


def _tell(summary: dict[str, Any]) -> None:
    """Say what one import did: counts on standard output, refused rows as a table."""
    refused = summary.get("refused", [])
    for key, value in summary.items():
        if isinstance(value, (str, int)):
            typer.echo(f"{key.replace('_', ' '):<24} {value}")
    if refused:
        say("Refused:")
        show_rows(("line", "reason"), [{"line": str(r["line"]), "reason": str(r["reason"])} for r in refused])
