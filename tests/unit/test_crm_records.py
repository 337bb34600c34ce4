"""Records of a CRM taken over: incremental, by rules where both sides differ, with deletions and opt-outs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.answers.questions import ask, questions
from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law import restricting
from kgservice.application.law.consents import withdraw
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri, record_iri
from kgservice.application.sources import field_decisions
from kgservice.application.sources.records import take
from kgservice.application.stewards import stewarding
from kgservice.crm.canonical import CANONICAL
from kgservice.domain.change import Change, Origin
from kgservice.domain.crm_field import Side, Taking, Unmatched
from kgservice.domain.link import ORGANISATIONS, PERSONS, Verdict
from kgservice.domain.matching import RecordId
from kgservice.domain.model import TYPE
from kgservice.errors import BadParameter, Conflict
from kgservice.namespaces import CI, DPV
from tests.unit.links import AMBROS, FRAUKE, SAWMILL, TILMAN, pair, run

NEW, OLD = datetime(2026, 11, 1, 8), datetime(2024, 1, 1, 8)
EMAIL, TILMANS = "t.kantwerk@neu.example", "tilman.kantwerk@fensterbau-lichtkant.example"


def row(key: str = "77", **more: Any) -> dict[str, object]:
    """A person of the source `erp` in the canonical schema, as Tilman is in the graph."""
    empty: dict[str, object] = {
        name: [] if kind.endswith("[]") else None for name, kind in CANONICAL["persons"].items()
    }
    same = {"full_name": "Tilman Kantwerk", "email": [TILMANS.upper()], "updated": NEW}
    return {**empty, "source": "erp", "key": key, **same, **more}


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph) -> KnowledgeGraph:
    """With record 77 linked to Tilman."""
    propose(demo_kg_guarded, run(), [pair("77", TILMAN, 9.0)])
    return demo_kg_guarded


def of(kg: KnowledgeGraph, person: str, prop: str) -> set[str]:
    """What is said of a person itself."""
    rows = kg.select(f"SELECT ?v {{ <{person}> <{CI}{prop}> ?v }}").rows
    return {value.value for (value,) in rows if isinstance(value, Literal)}


def taking(**rules: Side) -> Taking:
    return Taking("erp", rules)


def conflicts(kg: KnowledgeGraph) -> list[list[str]]:
    rows = ask(kg, "crm-conflicts", {}, questions()).solutions.rows
    return [[str(getattr(term, "value", "")) for term in found[2:]] for found in rows]


def findings(kg: KnowledgeGraph) -> int:
    """The open findings of the shape of conflicts."""
    found = stewarding.report(kg, {"rule": "R51", "status": "open"})
    return sum(1 for one in found["findings"] if one["severity"] == "Warning")


@pytest.mark.slow
def test_only_what_differs_is_written(kg: KnowledgeGraph) -> None:
    first = take(kg, PERSONS, [row(), row("99")], taking())
    assert (first.written, first.unlinked, first.open, first.refused) == (1, 1, 0, [])
    head = kg.head
    again = take(kg, PERSONS, [row(), row("99")], taking())
    assert (again.written, again.unchanged, kg.head) == (0, 1, head)
    changed = take(kg, PERSONS, [row(job_title="Leitung")], taking(job_title=Side.GRAPH))
    assert changed.written == 1
    assert of(kg, TILMAN, "occupation") == set()
    assert "99" not in {str(q.object) for q in kg.store.match([(None, NamedNode(f"{CI}externalId"), None)])}
    record = record_iri(kg.addresses, PERSONS, RecordId("erp", "77")).value
    values = kg.select(
        f"SELECT ?n ?v {{ ?f <{CI}ofCrmRecord> <{record}> ; <{CI}fieldName> ?n ; <{CI}fieldValue> ?v }}"
    ).rows
    assert sorted((n.value, v.value) for n, v in values) == [  # type: ignore[union-attr]
        ("email", TILMANS.upper()),
        ("full_name", "Tilman Kantwerk"),
        ("job_title", "Leitung"),
    ]
    assert check(kg) == []


@pytest.mark.slow
def test_a_difference_without_a_rule_is_a_finding_that_names_both(kg: KnowledgeGraph) -> None:
    done = take(kg, PERSONS, [row(email=[EMAIL])], taking())
    assert done.open == 1
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}  # nothing is overwritten silently
    assert findings(kg) == 1
    ((field, crm, source, crm_at, graph, since, outcome),) = conflicts(kg)
    assert (field, crm, source, crm_at) == ("email", EMAIL, "erp", "2026-11-01T08:00:00Z")
    assert (graph, outcome) == (TILMANS, "waiting")
    assert since.startswith("202")
    # The CRM is corrected, and the finding is mended.
    take(kg, PERSONS, [row()], taking())
    assert (findings(kg), conflicts(kg)) == (0, [])
    assert check(kg) == []


def test_a_name_is_compared_as_in_matching(kg: KnowledgeGraph) -> None:
    assert take(kg, PERSONS, [row(full_name="Dr. KANTWERK, Tilman")], taking(full_name=Side.CRM)).open == 0
    assert take(kg, PERSONS, [row(full_name="Herrn Dipl.-Ing. Tilman Kantwerk")], taking()).open == 0
    assert of(kg, TILMAN, "personName") == {"Tilman Kantwerk"}
    assert take(kg, PERSONS, [row(full_name="Tilman Kantwerker")], taking()).open == 1


@pytest.mark.parametrize(
    ("rule", "updated", "held"),
    [
        (Side.GRAPH, NEW, TILMANS),
        (Side.CRM, OLD, EMAIL),
        (Side.NEWER, NEW, EMAIL),  # the graph recorded its value before
        (Side.NEWER, OLD, TILMANS),
        (Side.NEWER, None, TILMANS),  # nobody knows: a person decides
        (Side.STEWARD, NEW, TILMANS),
    ],
)
def test_rules(kg: KnowledgeGraph, rule: Side, updated: datetime | None, held: str) -> None:
    rows = [row(email=[EMAIL], updated=updated)]
    done = take(kg, PERSONS, rows, taking(email=rule))
    assert of(kg, TILMAN, "emailAddress") == {held}
    assert done.open == (rule is Side.STEWARD or updated is None)
    assert findings(kg) == done.open
    head = kg.head
    assert take(kg, PERSONS, rows, taking(email=rule)).unchanged == 1
    assert kg.head == head


def test_what_was_taken_over_follows_the_crm_and_the_rule_and_comes_back(kg: KnowledgeGraph) -> None:
    by_crm = taking(email=Side.CRM)
    take(kg, PERSONS, [row(email=[EMAIL])], by_crm)
    assert of(kg, TILMAN, "emailAddress") == {EMAIL}
    head = kg.head
    take(kg, PERSONS, [row(email=[EMAIL])], by_crm)
    assert kg.head == head
    take(kg, PERSONS, [row(email=["other@neu.example", "third@neu.example"])], by_crm)
    assert of(kg, TILMAN, "emailAddress") == {"other@neu.example", "third@neu.example"}
    assert {line[4] for line in conflicts(kg)} == {TILMANS}
    take(kg, PERSONS, [row(email=["other@neu.example"])], taking(email=Side.GRAPH))
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}
    take(kg, PERSONS, [row(email=["other@neu.example"])], by_crm)
    take(kg, PERSONS, [row(email=[])], by_crm)  # the CRM says nothing any more
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}
    take(
        kg,
        PERSONS,
        [row(email=["other@neu.example"], job_title="Leitung")],
        Taking("erp", otherwise=Side.CRM),
    )
    link = kg.select(f"SELECT ?l {{ ?l <{CI}linkedPerson> <{TILMAN}> ; <{CI}recordKey> '77' }}").rows[0][0]
    assert isinstance(link, NamedNode)
    decide(kg, link.value, Verdict.REJECTED, "a namesake")
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}
    assert list(kg.store.match([(None, NamedNode(f"{CI}fieldValue"), Literal("Leitung"))])) == []
    assert check(kg) == []


def test_a_deleted_record_is_restricted_until_it_comes_back(kg: KnowledgeGraph) -> None:
    take(kg, PERSONS, [row()], taking())
    view = kg.reader(f"{DPV}CustomerRelationshipManagement")
    record = record_iri(kg.addresses, PERSONS, RecordId("erp", "77")).value
    asked = f"ASK {{ <{record}> a <{CI}CrmContact> }}"
    assert view.ask(asked)
    done = take(kg, PERSONS, [row(deleted=True)], taking())
    assert (done.deleted, done.written, done.refused) == (1, 1, [])
    assert not view.ask(asked)
    head = kg.head
    take(kg, PERSONS, [row(deleted=True)], taking())
    assert kg.head == head
    take(kg, PERSONS, [row()], taking())
    assert view.ask(asked)
    assert check(kg) == []


def test_what_was_taken_over_of_a_deleted_record_is_given_back_until_it_is_there_again(
    kg: KnowledgeGraph,
) -> None:
    by_crm = Taking("erp", otherwise=Side.CRM)
    there = row(email=[EMAIL], job_title="Leitung")
    take(kg, PERSONS, [there], by_crm)
    assert (of(kg, TILMAN, "emailAddress"), of(kg, TILMAN, "occupation")) == ({EMAIL}, {"Leitung"})
    done = take(kg, PERSONS, [row(deleted=True)], by_crm)
    assert (done.deleted, done.refused) == (1, [])
    assert (of(kg, TILMAN, "emailAddress"), of(kg, TILMAN, "occupation")) == ({TILMANS}, set())
    head = kg.head
    take(kg, PERSONS, [row(deleted=True)], by_crm)
    assert kg.head == head
    take(kg, PERSONS, [there], by_crm)
    assert (of(kg, TILMAN, "emailAddress"), of(kg, TILMAN, "occupation")) == ({EMAIL}, {"Leitung"})
    assert {line[4] for line in conflicts(kg)} == {TILMANS}
    assert check(kg) == []


def test_who_was_made_of_a_record_keeps_their_name_when_the_crm_deletes_it(kg: KnowledgeGraph) -> None:
    create = Taking("erp", unmatched=Unmatched.CREATE)
    take(kg, PERSONS, [row("88", full_name="Nora Neumann", email=["nora@neu.example"])], create)
    done = take(kg, PERSONS, [row("88", deleted=True, full_name=None, email=[])], create)
    assert (done.deleted, done.refused) == (1, [])
    assert kg.ask(
        f"ASK {{ ?p <{CI}personName> 'Nora Neumann' . ?r <{CI}dataSubject> ?p ; a <{CI}Restriction> }}"
    )
    assert check(kg) == []


@pytest.mark.slow
def test_a_link_that_is_undone_takes_the_restriction_of_its_record_and_no_other(kg: KnowledgeGraph) -> None:
    """A restriction that names no record any more would restrict all of the person's data."""
    view, asked = kg.reader(f"{DPV}CustomerRelationshipManagement"), f"ASK {{ <{TILMAN}> ?p ?o }}"
    record = record_iri(kg.addresses, PERSONS, RecordId("erp", "77")).value
    key = kg.addresses.key(TILMAN)
    take(kg, PERSONS, [row()], taking())
    ours = restricting.restrict(kg, key, {"records": [record], "reason": "is contested"})
    take(kg, PERSONS, [row(deleted=True)], taking())
    assert len(restricting.of(kg, NamedNode(TILMAN))) == 2
    link = kg.select(f"SELECT ?l {{ ?l <{CI}linkedPerson> <{TILMAN}> ; <{CI}recordKey> '77' }}").rows[0][0]
    assert isinstance(link, NamedNode)
    steward = Origin("a steward", privacy=False)
    decide(kg, link.value, Verdict.REJECTED, "a namesake", by=steward)
    assert [(one["id"], one["records"]) for one in restricting.of(kg, NamedNode(TILMAN))] == [
        (ours.iri, [record])
    ]
    assert view.ask(asked)
    # Accepted again: what the privacy officer restricted is restricted still.
    decide(kg, link.value, Verdict.ACCEPTED, "it is him", by=steward)
    take(kg, PERSONS, [row()], taking())
    assert not view.ask(f"ASK {{ <{record}> a <{CI}CrmContact> }}")
    assert check(kg) == []


