"""Options that several commands share, and the address that they mean."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kgservice.settings import Settings


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


def settings_for(store: Path | None, token: str | None = None) -> Settings:
    """The settings with what the command line gives.

    Raises `BadParameter` for an environment variable that cannot be read.
    """
    return Settings.load(store=store, token=token)
