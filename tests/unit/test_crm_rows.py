"""Tickets, deals and preferences of a CRM taken over: through the guard, in whose graph, and with what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.answers.questions import ask, questions
from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.law.consents import renew, withdraw
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.sources.rows import RowsTaken, take_rows
from kgservice.application.stewards import quarantine
from kgservice.crm.becoming import Becoming, read_becoming
from kgservice.crm.canonical import CANONICAL
from kgservice.crm.declared import Declared
from kgservice.domain.change import Change, Origin
from kgservice.domain.link import Verdict
from kgservice.errors import BadInput, BadTable
from kgservice.namespaces import CI, DPV
from tests.conftest import NOON
from tests.unit.links import FRAUKE, ID, SAWMILL, pair, run

# Frauke has agreed since April 2026 to the use of all that these rows hold.
CAME = NOON - timedelta(hours=1)
OPENED = datetime(2026, 6, 3, 8, 10)
TEXT = "Der Bericht ist leer, sobald zwei Anlagen gewählt sind."
PROJECT, USE = f"{ID}100100000001", f"{ID}101200000025"
SETTINGS: dict[str, Any] = {
    "project": PROJECT,
    "legal_basis": "dpv:Consent",
    "screened_by": f"{ID}100800000005",
    "tickets": {"uses": {"Telefon": USE, "*": f"{ID}101200000021"}},
    "deals": {"use": f"{ID}101200000021"},
    "preferences": {"use": f"{ID}101200000027"},
    "consent": {
        "notice": f"{ID}106200000002",
        "controller": f"{ID}100400000001",
        "purposes": "dpv:CustomerRelationshipManagement",
        "categories": ["ci:PreferenceData"],
        "storage_place": "Rechenzentrum in Deutschland",
        "jurisdiction": "DE",
        "withdrawal_way": "Abmeldung in jedem Rundschreiben",
    },
}


def becoming(**more: Any) -> Becoming:
    """What a source says its rows become."""
    found = read_becoming(Declared(SETTINGS | more, "source.toml", "graph."), Path())
    assert found is not None
    return found


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph) -> KnowledgeGraph:
    """With record 77 linked to Frauke, and record 88 to the sawmill."""
    kg = demo_kg_guarded
    propose(kg, run(), [pair("77", FRAUKE, 9.0)])
    propose(kg, run("organisations"), [pair("88", SAWMILL, 12.0, name="Sägewerk Tannhof")])
    return kg


def row(table: str, key: str, **more: Any) -> dict[str, object]:
    """A row of the source `erp` about record 77."""
    empty = dict.fromkeys(CANONICAL[table])
    return {**empty, "source": "erp", "key": key, "person_key": "77", "updated": OPENED, **more}


def ticket(key: str = "T-1", **more: Any) -> dict[str, object]:
    words = {"subject": "Bericht ist leer", "text": TEXT, "channel": "Telefon", "opened": OPENED}
    return row("tickets", key, **{**words, **more})


def deal(key: str = "A-1", **more: Any) -> dict[str, object]:
    bought = {"title": "Auftrag für Frau Uferlohe", "stage": "Gewonnen", "amount": Decimal("1900.00")}
    return row("deals", key, **{**bought, "currency": "EUR", "closed": OPENED, **more})


def take(kg: KnowledgeGraph, table: str, *rows: dict[str, object], **more: Any) -> RowsTaken:
    return take_rows(kg, table, [(one, CAME) for one in rows], becoming(**more))


def said(kg: KnowledgeGraph, cls: str, prop: str, source: str = "erp") -> list[str]:
    """What is said of the things of a class that came from a source, or were gained from such."""
    rows = kg.select(
        f"PREFIX ci: <{CI}> SELECT ?v {{ ?s a ci:{cls} ; ci:{prop} ?v "
        f'{{ ?s ci:externalSystem "{source}" }} UNION {{ ?s ci:evidencedBy/ci:externalSystem "{source}" }} }}'
    ).rows
    return sorted(value.value for (value,) in rows if isinstance(value, Literal | NamedNode))


def graphs_with(kg: KnowledgeGraph, text: str) -> set[str]:
    """The record graphs that hold a text."""
    found = kg.store.match([(None, None, Literal(text)), (None, None, Literal(text, language="de"))])
    return {q.graph_name.value for q in found if kg.graphs.is_record(q.graph_name)}  # type: ignore[union-attr]


def subject_graph(kg: KnowledgeGraph, person: str) -> str:
    return kg.addresses.subject(kg.addresses.key(person))


@pytest.mark.slow
def test_a_ticket_is_feedback_and_a_suspicion_in_the_graph_of_the_person(kg: KnowledgeGraph) -> None:
    done = take(kg, "tickets", ticket(), ticket("T-2", person_key="99"))
    assert (done.written, done.unlinked, done.refused) == (1, 1, [])
    assert said(kg, "Feedback", "content") == [f"Bericht ist leer\n\n{TEXT}"]
    assert said(kg, "Feedback", "collectedAt") == [f"{ID}101000000025"]
    assert said(kg, "Feedback", "collectedAtTime") == ["2026-06-03T08:10:00Z"]
    assert said(kg, "PainPointCandidate", "title") == ["Bericht ist leer"]
    assert graphs_with(kg, "Bericht ist leer") == {subject_graph(kg, FRAUKE)}
    # It is no pain point before somebody says so.
    assert said(kg, "PainPoint", "title") == []
    head = kg.head
    assert take(kg, "tickets", ticket()).unchanged == 1
    assert kg.head == head
    assert check(kg) == []


def test_changes_and_deletions_are_followed(kg: KnowledgeGraph) -> None:
    take(kg, "tickets", ticket(), ticket("T-2", subject="Noch etwas"))
    changed = take(
        kg, "tickets", ticket(text="Der Bericht ist jetzt da."), ticket("T-2", subject="Noch etwas")
    )
    assert (changed.written, changed.unchanged) == (1, 1)
    assert graphs_with(kg, f"Bericht ist leer\n\n{TEXT}") == set()
    gone = take(kg, "tickets", row("tickets", "T-1", person_key=None, deleted=True))
    assert gone.removed == 1
    assert said(kg, "PainPointCandidate", "title") == ["Noch etwas"]
    assert said(kg, "Feedback", "externalId") == ["T-2"]
    assert check(kg) == []


@pytest.mark.slow
def test_what_a_pain_point_rests_on_is_restricted_when_the_crm_deletes_it(kg: KnowledgeGraph) -> None:
    take(kg, "tickets", ticket())
    candidate, feedback = (
        NamedNode(kg.addresses.instance("crm-tickets", "erp", "T-1", name))
        for name in ("candidate", "record")
    )
    pain = NamedNode(f"{ID}103000000006")
    rests = {"confirms": candidate, "evidencedBy": feedback, "occursAt": NamedNode(f"{ID}101000000025")}
    kg.commit(Change.adding(Quad(pain, NamedNode(CI + name), thing) for name, thing in rests.items()))
    outcome = ask(kg, "pain-point-candidates", {"outcome": "confirmed"}, questions()).solutions.rows
    assert [(one[0], one[5]) for one in outcome] == [(candidate, pain)]

    research = f"{DPV}ResearchAndDevelopment"
    seen = f"ASK {{ <{feedback.value}> <{CI}content> ?text }}"
    assert kg.reader(research).ask(seen)
    gone = row("tickets", "T-1", person_key=None, deleted=True)
    assert take(kg, "tickets", gone).restricted == 1
    assert not kg.reader(research).ask(seen)
    head = kg.head
    assert take(kg, "tickets", gone).restricted == 1
    assert kg.head == head
    assert take(kg, "tickets", ticket()).written == 1  # it is there again
    assert kg.ask(f"ASK {{ ?r <{CI}restricts> <{feedback.value}> ; <{CI}validUntil> ?end }}")
    assert check(kg) == []


def test_what_the_guard_refuses_waits_in_quarantine_and_is_mended(kg: KnowledgeGraph) -> None:
    calling = ticket(text="Bitte um Rückruf unter 030 23125 045.")
    done = take(kg, "tickets", calling, ticket("T-2"))
    assert (done.written, [one.key for one, _ in done.refused]) == (1, ["T-1"])
    assert "R42" in done.refused[0][1]
    (entry,) = quarantine.listed(kg, quarantine.WAITING)
    assert entry.source.file == "erp/tickets"
    head = kg.head
    take(kg, "tickets", calling, ticket("T-2"))
    assert kg.head == head  # the same again is the same entry
    assert take(kg, "tickets", ticket()).written == 1
    assert quarantine.listed(kg, quarantine.WAITING) == []
    assert check(kg) == []


def test_a_text_that_nobody_has_read_is_refused(kg: KnowledgeGraph) -> None:
    done = take(kg, "tickets", ticket(), screened_by="")
    assert "R27" in done.refused[0][1]
    assert graphs_with(kg, "Bericht ist leer") == set()


@pytest.mark.slow
def test_a_link_that_is_undone_takes_its_rows_with_it(kg: KnowledgeGraph) -> None:
    take(kg, "tickets", ticket())
    take(kg, "deals", deal())
    (link,) = kg.select(f"SELECT ?l {{ ?l <{CI}linkedPerson> <{FRAUKE}> ; <{CI}recordKey> '77' }}").rows
    assert isinstance(link[0], NamedNode)
    decide(kg, link[0].value, Verdict.REJECTED, "somebody else")
    assert graphs_with(kg, "Bericht ist leer") == graphs_with(kg, f"Bericht ist leer\n\n{TEXT}") == set()
    assert said(kg, "TransactionRecord", "transactionAmount") == []
    assert take(kg, "tickets", ticket()).unlinked == 1
    assert check(kg) == []


def test_deals_of_persons_and_of_organisations(kg: KnowledgeGraph) -> None:
    ours = {"person_key": None, "organisation_key": "88"}
    done = take(
        kg, "deals",
        deal(),
        deal("A-2", **ours),
        deal("A-3", stage="Angebot", closed=datetime(2029, 12, 31), **ours),
    )  # fmt: skip
    assert (done.written, done.refused) == (3, [])
    assert said(kg, "TransactionRecord", "transactionAmount") == ["1900"]
    assert said(kg, "TransactionRecord", "purchases") == ["Auftrag für Frau Uferlohe"]
    assert graphs_with(kg, "Auftrag für Frau Uferlohe") == {subject_graph(kg, FRAUKE)}
    # Of an organisation only what names nobody; what is not concluded has no amount.
    assert said(kg, "Document", "externalId") == ["A-2", "A-3"]
    assert said(kg, "Document", "transactionAmount") == ["1900"]
    assert said(kg, "Document", "aboutOrganisation") == [SAWMILL, SAWMILL]
    head = kg.head
    take(kg, "deals", deal(), deal("A-2", **ours))
    assert kg.head == head
    # Now somebody answers for it: it becomes data about them.
    take(kg, "deals", deal("A-2", organisation_key="88"))
    assert said(kg, "Document", "externalId") == ["A-3"]
    assert said(kg, "TransactionRecord", "externalId") == ["A-1", "A-2"]
    assert check(kg) == []


def wish(state: str, moment: datetime, origin: str | None) -> dict[str, object]:
    return row("preferences", "77", topic="Monatsbericht", state=state, moment=moment, origin=origin)


def events(kg: KnowledgeGraph) -> list[str]:
    """The kinds and ways of the events of consents that the CRM told of, in order."""
    rows = kg.select(
        f"PREFIX ci: <{CI}> SELECT ?kind ?way {{ ?e ci:eventOf ?c ; a ?kind ; ci:eventTime ?t ; ci:eventMethod ?way . "
        f'?c ci:withdrawalWay "Abmeldung in jedem Rundschreiben" ; ci:dataSubject <{FRAUKE}> '
        "FILTER(STRSTARTS(STR(?kind), STR(ci:)) && ?kind != ci:ConsentEvent) } ORDER BY ?t"
    ).rows
    return [f"{kind.value.removeprefix(CI)} {way.value}" for kind, way in rows]  # type: ignore[union-attr]


def test_a_tick_box_is_no_consent(kg: KnowledgeGraph) -> None:
    done = take(kg, "preferences", wish("given", OPENED, None))
    assert (done.written, done.refused) == (1, [])
    assert said(kg, "PreferenceRecord", "newsletterPreference") == ["Monatsbericht"]
    assert events(kg) == []


@pytest.mark.slow
def test_consents_are_given_and_withdrawn_as_the_crm_says_how(kg: KnowledgeGraph) -> None:
    given = wish("given", OPENED, "Formular im Portal")
    assert take(kg, "preferences", given).refused == []
    assert events(kg) == ["ConsentGiven Formular im Portal"]
    head = kg.head
    take(kg, "preferences", given)
    assert kg.head == head
    ended = wish("withdrawn", OPENED + timedelta(days=9), None)
    assert take(kg, "preferences", ended).refused == []
    assert said(kg, "PreferenceRecord", "newsletterPreference") == []
    assert events(kg) == ["ConsentGiven Formular im Portal", "ConsentWithdrawn erp"]
    again = wish("given", OPENED + timedelta(days=12), "Anruf, aufgezeichnet")
    take(kg, "preferences", again)
    assert events(kg)[2:] == ["ConsentRenewed Anruf, aufgezeichnet"]
    # The row goes; what proves the consent stays.
    take(kg, "preferences", {**again, "person_key": None, "deleted": True})
    assert said(kg, "PreferenceRecord", "newsletterPreference") == []
    assert len(events(kg)) == 3
    assert check(kg) == []


UPDATED = OPENED + timedelta(days=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ended", "time"),
    [
        # The moment of the giving is kept, or there is none: then it ended when the row was changed, else
        # when it came as it is.
        (wish("withdrawn", OPENED, None) | {"updated": UPDATED}, "2026-06-05T08:10:00Z"),
        (wish("withdrawn", OPENED, None) | {"updated": None}, "2026-11-20T11:00:00Z"),
        (wish("refused", OPENED, None) | {"moment": None}, "2026-11-20T11:00:00Z"),
        (wish("withdrawn", OPENED, None) | {"moment": None, "updated": UPDATED}, "2026-06-05T08:10:00Z"),
        (wish("withdrawn", OPENED - timedelta(days=1), None) | {"updated": UPDATED}, "2026-06-05T08:10:00Z"),
        (wish("withdrawn", datetime(2027, 1, 1), None) | {"updated": None}, "2026-11-20T11:00:00Z"),
    ],
)
def test_a_withdrawal_counts_whatever_its_moment(
    kg: KnowledgeGraph, ended: dict[str, object], time: str
) -> None:
    take(kg, "preferences", wish("given", OPENED, "Formular im Portal"))
    assert take(kg, "preferences", ended).refused == []
    assert events(kg) == ["ConsentGiven Formular im Portal", "ConsentWithdrawn erp"]
    asked = f"SELECT ?t {{ ?e a <{CI}ConsentWithdrawn> ; <{CI}eventMethod> 'erp' ; <{CI}eventTime> ?t }}"
    assert [at.value for (at,) in kg.select(asked).rows if isinstance(at, Literal)] == [time]
    head = kg.head
    take(kg, "preferences", ended)
    assert kg.head == head
    assert check(kg) == []


def test_a_withdrawal_that_was_known_ends_no_consent_that_is_given_again_here(kg: KnowledgeGraph) -> None:
    take(kg, "preferences", wish("given", OPENED, "Formular im Portal"))
    ended = wish("withdrawn", OPENED, None)
    take_rows(kg, "preferences", [(ended, CAME - timedelta(days=3))], becoming())
    (consent,) = kg.select(f"SELECT ?c {{ ?e <{CI}eventMethod> 'erp' ; <{CI}eventOf> ?c }}").rows
    assert isinstance(consent[0], NamedNode)
    again = {"time": CAME.isoformat(), "expires": "2028-01-01T00:00:00Z", "method": "telephone"}
    renew(kg, consent[0].value, again)
    head = kg.head
    take_rows(kg, "preferences", [(ended, CAME - timedelta(days=3))], becoming())
    assert kg.head == head
    assert events(kg)[-1] == "ConsentRenewed telephone"


def link_of(kg: KnowledgeGraph) -> str:
    """The link of record 77 to Frauke."""
    (link,) = kg.select(f"SELECT ?l {{ ?l <{CI}linkedPerson> <{FRAUKE}> ; <{CI}recordKey> '77' }}").rows
    assert isinstance(link[0], NamedNode)
    return link[0].value


@pytest.mark.slow
def test_a_consent_that_a_wrong_link_brought_ends_with_it_and_its_proof_stays(kg: KnowledgeGraph) -> None:
    take(kg, "preferences", wish("given", OPENED, "Formular im Portal"))
    decide(kg, link_of(kg), Verdict.REJECTED, "somebody else", by=Origin("a steward", privacy=False))
    ended = ["ConsentGiven Formular im Portal", "ConsentInvalidated link to a CRM record undone"]
    assert events(kg) == ended
    assert said(kg, "PreferenceRecord", "newsletterPreference") == []
    # It does not come back with the link, but when somebody gives it anew.
    decide(kg, link_of(kg), Verdict.ACCEPTED, "it was her")
    take(kg, "preferences", wish("given", OPENED, "Formular im Portal"))
    assert events(kg) == ended
    assert check(kg) == []


def test_a_consent_that_was_renewed_here_does_not_end_with_the_link(kg: KnowledgeGraph) -> None:
    take(kg, "preferences", wish("given", OPENED, "Formular im Portal"))
    (consent,) = kg.select(
        f"SELECT ?c {{ ?e <{CI}eventMethod> 'Formular im Portal' ; <{CI}eventOf> ?c }}"
    ).rows
    assert isinstance(consent[0], NamedNode)
    again = {"time": CAME.isoformat(), "expires": "2028-01-01T00:00:00Z", "method": "telephone"}
    renew(kg, consent[0].value, again)
    decide(kg, link_of(kg), Verdict.REJECTED, "somebody else")
    assert events(kg)[-1] == "ConsentRenewed telephone"


@pytest.mark.slow
def test_rows_of_whom_may_not_be_matched_any_more_stay_as_they_are(kg: KnowledgeGraph) -> None:
    take(kg, "tickets", ticket(), ticket("T-2"))
    take(kg, "preferences", wish("given", OPENED, "Formular im Portal"))
    for (consent,) in kg.select(
        f"SELECT ?c {{ ?c a <{CI}ConsentRecord> ; <{CI}dataSubject> <{FRAUKE}> }}"
    ).rows:
        assert isinstance(consent, NamedNode)
        withdraw(kg, consent.value, {"method": "telephone", "time": (CAME - timedelta(days=1)).isoformat()})
    kg.current()  # what follows from it is a commit of its own
    head = kg.head
    done = take(kg, "tickets", ticket(text="Etwas anderes."), ticket("T-2"), ticket("T-3"))
    assert (done.unusable, done.written, done.refused, kg.head) == (3, 0, [], head)
    # Deletions are followed, and so is who agrees again.
    assert take(kg, "tickets", row("tickets", "T-1", person_key=None, deleted=True)).removed == 1
    again = wish("given", CAME.replace(tzinfo=None), "Anruf, aufgezeichnet")
    assert take(kg, "preferences", again).refused == []
    assert events(kg)[-1] == "ConsentRenewed Anruf, aufgezeichnet"
    assert check(kg) == []


def test_what_waits_in_quarantine_goes_with_the_link_or_the_row(kg: KnowledgeGraph) -> None:
    calling = ticket(text="Bitte um Rückruf unter 030 23125 045.")
    take(kg, "tickets", calling)
    assert len(quarantine.listed(kg)) == 1
    decide(kg, link_of(kg), Verdict.REJECTED, "somebody else", by=Origin("a steward", privacy=False))
    assert quarantine.listed(kg) == []
    assert take(kg, "tickets", calling).unlinked == 1
    assert quarantine.listed(kg) == []
    # Of the right person it comes anew.
    decide(kg, link_of(kg), Verdict.ACCEPTED, "it was her")
    assert [one.key for one, _ in take(kg, "tickets", calling).refused] == ["T-1"]
    assert len(quarantine.listed(kg, quarantine.WAITING)) == 1
    # The CRM holds the ticket no more.
    take(kg, "tickets", row("tickets", "T-1", person_key=None, deleted=True))
    assert quarantine.listed(kg) == []
    assert check(kg) == []


def test_no_purpose_sees_what_was_not_agreed_to(kg: KnowledgeGraph) -> None:
    """Frauke has not agreed to marketing, whatever the rows say."""
    take(kg, "tickets", ticket())
    take(kg, "deals", deal())
    take(kg, "preferences", wish("given", OPENED, None))
    for purpose in kg.settings.active_purposes:
        agreed = kg.ask(
            f"PREFIX ci: <{CI}> ASK {{ ?c a ci:ConsentRecord ; ci:dataSubject <{FRAUKE}> ; ci:forPurpose <{purpose}> }}"
        )
        view = kg.reader(purpose)
        for text in (f"Bericht ist leer\n\n{TEXT}", "Bericht ist leer", "Auftrag für Frau Uferlohe"):
            shown = view.ask(f"ASK {{ ?s ?p ?o FILTER(STR(?o) = '''{text}''') }}")
            assert shown == agreed, (purpose, text)


def test_a_mapping_of_ones_own_takes_the_place_of_the_default(kg: KnowledgeGraph, tmp_path: Path) -> None:
    (tmp_path / "short.rq").write_text(
        f"""PREFIX ci: <{CI}> PREFIX xyz: <http://sparql.xyz/facade-x/data/>
        CONSTRUCT {{ ?s a ci:PainPointCandidate ; ci:dataSubject ?p ; ci:title ?t }}
        WHERE {{ ?r xyz:candidate ?s ; xyz:person ?p ; xyz:subject ?w BIND(STRLANG(?w, "de") AS ?t) }}"""
    )
    table = {"use": USE, "construct": "short.rq"}
    found = read_becoming(Declared({"project": PROJECT, "tickets": table}, "source.toml", "graph."), tmp_path)
    assert found is not None
    assert take_rows(kg, "tickets", [(ticket(), CAME)], found).written == 1
    assert graphs_with(kg, "Bericht ist leer") == {subject_graph(kg, FRAUKE)}
    assert graphs_with(kg, f"Bericht ist leer\n\n{TEXT}") == set()
    with pytest.raises(BadTable, match="malformed"):
        take_rows(
            kg, "tickets", [(ticket(), CAME)], replace(found, constructs={"tickets": "CONSTRUCT {} {{"})
        )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"tickets": {"use": f"{ID}101200000999"}}, "there is no use of a method"),
        ({"project": f"{ID}100100000999"}, "there is no project"),
    ],
)
def test_what_is_not_in_the_graph_is_told(kg: KnowledgeGraph, more: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        take(kg, "tickets", ticket(), **more)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"project": "no iri"}, "graph.project is no IRI"),
        ({"tickets": {"won": "x"}}, "graph.tickets.use is missing"),
        ({"tickets": {"use": USE, "construct": "../x.rq"}}, "not within the folder"),
        ({"tickets": {"use": USE, "construct": "x.rq"}}, "x.rq, which is not there"),
        ({"language": "Deutsch, bitte"}, "no language tag"),
        ({"consent": {"notice": "ci:a"}}, "graph.consent.controller is missing"),
        ({"tickts": {}}, "graph.tickts is not known"),
    ],
)
def test_settings_that_are_wrong_are_named(more: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        becoming(**more)


def test_without_the_table_graph_rows_become_nothing() -> None:
    assert read_becoming(Declared({}, "source.toml", "graph."), Path()) is None
    with pytest.raises(BadInput, match="tickets is missing"):
        read_becoming(Declared({"project": PROJECT}, "source.toml", "graph."), Path())