@pytest.mark.slow
def test_an_opt_out_ends_what_is_for_nothing_else_and_shows_what_disagrees(kg: KnowledgeGraph) -> None:
    out = row(opted_out=True)
    done = take(kg, PERSONS, [out], taking())
    # Tilman's one consent is for research, too: it cannot be withdrawn in part.
    assert (done.withdrawn, done.disagreeing, findings(kg)) == (0, 1, 1)
    states = kg.select(f"SELECT ?s {{ ?r <{CI}externalSystem> 'erp' ; <{CI}crmConsentState> ?s }}").rows
    assert [state.value for (state,) in states if isinstance(state, Literal)] == ["withdrawn"]
    head = kg.head
    assert take(kg, PERSONS, [out], taking()).disagreeing == 1
    assert kg.head == head
    every = frozenset(kg.settings.active_purposes)
    ended = take(kg, PERSONS, [out], Taking("erp", opt_out=every))
    assert (ended.withdrawn, ended.disagreeing, findings(kg)) == (1, 0, 0)
    assert not kg.reader(f"{DPV}CustomerRelationshipManagement").ask(f"ASK {{ <{TILMAN}> ?p ?o }}")
    again = take(kg, PERSONS, [out], Taking("erp", opt_out=every))
    assert again.withdrawn == 0
    assert check(kg) == []


