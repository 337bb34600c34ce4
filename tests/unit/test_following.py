"""What follows from a withdrawal for the findings: entered after the answer, and never missed by who asks.

So is what follows for many records from a change that might have been refused, as from the same statements
written as any other.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from benchmarks.complete import NOW, CompleteGenerator
from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.care import check
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import validation
from kgservice.application.guard.findings import FOCUS
from kgservice.application.guard.later import everything, noted
from kgservice.application.guard.statements import Stored, triples
from kgservice.application.guard.unjudged import Unjudged
from kgservice.application.guard.validation import validate
from kgservice.application.law import consents, erasing
from kgservice.application.law.remnants import remnants
from kgservice.application.stewards import stewarding
from kgservice.application.stewards.board import board
from kgservice.domain.change import Change
from kgservice.domain.consent import SUBJECT
from kgservice.domain.model import TYPE
from kgservice.errors import Invalid, StoreFull, Undecided
from kgservice.namespaces import CI, OWL, RDFS, SH
from kgservice.settings import Settings
from kgservice.shacl.report import Report
from kgservice.store.formats import N_QUADS
from kgservice.store.oxigraph import OxigraphStore
from kgservice.store.syntax import parse

RECORDS = 30
SCRATCH = NamedNode("urn:mine")
FEEDBACK = 1  # the kind of record that `new_record` makes for every fourth number
COLLECTED = NamedNode(f"{CI}collectedAtTime")
LAWFUL_OR_NOT = pytest.mark.parametrize("lawful", [True, False])
FOUND = f"SELECT DISTINCT ?focus {{ ?entry <{SH}focusNode> ?focus ; <{CI}findingStatus> 'open' }}"


@pytest.fixture
def kg(prepared: Path, tmp_path: Path) -> Iterator[KnowledgeGraph]:
    """A copy of what is `prepared`, open."""
    kg = opened(Path(shutil.copytree(prepared.parent, tmp_path / "graph"), "store"))
    yield kg
    kg.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person with 30 records that rest on a consent, in a graph of few, which the rules accept."""
    generator = CompleteGenerator(3)
    quads = parse("".join(generator.lines()).encode(), N_QUADS)
    path = tmp_path_factory.mktemp("prepared") / "store"
    kg = opened(path)
    kg.commit(Change.adding([Quad(*quad.triple) for quad in quads]))
    person = consenting(kg)
    records = [generator.new_record(4 * n + FEEDBACK, [person]) for n in range(RECORDS)]
    kg.commit(Change.adding([quad for record in records for quad in record.add]))
    assert violations(kg) == set()
    kg.close()
    return path


def opened(path: Path) -> KnowledgeGraph:
    return KnowledgeGraph.open(Settings(store=path), OxigraphStore(path), lambda: NOW)


def consenting(kg: KnowledgeGraph) -> str:
    rows = kg.select(
        f"SELECT ?person {{ ?event a <{CI}ConsentGiven> ; <{CI}eventOf> ?consent . "
        f"?consent <{CI}dataSubject> ?person "
        f"FILTER NOT EXISTS {{ ?consent ^<{CI}eventOf>/a <{CI}ConsentWithdrawn> }} }} ORDER BY ?person"
    ).rows
    return str(rows[0][0].value)  # type: ignore[union-attr]


def consent_of(kg: KnowledgeGraph, person: str) -> str:
    query = f"SELECT ?c {{ ?c <{CI}dataSubject> <{person}> ; a <{CI}ConsentRecord> }}"
    ((consent,),) = kg.select(query).rows
    return str(consent.value)  # type: ignore[union-attr]


def withdraw(kg: KnowledgeGraph, *, lawful: bool = True) -> str:
    """Withdraw the consent; not `lawful`, the guard may refuse what that writes."""
    time, commit = (NOW - timedelta(hours=1)).isoformat(), kg.commit
    with pytest.MonkeyPatch.context() as patch:
        if not lawful:
            patch.setattr(kg, "commit", lambda change: commit(replace(change, lawful=False)))
        return consents.withdraw(
            kg, consent_of(kg, consenting(kg)), {"method": "letter", "by": SUBJECT, "time": time}
        )


