"""Does a text mention a person: by an address, a number, a name, words of theirs, or the IRI of a record?"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHORTEST = 3  # characters of what is looked for
_WORD = re.compile(r"\w+")
_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Mentions:
    """Looks for `phrases` as they stand (no part of a longer word), for `names` and for `iris`.

    Of a name all words count, in any order; for those before the last one their first letters will do. Of an
    IRI the UUID counts, where it has one.

    >>> known = Mentions(["K-4017"], ["Rosalinde Kammhuber"])
    >>> known.within("row 7;KAMMHUBER;Rosalinde"), known.within("R. Kammhuber"), known.within("K-40170")
    (True, True, False)
    """

    def __init__(self, phrases: Iterable[str], names: Iterable[str] = (), iris: Iterable[str] = ()) -> None:
        keys = {iri: _KEY.findall(_folded(iri)) for iri in iris}
        self._keys = {key for found in keys.values() for key in found}
        plain = (iri for iri, found in keys.items() if not found)
        folded = {_folded(phrase) for phrase in (*phrases, *names, *plain)}
        self._phrases = sorted(phrase for phrase in folded if len(phrase) >= _SHORTEST)
        words = [_WORD.findall(_folded(name)) for name in names]
        self._names = {frozenset(name) for name in words if len(name) > 1}
        known = [name for name in words if name and len(name[-1]) >= _SHORTEST]
        self._names |= {frozenset({*(word[0] for word in name[:-1]), name[-1]}) for name in known if name[1:]}
        self._last = {name[-1] for name in known}

    def within(self, text: str) -> bool:
        """Whether the text mentions the person."""
        folded = _folded(text)
        if any(phrase in folded and _stands_alone(phrase, folded) for phrase in self._phrases):
            return True
        if self._keys and not self._keys.isdisjoint(_KEY.findall(folded)):
            return True
        if not self._names:
            return False
        said = set(_WORD.findall(folded))
        return any(name <= said for name in self._names)

    def perhaps(self, text: str) -> bool:
        """Whether the text holds the last word of a name, which others may be called, too.

        >>> Mentions([], ["Rosalinde Kammhuber"]).perhaps("Frau Kammhuber hat angerufen")
        True
        """
        return not self._last.isdisjoint(_WORD.findall(_folded(text)))


def _stands_alone(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
