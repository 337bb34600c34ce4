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


@dataclass(frozen=True, slots=True)
class Forms:
    """The words of a text: as they are for German (`words`), and by their stems in both languages."""

    words: tuple[str, ...]
    german: tuple[str, ...]
    english: tuple[str, ...]


def asked(text: str) -> list[Asked]:
    """What somebody searches for: words, phrases in quotes, beginnings of words before `*`.

    There is no wrong syntax: all other signs only part words, and what parts no white space is a phrase.

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


def german(word: str) -> str:
    """A word of `words_of` without umlauts, however they were written.

    >>> german("geräusch"), german("geraeusch"), german("gerausch"), german("neue")
    ('gerausch', 'gerausch', 'gerausch', 'neue')
    """
    return _WRITTEN_OUT.sub("", _bare(word))


class Words:
    """Takes texts apart. Not for several threads at the same time."""

    def __init__(self) -> None:
        # Without a cache, which would keep words of texts that are gone.
        self._german, self._english = Stemmer("german", 0), Stemmer("english", 0)

    def forms(self, words: Sequence[str]) -> Forms:
        """The forms by which words of `words_of` are compared.

        >>> Words().forms(words_of("Verdichtern")) == Words().forms(words_of("verdichter"))
        False
        >>> Words().forms(words_of("Verdichtern")).german == Words().forms(words_of("verdichter")).german
        True
        """
        bare = [_bare(word) for word in words]
        plain = [_WRITTEN_OUT.sub("", word) for word in bare]
        return Forms(tuple(plain), tuple(self._german.stemWords(plain)), tuple(self._english.stemWords(bare)))


def _bare(word: str) -> str:
    """The word without any marks on its letters."""
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
