"""`kgservice keys`: the API keys of people and programs, kept beside the store."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.cli.answers import put_json, say
from kgservice.cli.options import JsonOption, StoreOption, settings_for, unicode_text
from kgservice.cli.recording import recording
from kgservice.domain.clock import system_clock
from kgservice.domain.keys import ApiKey, hashed, new_key
from kgservice.domain.principal import Role
from kgservice.errors import BadParameter
from kgservice.namespaces import expand
from kgservice.settings import Settings
from kgservice.store.keys import KeyFile, keys_of

LONGEST_NAME = 200  # characters

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
    if not name.strip() or len(name) > LONGEST_NAME or not unicode_text(name, "--name").isprintable():
        raise BadParameter(f"a name has 1 to {LONGEST_NAME} printable characters", source="--name")
    purposes = _active(settings, purpose or (), "--purpose")
    standard = _active(settings, [default], "--default")[0] if default else None
    if standard is not None and standard not in purposes:
        raise BadParameter("the default is none of the purposes of the key", source="--default")
    key, prefix = new_key()
    kept = ApiKey(prefix, name, frozenset(role), purposes, standard, now, end(expires, now))
    with recording(settings) as recorder, recorder.doing("keys create", "keys", reads=False):
        KeyFile(keys_of(settings.store)).add(kept, hashed(key))
    if not purposes and not kept.principal.oversees:
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
    found = KeyFile(keys_of(settings_for(store).store)).all()
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
    file = KeyFile(keys_of(settings.store))
    with recording(settings) as recorder, recorder.doing("keys revoke", "keys", reads=False):
        key = file.revoke(given, now)
    if as_json:
        put_json(key.to_json(now))
        return
    say(f"Revoked: {key.prefix} ({key.name})")


def _active(settings: Settings, given: Sequence[str], source: str) -> tuple[str, ...]:
    """The purposes as IRIs. Raises `BadParameter` for those that there are no views for."""
    found = tuple(dict.fromkeys(map(expand, given)))
    for purpose in found:
        if purpose not in settings.active_purposes:
            active = ", ".join(settings.active_purposes) or "none"
            raise BadParameter(f"{purpose[:200]!r} is no active purpose; these are: {active}", source=source)
    return found


def end(given: str, now: datetime) -> datetime | None:
    """The moment that `--expires` means; None for never. Raises `BadParameter`.

    >>> end("2w", datetime.fromisoformat("2026-11-20T12:00:00+00:00")).isoformat()
    '2026-12-04T12:00:00+00:00'
    """
    if given == "never":
        return None
    try:
        if found := re.fullmatch(r"([1-9][0-9]{0,4})([dw])", given, re.ASCII):
            return now + timedelta(days=int(found[1]) * (7 if found[2] == "w" else 1))
        moment = datetime.fromisoformat(given)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    except (ValueError, OverflowError):
        raise BadParameter(
            f"{given[:80]!r} is no time such as 90d, 12w, 2027-01-31 or never", source="--expires"
        ) from None
    if moment <= now:
        raise BadParameter(f"{given} is in the past", source="--expires")
    return moment
