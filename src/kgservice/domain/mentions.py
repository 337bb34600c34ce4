"""Does a text mention a person: by an address, a number, a name, words of theirs, or the IRI of a record?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from unicodedata import normalize

_SHORTEST = 3  # characters of what is looked for
_WORD = re.compile(r"\w+")
_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})

# What is before or after a name and no part of it; some of it could be a name, too, without its dot.
_TITLES = frozenset(
    ("dr", "prof", "frau", "herr", "mr", "mrs", "ms", "msc", "bsc", "mba", "phd", "sen", "sr", "jun", "jr")
)
_SHORTENED = frozenset(
    ("dipl", "ing", "med", "phil", "rer", "nat", "jur", "mag", "oec", "h", "c", "habil", "hc")
)
_TOKEN = re.compile(r"[^\s.,]+\.?")
_BORN = re.compile(r"[\s,(]+(?:geb\.|geb\b|geborene[rn]?\b|née\b)\s*")

# Telephone numbers: figures in groups, as people write them.
_CALL = re.compile(r"\+?\(?\d(?:[\d ()/.\-]|\u2010|\u2011|\u2013|\xa0){4,60}\d")
_FIGURES = re.compile(r"\d+")
_LEAST, _CODE, _GROUPS = 7, 3, 12  # figures of a number, those of its country; groups that are looked at


class Mentions:
    """Looks for `phrases` as they stand (no part of a longer word), for `names`, `iris` and `numbers`.

    Of a name all words count, in any order, or the first and the last; for those before the last one their
    first letters will do. Titles do not count, and a name by birth (after `geb.`) is a last name, too. Of an
    IRI the UUID counts, where it has one. Of `numbers` (of telephones) the figures count, with or without
    those of the country.

    >>> known = Mentions(["K-4017"], ["Rosalinde Kammhuber"], numbers=["+49 30 2312 05"])
    >>> known.within("row 7;KAMMHUBER;Rosalinde"), known.within("R. Kammhuber"), known.within("K-40170")
    (True, True, False)
    >>> known.within("Tel. (030) 2312-05")
    True
    """

    def __init__(
        self,
        phrases: Iterable[str],
        names: Iterable[str] = (),
        iris: Iterable[str] = (),
        numbers: Iterable[str] = (),
    ) -> None:
        named = {text: list(_Name.all_of(_folded(text))) for text in names}
        keys = {iri: _KEY.findall(_folded(iri)) for iri in iris}
        self._keys = {key for found in keys.values() for key in found}
        plain = (iri for iri, found in keys.items() if not found)
        stated = (text for text, found in named.items() if found)
        folded = {_folded(phrase) for phrase in (*phrases, *stated, *plain)}
        self._phrases = sorted(phrase for phrase in folded if len(phrase) >= _SHORTEST)
        known = [name for found in named.values() for name in found]
        self._names = {words for name in known for words in name.ways()}
        self._last = {word for name in known for word in name.last if len(word) >= _SHORTEST}
        self._hints = {max(words, key=len) for words in self._names}  # without one of them there is no name
        self._numbers = {call for text in numbers if len(call := _call(_FIGURES.findall(text))) >= _LEAST}

    def within(self, text: str) -> bool:
        """Whether the text mentions the person."""
        folded = _folded(text)
        if any(phrase in folded and _stands_alone(phrase, folded) for phrase in self._phrases):
            return True
        if self._keys and not self._keys.isdisjoint(_KEY.findall(folded)):
            return True
        if self._numbers and any(_same(call, own) for call in _calls(folded) for own in self._numbers):
            return True
        if not any(hint in folded for hint in self._hints):
            return False
        said = set(_WORD.findall(folded))
        return any(name <= said for name in self._names)

    def perhaps(self, text: str) -> bool:
        """Whether the text holds the last word of a name, which others may be called, too.

        >>> Mentions([], ["Rosalinde Kammhuber"]).perhaps("Frau Kammhuber hat angerufen")
        True
        """
        folded = _folded(text)
        if not any(word in folded for word in self._last):
            return False
        return not self._last.isdisjoint(_WORD.findall(folded))


@dataclass(frozen=True, slots=True)
class _Name:
    """The words of a name without titles: `first` of the first name, `given` of all, and of the last name."""

    first: tuple[str, ...]
    given: tuple[str, ...]
    last: tuple[str, ...]

    @classmethod
    def all_of(cls, name: str) -> Iterator[_Name]:
        """The name, and the same with each other last name that it states."""
        stated, *born = _BORN.split(name)
        parts = [words for part in stated.split(",") if (words := _untitled(part))]
        if not parts:
            return
        # "Kammhuber, Rosalinde": the last name comes first.
        tokens = [token for part in (*parts[1:], parts[0]) for token in part]
        *given, last = tokens
        for family in (last, *(words[-1] for part in born if (words := _untitled(part)))):
            before = [tuple(_WORD.findall(token)) for token in given]
            every = tuple(word for token in before for word in token)
            yield cls(before[0] if before else (), every, tuple(_WORD.findall(family)))

    def ways(self) -> Iterator[frozenset[str]]:
        """The words that together are the name, in each of the ways in which it is written."""
        if len(self.given) + len(self.last) < 2:
            return
        yield frozenset({*self.given, *self.last})
        if self.first:
            yield frozenset({*self.first, *self.last})
            if any(len(word) >= _SHORTEST for word in self.last):
                yield frozenset({*(word[0] for word in self.given), *self.last})
                yield frozenset({self.first[0][0], *self.last})


def _untitled(part: str) -> list[str]:
    """The words of a part of a name that are no titles; all where there are no others but one is stated."""
    tokens = [token.strip("-()\"'") for token in _TOKEN.findall(part)]
    tokens = [token for token in tokens if _WORD.search(token)]
    return [
        token
        for token in tokens
        if token.rstrip(".") not in _TITLES
        and not (token.endswith(".") and set(token[:-1].split("-")) <= _SHORTENED)
    ]


def _calls(text: str) -> Iterator[str]:
    """What may be telephone numbers in a text: the figures of groups that follow each other."""
    for found in _CALL.finditer(text):
        groups = _FIGURES.findall(found[0])[:_GROUPS]
        for start in range(len(groups)):
            for end in range(start + 1, len(groups) + 1):
                if len(call := _call(groups[start:end])) >= _LEAST:
                    yield call


def _call(groups: list[str]) -> str:
    """The figures of a telephone number, without the zeros before it and the (0) in it."""
    first, *others = groups or [""]
    return "".join((first, *(group for group in others if group != "0"))).lstrip("0")


def _same(one: str, other: str) -> bool:
    """Whether two numbers are the same but for the figures of the country, which one may lack."""
    shorter, longer = sorted((one, other), key=len)
    return longer.endswith(shorter) and len(longer) - len(shorter) <= _CODE


def _stands_alone(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def _folded(text: str) -> str:
    """The text in small letters with single spaces, however its letters are composed; ü as ue."""
    if not text.isascii():
        text = normalize("NFKC", normalize("NFKC", text).casefold()).translate(_UMLAUTS)
    return " ".join(text.casefold().split())
