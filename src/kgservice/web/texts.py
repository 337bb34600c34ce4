"""The words of the pages, in German and English: one catalogue for each language, `catalogue/*.json`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from kgservice.phrases import noun

LANGUAGES = ("de", "en")

_CATALOGUES = Path(__file__).parent / "catalogue"


@cache
def catalogue(language: str) -> dict[str, str]:
    """All words in `language` (`de` or `en`), by key."""
    found: dict[str, str] = json.loads((_CATALOGUES / f"{language}.json").read_text(encoding="utf-8"))
    return found


def text(key: str, language: str) -> str:
    """The words for `key` in `language`.

    >>> text("impact", "en")
    'Impacts'
    """
    return catalogue(language)[key]


def counted(key: str, count: object, language: str) -> str:
    """The noun for `key` in `language` for so many of them.

    >>> counted("rows", 1, "de"), counted("rows", "1,200", "en")
    ('Zeile', 'rows')
    """
    return noun(count, text(key, language))


def known(prefix: str, name: str, language: str) -> str:
    """The words for a name that may come from outside, under the key `prefix` and `name`; else the name."""
    return catalogue(language).get(f"{prefix}{name}", name)


def group_name(group: str, language: str) -> str:
    """The name of a group of questions; its folder's name for an unknown one."""
    return catalogue(language).get(f"group-{group}", group)


def preferred(accept: str | None, otherwise: str) -> str:
    """The language of ours that an `Accept-Language` header likes best, else `otherwise`.

    >>> preferred("fr, en-GB;q=0.8, de;q=0.5", "de")
    'en'
    >>> preferred("de;q=nan, en;q=0.5", "de"), preferred("de;q=7, en;q=0.5", "de")
    ('en', 'en')
    """
    liked: dict[str, float] = {}
    for item in (accept or "").split(","):
        tag, _, weight = item.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if not 0 <= quality <= 1:
            continue
        language = tag.partition("-")[0].lower()
        if language in LANGUAGES:
            liked[language] = max(quality, liked.get(language, 0))
    best = max(liked, key=lambda language: liked[language], default=otherwise)
    return best if liked.get(best, 1) > 0 else otherwise
