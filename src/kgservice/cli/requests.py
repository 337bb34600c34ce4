"""`kgservice requests`: the tickets; and the record of processing activities, and writing the store anew."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kgservice.cli.answers import put_json, say, show_rows
from kgservice.cli.backend import connected, refuse_running
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
from kgservice.cli.rights import MEDIA_TYPES
from kgservice.cli.subjects import Agent, Format, Output, Received, put
from kgservice.errors import BadParameter, NotFound

requests = typer.Typer(
    no_args_is_help=True, help="Requests of persons: which wait, until when, and their answers."
)

Ticket = Annotated[str, typer.Argument(metavar="ID", help="The ticket: IRI, or the UUID that ends it.")]
_COLUMNS = ("id", "kind", "status", "due", "outcome", "reference")


@requests.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="open, overdue or answered.")] = None,
    kind: Annotated[str | None, typer.Option(help="access, rectification, erasure, restriction …")] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List the tickets, the most urgent first.

    Example: kgservice requests list --status open
    """
    asked = {"status": status, "kind": kind}
    given = {name: unicode_text(value, f"--{name}") for name, value in asked.items() if value is not None}
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.tickets(given)
    if as_json:
        put_json(found)
        return
    rows = [{**one, "id": one["id"].rpartition("/")[2]} for one in found["requests"]]
    show_rows(_COLUMNS, [{name: str(row[name] or "") for name in _COLUMNS} for row in rows])
    if not rows:
        say("There are none.")


@requests.command("open")
def open_(
    subject: Annotated[str, typer.Argument(metavar="KEY", help="The person: key or IRI.")],
    kind: Annotated[
        str, typer.Argument(help="access, rectification, erasure, restriction, portability, objection.")
    ],
    received: Received = None,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Record a request of a person; it is due in one month.

    Example: kgservice requests open 00000000-0000-4000-8000-100700000005 access
    """
    body = {"subject": unicode_text(subject, "KEY"), "kind": unicode_text(kind, "KIND")}
    if received is not None:
        body["received"] = received
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.open(body, agent)
    _told(found, as_json)


@requests.command()
def unidentified(
    kind: Annotated[str, typer.Argument(help="access, erasure … as with open.")],
    reference: Annotated[
        str, typer.Argument(help="Your mark of the correspondence, such as DSR-2026-17; no name.")
    ],
    received: Received = None,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Record a request of somebody whom the graph does not know; it is due in one month, too.

    Example: kgservice requests unidentified access DSR-2026-17
    """
    body = {"kind": unicode_text(kind, "KIND"), "reference": unicode_text(reference, "REFERENCE")}
    if received is not None:
        body["received"] = received
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.open(body, agent)
    _told(found, as_json)


@requests.command()
def answer(
    key: Ticket,
    outcome: Annotated[
        str,
        typer.Argument(
            help="fulfilled or refused; of somebody unknown nothing-held, not-identified or passed-on."
        ),
    ],
    reason: Annotated[
        str | None, typer.Option(help="What the person was told; needed for a refusal.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="When the person was told. [default: now]")] = None,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Record how a request was decided.

    Example: kgservice requests answer 00000000-0000-4000-8000-106400000002 fulfilled
    """
    asked = {"outcome": outcome, "reason": reason, "time": time}
    body = {name: unicode_text(value, name) for name, value in asked.items() if value is not None}
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.change(unicode_text(key, "ID"), "answer", body, agent)
    _told(found, as_json)


@requests.command()
def extend(
    key: Ticket,
    reason: Annotated[str, typer.Option(help="What the person was told.")],
    months: Annotated[int, typer.Option(help="1 or 2 further months.")] = 2,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Extend the time for an answer, within the first month (Art. 12(3) GDPR).

    Example: kgservice requests extend 00000000-0000-4000-8000-106400000002 --reason "many records"
    """
    body: dict[str, Any] = {"reason": unicode_text(reason, "--reason"), "months": months}
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.change(unicode_text(key, "ID"), "extend", body, agent)
    _told(found, as_json)


def activities(
    fmt: Format = "csv",
    output: Output = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write the record of processing activities (Art. 30 GDPR); what it lacks is named in `missing`.

    Example: kgservice processing-activities --format csv -o record.csv
    """
    fmt = "json" if as_json else fmt
    if fmt not in MEDIA_TYPES:
        raise BadParameter(
            "{fmt!r} is none of {formats}", fmt=fmt[:80], formats=", ".join(MEDIA_TYPES), source="--format"
        )
    with connected(settings_for(store, token), url) as backend:
        put(backend.rights.activities(fmt, language.value), fmt, output)


def compact(as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Write the files of the store anew, so that they hold nothing of what was deleted. No service may run.

    Example: kgservice compact
    """
    from kgservice.cli.local import compacted  # noqa: PLC0415 - as in `connected`
    from kgservice.cli.recording import recording  # noqa: PLC0415

    settings = settings_for(store)
    if not settings.store.exists():
        raise NotFound("there is no store at {store}", store=settings.store)
    refuse_running(settings)
    with recording(settings) as recorder, recorder.doing("compact", "store", reads=False):
        before, after = compacted(settings)
    if as_json:
        put_json({"bytesBefore": before, "bytesNow": after})
        return
    print(f"{before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB now.")


def _told(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        put_json(found)
        return
    print(f"{found['id']}: {found['kind']}, {found['outcome']}, due {found['due']}")
