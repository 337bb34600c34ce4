"""The readers of texts that are our own, and what they may be given: see `test_parsers`.

    python -m tests.property.parsers NAME [options of libFuzzer, such as -max_total_time=60]

looks for texts that a reader (one of `READERS`) fails at, led by what of its code they reach. This needs
`pip install atheris`, which has wheels for some versions of Python and Linux only.
"""

from __future__ import annotations

import inspect
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from kgservice import resources
from kgservice.application.imports.mapping import METADATA, read_mapping, template_terms
from kgservice.domain import query_shape, question_file
from kgservice.domain.query_cost import why_costly
from kgservice.domain.query_exists import nested
from kgservice.domain.query_few import apart
from kgservice.domain.query_rewrites import quicker
from kgservice.domain.sparql_limits import check_limits
from kgservice.domain.sparql_scan import federated, operations, scan
from kgservice.domain.sparql_search import with_hits
from kgservice.errors import KgError
from kgservice.store.documents import check_document
from kgservice.store.formats import JSON_LD, RDF_XML, TURTLE

SEARCH = """PREFIX kg: <https://w3id.org/kgservice/search#>
SELECT ?s { ?s a <urn:x:C> ; kg:matches "pain*" . OPTIONAL { ?s ?p ?o } FILTER(?o > 1.5e3) } LIMIT 5"""
UPDATE = """PREFIX x: <urn:x:> INSERT DATA { GRAPH x:g { x:s x:p "a\\nb"@de, 1, '''c''' } } ;
DELETE { ?s ?p ?o } INSERT { _:b x:q [] } USING NAMED x:g WHERE { ?s (x:p|^x:q)+ ?o } ; COPY DEFAULT TO x:g"""
DOCUMENT = """<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="urn:x:s"><rdf:value>1</rdf:value></rdf:Description></rdf:RDF>
{"@id": "urn:x:s", "http://x/p": [{"@value": "\\u00e9"}]} <urn:x:s> <urn:x:p> <<( <urn:x:a> <urn:x:b> 1 )>> ."""


def _scan(text: str) -> None:
    pieces = scan(text)
    for piece, after in pairwise(pieces):
        assert piece.end <= after.start
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
    federated(pieces)
    check_limits(text, pieces)


def _document(text: str) -> None:
    for fmt in (RDF_XML, JSON_LD, TURTLE):
        with suppress(KgError):
            check_document(text.encode(errors="replace"), fmt)


def _mapping(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / METADATA).write_bytes(text.encode(errors="surrogatepass"))
        read_mapping(Path(folder))


# By name: what reads a text, and may raise nothing but `KgError`; texts to begin with.
READERS: dict[str, tuple[Callable[[str], object], list[str]]] = {
    "scan": (_scan, [SEARCH, UPDATE]),
    "operations": (operations, [UPDATE]),
    "search": (lambda text: with_hits(text, lambda _words: []), [SEARCH]),
    "rewrites": (quicker, [SEARCH, UPDATE]),
    "nesting": (nested, [SEARCH, UPDATE]),
    "apart": (lambda text: apart(text, lambda _: True), [SEARCH, UPDATE]),
    "cost": (why_costly, [SEARCH, UPDATE]),
    "shape": (query_shape.shape, [SEARCH, UPDATE]),
    "document": (_document, [DOCUMENT]),
    "question": (
        lambda text: question_file.parse(text, id="x", group="g", path="g/x.rq"),
        [path.read_text() for path in sorted(resources.folder("queries").rglob("*.rq"))[:5]],
    ),
    "mapping": (
        _mapping,
        [path.read_text() for path in sorted(resources.folder("examples").rglob(METADATA))],
    ),
    "template": (
        lambda text: list(template_terms(text)),
        [path.read_text() for path in sorted(resources.folder("examples").rglob("*.rq"))],
    ),
}


def read(name: str, text: str) -> None:
    """Give the text to a reader; it may refuse it."""
    with suppress(KgError):
        READERS[name][0](text)


def main(name: str, options: list[str]) -> None:
    """Look for failures until told to stop."""
    import atheris

    for module in [found for key, found in sys.modules.items() if key.startswith("kgservice.")]:
        for found in vars(module).values():
            if inspect.isfunction(found) and found.__module__ == module.__name__:
                atheris.instrument_func(found)
    with tempfile.TemporaryDirectory() as corpus:
        for number, text in enumerate(READERS[name][1]):
            (Path(corpus) / str(number)).write_text(text)
        atheris.Setup([sys.argv[0], *options, corpus], lambda data: read(name, data.decode(errors="replace")))
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
