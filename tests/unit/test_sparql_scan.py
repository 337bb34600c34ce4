"""The tokenizer: what is a keyword, what only looks like one."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from kgservice.domain.sparql_scan import Token, federated, operations, place, scan, uses
from kgservice.domain.sparql_update import Data, Load, Manage, Modify, Transfer, parsed
from kgservice.errors import BadQuery


def texts(text: str) -> list[str]:
    return [piece.text for piece in scan(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT*{?s ?p ?o}", ["SELECT", "*", "{", "?s", "?p", "?o", "}"]),
        ("FILTER(?a < ?b && ?c>1)", ["FILTER", "(", "?a", "<", "?b", "&&", "?c", ">", "1", ")"]),
        ("a:b.c:d.", ["a:b.c:d", "."]),
        ("?s a:b|^c:d/e:f* -1.5e3", ["?s", "a:b", "|", "^", "c:d", "/", "e:f", "*", "-", "1.5e3"]),
        ('"a\\"b" \'c\' """d"e""f""" \'\'\'g\'h\'\'\'', ['"a\\"b"', "'c'", '"""d"e""f"""', "'''g'h'''"]),
        ("<http://a/\\u0041#b> # <c> 'd'\n_:e.f", ["<http://a/\\u0041#b>", "_:e.f"]),
        ('"x"@de-AT^^xsd:string', ['"x"', "@de-AT", "^^", "xsd:string"]),
        (":a\\,b :%20c x:1", [":a\\,b", ":%20c", "x:1"]),
        ("ä:ö ?ü", ["ä:ö", "?ü"]),
        ("", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_an_unfinished_string_is_named_with_its_place() -> None:
    with pytest.raises(BadQuery) as caught:
        scan("SELECT *\n{ ?s ?p 'x }")
    assert (caught.value.line, caught.value.column) == (2, 9)


def test_places_count_from_one() -> None:
    assert place("ab\ncd", 0) == (1, 1)
    assert place("ab\ncd", 4) == (2, 2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT * FROM <http://g> {}", True),
        ("select * from named <http://g> {}", True),
        ('SELECT ?from { ?from :from \'FROM\' ; <FROM> """FROM""" } # FROM', False),
        ("PREFIX FROM: <http://x> ASK { FROM:FROM ?p $FROM }", False),
    ],
)
def test_from_is_found_as_a_keyword_only(text: str, found: bool) -> None:
    assert (uses(scan(text), "FROM") is not None) is found


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERVICE <http://a> { } }",
        "SELECT * { service SILENT ?x { } }",
        "PREFIX x: <http://a/> SELECT * { SERVICEx:y { } }",
        "PREFIX x: <http://a/> SELECT * { SERVICESILENT x:y { } }",
        "PREFIX x: <http://a/> SELECT * { ?s ?p trueSERVICE x:y { } }",
        "PREFIX x: <http://a/> SELECT * { VALUES (?a ?b) {(1 2)} FILTER(?a<?b)SERVICE#>\nx:y { } }",
    ],
)
def test_calls_of_other_services_are_found_however_they_are_written(text: str) -> None:
    assert federated(scan(text)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "SELECT ?service { ?service a 'SERVICE' } # SERVICE <http://a> {}",
        "PREFIX service: <http://a/> SELECT * { ?s a service:x . GRAPH service:g { ?s ?p <http://b/service#c> } }",
        "PREFIX ci: <http://a/> ASK { ?s a ci:ServiceRequest, ci:service }",
    ],
)
def test_what_only_looks_like_a_service_is_left_alone(text: str) -> None:
    assert federated(scan(text)) is None


def test_an_update_is_split_with_its_prologues() -> None:
    found = operations("PREFIX a: <u:a> INSERT DATA { a:x a:y ';' } ;\nBASE <u:b> CLEAR ALL;")
    assert [o.pieces[0].text for o in found] == ["INSERT", "CLEAR"]
    assert found[0].prologue == "PREFIX a: <u:a>"
    assert found[1].prologue == "PREFIX a: <u:a> BASE <u:b>"


@pytest.mark.parametrize(
    "text", ["CLEAR ALL ;; CLEAR ALL", "; CLEAR ALL", "PREFIX a <u:> CLEAR ALL", "PREFIX"]
)
def test_wrong_separation_is_refused(text: str) -> None:
    with pytest.raises(BadQuery):
        operations(text)


