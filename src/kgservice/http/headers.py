"""The headers that every answer carries, for the browsers that show it, and one of our own."""

from __future__ import annotations

from collections.abc import Iterable

# How many violations a report names, for those who do not read it.
VIOLATIONS = "Kgservice-Violations"
_CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", _CSP.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
# What a browser never runs or renders with links needs no policy, and is what programs ask for most.
_INERT = (
    b"application/sparql-results+json",
    b"application/json",
    b"application/n-triples",
    b"text/csv",
    b"text/tab-separated-values",
    b"text/turtle",
)


def security_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    """The headers to add to an answer with `headers`: all, or for data that stays data only the first."""
    for name, value in headers:
        if name == b"content-type":
            return SECURITY_HEADERS[:1] if value.startswith(_INERT) else SECURITY_HEADERS
    return SECURITY_HEADERS
