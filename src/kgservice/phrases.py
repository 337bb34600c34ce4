"""Words for people with values in them, which can be told in another language, too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Phrase(str):
    """English words with values in them, which can be told in another language, too.

    `template`: the words as they are written in the code, with `{name}` for each of the `values`, which may
    be phrases. What a user sent is a value, never part of a template.

    >>> import copy
    >>> said = Phrase("{name!r} is {expected}", name="x", expected=Phrase("longer than {most}", most=5))
    >>> said, copy.deepcopy(said).values["expected"].template
    ("'x' is longer than 5", 'longer than {most}')
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Phrase:  # noqa: D102 - see the class
        made = super().__new__(cls, template.format_map(values) if values else template)
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
