"""Words for people with values in them, which can be told in another language, too."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any


def noun(count: object, forms: str) -> str:
    """The word for so many: of two forms with a bar between them that for one, and that for several.

    >>> noun(1, "row|rows"), noun("2", "row|rows"), noun(1, "changed")
    ('row', 'rows', 'changed')
    """
    one, _, several = forms.partition("|")
    return one if str(count) == "1" else several or one


class _Filling(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if "|" in format_spec:
            return f"{value} {noun(value, format_spec)}"
        return str(super().format_field(value, format_spec))


def filled(template: str, values: Mapping[str, object]) -> str:
    """The template with its values; at `{count:row|rows}` stand the number and its `noun`.

    >>> filled("loses {count:row|rows} of {name!r}", {"count": 1, "name": "deals"})
    "loses 1 row of 'deals'"
    """
    return _Filling().vformat(template, (), values)


class Phrase(str):
    """English words with values in them, which can be told in another language, too.

    `template`: the words as they are written in the code, with `{name}` for each of the `values`, which may
    be phrases (see `filled`). What a user sent is a value, never part of a template.

    >>> import copy
    >>> said = Phrase("{name!r} is {expected}", name="x", expected=Phrase("longer than {most}", most=5))
    >>> said, copy.deepcopy(said).values["expected"].template
    ("'x' is longer than 5", 'longer than {most}')
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Phrase:  # noqa: D102 - see the class
        made = super().__new__(cls, filled(template, values) if values else template)
        made.template, made.values = template, values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:  # so that it can be copied
        return (self.template,), dict(self.values)


class Bilingual(str):
    """An English text with its German one, such as the message of a shape: a value of a phrase.

    >>> import copy
    >>> copy.copy(Bilingual("yes", "ja")).german
    'ja'
    """

    german: str

    def __new__(cls, english: str, german: str) -> Bilingual:  # noqa: D102 - see the class
        made = super().__new__(cls, english)
        made.german = german
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, object]]:  # as above
        return (str(self), self.german), {}


def written(said: object) -> Any:
    """A phrase as JSON, to be told in another language when it is read again; other values as text.

    >>> written(Phrase("answers {status} at {path}", status=503, path="/v1"))
    {'template': 'answers {status} at {path}', 'values': {'status': 503, 'path': '/v1'}}
    """
    if isinstance(said, Phrase):
        return {
            "template": said.template,
            "values": {name: written(value) for name, value in said.values.items()},
        }
    if isinstance(said, Bilingual):
        return {"en": str(said), "de": said.german}
    return said if isinstance(said, str | int | float | None) else str(said)


def read(said: Any) -> Any:
    """What `written` gave as it was. Raises `KeyError`, `TypeError` or `ValueError` for anything else.

    >>> read(written(Phrase("{busy}; wait", busy=Bilingual("Busy", "Voll")))).values["busy"].german
    'Voll'
    """
    if not isinstance(said, dict):
        return said
    if "template" in said:
        return Phrase(str(said["template"]), **{name: read(value) for name, value in said["values"].items()})
    return Bilingual(str(said["en"]), str(said["de"]))
