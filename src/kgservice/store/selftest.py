"""What the service relies on, tried on a server before it is used: what would answer wrongly is refused.

Samples are written to two graphs, and then looked at; so another server can be tried, to which they came on
their own way.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.errors import KgError, StoreFailed
from kgservice.namespaces import XSD
from kgservice.store.base import Dataset
from kgservice.store.remote import RemoteStore
from kgservice.store.server_reader import ServerReader

_VALUE = NamedNode("urn:kgservice:value")
_SEEN = NamedNode("urn:kgservice:seen")
_ORDER = NamedNode("urn:kgservice:order")
_NEXT = NamedNode("urn:kgservice:next")
# Values as the service writes them; a store may give numbers back in another form, but not as something else.
_TYPED = {
    "boolean": ("true", "false"),
    "integer": ("0", "-7", "123456789012"),
    "decimal": ("1.5", "-0.25"),
    "double": ("1.5E2",),
    "date": ("2026-01-02", "1899-12-31"),
    "dateTime": ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05+02:00"),
    "duration": ("P1Y2M", "P3DT4H"),
    "gYear": ("2026",),
    "anyURI": ("https://a.example/b?c=d#e",),
}
_TEXTS = ("", "ä€😀\u200b", 'quote " and \\ backslash', "line\nfeed\rreturn\ttab", "x" * 100_000)
_VALUES = {
    NamedNode(f"urn:kgservice:{number}"): value
    for number, value in enumerate(
        (
            *(
                Literal(text, datatype=NamedNode(XSD + kind))
                for kind, texts in _TYPED.items()
                for text in texts
            ),
            *map(Literal, _TEXTS),
            *(Literal("Wärme", language=language) for language in ("de", "en", "de-at")),
        )
    )
}
_CHAIN = [NamedNode(f"urn:kgservice:chain:{number}") for number in range(4)]


def check_server(store: RemoteStore, name: str) -> None:
    """Raise `StoreFailed` with all that is wrong when the service cannot rely on the server called `name`."""
    store.select("SELECT ?x { VALUES ?x { 1 } }", Dataset())  # one that is not there is no wrong one
    here = f"urn:kgservice:self-test:{uuid.uuid4()}:"
    one, two = NamedNode(f"{here}1"), NamedNode(f"{here}2")
    found = [*write_samples(store, one, two), *faults(store, one, two)]
    try:
        store.apply(drop=[one, two])
    except KgError as error:
        found.append(str(error))
    if found:
        raise StoreFailed(f"the server {name} cannot be used: " + "; ".join(dict.fromkeys(found)))


def write_samples(store: RemoteStore, one: NamedNode, two: NamedNode) -> Iterator[str]:
    """Write what `faults` looks at into two graphs, in place of all there; what the server does not take."""
    try:
        store.apply(drop=[one, two])
        store.apply(add=[Quad(_ORDER, _ORDER, Literal("1"), one), Quad(_ORDER, _ORDER, Literal("2"), two)])
        last = [Quad(_ORDER, _ORDER, Literal("3"), graph) for graph in (one, two)]
        store.apply(drop=[two], remove=[Quad(_ORDER, _ORDER, Literal("1"), one)], add=last)
        seen = [Quad(_SEEN, _SEEN, Literal("1"), one), Quad(_SEEN, _SEEN, Literal("2"), two)]
        store.apply(add=[*seen, *(Quad(a, _NEXT, b, one) for a, b in pairwise(_CHAIN))])
    except KgError as error:
        yield str(error)
    said = [Quad(place, _VALUE, value, one) for place, value in _VALUES.items()]
    try:
        store.apply(add=said)
    except KgError:
        yield from _not_taken(store, said)


def _not_taken(store: RemoteStore, said: Sequence[Quad]) -> Iterator[str]:
    for quad in said:
        try:
            store.apply(add=[quad])
        except KgError as error:
            yield f"it does not take {_short(quad.object)} ({error})"


def faults(server: ServerReader, one: NamedNode, two: NamedNode) -> Iterator[str]:
    """What is wrong with a server that has got the samples; it is only read."""
    for part in (_values(server, one), _datasets(server, one, two), _updates(server, one, two)):
        try:
            yield from part
        except KgError as error:
            yield str(error)
    yield from _queries(server, one)


def _values(server: ServerReader, graph: NamedNode) -> Iterator[str]:
    """Whether what is written comes back."""
    back = {quad.subject: quad.object for quad in server.match([(None, _VALUE, None)], graph)}
    for place, value in _VALUES.items():
        kept = back.get(place)
        if not _same(value, kept):
            yield f"it gives {'nothing' if kept is None else _short(kept)} back for {_short(value)}"


def _same(value: Literal, kept: object) -> bool:
    if not isinstance(kept, Literal) or kept.datatype != value.datatype or kept.language != value.language:
        return False
    if kept.value == value.value:
        return True
    return value.datatype in {NamedNode(f"{XSD}{kind}") for kind in ("decimal", "double")} and (
        float(kept.value) == float(value.value)
    )


def _datasets(server: ServerReader, one: NamedNode, two: NamedNode) -> Iterator[str]:
    """Whether a query sees the graphs that it names, and no others: lawful views stand on it."""
    every = f"SELECT ?o WHERE {{ {{ ?s {_SEEN} ?o }} UNION {{ GRAPH ?g {{ ?s {_SEEN} ?o }} }} }}"
    for dataset, expected in (
        (Dataset((one,), ()), {"1"}),
        (Dataset((one, two), ()), {"1", "2"}),
        (Dataset((), (two,)), {"2"}),
        (Dataset((), ()), set()),
    ):
        seen = {term.value for (term,) in server.select(every, dataset).rows if isinstance(term, Literal)}
        if seen != expected:
            yield "a query sees other graphs than those that its parameters name"
            break
    loose = server.select(f"SELECT ?o WHERE {{ ?s {_SEEN} ?o }}", Dataset()).rows
    if loose:
        yield "its default graph holds what is in named graphs (switch the union of graphs off)"


def _updates(server: ServerReader, one: NamedNode, two: NamedNode) -> Iterator[str]:
    """Whether one request with several operations does them in order."""
    held = {quad.object for graph in (one, two) for quad in server.match([(_ORDER, _ORDER, None)], graph)}
    if held != {Literal("3")}:
        yield "it does not do the operations of an update in their order"


def _queries(server: ServerReader, graph: NamedNode) -> Iterator[str]:
    """Whether it knows the SPARQL 1.1 that the service asks."""
    dataset = Dataset((graph,), ())
    for what, text, expected in (
        ("paths", f"SELECT ?x {{ {_CHAIN[0]} {_NEXT}+ ?x }}", 3),
        ("NOT EXISTS", f"SELECT ?x {{ ?y {_NEXT} ?x FILTER NOT EXISTS {{ ?x {_NEXT} ?z }} }}", 1),
        (
            "OPTIONAL and BOUND",
            f"SELECT ?x {{ VALUES ?x {{ {_CHAIN[3]} }} OPTIONAL {{ ?x {_NEXT} ?z }} FILTER(!BOUND(?z)) }}",
            1,
        ),
        ("MINUS", f"SELECT ?x {{ ?x {_NEXT} ?y MINUS {{ ?x {_NEXT} ?z . ?z {_NEXT} ?w }} }}", 1),
        ("GROUP BY", "SELECT ?p (COUNT(*) AS ?n) { ?x ?p ?y } GROUP BY ?p HAVING (COUNT(*) > 2)", 2),
        ("sub-queries", f"SELECT ?x {{ {{ SELECT ?x {{ ?x {_NEXT} ?y }} ORDER BY ?x LIMIT 1 }} }}", 1),
    ):
        try:
            rows = len(server.select(text, dataset).rows)
        except KgError as error:
            yield f"it does not know {what} ({error})"
            continue
        if rows != expected:
            yield f"it answers {what} wrongly"
    none = f"ASK {{ ?s {_NEXT} {_VALUE} }}"
    try:
        if not server.ask(f"ASK {{ ?s {_NEXT} ?o }}", dataset) or server.ask(none, dataset):
            yield "it answers ASK wrongly"
    except KgError as error:
        yield f"it does not answer ASK ({error})"


def _short(term: object) -> str:
    text = str(term).replace(XSD, "xsd:")
    return text if len(text) < 80 else f"{text[:80]}…"
