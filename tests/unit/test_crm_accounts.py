"""Accounts of organisations taken over: telephone, address, website and VAT number, by the rules of persons."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.questions import ask, questions
from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri, record_iri
from kgservice.application.sources import field_decisions
from kgservice.application.sources.records import Taken, take
from kgservice.crm.canonical import CANONICAL
from kgservice.domain.crm_field import Side, Taking
from kgservice.domain.field_decision import FieldVerdict
from kgservice.domain.link import ORGANISATIONS, Verdict
from kgservice.domain.matching import RecordId
from kgservice.errors import Conflict
from kgservice.namespaces import CI
from tests.conftest import NOON
from tests.unit.links import SAWMILL, pair, run
from tests.unit.test_crm_records import NEW, OLD, findings, of

VAT, SITE, PHONE = "DE309478989", "www.saegewerk-tannhof.example", "+49 30 23125 101"
SINCE = datetime(2026, 11, 20, 18)  # after the graph was loaded, before the account is linked
ADDRESS = "Am Kanal 7, 89150 Tannhofen"
OURS = {"vatNumber": {VAT}, "website": {SITE}, "telephone": {PHONE}, "postalAddress": {ADDRESS}}
OTHER = "https://tannhof.example/"


def account(**more: Any) -> dict[str, object]:
    """The account of the sawmill in the canonical schema, as the graph has it but for how it is written."""
    empty: dict[str, object] = {
        name: [] if kind.endswith("[]") else None for name, kind in CANONICAL["organisations"].items()
    }
    same = {"vat_id": "de 309 478 989", "website": f"HTTPS://{SITE}/", "phone": ["030 / 23125-101"]}
    place = {"street": "Am Kanal 7", "postal_code": "89150", "city": "Tannhofen"}
    return {**empty, "source": "erp", "key": "A1", "updated": NEW, **same, **place, **more}


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph) -> KnowledgeGraph:
    """With account A1 linked to the sawmill, a day after the graph was loaded."""
    demo_kg_guarded.clock = lambda: NOON + timedelta(days=1)
    propose(demo_kg_guarded, run("organisations"), [pair("A1", SAWMILL, 9.0)])
    return demo_kg_guarded


def taken(kg: KnowledgeGraph, by: Taking, **more: Any) -> Taken:
    done = take(kg, ORGANISATIONS, [account(**more)], by)
    assert done.refused == []
    return done


def own(kg: KnowledgeGraph) -> dict[str, set[str]]:
    return {prop: of(kg, SAWMILL, prop) for prop in OURS}


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"street": None}, {"street": "AM KANAL 7,"}])
def test_what_is_only_written_in_another_way_is_no_difference(
    kg: KnowledgeGraph, more: dict[str, object]
) -> None:
    """Nor is an address that says less."""
    assert own(kg) == OURS
    assert taken(kg, Taking("erp"), **more).open == 0
    record = record_iri(kg.addresses, ORGANISATIONS, RecordId("erp", "A1")).value
    names = kg.select(f"SELECT ?n {{ ?f <{CI}ofCrmRecord> <{record}> ; <{CI}fieldName> ?n }}").rows
    assert {n.value for (n,) in names if isinstance(n, Literal)} == {"vat_id", "website", "phone", "address"}
    asked = ask(kg, "crm-differences", {}, questions()).solutions.rows
    assert [row for row in asked if row[1] == NamedNode(record)] == []
    assert check(kg) == []


def test_a_difference_in_any_field_waits_for_a_steward(kg: KnowledgeGraph) -> None:
    done = taken(
        kg, Taking("erp"), vat_id="DE383166856", website=OTHER, phone=["030 999"], street="Am Kanal 9"
    )
    assert (done.open, findings(kg)) == (4, 4)
    ours = {"vat_id": [VAT], "website": [SITE], "phone": [PHONE], "address": [ADDRESS]}
    assert {one["field"]: one["graph"] for one in field_decisions.conflicts(kg)} == ours
    assert own(kg) == OURS
    assert taken(kg, Taking("erp")).open == 0
    assert (findings(kg), check(kg)) == (0, [])


@pytest.mark.parametrize(
    ("rule", "updated", "held"),
    [
        (Side.GRAPH, NEW, SITE),
        (Side.CRM, OLD, OTHER),
        (Side.NEWER, SINCE, OTHER),  # the graph has its value from before, and only the link since then
        (Side.NEWER, NEW, SITE),
        (Side.NEWER, None, SITE),  # nobody knows: a person decides
        (Side.STEWARD, NEW, SITE),
    ],
)
def test_rules(kg: KnowledgeGraph, rule: Side, updated: datetime | None, held: str) -> None:
    by = Taking("erp", {"website": rule})
    done = taken(kg, by, website=OTHER, updated=updated)
    assert own(kg) == {**OURS, "website": {held}}
    assert done.open == (rule is Side.STEWARD or updated is None)
    assert findings(kg) == done.open
    head = kg.head
    assert (taken(kg, by, website=OTHER, updated=updated).unchanged, kg.head) == (1, head)
    assert check(kg) == []


@pytest.mark.slow
def test_what_was_taken_over_comes_back_with_the_rule_the_record_and_the_link(kg: KnowledgeGraph) -> None:
    by_crm = Taking("erp", otherwise=Side.CRM)
    names = {title.value for (title,) in _titles(kg)}
    changed = {"website": OTHER, "phone": ["+49 351 1", "+49 351 2"], "name": "Tannhof Sägewerk"}
    assert taken(kg, by_crm, **changed).open == 1  # the name waits whatever the rule says
    theirs = {**OURS, "website": {OTHER}, "telephone": {"+49 351 1", "+49 351 2"}}
    assert own(kg) == theirs
    assert {title.value for (title,) in _titles(kg)} == names
    taken(kg, Taking("erp"), **changed)
    assert own(kg) == OURS
    taken(kg, by_crm, **changed)
    assert taken(kg, by_crm, deleted=True).deleted == 1
    assert own(kg) == OURS
    head = kg.head
    taken(kg, by_crm, deleted=True)
    assert kg.head == head
    taken(kg, by_crm, **changed)
    assert own(kg) == theirs
    decide(kg, link_iri(kg.addresses, RecordId("erp", "A1"), SAWMILL).value, Verdict.REJECTED, "another one")
    assert own(kg) == OURS
    assert check(kg) == []


def test_a_steward_takes_a_value_but_not_a_name(kg: KnowledgeGraph) -> None:
    taken(kg, Taking("erp"), website=OTHER, name="Tannhof Sägewerk")
    title, site = field_decisions.conflicts(kg)
    assert (title["field"], site["field"]) == ("name", "website")
    field_decisions.settle(kg, site["id"], FieldVerdict.TAKEN, "they moved")
    assert own(kg) == {**OURS, "website": {OTHER}}
    with pytest.raises(Conflict, match="two languages"):
        field_decisions.settle(kg, title["id"], FieldVerdict.TAKEN, "they are called so")
    field_decisions.settle(kg, title["id"], FieldVerdict.KEPT, "that is their short name")
    assert taken(kg, Taking("erp"), website=OTHER, name="Tannhof Sägewerk").open == 0
    field_decisions.settle(kg, site["id"], FieldVerdict.UNDONE, "they have both")
    assert own(kg) == OURS
    assert check(kg) == []


def _titles(kg: KnowledgeGraph) -> list[tuple[Literal]]:
    rows = kg.select(f"SELECT ?t {{ <{SAWMILL}> <{CI}title> ?t }}").rows
    return [(title,) for (title,) in rows if isinstance(title, Literal)]