@pytest.mark.slow
def test_an_opt_out_of_a_record_that_is_marked_as_deleted_counts(kg: KnowledgeGraph) -> None:
    every = frozenset(kg.settings.active_purposes)
    done = take(kg, PERSONS, [row(opted_out=True, deleted=True)], Taking("erp", opt_out=every))
    assert (done.deleted, done.withdrawn, done.refused) == (1, 1, [])
    assert not kg.reader(f"{DPV}CustomerRelationshipManagement").ask(f"ASK {{ <{TILMAN}> ?p ?o }}")
    assert check(kg) == []


def test_an_opt_out_disagrees_with_another_legal_basis(kg: KnowledgeGraph) -> None:
    """An opt-out of advertising that rests on legitimate interests is for a person to look at."""
    advertising = frozenset({f"{DPV}Marketing"})
    out, marketing = row(opted_out=True), Taking("erp", opt_out=advertising)
    assert take(kg, PERSONS, [out], marketing).disagreeing == 0
    kg.settings = replace(kg.settings, profile="gdpr")
    gdpr, ads = "https://w3id.org/dpv/legal/eu/gdpr#", NamedNode("https://kg.example/id/ads")
    said: list[tuple[NamedNode, NamedNode | Literal]] = [
        (TYPE, NamedNode(f"{CI}ProcessingActivity")),
        (NamedNode(f"{CI}forPurpose"), NamedNode(f"{DPV}Marketing")),
        (NamedNode(f"{CI}forCategory"), NamedNode(f"{CI}IdentificationData")),
        (NamedNode(f"{CI}legalBasis"), NamedNode(f"{gdpr}A6-1-f")),
        (NamedNode(f"{CI}balancingOfInterests"), Literal("Minutes of 2026-03-01")),
    ]
    project = NamedNode("https://kg.example/id/00000000-0000-4000-8000-100100000001")
    said.append((NamedNode(f"{CI}inProject"), project))
    # Not all that such a record has to say; what is missing is for others to find.
    kg.commit(Change(tuple(Quad(ads, p, o, DefaultGraph()) for p, o in said), lawful=True))
    assert take(kg, PERSONS, [out], marketing).disagreeing == 1
    assert findings(kg) == 1
    head = kg.head
    take(kg, PERSONS, [out], marketing)
    assert kg.head == head
    assert take(kg, PERSONS, [row()], marketing).disagreeing == 0
    assert findings(kg) == 0


