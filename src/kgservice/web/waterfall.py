"""The weights of a link as a picture: each bar starts where the one before ends. It loads nothing."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kgservice.domain.link import PRIOR
from kgservice.web.numbers import signed
from kgservice.web.texts import known, text

WIDTH, LABELS, NUMBERS, ROW, HEAD, BAR = 760, 250, 70, 44, 40, 18
LONGEST = 34  # characters of a value that fit under a label
_FOR, _AGAINST, _SUM, _INK, _QUIET = "#1b6e53", "#a3331f", "#33508a", "#1d2330", "#59606e"
# What XML 1.0 has no place for.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, the line below it, its weight in bits, and from where to where it goes."""

    label: str
    note: str
    weight: float
    start: float
    end: float
    total: bool = False


def bars(fields: Sequence[Mapping[str, Any]], language: str) -> list[Bar]:
    """The bars of the comparisons of a link, the prior first and the sum last.

    >>> [(b.start, b.end) for b in bars([{"field": "name", "weight": 5.0, "record": "A", "customer": "B"},
    ...     {"field": "prior", "weight": -3.5, "record": None, "customer": None}], "en")]
    [(0.0, -3.5), (-3.5, 1.5), (0.0, 1.5)]
    """
    made: list[Bar] = []
    place = 0.0
    for one in sorted(fields, key=lambda one: one["field"] != PRIOR):
        field = str(one["field"])
        label = text("link-prior", language) if field == PRIOR else known("field-", field, language)
        values = [_short(one[end] or "–") for end in ("record", "customer")]
        note = " | ".join(values) if one["record"] or one["customer"] else ""
        weight = float(one["weight"])
        made.append(Bar(label, note, weight, place, place + weight))
        place += weight
    return [*made, Bar(text("link-sum", language), "", place, 0.0, place, total=True)]


def waterfall(link: Mapping[str, Any], language: str) -> bytes:
    """The picture of a link (as `link_reports.shown` gives it), with a title and a description in words."""
    drawn = bars(link["fields"], language)
    low = min(0.0, *(min(bar.start, bar.end) for bar in drawn))
    high = max(0.0, *(max(bar.start, bar.end) for bar in drawn))
    scale = (WIDTH - LABELS - NUMBERS) / ((high - low) or 1.0)

    def across(bits: float) -> float:
        return round(LABELS + (bits - low) * scale, 1)

    height = HEAD + ROW * len(drawn) + 12
    name = link["customerName"] or link["customer"]
    heading = f"{text('link-picture', language)}: {link['source']} {link['key']} – {name}"
    told = "; ".join(f"{bar.label} {signed(bar.weight, language)}" for bar in drawn)
    svg = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {WIDTH} {height}",
            "width": str(WIDTH),
            "height": str(height),
            "role": "img",
            "aria-labelledby": "link-title link-description",
            "lang": language,
            "font-family": "system-ui, sans-serif",
            "font-size": "14",
        },
    )
    _said(svg, "title", heading, id="link-title")
    _said(svg, "desc", f"{text('link-bits', language)}: {told}", id="link-description")
    ET.SubElement(svg, "rect", {"width": str(WIDTH), "height": str(height), "fill": "#ffffff"})
    _said(svg, "text", heading, x="12", y="24", fill=_INK, **{"font-weight": "bold"})
    zero = str(across(0.0))
    ends = {"x1": zero, "x2": zero, "y1": str(HEAD), "y2": str(height - 8)}
    ET.SubElement(svg, "line", {**ends, "stroke": _QUIET, "stroke-dasharray": "3 3"})
    for number, bar in enumerate(drawn):
        _draw(svg, bar, HEAD + number * ROW, across, signed(bar.weight, language))
    return bytes(ET.tostring(svg, encoding="utf-8", xml_declaration=True))


def _draw(svg: ET.Element, bar: Bar, top: int, across: Any, weight: str) -> None:
    left, right = sorted((across(bar.start), across(bar.end)))
    group = ET.SubElement(svg, "g")
    note = f" ({bar.note})" if bar.note else ""
    _said(group, "title", f"{bar.label}{note}: {weight}")
    _said(group, "text", bar.label, x="12", y=str(top + 18), fill=_INK)
    if bar.note:
        _said(group, "text", bar.note, x="12", y=str(top + 34), fill=_QUIET, **{"font-size": "11"})
    colour = _SUM if bar.total else _FOR if bar.weight >= 0 else _AGAINST
    shape = {"x": str(left), "y": str(top + 5), "width": str(max(round(right - left, 1), 1.0))}
    ET.SubElement(group, "rect", {**shape, "height": str(BAR), "rx": "2", "fill": colour})
    place = {"x": str(WIDTH - 12), "y": str(top + 19), "text-anchor": "end", "fill": _INK}
    _said(group, "text", weight, **place)


def _said(parent: ET.Element, tag: str, words: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = _NO_XML.sub("\ufffd", words)


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
