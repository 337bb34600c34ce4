"""Consents, restrictions and what is left of erased persons: who does not answer for them changes none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.model import TYPE
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, PREFIXES
from tests.http.keys import RESEARCH, asking, make_key, serving
from tests.http.persons import IDS, refused
from tests.serving import Running

HERE = f"<{IDS}00000000-0000-4000-8000-"
HEAD = "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in PREFIXES.items())
NEW = f"<{IDS}cccccccc-0000-4000-8000-000000000001>"
AT = '"2026-11-19T08:30:00Z"^^xsd:dateTime'
# What would bring back what was withdrawn, restricted or erased: each takes its records from the graph.
UPDATES = {
    "a consent that is renewed": "INSERT { ?e a ci:ConsentRenewed ; ci:eventOf ?c ; ci:eventTime "
    + AT
    + " ; ci:eventMethod 'portal' } WHERE { ?c a ci:ConsentRecord BIND(<urn:uuid:1> AS ?e) }",
    "a withdrawal that goes": "DELETE { ?e ?p ?o } WHERE { ?e a ci:ConsentWithdrawn ; ?p ?o }",
    "one link of a withdrawal": "DELETE { ?e ci:eventOf ?c } WHERE { ?e a ci:ConsentWithdrawn ; ci:eventOf ?c }",
    "the same from the other end": "DELETE { ?c ci:hasEvent ?e } INSERT { ?c ci:hasEvent <urn:x:e> } "
    "WHERE { ?e a ci:ConsentWithdrawn ; ci:eventOf ?c }",
    "a purpose more": "INSERT { ?c ci:forPurpose dpv:Marketing } WHERE { ?c a ci:ConsentRecord }",
    "a restriction that goes": "DELETE { ?r ?p ?o } WHERE { ?r a ci:Restriction ; ?p ?o }",
    "what it restricts": "DELETE { ?r ci:restricts ?x } WHERE { ?r a ci:Restriction ; ci:restricts ?x }",
    "a tombstone that goes": "DELETE { ?t ?p ?o } WHERE { ?t a ci:Tombstone ; ?p ?o }",
    "a ticket that is answered": "INSERT { ?t ci:answeredAt " + AT + " } WHERE { ?t a ci:RightsRequest }",
    "a kind of data below another": "INSERT DATA { ci:TransactionData ci:note 'x'@de ; skos:broader ci:CommunicationData }",
    "a purpose that is said to have a narrower one": "INSERT DATA { dpv:ResearchAndDevelopment ci:note 'x'@de ; "
    "skos:narrower dpv:ServicePersonalisation }",
    "everything": "DROP ALL",
    "everything with a name": "CLEAR NAMED",
}
DOCUMENT = (
    HEAD.replace("PREFIX", "@prefix").replace(">\n", "> .\n")
    + f"{NEW} a ci:ConsentRecord ; ci:dataSubject {HERE}100700000021> ; ci:forPurpose dpv:ResearchAndDevelopment ."
)
TURTLE = {"Content-Type": "text/turtle"}


@pytest.fixture
def server(demo_kg_guarded: KnowledgeGraph, tmp_path: Path) -> Iterator[Running]:
    with serving(demo_kg_guarded, tmp_path) as server:
        yield server


def update(server: Running, key: str, text: str) -> httpx.Response:
    return asking(server, "/update", key, "POST", data={"update": HEAD + text})


@pytest.mark.parametrize("text", UPDATES.values(), ids=UPDATES.keys())
def test_who_does_not_answer_for_privacy_changes_no_proof(server: Running, text: str) -> None:
    # A steward sees everything, so what WHERE looks for is found.
    key, head = make_key(server.kg.settings, Role.STEWARD), server.kg.head
    assert refused(update(server, key, text))[0] == 403
    assert server.kg.head == head


SHORTENING = {name: UPDATES[name] for name in ("a withdrawal that goes", "one link of a withdrawal")} | {
    "the time of a withdrawal": "DELETE { ?e ci:eventTime ?t } INSERT { ?e ci:eventTime "
    + AT
    + " } WHERE { ?e a ci:ConsentWithdrawn ; ci:eventTime ?t }",
    "a record with what leads to it": "DELETE { ?c ?p ?o . ?e ci:eventOf ?c } "
    "WHERE { ?e a ci:ConsentWithdrawn ; ci:eventOf ?c . ?c ?p ?o }",
}


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.PRIVACY_OFFICER])
@pytest.mark.parametrize("text", SHORTENING.values(), ids=SHORTENING.keys())
def test_nobody_shortens_the_history_of_a_consent(server: Running, text: str, role: Role) -> None:
    roles = {role, Role.EDITOR} if role is Role.PRIVACY_OFFICER else {role}
    key, head = make_key(server.kg.settings, *roles), server.kg.head
    answer = update(server, key, text)
    status, _, detail = refused(answer)
    assert (status, answer.json()["type"]) == (403, "/problems/rewriting")
    assert "withdrawal (/consents)" in detail
    assert "erasure of the person (/subjects)" in detail
    assert server.kg.head == head


@pytest.mark.slow
def test_nor_by_graphs_and_records(server: Running) -> None:
    key, kg = make_key(server.kg.settings, Role.ADMINISTRATOR), server.kg
    head = kg.head
    (event, *_) = kg.store.match([(None, TYPE, NamedNode(f"{CI}ConsentWithdrawn"))])
    assert isinstance(event.graph_name, NamedNode)
    assert isinstance(event.subject, NamedNode)
    graph = quote(event.graph_name.value, safe="")
    for address, method, given in (
        (f"/graphs?graph={graph}", "DELETE", {}),
        (f"/graphs?graph={graph}", "PUT", {"content": "", "headers": TURTLE}),
        (f"/records/{kg.addresses.key(event.subject.value)}", "DELETE", {"headers": {"If-Match": "*"}}),
    ):
        answer = asking(server, address, key, method, **given)
        assert refused(answer)[0] == 403, answer.text
    assert refused(update(server, key, UPDATES["everything"]))[0] == 403
    assert kg.head == head


def test_who_brought_an_event_about_is_mended_where_that_says_nothing(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that rule R31 refuses gives way to one that it knows, and to nothing else; the event stays."""
    key = make_key(server.kg.settings, Role.ADMINISTRATOR)
    event = f"{NEW} a ci:ConsentRequested ; ci:eventOf {HERE}106000000005> ; ci:eventTime {AT}"
    monkeypatch.setattr(server.kg, "guarded", False)  # as a bulk load
    assert update(server, key, f"INSERT DATA {{ {event} ; ci:eventEntity 'customer' }}").status_code == 204
    monkeypatch.undo()
    taken = f"DELETE DATA {{ {NEW} ci:eventEntity 'customer' }}"
    for refused_too in (
        taken,
        f"{taken} ; INSERT DATA {{ {NEW} ci:eventEntity 'nobody' }}",
        f"{taken} ; INSERT DATA {{ {NEW} ci:eventEntity 'DataSubject' }} ; "
        f"DELETE DATA {{ {NEW} ci:eventTime {AT} }}",
        f"DELETE WHERE {{ {NEW} ?p ?o }}",
    ):
        answer = update(server, key, refused_too)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/rewriting"), refused_too
    mended = update(server, key, f"{taken} ; INSERT DATA {{ {NEW} ci:eventEntity 'DataSubject' }}")
    assert mended.status_code == 204, mended.text
    other = f"DELETE DATA {{ {NEW} ci:eventEntity 'DataSubject' }}"
    for settled in (other, f"{other} ; INSERT DATA {{ {NEW} ci:eventEntity 'DataController' }}"):
        assert update(server, key, settled).json()["type"] == "/problems/rewriting"


