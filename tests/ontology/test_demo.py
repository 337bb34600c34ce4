"""The demonstration graph: its terms exist, every class occurs, it keeps the rules it is there to show."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.collection import Collection
from rdflib.namespace import OWL, RDF, RDFS, XSD

from kgservice import resources
from kgservice.namespaces import CI

ci = rdflib.Namespace(CI)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANCE = re.compile(r"https://kg\.example/id/00000000-0000-4000-8000-1\d{3}\d{8}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
SUBCLASS = RDFS.subClassOf
KINDS_OF_DATA = {
    ci.IdentificationRecord: ci.IdentificationData,
    ci.DemographicRecord: ci.DemographicData,
    ci.TransactionRecord: ci.TransactionData,
    ci.BehaviouralRecord: ci.BehaviouralData,
    ci.CommunicationRecord: ci.CommunicationData,
    ci.PreferenceRecord: ci.PreferenceData,
    ci.SocialMediaRecord: ci.SocialMediaData,
}


@cache
def model() -> rdflib.Graph:
    """All modules of the ontology as one graph."""
    graph = rdflib.Graph()
    for path in sorted(resources.folder("ontology").glob("*.ttl")):
        graph.parse(path)
    return graph


@cache
def demo() -> rdflib.Graph:
    """All Turtle files of the demonstration as one graph, without the findings."""
    graph = rdflib.Graph()
    for path in sorted(resources.folder("demo").glob("*.ttl")):
        graph.parse(path)
    return graph


@cache
def findings() -> list[ox.Quad]:
    """The quads of `findings.trig`."""
    path = resources.folder("demo") / "findings.trig"
    return list(ox.parse(path=str(path), format=ox.RdfFormat.TRIG))


@cache
def types() -> dict[rdflib.term.Node, set[rdflib.term.Node]]:
    """Each node of the demonstration and the model with its classes and their superclasses."""
    found: dict[rdflib.term.Node, set[rdflib.term.Node]] = defaultdict(set)
    for graph in (demo(), model()):
        for node, cls in graph.subject_objects(RDF.type):
            found[node] |= {c for c in model().transitive_objects(cls, SUBCLASS) if c is not None}
    return found


def members(cls: rdflib.term.Node) -> set[rdflib.term.Node]:
    """The classes of a union, or the class itself."""
    union = model().value(cls, OWL.unionOf)
    return set(Collection(model(), union)) if union else {cls}


def short(term: object) -> str:
    """The last part of an IRI."""
    return re.split(r"[#/-]", str(term))[-1]


def owned_by_a_person() -> set[rdflib.term.Node]:
    """Persons, and the records that reach a person over owner links."""
    owned = {n for n, classes in types().items() if ci.Person in classes}
    links = [p for p, flag in model().subject_objects(ci.ownerLink) if str(flag) == "true"]
    while True:
        more = {s for p in links for s, o in demo().subject_objects(p) if o in owned} - owned
        if not more:
            return owned
        owned |= more


@pytest.mark.parametrize("path", sorted(resources.folder("demo").glob("*.t*")), ids=lambda p: p.name)
def test_files_parse_and_name_no_graph(path: Path) -> None:
    quads = list(ox.parse(path=str(path)))
    graphs = {q.graph_name for q in quads}
    expected = (
        ox.NamedNode("https://kg.example/graph/finding") if path.suffix == ".trig" else ox.DefaultGraph()
    )
    assert quads
    assert graphs == {expected}


def test_every_term_exists() -> None:
    declared = {s for s in model().subjects(RDF.type) if str(s).startswith(CI)}
    used = {t for triple in demo() for t in triple if isinstance(t, rdflib.URIRef) and str(t).startswith(CI)}
    used |= {rdflib.URIRef(q.predicate.value) for q in findings() if q.predicate.value.startswith(CI)}
    assert {short(t) for t in used - declared} == set()


def test_every_class_occurs() -> None:
    classes = {c for c in model().subjects(RDF.type, OWL.Class) if str(c).startswith(CI)}
    occurring = set().union(*types().values())
    # its one node is made when a validation starts: it holds the clock and is never stored
    assert {short(c) for c in classes - occurring} <= {"ValidationContext"}


def test_leaf_classes_have_members_of_their_own() -> None:
    classes = {c for c in model().subjects(RDF.type, OWL.Class) if str(c).startswith(CI)}
    leaves = {c for c in classes if not set(model().subjects(SUBCLASS, c)) & classes}
    direct = set(demo().objects(None, RDF.type)) | set(model().objects(None, RDF.type))
    assert {short(c) for c in leaves - direct} <= {"ValidationContext"}


def test_functional_properties_have_one_value() -> None:
    several = [
        (short(p), short(s))
        for p in model().subjects(RDF.type, OWL.FunctionalProperty)
        for s, n in Counter(s for s, _ in demo().subject_objects(p)).items()
        if n > 1
    ]
    assert several == []


def test_domains_and_ranges_fit() -> None:
    wrong = set()
    for p in set(demo().predicates()):
        for domain in model().objects(p, RDFS.domain):
            wrong |= {
                (short(p), "of", short(s)) for s in demo().subjects(p) if not types()[s] & members(domain)
            }
        for wanted in model().objects(p, RDFS.range):
            allowed = members(wanted)
            for o in demo().objects(None, p):
                if isinstance(o, rdflib.Literal):
                    kind = o.datatype or (RDF.PlainLiteral if o.language else XSD.string)
                    fits = kind in allowed or {kind, *allowed} <= {XSD.dateTime, XSD.dateTimeStamp}
                else:
                    fits = bool(types()[o] & allowed)
                if not fits:
                    wrong.add((short(p), "to", short(o)))
    assert wrong == set()


def test_all_links_lead_somewhere() -> None:
    nodes = {o for o in demo().objects() if isinstance(o, rdflib.URIRef) and "kg.example" in str(o)}
    nodes |= {
        rdflib.URIRef(q.object.value)
        for q in findings()
        if isinstance(q.object, ox.NamedNode) and "kg.example" in q.object.value
    }
    assert {short(n) for n in nodes - set(demo().subjects())} == set()


def test_iris_are_opaque() -> None:
    subjects = {str(s) for s in demo().subjects()} | {
        q.subject.value for q in findings() if isinstance(q.subject, ox.NamedNode)
    }
    assert [s for s in subjects if not INSTANCE.fullmatch(s)] == []


@pytest.mark.parametrize("cls", KINDS_OF_DATA, ids=short)
def test_all_seven_kinds_of_data(cls: rdflib.URIRef) -> None:
    records = [
        n for n in demo().subjects(RDF.type) if cls in types()[n] and ci.CustomerProfile not in types()[n]
    ]
    assert len(records) >= 8
    for record in records:
        assert demo().value(record, ci.hasCategory) == KINDS_OF_DATA[cls]
        for needed in (ci.dataSubject, ci.collectedAt, ci.collectedAtTime, ci.legalBasis, ci.dataOrigin):
            assert demo().value(record, needed) is not None, (short(record), short(needed))


def test_size() -> None:
    def count(cls: rdflib.URIRef) -> int:
        return sum(1 for n in set(demo().subjects(RDF.type)) if cls in types()[n])

    assert count(ci.Customer) == 40
    assert count(ci.Touchpoint) >= 25
    assert count(ci.PainPoint) >= 15
    assert count(ci.Solution) >= 12
    assert count(ci.Impact) >= 10
    assert count(ci.CustomerDataRecord) >= 150


def test_all_five_phases_and_an_iteration() -> None:
    runs = Counter(demo().value(r, ci.phase) for r in demo().subjects(ci.partOfProject))
    assert len(runs) == 5
    assert runs[ci.PrototypeDevelopment] == 2
    assert len(list(demo().subject_objects(ci.previousPass))) == 2


def states(at: str) -> dict[rdflib.term.Node, str]:
    """The state of each consent at a moment: its last decisive event."""
    decided: dict[rdflib.term.Node, tuple[str, str]] = {}
    for event, consent in demo().subject_objects(ci.eventOf):
        time, kind = str(demo().value(event, ci.eventTime)), short(demo().value(event, RDF.type))
        if kind != "ConsentRequested" and time <= at and time > decided.get(consent, ("", ""))[0]:
            decided[consent] = (time, kind)
    return {consent: kind for consent, (_, kind) in decided.items()}


def test_consents_in_every_state() -> None:
    counts = Counter(states("2026-11-20T12:00:00+00:00").values())
    assert counts["ConsentRefused"] == 3
    assert counts["ConsentWithdrawn"] == 3
    assert counts["ConsentExpired"] == 2
    assert counts["ConsentRenewed"] == 4
    assert counts["ConsentGiven"] == 35
    assert (
        len(set(demo().subjects(RDF.type, ci.ConsentRecord))) == sum(counts.values()) + 1
    )  # one only requested


def test_no_two_events_of_a_consent_at_the_same_time() -> None:
    times = Counter((c, demo().value(e, ci.eventTime)) for e, c in demo().subject_objects(ci.eventOf))
    assert max(times.values()) == 1


def test_records_on_consent_were_collected_under_one() -> None:
    consent_of = {demo().value(c, ci.dataSubject): c for c in demo().subjects(RDF.type, ci.ConsentRecord)}
    checked = 0
    for record in demo().subjects(ci.legalBasis, rdflib.URIRef("https://w3id.org/dpv#Consent")):
        if ci.CustomerDataRecord not in types()[record]:
            continue
        consent = consent_of[demo().value(record, ci.dataSubject)]
        state = states(str(demo().value(record, ci.collectedAtTime))).get(consent)
        assert state in ("ConsentGiven", "ConsentRenewed"), short(record)
        assert demo().value(record, ci.hasCategory) in set(demo().objects(consent, ci.forCategory)), short(
            record
        )
        checked += 1
    assert checked >= 150


def test_moments_have_a_zone_and_none_that_happened_lies_ahead() -> None:
    ahead = {"plannedStart", "reviewDue", "dueAt", "expiresAt", "validUntil", "waivedUntil"}
    for path in sorted(resources.folder("demo").glob("*.t*")):
        for q in ox.parse(path=str(path)):
            if isinstance(q.object, ox.Literal) and "dateTime" in q.object.datatype.value:
                assert MOMENT.fullmatch(q.object.value), q
                assert short(q.predicate.value) in ahead or datetime.fromisoformat(q.object.value) <= NOW, q


def test_nothing_personal_stands_in_a_record_of_the_project() -> None:
    owned = owned_by_a_person()
    # properties that only persons and records of their data can have
    about = set(model().transitive_subjects(SUBCLASS, ci.CustomerDataRecord))
    about |= set(model().transitive_subjects(SUBCLASS, ci.Person))
    personal = {
        p
        for p in model().subjects(RDF.type, OWL.DatatypeProperty)
        if (domain := model().value(p, RDFS.domain)) is not None and members(domain) <= about
    }
    assert {ci.personName, ci.postalCode, ci.content, ci.post, ci.purchases} <= personal
    assert {short(p) for p in personal for s in demo().subjects(p) if s not in owned} == set()
    secrets = {
        str(o)
        for p in (ci.personName, ci.emailAddress, ci.telephone)
        for s, o in demo().subject_objects(p)
        if s in owned
    }
    assert len(secrets) > 100
    texts = [str(o) for s, _, o in demo() if isinstance(o, rdflib.Literal) and s not in owned]
    texts += [q.object.value for q in findings() if isinstance(q.object, ox.Literal)]
    assert [t for t in texts if any(secret in t for secret in secrets)] == []


def test_free_text_holds_no_address_or_number() -> None:
    apart = {ci.emailAddress, ci.telephone, ci.vatNumber, ci.fieldValue, ci.recordValue, ci.customerValue}
    leak = re.compile(r"[\w.]+@[\w.]+|\+49|\b[A-Z]{2}\d{2} ?\d{4}")
    found = [
        str(o)
        for _, p, o in demo()
        if isinstance(o, rdflib.Literal) and p not in apart and leak.search(str(o))
    ]
    assert found == []


def test_titles_are_in_both_languages() -> None:
    for subject in set(demo().subjects(ci.title)):
        titles = list(demo().objects(subject, ci.title))
        languages = {t.language for t in titles if isinstance(t, rdflib.Literal)}
        assert (languages, len(titles)) == ({"de", "en"}, 2), short(subject)
