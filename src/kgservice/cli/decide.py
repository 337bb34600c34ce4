"""The command that asks whether data of a person may be used."""

from __future__ import annotations

from typing import Annotated

import typer

from kgservice.cli.answers import put_json
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


def decide(
    subject: Annotated[str, typer.Argument(help="IRI of the person, or the UUID that ends it.")],
    category: Annotated[str, typer.Argument(help="Data category, for example ci:BehaviouralData.")],
    purpose: Annotated[str, typer.Argument(help="Purpose, for example dpv:ResearchAndDevelopment.")],
    at: Annotated[
        str | None,
        typer.Option(help="Moment with time zone, for example 2026-11-20T12:00:00Z. [default: now]"),
    ] = None,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Tell whether data of a person may be used for a purpose, and which consent or legal basis justifies it.

    Example: kgservice decide 00000000-0000-4000-8000-100700000001 ci:BehaviouralData dpv:Marketing
    """
    asked = {"subject": subject, "category": category, "purpose": purpose}
    if at is not None:
        asked["at"] = at
    for name, value in asked.items():
        unicode_text(value, name)
    with connected(settings_for(store, token), url) as backend:
        found = backend.decide(asked)
    if as_json:
        put_json(found)
        return
    print(found["words"][language.value])
    for other in found["considered"][1:]:
        print(f"- {other['words'][language.value]}")
