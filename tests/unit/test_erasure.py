"""Erasure proved: the files of the store hold no literal of the person, and no backup brings them back."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, RdfFormat, Triple, parse

from kgservice.application.care import check
from kgservice.application.changes.replica import Budget
from kgservice.application.graph.erased import Begun, Erased, list_of
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.lawful_facts import read_subject
from kgservice.application.law import erasing, requests, subjects, tickets
from kgservice.application.stewards import quarantine
from kgservice.application.stewards.settling import Refusal, settle
from kgservice.application.views import building
from kgservice.cli.local import forgotten
from kgservice.domain.change import Change, Origin
from kgservice.domain.clock import Clock
from kgservice.domain.consent import Act
from kgservice.domain.decision import standing
from kgservice.domain.matching import RecordId
from kgservice.domain.model import TYPE
from kgservice.domain.rights import Outcome
from kgservice.errors import BadInput, Conflict, NotFound, Reserved, Returning, StoreFailed
from kgservice.namespaces import CI, DPV, XSD
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from kgservice.store.formats import N_QUADS
from kgservice.store.rewriting import recover, rewrite
from tests.unpacked import files_with

IDS = "https://kg.example/id/"
PERSON = "00000000-0000-4000-8000-100700000005"
ON_CONTRACT = "00000000-0000-4000-8000-100700000015"
EMAIL = "walburga.friesinger@metallbau-rotensteig.example"
SCRATCH = NamedNode("https://kg.example/mine")
NOTE = "Frau Friesinger bat um Rückruf"


def words(kg: KnowledgeGraph, key: str) -> set[str]:
    """The texts in the graph of a person that no other record states."""
    own = subjects.quads_of(kg, NamedNode(IDS + key))
    graphs = {quad.graph_name for quad in own}
    texts = {quad.object for quad in own if isinstance(quad.object, Literal)}
    shared = {
        quad.object
        for quad in kg.store.match((None, None, text) for text in texts)
        if quad.graph_name not in graphs and kg.graphs.is_record(quad.graph_name)
    }
    return {t.value for t in texts - shared if len(t.value) > 7 and t.datatype.value.endswith("ring")}


@pytest.fixture
def on_disk(prepared: Path, tmp_path: Path) -> Path:
    """A copy of what is `prepared`, in a directory of its own."""
    return Path(shutil.copytree(prepared.parent, tmp_path / "graph"), "store")


@pytest.fixture(scope="module")
def prepared(demo_kg: KnowledgeGraph, tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Path:
    """The demonstration graph in a directory, with the person in quarantine, provenance and scratch, too."""
    path = tmp_path_factory.mktemp("prepared") / "store"
    demo_kg.store.backup(path)
    kg = opened(path, clock)
    person = NamedNode(IDS + PERSON)
    source = quarantine.Source("contacts.csv", 7, "7;FRIESINGER;Walburga;Rotensteig")
    row = Triple(NamedNode(f"{IDS}x"), NamedNode(f"{CI}personName"), Literal("W. Friesinger"))
    other = quarantine.Source("contacts.csv", 8, "8;Somebody;Else")
    about = Triple(NamedNode(f"{IDS}y"), NamedNode(f"{CI}age"), Literal("old"))
    quarantine.hold(kg, [({row}, source, Refusal("R50")), ({about}, other, Refusal("R50"))], Origin())
    mine = (
        Quad(NamedNode("urn:x"), NamedNode("urn:met"), person, SCRATCH),
        Quad(NamedNode("urn:x"), NamedNode("urn:name"), Literal("Walburga Friesinger"), SCRATCH),
        Quad(
            NamedNode("urn:x"),
            NamedNode("urn:called"),
            Literal("Walburga Friesinger", language="en"),
            SCRATCH,
        ),
        Quad(NamedNode("urn:x"), NamedNode("urn:mail"), NamedNode(f"mailto:{EMAIL}"), SCRATCH),
        Quad(NamedNode("urn:x"), NamedNode("urn:says"), Literal("hello"), SCRATCH),
    )
    kg.commit(Change(add=mine, origin=Origin("local", "call of walburga  friesinger", "friesinger.csv")))
    kg.close()
    return path


def opened(path: Path, clock: Clock) -> KnowledgeGraph:
    """The graph in a directory, as the commands open it."""
    recover(path)
    kg = KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), clock, guarded=False)
    kg.erased = Erased.beside(path)
    erasing.again(kg)
    return kg


def named_after(kg: KnowledgeGraph) -> str:
    """The IRI of the source whose name holds the last name of the person alone, as others may be called."""
    label = NamedNode("http://www.w3.org/2000/01/rdf-schema#label")
    said = kg.store.match([(None, label, Literal("friesinger.csv"))], NamedNode(kg.addresses.provenance))
    (source,) = {quad.subject for quad in said}
    assert isinstance(source, NamedNode)
    return source.value


@pytest.mark.slow
def test_no_file_holds_a_literal_of_the_person(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    texts = words(kg, PERSON)
    assert {"Walburga Friesinger", "+49 30 23125 005"} <= texts
    assert len(texts) > 8
    journal = on_disk.with_name("store.validation")
    journal.write_text("Walburga Friesinger", encoding="utf-8")
    kg.store.optimize()  # into the levels that are packed
    assert set().union(*files_with(on_disk, texts).values()) == texts  # the scan sees what is there
    with pytest.raises(BadInput, match=r"must be one of keep, erase$"):
        erasing.erase(kg, PERSON, {"otherBasis": "maybe"})
    done = erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    assert (done.quarantine, done.elsewhere) == (1, [named_after(kg)])
    assert check.check(kg) == []
    assert len(quarantine.listed(kg)) == 1
    assert [q.object for q in kg.planner().quads(SCRATCH)] == [Literal("hello")]
    kg.store.optimize()
    kg.close()
    # That is why the store has to be written anew: the texts outlive what is said with them.
    assert len(set().union(*files_with(on_disk, texts).values())) > 8
    assert Erased.beside(on_disk).waiting == 1
    rewrite(on_disk)
    assert files_with(on_disk.parent, texts | {"FRIESINGER", "walburga  friesinger"}) == {}
    assert not journal.exists()
    kg = opened(on_disk, clock)
    assert check.check(kg) == []
    with pytest.raises(NotFound, match="was erased at 2026-11-20T12:00:00Z"):
        subjects.one(kg, PERSON)
    kg.close()


@pytest.mark.slow
def test_nothing_left_leads_to_the_iri_that_the_person_had(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    assert list(kg.store.match([(NamedNode(IDS + PERSON), None, None)]))
    done = erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    assert [line for line in dumped(kg) if PERSON.encode() in line] == []
    # What is left is held together by a tombstone with a new name.
    ticket = tickets.one(kg, done.ticket)
    stone = NamedNode(ticket.tombstone)
    assert (NamedNode(f"{CI}Tombstone")) in {quad.object for quad in kg.store.match([(stone, None, None)])}
    assert check.check(kg) == []
    kg.close()
    rewrite(on_disk)
    assert files_with(on_disk.parent, {PERSON}) == {}
    kg = opened(on_disk, clock)
    with pytest.raises(NotFound, match="was erased at 2026-11-20T12:00:00Z"):
        subjects.one(kg, PERSON)
    kg.close()


def test_who_was_erased_does_not_come_back_under_the_same_iri(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    person, other = NamedNode(IDS + PERSON), NamedNode(IDS + ON_CONTRACT)
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    erasing.erase(kg, ON_CONTRACT, {"otherBasis": "keep"})
    kg.close()
    kg = opened(on_disk, clock)
    note, ticket = NamedNode(f"{IDS}note"), NamedNode(f"{IDS}letter")
    again = Quad(person, TYPE, NamedNode(f"{CI}PrivateCustomer"), DefaultGraph())
    link = Quad(note, NamedNode(f"{CI}evidenceFrom"), person, NamedNode(kg.addresses.project("common")))
    for quad in (again, link):
        with pytest.raises(Returning) as told:
            kg.commit(Change(add=(quad,)))
        assert told.value.nodes == {person.value}
        with pytest.raises(Returning):
            kg.preview(Change(add=(quad,)))
    row, said = Triple(person, TYPE, again.object), Triple(ticket, TYPE, NamedNode(f"{CI}Persona"))
    parts = [Piece({row}), Piece({said})]
    commit, held = settle(kg, parts, lambda rest: Change(add=tuple(q for p in rest for q in p.quads)))
    assert commit is not None
    assert [(part, "was erased" in why.reason) for part, why in held] == [(parts[0], True)]
    # Of whom records are kept more may be said.
    kg.commit(Change(add=(Quad(other, NamedNode(f"{CI}personName"), Literal("L. T."), DefaultGraph()),)))
    kg.close()


def test_a_list_of_an_older_release_names_nobody_any_more(on_disk: Path, clock: Clock) -> None:
    list_of(on_disk).write_text(
        f'{{"begun": "{ON_CONTRACT}"}}\n{{"erased": "{PERSON}", "at": "2026-11-20T11:00:00Z"}}\n{{"purged": 1}}\n',
        encoding="utf-8",
    )
    kg = opened(on_disk, clock)
    with pytest.raises(NotFound, match="was erased at"):
        subjects.one(kg, PERSON)
    told = list_of(on_disk).read_text("utf-8")
    assert PERSON not in told
    assert ON_CONTRACT not in told
    assert kg.erased.waiting == 1
    kg.close()


@dataclass(frozen=True)
class Piece:
    """What comes in as a whole."""

    triples: set[Triple]
    own: frozenset[NamedNode] = frozenset()

    @property
    def quads(self) -> list[Quad]:
        return [Quad(t.subject, t.predicate, t.object, DefaultGraph()) for t in self.triples]


def test_what_came_in_before_it_was_mended_is_found(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    said = Triple(NamedNode(f"{IDS}z"), NamedNode(f"{CI}note"), Literal('Called "Walburga\nFriesinger"'))
    led = Triple(NamedNode(f"{IDS}z"), NamedNode(f"{CI}aboutPerson"), NamedNode(IDS + PERSON))
    source = quarantine.Source("mended.csv")
    entries = quarantine.hold(
        kg, [({said}, source, Refusal("R50")), ({led}, source, Refusal("R50"))], Origin()
    )
    for entry in entries:
        quarantine.mend(kg, entry.key, [Triple(said.subject, said.predicate, Literal("Called"))])
        assert entry.key in {waiting.key for waiting in quarantine.listed(kg)}
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    assert {entry.key for entry in entries}.isdisjoint(entry.key for entry in quarantine.listed(kg))
    kg.close()


def test_scratch_graphs_and_quarantine_are_searched_alike(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    gone, told, kept = "gone", "told", "kept"
    texts = {
        "W. Friesinger asked for a call": gone,
        f"See {IDS}{PERSON}": gone,
        f"See record {PERSON.upper()}": gone,
        f"Write to {EMAIL}.": gone,
        "Frau Friesinger asked for a call": told,  # others may be called so
        "Walburga asked for a call": kept,
    }
    places: dict[str, tuple[NamedNode, NamedNode]] = {}
    for line, text in enumerate(texts):
        said = Triple(NamedNode("urn:x"), NamedNode("urn:says"), Literal(text))
        notes = NamedNode(f"https://kg.example/notes/{line}")
        kg.commit(Change(add=(Quad(said.subject, said.predicate, said.object, notes),)))
        source = quarantine.Source("calls.csv", line)
        (entry,) = quarantine.hold(kg, [({said}, source, Refusal("R50"))], Origin())
        places[text] = notes, NamedNode(kg.addresses.quarantine(entry.key))
    done = erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    for text, (notes, held) in places.items():
        assert kg.store.has_graph(held) is (texts[text] != gone), text
        assert bool(kg.planner().quads(notes)) is (texts[text] != gone), text
        assert {notes.value, held.value} <= set(done.elsewhere) if texts[text] == told else True, text
    assert len(done.elsewhere) == 3
    assert named_after(kg) in done.elsewhere
    assert check.check(kg) == []
    kg.close()


def test_findings_and_texts_of_commits_with_the_last_name_alone_are_named(
    on_disk: Path, clock: Clock
) -> None:
    kg = opened(on_disk, clock)
    message = NamedNode("http://www.w3.org/ns/shacl#resultMessage")
    finding = NamedNode(kg.addresses.finding)
    texts = {
        "Frau Friesinger is no number": "told",
        "Friesinger, Dr. Walburga is no number": "gone",
        "+49-30-23125-005 is no number": "gone",
        "Walburga is no number": "kept",
    }
    said = {NamedNode(f"{IDS}finding-{n}"): text for n, text in enumerate(texts)}
    found = tuple(Quad(node, message, Literal(text), finding) for node, text in said.items())
    kg.commit(Change(add=found, trusted=True))
    reasons = {text: kg.commit(_note(n, Origin("local", text))) for n, text in enumerate(texts)}
    commits = {
        text: quad.subject.value
        for text in reasons
        for quad in kg.store.match([(None, None, Literal(text))], NamedNode(kg.addresses.provenance))
        if isinstance(quad.subject, NamedNode)
    }
    done = erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    for node, text in said.items():
        left = bool(list(kg.store.match([(node, None, None)], finding)))
        assert left is (texts[text] != "gone"), text
    for text, commit in commits.items():
        left = bool(list(kg.store.match([(NamedNode(commit), None, Literal(text))])))
        assert left is (texts[text] != "gone"), text
    (told,) = (text for text, what in texts.items() if what == "told")
    assert set(done.elsewhere) == {
        *(named_after(kg), commits[told]),
        *(node.value for node, text in said.items() if text == told),
    }
    kg.close()


def _note(number: int, origin: Origin) -> Change:
    said = Quad(NamedNode("urn:x"), NamedNode("urn:n"), Literal(str(number)), SCRATCH)
    return Change(add=(said,), origin=origin)


def test_other_persons_with_the_same_address_are_named(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    a, b, c, d = (f"00000000-0000-4000-8000-1007000000{n}" for n in (15, 16, 18, 19))
    (postal,) = {
        quad.object
        for quad in subjects.quads_of(kg, NamedNode(IDS + PERSON))
        if quad.predicate == NamedNode(f"{CI}postalAddress")
    }
    assert isinstance(postal, Literal)
    said = [
        (a, "emailAddress", Literal(EMAIL)),
        (b, "telephone", Literal("+49 30 23125 005")),
        (c, "postalAddress", postal),  # who works there, too
        (d, "postalAddress", postal),
        (d, "personName", Literal("Walburga Friesinger")),
    ]
    quads = [
        Quad(NamedNode(IDS + key), NamedNode(CI + name), value, NamedNode(kg.addresses.subject(key)))
        for key, name, value in said
    ]
    kg.commit(Change(add=tuple(quads)))
    done = erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    assert done.to_json()["otherPersons"] == [IDS + key for key in (a, b, d)]
    for key in (a, b, c, d):
        assert subjects.one(kg, key) == NamedNode(IDS + key)
    kg.close()


def test_what_is_left_names_nobody(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    quads = subjects.quads_of(kg, NamedNode(IDS + PERSON))
    nodes = subjects.nodes_of(kg, NamedNode(IDS + PERSON), quads)
    done = erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    left = {
        node.value
        for node in nodes
        for quad in kg.store.match([(node, None, None), (None, None, node)])
        if not quad.predicate.value.endswith("#influenced")
    }
    ticket = tickets.one(kg, done.ticket)
    assert (ticket.subject, ticket.is_open) == ("", False)
    classes = kg.select(
        f"SELECT ?c {{ VALUES ?s {{ {' '.join(f'<{iri}>' for iri in left)} }} ?s a ?c "
        f"FILTER(STRSTARTS(STR(?c), '{CI}')) }}"
    ).rows
    assert {row[0].value.removeprefix(CI) for row in classes if isinstance(row[0], NamedNode)} == {
        *("RightsRequest", "ConsentRecord", "ConsentEvent"),
        *("ConsentRequested", "ConsentGiven", "ConsentWithdrawn"),
    }
    kg.close()


@pytest.mark.slow
def test_what_is_left_is_proof_and_in_no_view_of_a_purpose(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    texts = words(kg, PERSON)
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    linked = kg.store.match([(None, NamedNode(f"{CI}hasTombstone"), None)])
    left = {node for quad in linked for node in (quad.subject, quad.object) if isinstance(node, NamedNode)}
    events = [(None, NamedNode(f"{CI}eventOf"), node) for node in left]
    left |= {quad.subject for quad in kg.store.match(events) if isinstance(quad.subject, NamedNode)}
    said = [quad for node in left for quad in kg.store.match([(node, None, None), (None, None, node)])]
    # What is kept can be shown (Art. 7(1)): kinds, purposes and times.
    kept = {quad.predicate.value.removeprefix(CI) for quad in said}
    assert {"forPurpose", "forCategory", "notice", "controller", "eventTime", "answeredAt"} <= kept
    # It names nobody, and is used for nothing else.
    assert not {quad.object.value for quad in said if isinstance(quad.object, Literal)} & texts
    views = {kg.addresses.view(purpose) for purpose in kg.settings.active_purposes}
    assert views
    assert not {quad.graph_name.value for quad in said if isinstance(quad.graph_name, NamedNode)} & views
    # Nor when the views are built anew.
    building.rebuild_purposes(kg)
    shown = [quad for node in left for quad in kg.store.match([(node, None, None), (None, None, node)])]
    assert set(shown) == set(said)
    assert check.check(kg) == []
    kg.close()


@pytest.mark.slow
def test_a_backup_does_not_bring_the_person_back(on_disk: Path, clock: Clock, tmp_path: Path) -> None:
    kg = opened(on_disk, clock)
    texts = words(kg, PERSON)
    kg.store.backup(tmp_path / "backup")
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    kg.close()
    rewrite(on_disk)
    Erased.beside(on_disk).are_purged(1)
    shutil.rmtree(on_disk)
    shutil.move(tmp_path / "backup", on_disk)
    kg = opened(on_disk, clock)
    with pytest.raises(NotFound, match="was erased"):
        subjects.one(kg, PERSON)
    assert check.check(kg) == []
    assert [line.person for line in kg.erased.persons] == [kg.erased.mark(PERSON)] * 2
    assert kg.erased.waiting == 1
    head = kg.head
    kg.close()
    rewrite(on_disk)
    assert files_with(on_disk.parent, texts) == {}
    kg = opened(on_disk, clock)
    assert kg.head == head
    kg.close()


@pytest.mark.slow
def test_a_person_who_is_loaded_beside_the_tombstone_goes_again(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    dump = on_disk.with_name("dump.nq")
    with dump.open("wb") as out:
        kg.store.dump(out, N_QUADS)
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    kg.store.load(dump, N_QUADS)
    kg.close()
    kg = opened(on_disk, clock)
    assert subjects.find(kg, {"email": "walburga.friesinger@metallbau-rotensteig.example"})["matches"] == []
    kg.close()


def test_records_on_another_basis_stay_only_if_somebody_says_so(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    head = kg.head
    with pytest.raises(Conflict, match="2 records of the person have a legal basis other than consent"):
        erasing.erase(kg, ON_CONTRACT, {})
    assert (kg.head, kg.erased.waiting) == (head, 0)
    kg.store.backup(on_disk.with_name("backup"))
    done = erasing.erase(kg, ON_CONTRACT, {"otherBasis": "keep"})
    assert len(done.kept) == 2
    person = NamedNode(IDS + ON_CONTRACT)
    said = {q.predicate.value.removeprefix(CI) for q in kg.store.match([(person, None, None)])}
    assert "personName" in said
    assert not said & {"emailAddress", "telephone"}
    ticket = tickets.one(kg, done.ticket)
    assert (ticket.subject, ticket.reason) == (person.value, "2 records are kept on another legal basis")
    assert check.check(kg) == []
    kg.close()


def test_a_flawed_consent_does_not_outlive_the_erasure_of_the_rest(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    person, scope = (
        NamedNode(IDS + ON_CONTRACT),
        "ci:forCategory ci:BehaviouralData ; ci:forPurpose dpv:Marketing",
    )
    until = 'ci:expiresAt "2029-01-01T00:00:00Z"^^xsd:dateTime'
    events = {
        "ahead": ("2027-02-01T00:00:00Z",),
        "flawed": ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00"),
        "over": ("2020-01-01T00:00:00Z",),
    }
    said = ""
    for name, times in events.items():
        end = until if name != "over" else until.replace("2029", "2021")
        said += f"id:{name} a ci:ConsentRecord ; ci:dataSubject {person} ; {scope} ; {end} . "
        for n, time in enumerate(times):
            said += f"id:{name}-{n} a ci:ConsentGiven ; ci:eventOf id:{name} ; "
            said += f'ci:eventTime "{time}"^^xsd:dateTime . '
    prefixes = f"PREFIX ci: <{CI}> PREFIX dpv: <{DPV}> PREFIX id: <{IDS}> PREFIX xsd: <{XSD}> "
    parsed = parse(prefixes + said, format=RdfFormat.TURTLE)
    kg.commit(Change(add=tuple(Quad(q.subject, q.predicate, q.object, DefaultGraph()) for q in parsed)))
    erasing.erase(kg, ON_CONTRACT, {"otherBasis": "keep"})
    left = {consent.iri.removeprefix(IDS): consent for consent in read_subject(kg, person)[0].consents}
    no = {name: sorted(e.time for e in one.events if e.act is Act.WITHDRAWN) for name, one in left.items()}
    now, then = clock(), datetime.fromisoformat("2027-02-01T00:00:00Z")
    assert {name: no[name] for name in events} == {"ahead": [now, then], "flawed": [now], "over": []}
    for consent in left.values():
        for at in (now, then, then + timedelta(days=30)):
            assert not standing(replace(consent, flawed=False), at).holds
    kg.close()


def test_a_partial_erasure_is_done_again_in_a_backup(on_disk: Path, clock: Clock) -> None:
    def later() -> datetime:
        return clock() + timedelta(hours=1)

    kg = opened(on_disk, clock)
    backup = on_disk.with_name("backup")
    kg.store.backup(backup)
    kg.close()
    kg = opened(on_disk, later)
    kept = erasing.erase(kg, ON_CONTRACT, {"otherBasis": "keep"}).kept
    left = set(subjects.quads_of(kg, NamedNode(IDS + ON_CONTRACT)))
    gone = words(kg, ON_CONTRACT)
    kg.close()
    shutil.rmtree(on_disk)
    shutil.move(backup, on_disk)
    kg = KnowledgeGraph.open(Settings(store=on_disk), OxigraphStore(on_disk), later, guarded=False)
    kg.erased = Erased.beside(on_disk)
    before = words(kg, ON_CONTRACT)
    assert before - gone == {"liselotte.tannwald@pharmaverpackung-weissdorn.example"}
    assert erasing.again(kg) == 1
    assert words(kg, ON_CONTRACT) <= gone  # the ticket, which is younger than the backup, does not come back
    person = NamedNode(IDS + ON_CONTRACT)
    again = set(subjects.quads_of(kg, person))
    assert {q.predicate for q in again if q.subject == person} == {
        q.predicate for q in left if q.subject == person
    }
    assert {q.subject.value for q in again if isinstance(q.subject, NamedNode)} >= kept.keys()
    assert kg.erased.waiting == 2  # the files of the backup hold the texts again
    assert check.check(kg) == []
    assert erasing.again(kg) == 0
    kg.close()


def broken_off(store: Path, lines: int = 1) -> None:
    """Take the last lines of the list away: the process ended before it wrote them."""
    path = list_of(store)
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:-lines]), encoding="utf-8")


def test_a_partial_erasure_whose_end_was_not_noted_is_known(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    done = erasing.erase(kg, ON_CONTRACT, {"otherBasis": "keep"})
    left, head = set(subjects.quads_of(kg, NamedNode(IDS + ON_CONTRACT))), kg.head
    line = kg.erased.persons[-1]
    kg.close()
    broken_off(on_disk)
    assert Erased.beside(on_disk).waiting == 0
    kg = opened(on_disk, clock)  # the graph has it: only the list gets its line
    assert kg.erased.persons[-1] == line
    assert line.kept == tuple(done.kept)
    assert (kg.erased.waiting, kg.erased.unfinished, kg.head) == (1, [], head)
    assert set(subjects.quads_of(kg, NamedNode(IDS + ON_CONTRACT))) == left
    kg.close()
    assert Erased.beside(on_disk).unfinished == []


@pytest.mark.slow
@pytest.mark.parametrize(("key", "choice"), [(ON_CONTRACT, "keep"), (PERSON, "erase")])
def test_an_erasure_that_was_broken_off_is_finished(
    on_disk: Path, clock: Clock, key: str, choice: str
) -> None:
    """Also in a backup: whether the commit was made or not, the store that is opened does not have it."""
    kg = opened(on_disk, clock)
    backup = on_disk.with_name("backup")
    asked = requests.open_(kg, {"subject": IDS + key, "kind": "erasure"})
    kg.store.backup(backup)
    texts = words(kg, key)
    done = erasing.erase(kg, key, {"otherBasis": choice, "request": asked})
    left = texts & words(kg, key)
    kg.close()
    broken_off(on_disk)
    shutil.rmtree(on_disk)
    shutil.move(backup, on_disk)
    kg = opened(on_disk, clock)
    assert texts & words(kg, key) == left != texts
    assert [(line.person, line.kept) for line in kg.erased.persons] == [
        (kg.erased.mark(key), tuple(done.kept))
    ]
    assert (kg.erased.waiting, kg.erased.unfinished) == (1, [])
    ticket = tickets.one(kg, asked)
    assert (ticket.outcome, ticket.is_open) == (Outcome.FULFILLED, False)
    assert check.check(kg) == []
    head = kg.head
    kg.close()
    kg = opened(on_disk, clock)
    assert kg.head == head
    kg.close()
    list_of(on_disk).write_text(list_of(on_disk).read_text("utf-8").splitlines()[1] + "\n", encoding="utf-8")
    assert Erased.beside(on_disk).persons == []
    forgotten(Settings(store=on_disk))  # the files are written anew, by the line of the begin alone
    assert Erased.beside(on_disk).waiting == 0
    assert files_with(on_disk.parent, texts - left) == {}


def test_an_erasure_that_is_refused_has_not_begun(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    with pytest.raises(Reserved):
        erasing.erase(kg, ON_CONTRACT, {"otherBasis": "keep"}, Origin("steward", privacy=False))
    assert kg.erased.mark(ON_CONTRACT) in list_of(on_disk).read_text("utf-8")
    kg.close()
    kg = opened(on_disk, clock)
    assert (kg.erased.unfinished, kg.erased.waiting) == ([], 0)
    assert words(kg, ON_CONTRACT)
    kg.close()


def test_joined_lists_know_what_has_ended(tmp_path: Path) -> None:
    here, there = Erased.beside(tmp_path / "here"), Erased.beside(tmp_path / "there")
    for key in ("a", "b", "c"):
        there.begin(Begun(key, "2026-11-20T12:00:00Z", ("urn:r",), "urn:t"), [RecordId("erp", key)])
    here.begin(Begun("a", "2026-11-20T12:00:00Z", ("urn:r",), "urn:t"))
    here.add("a", "2026-11-20T12:00:00Z", ["urn:r"])
    here.begin(Begun("b", "2026-11-20T12:00:00Z", ("urn:r",), "urn:t"))
    here.refuse("b")
    here.join(there)
    again = Erased.beside(tmp_path / "here")
    assert (
        [begun.person for begun in here.unfinished] == [begun.person for begun in again.unfinished] == ["c"]
    )
    assert again.unfinished == [Begun("c", "2026-11-20T12:00:00Z", ("urn:r",), "urn:t")]
    assert [line.person for line in again.persons] == ["a"]


def test_the_list_reads_what_was_written_whole(tmp_path: Path) -> None:
    erased = Erased.beside(tmp_path / "store")
    erased.add("a", "2026-11-20T12:00:00Z")
    erased.are_purged(1)
    erased.add("b", "2026-11-20T12:00:01Z", ["urn:r"])
    path = tmp_path / "store.erased.jsonl"
    with path.open("a", encoding="utf-8") as out:
        out.write('{"erased": "c"')
    again = Erased.beside(tmp_path / "store")
    assert (again.persons, again.purged, again.waiting) == (erased.persons, 1, 1)
    again.add("d", "2026-11-20T12:00:02Z")
    assert [line.person for line in Erased.beside(tmp_path / "store").persons] == ["a", "b", "d"]
    assert (again.waiting, Erased.beside(tmp_path / "store").waiting) == (2, 2)
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("erased\n", encoding="utf-8")
    with pytest.raises(StoreFailed, match="line 1"):
        Erased.beside(tmp_path / "store")


def test_an_interrupted_rewriting_is_finished_or_undone(on_disk: Path, clock: Clock) -> None:
    beside = on_disk.parent
    (beside / ".store.rewriting").mkdir()
    (beside / ".store.rewritten").mkdir()
    (beside / ".store.unfinished").mkdir()  # of a restore
    recover(on_disk)
    assert [path.name for path in beside.glob(".store*")] == []
    on_disk.rename(beside / ".store.rewritten")
    (beside / ".store.replaced").mkdir()
    opened(on_disk, clock).close()
    assert [path.name for path in beside.glob(".store*")] == []
    on_disk.rename(beside / ".store.replaced")
    opened(on_disk, clock).close()


def test_a_store_in_use_is_not_rewritten(on_disk: Path, clock: Clock) -> None:
    kg = opened(on_disk, clock)
    with pytest.raises(StoreFailed, match="cannot be written anew"):
        rewrite(on_disk)
    assert kg.ask("ASK { ?s ?p ?o }")
    kg.close()


@pytest.mark.slow
def test_what_goes_does_not_depend_on_what_is_held_in_memory(
    on_disk: Path, tmp_path: Path, clock: Clock
) -> None:
    kg = opened(on_disk, clock)
    node = NamedNode(IDS + "x")
    record = sorted(
        subjects.nodes_of(kg, NamedNode(IDS + PERSON), subjects.quads_of(kg, NamedNode(IDS + PERSON)))
    )
    linked = Triple(node, NamedNode(f"{CI}derivedFrom"), record[0])
    source = quarantine.Source("contacts.csv", 9, "9;nobody")
    quarantine.hold(kg, [({linked}, source, Refusal("R50"))], Origin())
    kg.store.backup(tmp_path / "twin")
    twin = opened(tmp_path / "twin", clock)
    twin.copies.keep_records(OxigraphStore(), Budget(2**30)).wait()
    for view in (twin.view, *(twin.reader(purpose).view for purpose in twin.settings.active_purposes)):
        twin.copies.keep_view(view, OxigraphStore(), Budget(2**30)).wait()
    assert twin.copies.records is not twin.store
    done, same = (erasing.erase(one, PERSON, {"otherBasis": "erase"}) for one in (kg, twin))
    assert done == same
    assert done.quarantine == 2
    stone, other = (tickets.one(one, done.ticket).tombstone.encode() for one in (kg, twin))
    assert dumped(kg) == sorted(line.replace(other, stone) for line in dumped(twin))
    assert check.check(twin) == []
    for view in (twin.view, *(twin.reader(purpose).view for purpose in twin.settings.active_purposes)):
        held = twin.copies.of_view(view)
        assert held is not twin.store
        assert set(held.match([(None, None, None)], view)) == set(
            twin.store.match([(None, None, None)], view)
        )
    for one in (kg, twin):
        one.close()


def dumped(kg: KnowledgeGraph) -> list[bytes]:
    out = io.BytesIO()
    kg.store.dump(out, N_QUADS)
    return sorted(out.getvalue().splitlines())


def test_a_scratch_graph_made_after_the_first_erasure_is_searched_by_the_next(
    on_disk: Path, clock: Clock
) -> None:
    kg = opened(on_disk, clock)
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    later = NamedNode("https://kg.example/later")
    person = NamedNode(IDS + ON_CONTRACT)
    kg.commit(Change(add=(Quad(NamedNode("urn:x"), NamedNode("urn:met"), person, later),)))
    erasing.erase(kg, ON_CONTRACT, {"otherBasis": "erase"})
    assert not kg.store.has_graph(later) or kg.planner().quads(later) == []
    kg.close()


@pytest.mark.parametrize("graph", [SCRATCH, NamedNode("https://kg.example/graph/scratch")])
def test_a_class_in_a_scratch_graph_hides_no_part_of_a_person(
    graph: NamedNode, on_disk: Path, clock: Clock
) -> None:
    kg = opened(on_disk, clock)
    secret, part = Literal("zweite.adresse@rotensteig.example"), BlankNode("part")
    person = NamedNode(IDS + PERSON)
    about = ((part, "dataSubject", person), (part, "emailAddress", secret))
    kg.commit(Change(add=tuple(Quad(s, NamedNode(CI + p), o) for s, p, o in about)))
    (part,) = {q.subject for q in subjects.quads_of(kg, person) if q.object == secret}  # type: ignore[assignment]
    kg.commit(Change(add=(Quad(part, TYPE, NamedNode("urn:Mine"), graph),)))
    kg.commit(Change(add=(Quad(NamedNode("urn:n"), NamedNode("urn:mail"), secret, SCRATCH),)))
    assert part in subjects.nodes_of(kg, person, subjects.quads_of(kg, person))
    erasing.erase(kg, PERSON, {"otherBasis": "erase"})
    left = [
        q for q in kg.store.match([(None, None, None)]) if q.object == secret or part in {q.subject, q.object}
    ]
    assert left == []
    kg.close()