def test_unmatched_records_become_persons_only_when_asked(kg: KnowledgeGraph) -> None:
    rows = [
        row("88", full_name="Nora Neumann", email=["nora@neu.example"]),
        row("89", deleted=True),
        row("90", opted_out=True),
    ]
    assert take(kg, PERSONS, rows, taking()).unlinked == 3
    create = Taking("erp", unmatched=Unmatched.CREATE)
    done = take(kg, PERSONS, rows, create)
    assert (done.created, done.unlinked, done.refused) == (1, 2, [])
    (person,) = {
        s.value
        for (s,) in kg.select(
            f'SELECT ?s {{ ?s a <{CI}ContactPerson> ; <{CI}personName> "Nora Neumann" }}'
        ).rows
        if isinstance(s, NamedNode)
    }
    assert of(kg, person, "emailAddress") == {"nora@neu.example"}
    head = kg.head
    again = take(kg, PERSONS, rows, create)
    assert (again.created, again.unchanged, kg.head) == (0, 1, head)
    assert of(kg, person, "personName") == {"Nora Neumann"}
    take(kg, PERSONS, [row("88", full_name="Nora Altmann", email=["nora@neu.example"])], create)
    assert of(kg, person, "personName") == {"Nora Altmann"}
    # Nobody has agreed to anything: no purpose sees the person.
    for purpose in kg.settings.active_purposes:
        assert not kg.reader(purpose).ask(f"ASK {{ <{person}> ?p ?o }}")
    assert check(kg) == []


