"""`kgservice subject`: what a person may ask for: access, a copy, correction, restriction, erasure."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

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
from kgservice.cli.rights import HTML
from kgservice.errors import BadParameter
from kgservice.phrases import filled

subject = typer.Typer(
    no_args_is_help=True, help="Find a person and do what they may ask for (Art. 15 to 21 GDPR)."
)

Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The person: key or IRI, as `subject find` shows it.")
]
Agent = Annotated[str | None, typer.Option("--agent", help="Who decided, if another did: a name or an IRI.")]
Request = Annotated[
    str | None, typer.Option("--request", help="The ticket: IRI or UUID. [default: the open one]")
]
Received = Annotated[
    str | None, typer.Option("--received", help="When the request came, with time zone. [default: now]")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write. [default: standard output]")
]
Format = Annotated[str, typer.Option("--format", "-f", help="json, jsonld, or csv where there are rows.")]

WAITING = (
    "The files of the store still hold the erased texts where nothing reads them, until they are written "
    "anew: when the service starts again, or by kgservice compact."
)


@subject.command()
def find(
    crm: Annotated[str | None, typer.Option(help="Number in the CRM, as SYSTEM:KEY.")] = None,
    email: Annotated[str | None, typer.Option(help="E-mail address.")] = None,
    iri: Annotated[str | None, typer.Option(help="IRI, or the UUID that ends it.")] = None,
    name: Annotated[str | None, typer.Option(help="Name, or a part of it.")] = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Find a person.

    Example: kgservice subject find --crm sales-crm:CON-1005
    """
    asked = {"crm": crm, "email": email, "iri": iri, "name": name}
    given = {way: unicode_text(value, f"--{way}") for way, value in asked.items() if value is not None}
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.find(given)
    if as_json:
        put_json(found)
        return
    show_rows(("key", "name"), [{"key": one["key"], "name": one["name"] or ""} for one in found["matches"]])
    if not found["matches"]:
        say("Nobody fits.")


