"""Findings and their stewards, on small graphs: how they stand, waivers, refreshing, explanations, proposals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO

import pytest
import rdflib
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from kgservice.application.answers import questions
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.application.guard.guard import Guard
from kgservice.application.guard.validation import validate
from kgservice.application.imports.load import previewed
from kgservice.application.stewards import stewarding
from kgservice.application.stewards.entries import Entry
from kgservice.application.stewards.explaining import example, explain
from kgservice.domain.change import Change, Origin
from kgservice.domain.clock import Clock
from kgservice.domain.finding import Finding
from kgservice.errors import BadParameter, Conflict, Forbidden, Invalid, NotFound
from kgservice.namespaces import CI, SH
from kgservice.settings import Settings
from kgservice.shacl.shapes import Shapes
from kgservice.store import OxigraphStore
from kgservice.store.formats import TURTLE
from tests.conftest import NOON

HEAD = """@prefix ci: <https://w3id.org/kgservice/ci#> . @prefix id: <https://kg.example/id/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix shape: <https://w3id.org/kgservice/shapes#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
"""
PERSONA = "id:persona a ci:Persona ."
TOMORROW = (NOON + timedelta(days=1)).isoformat()


@pytest.fixture
def kg(model_only: OxigraphStore, clock: Clock, guard: Guard) -> Iterator[KnowledgeGraph]:
    """An empty knowledge graph that is guarded."""
    with model_only.copy() as store:
        graph = KnowledgeGraph.open(Settings(), store, clock)
        graph.guard = guard
        yield graph
        graph.close()


def load(kg: KnowledgeGraph, turtle: str, *, trusted: bool = True) -> None:
    """Load Turtle; trusted, past the guard."""
    quads = [Quad(*q.triple) for q in parse(HEAD + turtle, format=RdfFormat.TURTLE)]
    kg.commit(Change(add=tuple(quads), trusted=trusted))


def enter(kg: KnowledgeGraph, turtle: str) -> None:
    """Load Turtle past the guard, and enter what is wrong with it: quicker than to refresh."""
    new = previewed(kg, BytesIO((HEAD + turtle).encode()), TURTLE).new
    load(kg, turtle)
    kg.write(findings.kept(kg.planner(), new, (), kg.clock()), Origin(), trusted=True)


def only(kg: KnowledgeGraph, rule: str, **asked: str) -> Entry:
    (entry,), _ = stewarding.listed(kg, rule=rule, **asked)
    return entry


def status(kg: KnowledgeGraph, key: str) -> str:
    return stewarding.one(kg, key).status


def answers(kg: KnowledgeGraph, question: str, *columns: str) -> list[tuple[str, ...]]:
    """Some columns of the answer of a saved question."""
    found = kg.select(questions.bind(kg, questions.find(questions.questions(), question), {}).text)
    places = [found.variables.index(column) for column in columns]
    return [tuple(str(getattr(row[place], "value", "")) for place in places) for row in found.rows]


@pytest.mark.slow
def test_refreshing_equals_a_full_validation(kg: KnowledgeGraph) -> None:
    load(kg, f"{PERSONA} id:note a ci:CommunicationRecord ; ci:dataSubject id:person ; ci:quote 'Laut!' .")
    counts = stewarding.refresh(kg)
    report = validate(kg)
    entries, total = stewarding.listed(kg, status="open")
    assert total == counts.new == counts.open == len(report.findings) > 5
    assert {(e.shape, e.component, str(e.focus), str(e.value)) for e in entries} == {
        (f.rule.shape, f.component, str(f.focus), str(f.value)) for f in report.findings
    }
    kg.commit(
        Change(
            remove=tuple(Quad(*q.triple) for q in parse(HEAD + PERSONA, format=RdfFormat.TURTLE)),
            trusted=True,
        )
    )
    head = kg.head
    assert stewarding.refresh(kg).mended == 1
    mended = only(kg, "R14", status="mended")
    assert mended.mended_at == NOON
    assert kg.head == head + 1
    load(kg, PERSONA, trusted=False)
    assert stewarding.one(kg, mended.iri.value).mended_at is None


def test_a_finding_with_a_value_has_an_entry_beside_one_without(kg: KnowledgeGraph) -> None:
    def open_cycles() -> set[tuple[str, str]]:
        entries, _ = stewarding.listed(kg, status="open", limit=100)
        return {(str(e.focus), str(e.value)) for e in entries if e.shape.endswith("R19-step-cycle")}

    enter(kg, "id:a a ci:JourneyStep ; ci:nextStep id:a .")
    enter(kg, "id:a ci:nextStep id:b . id:b a ci:JourneyStep ; ci:nextStep id:a .")
    a, b = (f"<https://kg.example/id/{name}>" for name in "ab")
    assert open_cycles() == {(a, "None"), (a, b), (b, a)}
    loop = parse(HEAD + "id:a ci:nextStep id:a .", format=RdfFormat.TURTLE)
    kg.commit(Change(remove=tuple(Quad(*q.triple) for q in loop)))
    assert open_cycles() == {(a, b), (b, a)}


class Writing:
    """Somebody who writes while all is validated: once, when the copy that is validated has been made."""

    def __init__(self, write: Callable[[], None]) -> None:
        self._write = write
        self.validations = 0

    def __call__(self, name: str, done: int, _all: int) -> None:
        began = (name, done) == ("Validating", 0)
        self.validations += began
        if began and self.validations == 1:
            self._write()


def stories(kg: KnowledgeGraph) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """What the graph of findings tells, and what a validation of all finds: shape, number, focus."""
    entries, _ = stewarding.listed(kg, status="open")
    told = {(e.shape, e.rule, e.focus.value) for e in entries}
    return told, {(f.rule.shape, f.rule.number, f.focus.value) for f in validate(kg).findings}


def taken(turtle: str) -> Change:
    """The change that takes statements away."""
    quads = (Quad(*q.triple) for q in parse(HEAD + turtle, format=RdfFormat.TURTLE))
    return Change(remove=tuple(quads))


@pytest.mark.slow
def test_who_writes_while_all_is_validated_waits_for_no_second_one(kg: KnowledgeGraph) -> None:
    """What they mend, bring and delete is in the findings nevertheless, also what no finding was noted of."""
    unseen = "id:late a ci:Persona . id:lost ci:note 'No class'@en . id:gone a ci:Persona ."
    load(kg, f"{PERSONA} id:other a ci:Persona . id:stays a ci:Persona .")
    stewarding.refresh(kg)
    load(kg, f"{unseen} id:both a ci:Persona .")  # past the guard: no findings of these are noted
    kg.commit(Change(add=(Quad(NamedNode("urn:x"), NamedNode("urn:p"), Literal("x"), NamedNode("urn:g")),)))

    def write() -> None:
        load(kg, "id:persona ci:evidencedBy id:e1 . id:late ci:evidencedBy id:e1 .", trusted=False)
        load(kg, "id:new a ci:Persona . id:lost a ci:Persona .", trusted=False)
        kg.commit(taken("id:gone a ci:Persona . id:other a ci:Persona ."))

    writing = Writing(write)
    counts = stewarding.refresh(kg, told=writing)
    told, found = stories(kg)
    assert told == found
    assert writing.validations == 1
    assert {focus.rpartition("/")[2] for _, rule, focus in found if rule == "R14"} >= {"stays", "both", "new"}
    assert counts.open == len(stewarding.listed(kg, status="open")[0])
    head = kg.head
    stewarding.refresh(kg)
    assert kg.head == head


@pytest.mark.slow
def test_what_is_written_past_the_guard_meanwhile_is_validated(kg: KnowledgeGraph) -> None:
    load(kg, PERSONA)
    writing = Writing(lambda: load(kg, "id:late a ci:Persona ."))
    stewarding.refresh(kg, told=writing)
    told, found = stories(kg)
    assert told == found
    assert writing.validations == 2
    assert "https://kg.example/id/late" in {focus for _, _, focus in found}


@pytest.mark.slow
def test_a_record_of_no_class_is_found_however_it_came_in(kg: KnowledgeGraph) -> None:
    """And its finding goes when a commit states its class, or takes it away."""
    load(kg, 'id:lost a ci:Solutoin ; ci:note "Typo"@en . id:bare ci:note "Nothing"@en . id:gone ci:age 1 .')
    load(kg, 'id:good a ci:Persona ; ci:remark [ ci:note "A part"@en ] . <urn:x> <urn:p> "No record" .')
    found = {f.focus.value.rpartition("/")[2]: f for f in validate(kg).findings if f.rule.number == "R00"}
    assert found.keys() == {"lost", "bare", "gone"}
    assert found["lost"].value == NamedNode(f"{CI}Solutoin")
    assert validate(kg).graph.value(predicate=rdflib.SH.resultPath, object=rdflib.RDF.type) is not None
    stewarding.refresh(kg)
    entries, total = stewarding.listed(kg, rule="R00", status="open")
    assert total == 3
    told = stewarding.explained(kg, entries[0].iri.value)
    assert "class" in told["message"]["en"]
    load(kg, 'id:lost ci:note "More"@en . id:good ci:note "More"@en .', trusted=False)
    assert stewarding.listed(kg, rule="R00", status="open")[1] == 3
    load(kg, "id:lost a ci:Persona .", trusted=False)
    gone = NamedNode("https://kg.example/id/gone")
    kg.commit(
        Change(
            remove=tuple(q for q in kg.store.match([(gone, None, None)]) if kg.graphs.is_record(q.graph_name))
        )
    )
    assert [
        e.focus.value.rpartition("/")[2] for e in stewarding.listed(kg, rule="R00", status="open")[0]
    ] == ["bare"]
    before = kg.head
    stewarding.refresh(kg)
    assert kg.head == before


def test_a_finding_whose_shape_is_gone_is_told_and_goes(kg: KnowledgeGraph) -> None:
    said = f"""a sh:ValidationResult ; sh:focusNode id:persona ; sh:sourceShape shape:R99-gone ;
      sh:resultSeverity sh:Violation ; dcterms:identifier "R99" ; sh:resultMessage "As it was"@en ;
      sh:sourceConstraintComponent sh:MinCountConstraintComponent ; <{CI}findingStatus> "open" ."""
    graph = NamedNode(kg.addresses.finding)
    turtle = f"{HEAD}@prefix dcterms: <http://purl.org/dc/terms/> . id:old {said}"
    add = tuple(Quad(q.subject, q.predicate, q.object, graph) for q in parse(turtle, format=RdfFormat.TURTLE))
    kg.commit(Change(add=add, trusted=True))
    entry = only(kg, "R99", status="open")
    told = stewarding.explained(kg, entry.iri.value)
    assert (told["severity"], told["message"]) == ("Violation", {"en": "As it was"})
    assert told["explanation"]["proposals"] == []
    stewarding.refresh(kg)
    assert only(kg, "R99").status == "mended"


def test_a_waiver_holds_until_its_end(kg: KnowledgeGraph) -> None:
    load(kg, PERSONA, trusted=False)
    key = only(kg, "R14").iri.value
    stewarding.waive(kg, key, " drafted for a workshop ", TOMORROW, Origin("key:3f2a", named="Eva Weber"))
    entry = stewarding.one(kg, key)
    assert entry.status == "waived"
    assert entry.waiver is not None
    assert entry.waiver.reason == "drafted for a workshop"
    who = kg.select(
        f"SELECT ?name ?why WHERE {{ ?a a <http://www.w3.org/ns/prov#Activity> ; <http://purl.org/dc/terms/description> ?why ; "
        f"<http://www.w3.org/ns/prov#wasInfluencedBy> <{entry.waiver.by}> . "
        f"<{entry.waiver.by}> <http://www.w3.org/2000/01/rdf-schema#label> ?name }}"
    ).rows
    assert who == [(Literal("Eva Weber"), Literal("finding waived: drafted for a workshop"))]
    enter(kg, PERSONA)  # still found, still waived
    assert status(kg, key) == "waived"
    kg.clock = lambda: NOON + timedelta(days=1)
    assert status(kg, key) == "open"
    assert stewarding.listed(kg, status="waived") == ([], 0)
    assert only(kg, "R14", status="open").iri.value == key
    counts = stewarding.refresh(kg)
    assert (counts.new, counts.reopened, counts.open, counts.waived) == (0, 1, 1, 0)
    assert stewarding.one(kg, key).waiver is None


def test_questions_know_when_a_waiver_has_run_out(kg: KnowledgeGraph) -> None:
    """The stored status does not, until the next refresh."""
    load(kg, PERSONA, trusted=False)
    stewarding.waive(kg, only(kg, "R14").iri.value, "why", TOMORROW)
    for hours, is_open in ((0, False), (24, True)):
        kg.clock = lambda hours=hours: NOON + timedelta(hours=hours)  # type: ignore[misc]
        counted = answers(kg, "open-findings", "topic", "numerator")
        assert (f"{SH}Warning", "1" if is_open else "0") in counted
        listed = answers(kg, "stale-or-duplicate", "record", "problem")
        assert (("https://kg.example/id/persona", "finding") in listed) == is_open
        assert kg.ask(f"ASK {{ ?finding <{CI}findingStatus> 'waived' }}")
    stewarding.refresh(kg)
    assert not kg.ask(f"ASK {{ ?finding <{CI}findingStatus> 'waived' }}")


def test_a_waiver_can_be_taken_back(kg: KnowledgeGraph) -> None:
    load(kg, PERSONA)
    stewarding.refresh(kg)
    key = only(kg, "R14").iri.value
    stewarding.waive(kg, key, "why", TOMORROW)
    stewarding.waive(kg, key, "better why", TOMORROW)
    waiver = stewarding.one(kg, key).waiver
    assert waiver is not None
    assert waiver.reason == "better why"
    stewarding.reopen(kg, key)
    assert (status(kg, key), stewarding.one(kg, key).waiver) == ("open", None)


def test_consent_is_never_waived(kg: KnowledgeGraph) -> None:
    enter(kg, "id:record a ci:CommunicationRecord ; ci:dataSubject id:person .")
    entries = [e for e in stewarding.listed(kg)[0] if e.rule in ("R23", "R25", "R31")]
    assert entries
    graph = NamedNode(kg.addresses.finding)
    for entry in entries:
        with pytest.raises(Forbidden):
            stewarding.waive(kg, entry.iri.value, "we know her", TOMORROW)
        # Even where the graph says so, it does not count.
        forged = [("findingStatus", Literal("waived")), ("waivedUntil", Literal(TOMORROW))]
        kg.commit(
            Change(
                add=tuple(Quad(entry.iri, NamedNode(CI + name), value, graph) for name, value in forged),
                remove=(Quad(entry.iri, NamedNode(f"{CI}findingStatus"), Literal("open"), graph),),
                trusted=True,
            )
        )
        assert status(kg, entry.iri.value) == "open"
    assert stewarding.listed(kg, status="waived") == ([], 0)
    assert stewarding.refresh(kg).reopened == len(entries)


def test_records_cannot_pass_for_findings(kg: KnowledgeGraph) -> None:
    load(kg, PERSONA, trusted=False)
    entry = only(kg, "R14")
    load(
        kg,
        f"<{entry.iri.value}> ci:findingStatus 'mended' ; ci:inProject id:p . id:x a sh:ValidationResult ; sh:focusNode id:persona ; "
        "sh:resultSeverity sh:Warning ; ci:findingStatus 'open' .",
    )
    assert stewarding.listed(kg) == ([entry], 1)


def test_an_owner_is_an_employee(kg: KnowledgeGraph) -> None:
    load(kg, f"{PERSONA} id:eva a ci:Employee .", trusted=False)
    entry = only(kg, "R14")
    eva = f"{kg.addresses.ids}eva"
    stewarding.assign(kg, entry.iri.value, eva)
    assert only(kg, "R14", owner=eva).owner == eva
    for nobody in (f"{kg.addresses.ids}persona", "no iri", ""):
        with pytest.raises(BadParameter) as wrong:
            stewarding.assign(kg, entry.iri.value, nobody)
        assert wrong.value.source == "owner"
    stewarding.assign(kg, entry.iri.value, None)
    assert stewarding.listed(kg, owner=eva) == ([], 0)


@pytest.mark.parametrize(
    ("reason", "until", "source"),
    [
        ("", TOMORROW, "reason"),
        (" \n", TOMORROW, "reason"),
        ("x" * 3000, TOMORROW, "reason"),
        ("\ud800", TOMORROW, "reason"),
        ("why", "2026-11-20", "until"),
        ("why", "now", "until"),
        ("why", "soon", "until"),
        ("why", "", "until"),
        ("why", "2027-01-01T10:00:00", "until"),
    ],
)
def test_a_waiver_needs_a_reason_and_an_end(kg: KnowledgeGraph, reason: str, until: str, source: str) -> None:
    load(kg, PERSONA, trusted=False)
    entry = only(kg, "R14")
    with pytest.raises(BadParameter) as wrong:
        stewarding.waive(kg, entry.iri.value, reason, until)
    assert wrong.value.source == source
    assert status(kg, entry.iri.value) == "open"


@pytest.mark.parametrize(
    "asked",
    [
        {"status": "closed"},
        {"severity": "Error"},
        {"rule": "\ud800"},
        {"focus": "} DROP ALL"},
        {"owner": "no iri"},
        {"limit": "0"},
        {"limit": "-1"},
        {"limit": "many"},
        {"limit": "9" * 40},
    ],
)
def test_what_cannot_be_asked_is_refused(kg: KnowledgeGraph, asked: dict[str, str]) -> None:
    with pytest.raises(BadParameter) as wrong:
        stewarding.listed(kg, **asked)
    assert wrong.value.source == next(iter(asked))


def test_values_are_bound_as_terms(kg: KnowledgeGraph) -> None:
    load(kg, PERSONA, trusted=False)
    assert stewarding.listed(kg, rule='R14" } UNION { ?finding ?p "x') == ([], 0)


def test_what_is_unknown_or_mended_is_said(kg: KnowledgeGraph) -> None:
    for name in ("nothing", "no iri", "https://kg.example/id/\u0000"):
        with pytest.raises(NotFound):
            stewarding.one(kg, name)
    load(kg, PERSONA, trusted=False)
    key = only(kg, "R14").iri.value
    kg.commit(Change(remove=tuple(Quad(*q.triple) for q in parse(HEAD + PERSONA, format=RdfFormat.TURTLE))))
    with pytest.raises(Conflict):
        stewarding.waive(kg, key, "why", TOMORROW)
    with pytest.raises(Conflict):
        stewarding.reopen(kg, key)
    with pytest.raises(Conflict):
        stewarding.apply(kg, key, "tag-de-00000000")


def test_a_language_tag_is_added_with_one_call(kg: KnowledgeGraph) -> None:
    load(kg, "id:pager a ci:Channel ; skos:prefLabel 'pager'@en , 'Piepser' .")
    stewarding.refresh(kg)
    entry = only(kg, "R49")
    why = explain(kg, entry.finding(kg))
    german, english = why["proposals"]
    assert german["add"] == [german["remove"][0].replace('"Piepser"', '"Piepser"@de')]
    assert english["id"].startswith("tag-en-")
    assert why["name"] == {"de": "Bezeichnung in beiden Sprachen", "en": "label in both languages"}
    assert why["example"]["name"] == "R49.valid.ttl"
    assert why["advice"] == why["message"]  # nothing is filled in
    assert why["terms"] == ["owl:NamedIndividual", "skos:Concept", "skos:prefLabel"]
    assert len(why["statements"]) == 3
    with pytest.raises(NotFound):
        stewarding.apply(kg, entry.iri.value, "guess")
    commit = stewarding.apply(kg, entry.iri.value, german["id"], Origin("Eva"))
    assert (commit.added, commit.removed) == (1, 1)
    assert status(kg, entry.iri.value) == "mended"  # by the guard, in the same commit
    assert {e.status for e in stewarding.listed(kg)[0]} == {"mended"}


def test_a_proposal_whose_statements_changed_is_a_conflict(kg: KnowledgeGraph) -> None:
    enter(kg, "id:pager a ci:Channel ; skos:prefLabel 'pager'@en , 'Piepser' .")
    entry = only(kg, "R49")
    german, _ = explain(kg, entry.finding(kg))["proposals"]
    pager, label = (
        NamedNode("https://kg.example/id/pager"),
        NamedNode("http://www.w3.org/2004/02/skos/core#prefLabel"),
    )
    kg.commit(
        Change(
            remove=(Quad(pager, label, Literal("Piepser")),),
            add=(Quad(pager, label, Literal("Funkrufempfänger")),),
            trusted=True,
        )
    )
    head = kg.head
    with pytest.raises(Conflict):
        stewarding.apply(kg, entry.iri.value, german["id"])
    assert kg.head == head


def test_a_date_becomes_a_moment(kg: KnowledgeGraph) -> None:
    load(
        kg,
        "id:pass a ci:Touchpoint ; ci:validFrom '20.10.2026' ."
        "id:next a ci:Touchpoint ; ci:validFrom '2026-11-01T10:00:00'^^xsd:dateTime .",
    )
    stewarding.refresh(kg)
    found = [e for e in stewarding.listed(kg, rule="R15")[0] if e.shape.endswith("R15-time-zone")]
    proposed = {e.value: explain(kg, e.finding(kg))["proposals"] for e in found}
    zoneless = Literal("2026-11-01T10:00:00", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#dateTime"))
    assert proposed[zoneless] == []  # nobody can know the time zone
    (proposal,) = proposed[Literal("20.10.2026")]
    assert "midnight in UTC" in proposal["words"]["en"]
    entry = next(e for e in found if e.value == Literal("20.10.2026"))
    stewarding.apply(kg, entry.iri.value, proposal["id"])
    assert status(kg, entry.iri.value) == "mended"
    assert kg.ask(
        f"ASK {{ ?x <{CI}validFrom> ?t FILTER(?t = '2026-10-20T00:00:00Z'^^<http://www.w3.org/2001/XMLSchema#dateTime>) }}"
    )


INVERSE = """
shape:addressed a sh:NodeShape ; sh:targetClass ci:PainPoint ; sh:property shape:by .
shape:by a sh:PropertyShape ; sh:path ci:addressedBy ; sh:minCount 1 ; sh:message 'nothing addresses it'@en ; sh:severity sh:Warning .
"""


def test_a_missing_inverse_is_stated(kg: KnowledgeGraph) -> None:
    kg.guard = Guard(Shapes.of(rdflib.Graph().parse(data=HEAD + INVERSE, format="turtle")))
    enter(kg, "id:pain a ci:PainPoint . id:other a ci:PainPoint . id:solution ci:addresses id:pain .")
    pain, other = (
        stewarding.listed(kg, focus=f"{kg.addresses.ids}{name}")[0][0] for name in ("pain", "other")
    )
    why = explain(kg, pain.finding(kg))
    assert why["path"] == "ci:addressedBy"
    assert why["values"] == [f"{kg.addresses.ids}solution"]  # the view has it already
    assert why["example"] is None
    (proposal,) = why["proposals"]
    assert proposal["remove"] == []
    assert proposal["add"] == [f"<{kg.addresses.ids}pain> <{CI}addressedBy> <{kg.addresses.ids}solution> ."]
    stewarding.apply(kg, pain.iri.value, proposal["id"])
    assert status(kg, pain.iri.value) == "mended"
    assert explain(kg, other.finding(kg))["proposals"] == []


def test_a_proposal_passes_the_guard(kg: KnowledgeGraph) -> None:
    """A change that would bring another violation is refused like any other."""
    shapes = """
    shape:one a sh:NodeShape ; sh:targetClass ci:PainPoint ; sh:property
        [ sh:path ci:addressedBy ; sh:maxCount 0 ] , shape:by .
    """
    kg.guard = Guard(Shapes.of(rdflib.Graph().parse(data=HEAD + INVERSE + shapes, format="turtle")))
    enter(kg, "id:pain a ci:PainPoint . id:solution ci:addresses id:pain .")
    (pain,), _ = stewarding.listed(kg, severity="Warning")
    (proposal,) = explain(kg, pain.finding(kg))["proposals"]
    with pytest.raises(Invalid):
        stewarding.apply(kg, pain.iri.value, proposal["id"])
    assert status(kg, pain.iri.value) == "open"


def test_findings_of_a_dry_run_are_explained(kg: KnowledgeGraph) -> None:
    document = HEAD + "id:pager a ci:Channel ; skos:prefLabel 'Piepser' ."
    new = previewed(kg, BytesIO(document.encode()), TURTLE).new
    (finding,) = [f for f in new if f.rule.number == "R49"]
    why = explain(kg, finding)
    assert why["example"]["turtle"].startswith("# A channel that the company added")
    assert why["reason"]["de"]
    assert (why["values"], why["statements"], why["proposals"]) == ([], [], [])


def test_every_rule_has_a_valid_example(kg: KnowledgeGraph) -> None:
    """Of several, the one with the classes of the record; else the plainest."""
    load(kg, "id:request a ci:Restriction .")
    names: dict[str, str] = {}
    for rule in kg.guard.shapes.rules.values():
        finding = Finding(rule, NamedNode(f"{kg.addresses.ids}nothing"), "", None, {}, {}, "")
        found = example(kg, finding)
        assert found is not None
        names[rule.number] = found["name"]
    assert names == {number: f"{number}.valid.ttl" for number in names}
    rule = next(rule for rule in kg.guard.shapes.rules.values() if rule.number == "R20")
    about = Finding(rule, NamedNode(f"{kg.addresses.ids}request"), "", None, {}, {}, "")
    found = example(kg, about)
    assert found is not None
    assert found["name"] == "R20.restricted.valid.ttl"