def test_nor_by_what_a_consent_says_of_its_events(server: Running) -> None:
    """A link from the consent binds an event to it as well, beside the other one and alone."""
    key, kg = make_key(server.kg.settings, Role.ADMINISTRATOR), server.kg
    event = f"{NEW} a ci:ConsentRequested ; ci:eventTime {AT} ; ci:eventMethod 'letter' ; ci:eventEntity 'DataController'"
    alone = f"INSERT DATA {{ {HERE}106000000005> ci:hasEvent {NEW} . {event} }}"
    beside = "INSERT { ?c ci:hasEvent ?e } WHERE { ?e a ci:ConsentWithdrawn ; ci:eventOf ?c }"
    for stated in (alone, beside):
        assert update(server, key, stated).status_code == 204
    consent, has = NamedNode(f"{IDS}00000000-0000-4000-8000-106000000005"), NamedNode(f"{CI}hasEvent")
    graph = NamedNode(kg.addresses.consent("00000000-0000-4000-8000-100700000005"))
    links = [quad.object for quad in kg.store.match([(consent, has, None)]) if quad.graph_name == graph]
    assert len(links) == 2
    head = kg.head
    for link in links:
        taken = update(server, key, f"DELETE DATA {{ {HERE}106000000005> ci:hasEvent {link} }}")
        assert (taken.status_code, taken.json()["type"]) == (403, "/problems/rewriting")
    assert kg.head == head


