"""`kgservice keys`: the API keys of people and programs, kept beside the store."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.application.law import api_keys
from kgservice.cli.answers import put_json, say
from kgservice.cli.options import JsonOption, StoreOption, settings_for, unicode_text
from kgservice.cli.recording import recording
from kgservice.domain.clock import system_clock
from kgservice.domain.principal import Role

keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@keys.command()
def create(
    name: Annotated[str, typer.Option(help="What the key is for, as the list shows it.")],
    role: Annotated[list[Role], typer.Option(help="What may be done with it; may be given several times.")],
    purpose: Annotated[
        list[str] | None,
        typer.Option(help="A purpose that may be stated: IRI or short name; may be given several times."),
    ] = None,
    default: Annotated[
        str | None, typer.Option(help="The one of them that holds when a request states none.")
    ] = None,
    expires: Annotated[
        str, typer.Option(help="When it ends: days (90d), weeks (12w), a date, or never.")
    ] = "90d",
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Make an API key and show it, once. The service takes it at once.

    Example:

      kgservice keys create --name "notebook" --role researcher --purpose dpv:ResearchAndDevelopment
    """
    settings = settings_for(store)
    now = system_clock()
    key, kept = api_keys.draft(
        settings,
        now,
        name=unicode_text(name, "--name"),
        roles=role,
        purposes=purpose or (),
        default=default,
        expires=expires,
        mark="--",
    )
    with recording(settings) as recorder, recorder.doing("keys create", "keys", reads=False):
        api_keys.keep(settings, key, kept)
    if not kept.purposes and not kept.principal.oversees:
        say("It can read no data: its roles need a purpose (--purpose).")
    if as_json:
        put_json({"key": key, **kept.to_json(now)})
        return
    say("Keep this key; it is not shown again.")
    print(key)


@keys.command("list")
def list_(as_json: JsonOption = False, store: StoreOption = None) -> None:
    """List the API keys, without what is secret.

    Example: kgservice keys list --json
    """
    now = system_clock()
    found = api_keys.kept(settings_for(store))
    if as_json:
        put_json([key.to_json(now) for key in found])
        return
    table = Table("Key", "State", "Name", "Roles", "Purposes", "Expires")
    for key in found:
        ends = key.expires.isoformat(timespec="minutes") if key.expires else "never"
        cells = (
            key.prefix,
            key.state(now),
            key.name,
            " ".join(sorted(key.roles)),
            " ".join(key.purposes),
            ends,
        )
        table.add_row(*map(Text, cells))
    Console(file=sys.stdout).print(table)


@keys.command()
def revoke(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="The key: what the list shows first.")],
    as_json: JsonOption = False,
    store: StoreOption = None,
) -> None:
    """Let an API key be valid no more, also for browsers that signed in with it.

    Example: kgservice keys revoke 3f2a91c0
    """
    now = system_clock()
    settings, given = settings_for(store), unicode_text(prefix, "PREFIX")
    with recording(settings) as recorder, recorder.doing("keys revoke", "keys", reads=False):
        key = api_keys.revoke(settings, given, now)
    if as_json:
        put_json(key.to_json(now))
        return
    say(f"Revoked: {key.prefix} ({key.name})")
