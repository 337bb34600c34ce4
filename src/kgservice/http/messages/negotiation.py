"""Content negotiation: the one function that chooses a representation, a content coding or a body format.

Follows RFC 9110, sections 12.4 and 12.5: quality values, wildcards, parameters, the more specific range wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from kgservice.errors import NotAcceptable, UnsupportedMediaType
from kgservice.store.base import Kind
from kgservice.store.formats import (
    BOOLEAN_FORMATS,
    GRAPH_FORMATS,
    JSON_LD,
    N_TRIPLES,
    RDF_XML,
    RESULT_FORMATS,
    TURTLE,
    Format,
)

OF_KIND: dict[Kind, tuple[Format, ...]] = {
    Kind.SOLUTIONS: RESULT_FORMATS,
    Kind.BOOLEAN: BOOLEAN_FORMATS,
    Kind.GRAPH: GRAPH_FORMATS,
}

_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_PARAMETER = re.compile(r'\s*;\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;,"]*)')
_ELEMENT = re.compile(r'\s*([^\s;,"]+)((?:[^,"]|"(?:[^"\\]|\\.)*")*)(?:,|\Z)|[^,]*(?:,|\Z)')
# What clients also call the graph formats in `format=`, letters and digits only.
_NICKNAMES: dict[str, Format] = {"xml": RDF_XML, "json": JSON_LD, "n3": TURTLE, "nt": N_TRIPLES}


class Offer(Protocol):
    """Something that can be sent: its name for `?format=` and its media types, the usual one first."""

    @property
    def name(self) -> str:
        """The value for `?format=`."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media types, the one that is normally sent first."""


@dataclass(frozen=True, slots=True)
class Representation:
    """An offer that is no RDF and no query result, such as a page."""

    name: str
    media_types: tuple[str, ...]


HTML = Representation("html", ("text/html", "application/xhtml+xml"))
SVG = Representation("svg", ("image/svg+xml",))
PLAIN_JSON = Representation("json", ("application/json",))

AnyOffer = TypeVar("AnyOffer", bound=Offer)


@dataclass(frozen=True, slots=True)
class Range:
    """One element of an `Accept…` header: lower-case value, parameters without `q`, quality from 0 to 1."""

    value: str
    parameters: dict[str, str]
    quality: float


@lru_cache(maxsize=256)  # a client sends the same header again and again
def ranges(header: str) -> tuple[Range, ...]:
    """The elements of an `Accept` or `Accept-Encoding` header; malformed ones are left out.

    >>> [(r.value, r.quality) for r in ranges("text/turtle;q=0.5, */*; q=0.1, ;;, text/csv;q=7")]
    [('text/turtle', 0.5), ('*/*', 0.1)]
    """
    found = []
    for element in _ELEMENT.finditer(header):
        if not element[1]:
            continue
        value, parameters = media_type_of(element[1] + (element[2] or ""))
        quality = parameters.pop("q", "1")
        if _QUALITY.match(quality):
            found.append(Range(value, parameters, float(quality)))
    return tuple(found)


def media_type_of(header: str) -> tuple[str, dict[str, str]]:
    """The media type in lower case and the parameters of a `Content-Type`.

    >>> media_type_of('Text/Turtle; charset="UTF-8"')
    ('text/turtle', {'charset': 'UTF-8'})
    """
    value, _, rest = header.partition(";")
    parameters = {
        found[1].lower(): re.sub(r"\\(.)", r"\1", found[2][1:-1]) if found[2].startswith('"') else found[2]
        for found in _PARAMETER.finditer(";" + rest)
    }
    return value.strip().lower(), parameters


def negotiate(
    offers: Sequence[AnyOffer], accept: str | None, wanted: str | None = None
) -> tuple[AnyOffer, str]:
    """The best of `offers` and the media type to send it as.

    `accept` is the `Accept` header (None, or no member that can be read: the first offer); `wanted` is
    `?format=`, which wins over it, and may be a name, a file extension or a media type. Equal quality: the
    more specific range, then the earlier offer. Raises `NotAcceptable`, which lists what is available.
    """
    if wanted:
        for offer in offers:
            if _is_called(offer, wanted):
                return offer, offer.media_types[0]
        raise _not_acceptable(offers, f"format {wanted!r}")
    asked = ranges(accept or "") or (Range("*/*", {}, 1.0),)
    best: tuple[tuple[float, int], AnyOffer, str] | None = None
    for offer in offers:
        for position, media_type in enumerate(offer.media_types):
            quality, specificity = _quality(media_type, asked)
            if position and specificity < 2:  # a second name counts only where the client says it in full
                continue
            if quality > 0 and (best is None or (quality, specificity) > best[0]):
                best = ((quality, specificity), offer, media_type)
    if best is None:
        raise _not_acceptable(offers, f"Accept: {accept}")
    return best[1], best[2]


