"""`kgservice links`: CRM records and the customers that they may be, and what a steward decides of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kgservice.cli.answers import put_json, say
from kgservice.cli.backend import connected
from kgservice.cli.link_desk import LinkDesk
from kgservice.cli.link_words import WORDS, show_list, show_one, show_report
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
from kgservice.errors import BadParameter, Conflict, PreconditionFailed
from kgservice.phrases import filled

links = typer.Typer(invoke_without_command=True)

Key = Annotated[str, typer.Argument(metavar="ID", help="The link: its id, as the list shows it.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the decision.")]
Agent = Annotated[str | None, typer.Option("--agent", help="Who decided, if another did: a name or an IRI.")]
Source = Annotated[str | None, typer.Option(help="Name of a source, such as sales-crm.")]
Kind = Annotated[str | None, typer.Option(help="persons or organisations.")]

REVIEWED = "reviewed side by side in the terminal"
_VERBS = {"a": "accept", "r": "reject"}


@links.callback()
def list_(
    ctx: typer.Context,
    state: Annotated[str | None, typer.Option(help="candidate, accepted or rejected.")] = None,
    source: Source = None,
    kind: Kind = None,
    customer: Annotated[str | None, typer.Option(help="The person or organisation: IRI or UUID.")] = None,
    limit: Annotated[int, typer.Option(help="How many to show at most.")] = 100,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """List links of CRM records to customers, the likeliest first; or work with one of them.

    Example: kgservice links --state candidate --source sales-crm
    """
    if ctx.invoked_subcommand is not None:
        return
    given = _given(state=state, source=source, kind=kind, customer=customer)
    with connected(settings_for(store, token), url) as backend:
        found = backend.links.listed({**given, "limit": str(limit)})
    if as_json:
        put_json(found)
        return
    show_list(found["links"], language.value)
    say(filled(WORDS[language.value]["shown"], {**found, "shown": len(found["links"])}))


@links.command()
def show(
    key: Key,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Show a link side by side: both values of each field, what it weighs, and who decided what.

    Example: kgservice links show 00000000-0000-4000-8000-107000000045
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.links.shown(unicode_text(key, "ID"))
    if as_json:
        put_json(found)
    else:
        show_one(found, language.value)


@links.command()
def accept(
    key: Key,
    reason: Reason,
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say that a record is the customer.

    Example: kgservice links accept 00000000-0000-4000-8000-107000000045 --reason "same address"
    """
    with connected(settings_for(store, token), url) as backend:
        _decided(backend.links, "accept", key, reason, agent, language, as_json=as_json)


@links.command()
def reject(
    key: Key,
    reason: Reason,
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Say that a record is not the customer: the pair is never offered again.

    Example: kgservice links reject 00000000-0000-4000-8000-107000000045 --reason "another company"
    """
    with connected(settings_for(store, token), url) as backend:
        _decided(backend.links, "reject", key, reason, agent, language, as_json=as_json)


@links.command()
def undo(
    key: Key,
    reason: Reason,
    agent: Agent = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Take the last decision back, with all that was derived from it.

    Example: kgservice links undo 00000000-0000-4000-8000-107000000042 --reason "mixed up"
    """
    with connected(settings_for(store, token), url) as backend:
        _decided(backend.links, "undo", key, reason, agent, language, as_json=as_json)


@links.command()
def report(
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Count links by source and state, and decisions by rule and by person.

    Example: kgservice links report --json
    """
    with connected(settings_for(store, token), url) as backend:
        found = backend.links.report()
    if as_json:
        put_json(found)
    else:
        show_report(found, language.value)


@links.command()
def review(
    source: Source = None,
    kind: Kind = None,
    reason: Annotated[str, typer.Option(help="Why, for all decisions of this review.")] = REVIEWED,
    agent: Agent = None,
    limit: Annotated[int, typer.Option(help="How many to go through at most.")] = 100,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Go through the links that wait, the likeliest first: a accepts, r rejects, s skips, u undoes, q ends.

    Example: kgservice links review --source sales-crm
    """
    given = _given(source=source, kind=kind)
    unicode_text(reason, "--reason")
    with connected(settings_for(store, token), url) as backend:
        waiting = backend.links.listed({**given, "state": "candidate", "limit": str(limit)})["links"]
        counts = _Review(backend.links, reason, agent, language.value, quiet=as_json).go(waiting)
    if as_json:
        put_json(counts)
    else:
        words = WORDS[language.value]
        say(words["done"].format(**counts) if waiting else words["none"])


class _Review:
    """A walk through links, one key for each."""

    def __init__(self, desk: LinkDesk, reason: str, agent: str | None, language: str, *, quiet: bool) -> None:
        self._desk = desk
        self._reason = reason
        self._agent = agent
        self._language = language
        self._quiet = quiet
        self._words = WORDS[language]
        self._counts = dict.fromkeys(("accept", "reject", "skip", "undo"), 0)
        self._done: list[tuple[int, dict[str, Any]]] = []

    def go(self, waiting: list[dict[str, Any]]) -> dict[str, int]:
        """Go through them; how often each key was pressed."""
        place = 0
        while place < len(waiting):
            link = waiting[place]
            if not self._quiet:
                show_one(link, self._language)
                say(f"{self._words['of'].format(place + 1, len(waiting))}  {self._words['keys']}")
            key = typer.getchar().lower()
            if key in {"q", "\x03", "\x04", ""}:
                break
            if key == "s":
                self._counts["skip"] += 1
                place += 1
            elif key == "u":
                place = self._undo(waiting, place)
            elif key in _VERBS:
                place += self._decide(place, link, _VERBS[key])
        return self._counts

    def _decide(self, place: int, link: dict[str, Any], verb: str) -> int:
        """Decide; 1 to go on to the next, also when somebody else was faster."""
        try:
            after = self._desk.decide(link["id"], verb, self._reason, self._agent, link)
        except (Conflict, PreconditionFailed) as error:
            say(str(error))
            return 1
        self._counts[verb] += 1
        self._done.append((place, after))
        return 1

    def _undo(self, waiting: list[dict[str, Any]], place: int) -> int:
        """Take back the last decision of this review, and go back to its link."""
        if not self._done:
            say(self._words["nothing"])
            return place
        back, link = self._done.pop()
        waiting[back] = self._desk.decide(link["id"], "undo", self._reason, self._agent, link)
        self._counts["undo"] += 1
        return back


def _decided(
    desk: LinkDesk, verb: str, key: str, reason: str, agent: str | None, language: Language, *, as_json: bool
) -> None:
    found = desk.decide(unicode_text(key, "ID"), verb, unicode_text(reason, "--reason"), agent)
    words = WORDS[language.value]
    if as_json:
        put_json(found)
    else:
        say(words["now"].format(words[found["stands"] or found["state"]]))


def _given(**asked: str | None) -> dict[str, str]:
    """The filters that were given. Raises `BadParameter` for one that is empty."""
    given = {name: unicode_text(value, f"--{name}") for name, value in asked.items() if value is not None}
    for name, value in given.items():
        if not value.strip():
            raise BadParameter("it is empty", source=f"--{name}")
    return given