@subject.command()
def access(
    key: Key,
    fmt: Annotated[
        str, typer.Option("--format", "-f", help="json, jsonld, or html: a page for the person to read.")
    ] = "json",
    language: LanguageOption = Language.GERMAN,
    output: Output = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write all that is kept about a person, as a page to read (html, in a language), JSON or JSON-LD.

    Example: kgservice subject access 00000000-0000-4000-8000-100700000005 --format html -o data.html
    """
    fmt = "json" if as_json else fmt
    _document(key, "access", fmt, ("json", "jsonld", HTML), output, (store, url, token), language)


@subject.command()
def export(
    key: Key,
    fmt: Format = "jsonld",
    output: Output = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Write what a person provided, to take along, as JSON-LD or CSV; json tells what is in and out.

    Example: kgservice subject export 00000000-0000-4000-8000-100700000005 --format csv -o data.csv
    """
    _document(
        key, "export", "json" if as_json else fmt, ("jsonld", "csv", "json"), output, (store, url, token)
    )


@subject.command()
def erase(
    key: Key,
    other_basis: Annotated[
        str | None, typer.Option(help="Records with another legal basis than consent: keep or erase.")
    ] = None,
    request: Request = None,
    received: Received = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Erase a person for good; the ticket and the proof of consents stay, without the person.

    Example: kgservice subject erase 00000000-0000-4000-8000-100700000005 --yes
    """
    if not yes:
        typer.confirm("Erase this person? It cannot be undone", abort=True, err=True)
    body = _given(otherBasis=other_basis, request=request, received=received)
    found = _act(key, "erasure", body, agent, (store, url, token))
    if as_json:
        put_json(found)
        return
    print(filled("{statements:statement is|statements are} gone; the ticket is {request}.", found))
    for iri in found["moot"]:
        print(f"Closed as moot: {iri}")
    for one in found["kept"]:
        print(f"Kept on another legal basis: {one['record']}")
    for iri in found["elsewhere"]:
        print(f"States the same name or address, look at it: {iri}")
    for one in found["candidateRecords"]:
        print(f"May be of this person, nobody has decided, stays: {one['source']} {one['key']}")
    for iri in found["otherPersons"]:
        print(f"Another person with the same address, decide on it: {iri}")
    say(WAITING)


@subject.command()
def rectify(
    key: Key,
    values: Annotated[
        list[str], typer.Option("--set", help="PROPERTY=VALUE; without a value the property goes.")
    ],
    record: Annotated[str | None, typer.Option(help="A record of the person. [default: the person]")] = None,
    request: Request = None,
    received: Received = None,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Correct texts, numbers and dates of a record of a person; several --set of a property are its values.

    Example: kgservice subject rectify 00000000-0000-4000-8000-100700000005
    --set "ci:personName=Walburga Berg"
    """
    wanted: dict[str, Any] = {}
    for value in values:
        name, equals, text = unicode_text(value, "--set").partition("=")
        if not equals or not name:
            raise BadParameter("{value!r} is not PROPERTY=VALUE", value=value[:80], source="--set")
        wanted[name] = [*(wanted.get(name) or []), text] if text else wanted.get(name)
    body = _given(set=wanted, record=record, request=request, received=received)
    _told(_act(key, "rectification", body, agent, (store, url, token)), as_json, "Rectified.")


@subject.command()
def restrict(
    key: Key,
    records: Annotated[
        list[str] | None, typer.Option("--record", help="Only this record; may be given several times.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    request: Request = None,
    received: Received = None,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Restrict the use of all data of a person, or of some records.

    Example: kgservice subject restrict 00000000-0000-4000-8000-100700000005 --reason "accuracy is disputed"
    """
    body = _given(records=records or None, reason=reason, request=request, received=received)
    found = _act(key, "restriction", body, agent, (store, url, token))
    _told(found, as_json, f"Restricted: {found['id']}")


@subject.command()
def lift(
    key: Key,
    restriction: Annotated[str, typer.Argument(help="The restriction: IRI or UUID.")],
    informed: Annotated[bool, typer.Option("--informed", help="The person has been told before.")] = False,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Lift a restriction, after the person has been told (Art. 18(3) GDPR).

    Example: kgservice subject lift 00000000-0000-4000-8000-100700000017
    00000000-0000-4000-8000-106400000021 --informed
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.rights.lift(unicode_text(key, "KEY"), restriction, {"informed": informed}, agent)
    _told(found, as_json, "Lifted.")


@subject.command("object")
def object_(
    key: Key,
    received: Received = None,
    agent: Agent = None,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take an objection (Art. 21 GDPR); it counts at once, until it is refused.

    Example: kgservice subject object 00000000-0000-4000-8000-100700000005
    """
    found = _act(key, "objection", _given(received=received), agent, (store, url, token))
    _told(found, as_json, f"Taken; to be answered by {found['due']}: {found['id']}")


Where = tuple[Path | None, str | None, str | None]


def _act(key: str, what: str, body: dict[str, Any], agent: str | None, where: Where) -> dict[str, Any]:
    store, url, token = where
    with connected(settings_for(store, token), url) as backend:
        return backend.rights.act(unicode_text(key, "KEY"), what, body, agent)


def _document(
    key: str,
    what: str,
    fmt: str,
    formats: tuple[str, ...],
    output: Path | None,
    where: Where,
    language: Language = Language.GERMAN,
) -> None:
    if fmt not in formats:
        raise BadParameter(
            "{fmt!r} is none of {formats}", fmt=fmt[:80], formats=", ".join(formats), source="--format"
        )
    store, url, token = where
    with connected(settings_for(store, token), url) as backend:
        put(backend.rights.document(unicode_text(key, "KEY"), what, fmt, language.value), fmt, output)


def put(document: bytes, fmt: str, output: Path | None) -> None:
    """Write a document to a file, which only its owner can read, or to standard output."""
    if fmt == "json":
        document = json.dumps(json.loads(document), ensure_ascii=False, indent=2).encode() + b"\n"
    if output is None:
        sys.stdout.buffer.write(document)
        return
    output.touch(mode=0o600)
    output.write_bytes(document)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _told(found: dict[str, Any], as_json: bool, words: str) -> None:
    if as_json:
        put_json(found)
    else:
        print(words)