@lru_cache(maxsize=128)
def answer_format(kind: Kind, accept: str | None, wanted: str | None) -> tuple[Format, str]:
    """The format for the answer of a query, and its media type. Raises `NotAcceptable`."""
    return negotiate(OF_KIND[kind], accept, wanted)


def content_type(media_type: str) -> str:
    """The `Content-Type` header for a media type: text formats say that they are UTF-8."""
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def coding(available: Sequence[str], accept_encoding: str | None) -> str:
    """The content coding to send: one of `available` (best first) or `identity`.

    Without a header nothing is compressed. Raises `NotAcceptable` when the client forbids even `identity`.

    >>> coding(("zstd", "gzip"), "gzip;q=1.0, zstd;q=0.5"), coding(("zstd", "gzip"), "br")
    ('gzip', 'identity')
    """
    if not accept_encoding:
        return "identity"
    qualities = {r.value.replace("x-gzip", "gzip"): r.quality for r in ranges(accept_encoding)}
    rest = qualities.get("*")
    best, best_quality = "identity", qualities.get("identity", 0.0 if rest == 0 else 0.001)
    forbidden = best_quality == 0
    for name in available:
        quality = qualities.get(name, rest or 0.0)
        if quality > 0 and (quality > best_quality or (best == "identity" and quality == best_quality)):
            best, best_quality = name, quality
    if best == "identity" and forbidden:
        raise NotAcceptable(
            "Available content codings: {available}", available=", ".join((*available, "identity"))
        )
    return best


def body_format(header: str | None, formats: Sequence[Format] = GRAPH_FORMATS) -> Format:
    """The format that a `Content-Type` says. Raises `UnsupportedMediaType` for all but `formats` in UTF-8."""
    value = utf8_media_type(header)
    for fmt in formats:
        if value in fmt.media_types:
            return fmt
    known = ", ".join(f.media_type for f in formats)
    raise UnsupportedMediaType(
        "{value!r} is not a format for this; known are {known}",
        value=value,
        known=known,
        source="Content-Type",
    )


def utf8_media_type(header: str | None) -> str:
    """The media type of a body. Raises `UnsupportedMediaType` when there is none, or it is not in UTF-8."""
    if not header:
        raise UnsupportedMediaType("The body has no Content-Type", source="Content-Type")
    value, parameters = media_type_of(header)
    charset = parameters.get("charset", "utf-8")
    if charset.lower() not in {"utf-8", "utf8"}:
        raise UnsupportedMediaType(
            "The charset must be utf-8, not {charset}", charset=charset, source="Content-Type"
        )
    return value


def _quality(media_type: str, asked: Sequence[Range]) -> tuple[float, int]:
    """The quality of a media type by the most specific range that covers it, and its specificity (0 to 3)."""
    quality, specificity = 0.0, -1
    main = media_type.partition("/")[0]
    for r in asked:
        if r.value == media_type:
            level = 2
        elif r.value == f"{main}/*":
            level = 1
        elif r.value == "*/*":
            level = 0
        else:
            continue
        if r.parameters:
            if r.parameters.keys() != {"charset"} or r.parameters["charset"].lower() not in {"utf-8", "utf8"}:
                continue
            level = 3 if level == 2 else level
        if level > specificity:
            quality, specificity = r.quality, level
    return quality, specificity


def _is_called(offer: Offer, wanted: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", wanted.lower())
    return (
        plain == offer.name
        or wanted.lower().replace(" ", "+") in offer.media_types
        or (isinstance(offer, Format) and f".{plain}" in offer.extensions)
        or _NICKNAMES.get(plain) is offer
    )


def _not_acceptable(offers: Sequence[Offer], asked: str) -> NotAcceptable:
    available = ", ".join(f"{o.media_types[0]} (format={o.name})" for o in offers)
    return NotAcceptable("Nothing fits {asked}; available: {available}", asked=asked, available=available)
