"""Pictures in SVG that stand alone: shapes have their own colours, which a style sheet replaces."""

from __future__ import annotations

import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif'
SIZE, SMALL = 13, 11
WIDE, NARROW = 7.1, 6.1
"""Pixels that a character of either size takes at most, on average, in a wide font."""

_INK, _QUIET, _EDGE, _SOFT, _PAPER, _ACCENT = (
    "#1b1f24",
    "#525b66",
    "#ccd4db",
    "#f3f6f8",
    "#ffffff",
    "#14606b",
)
# The colours of the light scheme of the style sheet, by class.
STYLES: Mapping[str, Mapping[str, str]] = {
    "sheet": {"fill": _PAPER},
    "ink": {"fill": _INK},
    "said": {
        "fill": _INK,
        "stroke": _PAPER,
        "stroke-width": "3",
        "paint-order": "stroke",
        "stroke-linejoin": "round",
    },
    "quiet": {"fill": _QUIET},
    "strong": {"fill": _INK, "font-weight": "600"},
    "title": {"fill": _INK, "font-weight": "600", "font-size": "20"},
    "lane": {"fill": _SOFT},
    "band": {"fill": "#e3f1f3"},
    "band-text": {"fill": _ACCENT, "font-weight": "600"},
    "card": {"fill": _PAPER, "stroke": _EDGE, "stroke-width": "1.2"},
    "ghost": {"fill": "none", "stroke": _QUIET, "stroke-width": "1.2", "stroke-dasharray": "4 4"},
    "differs": {"fill": "#fbf6e6", "stroke": "#80640b", "stroke-width": "1.5"},
    "differs-text": {"fill": "#6d5508", "font-weight": "600", "font-size": str(SMALL)},
    "number": {"fill": _ACCENT},
    "number-text": {"fill": _PAPER, "font-weight": "600", "font-size": str(SMALL)},
    "arrow": {"fill": "none", "stroke": "#6a7480", "stroke-width": "1.6"},
    "truth": {"fill": "#fbf6e6"},
    "star": {"fill": "#b3800a"},
    "above": {"fill": "#e8f5ec"},
    "below": {"fill": "#fdecea"},
    "axis": {"fill": "none", "stroke": _EDGE, "stroke-width": "1"},
    "zero": {"fill": "none", "stroke": "#6a7480", "stroke-width": "1", "stroke-dasharray": "2 3"},
    "curve": {"fill": "none", "stroke": _ACCENT, "stroke-width": "2.5"},
    "expected": {"fill": "none", "stroke": "#6a7480", "stroke-width": "1.8", "stroke-dasharray": "6 5"},
    "crowd": {"fill": "none", "stroke": "#6b3fa0", "stroke-width": "1.6", "stroke-dasharray": "2 4"},
    "crowd-dot": {"fill": "#6b3fa0"},
    "good": {"fill": "#24703a", "stroke": _PAPER, "stroke-width": "1.5"},
    "bad": {"fill": "#b3261e", "stroke": _PAPER, "stroke-width": "1.5"},
    "even": {"fill": "#6a7480", "stroke": _PAPER, "stroke-width": "1.5"},
    "hollow": {"fill": _PAPER, "stroke": "#6a7480", "stroke-width": "1.8"},
    "face": {"fill": "none", "stroke": _QUIET, "stroke-width": "1.5"},
    "pain": {"fill": "#fdecea", "stroke": "#b3261e", "stroke-width": "1.2"},
    "solved": {"fill": _PAPER, "stroke": _EDGE, "stroke-width": "1.2"},
    "break": {"fill": "none", "stroke": "#b3261e", "stroke-width": "2"},
    "break-text": {"fill": "#b3261e", "font-weight": "600", "font-size": str(SMALL)},
}
# What XML 1.0 has no place for.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Sheet:
    """A drawing of `width` pixels that grows downwards; the height is said at the end."""

    def __init__(self, kind: str, width: float, language: str) -> None:
        self.width = width
        self._svg = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": f"drawing {kind}",
                "role": "img",
                "lang": language,
                "font-family": FONT,
                "font-size": str(SIZE),
                "aria-labelledby": f"{kind}-title {kind}-description",
            },
        )
        self._kind = kind
        self._title = ET.SubElement(self._svg, "title", {"id": f"{kind}-title"})
        self._description = ET.SubElement(self._svg, "desc", {"id": f"{kind}-description"})
        self._ground = ET.SubElement(self._svg, "rect", {"class": "sheet", **STYLES["sheet"]})

    def shape(self, tag: str, style: str, *, tip: str = "", **attributes: float | str) -> None:
        """One shape; `tip` is told when one points at it."""
        made = ET.SubElement(self._svg, tag, {**_attributes(attributes), "class": style, **STYLES[style]})
        if tip:
            ET.SubElement(made, "title").text = clean(tip)

    def box(self, style: str, x: float, y: float, width: float, height: float, *, tip: str = "") -> None:
        """A rectangle with round corners."""
        self.shape("rect", style, tip=tip, x=x, y=y, width=width, height=height, rx=6)

    def line(self, style: str, path: str) -> None:
        """A path, as SVG writes it."""
        self.shape("path", style, d=path)

    def text(
        self, style: str, x: float, y: float, words: str, *, middle: bool = False, small: bool = False
    ) -> None:
        """One line of text on its base line."""
        more: dict[str, float | str] = {"text-anchor": "middle"} if middle else {}
        if small and "font-size" not in STYLES[style]:
            more["font-size"] = SMALL
        made = ET.SubElement(
            self._svg, "text", {**_attributes({"x": x, "y": y, **more}), "class": style, **STYLES[style]}
        )
        made.text = clean(words)

    def lines(
        self,
        style: str,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        small: bool = False,
        middle: bool = False,
    ) -> float:
        """Lines below one another, the first on the base line `y`; the base line that would come next."""
        for line in lines:
            self.text(style, x, y, line, small=small, middle=middle)
            y += leading(small=small)
        return y

    def star(self, x: float, y: float, size: float = 7) -> None:
        """A star with five points around (x, y)."""
        turns = ((0, -1), (0.24, -0.33), (0.95, -0.31), (0.38, 0.12), (0.59, 0.81))
        mirrored = ((0, 0.4), (-0.59, 0.81), (-0.38, 0.12), (-0.95, -0.31), (-0.24, -0.33))
        points = " ".join(f"{x + size * a:.1f},{y + size * b:.1f}" for a, b in (*turns, *mirrored))
        self.shape("polygon", "star", points=points)

    def done(self, height: float, title: str, description: str) -> str:
        """The drawing as text, of this height."""
        size = {"width": f"{self.width:g}", "height": f"{height:g}"}
        self._svg.attrib |= {"viewBox": f"0 0 {self.width:g} {height:g}", **size}
        self._ground.attrib |= size
        self._title.text, self._description.text = clean(title), clean(description)
        return ET.tostring(self._svg, encoding="unicode")


def wrapped(words: str, width: float, *, most: int = 4, small: bool = False) -> list[str]:
    """The words in lines that fit into a width in pixels; what is too long ends in an ellipsis.

    >>> wrapped("Offer and conclusion of the contract", 130)
    ['Offer and', 'conclusion of the', 'contract']
    """
    characters = max(int(width / (NARROW if small else WIDE)), 4)
    return textwrap.wrap(words, characters, max_lines=most, placeholder=" …", break_long_words=True)


def leading(*, small: bool = False) -> int:
    """From one base line to the next."""
    return 14 if small else 17


def clean(words: str) -> str:
    """The words without what XML has no place for."""
    return _NO_XML.sub("\ufffd", words)


def _attributes(given: Mapping[str, float | str]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else f"{value:g}" for key, value in given.items()}
