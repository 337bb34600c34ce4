"""What the service relies on, tried on a server before it is used: what would answer wrongly is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.errors import KgError, StoreFailed
from kgservice.namespaces import XSD
from kgservice.store.base import Dataset
from kgservice.store.remote import RemoteStore

_P = NamedNode("urn:kgservice:p")
# Values as the service writes them; a store may give numbers back in another form, but not as something else.
_VALUES = {
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


def check_server(store: RemoteStore, name: str) -> None:
    """Raise `StoreFailed` with all that is wrong when the service cannot rely on the server called `name`."""
    store.select("SELECT ?x { VALUES ?x { 1 } }", Dataset())  # one that is not there is no wrong one
    here = f"urn:kgservice:self-test:{uuid.uuid4()}:"
    one, two = NamedNode(f"{here}1"), NamedNode(f"{here}2")
    found: list[str] = []
    for part in (
        _values(store, one),
        _datasets(store, one, two),
        _updates(store, one, two),
        _queries(store, one),
    ):
        try:
            found.extend(part)
        except KgError as error:
            found.append(error.detail)
    _tidied(store, one, two)
    if found:
        raise StoreFailed(f"the server {name} cannot be used: " + "; ".join(found))


def _tidied(store: RemoteStore, *graphs: NamedNode) -> None:
    try:
        store.apply(drop=graphs)
    except KgError:
        return  # what is wrong has been found before


def _values(store: RemoteStore, graph: NamedNode) -> Iterator[str]:
    """Whether what is written comes back."""
    written = [
        *(
            Literal(value, datatype=NamedNode(XSD + kind))
            for kind, values in _VALUES.items()
            for value in values
        ),
        *map(Literal, _TEXTS),
        *(Literal("Wärme", language=language) for language in ("de", "en", "de-at")),
    ]
    places = [NamedNode(f"{graph.value}:{number}") for number in range(len(written))]
    said = [Quad(place, _P, value, graph) for place, value in zip(places, written, strict=True)]
    try:
        store.apply(add=said)
    except KgError:
        yield from _not_taken(store, said)
    back = {quad.subject: quad.object for quad in store.match([(None, _P, None)], graph)}
    for place, value in zip(places, written, strict=True):
        kept = back.get(place)
        if kept is not None and not _same(value, kept):
            yield f"it gives {_short(kept)} back for {_short(value)}"
    store.apply(drop=[graph])


def _not_taken(store: RemoteStore, said: Sequence[Quad]) -> Iterator[str]:
    for quad in said:
        try:
            store.apply(add=[quad])
        except KgError as error:
            yield f"it does not take {_short(quad.object)} ({error.detail})"


def _same(value: Literal, kept: object) -> bool:
    if not isinstance(kept, Literal) or kept.datatype != value.datatype or kept.language != value.language:
        return False
    if kept.value == value.value:
        return True
    return value.datatype in {NamedNode(f"{XSD}{kind}") for kind in ("decimal", "double")} and (
        float(kept.value) == float(value.value)
    )


def _datasets(store: RemoteStore, one: NamedNode, two: NamedNode) -> Iterator[str]:
    """Whether a query sees the graphs that it names, and no others: lawful views stand on it."""
    store.apply(add=[Quad(_P, _P, Literal("1"), one), Quad(_P, _P, Literal("2"), two)])
    every = "SELECT ?o WHERE { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
    for dataset, expected in (
        (Dataset((one,), ()), {"1"}),
        (Dataset((one, two), ()), {"1", "2"}),
        (Dataset((), (two,)), {"2"}),
        (Dataset((), ()), set()),
    ):
        seen = {term.value for (term,) in store.select(every, dataset).rows if isinstance(term, Literal)}
        if seen != expected:
            yield "a query sees other graphs than those that its parameters name"
            break
    loose = store.select("SELECT ?o WHERE { ?s <urn:kgservice:p> ?o }", Dataset()).rows
    if loose:
        yield "its default graph holds what is in named graphs (switch the union of graphs off)"


def _updates(store: RemoteStore, one: NamedNode, two: NamedNode) -> Iterator[str]:
    """Whether one request with several operations does them in order."""
    three = [Quad(_P, _P, Literal("3"), graph) for graph in (one, two)]
    store.apply(drop=[two], remove=[Quad(_P, _P, Literal("1"), one)], add=three)
    held = {quad.object for graph in (one, two) for quad in store.match([(None, None, None)], graph)}
    if held != {Literal("3")}:
        yield "it does not do the operations of an update in their order"


def _queries(store: RemoteStore, graph: NamedNode) -> Iterator[str]:
    """Whether it knows the SPARQL 1.1 that the service asks."""
    chain = [NamedNode(f"{graph.value}:{number}") for number in range(4)]
    store.apply(add=[Quad(a, _P, b, graph) for a, b in pairwise(chain)])
    dataset = Dataset((graph,), ())
    for what, text, expected in (
        ("paths", f"SELECT ?x {{ {chain[0]} <urn:kgservice:p>+ ?x }}", 3),
        (
            "NOT EXISTS",
            "SELECT ?x { ?y <urn:kgservice:p> ?x FILTER NOT EXISTS { ?x <urn:kgservice:p> ?z } }",
            2,
        ),
        (
            "OPTIONAL and BOUND",
            f"SELECT ?x {{ VALUES ?x {{ {chain[3]} }} OPTIONAL {{ ?x {_P} ?z }} FILTER(!BOUND(?z)) }}",
            1,
        ),
        (
            "MINUS",
            f"SELECT ?x {{ ?x {_P} ?y MINUS {{ ?x {_P} ?z . ?z {_P} ?w }} }}",
            2,
        ),
        ("GROUP BY", "SELECT ?p (COUNT(*) AS ?n) { ?x ?p ?y } GROUP BY ?p HAVING (COUNT(*) > 2)", 1),
        ("sub-queries", "SELECT ?x { { SELECT ?x { ?x <urn:kgservice:p> ?y } ORDER BY ?x LIMIT 1 } }", 1),
    ):
        try:
            rows = len(store.select(text, dataset).rows)
        except KgError as error:
            yield f"it does not know {what} ({error.detail})"
            continue
        if rows != expected:
            yield f"it answers {what} wrongly"
    if not store.ask("ASK { ?s ?p ?o }", dataset) or store.ask("ASK { ?s <urn:kgservice:none> ?o }", dataset):
        yield "it answers ASK wrongly"


def _short(term: object) -> str:
    text = str(term).replace(XSD, "xsd:")
    return text if len(text) < 80 else f"{text[:80]}…"
