"""Words as full-text search compares them: one stem for all forms of a word, however umlauts are written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from Stemmer import Stemmer

MOST_WORDS = 32  # that may be searched for at once
_WORD = re.compile(r"[^\W_]+")
_ASKED = re.compile(r'"([^"]*)"?(\*?)|([^\s"]+)')
# How umlauts are written without them; not the `ue` of Quelle and neue.
_WRITTEN_OUT = re.compile(r"(?<=[ao])e|(?<=(?<![aeiouq])u)e")


@dataclass(frozen=True, slots=True)
class Asked:
    """Words that have to stand side by side, in this order; of the last one only its beginning (`prefix`)."""

    words: tuple[str, ...]
    prefix: bool = False


def asked(text: str) -> list[Asked]:
    """What somebody searches for: words, phrases in quotes, beginnings of words before `*`.

    There is no wrong syntax: all other signs only part words, and what no white space parts is a phrase.

    >>> asked('"undichter Verdichter" ger* (e-mail')
    [Asked(words=('undichter', 'verdichter'), prefix=False), Asked(words=('ger',), prefix=True), \
Asked(words=('e', 'mail'), prefix=False)]
    """
    found: list[Asked] = []
    for phrase, star, single in _ASKED.findall(text):
        words = words_of(single or phrase)
        if words:
            found.append(Asked(words, bool(star) or single.endswith("*")))
    return found


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, in small letters."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def plain(words: Sequence[str]) -> list[str]:
    """The words without umlauts, however they were written.

    >>> plain(["geräusch", "geraeusch", "gerausch", "neue"])
    ['gerausch', 'gerausch', 'gerausch', 'neue']
    """
    return _WRITTEN_OUT.sub("", _bare(" ".join(words))).split()


class Stems:
    """What all forms of a word have in common. Not for several threads at the same time."""

    def __init__(self) -> None:
        # Without a cache, which would keep words of texts that are gone.
        self._german, self._english = Stemmer("german", 0), Stemmer("english", 0)

    def german(self, words: Sequence[str]) -> list[str]:
        """The stems of German words.

        >>> Stems().german(["verdichtern", "verdichter", "geraeusche"])
        ['verdicht', 'verdicht', 'gerausch']
        """
        stems: list[str] = self._german.stemWords(plain(words))
        return stems

    def english(self, words: Sequence[str]) -> list[str]:
        """The stems of English words.

        >>> Stems().english(["leaking", "leaks"])
        ['leak', 'leak']
        """
        stems: list[str] = self._english.stemWords(_bare(" ".join(words)).split())
        return stems


def _bare(text: str) -> str:
    """The text without any marks on its letters."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
