"""Does a text mention a person: by an address, a number, a name, or words of theirs?"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHORTEST = 3  # characters of what is looked for
_WORD = re.compile(r"\w+")


class Mentions:
    """Looks for `phrases` as they stand (no part of a longer word), and for `names` in any order of words.

    >>> known = Mentions(["K-4017"], ["Rosalinde Kammhuber"])
    >>> known.within("row 7;KAMMHUBER;Rosalinde"), known.within("K-40170")
    (True, False)
    """

    def __init__(self, phrases: Iterable[str], names: Iterable[str] = ()) -> None:
        folded = {_folded(phrase) for phrase in (*phrases, *names)}
        self._phrases = sorted(phrase for phrase in folded if len(phrase) >= _SHORTEST)
        words = {frozenset(_WORD.findall(_folded(name))) for name in names}
        self._names = [name for name in words if len(name) > 1]

    def within(self, text: str) -> bool:
        """Whether the text mentions the person."""
        folded = _folded(text)
        if any(phrase in folded and _stands_alone(phrase, folded) for phrase in self._phrases):
            return True
        if not self._names:
            return False
        said = set(_WORD.findall(folded))
        return any(name <= said for name in self._names)


def _stands_alone(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
