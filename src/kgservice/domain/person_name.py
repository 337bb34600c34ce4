"""How names of persons are written: which words are titles, and when two say the same."""

from __future__ import annotations

import re
from unicodedata import combining, normalize

TITLES_BEFORE = (
    "^((herrn?|frau|hr|fr|familie|dr|prof|professor|professorin|priv doz|pd|dipl|ing|inf|kfm|kffr|med|dent|"
    "vet|rer|nat|pol|oec|phil|jur|theol|habil|mag|univ|h c|mult)[ -])+"
)
TITLES_AFTER = "( (dr|ph ?d|mba|ll ?m|[bm] ?(sc|a|eng|ed)|dipl([ -](ing|kfm|inf))?))+$"
"""Salutations and degrees before and after a name in small letters without accents, as patterns."""

_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe"})


def same_name(one: str, other: str) -> bool:
    """Whether two names are of the same words: order, case, titles, hyphens and accents do not count.

    >>> same_name("Zellmann, Pascal", "Dr. Pascal ZELLMANN"), same_name("Jörg Groß", "Joerg Gross")
    (True, True)
    >>> same_name("Pascal Zellmann", "Paskal Zellmann"), same_name("Ада Lovell", "Боб Lovell")
    (False, False)
    """
    return one == other or _words(one) == _words(other) != []


def _words(name: str) -> list[str]:
    """The words of a name in the order of the alphabet; as in matching, what would leave none is the name."""
    parts = [plain for part in name.split(",") if (plain := _folded(part))]
    whole = " ".join(_untitled(part) if index else part for index, part in enumerate(parts))
    return sorted(_untitled(whole).split())


def _untitled(plain: str) -> str:
    return re.sub(TITLES_AFTER, "", re.sub(TITLES_BEFORE, "", plain)) or plain


def _folded(text: str) -> str:
    lettered = normalize("NFC", text).lower().translate(_WRITTEN_OUT)
    bare = "".join(sign for sign in normalize("NFD", lettered) if not combining(sign))
    return re.sub(r"[\W_]+", " ", bare).strip()