@pytest.mark.slow
def test_a_record_that_may_be_a_customer_becomes_nobody_before_a_steward_has_decided(
    kg: KnowledgeGraph,
) -> None:
    propose(kg, run(minutes=2), [pair("90", AMBROS, 4.0)])
    rows = [row("90", full_name="A. Mbros", email=["ambros@neu.example"])]
    create, head = Taking("erp", unmatched=Unmatched.CREATE), kg.head
    done = take(kg, PERSONS, rows, create)
    assert (done.created, done.waiting, done.unlinked, kg.head) == (0, 1, 0, head)
    link = link_iri(kg.addresses, RecordId("erp", "90"), AMBROS).value
    decide(kg, link, Verdict.ACCEPTED, "it is him")
    assert take(kg, PERSONS, rows, create).written == 1
    # Of another one nobody is left whom the record could mean.
    propose(kg, run(minutes=3), [pair("91", AMBROS, 4.0)])
    decide(kg, link_iri(kg.addresses, RecordId("erp", "91"), AMBROS).value, Verdict.REJECTED, "not him")
    new = take(kg, PERSONS, [row("91", full_name="Nora Neumann", email=["nora@neu.example"])], create)
    assert (new.created, new.waiting, new.refused) == (1, 0, [])
    assert check(kg) == []


@pytest.mark.slow
def test_who_may_not_be_matched_any_more_is_not_followed_but_out_of_the_crm(kg: KnowledgeGraph) -> None:
    take(kg, PERSONS, [row()], taking())
    for consent in kg.select(f"SELECT ?c {{ ?c a <{CI}ConsentRecord> ; <{CI}dataSubject> <{TILMAN}> }}").rows:
        assert isinstance(consent[0], NamedNode)
        withdraw(kg, consent[0].value, {"method": "telephone"})
    kg.current()  # what follows from it is a commit of its own
    head = kg.head
    newer = row(job_title="Leitung", email=["neu@x.example"], phone=["+49 30 23125999"])
    done = take(kg, PERSONS, [newer], Taking("erp", otherwise=Side.CRM))
    assert (done.unusable, done.written, kg.head) == (1, 0, head)
    assert of(kg, TILMAN, "emailAddress") == {TILMANS}
    # That the CRM has deleted the record is followed all the same.
    assert take(kg, PERSONS, [row(deleted=True)], taking()).deleted == 1
    assert [one["holds"] for one in restricting.of(kg, NamedNode(TILMAN))] == [True]
    assert check(kg) == []


