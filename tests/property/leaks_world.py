"""A graph where what one purpose may not see carries canaries, and its twin where that has never been.

What is hidden is decided here, statement by statement, and not by the code under test: `hide` plants a text
`CANARY-<n>` that no answer for the purpose may hold, `show` a text `SHOWN-<n>` that some answers must hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.guard import Guard
from kgservice.domain.change import Change, Origin
from kgservice.domain.graphs import GraphKind
from kgservice.domain.principal import Role
from kgservice.namespaces import CI, DPV, RDF, SH, XSD, Addresses
from kgservice.settings import Settings
from kgservice.store import OxigraphStore
from tests.conftest import NOON
from tests.http.keys import IMPROVING, RESEARCH, make_key

A = Addresses(Settings().base)
TYPE = NamedNode(f"{RDF}type")
DETAIL = NamedNode("http://example.org/detail")
PROJECT = NamedNode(A.instance("leaks", "project"))
COPIED = NamedNode(A.instance("leaks", "copied"))
MISSING = A.instance("leaks", "nothing is known of this")
YESTERDAY = NOON - timedelta(days=1)
CATEGORIES = ("IdentificationData", "DemographicData", "CommunicationData")
FILLED = NamedNode("urn:filler")
FILLER = Quad(FILLED, DETAIL, Literal("filler"), FILLED)
# Besides a reader, a researcher and an editor of one purpose: those who may state others, too.
OF_TWO, READER_OF_TWO, OVERSEER = "researcher of two", "reader of two", "overseer"
TITLED = ("PainPoint", "Touchpoint", "Solution", "Impact", "LessonLearned")


def ci(name: str) -> NamedNode:
    """The term of the model with this name."""
    return NamedNode(CI + name)


def at(moment: datetime) -> Literal:
    """A moment as a literal."""
    return Literal(moment.isoformat().replace("+00:00", "Z"), datatype=NamedNode(f"{XSD}dateTime"))


@dataclass
class Planted:
    """What has been planted: the quads of the change in the making, and what is known of all of them."""

    full: bool
    adding: list[Quad] = field(default_factory=list)
    canaries: int = 0
    shown: int = 0
    hidden: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def node(self, *name: str, hidden: bool) -> NamedNode:
        """An opaque IRI; hidden ones must not be in an answer either."""
        iri = A.instance("leaks", *name)
        (self.hidden if hidden else self.seen).add(iri)
        return NamedNode(iri)

    def canary(self) -> str:
        """A text that must not be seen."""
        self.canaries += 1
        return f"CANARY-{self.canaries}"

    def both(self, s: NamedNode, p: NamedNode, o: NamedNode | Literal, graph: str = "") -> None:
        """A statement that the twin has too: it is shown, or it decides about something that is shown."""
        self._add(s, p, o, graph)

    def show(self, s: NamedNode, p: str, language: str | None = None) -> None:
        """A statement that is shown."""
        self.shown += 1
        self._add(s, ci(p), Literal(f"SHOWN-{self.shown}", language=language))

    def only(self, s: NamedNode, p: NamedNode, o: NamedNode | Literal | BlankNode, graph: str = "") -> None:
        """A hidden statement, which the twin has not."""
        if self.full:
            self._add(s, p, o, graph)

    def hide(self, s: NamedNode, p: str | NamedNode, language: str | None = None, graph: str = "") -> None:
        """A hidden statement with a canary."""
        self.only(s, ci(p) if isinstance(p, str) else p, Literal(self.canary(), language=language), graph)

    def _add(
        self, s: NamedNode | BlankNode, p: NamedNode, o: NamedNode | Literal | BlankNode, graph: str = ""
    ) -> None:
        self.adding.append(Quad(s, p, o, NamedNode(graph)) if graph else Quad(s, p, o))

    def consent(
        self,
        person: NamedNode,
        purpose: str = RESEARCH,
        *,
        categories: tuple[str, ...] = CATEGORIES,
        acts: tuple[tuple[str, int], ...] = (("ConsentGiven", -100),),
        days: int = 500,
        both: bool = False,
    ) -> None:
        """A consent with its events (days from noon), the graph of which is hidden from all purposes."""
        plant = self.both if both else self.only
        consent = self.node("consent", person.value, purpose, hidden=True)
        plant(consent, TYPE, ci("ConsentRecord"))
        plant(consent, ci("dataSubject"), person)
        plant(consent, ci("forPurpose"), NamedNode(purpose))
        for category in categories:
            plant(consent, ci("forCategory"), ci(category))
        plant(consent, ci("expiresAt"), at(NOON + timedelta(days=days)))
        self.hide(consent, "storagePlace")
        for act, when in acts:
            event = self.node("event", consent.value, act, hidden=True)
            plant(event, TYPE, ci(act))
            plant(event, ci("eventOf"), consent)
            plant(event, ci("eventTime"), at(NOON + timedelta(days=when)))
            self.hide(event, "eventMethod")

    def person(self, name: str, *, iri: str = "", records: int = 2) -> NamedNode:
        """A person of whom nothing is shown, with records."""
        person = NamedNode(iri) if iri else self.node("person", name, hidden=True)
        self.hidden.add(person.value)
        self.only(person, TYPE, ci("ContactPerson"))
        for p in ("personName", "emailAddress", "region", "occupation"):
            self.hide(person, p)
        for number in range(records):
            self.record(person, f"{name} {number}")
        return person

    def record(self, person: NamedNode, name: str) -> NamedNode:
        """A hidden record about a person, which a pain point that is shown rests on."""
        record = self.node("record", name, hidden=True)
        self.only(record, TYPE, ci("Feedback"))
        self.only(record, ci("dataSubject"), person)
        self.only(NamedNode(A.instance("leaks", "PainPoint", "0")), ci("evidencedBy"), record)
        for p in ("content", "quote", "callNote"):
            self.hide(record, p)
        self.hide(record, "title", "en")
        # What a CRM said of them, and what somebody made of it.
        candidate = self.node("candidate", name, hidden=True)
        self.only(candidate, TYPE, ci("PainPointCandidate"))
        self.only(candidate, ci("dataSubject"), person)
        self.only(candidate, ci("suspectedFrom"), record)
        self.only(NamedNode(A.instance("leaks", "PainPoint", "0")), ci("confirms"), candidate)
        self.hide(candidate, "title", "de")
        self.hide(candidate, "dismissedBecause")
        part = BlankNode()
        self.only(record, DETAIL, part)
        if self.full:
            self._add(part, DETAIL, Literal(self.canary()))
        return record


def what_is_shown(plant: Planted) -> None:
    """A project with a chain, and the persons who have agreed."""
    plant.seen.add(PROJECT.value)
    plant.both(PROJECT, TYPE, ci("IntegrationProject"))
    plant.show(PROJECT, "title", "en")
    for number in range(2):
        for kind in TITLED:
            node = plant.node(kind, str(number), hidden=False)
            plant.both(node, TYPE, ci(kind))
            plant.both(node, ci("inProject"), PROJECT)
            plant.both(node, ci("confidentiality"), ci("Public" if number else "Internal"))
            plant.show(node, "title", "en")
            plant.show(node, "description", "en")
        _chained(plant, *(NamedNode(A.instance("leaks", kind, str(number))) for kind in TITLED), both=True)
    for name in ("open", "restricted"):
        person = plant.node("person", name, hidden=False)
        plant.both(person, TYPE, ci("ContactPerson"))
        plant.show(person, "personName")
        plant.show(person, "region")
        plant.consent(person, both=True)
        record = plant.node("record", name, hidden=False)
        plant.both(record, TYPE, ci("Feedback"))
        plant.both(record, ci("dataSubject"), person)
        plant.both(NamedNode(A.instance("leaks", "PainPoint", "0")), ci("evidencedBy"), record)
        plant.show(record, "content")
        plant.show(record, "title", "en")
        candidate = plant.node("candidate", name, hidden=False)
        plant.both(candidate, TYPE, ci("PainPointCandidate"))
        plant.both(candidate, ci("dataSubject"), person)
        plant.both(candidate, ci("suspectedFrom"), record)
        plant.show(candidate, "title", "en")
        # They have not agreed that what they bought is used.
        deal = plant.node("deal", name, hidden=True)
        plant.only(deal, TYPE, ci("TransactionRecord"))
        plant.only(deal, ci("dataSubject"), person)
        plant.only(deal, ci("hasCategory"), ci("TransactionData"))
        for p in ("purchases", "dealStage", "transactionCurrency", "transactionAmount"):
            plant.hide(deal, p)
        # A link to a record of a CRM is as the person has agreed; what was compared may be somebody else's.
        link = plant.node("link", name, hidden=False)
        plant.both(link, TYPE, ci("CrmLink"))
        plant.both(link, ci("linkedPerson"), person)
        plant.both(link, ci("linksRecord"), plant.node("CRM record", name, hidden=False))
        plant.both(link, ci("decision"), ci("LinkUndecided"))
        plant.show(link, "recordSource")
        compared = plant.node("comparison", name, hidden=True)
        plant.only(compared, TYPE, ci("FieldComparison"))
        plant.only(compared, ci("comparisonOf"), link)
        for p in ("recordValue", "customerValue", "fieldName"):
            plant.hide(compared, p)
    unidentified = plant.node("request", "nobody", hidden=True)
    plant.only(unidentified, TYPE, ci("UnidentifiedRequest"))
    plant.hide(unidentified, "correspondenceReference")
    # One who has agreed for what was said, not for who said it.
    person = plant.node("person", "partly", hidden=True)
    plant.both(person, TYPE, ci("ContactPerson"))
    plant.hide(person, "personName")
    plant.hide(person, "occupation")
    plant.consent(person, categories=("CommunicationData",), both=True)
    record = plant.node("record", "partly", hidden=False)
    plant.both(record, TYPE, ci("Feedback"))
    plant.both(record, ci("dataSubject"), person)
    plant.show(record, "content")
    plant.hide(record, "customerNumber")


def _chained(plant: Planted, *chain: NamedNode, both: bool) -> None:
    pain, touchpoint, solution, impact, lesson = chain
    add = plant.both if both else plant.only
    add(pain, ci("occursAt"), touchpoint)
    add(pain, ci("addressedBy"), solution)
    add(impact, ci("impactOf"), solution)
    add(lesson, ci("learnedFrom"), solution)


def what_was_shown(plant: Planted) -> None:
    """Persons who agree, for now."""
    for name in ("withdrawn", "ending", "late restriction"):
        person = plant.person(name)
        plant.consent(person, days=0 if name == "ending" else 500)


def what_is_hidden(plant: Planted) -> None:
    """All else that must not be seen."""
    plant.person("silent")
    plant.consent(plant.person("other purpose"), IMPROVING)
    plant.consent(plant.person("narrower purpose", records=1), f"{DPV}Marketing")
    plant.consent(plant.person("refused"), acts=(("ConsentRefused", -90),))
    plant.consent(plant.person("expired"), days=-10)
    plant.consent(plant.person("not yet"), acts=(("ConsentGiven", 10),))
    plant.consent(plant.person("asked", records=1), acts=(("ConsentRequested", -10),))
    plant.consent(plant.person("invalid", records=1), acts=(("ConsentGiven", -9), ("ConsentInvalidated", -8)))
    foreign = plant.person("foreign", iri="http://example.org/persons/7f3b2c90-1111-4222-8333-0123456789ab")
    plant.consent(foreign, IMPROVING)
    child = plant.person("child")
    plant.only(child, ci("age"), Literal(12))
    plant.consent(child)
    sealed = plant.person("sealed")
    plant.consent(sealed)
    restriction = plant.node("restriction", "of all", hidden=True)
    plant.only(restriction, TYPE, ci("Restriction"))
    plant.only(restriction, ci("dataSubject"), sealed)
    plant.hide(restriction, "description", "en")
    member = plant.node("membership", hidden=True)
    plant.only(member, TYPE, ci("SegmentMembership"))
    plant.only(member, ci("memberPerson"), sealed)
    plant.hide(member, "description", "en")
    # Of one who has agreed: a record of a special category, one that is restricted, one that is confidential.
    person = NamedNode(A.instance("leaks", "person", "restricted"))
    special = plant.record(person, "special")
    plant.only(special, ci("specialCategory"), Literal(True))
    restriction = plant.node("restriction", "of one", hidden=True)
    plant.only(restriction, TYPE, ci("Restriction"))
    plant.only(restriction, ci("dataSubject"), person)
    plant.only(restriction, ci("restricts"), plant.record(person, "restricted record"))
    plant.only(plant.record(person, "confidential record"), ci("confidentiality"), ci("Confidential"))
    other = plant.record(person, "other category")
    plant.only(other, ci("hasCategory"), ci("TransactionData"))
    # Of the project.
    chain = [plant.node(kind, "confidential", hidden=True) for kind in TITLED]
    for node, kind in zip(chain, TITLED, strict=True):
        plant.only(node, TYPE, ci(kind))
        plant.only(node, ci("inProject"), PROJECT)
        plant.only(node, ci("confidentiality"), ci("Confidential"))
        plant.hide(node, "title", "en")
        plant.hide(node, "description", "de")
    _chained(plant, *chain, both=False)
    shown = [NamedNode(A.instance("leaks", kind, "0")) for kind in TITLED]
    _chained(plant, shown[0], chain[1], chain[2], chain[3], chain[4], both=False)
    for graph in (A.scratch, "urn:scratch:1", "http://example.org/scratch"):
        node = plant.node("scratch", graph, hidden=True)
        plant.hide(node, DETAIL, graph=graph)
        plant.only(node, TYPE, ci("PainPoint"), graph=graph if graph != A.scratch else "urn:scratch:1")
        plant.hide(node, "title", "en", graph=graph if graph != A.scratch else "urn:scratch:1")


def what_the_service_keeps(plant: Planted) -> None:
    """Findings, measurements, what waits in quarantine: graphs that the service alone writes."""
    for graph in (A.finding, A.quality, A.quarantine("1")):
        for number in range(3):
            node = plant.node(graph, str(number), hidden=True)
            plant.only(node, TYPE, NamedNode(f"{SH}ValidationResult"), graph)
            plant.only(node, NamedNode(f"{SH}focusNode"), PROJECT, graph)
            plant.hide(node, NamedNode(f"{SH}resultMessage"), "en", graph)
            plant.hide(node, "waiverReason", graph=graph)


class World:
    """A graph, its clock, and the keys of those who ask; `full`, or the twin without what is hidden."""

    def __init__(self, model: OxigraphStore, folder: Path, *, full: bool = True) -> None:
        self.now = YESTERDAY
        self._copied = model.copy()
        settings = Settings(store=folder / "store", rate=0, at_once=0)
        self.kg = KnowledgeGraph.open(settings, self._copied.__enter__(), lambda: self.now, guarded=False)
        self.planted = Planted(full)
        self._commit(what_is_shown)
        for part in (what_was_shown, what_is_hidden, what_the_service_keeps):
            self._commit(part, trusted=part is what_the_service_keeps)
        self._commit(self._withdrawing)
        self.now = NOON
        self.kg.reader(RESEARCH).current()
        self._fill(12)
        # In both worlds the view has now changed last with the same commit.
        self.planted.show(NamedNode(A.instance("leaks", "PainPoint", "1")), "title", "de")
        self._commit(lambda _: None)
        self.keys: dict[str, str] = {
            role: make_key(settings, role, purposes=(RESEARCH,), default=RESEARCH)
            for role in (Role.READER, Role.RESEARCHER, Role.EDITOR)
        }
        for who, roles in (
            (OF_TWO, (Role.RESEARCHER, Role.EDITOR)),
            (READER_OF_TWO, (Role.READER,)),
            (OVERSEER, (Role.ADMINISTRATOR,)),
        ):
            self.keys[who] = make_key(settings, *roles, purposes=(RESEARCH, IMPROVING), default=RESEARCH)
        self._records = self._stored()

    @property
    def hidden(self) -> frozenset[str]:
        """What must be in no answer: the keys of IRIs (their last part)."""
        return frozenset(iri.rpartition("/")[2] for iri in self.planted.hidden)

    def _withdrawing(self, plant: Planted) -> None:
        def node(*name: str) -> NamedNode:
            return NamedNode(A.instance("leaks", *name))

        consent = node("consent", node("person", "withdrawn").value, RESEARCH)
        event = plant.node("event", consent.value, "ConsentWithdrawn", hidden=True)
        plant.only(event, TYPE, ci("ConsentWithdrawn"))
        plant.only(event, ci("eventOf"), consent)
        plant.only(event, ci("eventTime"), at(NOON - timedelta(days=2)))
        restriction = plant.node("restriction", "late", hidden=True)
        plant.only(restriction, TYPE, ci("Restriction"))
        plant.only(restriction, ci("dataSubject"), node("person", "late restriction"))

    def _commit(self, part: object, *, trusted: bool = False) -> None:
        assert callable(part)
        part(self.planted)
        adding, self.planted.adding = self.planted.adding, []
        origin = Origin()
        if self.planted.full and part is not what_is_shown:
            texts = [self.planted.canary() for _ in range(3)]
            origin = Origin(agent=texts[0], reason=texts[1], source=texts[2])
        if adding:
            self.kg.commit(Change(add=tuple(adding), origin=origin, trusted=trusted))

    def _fill(self, head: int) -> None:
        """Commits that concern no view, up to a number."""
        assert self.kg.head <= head
        while self.kg.head < head:
            there = any(self.kg.store.match([(FILLED, None, None)]))
            self.kg.commit(Change(remove=(FILLER,)) if there else Change(add=(FILLER,)))

    def guard(self, other: World | None = None) -> None:
        """From now on, take no change that brings a violation."""
        guard = Guard(policy=self.kg.policy)
        if other is not None:
            guard._shapes, guard._validator = other.kg.guard._shapes, other.kg.guard._validator
        guard.prepare(self.kg.planner())
        self.kg.guard, self.kg.guarded = guard, True

    def _stored(self) -> set[Quad]:
        """What users can write."""
        kind = self.kg.graphs.kind
        graphs = [name for name in self.kg.store.graphs() if kind(name) is not GraphKind.READ_ONLY]
        return {quad for name in graphs for quad in self.kg.store.match([(None, None, None)], name)}

    def restore(self) -> None:
        """Take back what updates have done to records."""
        now = self._stored()
        add, remove = tuple(self._records - now), tuple(now - self._records)
        if add or remove:
            self.kg.commit(Change(add=add, remove=remove, trusted=True))

    def close(self) -> None:
        """Release the store."""
        self.kg.close()
        self._copied.__exit__(None, None, None)