def violations(kg: KnowledgeGraph) -> set[str]:
    """The focus nodes with violations that a full validation finds."""
    return {str(f.focus.value) for f in validate(kg).findings if f.is_violation}


def told(kg: KnowledgeGraph) -> set[str]:
    """The focus nodes that the graph of findings tells of."""
    return {str(row[0].value) for row in kg.select(FOUND).rows}  # type: ignore[union-attr]


@pytest.mark.slow
@LAWFUL_OR_NOT
def test_who_asks_next_hears_of_all_that_follows(kg: KnowledgeGraph, lawful: bool) -> None:
    before = kg.head
    withdraw(kg, lawful=lawful)
    assert sum(group.open for group in board(kg)) >= RECORDS
    found = told(kg)
    assert len(found) >= RECORDS
    assert found == violations(kg)
    assert kg.head == before + 2
    assert noted(kg.store, kg.addresses) == {}
    assert not kg.guard.knows
    assert check.check(kg) == []


@pytest.mark.slow
@LAWFUL_OR_NOT
def test_the_answer_does_not_wait_for_it_and_an_end_in_between_loses_nothing(
    kg: KnowledgeGraph,
    tmp_path: Path,
    lawful: bool,
) -> None:
    with kg.writing:  # so that the thread that enters them has to wait
        before = kg.head
        withdraw(kg, lawful=lawful)
        assert kg.head == before + 1
        left = noted(kg.store, kg.addresses)
        assert (left == everything(kg.addresses)) == lawful
        assert lawful or sum(map(len, left.values())) >= RECORDS
        kg.store.backup(tmp_path / "killed")
    expected = told(kg)
    again = opened(tmp_path / "killed")
    assert again.head == before + 1
    assert told(again) == expected
    assert again.head == before + 2
    assert noted(again.store, again.addresses) == {}
    again.close()


def test_the_next_commit_comes_after_what_follows(kg: KnowledgeGraph) -> None:
    with kg.writing:
        withdraw(kg)
        renewed = {"method": "portal", "expires": (NOW + timedelta(days=300)).isoformat()}
        consents.renew(kg, consent_of(kg, person_of(kg)), renewed)
    assert told(kg) == violations(kg) == set()
    status = kg.select(f"SELECT ?s {{ ?entry <{CI}findingStatus> ?s }}").rows
    assert len(status) >= RECORDS  # they were entered, and are mended


def person_of(kg: KnowledgeGraph) -> str:
    """Whose records the new ones are: the person that most records are about."""
    query = f"""SELECT ?person {{ ?record <{CI}dataSubject> ?person }}
        GROUP BY ?person ORDER BY DESC(COUNT(?record)) LIMIT 1"""
    return str(kg.select(query).rows[0][0].value)  # type: ignore[union-attr]


def test_few_records_are_told_with_the_commit_itself(kg: KnowledgeGraph) -> None:
    kg.commit(Change(remove=tuple(said_of(kg, records_of(kg)[10:])), lawful=True))
    kg.current()
    before = kg.head
    withdraw(kg, lawful=False)
    assert kg.head == before + 1
    assert told(kg) == violations(kg) != set()


def records_of(kg: KnowledgeGraph) -> list[NamedNode]:
    query = f"""SELECT ?record {{ ?record <{CI}dataSubject> <{person_of(kg)}> ; a <{CI}Feedback> }}
        ORDER BY ?record"""
    return [NamedNode(str(row[0].value)) for row in kg.select(query).rows]  # type: ignore[union-attr]


def said_of(kg: KnowledgeGraph, nodes: Iterable[NamedNode]) -> set[Quad]:
    """What records say of the nodes, and of others with them."""
    around = [pattern for node in nodes for pattern in ((node, None, None), (None, None, node))]
    return {q for q in kg.store.match(around) if kg.graphs.is_record(q.graph_name)}