def test_operations_are_taken_apart() -> None:
    text = """
    INSERT DATA { <a> <b> 1 } ; DELETE DATA { <a> <b> 1 } ;
    WITH <g> DELETE { ?s ?p 1 } INSERT { ?s ?p 2 } USING <h> USING NAMED <i> WHERE { ?s ?p { } } ;
    DELETE WHERE { ?s ?p "}" } ; CLEAR SILENT GRAPH <g> ; DROP DEFAULT ; CREATE GRAPH <g> ; COPY DEFAULT TO <g> ;
    MOVE SILENT GRAPH <g> TO GRAPH <h> ; ADD <g> TO DEFAULT"""
    assert parsed(text) == [
        Data("", True, " <a> <b> 1 "),
        Data("", False, " <a> <b> 1 "),
        Modify("", " ?s ?p 1 ", " ?s ?p 2 ", "{ ?s ?p { } }", "<g>", ("<h>",), ("<i>",)),
        Modify("", ' ?s ?p "}" ', "", '{ ?s ?p "}" }'),
        Manage("", "CLEAR", "<g>", True),
        Manage("", "DROP", "DEFAULT", False),
        Manage("", "CREATE", "<g>", False),
        Transfer("", "COPY", "DEFAULT", "<g>", False),
        Transfer("", "MOVE", "<g>", "<h>", True),
        Transfer("", "ADD", "<g>", "DEFAULT", False),
    ]


def test_load_tells_where_it_stands() -> None:
    assert parsed("LOAD <cid:a> ;\nPREFIX x: <u:> load silent x:a INTO GRAPH x:g") == [
        Load("", "<cid:a>", None, False, 1, 1),
        Load("PREFIX x: <u:>", "x:a", "x:g", True, 2, 16),
    ]


def test_kinds_of_tokens() -> None:
    kinds = [p.token for p in scan("SELECT ?x <i> 'x' @de p:q _:b 1 ;")]
    assert kinds == [
        Token.WORD,
        Token.VARIABLE,
        Token.IRI,
        Token.STRING,
        Token.LANGUAGE,
        Token.NAME,
        Token.BLANK,
        Token.NUMBER,
        Token.PUNCTUATION,
    ]


@pytest.mark.parametrize(
    "text",
    ["a." * 20_000, "a." * 20_000 + ":", "<" + ")" * 8_000 + "service" * 2_000 + ">", '"""' + '""a' * 10_000],
    ids=["dots", "long prefix", "brackets and service", "unfinished"],
)
def test_the_time_of_hostile_text_grows_with_its_length_only(text: str) -> None:
    started = time.process_time()
    with suppress(BadQuery):
        federated(scan(text))
    assert time.process_time() - started < 5  # the cubic and quadratic patterns took minutes


def test_a_wrong_escape_makes_a_long_string_none() -> None:
    with pytest.raises(BadQuery):
        scan('''ASK { ?s ?p (""" A" ("\\q""") }''')


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("SELECT * { SERVICE <http://a.example/sparql> { ?s ?p ?o } }", False),
        ("SELECT * { service silent<http://a.example/sparql>{ ?s ?p ?o } }", False),
        ("SELECT * { SERVICE <http://a.example/sparql/> { ?s ?p ?o } }", True),
        ("SELECT * { SERVICE <http://A.example/sparql> { ?s ?p ?o } }", True),
        ("SELECT * { SERVICE <http://a.example/sparq\\u006c> { ?s ?p ?o } }", True),
        ("BASE <http://a.example/> SELECT * { SERVICE <sparql> { ?s ?p ?o } }", True),
        ("PREFIX a: <http://a.example/sparql> SELECT * { SERVICE a: { ?s ?p ?o } }", True),
        ("SELECT * { SERVICE ?x { ?s ?p ?o } VALUES ?x { <http://a.example/sparql> } }", True),
        ("SELECT * { SERVICE <http://a.example/sparql> { SERVICE <http://b/> {} } }", True),
        ("SELECT * { xSERVICE <http://a.example/sparql> { } }", True),
    ],
)
def test_only_services_that_are_allowed_exactly_so_are_asked(text: str, *, refused: bool) -> None:
    found = federated(scan(text), {"http://a.example/sparql"})
    assert (found is not None) == refused
