"""`kgservice crm`: the CRMs and files that customers come from, added, synchronised and matched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from kgservice.application.graph.erased import Erased
from kgservice.application.sources import packages as crm_packages
from kgservice.cli import conflicts, links
from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.backend import connected, service
from kgservice.cli.bars import Bars
from kgservice.cli.options import (
    JsonOption,
    StoreOption,
    TokenOption,
    UrlOption,
    existing_path,
    given_path,
    settings_for,
    unicode_text,
)
from kgservice.cli.output import sink
from kgservice.domain.change import LOCAL
from kgservice.domain.clock import system_clock
from kgservice.domain.crm_run import Work
from kgservice.errors import BadInput, BadParameter
from kgservice.settings import Settings

crm = typer.Typer(
    no_args_is_help=True,
    help="Sources of customers: CRMs, databases and files; matching them with the graph.",
)
_MOST = 50
"""The refused rows that are shown; `--json` has all."""


def crm_folder(store: Path | None) -> Path:
    """Where sources and their database are: the folder `crm` beside the store.

    Raises `BadInput` that says what to install when the packages for sources are missing.
    """
    crm_packages.check()
    return settings_for(store).crm_folder


@crm.command()
def add(
    folder: Annotated[
        Path, typer.Argument(help="Folder with source.toml.", parser=existing_path, metavar="FOLDER")
    ],
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Check a source and remember it: reads its first rows, and says which columns are recognised.

    Example: kgservice crm add crm/hubspot
    """
    place = crm_folder(store)
    from kgservice.crm import registry  # noqa: PLC0415  (needs optional packages)
    from kgservice.crm.settings import read_source  # noqa: PLC0415
    from kgservice.crm.sync import look  # noqa: PLC0415

    source = read_source(folder)
    with Console(stderr=True).status(f"Reading the first rows of {source.name} …"):
        found = look(source)
    registry.add(place, source)
    if as_json:
        put_json({"name": source.name, "tables": {name: asdict(columns) for name, columns in found.items()}})
        return
    typer.echo(f"Added {source.name} ({source.mapping or source.kind}).")
    show_rows(
        ("table", "recognised", "ignored"),
        [
            {"table": name, "recognised": ", ".join(c.found), "ignored": ", ".join(c.ignored)}
            for name, c in found.items()
        ],
    )


