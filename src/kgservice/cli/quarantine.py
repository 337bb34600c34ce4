"""`kgservice quarantine`: what imports brought and the guard refused, and what a steward decides of it."""

from __future__ import annotations

from typing import Annotated

import typer

from kgservice.application.answers.chain_words import spoken
from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.backend import connected
from kgservice.cli.options import (
    JsonOption,
    Language,
    LanguageOption,
    StoreOption,
    TokenOption,
    UrlOption,
    settings_for,
    unicode_text,
)
from kgservice.domain.finding import severity_name
from kgservice.phrases import filled

quarantine = typer.Typer(invoke_without_command=True)

Key = Annotated[str, typer.Argument(metavar="ID", help="The entry: its id, as the list shows it.")]

_COLUMNS = ("id", "status", "file", "line", "reason")


@quarantine.callback()
def list_(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="waiting, released, discarded or mended.")] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List what imports brought and the guard refused, the oldest first; or decide of an entry.

    Example: kgservice quarantine --status waiting
    """
    if ctx.invoked_subcommand is not None:
        return
    with connected(settings_for(store, token), url) as backend:
        entries = backend.quarantined(None if status is None else unicode_text(status, "--status"))
    if as_json:
        put_json(entries)
        return
    show_rows(_COLUMNS, [{key: str(entry[key] or "") for key in _COLUMNS} for entry in entries])
    if not entries:
        say("Nothing is in quarantine.")


@quarantine.command()
def show(
    key: Key,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show an entry: its row and statements, and what they would bring if they were released now.

    Of one that waits no more: what it was refused for. What was mended is shown as it came in, too.

    Example: kgservice quarantine show 00000000-0000-5000-8000-000000000001
    """
    with connected(settings_for(store, token), url) as backend:
        entry = backend.held(unicode_text(key, "ID"))
    if as_json:
        put_json(entry)
        return
    findings = entry.get("findings", entry["refusedFor"])
    for name in ("id", "status", "file", "line", "row", "reason", "created", "decided", "decision"):
        if entry[name] not in (None, "") and not (name == "reason" and findings):
            typer.echo(f"{name:<10} {entry[name]}".encode(errors="replace").decode())
    for line in entry["statements"]:
        typer.echo(f"  {line}")
    if entry["original"]:
        typer.echo("as it came in")
    for line in entry["original"]:
        typer.echo(f"  {line}")
    for finding in findings:
        severity = severity_name(finding["severity"], language.value)
        typer.echo(f"{severity} {finding['rule']}: {spoken(finding['message'], language.value)}")


@quarantine.command()
def release(
    key: Key,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Commit the statements of an entry as records. Exit code 1 when they still bring a violation.

    Example: kgservice quarantine release 00000000-0000-5000-8000-000000000001
    """
    with connected(settings_for(store, token), url) as backend:
        commit = backend.release(unicode_text(key, "ID"))
    if as_json:
        put_json(commit)
    else:
        say(filled("Released: {added:statement|statements} added by commit {commit}.", commit))


@quarantine.command()
def discard(
    key: Key,
    reason: Annotated[str, typer.Option(help="Why it is not wanted.")],
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say that an entry is not wanted, and why. It stays in the list.

    Example: kgservice quarantine discard 00000000-0000-5000-8000-000000000001 --reason "entered twice"
    """
    with connected(settings_for(store, token), url) as backend:
        entry = backend.discard(unicode_text(key, "ID"), unicode_text(reason, "--reason"))
    if as_json:
        put_json(entry)
    else:
        say(f"Discarded: {entry['decision']}")
