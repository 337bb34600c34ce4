"""Several records of a CRM that are linked to one customer: which of them holds, whatever comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pytest

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri
from kgservice.application.sources import field_decisions
from kgservice.application.sources.records import Taken, take
from kgservice.domain.crm_field import Side, Taking
from kgservice.domain.field_decision import FieldVerdict
from kgservice.domain.link import ORGANISATIONS, PERSONS, Verdict
from kgservice.domain.matching import RecordId
from kgservice.namespaces import CI
from tests.unit.links import SAWMILL, TILMAN, pair, run
from tests.unit.test_crm_records import TILMANS, findings, of, row

OLDER, NEWER = datetime(2026, 10, 1, 8), datetime(2026, 11, 1, 8)
ONE, OTHER, THIRD = "one@neu.example", "other@neu.example", "third@neu.example"
ORDERS = [(0, 1, 2), (2, 1, 0), (1, 0, 2)]
Row = Mapping[str, object]


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph) -> KnowledgeGraph:
    """With three records linked to Tilman."""
    propose(demo_kg_guarded, run(), [pair(key, TILMAN, 9.0) for key in ("77", "78", "79")])
    return demo_kg_guarded


def emails(**updated: tuple[str, datetime | None]) -> list[Row]:
    """Rows of the records 77, 78 and 79, with an e-mail address and when they were changed."""
    return [row(key[1:], email=[text], updated=at) for key, (text, at) in updated.items()]


def by(rule: Side) -> Taking:
    return Taking("erp", {"email": rule})


def settled(kg: KnowledgeGraph, rows: Sequence[Row], taking: Taking) -> Taken:
    """Take rows over, and again: the second time nothing may be written."""
    done = take(kg, PERSONS, rows, taking)
    head = kg.head
    again = take(kg, PERSONS, rows, taking)
    assert (again.written, again.refused, kg.head) == (0, [], head)
    return done


def taken_over(kg: KnowledgeGraph) -> list[tuple[str, set[str]]]:
    """The values that were taken over, with those that they replaced."""
    found: dict[str, set[str]] = {}
    for value, old in kg.select(
        f"SELECT ?v ?o {{ ?f <{CI}takenOver> true ; <{CI}fieldName> 'email' ; <{CI}fieldValue> ?v"
        f" OPTIONAL {{ ?f <{CI}replacedValue> ?o }} }}"
    ).rows:
        found.setdefault(str(getattr(value, "value", "")), set()).add(str(getattr(old, "value", "")))
    return sorted(found.items())


@pytest.mark.parametrize("rule", [Side.CRM, Side.NEWER])
@pytest.mark.parametrize("order", ORDERS)
def test_the_newest_record_holds_in_whatever_order(
    kg: KnowledgeGraph, rule: Side, order: tuple[int, ...]
) -> None:
    rows = emails(k77=(ONE, OLDER), k78=(OTHER, NEWER), k79=(THIRD, None))
    if rule is Side.NEWER:
        rows = rows[:2] + emails(k79=(THIRD, datetime(2024, 1, 1)))
    done = settled(kg, [rows[n] for n in order], by(rule))
    assert (done.written, done.open) == (3, 0)
    assert of(kg, TILMAN, "emailAddress") == {OTHER}
    assert taken_over(kg) == [(OTHER, {TILMANS})]


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_one_at_a_time_gives_the_same(kg: KnowledgeGraph, order: tuple[int, ...]) -> None:
    rows = emails(k77=(ONE, OLDER), k78=(OTHER, NEWER), k79=(THIRD, None))
    for n in order:
        take(kg, PERSONS, [rows[n]], by(Side.CRM))
    head = kg.head
    for n in order:
        take(kg, PERSONS, [rows[n]], by(Side.CRM))
    assert kg.head == head
    assert of(kg, TILMAN, "emailAddress") == {OTHER}
    assert taken_over(kg) == [(OTHER, {TILMANS})]
    assert check(kg) == []


@pytest.mark.parametrize("backwards", [False, True])
def test_of_equally_new_records_the_key_decides_or_a_person(kg: KnowledgeGraph, backwards: bool) -> None:
    rows = emails(k77=(ONE, NEWER), k78=(OTHER, NEWER))[:: -1 if backwards else 1]
    assert settled(kg, rows, by(Side.CRM)).open == 0
    assert of(kg, TILMAN, "emailAddress") == {OTHER}
    assert settled(kg, rows, by(Side.NEWER)).open == 1
    (waiting,) = field_decisions.conflicts(kg)
    assert (waiting["key"], waiting["crm"], waiting["graph"]) == ("78", [OTHER], [ONE])
    assert findings(kg) == 1
    field_decisions.settle(kg, waiting["id"], FieldVerdict.TAKEN, "asked him")
    assert of(kg, TILMAN, "emailAddress") == {OTHER}
    assert settled(kg, rows, by(Side.NEWER)).open == 0


@pytest.mark.slow
@pytest.mark.parametrize("backwards", [False, True])
def test_when_the_record_that_holds_goes_another_one_takes_its_place_at_once(
    kg: KnowledgeGraph, backwards: bool
) -> None:
    turn = -1 if backwards else 1
    rows = emails(k77=(ONE, OLDER), k78=(OTHER, NEWER))
    settled(kg, rows, by(Side.CRM))
    gone = [rows[0], row("78", deleted=True)][::turn]
    settled(kg, gone, by(Side.CRM))
    assert of(kg, TILMAN, "emailAddress") == {ONE}
    assert taken_over(kg) == [(ONE, {TILMANS})]
    settled(kg, [row("78", deleted=True)], by(Side.CRM))  # alone, it says nothing of the other
    assert of(kg, TILMAN, "emailAddress") == {ONE}
    settled(kg, rows[::turn], by(Side.CRM))
    assert of(kg, TILMAN, "emailAddress") == {OTHER}
    # The newest one says what the graph had said before any.
    settled(kg, emails(k77=(ONE, OLDER), k78=(TILMANS, NEWER))[::turn], by(Side.CRM))
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}
    assert taken_over(kg) == []
    assert check(kg) == []


def test_a_link_that_is_rejected_leaves_the_place_to_the_other_record(kg: KnowledgeGraph) -> None:
    rows = emails(k77=(ONE, OLDER), k78=(OTHER, NEWER))
    settled(kg, rows, by(Side.CRM))
    decide(kg, link_iri(kg.addresses, RecordId("erp", "78"), TILMAN).value, Verdict.REJECTED, "not him")
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}
    settled(kg, rows, by(Side.CRM))
    assert of(kg, TILMAN, "emailAddress") == {ONE}


def test_a_person_decides_between_records_one_after_the_other(kg: KnowledgeGraph) -> None:
    rows = emails(k77=(ONE, OLDER), k78=(OTHER, NEWER))
    assert settled(kg, rows, by(Side.STEWARD)).open == 2
    for key, text in (("77", ONE), ("78", OTHER)):
        (waiting,) = [one for one in field_decisions.conflicts(kg) if one["key"] == key]
        field_decisions.settle(kg, waiting["id"], FieldVerdict.TAKEN, "asked him")
        assert of(kg, TILMAN, "emailAddress") == {text}
        assert [one["key"] for one in field_decisions.conflicts(kg)] == (["78"] if key == "77" else [])
        settled(kg, rows, by(Side.STEWARD))
        assert of(kg, TILMAN, "emailAddress") == {text}


@pytest.mark.slow
def test_records_of_two_sources_and_of_an_organisation(kg: KnowledgeGraph) -> None:
    found = [pair("A1", SAWMILL, 9.0), pair("B1", SAWMILL, 9.0, source="shop")]
    propose(kg, run("organisations"), found)
    empty: dict[str, Any] = dict.fromkeys(("street", "postal_code", "city", "vat_id", "website", "deleted"))
    name = next(iter(of(kg, SAWMILL, "title")))
    old, new = (
        {**empty, "source": source, "key": key, "name": name, "phone": [phone], "updated": at}
        for source, key, phone, at in (
            ("erp", "A1", "+49 30 23125001", OLDER),
            ("shop", "B1", "+49 30 23125002", NEWER),
        )
    )
    rules = {"name": Side.GRAPH, "phone": Side.CRM}
    for _ in range(2):
        take(kg, ORGANISATIONS, [new], Taking("shop", rules))
        take(kg, ORGANISATIONS, [old], Taking("erp", rules))
        assert of(kg, SAWMILL, "telephone") == {"+49 30 23125002"}
    head = kg.head
    take(kg, ORGANISATIONS, [old], Taking("erp", rules))
    take(kg, ORGANISATIONS, [new], Taking("shop", rules))
    assert kg.head == head
    # Its account is closed: what the other source says holds at once.
    take(kg, ORGANISATIONS, [{**new, "phone": [], "deleted": True}], Taking("shop", rules))
    assert of(kg, SAWMILL, "telephone") == {"+49 30 23125001"}
    head = kg.head
    take(kg, ORGANISATIONS, [old], Taking("erp", rules))
    assert kg.head == head
    assert check(kg) == []
