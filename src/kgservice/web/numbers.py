"""Numbers as people write them in their language."""

from __future__ import annotations


def grouped(number: int, language: str) -> str:
    """A whole number with its thousands parted.

    >>> grouped(12345, "de"), grouped(12345, "en"), grouped(-7, "de")
    ('12.345', '12,345', '-7')
    """
    text = f"{number:,}"
    return text.replace(",", ".") if language == "de" else text


def decimal(lexical: str, language: str) -> str:
    """A number as it was written, with the decimal sign of the language; what is no number stays as it is.

    >>> decimal("14.50", "de"), decimal("1.5E3", "en"), decimal("3.0", "en")
    ('14,5', '1,500', '3')
    """
    try:
        value = float(lexical)
    except ValueError:
        return lexical
    if value.is_integer() and abs(value) < 1e15:
        return grouped(int(value), language)
    text = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text