def test_nothing_that_follows_is_no_commit(kg: KnowledgeGraph) -> None:
    commits = kg.head
    kg.commit(Change(remove=tuple(said_of(kg, records_of(kg)[:1])), lawful=True))
    kg.current()
    assert kg.head == commits + 1
    assert noted(kg.store, kg.addresses) == {}


def test_no_finding_is_entered_about_who_was_erased_even_if_something_was_left(kg: KnowledgeGraph) -> None:
    left, other = records_of(kg)[:2]
    needed = {quad for node in (left, other) for quad in said_of(kg, [node]) if quad.predicate == COLLECTED}
    kg.commit(Change(remove=tuple(needed), lawful=True, erased=frozenset({left})))
    assert violations(kg) == {left.value, other.value}
    assert told(kg) == {other.value}


def test_of_several_changes_what_is_different_in_the_end_is_known(kg: KnowledgeGraph) -> None:
    own = kg.addresses.project("common")
    said = [
        Quad(NamedNode(f"urn:{n}"), NamedNode("urn:p"), NamedNode("urn:o"), NamedNode(own)) for n in range(4)
    ]
    stays, goes, back, brief = said
    before, between, after = {stays, goes, back}, {stays, brief}, {stays, back}
    unjudged, stored = Unjudged(), Stored(kg.store, kg.graphs)
    kg.store.apply(add=before)
    for old, new in ((before, between), (between, after)):
        kg.store.apply(add=new - old, remove=old - new)
        unjudged.take(old - new, triples(new - old), ())
    assert unjudged
    unjudged.follow(stored)
    assert (unjudged.gone, unjudged.added) == (triples([goes]), set())


class Hindered:
    """What follows cannot be entered until it is `over`."""

    def __init__(self, kg: KnowledgeGraph, error: Exception | None = None) -> None:
        self.over = False
        self._real, self._error = kg.guard.made_up, error or StoreFull("no room is left")
        kg.guard.made_up = self._made_up  # type: ignore[method-assign]

    def _made_up(self, planner: Planner, now: datetime) -> Effect:
        if self.over:
            return self._real(planner, now)
        raise self._error


def test_what_several_lawful_changes_did_is_entered_together(kg: KnowledgeGraph) -> None:
    """The first records are gone before anything of them is entered, the second are gone and come back."""
    records, hindered, head = records_of(kg), Hindered(kg), kg.head
    withdraw(kg)
    first, second = said_of(kg, records[:5]), said_of(kg, records[5:10])
    kg.commit(Change(remove=(*first, *second), lawful=True))
    kg.commit(Change(add=tuple(second), lawful=True))
    assert kg.head == head + 3
    hindered.over = True
    kg.planner()
    assert kg.head == head + 4
    assert told(kg) == violations(kg)
    assert told(kg).isdisjoint(record.value for record in records[:5])
    assert told(kg).issuperset(record.value for record in records[5:])


def test_a_change_that_is_judged_before_it_is_entered_counts(kg: KnowledgeGraph) -> None:
    withdraw(kg)
    kg.current()
    record, hindered = records_of(kg)[0], Hindered(kg)
    kg.commit(Change(remove=tuple(said_of(kg, [record])), lawful=True))
    renewed = {"method": "portal", "expires": (NOW + timedelta(days=300)).isoformat()}
    consents.renew(kg, consent_of(kg, person_of(kg)), renewed)
    hindered.over = True
    kg.planner()
    assert told(kg) == violations(kg) == set()


