"""The graphs of a CRM's rows: of many rows at once the same as of each alone, whatever the mapping is."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.application.sources.locality import asked_at_once
from kgservice.application.sources.row_graphs import Known, RowGraphs, Told
from kgservice.crm.becoming import TABLES
from kgservice.crm.canonical import CANONICAL
from kgservice.domain.link import PERSONS, Link
from kgservice.domain.matching import RecordId
from kgservice.namespaces import Addresses
from kgservice.store.base import Term
from tests.conftest import NOON
from tests.unit.links import FRAUKE, ID, TILMAN
from tests.unit.test_crm_rows import USE, becoming

ONE = RecordId("erp", "77")
ADDRESSES = Addresses("https://kg.example/")
XYZ = "http://sparql.xyz/facade-x/data/"
QUERY = "CONSTRUCT {{ ?a <u:says> ?c }} WHERE {{ {} }}"
VALUES = {
    "VARCHAR": ("won", "given", "Bericht ist leer", ""),
    "TIMESTAMP": (datetime(2026, 6, 3, 8, 10), datetime(2026, 11, 24, tzinfo=UTC)),
}


def link(customer: str) -> Link:
    """A link of a record to a customer."""
    return Link(f"{customer}-link", PERSONS, ONE, f"{customer}-record", customer, None, None)


def rows(table: str, count: int, seed: int) -> list[Told]:
    """Rows of few customers, with some cells empty and some of them with the events of consents."""
    chance = random.Random(seed)
    made: list[Told] = []
    for number in range(count):
        one, row = RecordId("erp", f"{number}"), dict[str, object]()
        for name, kind in CANONICAL[table].items():
            values = VALUES.get(kind, (Decimal("19.50"), Decimal(7)) if "DECIMAL" in kind else (None,))
            row[name] = chance.choice((None, *values))
        row |= {"source": "erp", "key": one.key}
        person, other = (link(chance.choice((FRAUKE, TILMAN))) for _ in range(2))
        event: list[tuple[str, Term | str]]
        event = [("event", NamedNode(f"{ID}event-{number}")), ("eventKind", "ConsentGiven")]
        event += [("eventTime", Literal("2026-01-01")), ("consent", NamedNode(f"{ID}consent"))]
        known = Known(
            chance.choice((person, None)),
            chance.choice((other, None)),
            USE,
            None,
            NOON,
            event if chance.random() < 0.5 else [],
        )
        made.append((one, row, known))
    return made


@pytest.mark.parametrize("table", TABLES)
def test_many_rows_at_once_say_what_each_says_alone(table: str) -> None:
    graphs, told = RowGraphs(ADDRESSES, table, becoming()), rows(table, 150, seed=7)
    assert asked_at_once(becoming().constructs[table])
    alone = [graphs.of([one])[0] for one in told]
    assert graphs.of(told) == alone
    assert sum(map(bool, alone)) > 20
    assert sum(map(len, alone)) > 300


LOCAL = (
    "?row <{x}record> ?a ; <{x}subject> ?c",
    "?row <{x}record> ?a OPTIONAL {{ ?row <{x}subject> ?c }}",
    "{{ ?row <{x}record> ?a ; <{x}subject> ?c }} UNION {{ ?row <{x}candidate> ?a ; <{x}text> ?c }}",
    "?row <{x}record> ?a ; <{x}subject> ?b BIND(UCASE(?b) AS ?c) FILTER(STRLEN(?b) > 3)",
    # What several rows say of the same is not told apart, so each is asked alone.
    "?row <{x}person> ?a ; <{x}record> ?c",
    "?row <{x}project> ?a ; <{x}record> ?c",
    '?row <{x}record> ?r ; <{x}candidate> ?d BIND(IF(true, ?r, ?d) AS ?a) BIND(IRI("urn:c") AS ?c)',
)
NOT_LOCAL = (
    "?row <{x}record> ?r BIND(BNODE() AS ?a) BIND(1 AS ?c)",
    # It may say something of what another row is about.
    '?row <{x}key> ?k ; <{x}text> ?c BIND(IRI(CONCAT("urn:", ?k)) AS ?b) BIND(COALESCE(?b, ?k) AS ?a)',
    "?row <{x}record> ?r ; <{x}text> ?c BIND(IF(STRLEN(?c) > 3, <urn:a>, ?r) AS ?a)",
    "?row <{x}record> ?a . ?other <{x}subject> ?c",
    "?row <{x}record> ?a . [] <{x}subject> ?c",
    "?row <{x}record> ?a FILTER NOT EXISTS {{ ?row <{x}subject> ?c }} BIND(1 AS ?c)",
    "?row <{x}record> ?a BIND(EXISTS {{ ?other <{x}subject> ?s }} AS ?c)",
    "OPTIONAL {{ ?row <{x}subject> ?c }} ?row <{x}record> ?a",
    "?row <{x}record> ?a MINUS {{ ?row <{x}text> ?t }} BIND(1 AS ?c)",
    "?row <{x}record> ?a {{ SELECT (COUNT(*) AS ?c) {{ ?row <{x}subject> ?s }} }}",
    "{{ SELECT ?a ?c {{ ?row <{x}record> ?a ; <{x}subject> ?c }} ORDER BY ?c LIMIT 1 }}",
    "?row <{x}record> ?a ; ?p ?c",
    "?row <{x}record>/^<{x}record> ?b . ?b <{x}record> ?a . ?b <{x}subject> ?c",
    "?row <{x}record> ?a . ?a ^<{x}candidate> ?c",
)


@pytest.mark.parametrize(("where", "local"), [(q, True) for q in LOCAL] + [(q, False) for q in NOT_LOCAL])
def test_of_any_mapping_too(where: str, *, local: bool) -> None:
    query = QUERY.format(where.format(x=XYZ))
    assert (asked_at_once(query) is not None) is local
    own = replace(becoming(), constructs={"tickets": query})
    graphs, told = RowGraphs(ADDRESSES, "tickets", own), rows("tickets", 40, seed=8)
    made = graphs.of(told)
    if "BNODE" in where:
        assert [len(some) for some in made] == [1] * 40
    else:
        assert made == [graphs.of([one])[0] for one in told]


def test_what_is_cut_or_is_no_construct_is_not_taken_for_local() -> None:
    plain = QUERY.format(f"?row <{XYZ}record> ?a ; <{XYZ}subject> ?c")
    assert asked_at_once(plain) == frozenset((f"{XYZ}record", f"{XYZ}subject"))
    for more in (f"{plain} LIMIT 1", f"{plain} GROUP BY ?a ?c", plain.replace("WHERE", "FROM <u:g> WHERE")):
        assert asked_at_once(more) is None
    assert asked_at_once("SELECT * { ?row <u:a> ?a }") is None
    assert asked_at_once("no query") is None
