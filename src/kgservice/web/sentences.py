"""What errors say, in the language of who reads it: the German of each phrase, by the English one.

English is written where an error is raised; `catalogue/errors.de.json` has the German of it, with the same
places for values. What engines say of a query or a document is in English only.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from string import Formatter

from kgservice.phrases import Bilingual, Phrase, filled

_CATALOGUE = Path(__file__).parent / "catalogue" / "errors.de.json"


@cache
def german() -> dict[str, str]:
    """The German phrases by the English ones, as they are written in the code."""
    found: dict[str, str] = json.loads(_CATALOGUE.read_text(encoding="utf-8"))
    return found


def told(said: str, language: str) -> str | None:
    """What an error says, in `language` (`de` or `en`); None if there is no German for it.

    >>> told(Phrase("there is no phase {name!r}", name="x"), "de")
    "Es gibt keine Phase 'x'"
    >>> told(Bilingual("The title is missing", "Der Titel fehlt"), "de")
    'Der Titel fehlt'
    """
    if language == "en":
        return str(said)
    if isinstance(said, Bilingual):
        return said.german
    if not isinstance(said, Phrase) or not said.values:
        return german().get(said)
    template = german().get(said.template, said.template if neutral(said.template) else None)
    if template is None:
        return None
    return filled(template, {name: _value(value) for name, value in said.values.items()})


def neutral(template: str) -> bool:
    """Whether a template has no words of its own, but values with marks between them.

    >>> neutral("{what!r}; {why}"), neutral("{what!r} or {why}")
    (True, False)
    """
    return not any(c.isalpha() for text, *_ in Formatter().parse(template) for c in text)


def _value(value: object) -> object:
    return told(value, "de") or str(value) if isinstance(value, Phrase | Bilingual) else value
