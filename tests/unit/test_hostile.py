"""Text that would kill the process: read in another process, so that only a test fails if it does."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from kgservice.domain.sparql_limits import DEEPEST, LONGEST, UNCHECKED, check_limits
from kgservice.domain.sparql_scan import scan
from kgservice.errors import BadQuery, BadRdf
from kgservice.store import OxigraphStore
from kgservice.store.formats import N_TRIPLES, RDF_XML, TRIG, TURTLE, Format
from kgservice.store.syntax import parse

READ = """
import io, json, sys, threading
from kgservice.errors import KgError
from kgservice.store import Dataset, Kind, OxigraphStore
from kgservice.store.formats import GRAPH_FORMATS, JSON, TURTLE
from kgservice.store.syntax import check_update, parse

def answer(how, text):
    try:
        if how == "query":
            choose = lambda kind: TURTLE if kind is Kind.GRAPH else JSON
            OxigraphStore().query(text, Dataset(), choose, io.BytesIO())
        elif how == "update":
            check_update(text, "https://kg.example/")
        else:
            fmt = next(f for f in GRAPH_FORMATS if f.name == how)
            for _ in parse(text.encode(), fmt): pass
    except KgError as error:
        return [type(error).__name__, error.line, error.column]
    return "read"

def run():
    print(json.dumps([answer(how, text) for how, text in json.load(sys.stdin)]))

