from __future__ import annotations

import pytest

from kgservice.errors import NotAcceptable, UnsupportedMediaType
from kgservice.http.messages.negotiation import HTML, PLAIN_JSON, body_format, coding, negotiate
from kgservice.store.formats import BOOLEAN_FORMATS, GRAPH_FORMATS, RESULT_FORMATS, Format

CASES = [
    (RESULT_FORMATS, None, "json", "application/sparql-results+json"),
    (RESULT_FORMATS, "", "json", "application/sparql-results+json"),
    (RESULT_FORMATS, "*/*", "json", "application/sparql-results+json"),
    (RESULT_FORMATS, "text/csv", "csv", "text/csv"),
    (RESULT_FORMATS, "TEXT/CSV", "csv", "text/csv"),
    (RESULT_FORMATS, "text/*", "csv", "text/csv"),
    (RESULT_FORMATS, "application/json", "json", "application/json"),
    (RESULT_FORMATS, "application/sparql-results+xml;q=0.4, text/csv;q=0.5", "csv", "text/csv"),
    (RESULT_FORMATS, "application/sparql-results+xml, */*;q=0.9", "xml", "application/sparql-results+xml"),
    (RESULT_FORMATS, "text/csv, */*", "csv", "text/csv"),
    (RESULT_FORMATS, "*/*, application/sparql-results+json;q=0", "xml", "application/sparql-results+xml"),
    (RESULT_FORMATS, "text/*;q=0.9, text/csv;q=0.1", "tsv", "text/tab-separated-values"),
    (
        RESULT_FORMATS,
        "text/csv;q=0.2, text/csv;charset=utf-8;q=0.9, application/json;q=0.5",
        "csv",
        "text/csv",
    ),
    (RESULT_FORMATS, "text/csv;charset=utf-16, application/json;q=0.1", "json", "application/json"),
    (RESULT_FORMATS, "text/csv;q=5, application/json;q=0.001", "json", "application/json"),
    # A member that cannot be read is left out, and no other one with it.
    (RESULT_FORMATS, "text/csv;q=nan, application/json;q=0.1", "json", "application/json"),
    (RESULT_FORMATS, 'application/json;q=0.2, text/csv;q="0.5', "json", "application/json"),
    (RESULT_FORMATS, "text/csv;q=high", "json", "application/sparql-results+json"),
    (RESULT_FORMATS, 'text/csv;note="a, b;q=0", application/json;q=0.5', "json", "application/json"),
    (GRAPH_FORMATS, None, "turtle", "text/turtle"),
    (GRAPH_FORMATS, "text/turtle; charset=utf-8", "turtle", "text/turtle"),
    (GRAPH_FORMATS, "application/ld+json, application/rdf+xml;q=0.9", "jsonld", "application/ld+json"),
    (BOOLEAN_FORMATS, "application/*", "json", "application/sparql-results+json"),
]


@pytest.mark.parametrize(("offers", "accept", "name", "media_type"), CASES)
def test_accept(offers: tuple[Format, ...], accept: str | None, name: str, media_type: str) -> None:
    chosen, sent_as = negotiate(offers, accept)
    assert (chosen.name, sent_as) == (name, media_type)


@pytest.mark.parametrize(
    "accept", ["image/png", "text/csv;q=0", "*/*;q=0", "nonsense", "text/csv;charset=latin-1"]
)
def test_nothing_fits_lists_what_is_available(accept: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        negotiate(RESULT_FORMATS, accept)
    for fmt in RESULT_FORMATS:
        assert fmt.media_type in caught.value.detail


def test_csv_cannot_carry_a_boolean() -> None:
    with pytest.raises(NotAcceptable):
        negotiate(BOOLEAN_FORMATS, "text/csv")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("turtle", "turtle"),
        ("ttl", "turtle"),
        ("n3", "turtle"),
        ("text/turtle", "turtle"),
        ("xml", "rdfxml"),
        ("rdf+xml", "rdfxml"),
        ("application/rdf xml", "rdfxml"),  # what `+` in an address becomes
        ("json-ld", "jsonld"),
        ("json", "jsonld"),
        ("nt", "ntriples"),
        ("NQUADS", "nquads"),
    ],
)
def test_format_parameter_wins_over_accept(wanted: str, name: str) -> None:
    assert negotiate(GRAPH_FORMATS, "application/trig", wanted)[0].name == name


def test_unknown_format_parameter() -> None:
    with pytest.raises(NotAcceptable, match="format=csv"):
        negotiate(RESULT_FORMATS, None, "parquet")


def test_pages_use_the_same_function() -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert negotiate((PLAIN_JSON, HTML), browser)[0] is HTML
    assert negotiate((PLAIN_JSON, HTML), "*/*")[0] is PLAIN_JSON


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (None, "identity"),
        ("gzip", "gzip"),
        ("gzip, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.9", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "zstd"),
        ("br", "identity"),
        ("gzip;q=0.5, identity;q=0.8", "identity"),
        ("gzip;q=0", "identity"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
    ],
)
def test_coding(header: str | None, chosen: str) -> None:
    assert coding(("zstd", "gzip"), header) == chosen


@pytest.mark.parametrize("header", ["identity;q=0", "*;q=0", "br, *;q=0"])
def test_no_coding_is_left(header: str) -> None:
    with pytest.raises(NotAcceptable):
        coding(("zstd", "gzip"), header)


def test_body_format() -> None:
    assert body_format('Text/Turtle; charset="UTF-8"').name == "turtle"
    for header in (None, "", "text/plain", "text/turtle; charset=utf-16"):
        with pytest.raises(UnsupportedMediaType):
            body_format(header)
