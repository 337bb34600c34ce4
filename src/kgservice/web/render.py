"""HTML from the templates: everything escaped, nothing inline that a strict content policy refuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kgservice.web import dates
from kgservice.web.numbers import decimal, grouped, signed
from kgservice.web.texts import LANGUAGES, counted, known, text

STATIC = Path(__file__).parent / "static"


@cache
def _environment() -> Environment:
    """The templates, each compiled once in a process, whichever application needs it first."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Pages:
    """The templates; one for an application."""

    def __init__(self) -> None:
        self._environment = _environment()

    def render(self, template: str, language: str, *, chosen: bool, here: str, **values: Any) -> str:
        """A page in `language`. `chosen`: the address says the language, so links keep it.

        `here`: path and parameters of the page, without `lang`, for the link to the other language.
        """

        def link(path: str, **parameters: str) -> str:
            given = parameters | ({"lang": language} if chosen else {})
            return f"{path}{'&' if '?' in path else '?'}{urlencode(given)}" if given else path

        other = next(one for one in LANGUAGES if one != language)
        return self._environment.get_template(template).render(
            t=lambda key: text(key, language),
            n=lambda key, count: counted(key, count, language),
            word_for=lambda prefix, name: known(prefix, name, language),
            language=language,
            other=other,
            other_link=f"{here}{'&' if '?' in here else '?'}lang={other}",
            chosen=chosen,
            here=here,
            link=link,
            grouped=lambda count: grouped(count, language),
            decimal=lambda said: decimal(said, language),
            signed=lambda weight: signed(float(weight), language),
            as_day=lambda said: _time(said, dates.day, language),
            as_moment=lambda said: _time(said, dates.moment, language),
            as_minute=lambda said: _time(said, dates.minute, language),
            **values,
        )


def _time(said: str | None, written: Callable[[str, str], str], language: str) -> str:
    """A day or moment in ISO 8601 as an element that says it to people and to programs; nothing of nothing.

    >>> str(_time("2026-05-21T09:00:00Z", dates.day, "en"))
    '<time datetime="2026-05-21T09:00:00Z">21 May 2026</time>'
    """
    shown = written(said or "", language)
    return shown if shown == (said or "") else Markup('<time datetime="{}">{}</time>').format(said, shown)