def test_who_was_made_of_a_record_is_followed_until_they_have_said_something(kg: KnowledgeGraph) -> None:
    create = Taking("erp", unmatched=Unmatched.CREATE)
    take(kg, PERSONS, [row("88", full_name="Nora Neumann", email=["nora@neu.example"])], create)
    changed = [row("88", full_name="Nora Altmann", email=["nora@neu.example"])]
    assert take(kg, PERSONS, changed, create).written == 1
    (person,) = kg.select(f"SELECT ?p {{ ?p <{CI}personName> 'Nora Altmann' }}").rows[0]
    assert isinstance(person, NamedNode)
    key = kg.addresses.key(person.value)
    restricting.object_(kg, key, {})
    again = take(kg, PERSONS, [row("88", full_name="Nora Neu", email=["nora@neu.example"])], create)
    assert (again.unusable, of(kg, person.value, "personName")) == (1, {"Nora Altmann"})


@pytest.mark.slow
def test_an_account_that_the_crm_has_deleted_is_for_a_person_to_decide(kg: KnowledgeGraph) -> None:
    propose(kg, run("organisations"), [pair("A1", SAWMILL, 9.0)])
    empty: dict[str, object] = dict.fromkeys(CANONICAL["organisations"])
    account = {**empty, "source": "erp", "key": "A1", "name": "Sägewerk Tannhof", "updated": NEW}
    take(kg, ORGANISATIONS, [account], Taking("erp", {"name": Side.GRAPH}))
    gone = {**empty, "source": "erp", "key": "A1", "deleted": True}
    done = take(kg, ORGANISATIONS, [gone], Taking("erp"))
    assert (done.deleted, done.written, done.open, done.refused, findings(kg)) == (1, 1, 1, [], 1)
    head = kg.head
    again = take(kg, ORGANISATIONS, [gone], Taking("erp"))
    assert (again.open, kg.head) == (1, head)
    (one,) = field_decisions.conflicts(kg)
    assert (one["field"], one["crm"], one["graph"]) == ("deleted", ["deleted"], ["linked"])
    for verb in field_decisions.VERDICTS.values():
        with pytest.raises(Conflict, match="settled by its link"):
            field_decisions.settle(kg, one["id"], verb, "why not")
    take(kg, ORGANISATIONS, [account], Taking("erp", {"name": Side.GRAPH}))  # it is there again
    assert (findings(kg), field_decisions.conflicts(kg)) == (0, [])
    take(kg, ORGANISATIONS, [gone], Taking("erp"))
    decide(kg, link_iri(kg.addresses, RecordId("erp", "A1"), SAWMILL).value, Verdict.REJECTED, "is closed")
    assert (findings(kg), field_decisions.conflicts(kg)) == (0, [])
    assert check(kg) == []


@pytest.mark.slow
def test_accounts_of_organisations(kg: KnowledgeGraph) -> None:
    propose(kg, run("organisations"), [pair("A1", SAWMILL, 9.0)])
    empty: dict[str, object] = dict.fromkeys(CANONICAL["organisations"])
    account = {**empty, "source": "erp", "key": "A1", "name": "Tannhof Sägewerk", "updated": NEW}
    done = take(kg, ORGANISATIONS, [account, {**account, "source": "other"}], Taking("erp"))
    assert (done.written, done.open, done.refused) == (1, 1, [])
    assert [line[:2] for line in conflicts(kg)] == [["name", "Tannhof Sägewerk"]]
    for side in (Side.CRM, Side.NEWER):
        with pytest.raises(BadParameter, match="may be graph or steward"):
            Taking("erp", {"name": side})
    with pytest.raises(BadParameter, match="no field"):
        Taking("erp", {"colour": Side.CRM})
    assert check(kg) == []


def test_rows_of_persons_who_are_not_linked_stay_out(kg: KnowledgeGraph) -> None:
    propose(kg, run(minutes=2), [pair("78", AMBROS, 2.0), pair("79", FRAUKE, 3.0)])
    head = kg.head
    done = take(
        kg, PERSONS, [row("78", full_name="A"), row("79", full_name="F")], Taking("erp", otherwise=Side.CRM)
    )
    assert (done.unlinked, done.written, kg.head) == (2, 0, head)
