"""Links proposed, decided, undone and erased, on the demonstration graph with its guard."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from kgservice.application.care.check import check
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.application.law import erasing, subject_data
from kgservice.application.law.consents import withdraw
from kgservice.application.links import records as link_records
from kgservice.application.links.customers import customers, usable
from kgservice.application.links.linking import decide
from kgservice.application.links.proposing import propose
from kgservice.application.links.statements import link_iri, record_iri
from kgservice.application.sources import link_reports
from kgservice.crm.canonical import CANONICAL
from kgservice.crm.forgetting import CanonicalTables
from kgservice.domain.change import Change, Origin
from kgservice.domain.clock import Clock
from kgservice.domain.link import ORGANISATIONS, PERSONS, Link, State, Verdict
from kgservice.domain.matching import RecordId
from kgservice.domain.model import TYPE
from kgservice.errors import BadParameter, Conflict, NotFound
from kgservice.namespaces import CI, DPV, PROV, SKOS
from kgservice.settings import Settings
from tests.unit.links import AMBROS, FRAUKE, ROSALINDE, SAWMILL, TILMAN, pair, run

RECORD = RecordId("erp", "77")


@pytest.fixture
def kg(demo_kg_guarded: KnowledgeGraph) -> KnowledgeGraph:
    return demo_kg_guarded


def link_of(kg: KnowledgeGraph, customer: str = TILMAN, record: RecordId = RECORD) -> Link:
    return link_records.one(kg, link_iri(kg.addresses, record, customer).value)


def matched(
    kg: KnowledgeGraph, customer: str = TILMAN, record: RecordId = RECORD, kind: str = PERSONS
) -> bool:
    node = record_iri(kg.addresses, kind, record).value
    return kg.ask(f"ASK {{ <{customer}> <{SKOS}exactMatch> <{node}> . <{node}> a <{CI}CrmRecord> }}")


def graph_of(kg: KnowledgeGraph, person: str) -> set[Quad]:
    return set(kg.planner().quads(NamedNode(kg.addresses.subject(kg.addresses.key(person)))))


def mentioning(kg: KnowledgeGraph, *texts: str) -> dict[str, list[Quad]]:
    """For each text, all quads of the store that say it somewhere, in IRIs or literals."""
    found: dict[str, list[Quad]] = {text: [] for text in texts}
    for quad in kg.store.match([(None, None, None)]):
        said = str(quad)
        for text in texts:
            if text in said:
                found[text].append(quad)
    return found


@pytest.mark.slow
def test_candidates_wait_in_the_graph_of_the_person(kg: KnowledgeGraph) -> None:
    done = propose(kg, run(), [pair("77", TILMAN, 4.0), pair("77", AMBROS, 1.0), pair("78", FRAUKE, -2.0)])
    assert (done.candidates, done.accepted, done.refused) == (2, 0, [])
    link = link_of(kg)
    assert (link.standing.state, link.customer, link.id) == (State.CANDIDATE, TILMAN, RECORD)
    assert [(one.field, float(one.weight)) for one in link.comparisons] == [
        ("name", 7.25),
        ("prior", -3.5),
        ("email", 0.25),
    ]
    assert link.comparisons[0].record == "TILMAN KANTWERK"
    homes = {q.graph_name for q in kg.store.match([(NamedNode(link.node), None, None)])}
    assert NamedNode(kg.addresses.subject(kg.addresses.key(TILMAN))) in homes
    assert not any(kg.graphs.is_project(name) for name in homes)
    # The record itself is not in the graph: nobody knows yet whose it is.
    assert list(kg.store.match([(record_iri(kg.addresses, PERSONS, RECORD), TYPE, None)])) == []
    assert not matched(kg)
    assert check(kg) == []


def test_the_same_run_again_writes_nothing(kg: KnowledgeGraph) -> None:
    pairs = [pair("77", TILMAN, 4.0), pair("79", AMBROS, 9.0), pair("80", FRAUKE, 2.0)]
    propose(kg, run(), pairs)
    head = kg.head
    again = propose(kg, run(state=head, minutes=10), pairs)
    assert kg.head == head
    assert (again.candidates, again.accepted, again.changed, again.withdrawn) == (0, 0, 0, 0)
    assert (again.unchanged, again.pinned) == (2, 1)


def test_the_best_and_sure_is_accepted_by_rule(kg: KnowledgeGraph) -> None:
    done = propose(kg, run(), [pair("77", TILMAN, 9.0), pair("77", AMBROS, 2.0)])
    assert (done.candidates, done.accepted) == (0, 1)
    link = link_of(kg)
    assert (link.standing.state, link.standing.stands) == (State.ACCEPTED, Verdict.BY_RULE)
    assert matched(kg)
    with pytest.raises(NotFound):
        link_of(kg, AMBROS)
    record = record_iri(kg.addresses, PERSONS, RECORD).value
    assert kg.ask(
        f'ASK {{ <{record}> a <{CI}CrmContact> ; <{CI}externalId> "77" ; <{CI}externalSystem> "erp" ; '
        f"<{CI}dataSubject> <{TILMAN}> ; <{CI}crmSystem> ?system . ?system a <{CI}CrmSystem> }}"
    )
    assert not kg.ask("ASK { ?a <http://www.w3.org/2002/07/owl#sameAs> ?b }")
    assert check(kg) == []


def test_the_rule_accepts_from_the_probability_that_is_set(kg: KnowledgeGraph) -> None:
    pairs = [pair("77", TILMAN, 4.0), pair("78", AMBROS, 1.0), pair("79", FRAUKE, -2.0)]  # 0.94, 0.67, 0.2
    kg.settings = replace(kg.settings, matching_candidate=0.7)
    done = propose(kg, run(), pairs)
    assert (done.candidates, done.accepted) == (1, 0)
    kg.settings = replace(kg.settings, matching_accept=0.9, matching_candidate=0.1)
    done = propose(kg, run(minutes=5), pairs)
    assert (done.candidates, done.accepted) == (2, 1)
    assert link_of(kg).standing.stands is Verdict.BY_RULE
    # What was accepted is pinned, whatever is set later.
    kg.settings = replace(kg.settings, matching_accept=0.99, matching_candidate=0.5)
    done = propose(kg, run(minutes=9), pairs)
    assert (done.pinned, done.withdrawn, done.unchanged) == (1, 1, 1)


@pytest.mark.parametrize(
    ("accept", "candidate", "what"),
    [
        ("0", "0.5", "is no probability"),
        ("1.1", "0.5", "is no probability"),
        ("nan", "0.5", "is no probability"),
        ("0.9", "0", "is no probability"),
        ("1", "1", "is no probability"),
        ("0.5", "0.6", "cannot be less likely"),
        ("sure", "0.5", "is not a float"),
    ],
)
def test_probabilities_that_cannot_be_set(accept: str, candidate: str, what: str) -> None:
    with pytest.raises(BadParameter, match=what):
        Settings.load({"KGSERVICE_MATCHING_ACCEPT": accept, "KGSERVICE_MATCHING_CANDIDATE": candidate})
    loaded = Settings.load({"KGSERVICE_MATCHING_ACCEPT": "1", "KGSERVICE_MATCHING_CANDIDATE": "0.3"})
    assert (loaded.matching_accept, loaded.matching_candidate) == (1.0, 0.3)


def test_two_that_are_equally_sure_are_left_to_a_person(kg: KnowledgeGraph) -> None:
    done = propose(kg, run(), [pair("77", TILMAN, 9.0), pair("77", AMBROS, 9.0)])
    assert (done.candidates, done.accepted) == (2, 0)


def test_rejected_pairs_are_never_offered_again_and_accepted_ones_are_pinned(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 4.0)])
    rejected = decide(kg, link_of(kg).node, Verdict.REJECTED, "other company")
    assert rejected.standing.state is State.REJECTED
    assert {one.record for one in rejected.comparisons} == {""}  # somebody else's values
    accepted = decide(kg, link_of(kg, AMBROS, RecordId("erp", "78")).node, Verdict.ACCEPTED, "called him")
    assert matched(kg, AMBROS, RecordId("erp", "78"))
    head = kg.head
    done = propose(
        kg, run(minutes=5), [pair("77", TILMAN, 12.0), pair("78", AMBROS, 0.5), pair("78", TILMAN, 12.0)]
    )
    assert (done.rejected, done.pinned, kg.head) == (1, 2, head)
    assert link_of(kg).standing.state is State.REJECTED
    assert link_of(kg, AMBROS, RecordId("erp", "78")) == accepted
    with pytest.raises(NotFound):
        link_of(kg, TILMAN, RecordId("erp", "78"))


@pytest.mark.slow
def test_decisions_are_events_that_only_grow(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 9.0)])
    key = link_of(kg).node
    by = Origin.asked("key:steward", "https://kg.example/id/00000000-0000-4000-8000-100800000006")
    decide(kg, key, Verdict.REJECTED, "moved away", by=by)
    assert not matched(kg)
    before = [one.verdict for one in link_of(kg).decisions]
    decide(kg, key, Verdict.UNDONE, "he did not", by=by)
    link = link_of(kg)
    assert (link.standing.stands, matched(kg)) == (Verdict.BY_RULE, True)
    assert [one.verdict for one in link.decisions][:2] == before
    assert [(one.number, one.reason) for one in link.decisions] == [
        (1, ""),
        (2, "moved away"),
        (3, "he did not"),
    ]
    assert [one.by.rpartition("-")[2] for one in link.decisions] == ["", "100800000006", "100800000006"]
    decide(kg, key, Verdict.UNDONE, "not sure at all")
    assert link_of(kg).standing.state is State.CANDIDATE
    assert not matched(kg)
    # Who took back what the machine said is not overruled by it.
    propose(kg, run(minutes=9), [pair("77", TILMAN, 20.0)])
    assert link_of(kg).standing.state is State.CANDIDATE
    with pytest.raises(Conflict):
        decide(kg, key, Verdict.UNDONE, "once more")
    with pytest.raises(BadParameter):
        decide(kg, key, Verdict.ACCEPTED, "  ")
    assert check(kg) == []


@pytest.mark.slow
def test_who_takes_back_that_they_accepted_has_rejected_it_as_before(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0)])
    key = link_of(kg).node
    for verdict in (Verdict.REJECTED, Verdict.ACCEPTED):
        decide(kg, key, verdict, "so I think")
    assert matched(kg)
    assert decide(kg, key, Verdict.UNDONE, "mixed up").standing.state is State.REJECTED
    assert not matched(kg)
    assert mentioning(kg, "77@firma.example") == {"77@firma.example": []}
    done = propose(kg, run(minutes=5), [pair("77", TILMAN, 20.0)])
    assert (done.rejected, done.accepted, done.candidates) == (1, 0, 0)
    assert link_of(kg).standing.state is State.REJECTED
    # And once more back: then it is open.
    assert decide(kg, key, Verdict.UNDONE, "nobody knows").standing.state is State.CANDIDATE
    assert check(kg) == []


def test_the_same_decision_twice_is_one(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0)])
    decide(kg, link_of(kg).node, Verdict.ACCEPTED, "yes")
    head = kg.head
    assert len(decide(kg, link_of(kg).node, Verdict.ACCEPTED, "yes again").decisions) == 1
    assert kg.head == head


def test_one_record_resolves_to_one_customer(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("77", AMBROS, 3.0)])
    decide(kg, link_of(kg, AMBROS).node, Verdict.REJECTED, "no")
    decide(kg, link_of(kg).node, Verdict.ACCEPTED, "yes")
    with pytest.raises(Conflict, match="another customer"):
        decide(kg, link_of(kg, AMBROS).node, Verdict.ACCEPTED, "him, too")
    assert matched(kg)
    assert not matched(kg, AMBROS)


@pytest.mark.slow
def test_what_was_derived_goes_with_the_link_and_what_it_replaced_comes_back(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 9.0)])
    before = graph_of(kg, TILMAN)
    record, person = record_iri(kg.addresses, PERSONS, RECORD), NamedNode(TILMAN)
    value, note = NamedNode(kg.addresses.new()), NamedNode(kg.addresses.new())
    phone = NamedNode(f"{CI}telephone")
    old = Literal("+49 30 23125 029")

    def say(node: NamedNode, name: str, term: NamedNode | Literal) -> Quad:
        return Quad(node, NamedNode(CI + name), term, DefaultGraph())

    add = (
        Quad(value, TYPE, NamedNode(f"{CI}CrmFieldValue"), DefaultGraph()),
        say(value, "dataSubject", person),
        say(value, "ofCrmRecord", record),
        say(value, "fieldName", Literal("phone")),
        say(value, "fieldProperty", Literal(phone.value)),
        say(value, "fieldValue", Literal("+49 30 23125 999")),
        say(value, "takenOver", Literal(True)),
        say(value, "replacedValue", old),
        say(person, "telephone", Literal("+49 30 23125 999")),
        Quad(note, TYPE, NamedNode(f"{CI}CrmFieldValue"), DefaultGraph()),
        say(note, "dataSubject", person),
        Quad(note, NamedNode(f"{PROV}wasDerivedFrom"), value, DefaultGraph()),
    )
    had = [quad for quad in before if quad.predicate == phone and quad.subject == person]
    kg.commit(Change(add=add, remove=tuple(had)))
    decide(kg, link_of(kg).node, Verdict.REJECTED, "a namesake")
    own = graph_of(kg, TILMAN)
    assert not any(node in (value, note, record) for quad in own for node in (quad.subject,))
    assert Quad(person, phone, old, next(iter(own)).graph_name) in own
    assert mentioning(kg, "+49 30 23125 999") == {"+49 30 23125 999": []}
    assert check(kg) == []


def test_links_of_organisations_are_in_the_project(kg: KnowledgeGraph) -> None:
    propose(kg, run("organisations"), [pair("A1", SAWMILL, 9.0), pair("A2", SAWMILL, 3.0)])
    for key in ("A1", "A2"):
        node = link_iri(kg.addresses, RecordId("erp", key), SAWMILL)
        homes = {q.graph_name for q in kg.store.match([(node, None, None)])}
        project = NamedNode(kg.addresses.project("00000000-0000-4000-8000-100100000001"))
        assert {name for name in homes if kg.graphs.is_record(name)} == {project}
    assert matched(kg, SAWMILL, RecordId("erp", "A1"), ORGANISATIONS)
    assert check(kg) == []


def test_candidates_that_are_offered_no_more_go(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("77", AMBROS, 3.0), pair("78", FRAUKE, 3.0)])
    done = propose(kg, run(minutes=1), [pair("77", TILMAN, 4.5)], covered=[RecordId("erp", "78")])
    assert (done.changed, done.withdrawn) == (1, 2)
    assert float(link_of(kg).weight or 0) == 4.5
    withdrawn = ((AMBROS, "77"), (FRAUKE, "78"))
    nodes = [link_iri(kg.addresses, RecordId("erp", key), customer).value for customer, key in withdrawn]
    for node, said in mentioning(kg, *nodes).items():
        assert [quad for quad in said if kg.graphs.is_record(quad.graph_name)] == [], node
    for customer, _ in withdrawn:
        assert kg.store.has_graph(NamedNode(kg.addresses.subject(kg.addresses.key(customer))))


def test_candidates_of_a_record_that_its_source_has_deleted_go_with_its_values(kg: KnowledgeGraph) -> None:
    other, third = RecordId("erp", "78"), RecordId("erp", "79")
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 9.0), pair("79", FRAUKE, 9.0)])
    undone = link_of(kg, AMBROS, other).node
    decide(kg, undone, Verdict.UNDONE, "not sure")
    done = propose(kg, run(minutes=2), [], gone=[RECORD, other, third])
    assert (done.withdrawn, done.refused) == (1, [])
    assert link_records.of_records(kg, [RECORD])[RECORD] == []
    # What somebody decided stays, and so does an accepted link; what was compared of an open one goes.
    kept = link_records.one(kg, undone)
    assert kept.standing.state is State.CANDIDATE
    assert {one.record for one in kept.comparisons} == {""}
    assert link_of(kg, FRAUKE, third).standing.state is State.ACCEPTED
    assert mentioning(kg, "77@firma.example", "78@firma.example") == {
        "77@firma.example": [],
        "78@firma.example": [],
    }
    head = kg.head
    propose(kg, run(minutes=4), [], gone=[RECORD, other, third])
    assert kg.head == head


def test_links_of_a_person_and_an_organisation_with_one_key_leave_each_other_alone(
    kg: KnowledgeGraph,
) -> None:
    propose(kg, run("organisations"), [pair("77", SAWMILL, 4.0)])
    done = propose(kg, run(minutes=2), [pair("77", TILMAN, 4.0)])
    assert (done.candidates, done.withdrawn, done.pinned) == (1, 0, 0)
    assert propose(kg, run(minutes=4), [], covered=[RECORD]).withdrawn == 1
    assert link_of(kg, SAWMILL).standing.state is State.CANDIDATE


def test_the_values_of_a_record_do_not_stay_with_a_rival(kg: KnowledgeGraph) -> None:
    """Once it is known whose the record is, what it says stands in the graph of nobody else."""
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("77", AMBROS, 3.0), pair("77", FRAUKE, 2.0)])
    decide(kg, link_of(kg, FRAUKE).node, Verdict.ACCEPTED, "she")
    decide(kg, link_of(kg, FRAUKE).node, Verdict.UNDONE, "no")
    propose(kg, run(minutes=1), [pair("77", TILMAN, 4.0), pair("77", AMBROS, 3.0), pair("77", FRAUKE, 2.0)])
    decide(kg, link_of(kg).node, Verdict.ACCEPTED, "him")
    with pytest.raises(NotFound):
        link_of(kg, AMBROS)
    assert {one.record for one in link_of(kg, FRAUKE).comparisons} == {""}
    assert len(link_of(kg, FRAUKE).decisions) == 2


def test_matching_is_a_purpose(kg: KnowledgeGraph, clock: Clock, guard: Guard) -> None:
    rows = {str(row["key"]): row for row in customers(kg, "persons")}
    assert {TILMAN, AMBROS, FRAUKE} <= rows.keys()
    assert ROSALINDE not in rows  # has agreed to research, not to this
    assert set(rows[TILMAN]) == set(CANONICAL["persons"])
    assert (rows[TILMAN]["city"], rows[TILMAN]["postal_code"]) == ("Moosgrund", "98527")
    assert rows[TILMAN]["email"] == ["tilman.kantwerk@fensterbau-lichtkant.example"]
    companies = {str(row["key"]): row for row in customers(kg, "organisations")}
    assert len(companies) == 36
    assert set(companies[SAWMILL]) == set(CANONICAL["organisations"])
    assert companies[SAWMILL]["name"] == "Sägewerk Tannhof GmbH"
    done = propose(kg, run(), [pair("1", ROSALINDE, 20.0), pair("77", TILMAN, 3.0)])
    assert (done.unusable, done.candidates) == (1, 1)
    consent = next(
        row[0]
        for row in kg.select(
            f"SELECT ?c {{ ?c a <{CI}ConsentRecord> ; <{CI}dataSubject> <{TILMAN}> ; "
            f"<{CI}forPurpose> <{DPV}CustomerRelationshipManagement> }}"
        ).rows
    )
    assert isinstance(consent, NamedNode)
    withdraw(kg, consent.value.rpartition("/")[2], {"method": "telephone"})
    assert usable(kg, "persons", [TILMAN, AMBROS]) == {AMBROS}
    with pytest.raises(Conflict, match="may not be used for matching"):
        decide(kg, link_of(kg).node, Verdict.ACCEPTED, "him")
    with kg.store.copy() as store:
        other = KnowledgeGraph.open(Settings(matching_purpose="everything"), store, clock)
        assert ROSALINDE in {row["key"] for row in customers(other, "persons")}
        other.settings = replace(other.settings, matching_purpose="dpv:Marketing")
        with pytest.raises(BadParameter, match="not among the active purposes"):
            usable(other, "persons", [TILMAN])
        other.close()


def test_what_was_compared_is_in_no_view_of_a_purpose(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 9.0, name="AMBROS SECRET")])
    for purpose in kg.settings.active_purposes:
        view = kg.reader(purpose)
        assert not view.ask(f"ASK {{ {{ ?x a <{CI}FieldComparison> }} UNION {{ ?x <{CI}recordValue> ?y }} }}")
        assert not view.ask('ASK { ?x ?p "AMBROS SECRET" }')
    research = kg.reader(f"{DPV}ResearchAndDevelopment")
    crm = kg.reader(f"{DPV}CustomerRelationshipManagement")
    # The link follows the consent of its person: this one has agreed to the one purpose only.
    link = link_iri(kg.addresses, RECORD, TILMAN).value
    assert crm.ask(f"ASK {{ <{link}> a <{CI}CrmLink> }}")
    assert not research.ask(f"ASK {{ <{link}> ?p ?o }}") or TILMAN in {
        row[0].value  # type: ignore[union-attr]
        for row in research.select(f"SELECT ?x {{ ?x a <{CI}Person> }}").rows
    }
    assert check(kg) == []


def test_an_undecided_record_is_not_told_to_the_person(kg: KnowledgeGraph) -> None:
    """The values may be those of somebody else (Art. 15(4) GDPR)."""
    propose(kg, run(), [pair("77", TILMAN, 4.0, name="SOMEBODY ELSE")])
    key = kg.addresses.key(TILMAN)
    told = str(subject_data.access(kg, key))
    assert "SOMEBODY ELSE" not in told
    assert "77@firma.example" not in told
    assert link_of(kg).node in told
    assert "SOMEBODY ELSE" not in str(subject_data.taken_along(kg, key))


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A DuckDB file with the canonical tables and rows of two persons."""
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as db:
        for name, columns in CANONICAL.items():
            db.execute(f"CREATE TABLE {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
        for key, name in (("77", "Tilman Kantwerk-Duck"), ("78", "Somebody Else-Duck")):
            db.execute("INSERT INTO persons (source, key, full_name) VALUES ('erp', ?, ?)", [key, name])
            db.execute(
                "INSERT INTO tickets (source, key, person_key, text) VALUES ('erp', ?, ?, ?)",
                [f"t{key}", key, f"ticket of {name}"],
            )
        db.execute("INSERT INTO persons (source, key, full_name) VALUES ('other', '77', 'Third Person-Duck')")
    return path


@pytest.mark.slow
def test_an_erasure_leaves_no_link_record_value_or_pseudonym(kg: KnowledgeGraph, tables: Path) -> None:
    kg.forgetters.append(CanonicalTables(tables))
    rejected = [pair("77", AMBROS, 3.0)]
    propose(kg, run(), [pair("77", TILMAN, 4.0), *rejected, pair("79", TILMAN, 2.0)])
    decide(kg, link_of(kg, AMBROS).node, Verdict.REJECTED, "not him")
    decide(kg, link_of(kg).node, Verdict.ACCEPTED, "him")
    nodes = [
        link_iri(kg.addresses, RECORD, TILMAN).value,
        link_iri(kg.addresses, RECORD, AMBROS).value,
        link_iri(kg.addresses, RecordId("erp", "79"), TILMAN).value,
        record_iri(kg.addresses, PERSONS, RECORD).value,
    ]
    assert all(mentioning(kg, *nodes).values())
    done = erasing.erase(kg, kg.addresses.key(TILMAN), {"otherBasis": "erase"})
    assert done.linked == [RECORD]
    assert done.rows == 2
    for text, left in mentioning(
        kg, *nodes, "Tilman Kantwerk", "TILMAN KANTWERK", "77@firma.example"
    ).items():
        assert left == [], text
    assert link_reports.report(kg, {"source": "erp"})["links"] == []
    with duckdb.connect(tables, read_only=True) as db:
        assert db.execute("SELECT source, key FROM persons ORDER BY ALL").fetchall() == [
            ("erp", "78"),
            ("other", "77"),
        ]
        assert db.execute("SELECT key FROM tickets").fetchall() == [("t78",)]
    content = b"".join(path.read_bytes() for path in tables.parent.iterdir())
    assert b"Tilman Kantwerk-Duck" not in content
    assert b"Somebody Else-Duck" in content
    assert check(kg) == []


def test_an_erasure_tells_of_records_on_which_nobody_has_decided(kg: KnowledgeGraph, tables: Path) -> None:
    kg.forgetters.append(CanonicalTables(tables))
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", TILMAN, 2.0), pair("79", TILMAN, 2.0)])
    propose(kg, run(minutes=1), [pair("80", FRAUKE, 2.0)])
    decide(kg, link_of(kg, record=RecordId("erp", "79")).node, Verdict.REJECTED, "not him")
    decide(kg, link_of(kg).node, Verdict.ACCEPTED, "him")
    done = erasing.erase(kg, kg.addresses.key(TILMAN), {"otherBasis": "erase"})
    assert done.linked == [RECORD]
    told = done.to_json()
    assert [
        (one["source"], one["key"], round(one["probability"], 2)) for one in told["candidateRecords"]
    ] == [("erp", "78", 0.8)]
    # It may be somebody else's: it stays, for somebody to decide.
    with duckdb.connect(tables, read_only=True) as db:
        assert db.execute("SELECT key FROM persons WHERE source = 'erp'").fetchall() == [("78",)]
    assert link_reports.report(kg, {"customer": TILMAN})["links"] == []


def test_forgetting_where_there_is_nothing(tmp_path: Path) -> None:
    assert CanonicalTables(tmp_path / "none.duckdb").forget([RECORD]) == 0
    path = tmp_path / "empty.duckdb"
    duckdb.connect(path).close()
    assert CanonicalTables(path).forget([RECORD]) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["empty.duckdb"]


def test_lists_filters_and_counts(kg: KnowledgeGraph) -> None:
    propose(kg, run(), [pair("77", TILMAN, 4.0), pair("78", AMBROS, 9.0), pair("79", FRAUKE, 1.0)])
    found = link_reports.report(kg, {"source": "erp"})
    assert found["total"] == 3
    chances = [link["probability"] for link in found["links"]]
    assert chances == sorted(chances, reverse=True)
    assert found["links"][0]["customerName"] == "Ambros Mostinger"
    waiting = link_reports.report(kg, {"state": "candidate", "source": "erp", "limit": "1"})
    assert (waiting["total"], len(waiting["links"])) == (2, 1)
    assert link_reports.report(kg, {"customer": TILMAN, "kind": "persons"})["total"] == 1
    assert link_reports.report(kg, {"kind": "organisations", "state": "accepted"})["total"] == 3
    counts = link_reports.tally(kg)
    assert counts["sources"]["erp"] == {"candidate": 2, "accepted": 1, "rejected": 0}
    assert counts["decisions"] == {"AcceptedByPerson": 2, "AcceptedByRule": 7, "RejectedByPerson": 1}
    for wrong in ({"state": "x"}, {"kind": "x"}, {"limit": "0"}, {"customer": "a b:c"}, {"source": "\ud800"}):
        with pytest.raises(BadParameter):
            link_reports.report(kg, wrong)


def test_organisations_are_offered_with_what_identifies_them(demo_kg: KnowledgeGraph) -> None:
    offered = {row["key"]: row for row in customers(demo_kg, "organisations")}
    assert len(offered) == 36
    sawmill = offered[SAWMILL]
    assert (sawmill["name"], sawmill["vat_id"]) == ("Sägewerk Tannhof GmbH", "DE309478989")
    assert (sawmill["street"], sawmill["postal_code"], sawmill["city"]) == (
        "Am Kanal 7",
        "89150",
        "Tannhofen",
    )
    assert (sawmill["phone"], sawmill["website"]) == (["+49 30 23125 101"], "www.saegewerk-tannhof.example")


def test_a_person_and_an_organisation_with_the_same_key_are_two_records(kg: KnowledgeGraph) -> None:
    """Pipedrive and others count persons and organisations each from 1."""
    propose(kg, run(), [pair("1", TILMAN, 9.0), pair("2", AMBROS, 4.0)])
    done = propose(kg, run(ORGANISATIONS), [pair("1", SAWMILL, 9.0), pair("2", SAWMILL, 4.0)])
    assert (done.accepted, done.candidates, done.refused) == (1, 1, [])
    first, second = RecordId("erp", "1"), RecordId("erp", "2")
    person, account = link_of(kg, TILMAN, first), link_of(kg, SAWMILL, first)
    assert person.record != account.record
    for link, own, other in (
        (person, f"{CI}CrmContact", f"{CI}CrmAccount"),
        (account, f"{CI}CrmAccount", f"{CI}CrmContact"),
    ):
        assert kg.ask(f"ASK {{ <{link.record}> a <{own}> }}")
        assert not kg.ask(f"ASK {{ <{link.record}> a <{other}> }}")
    # Nothing of one record follows from a decision on the other.
    decide(kg, link_of(kg, AMBROS, second).node, Verdict.ACCEPTED, "asked him")
    decide(kg, link_of(kg, SAWMILL, second).node, Verdict.ACCEPTED, "asked them")
    decide(kg, account.node, Verdict.REJECTED, "another one")
    assert matched(kg, TILMAN, first)
    assert matched(kg, AMBROS, second)
    assert link_of(kg, SAWMILL, second).standing.state is State.ACCEPTED
    assert check(kg) == []