thread = threading.Thread(target=run)  # as in the service: less stack than the main thread may have
thread.start()
thread.join()
"""


def read(cases: list[tuple[str, str]]) -> list[object]:
    """What becomes of each (how, text): "read", or the error with its line and column."""
    done = subprocess.run(
        [sys.executable, "-c", READ], input=json.dumps(cases), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-500:]
    found: list[object] = json.loads(done.stdout)
    return found


def nested(n: int) -> dict[str, str]:
    """Queries with `n` levels."""
    return {
        "brackets": f"FILTER({'(' * n}1{')' * n})",
        "calls": f"FILTER({'STR(' * n}1{')' * n})",
        "groups": "{" * n + "}" * n,
        "sub-selects": "{ SELECT * { " * n + "}}" * n,
        "exists": "FILTER EXISTS { " * n + "}" * n,
        "paths": f"?s {'(' * n}<u:p>{')' * n} ?o",
        "lists": f"?s ?p {'(' * n}1{')' * n}",
        "blank nodes": f"?s ?p {'[?p ' * n}1{']' * n}",
        "triple terms": f"?s ?p {'<<( ?s ?p ' * n}1{' )>>' * n}",
        "in": f"FILTER({'1 IN (' * n}1{')' * n})",
        "optional": "OPTIONAL { ?s ?p ?o " * n + "}" * n,
        "unclosed": "{" * n,
        "behind <": f"FILTER(?a<{'(' * n}1>2)",
        "after a broken string": f'?s ?p (""" A" {"(" * n}"\\q""")',
    }


def chained(n: int) -> dict[str, str]:
    """Queries with `n` members in a row."""
    return {
        "or": f"FILTER(1{'||1' * n})",
        "plus": f"FILTER(1{'+1' * n})",
        "minus sign": f"FILTER(1{' -1' * n})",
        "not": f"FILTER({'!' * n}true)",
        "union": "{} " + "UNION {} " * n,
        "minus": "MINUS {} " * n,
        "alternatives": f"?s <u:p>{'|<u:p>' * n} ?o",
        "bind": " ".join(f"BIND(1 AS ?x{i})" for i in range(n)),
    }


@pytest.mark.slow
def test_what_would_kill_the_process_is_a_bad_query() -> None:
    patterns = [*nested(20_000).values(), *chained(20_000).values()]
    queries = [("query", f"ASK {{ {pattern} }}") for pattern in patterns]
    updates = [("update", f"DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o {pattern} }}") for pattern in patterns]
    data = [("update", f"INSERT DATA {{ <u:s> <u:p> {'(' * 20_000} }}")]
    found = read(queries + updates + data)
    for answer in found:
        assert isinstance(answer, list), answer
        assert answer[0] == "BadQuery"
        assert answer[1] == 1
        assert answer[2] > 1


def test_the_limits_leave_room() -> None:
    deep = [
        p
        for name, p in nested(DEEPEST // 2 - 3).items()
        if name in ("brackets", "calls", "exists", "sub-selects", "in")
    ]
    long = chained(LONGEST // 2 - 5).values()
    values = "VALUES (?a ?b) {" + "(-1 <u:x(y)#'>)" * 10_000 + "}"
    together = f"ASK {{ FILTER({'STR(' * (DEEPEST - 3)}1{'+1' * 850}{')' * (DEEPEST - 3)}) }}"
    queries = [f"ASK {{ {pattern} }}" for pattern in (*deep, *long, values)]
    data = "INSERT DATA { " + "<u:s> <u:p> (-1 -2), [ <u:q> -3 ] . " * 2_000 + "}"
    found = read([*(("query", q) for q in (*queries, together)), ("update", data)])
    assert set(map(str, found)) == {"read"}


def test_short_text_is_not_checked_since_it_cannot_crash() -> None:
    shortest = ["{", "(", "!", "STR(", "FILTER EXISTS{", "{SELECT*{"]
    texts = [("ASK {FILTER(" + s * UNCHECKED)[: UNCHECKED - 1] for s in shortest]
    texts += [("ASK {" + s * UNCHECKED)[: UNCHECKED - 1] for s in shortest]
    assert all(isinstance(a, list) and a[0] == "BadQuery" for a in read([("query", t) for t in texts]))


@pytest.mark.parametrize("hidden", ["?a<(?b>2)", "?a<'>||1", '?a<b:c#>"""\n"""'])
def test_what_only_looks_like_an_iri_hides_nothing(hidden: str) -> None:
    text = f"ASK {{ FILTER({hidden}) }}"
    with pytest.raises(BadQuery, match="put a space after '<'"):
        check_limits(text, scan(text))


RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:x="u:">'


def documents(n: int) -> list[tuple[str, str]]:
    """Format and text of documents with `n` levels."""
    term = f"<u:a> <u:b> {'<<( <u:a> <u:b> ' * n}<u:c>{' )>>' * n} ."
    return [
        *((name, term) for name in ("turtle", "ntriples", "trig", "nquads")),
        ("jsonld", '{"u:a":' * n + "1" + "}" * n),
        ("jsonld", '{"u:a":' + "[" * n + "]" * n + "}"),
        ("rdfxml", RDF + "<x:a><x:b>" * n + "</x:b></x:a>" * n + "</rdf:RDF>"),
    ]


def test_documents_that_are_nested_too_deep_are_malformed() -> None:
    for answer in read(documents(50_000)):
        assert isinstance(answer, list), answer
        assert answer[0] == "BadRdf"
        assert answer[1] == 1
        assert answer[2] > 1


@pytest.mark.parametrize("term", ["<http://a/", '<u:a> <u:b> """'])
@pytest.mark.parametrize("fmt", [N_TRIPLES, TURTLE, TRIG])
def test_terms_that_do_not_end_are_malformed(fmt: Format, term: str) -> None:
    document = term.encode() + b"x" * 17 * 2**20
    with pytest.raises(BadRdf):
        list(parse(document, fmt))
    with pytest.raises(BadRdf):
        OxigraphStore().load(io.BytesIO(document), fmt)


def test_documents_may_be_nested() -> None:
    flat = [("jsonld", json.dumps([{"@id": "u:a", "u:b": "[{" * 300}] * 300))]
    flat += [("turtle", '<u:a> <u:b> \'<<(\', """<<(\n""" . # <<(\n' * 200)]
    flat += [
        (
            "rdfxml",
            RDF + "<x:a x:d='/>'><x:b>/&lt;</x:b><x:c rdf:resource='u:c'/></x:a>" * 2_000 + "</rdf:RDF>",
        )
    ]
    flat += [("turtle", f"<u:a> <u:b> {'(' * 50_000}{')' * 50_000} .")]
    assert set(map(str, read(documents(90) + flat))) == {"read"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_not_taken(encoding: str) -> None:
    laughs = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))
    text = f'<!DOCTYPE r [<!ENTITY l0 "ha">{laughs}]>{RDF}<x:a x:b="&l9;"/></rdf:RDF>'
    with pytest.raises(BadRdf, match="entities" if encoding == "utf-8" else "UTF-8"):
        list(parse(text.encode(encoding), RDF_XML))
    with pytest.raises(BadRdf):
        OxigraphStore().load(io.BytesIO(text.encode(encoding)), RDF_XML)


def test_a_deep_term_is_found_at_the_border_of_two_pieces() -> None:
    term = b"<u:a> <u:b> " + b"<<( <u:a> <u:b> " * 200
    for shift in range(4):
        padding = b"#" * (1024 * 1024 - 13 - shift) + b"\n"
        with pytest.raises(BadRdf, match="deeper"):
            list(parse(io.BytesIO(padding + term), N_TRIPLES))
