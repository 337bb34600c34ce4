"""Words for people with values in them, which can be told in another language, too."""

from __future__ import annotations

from collections.abc import Mapping


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
