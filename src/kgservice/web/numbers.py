"""Numbers as people write them in their language."""

from __future__ import annotations


def grouped(number: int, language: str) -> str:
    """A whole number with its thousands parted.

    >>> grouped(12345, "de"), grouped(12345, "en"), grouped(-7, "de")
    ('12.345', '12,345', '-7')
    """
    text = f"{number:,}"
    return text.replace(",", ".") if language == "de" else text


def decimal(said: str, language: str) -> str:
    """A number with a decimal point, and what may stand beside it, as the language writes it.

    >>> decimal("64.0 %", "de"), decimal("64.0 %", "en")
    ('64,0 %', '64.0 %')
    """
    return said.replace(".", ",") if language == "de" else said


def signed(weight: float, language: str) -> str:
    """A weight with its sign and two places.

    >>> signed(5.5, "en"), signed(-0.25, "de"), signed(0.0, "en")
    ('+5.50', '−0,25', '+0.00')
    """
    return decimal(f"{weight:+.2f}".replace("-", "\N{MINUS SIGN}"), language)
