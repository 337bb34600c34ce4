"""The graph of `generate.py` with all that the shapes ask for, so that a full validation finds no violation.

    python -m benchmarks.complete 30000 > customers.nq        # about 2 million quads

A customer makes about 65 quads. Whoever refused or withdrew their consent has no records that rest on it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from pyoxigraph import Quad

from benchmarks.generate import (
    CATEGORIES,
    DAYS,
    EMOTIONS,
    PURPOSES,
    START,
    WORDS,
    Generator,
    integer,
    iri,
    moment,
    plain,
    quad,
    text,
)
from kgservice.domain.change import Change
from kgservice.namespaces import CI, DPV, RDF
from kgservice.store.formats import N_QUADS
from kgservice.store.syntax import parse

# After all that the generator dates: rules look at "now".
NOW = datetime(2027, 9, 1, tzinfo=UTC)
KINDS = (
    "pain point with evidence",
    "feedback with screening",
    "person with consent",
    "solution and evidence",
)


class CompleteGenerator(Generator):
    """Writes a graph that the shapes accept; the same seed gives the same bytes."""

    def __init__(self, customers: int, seed: int = 7) -> None:
        super().__init__(customers, seed)
        self.officer = self.iri("officer", 0)
        self.provider, self.notice = self.iri("provider", 0), self.iri("notice", 0)

    def project_lines(self) -> Iterator[str]:
        """What concerns no customer: the provider, its officer, and the project with all that it needs."""
        graph, common = self.project_graph, self.addresses.project("common")
        yield quad(self.officer, RDF + "type", iri(CI + "Employee"), self._subject(self.officer))
        yield quad(self.provider, RDF + "type", iri(CI + "Provider"), common)
        yield quad(self.provider, CI + "title", text("Verdichterbau GmbH"), common)
        yield quad(self.provider, CI + "controllerAddress", plain("Werkstraße 1"), common)
        yield quad(self.provider, CI + "controllerContact", plain("Datenschutz, Werkstraße 1"), common)
        yield quad(self.notice, RDF + "type", iri(CI + "ConsentNotice"), common)
        yield quad(self.notice, CI + "noticeVersion", plain("1.0"), common)
        yield quad(self.notice, CI + "noticeLanguage", plain("de"), common)
        yield quad(self.notice, CI + "issuedAt", moment(START), common)
        yield from super().project_lines()
        for n in range(self.touchpoints):
            touchpoint, plan, use = (self.iri(kind, n) for kind in ("touchpoint", "plan", "use"))
            yield quad(touchpoint, CI + "communicationMode", iri(CI + "Synchronous"), graph)
            yield quad(touchpoint, CI + "initiator", iri(CI + "ProviderSide"), graph)
            yield quad(touchpoint, CI + "receiver", iri(CI + "CustomerSide"), graph)
            yield quad(touchpoint, CI + "plannedMethod", iri(plan), graph)
            yield quad(plan, RDF + "type", iri(CI + "PlannedMethod"), graph)
            yield quad(plan, CI + "method", iri(CI + "UserTest"), graph)
            yield quad(plan, CI + "declaresDataCategory", iri(CI + "CommunicationData"), graph)
            yield quad(use, RDF + "type", iri(CI + "MethodUse"), graph)
            yield quad(use, CI + "executes", iri(plan), graph)
            yield quad(use, CI + "usedAt", iri(touchpoint), graph)
        for n in range(self.pains):
            pain = self.iri("pain", n)
            yield quad(pain, CI + "painPointStatus", iri(CI + "Resolved"), graph)
            yield from self._document(self.iri("document", n), pain, n % self.touchpoints, START)

    def solution_lines(self, n: int, pain: str, detected: datetime) -> Iterator[str]:
        """A solution with its level of confidentiality, its impact with evidence."""
        graph, impact, result = self.project_graph, self.iri("impact", n), self.iri("result", n)
        measured = False
        for line in super().solution_lines(n, pain, detected):
            measured = measured or line.startswith(f"<{impact}>")
            yield line
        yield quad(self.iri("solution", n), CI + "confidentiality", iri(CI + "Internal"), graph)
        if measured:
            yield quad(impact, CI + "evidencedBy", iri(result), graph)
            yield quad(result, RDF + "type", iri(CI + "AggregateResult"), graph)
            yield quad(result, CI + "sourceOfData", iri(self.iri("source", 0)), graph)
            yield quad(self.iri("source", 0), RDF + "type", iri(CI + "DataSource"), graph)
            yield quad(result, CI + "recordedAt", moment(detected + timedelta(days=270)), graph)
            yield quad(result, CI + "confidentiality", iri(CI + "Internal"), graph)

    def _document(self, document: str, pain: str, touchpoint: int, at: datetime) -> Iterator[str]:
        graph = self.project_graph
        yield quad(pain, CI + "evidencedBy", iri(document), graph)
        yield quad(document, RDF + "type", iri(CI + "Document"), graph)
        yield quad(document, CI + "collectedAt", iri(self.iri("touchpoint", touchpoint)), graph)
        yield quad(document, CI + "collectedBy", iri(self.iri("use", touchpoint)), graph)
        yield quad(document, CI + "recordedAt", moment(at), graph)
        yield quad(document, CI + "confidentiality", iri(CI + "Internal"), graph)

    def customer_lines(self, n: int) -> Iterator[str]:
        """A person, their consent with all that it must state, and their contacts if it is in force."""
        rnd, person = self.random, self.iri("person", n)
        given = START + timedelta(days=rnd.randrange(1, DAYS))
        kind = rnd.choices(("ConsentGiven", "ConsentRefused", "ConsentWithdrawn"), (80, 12, 8))[0]
        first = {"ConsentRefused": ["ConsentRequested"], "ConsentWithdrawn": ["ConsentGiven"]}.get(kind, [])
        yield from self._person_lines(n, given, [*first, kind])
        if kind == "ConsentGiven":
            for k in range(min(20, int(rnd.paretovariate(2.0)))):
                yield from self.contact_lines(n, k, person, self._subject(person), given)

    def _person_lines(self, n: int, given: datetime, events: list[str]) -> Iterator[str]:
        rnd = self.random
        person, consent = self.iri("person", n), self.iri("consent", n)
        graph, consents = self._subject(person), self.addresses.consent(_key(person))
        yield quad(person, RDF + "type", iri(CI + "ContactPerson"), graph)
        yield quad(person, CI + "personName", plain(f"Kunde {_name(n)}"), graph)
        yield quad(person, CI + "emailAddress", plain(f"kunde{n}@firma{n % 997}.example"), graph)
        kinds = {"CommunicationData", "BehaviouralData", rnd.choice(CATEGORIES)}
        said = [
            ("recordSchema", plain("ISO/IEC TS 27560:2023")),
            ("dataSubject", iri(person)),
            ("forPurpose", iri(DPV + rnd.choice(PURPOSES))),
            *(("forCategory", iri(CI + kind)) for kind in sorted(kinds)),
            ("notice", iri(self.notice)),
            ("controller", iri(self.provider)),
            ("recipient", plain("keine")),
            ("retention", integer(1095)),
            ("storagePlace", plain("Rechenzentrum in Deutschland")),
            ("jurisdiction", plain("DE")),
            ("withdrawalWay", plain("Formular im Portal")),
            ("expiresAt", moment(given + timedelta(days=3650))),
        ]
        yield quad(consent, RDF + "type", iri(CI + "ConsentRecord"), consents)
        for name, value in said:
            yield quad(consent, CI + name, value, consents)
        for number, kind in enumerate(events):
            event = self.iri("event", 2 * n + number)
            asked = kind == "ConsentRequested"
            yield quad(event, RDF + "type", iri(CI + kind), consents)
            yield quad(event, CI + "eventOf", iri(consent), consents)
            yield quad(event, CI + "eventTime", moment(given + timedelta(hours=number)), consents)
            yield quad(event, CI + "eventMethod", plain("form"), consents)
            yield quad(
                event, CI + "eventEntity", plain("DataController" if asked else "DataSubject"), consents
            )

    def contact_lines(self, n: int, k: int, person: str, graph: str, after: datetime) -> Iterator[str]:
        """One contact: a pass of the touchpoint, screened feedback on a pain point, a screened emotion."""
        rnd = self.random
        number = n * 20 + k
        passing, emotion = self.iri("pass", number), self.iri("emotion", number)
        pain = rnd.choices(range(self.pains), cum_weights=self._pain_weights)[0]
        at = after + timedelta(hours=rnd.randrange(1, 5000))
        yield quad(passing, RDF + "type", iri(CI + "TouchpointPass"), graph)
        yield quad(passing, CI + "dataSubject", iri(person), graph)
        yield quad(passing, CI + "atTouchpoint", iri(self.iri("touchpoint", pain % self.touchpoints)), graph)
        yield quad(passing, CI + "passedAt", moment(at), graph)
        yield from self._feedback_lines(number, person, pain, at)
        if rnd.random() < 0.4:
            yield quad(emotion, RDF + "type", iri(CI + "EmotionObservation"), graph)
            yield quad(emotion, CI + "dataSubject", iri(person), graph)
            yield quad(emotion, CI + "observedIn", iri(passing), graph)
            yield quad(emotion, CI + "observedAt", moment(at), graph)
            yield quad(emotion, CI + "emotion", iri(CI + EMOTIONS[rnd.random() < 0.6]), graph)
            yield quad(emotion, CI + "intensity", integer(rnd.randrange(-5, 6)), graph)
            yield quad(emotion, CI + "scale", iri(CI + "EmotionScaleMinus5To5"), graph)
            yield from self._screening_lines(2 * number + 1, person, emotion, at)

    def _feedback_lines(self, number: int, person: str, pain: int, at: datetime) -> Iterator[str]:
        graph, feedback = self._subject(person), self.iri("feedback", number)
        touchpoint = pain % self.touchpoints
        words = " ".join(self.random.choices(WORDS, k=12))
        yield quad(feedback, RDF + "type", iri(CI + "Feedback"), graph)
        yield quad(feedback, CI + "dataSubject", iri(person), graph)
        yield quad(feedback, CI + "collectedAt", iri(self.iri("touchpoint", touchpoint)), graph)
        yield quad(feedback, CI + "collectedBy", iri(self.iri("use", touchpoint)), graph)
        yield quad(feedback, CI + "content", text(words), graph)
        yield quad(feedback, CI + "hasCategory", iri(CI + "CommunicationData"), graph)
        yield quad(feedback, CI + "legalBasis", iri(DPV + "ExpressedConsent"), graph)
        yield quad(feedback, CI + "collectedAtTime", moment(at), graph)
        yield quad(feedback, CI + "recordedAt", moment(at), graph)
        yield quad(feedback, CI + "confidentiality", iri(CI + "Internal"), graph)
        yield quad(self.iri("pain", pain), CI + "evidencedBy", iri(feedback), graph)
        yield from self._screening_lines(2 * number, person, feedback, at)

    def _screening_lines(self, number: int, person: str, of: str, at: datetime) -> Iterator[str]:
        graph, screening = self._subject(person), self.iri("screening", number)
        yield quad(screening, RDF + "type", iri(CI + "SpecialCategoryScreening"), graph)
        yield quad(screening, CI + "dataSubject", iri(person), graph)
        yield quad(screening, CI + "screeningOf", iri(of), graph)
        yield quad(screening, CI + "screeningDecision", iri(CI + "NoSpecialCategory"), graph)
        yield quad(screening, CI + "responsible", iri(self.officer), graph)
        yield quad(screening, CI + "recordedAt", moment(at), graph)

    def _subject(self, person: str) -> str:
        return self.addresses.subject(_key(person))

    # New records, for commits

    def new_record(self, number: int, consenting: list[str]) -> Change:
        """The `number`-th new record, of 10 to 20 quads; the kinds take turns (see `KINDS`).

        Feedback is that of one of the persons `consenting`, whose consents are in force.
        """
        rnd, own = self.random, 10_000_000 + number
        kind, at = KINDS[number % len(KINDS)], NOW - timedelta(days=100, seconds=number)
        pain = rnd.choices(range(self.pains), cum_weights=self._pain_weights)[0]
        if kind == KINDS[0]:
            lines = self._pain_lines(own, at)
        elif kind == KINDS[1]:
            lines = self._feedback_lines(own, consenting[rnd.randrange(len(consenting))], pain, at)
        elif kind == KINDS[2]:
            lines = self._person_lines(own, at, ["ConsentGiven"])
        else:
            lines = self._solved_lines(own, pain, at)
        # Loose: the service decides where each statement belongs.
        return Change.adding([Quad(*quad.triple) for quad in parse("".join(lines).encode(), N_QUADS)])

    def _pain_lines(self, n: int, at: datetime) -> Iterator[str]:
        graph, pain, touchpoint = self.project_graph, self.iri("pain", n), n % self.touchpoints
        yield quad(pain, RDF + "type", iri(CI + "UsagePainPoint"), graph)
        yield quad(pain, CI + "inProject", iri(self.project), graph)
        yield quad(pain, CI + "occursAt", iri(self.iri("touchpoint", touchpoint)), graph)
        yield quad(pain, CI + "painPointKind", iri(CI + "Problem"), graph)
        yield quad(pain, CI + "painPointStatus", iri(CI + "Resolved"), graph)
        yield quad(pain, CI + "detectedAt", moment(at), graph)
        yield quad(pain, CI + "title", text(" ".join(self.random.choices(WORDS, k=3))), graph)
        yield from self._document(self.iri("document", n), pain, touchpoint, at)

    def _solved_lines(self, n: int, number: int, at: datetime) -> Iterator[str]:
        pain = self.iri("pain", number)
        lines = list(self.solution_lines(n, pain, at - timedelta(days=300)))
        while len(lines) > 10:  # half of the solutions have an impact
            lines = list(self.solution_lines(n, pain, at - timedelta(days=300)))
        yield from lines
        yield from self._document(self.iri("document", n), pain, number % self.touchpoints, at)


def _name(n: int) -> str:
    """A name that no identifier holds: its letters are no hexadecimal digits."""
    return "".join(chr(ord("g") + int(digit)) for digit in str(n))


def _key(person: str) -> str:
    return person.rsplit("/", 1)[1]


def main() -> None:
    """Write the graph of `sys.argv[1]` customers to standard output."""
    sys.stdout.writelines(CompleteGenerator(int(sys.argv[1])).lines())


if __name__ == "__main__":
    main()
