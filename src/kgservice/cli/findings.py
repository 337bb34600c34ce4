"""`kgservice findings`: the findings of the validation, and what a steward does with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from kgservice.cli.answers import put_json, say
from kgservice.cli.backend import connected
from kgservice.cli.finding_words import WORDS, show_list, show_one
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
from kgservice.phrases import filled

findings = typer.Typer(invoke_without_command=True)

Key = Annotated[str, typer.Argument(metavar="ID", help="The finding: its id, as the list shows it.")]
Agent = Annotated[str | None, typer.Option("--agent", help="Who decided, if another did: a name or an IRI.")]


@findings.callback()
def list_(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="open, waived or mended.")] = None,
    severity: Annotated[str | None, typer.Option(help="Violation, Warning or Info.")] = None,
    rule: Annotated[str | None, typer.Option(help="Number of a rule, such as R05.")] = None,
    focus: Annotated[str | None, typer.Option(help="The record: IRI or UUID.")] = None,
    owner: Annotated[str | None, typer.Option(help="The employee in charge: IRI or UUID.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show at most.")] = 100,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List findings as they stand now, the gravest first, what is mended last; or work with one of them.

    Examples:

      kgservice findings --status open --severity Warning

      kgservice findings --rule R05 --json
    """
    if ctx.invoked_subcommand is not None:
        return
    asked = {"status": status, "severity": severity, "rule": rule, "focus": focus, "owner": owner}
    given = {name: unicode_text(value, name) for name, value in asked.items() if value is not None}
    with connected(settings_for(store, token), url) as backend:
        found = backend.findings({**given, "limit": str(limit)})
    if as_json:
        put_json(found)
        return
    show_list(found["findings"], language.value)
    say(filled(WORDS[language.value]["shown"], {**found, "shown": len(found["findings"])}))


@findings.command()
def show(
    key: Key,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Explain a finding: the rule, the values, a valid example, and what would mend it.

    Example: kgservice findings show 00000000-0000-4000-8000-108000000002
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.finding(unicode_text(key, "ID"))
    if as_json:
        put_json(found)
        return
    show_one(found, language.value)
    if found["explanation"]["proposals"]:
        say(WORDS[language.value]["fix"].format(found["id"]))


@findings.command()
def assign(
    key: Key,
    owner: Annotated[
        str | None, typer.Option(help="The employee: IRI or UUID; left out: nobody any more.")
    ] = None,
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Name the employee who is to mend a finding.

    Example:

      kgservice findings assign 6c1d3b0e-9a43-5f0e-8a53-0f4f2a8f6d11 --owner urn:staff:7
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.assign(
            unicode_text(key, "ID"),
            owner and unicode_text(owner, "--owner"),
            agent and unicode_text(agent, "--agent"),
        )
    _done(found, language.value, as_json=as_json)


@findings.command()
def waive(
    key: Key,
    reason: Annotated[str, typer.Option(help="Why the finding is accepted.")],
    until: Annotated[str, typer.Option(help="A date, or a moment with its time zone.")],
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Accept a finding for a time. Violations of consent and of the rights of persons never are.

    Example:

      kgservice findings waive 6c1d3b0e-9a43-5f0e-8a53-0f4f2a8f6d11 --reason "not known" --until 2027-01-31
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.waive(
            unicode_text(key, "ID"),
            unicode_text(reason, "--reason"),
            unicode_text(until, "--until"),
            agent and unicode_text(agent, "--agent"),
        )
    _done(found, language.value, as_json=as_json)


@findings.command()
def reopen(
    key: Key,
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take the waiver of a finding back.

    Example:

      kgservice findings reopen 00000000-0000-4000-8000-108000000002
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.reopen(unicode_text(key, "ID"), agent and unicode_text(agent, "--agent"))
    _done(found, language.value, as_json=as_json)


@findings.command()
def fix(
    key: Key,
    proposal: Annotated[str, typer.Argument(metavar="PROPOSAL", help="A proposal of `show`.")],
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Make the change that a proposal tells of.

    Example:

      kgservice findings fix 00000000-0000-4000-8000-108000000002 tag-de-1f0c9a7b
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.fix(
            unicode_text(key, "ID"),
            unicode_text(proposal, "PROPOSAL"),
            agent and unicode_text(agent, "--agent"),
        )
    _done(found, language.value, as_json=as_json)


@findings.command()
def refresh(
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Validate everything, and enter what is new, what is mended and which waivers have run out.

    Example: kgservice findings refresh
    """
    with connected(settings_for(store, token), url) as backend:
        counts = backend.refresh()
    if as_json:
        put_json(counts)
    else:
        say(WORDS[language.value]["counts"].format(**counts))


def _done(found: Mapping[str, Any], language: str, *, as_json: bool) -> None:
    if as_json:
        put_json(found)
    else:
        words = WORDS[language]
        say(words["done"].format(words[found["status"]]))
