"""Synchronising sources from the command line: one after the other, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import typer

from kgservice.application.graph.erased import Erased
from kgservice.application.sources import packages as crm_packages
from kgservice.cli.answers import counts, say, show_rows
from kgservice.cli.bars import Bars
from kgservice.domain.change import LOCAL
from kgservice.domain.clock import system_clock
from kgservice.domain.crm_run import Work
from kgservice.errors import BadInput, KgError
from kgservice.settings import Settings

MOST = 50
"""The refused rows that are shown; `--json` has all."""

Summaries = list[dict[str, Any]]


def each(
    names: Iterable[str], do: Callable[[str], dict[str, Any]]
) -> tuple[Summaries, list[tuple[str, KgError]]]:
    """What came of each source; one that fails does not keep the others from their turn."""
    summaries, failed = [], []
    for name in names:
        try:
            summaries.append(do(name))
        except KgError as error:
            failed.append((name, error))
    return summaries, failed


def several(names: list[str]) -> list[str]:
    """The names, each once. Raises `BadInput` for none."""
    if not names:
        raise BadInput("no source was added yet: kgservice crm add FOLDER")
    return list(dict.fromkeys(names))


def synced_here(
    settings: Settings, names: list[str] | None, *, allow_empty: bool
) -> tuple[Summaries, list[tuple[str, KgError]]]:
    """Synchronise sources in this process. Raises `BadInput` where packages for sources are missing."""
    crm_packages.check()
    place, erased = settings.crm_folder, Erased.beside(settings.store)
    from kgservice.application.sources.runs import Runs  # noqa: PLC0415
    from kgservice.application.sources.working import syncing  # noqa: PLC0415
    from kgservice.crm import registry  # noqa: PLC0415

    runs = Runs(place, system_clock)
    chosen = several(names or registry.names(place))
    seconds = settings.mapping_deadline
    with Bars() as bars:

        def show(name: str, done: int, total: int) -> None:
            bars.show(f"{name} {done}", done, total or done or 1)

        def synced(name: str) -> dict[str, Any]:
            doing = syncing(place, system_clock, name, erased, seconds=seconds, allow_empty=allow_empty)
            return runs.do(Work.SYNC, name, LOCAL.agent, doing, show)

        return each(chosen, synced)


def all_refused(summary: dict[str, Any]) -> bool:
    """Whether a run read rows, and took none of them."""
    read, rejected = (sum(one[what] for one in summary["tables"].values()) for what in ("read", "rejected"))
    return bool(read) and read == rejected


def tell(summary: dict[str, Any]) -> None:
    """Say what one run did: counts on standard output, refused rows on the error stream."""
    typer.echo(summary["source"])
    for name, found in summary["tables"].items():
        typer.echo(f"  {name:<30} {counts(found)}")
    for name, ignored in summary["ignored"].items():
        typer.echo(f"  {name:<30} ignored, and new: {', '.join(ignored)}")
    for kind, found in summary["changes"].items():
        typer.echo(f"  → {kind:<28} {counts(found)}")
    if not summary["run"]:
        typer.echo("  Nothing has changed.")
    _listed("Refused:", [one for one in summary["rejects"] if not one["taken"]])
    _listed("Taken without a cell:", [one for one in summary["rejects"] if one["taken"]])


def _listed(title: str, rejects: list[dict[str, Any]]) -> None:
    if rejects:
        say(title)
        heads = ("table", "kind", "line", "key", "reason")
        show_rows(heads, [{h: "" if r[h] is None else str(r[h]) for h in heads} for r in rejects[:MOST]])
        if len(rejects) > MOST:
            say(f"… and {len(rejects) - MOST} more")
