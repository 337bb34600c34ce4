"""Numbers as people write them in their language."""

from __future__ import annotations


def grouped(number: int, language: str) -> str:
    """A whole number with its thousands parted.

    >>> grouped(12345, "de"), grouped(12345, "en"), grouped(-7, "de")
    ('12.345', '12,345', '-7')
    """
    text = f"{number:,}"
    return text.replace(",", ".") if language == "de" else text
