"""The one table of formats: what each is called, in media types, file names and `?format=`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import QueryResultsFormat, RdfFormat

from kgservice.namespaces import PREFIXES


@dataclass(frozen=True, slots=True)
class Format:
    """A serialisation of graphs or of query results.

    `name` is its value for `?format=` and `--format`; `media_types` starts with the one that is sent.
    Exactly one of `rdf` and `results` is set. `quads` says whether it can carry named graphs.
    """

    name: str
    media_types: tuple[str, ...]
    extensions: tuple[str, ...]
    rdf: RdfFormat | None = None
    results: QueryResultsFormat | None = None
    quads: bool = False

    @property
    def media_type(self) -> str:
        """The media type that answers carry."""
        return self.media_types[0]

    @property
    def content_type(self) -> str:
        """The `Content-Type` of answers: the media type, with the character set for text formats."""
        return f"{self.media_type}; charset=utf-8" if self.media_type.startswith("text/") else self.media_type


TURTLE = Format("turtle", ("text/turtle", "application/x-turtle"), (".ttl",), rdf=RdfFormat.TURTLE)
N_TRIPLES = Format("ntriples", ("application/n-triples",), (".nt",), rdf=RdfFormat.N_TRIPLES)
RDF_XML = Format("rdfxml", ("application/rdf+xml",), (".rdf", ".owl"), rdf=RdfFormat.RDF_XML)
JSON_LD = Format("jsonld", ("application/ld+json",), (".jsonld",), rdf=RdfFormat.JSON_LD, quads=True)
TRIG = Format("trig", ("application/trig",), (".trig",), rdf=RdfFormat.TRIG, quads=True)
N_QUADS = Format("nquads", ("application/n-quads",), (".nq",), rdf=RdfFormat.N_QUADS, quads=True)

JSON = Format(
    "json",
    ("application/sparql-results+json", "application/json"),
    (".srj", ".json"),
    results=QueryResultsFormat.JSON,
)
XML = Format(
    "xml",
    ("application/sparql-results+xml", "application/xml", "text/xml"),
    (".srx", ".xml"),
    results=QueryResultsFormat.XML,
)
CSV = Format("csv", ("text/csv",), (".csv",), results=QueryResultsFormat.CSV)
TSV = Format("tsv", ("text/tab-separated-values",), (".tsv",), results=QueryResultsFormat.TSV)

GRAPH_FORMATS: tuple[Format, ...] = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD, TRIG, N_QUADS)
RESULT_FORMATS: tuple[Format, ...] = (JSON, XML, CSV, TSV)
# CSV and TSV cannot carry a boolean (SPARQL 1.1 Query Results CSV and TSV Formats, section 2).
BOOLEAN_FORMATS: tuple[Format, ...] = (JSON, XML)


def graph_format_of(path: Path) -> Format | None:
    """The graph format that a file's name says, or None.

    >>> graph_format_of(Path("demo.ttl")).name
    'turtle'
    """
    return next((f for f in GRAPH_FORMATS if path.suffix.lower() in f.extensions), None)


def prefixes_for(fmt: Format) -> dict[str, str] | None:
    """The prefixes of the project for a graph that people read (Turtle and TriG), else None."""
    return dict(PREFIXES) if fmt in (TURTLE, TRIG) else None