@crm.command("list")
def list_sources(
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the sources, with the rows that each has and the last run that changed something.

    Example: kgservice crm list
    """
    with service(settings_for(store, token), url) as running:
        listed = running.sources.listed() if running is not None else _listed(crm_folder(store))
    if as_json:
        put_json({"sources": listed})
    elif not listed:
        say("No source was added yet.")
    else:
        heads = ("name", "persons", "organisations", "tickets", "deals", "preferences", "rejects", "last run")
        show_rows(heads, [{head: str(one.get(head, "")) for head in heads} for one in listed])


def _listed(place: Path) -> list[dict[str, Any]]:
    from kgservice.crm import registry  # noqa: PLC0415
    from kgservice.crm.canonical_tables import overview  # noqa: PLC0415

    held = overview(place)
    return [{"name": name, **held.get(name, {})} for name in sorted({*registry.names(place), *held})]


@crm.command()
def sync(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names of sources. [default: all]", metavar="NAMES")
    ] = None,
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Take it for true that a source that had rows has none now.")
    ] = False,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Read what has changed in the sources. Nothing is changed by a run that breaks off.

    While a service runs on the store, it does this, with the credentials in its own environment.

    Rows that are refused are reported with their line or key and the reason, and do not stop the rest.

    Examples:

      kgservice crm sync

      kgservice crm sync hubspot --json
    """
    settings = settings_for(store, token)
    with service(settings, url) as running:
        if running is not None:
            chosen = names or [one["name"] for one in running.sources.listed()]
            summaries = [
                running.sources.synced(unicode_text(name, "NAMES"), allow_empty=allow_empty)
                for name in _several(chosen)
            ]
        else:
            summaries = _synced(settings, names, allow_empty=allow_empty)
    if as_json:
        put_json(summaries)
        return
    for told in summaries:
        _tell(told)


def _several(names: list[str]) -> list[str]:
    if not names:
        raise BadInput("no source was added yet: kgservice crm add FOLDER")
    return list(dict.fromkeys(names))


def _synced(settings: Settings, names: list[str] | None, *, allow_empty: bool) -> list[dict[str, Any]]:
    """Synchronise sources in this process."""
    place, erased = crm_folder(settings.store), Erased.beside(settings.store)
    from kgservice.application.sources.runs import Runs  # noqa: PLC0415
    from kgservice.application.sources.working import syncing  # noqa: PLC0415
    from kgservice.crm import registry  # noqa: PLC0415

    runs = Runs(place, system_clock)
    chosen = _several(names or registry.names(place))
    seconds = settings.mapping_deadline
    doings = {
        name: syncing(place, system_clock, name, erased, seconds=seconds, allow_empty=allow_empty)
        for name in chosen
    }
    with Bars() as bars:

        def show(name: str, done: int, total: int) -> None:
            bars.show(f"{name} {done}", done, total or done or 1)

        return [runs.do(Work.SYNC, name, LOCAL.agent, doing, show) for name, doing in doings.items()]


def _tell(summary: dict[str, Any]) -> None:
    """Say what one run did: counts on standard output, refused rows on the error stream."""
    typer.echo(summary["source"])
    for name, counts in summary["tables"].items():
        typer.echo(f"  {name:<30} " + ", ".join(f"{number} {what}" for what, number in counts.items()))
    for kind, counts in summary["changes"].items():
        typer.echo(f"  → {kind:<28} " + ", ".join(f"{number} {what}" for what, number in counts.items()))
    if not summary["run"]:
        typer.echo("  Nothing has changed.")
    if summary["rejects"]:
        say("Refused:")
        heads = ("table", "line", "key", "reason")
        shown = [{h: "" if r[h] is None else str(r[h]) for h in heads} for r in summary["rejects"][:_MOST]]
        show_rows(heads, shown)
        if len(summary["rejects"]) > _MOST:
            say(f"… and {len(summary['rejects']) - _MOST} more")


@crm.command()
def match(
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Compare what was synchronised with the customers of the graph, and take over what is linked.

    Sure pairs are linked by rule, possible ones wait for `kgservice crm review`.

    Example: kgservice crm match
    """
    with connected(settings_for(store, token), url) as backend:
        done = backend.links.match()
    if as_json:
        put_json(done)
        return
    for what, parts in (("links", done["links"].items()), ("records", _flat(done["records"]))):
        for name, counts in parts:
            said = [f"{number} {word}" for word, number in counts.items() if word != "refused" and number]
            typer.echo(f"{what} of {name}: {', '.join(said) or 'nothing'}")
            for refused in counts["refused"]:
                say(f"  refused: {refused['source']} {refused['key']}: {refused['reason']}")


def _flat(records: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{source}, {kind}", counts) for source, of in records.items() for kind, counts in of.items())


@crm.command()
def export(
    name: Annotated[str, typer.Argument(help="Name of a source.", metavar="SOURCE")],
    into_crm: Annotated[
        bool,
        typer.Option("--into-crm", help="Tell what would be written into the CRM itself, in place of a CSV."),
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write it there.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write.", parser=given_path, metavar="FILE"),
    ] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write whose each linked record is and what that person agreed to, as CSV, or into the CRM (Tryton).

    Only accepted links of customers who may be matched now. Nothing is written into the CRM without --apply,
    and what is there already is not written again.

    Examples:

      kgservice crm export hubspot -o links.csv

      kgservice crm export tryton --into-crm --apply
    """
    unicode_text(name, "SOURCE")
    if apply and not into_crm:
        raise BadParameter("says something about --into-crm only", source="--apply")
    with connected(settings_for(store, token), url) as backend:
        if not into_crm:
            with sink(output) as out:
                backend.sources.exported(name, out, as_json=as_json)
            return
        done = backend.sources.into_crm(name, apply=apply)
    if as_json:
        put_json(done)
        return
    said = ", ".join(f"{len(done[what])} {what}" for what in ("new", "changed", "gone"))
    typer.echo(f"{name}: {said}, {done['unchanged']} unchanged, {len(done['failed'])} failed")
    for failed in done["failed"][:_MOST]:
        say(f"  {failed['key']}: {failed['reason']}")
    if not apply:
        say("Nothing was written; --apply writes it.")


# What a steward does with links has a place of its own, and is found here, too.
for _command in (conflicts.conflicts, conflicts.settle, links.review, links.report):
    _help = getdoc(_command)
    crm.command(help=_help and _help.replace("kgservice links", "kgservice crm"))(_command)