def test_what_is_there_may_be_said_again(server: Running) -> None:
    key = make_key(server.kg.settings, Role.ADMINISTRATOR)
    said = "{ ?e a ci:ConsentWithdrawn ; ci:eventTime ?t }"
    assert update(server, key, f"DELETE {said} INSERT {said} WHERE {said}").status_code == 204


def test_nor_by_another_way(server: Running) -> None:
    editor, head = make_key(server.kg.settings, Role.EDITOR, purposes=(RESEARCH,)), server.kg.head
    graph = quote(server.kg.addresses.consent("00000000-0000-4000-8000-100700000021"), safe="")
    answer = asking(server, f"/graphs?graph={graph}", editor, "POST", content=DOCUMENT, headers=TURTLE)
    assert refused(answer)[0] == 403
    assert refused(asking(server, f"/graphs?graph={graph}", editor, "DELETE"))[0] == 403
    event = f"{NEW} a ci:ConsentGiven ; ci:eventOf {HERE}106000000005> ; ci:eventTime {AT}"
    _, _, detail = refused(update(server, editor, f"INSERT DATA {{ {event} }}"))
    assert "privacy officers" in detail
    assert IDS not in detail
    assert server.kg.head == head


def test_what_an_import_of_an_editor_may_not_bring_waits_for_who_may(server: Running) -> None:
    editor = make_key(server.kg.settings, Role.EDITOR, purposes=(RESEARCH,))
    steward, officer = (make_key(server.kg.settings, role) for role in (Role.STEWARD, Role.PRIVACY_OFFICER))
    both = make_key(server.kg.settings, Role.STEWARD, Role.PRIVACY_OFFICER)
    # A new consent, more about a ticket, what leads to a restriction from elsewhere; and what may be said.
    ticket, restriction = (
        server.kg.select(f"SELECT ?r {{ ?r a <{CI}{kind}> }}").rows[0][0]
        for kind in ("RightsRequest", "Restriction")
    )
    letter = f"{ticket} ci:description 'Came by letter'@en"
    seen = f"{HERE}102500000004> ci:description 'Seen again'@en"
    leads = f"{HERE}102000000005> ci:restrictedBy {restriction}"
    body = f"{DOCUMENT} {letter} . {seen} . {leads} ."
    answer = asking(server, "/imports", editor, "POST", content=body, headers=TURTLE)
    assert answer.status_code == 200, answer.text
    told = answer.json()["imports"][0]["quarantined"]
    assert len(told) == 3
    assert all("an administrator releases it" in entry["reason"] for entry in told)
    assert server.kg.ask(f"{HEAD} ASK {{ {seen} }}")
    for kept_out in (f"{NEW} ?p ?o", letter, leads):
        assert not server.kg.ask(f"{HEAD} ASK {{ {kept_out} }}")
    entries = asking(server, "/quarantine?status=waiting", steward).json()["entries"]
    shown = [asking(server, f"/quarantine/{entry['id']}", steward).json() for entry in entries]
    (waiting,) = [entry["id"] for entry in shown if "Came by letter" in str(entry["statements"])]
    place = f"/quarantine/{waiting}/release"
    assert refused(asking(server, place, steward, "POST"))[0] == 403
    assert refused(asking(server, place, officer, "POST"))[0] == 403
    assert asking(server, place, both, "POST").status_code == 200
    assert server.kg.ask(f"{HEAD} ASK {{ {letter} }}")


def test_an_editor_does_not_learn_what_a_consent_says(server: Running) -> None:
    editor = make_key(server.kg.settings, Role.EDITOR, purposes=(RESEARCH,))
    ((consent, purpose),) = server.kg.select(
        f"{HEAD} SELECT ?c ?p {{ ?c a ci:ConsentRecord ; ci:forPurpose ?p }} ORDER BY ?c ?p LIMIT 1"
    ).rows
    other = f"<{PREFIXES['dpv']}Nothing>"
    for verb in ("INSERT", "DELETE"):
        there, not_there = (
            refused(update(server, editor, f"{verb} DATA {{ {consent} ci:forPurpose {value} }}"))
            for value in (purpose, other)
        )
        assert there == not_there
        assert there[0] == 403
    document = f"{DOCUMENT.partition(NEW)[0]}{consent} ci:forPurpose {purpose} ."
    answer = asking(server, "/imports", editor, "POST", content=document, headers=TURTLE)
    assert len(answer.json()["imports"][0]["quarantined"]) == 1


