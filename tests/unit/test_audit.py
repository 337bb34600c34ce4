"""Entries of the audit log: their form, what of a query they keep, and which happenings are only counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kgservice.domain import query_shape
from kgservice.domain.audit import START, Action, Draft, Head, Line, digest_of, sealed, verify
from kgservice.domain.tally import Tally
from kgservice.errors import BadParameter

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
# What sha256sum says of the first entry below.
DIGEST = "7fce2dc9108be341acd807a641dbad31b42576e5629a18e9d3360df2e4fb0d98"
READ = Draft(NOON, Action.READ, "key:3f2a", "GET /sparql", ("reader",), view="https://kg.example/view/x")
DENIED = Draft(NOON, Action.DENIED, "unknown", "GET /sparql", outcome=401)


def test_an_entry_is_canonical_json_with_what_is_known() -> None:
    line = sealed(READ, START)
    assert line.body == (
        '{"action":"read","moment":"2026-11-20T12:00:00.000000Z","number":1,"previous":"' + "0" * 64 + '",'
        '"principal":"key:3f2a","resource":"GET /sparql","roles":["reader"],"view":"https://kg.example/view/x"}'
    )
    assert line.digest == DIGEST
    assert line.to_json() == {**json.loads(line.body), "hash": line.digest}


def test_half_a_character_does_not_stop_the_log() -> None:
    line = sealed(replace(READ, query="\ud800"), START)
    assert json.loads(line.body)["query"] == "?"
    assert not verify([line]).faults


@pytest.mark.parametrize("text", ["", "abc@1", "0" * 64, f"{'0' * 64}@", f"{'A' * 64}@1", f"{'0' * 64}@-1"])
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        Head.parse(text)
    assert Head.parse(f" {'0' * 64}@17\n") == Head(17, "0" * 64)


def test_reasons_are_told_in_words() -> None:
    first = sealed(READ, START)
    second = sealed(READ, first.head)
    cases = {
        "it was changed: its hash is another": [first, replace(second, body=second.body.replace("3f", "4f"))],
        "entry 1 should stand here": [second],
        "it does not follow the entry before it": [first, sealed(READ, Head(1, "f" * 64))],
        "it says that its number is 2": [Line(1, second.body, second.digest)],
        "it is not in the canonical form": [_line(first.body.replace(":1,", ": 1,"))],
    }
    for reason, lines in cases.items():
        assert verify(lines).faults[0].reason == reason
    nested = "[" * 100_000
    assert verify([_line(nested)]).faults
    many = verify([second] * 1000)
    assert len(many.faults) == 100


def _line(body: str) -> Line:
    return Line(1, body, digest_of(body))


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ('SELECT * { ?s ?p "Anna" FILTER(?n > 4711) }', 'SELECT * { ?1 ?2 "…" FILTER ( ?3 > "…" ) }'),
        (
            "ASK { <mailto:anna@b.example> a <https://w3id.org/kgservice/ci#Person> }",
            "ASK { <…> a ci:Person }",
        ),
        ("ASK { VALUES ?x { 'a' 'b' 'c' 4 5 } }", 'ASK { VALUES ?1 { "…" "…" "…" } }'),
        ('ASK { ?s ?p "x"@anna, """Anna"""^^<http://anna.example/> }', 'ASK { ?1 ?2 "…" , "…" ^^ <…> }'),
        ("# Anna\nBASE <http://anna.example/> ASK { <anna> ?anna $anna, _:anna }", "ASK { <…> ?1 ?1 , _:2 }"),
        ("SELECT Anna Miller", "SELECT … …"),
        ("Anna says \\", "…"),
        ("ASK { anna:x ci:y ?z }", "ASK { <…> <…> ?1 }"),
        (
            "PREFIX ci: <https://w3id.org/kgservice/ci#> ASK { ?s ci:title%40anna.b ?o }",
            "ASK { ?1 <…> ?2 }",
        ),
        (
            "SELECT (GROUP_CONCAT(?x; SEPARATOR=',') AS ?anna) {}",
            'SELECT ( GROUP_CONCAT ( ?1 ; SEPARATOR = "…" ) AS ?2 ) { }',
        ),
    ],
)
def test_the_shape_of_a_query_names_nobody(query: str, kept: str) -> None:
    assert query_shape.shape(query) == kept
    assert "nna" not in kept


def test_long_queries_are_cut_off() -> None:
    shape = query_shape.shape("ASK { " + "?s ?p ?o . " * 10_000 + "}")
    assert (len(shape) <= query_shape.LONGEST + 2, shape[-2:]) == (True, " …")
    assert query_shape.text("x" * 10_001) == "x" * 10_000 + " … (10001 characters)"


def after(seconds: float, draft: Draft = READ) -> Draft:
    """The same, later."""
    return replace(draft, moment=NOON + timedelta(seconds=seconds))


def test_the_first_read_is_an_entry_and_the_others_of_the_minute_are_counted() -> None:
    tally = Tally()
    assert tally.add(READ) == [READ]
    assert [tally.add(after(n)) for n in range(1, 50)] == [[]] * 49
    other = after(50, replace(READ, purpose="https://w3id.org/dpv#Marketing"))
    assert tally.add(other) == [other]
    assert tally.due(NOON + timedelta(seconds=59)) == []
    counted = replace(after(49), count=49, since=NOON + timedelta(seconds=1))
    assert tally.counting
    assert tally.add(after(60)) == [counted, after(60)]
    assert tally.close() == []


def test_a_clock_that_goes_back_loses_no_count() -> None:
    tally = Tally()
    tally.add(after(61))
    tally.add(after(62))
    assert tally.add(after(0)) == []
    assert [draft.count for draft in tally.due(NOON + timedelta(minutes=2))] == [2]


def test_denials_are_entries_until_they_are_a_flood() -> None:
    tally = Tally(denials=10)
    flood = [tally.add(DENIED) for _ in range(10_000)]
    assert sum(map(len, flood)) == 10
    (rest,) = tally.close()
    assert (rest.count, rest.action) == (9990, Action.DENIED)
    assert tally.add(DENIED) == [DENIED]


def test_rights_and_consents_are_never_counted() -> None:
    tally = Tally()
    for action in (Action.RIGHT, Action.CONSENT, Action.KEY, Action.SIGN_IN, Action.AUDIT):
        draft = replace(READ, action=action)
        assert [tally.add(draft) for _ in range(3)] == [[draft]] * 3
