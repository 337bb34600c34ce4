"""`kgservice quality`: how good the data is, and how it was the time before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kgservice.cli.answers import put_json, say
from kgservice.cli.backend import connected
from kgservice.cli.options import (
    JsonOption,
    Language,
    LanguageOption,
    StoreOption,
    TokenOption,
    UrlOption,
    settings_for,
)

_WORDS = {
    "de": {
        "dimension": "Dimension",
        "measure": "Maß",
        "part": "woran",
        "value": "Wert",
        "numbers": "Zahlen",
        "before": "davor",
        "numbers-of": "{} von {}",
        "nothing": "entfällt",
        "kept": "Die Messung ist aufbewahrt.",
        "never": "Bisher ist keine Messung aufbewahrt (--record bewahrt diese auf).",
    },
    "en": {
        "dimension": "dimension",
        "measure": "measure",
        "part": "of",
        "value": "value",
        "numbers": "numbers",
        "before": "before",
        "numbers-of": "{} of {}",
        "nothing": "not applicable",
        "kept": "The measurement is kept.",
        "never": "No measurement has been kept so far (--record keeps this one).",
    },
}


def quality(
    record: Annotated[
        bool, typer.Option("--record", help="Keep the measurement; one of the same day is replaced.")
    ] = False,
    language: LanguageOption = Language.GERMAN,
    as_json: JsonOption = False,
    store: StoreOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Measure the quality of the data, and show what it was when it was last measured on an earlier day.

    Examples:

      kgservice quality --language en

      kgservice quality --record --json
    """
    with connected(settings_for(store, token), url) as backend:
        report = backend.quality(keep=record)
    if as_json:
        put_json(report)
        return
    words = _WORDS[language.value]
    Console().print(_table(report, language.value))
    if record:
        say(words["kept"])
    elif not any(part["history"] for measure in report["measures"] for part in measure["parts"]):
        say(words["never"])


def _table(report: Mapping[str, Any], language: str) -> Table:
    words = _WORDS[language]
    table = Table(header_style="bold")
    for name in ("dimension", "measure", "part"):
        table.add_column(words[name], overflow="fold")
    for name in ("value", "numbers", "before"):
        table.add_column(words[name], justify="right")
    before = ("", "")
    for measure in report["measures"]:
        for part in measure["parts"]:
            heads = (measure["dimension"][language], measure["title"][language])
            shown = tuple("" if old == new else new for old, new in zip(before, heads, strict=True))
            before = heads
            table.add_row(
                *(Text(cell) for cell in (*shown, _name(part, language))),
                *(Text(cell) for cell in _values(measure, part, report["time"][:10], language)),
            )
    return table


def _name(part: Mapping[str, Any], language: str) -> str:
    names = [part["class"], *([part["topic"]] if part["topic"] else [])]
    return ", ".join(name[language] for name in names)


def _values(
    measure: Mapping[str, Any], part: Mapping[str, Any], today: str, language: str
) -> tuple[str, str, str]:
    """The value now, the numbers behind it, and the last value kept on an earlier day."""
    words, now = _WORDS[language], part["now"]
    value = numbers = ""
    if now is not None:
        value = words["nothing"] if now["value"] is None else _number(measure, now["value"], language)
        numbers = words["numbers-of"].format(now["numerator"], now["denominator"])
    earlier = [kept for kept in part["history"] if kept["time"][:10] < today]
    if not earlier:
        return value, numbers, ""
    last = earlier[-1]
    return value, numbers, f"{_number(measure, last['value'], language)} ({last['time'][:10]})"


def _number(measure: Mapping[str, Any], value: float, language: str) -> str:
    """A value for people.

    >>> _number({"unit": "ratio"}, 0.8125, "de"), _number({"unit": "count"}, 3, "en")
    ('81,2 %', '3')
    """
    if measure["unit"] == "count":
        return str(int(value))
    percent = f"{100 * value:.1f}"
    return f"{percent.replace('.', ',')} %" if language == "de" else f"{percent}%"
