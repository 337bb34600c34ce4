"""`kgservice crm`: the CRMs and files that customers come from, added, synchronised and matched."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from inspect import getdoc
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from kgservice.application.sources import packages as crm_packages
from kgservice.cli import conflicts, links, lookups
from kgservice.cli.answers import counts, put_json, say, show_rows
from kgservice.cli.backend import connected, service
from kgservice.cli.exits import Exit
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
from kgservice.cli.synchronising import MOST, all_refused, each, several, synced_here, tell
from kgservice.errors import BadParameter

crm = typer.Typer(
    no_args_is_help=True,
    help="Sources of customers: CRMs, databases and files; matching them with the graph.",
)


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
    from kgservice.crm import known_columns, registry  # noqa: PLC0415  (needs optional packages)
    from kgservice.crm.settings import read_source  # noqa: PLC0415
    from kgservice.crm.sync import look  # noqa: PLC0415

    source = read_source(folder)
    again = source.name in registry.names(place)
    with Console(stderr=True).status(f"Reading the first rows of {source.name} …"):
        found = look(source)
    registry.add(place, source)
    if again:
        known_columns.forget(place, source.name)
    if as_json:
        tables = {name: {"found": [*c.found], "ignored": [*c.ignored]} for name, c in found.items()}
        put_json({"name": source.name, "tables": tables})
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

    Rows that are refused are reported with their line or key and the reason, and do not stop the rest; the
    exit code is 1 when all rows of a source are.

    Examples:

      kgservice crm sync

      kgservice crm sync hubspot --json
    """
    settings = settings_for(store, token)
    with service(settings, url) as running:
        if running is not None:
            chosen = names or [one["name"] for one in running.sources.listed()]
            synced = partial(running.sources.synced, allow_empty=allow_empty)
            summaries, failed = each(several(chosen), lambda name: synced(unicode_text(name, "NAMES")))
        else:
            summaries, failed = synced_here(settings, names, allow_empty=allow_empty)
    if as_json and summaries:
        put_json(summaries)
    for told in [] if as_json else summaries:
        tell(told)
    for name, error in failed:
        if len(failed) + len(summaries) > 1:
            say(f"{name}: {error}")
    if failed:
        raise failed[0][1]
    if any(all_refused(summary) for summary in summaries):
        raise typer.Exit(Exit.FINDINGS)


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
        matched = backend.links.match()
    if as_json:
        put_json(matched)
        return
    for what, parts in (("links", matched["links"].items()), ("records", _flat(matched["records"]))):
        for name, done in parts:
            said = counts({word: number for word, number in done.items() if word != "refused" and number})
            typer.echo(f"{what} of {name}: {said or 'nothing'}")
            for refused in done["refused"]:
                say(f"  refused: {refused['source']} {refused['key']}: {refused['reason']}")


def _flat(records: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((f"{source}, {kind}", done) for source, of in records.items() for kind, done in of.items())


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
    for failed in done["failed"][:MOST]:
        say(f"  {failed['key']}: {failed['reason']}")
    if not apply:
        say("Nothing was written; --apply writes it.")


# What a steward does with links has a place of its own, and is found here, too.
for _command in (lookups.lookup, conflicts.conflicts, conflicts.settle, links.review, links.report):
    _help = getdoc(_command)
    crm.command(help=_help and _help.replace("kgservice links", "kgservice crm"))(_command)