def test_an_erasure_takes_what_was_entered_after_it_had_looked(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    hindered, person = Hindered(kg), person_of(kg)
    withdraw(kg)
    kg.current()
    search, gone = remnants, {node.value for node in records_of(kg)}

    def searched(*given: Any) -> Any:
        found = search(*given)
        hindered.over = True
        return found

    monkeypatch.setattr(erasing, "remnants", searched)
    erasing.erase(kg, person, {"otherBasis": "erase"})
    kg.current()
    named = {str(q.object.value) for q in kg.store.match([(None, FOCUS, None)])}  # type: ignore[union-attr]
    assert named.isdisjoint(gone)
    assert told(kg) == violations(kg)


def test_a_record_without_class_is_told_and_no_more_when_it_has_one(kg: KnowledgeGraph) -> None:
    """Whether it loses its own, or its class is one of the model no more; or what it was a part of is gone."""
    first, second, third = records_of(kg)[:3]
    own, part = NamedNode("urn:Mine"), NamedNode(f"{kg.graphs.genid}{UUID(int=1)}")
    ((project,),) = kg.select(f"SELECT ?p {{ ?p a <{CI}Project> }} LIMIT 1").rows
    assert isinstance(project, NamedNode)
    kg.commit(
        Change.adding(
            [
                *(Quad(own, TYPE, NamedNode(f"{OWL}Class")), Quad(own, NamedNode(f"{CI}inProject"), project)),
                Quad(own, NamedNode(f"{RDFS}subClassOf"), NamedNode(f"{CI}Feedback")),
                *(Quad(second, TYPE, own), Quad(third, NamedNode(f"{CI}remark"), part)),
                Quad(part, NamedNode(f"{CI}note"), Literal("A part", language="en")),
            ]
        )
    )
    before, said = told(kg), said_of(kg, [first, second, own, part])
    gone = {q for q in said if q.predicate == TYPE and q.subject in {first, second} and q.object != own}
    gone |= {q for q in said if q.predicate == NamedNode(f"{RDFS}subClassOf") or q.object == part}
    kg.commit(Change(remove=tuple(gone), lawful=True))
    assert unclassed(kg) == {first.value, second.value, part.value}
    kg.commit(Change(add=tuple(gone), lawful=True))
    assert unclassed(kg) == set()
    assert told(kg) == before


def unclassed(kg: KnowledgeGraph) -> set[str]:
    """The records of no class, as the graph of findings tells; it tells of all that there are."""
    kg.current()
    entries, _ = stewarding.listed(kg, rule="R00", status="open")
    found = {str(f.focus.value) for f in validate(kg).findings if f.rule.number == "R00"}
    assert {entry.focus.value for entry in entries} == found
    return found


def test_an_erasure_tells_what_loses_its_class_and_mends_what_goes_with_the_person(
    kg: KnowledgeGraph,
) -> None:
    person, own = NamedNode(person_of(kg)), NamedNode("urn:Mine")
    graph = NamedNode(kg.addresses.subject(kg.addresses.key(person.value)))
    other, nothing = (NamedNode(f"{kg.addresses.ids}{name}") for name in ("other", "nothing"))
    subclass = Quad(own, NamedNode(f"{RDFS}subClassOf"), NamedNode(f"{CI}Touchpoint"))
    kg.commit(
        Change(
            add=(
                *(subclass, Quad(own, NamedNode(f"{CI}dataSubject"), person), Quad(other, TYPE, own)),
                *(Quad(own, TYPE, NamedNode(f"{OWL}Class")), Quad(nothing, NamedNode(f"{CI}note"), person)),
                Quad(other, NamedNode(f"{CI}note"), Literal("It stays", language="en")),
            ),
            trusted=True,
        )
    )
    assert {q.graph_name for q in said_of(kg, [own, nothing]) if q.subject != other} == {graph}
    stewarding.refresh(kg)
    assert unclassed(kg) == {nothing.value}
    erasing.erase(kg, person.value, {"otherBasis": "erase"})
    assert unclassed(kg) == {other.value}


def test_what_an_erasure_keeps_keeps_its_findings(kg: KnowledgeGraph) -> None:
    person = person_of(kg)
    consent = NamedNode(consent_of(kg, person))
    stated = [q for q in said_of(kg, [consent]) if q.predicate == NamedNode(f"{CI}jurisdiction")]
    kg.commit(Change(remove=tuple(stated), lawful=True))
    assert told(kg) == {consent.value}
    erasing.erase(kg, person, {"otherBasis": "erase"})
    assert consent.value in told(kg)
    assert {f.focus for f in validate(kg).findings} == {NamedNode(iri) for iri in told(kg)}


def test_no_fault_ends_the_service(kg: KnowledgeGraph, caplog: pytest.LogCaptureFixture) -> None:
    Hindered(kg, RecursionError("of a text that nobody may read"))
    withdraw(kg)
    assert kg.ask(f"ASK {{ ?s a <{CI}Feedback> }}")
    kg.commit(Change(add=(Quad(NamedNode("urn:a"), NamedNode("urn:b"), NamedNode("urn:c"), SCRATCH),)))
    kg.close()
    again = opened(kg.settings.store)
    assert told(again) == violations(again) != set()
    again.close()
    assert "RecursionError" in caplog.text
    assert "nobody may read" not in caplog.text


def once_undecided(kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """The store makes a change (the first `after` so many), but does not say so."""
    apply, left = kg.store.apply, [after]

    def silent(**change: Any) -> None:
        apply(**change)
        left[0] -= 1
        if left[0] < 0:
            monkeypatch.setattr(kg.store, "apply", apply)
            raise Undecided("the server does not answer")

    monkeypatch.setattr(kg.store, "apply", silent)


def test_a_withdrawal_that_was_not_known_to_be_made(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    hindered = Hindered(kg)
    kg.commit(Change(remove=tuple(said_of(kg, records_of(kg)[:1])), lawful=True))
    once_undecided(kg, monkeypatch)
    with pytest.raises(Undecided):
        withdraw(kg)
    hindered.over = True
    with monkeypatch.context() as patch:
        patch.setattr(validation, "validate", None)  # all is known, and not looked for in everything
        kg.planner()
    assert noted(kg.store, kg.addresses) == {}
    assert told(kg) == violations(kg) != set()


def test_findings_that_were_not_known_to_be_entered(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = [q for q in said_of(kg, records_of(kg)[:1]) if q.predicate == COLLECTED]
    once_undecided(kg, monkeypatch, after=1)
    with kg.writing:
        kg.commit(Change(remove=tuple(needed), lawful=True))
        kg.current()
        kg.planner()
    assert noted(kg.store, kg.addresses) == {}
    assert not kg.guard.knows
    withdraw(kg)
    assert told(kg) == violations(kg) != set()


def test_what_a_process_before_did_is_not_forgotten_for_what_this_one_does(
    kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> Report:
        raise StoreFull("no room is left")

    with kg.writing:
        withdraw(kg)
        kg.store.backup(tmp_path / "killed")
    again = opened(tmp_path / "killed")
    with monkeypatch.context() as patch:
        patch.setattr(validation, "validate", full)
        again.current()
        again.commit(Change(remove=tuple(said_of(again, records_of(again)[:1])), lawful=True))
    again.planner()
    assert told(again) == violations(again) != set()
    assert noted(again.store, again.addresses) == {}
    again.close()


def killed(kg: KnowledgeGraph, path: Path) -> KnowledgeGraph:
    """The graph as a process finds it after one that was killed right after a withdrawal."""
    with kg.writing:
        withdraw(kg)
        kg.store.backup(path)
    return opened(path)


class Meanwhile:
    """What another thread does once everything has been looked at, before anything of it is entered."""

    def __init__(self, patch: pytest.MonkeyPatch, does: Callable[[], object]) -> None:
        self.validations = 0
        self.done = False
        self._does, self._validate = does, validation.validate
        patch.setattr(validation, "validate", self._validated)

    def _validated(self, *given: Any, **named: Any) -> Report:
        found = self._validate(*given, **named)
        self.validations += 1
        if self.validations == 1:
            thread = threading.Thread(target=self._do)
            thread.start()
            thread.join(timeout=60)
        return found

    def _do(self) -> None:
        self._does()
        self.done = True


@pytest.mark.slow
def test_who_writes_does_not_wait_for_what_a_process_before_has_left(
    kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads does; and an end in the middle loses nothing."""
    again, heard = killed(kg, tmp_path / "killed"), list[set[str]]()
    records = records_of(kg)
    reader = threading.Thread(target=lambda: heard.append(told(again)))
    needed = {quad for quad in said_of(kg, records[10:11]) if quad.predicate == COLLECTED}
    note = Quad(records[11], NamedNode(f"{CI}note"), Literal("A word more", language="en"))

    def write() -> None:
        reader.start()
        again.commit(Change.adding([note]))  # to one that breaks a rule already
        with pytest.raises(Invalid):
            again.commit(Change(remove=tuple(needed)))
        again.commit(Change(remove=tuple(said_of(again, records[:5]))))
        again.commit(Change(remove=tuple(said_of(again, records[5:10])), lawful=True))
        again.planner()  # what this process did is entered, without waiting for the rest
        assert heard == []
        assert noted(again.store, again.addresses) == everything(again.addresses)
        again.store.backup(tmp_path / "again")

    meanwhile = Meanwhile(monkeypatch, write)
    found = told(again)
    reader.join()
    assert meanwhile.done
    assert meanwhile.validations == 1
    assert found == violations(again) == heard[0]
    assert found.isdisjoint(record.value for record in records[:10])
    assert found.issuperset(record.value for record in records[10:])
    third = opened(tmp_path / "again")
    assert noted(again.store, again.addresses) == {}
    assert noted(third.store, third.addresses) == everything(third.addresses)
    assert told(third) == found
    again.close()
    third.close()


@pytest.mark.slow
@pytest.mark.parametrize("hindered", [False, True])
def test_a_refresh_is_the_only_validation_of_what_a_process_before_has_left(
    kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hindered: bool
) -> None:
    """Unless something came meanwhile that has not been entered, and would be lost with this process."""
    again = killed(kg, tmp_path / "killed")
    obstacle = Hindered(again)
    obstacle.over = not hindered
    head, lost = again.head, said_of(again, records_of(kg)[:1])
    with monkeypatch.context() as patch:
        meanwhile = Meanwhile(patch, lambda: again.commit(Change(remove=tuple(lost), lawful=True)))
        stewarding.refresh(again)
        again.planner()
        assert meanwhile.done
        assert meanwhile.validations == 1
    left = everything(again.addresses) if hindered else {}
    assert noted(again.store, again.addresses) == left
    assert again.head == head + 2  # what was lost has no findings
    obstacle.over = True
    again.planner()
    assert noted(again.store, again.addresses) == {}
    found = told(again)
    assert found == violations(again) != set()
    again.close()
    third = opened(tmp_path / "killed")
    with monkeypatch.context() as patch:
        patch.setattr(validation, "validate", None)
        assert told(third) == found
    third.close()


def test_a_graph_that_is_closed_ends_the_validation(
    kg: KnowledgeGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    again, validate, closing = killed(kg, tmp_path / "killed"), validation.validate, threading.Event()
    stop = again.following.stop

    def stopped() -> None:
        closing.set()
        stop()

    def validated(*given: Any, **named: Any) -> Report:
        closer.start()
        closing.wait(60)
        return validate(*given, **named)

    closer = threading.Thread(target=again.close)
    monkeypatch.setattr(again.following, "stop", stopped)
    monkeypatch.setattr(validation, "validate", validated)
    again.current()
    closer.join()
    monkeypatch.undo()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    third = opened(tmp_path / "killed")
    assert noted(third.store, third.addresses) == everything(third.addresses)
    third.close()


def test_what_could_not_be_entered_is_not_entered_within_another_commit(
    kg: KnowledgeGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is room again while another commit is written: each commit has a number of its own."""
    hindered, apply = Hindered(kg), kg.store.apply

    def room(**change: Any) -> None:
        apply(**change)
        hindered.over = True

    withdraw(kg)
    monkeypatch.setattr(kg.store, "apply", room)
    before = kg.head
    kg.commit(Change(add=(Quad(NamedNode("urn:a"), NamedNode("urn:b"), NamedNode("urn:c"), SCRATCH),)))
    kg.planner()  # whoever writes next tries again
    assert kg.head == before + 2
    assert told(kg) == violations(kg) != set()
