"""Options that several commands share, and the address that they mean."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kgservice.errors import BadParameter
from kgservice.namespaces import expand
from kgservice.settings import Settings


def given_path(value: str | Path) -> Path:
    """A path as it was given. Raises `typer.BadParameter` for an empty one."""
    if not str(value):
        raise typer.BadParameter("the path is empty")
    return Path(value)


def existing_path(value: str | Path) -> Path:
    """The path of something that is there. Raises `typer.BadParameter` when there is nothing."""
    path = given_path(value)
    if not path.exists():
        raise typer.BadParameter(f"Path {str(value)!r} does not exist.")
    return path


def unicode_text(value: str, source: str) -> str:
    """The text as it is. Raises `BadParameter` when the bytes that were given for it are no UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadParameter("the text is not valid UTF-8", source=source) from None
    return value


class Language(StrEnum):
    """The languages of titles and descriptions."""

    GERMAN = "de"
    ENGLISH = "en"


LanguageOption = Annotated[
    Language,
    typer.Option("--language", "-l", envvar="KGSERVICE_LANGUAGE", help="Language of titles."),
]


StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        parser=given_path,
        metavar="PATH",
        envvar="KGSERVICE_STORE",
        help="Directory of the store. [default: data/store]",
        show_default=False,
        show_envvar=True,
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="KGSERVICE_URL",
        help="Address of a running service, to work through it instead of on the store directly.",
        show_envvar=True,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", envvar="KGSERVICE_TOKEN", help="Token of the running service.", show_envvar=True),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Write the result as JSON to standard output, and nothing else.")
]
PurposeOption = Annotated[
    str | None,
    typer.Option(
        "--purpose",
        metavar="NAME",
        help="Read only what may be used for this purpose, such as dpv:Marketing, as an IRI or a short name. "
        "[default: everything, or that of the key]",
        show_default=False,
    ),
]


def purpose_iri(given: str | None) -> str | None:
    """The purpose that an option states, as an IRI; None when it was not given.

    Raises `BadParameter` for what names none: an empty variable of a shell must not read everything.
    """
    if given is None:
        return None
    if not given.strip() or not unicode_text(given, "--purpose").isprintable():
        raise BadParameter("the purpose has no name", source="--purpose")
    return expand(given)


def settings_for(store: Path | None, token: str | None = None) -> Settings:
    """The settings with what the command line gives.

    Raises `BadParameter` for an environment variable or an option that cannot be used.
    """
    return Settings.load(store=store, token=token)