def test_who_sees_a_purpose_takes_no_record_out_of_the_graph_of_its_person(server: Running) -> None:
    kg = server.kg
    editor, steward = (
        make_key(kg.settings, role, purposes=(RESEARCH,)) for role in (Role.EDITOR, Role.STEWARD)
    )
    # A record of a person who has not agreed, and a person who has: any owner link would do.
    find = f"{HEAD} SELECT ?r ?p {{ ?r a ci:Feedback ; ci:dataSubject ?p }} ORDER BY ?r"
    shown = {person: record for record, person in kg.reader(RESEARCH).select(find).rows}
    agreed = next(iter(shown))
    hidden, person = next(row for row in kg.select(find).rows if row[1] not in shown)
    said = f"{hidden} ci:comparisonOf {agreed}"
    status, _, detail = refused(update(server, editor, f"INSERT DATA {{ {said} }}"))
    assert (status, "whose something is" in detail, IDS in detail) == (403, True, False)
    turtle = DOCUMENT.partition(NEW)[0]
    letter = f"{HERE}102500000004> ci:description 'Seen again'@en"
    answer = asking(
        server, "/imports", editor, "POST", content=f"{turtle}{said} . {letter} .", headers=TURTLE
    )
    (entry,) = answer.json()["imports"][0]["quarantined"]
    assert "a steward releases it" in entry["reason"]
    assert kg.ask(f"{HEAD} ASK {{ {letter} }}")
    assert not kg.ask(f"{HEAD} ASK {{ {said} }}")
    # Nor those of nobody: then all would see them.
    taken = f"{hidden} ci:dataSubject {person}"
    assert refused(update(server, editor, f"DELETE DATA {{ {taken} }}"))[0] == 403
    assert kg.ask(f"{HEAD} ASK {{ {taken} }}")
    mended = f"DELETE DATA {{ {taken} }} ; INSERT DATA {{ {hidden} ci:dataSubject {agreed} }}"
    assert refused(update(server, editor, mended))[0] == 403
    assert update(server, steward, mended).status_code == 204
    assert kg.ask(f"{HEAD} ASK {{ {hidden} ci:dataSubject {agreed} }}")


def test_a_record_in_quarantine_is_released_by_who_may_write_it(server: Running) -> None:
    bad = DOCUMENT.replace("ci:forPurpose dpv:ResearchAndDevelopment", "ci:expiresAt 'soon'")
    officer = make_key(server.kg.settings, Role.PRIVACY_OFFICER, Role.EDITOR)
    answer = asking(server, "/imports", officer, "POST", content=bad, headers=TURTLE)
    (entry,) = answer.json()["imports"][0]["quarantined"]
    steward = make_key(server.kg.settings, Role.STEWARD)
    place = f"/quarantine/{entry['id']}"
    mended = DOCUMENT.replace("ci:forPurpose dpv:ResearchAndDevelopment", "ci:expiresAt 'later'")
    assert asking(server, place, steward, "PUT", content=mended, headers=TURTLE).is_success
    assert refused(asking(server, f"{place}/release", steward, "POST"))[0] in {403, 422}
    assert asking(server, place, steward, "GET").json()["status"] == "waiting"


def test_what_editors_are_for_still_goes(server: Running) -> None:
    editor = make_key(server.kg.settings, Role.EDITOR, purposes=(RESEARCH,))
    said = f"{HERE}102500000004> ci:description 'Seen again'@en"
    assert update(server, editor, f"INSERT DATA {{ {said} }}").status_code == 204
    officer = make_key(server.kg.settings, Role.PRIVACY_OFFICER, Role.EDITOR)
    ticket = next(iter(server.kg.select(f"SELECT ?t {{ ?t a <{CI}RightsRequest> }} LIMIT 1").rows))[0]
    said = f"{ticket} ci:description 'Came by letter'@en"
    assert update(server, officer, f"INSERT DATA {{ {said} }}").status_code == 204
