"""A graph of N customers as N-Quads in record graphs: skewed as real data is, seeded, streaming.

    python -m benchmarks.generate 74000 > customers.nq        # about 2 million quads

A customer makes about 27 quads. How often a customer is met and which pain point it concerns follow power
laws, as in the 1,500 real complaints of `examples/cfpb`, where the most frequent of 54 issues is named in
35 % of the rows and the median issue in 5 rows.
"""

from __future__ import annotations

import random
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from kgservice.namespaces import CI, DPV, RDF, XSD, Addresses

BASE = "https://kg.example/"
PHASES = (
    "IdeaGeneration",
    "RequirementsElicitation",
    "ConceptDevelopment",
    "PrototypeDevelopment",
    "MarketLaunch",
)
CHANNELS = ("Web", "Phone", "EMail", "OnSite", "App", "SocialNetworks", "PostalMail")
EMOTIONS = ("Excitement", "Frustration")
CATEGORIES = ("CommunicationData", "BehaviouralData", "PreferenceData", "IdentificationData")
KINDS = ("Problem", "Challenge", "Inconvenience")
PURPOSES = ("ResearchAndDevelopment", "ImproveExistingProductsAndServices", "CustomerRelationshipManagement")
WORDS = [
    "Anlage",
    "Druck",
    "Sensor",
    "Meldung",
    "Wartung",
    "Ausfall",
    "Bericht",
    "Gateway",
    "Verbindung",
    "Passwort",
    "Rechnung",
    "Termin",
    "Techniker",
    "Ersatzteil",
    "App",
    "Anzeige",
    "Alarm",
    "Grenzwert",
    "Schulung",
    "Vertrag",
    "Update",
    "Startzeit",
    "Leckage",
    "Filter",
    "Öl",
    "Temperatur",
]
START = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 1400


def skewed(count: int, exponent: float = 1.1) -> tuple[range, list[float]]:
    """Indices 0…count-1 and their cumulated power-law weights, as `random.choices` takes them."""
    return range(count), list(accumulate(1 / (i + 1) ** exponent for i in range(count)))


class Generator:
    """Writes the quads of `customers` customers; the same seed gives the same bytes."""

    def __init__(self, customers: int, seed: int = 7) -> None:
        self.customers = customers
        self.random = random.Random(seed)
        self.addresses = Addresses(BASE)
        self.touchpoints = max(25, customers // 200)
        self.pains = max(15, customers // 50)
        self.project = self.iri("project", 0)
        self.project_graph = self.addresses.project(self.project.rsplit("/", 1)[1])

    def iri(self, kind: str, number: int) -> str:
        """The instance IRI of the `number`-th thing of its kind: a UUID formed from both."""
        return f"{BASE}id/{uuid.UUID(int=(hash_of(kind) << 64) | (4 << 76) | (2 << 62) | number)}"

    def at(self, journey: int, step: int) -> int:
        """The touchpoint that a step of a journey passes."""
        return (journey * 10 + step * 3) % self.touchpoints

    def lines(self) -> Iterator[str]:
        """All quads, one line each, project records first."""
        yield from self.project_lines()
        for number in range(self.customers):
            yield from self.customer_lines(number)

    def project_lines(self) -> Iterator[str]:
        """Touchpoints, journeys, pain points, solutions and impacts: what concerns no person."""
        rnd, graph = self.random, self.project_graph
        yield quad(self.project, RDF + "type", iri(CI + "Project"), graph)
        for n in range(self.touchpoints):
            touchpoint = self.iri("touchpoint", n)
            yield from record(graph, touchpoint, "Touchpoint", self.project)
            yield quad(touchpoint, CI + "phase", iri(CI + PHASES[n % 5]), graph)
            yield quad(touchpoint, CI + "channel", iri(CI + CHANNELS[n % 7]), graph)
            yield quad(touchpoint, CI + "title", text(f"Kontaktpunkt {n}"), graph)
        for n in range(self.touchpoints // 10):
            journey = self.iri("journey", n)
            yield from record(graph, journey, "PlannedJourney", self.project)
            for step in range(10):
                node = self.iri("step", n * 10 + step)
                yield quad(journey, CI + "hasStep", iri(node), graph)
                yield quad(node, RDF + "type", iri(CI + "JourneyStep"), graph)
                yield quad(node, CI + "stepOrder", integer(step), graph)
                yield quad(
                    node,
                    CI + "atTouchpoint",
                    iri(self.iri("touchpoint", (n * 10 + step * 3) % self.touchpoints)),
                    graph,
                )
                if step < 9:
                    yield quad(node, CI + "nextStep", iri(self.iri("step", n * 10 + step + 1)), graph)
        for n in range(self.pains):
            pain = self.iri("pain", n)
            yield from record(graph, pain, "UsagePainPoint", self.project)
            yield quad(pain, CI + "occursAt", iri(self.iri("touchpoint", n % self.touchpoints)), graph)
            yield quad(
                pain, CI + "painPointKind", iri(CI + ("Problem", "Challenge", "Inconvenience")[n % 3]), graph
            )
            detected = START + timedelta(days=rnd.randrange(DAYS))
            yield quad(pain, CI + "detectedAt", moment(detected), graph)
            yield quad(pain, CI + "title", text(" ".join(rnd.choices(WORDS, k=3))), graph)
            if rnd.random() < 0.6:
                yield from self.solution_lines(n, pain, detected)

    def solution_lines(self, n: int, pain: str, detected: datetime) -> Iterator[str]:
        """A solution of pain point `n`, in half of the cases with a measured impact."""
        rnd, graph = self.random, self.project_graph
        solution, impact = self.iri("solution", n), self.iri("impact", n)
        yield from record(graph, solution, "Solution", self.project)
        yield quad(pain, CI + "addressedBy", iri(solution), graph)
        deployed = detected + timedelta(days=rnd.randrange(10, 200))
        yield quad(solution, CI + "deployedAt", moment(deployed), graph)
        yield quad(solution, CI + "title", text("Lösung " + " ".join(rnd.choices(WORDS, k=2))), graph)
        if rnd.random() < 0.5:
            yield from record(graph, impact, "UsageImpact", self.project)
            yield quad(impact, CI + "impactOf", iri(solution), graph)
            yield quad(impact, CI + "metric", iri(CI + "CustomerEffortMetric"), graph)
            for role, offset, days in (("baseline", 0, -20), ("measurement", 1, 60)):
                node = self.iri("measurement", 2 * n + offset)
                yield quad(impact, CI + role, iri(node), graph)
                yield quad(node, RDF + "type", iri(CI + "Measurement"), graph)
                yield quad(node, CI + "value", integer(rnd.randrange(5, 90)), graph)
                yield quad(node, CI + "unit", iri(CI + "Minute"), graph)
                yield quad(node, CI + "measuredAt", moment(deployed + timedelta(days=days)), graph)

    def customer_lines(self, n: int) -> Iterator[str]:
        """A person, their consent and what they said and felt."""
        person = self.iri("person", n)
        given = self.asked_at()
        yield from self.person_lines(n, given)
        graph = self.addresses.subject(person.rsplit("/", 1)[1])
        for k in range(min(20, int(self.random.paretovariate(2.0)))):
            yield from self.contact_lines(n, k, person, graph, given)

    def asked_at(self) -> datetime:
        """When somebody was asked for consent."""
        return START + timedelta(days=self.random.randrange(DAYS))

    def person_lines(self, n: int, given: datetime) -> Iterator[str]:
        """A person and the consent that they gave or refused then."""
        rnd, person = self.random, self.iri("person", n)
        key = person.rsplit("/", 1)[1]
        graph, consent_graph = self.addresses.subject(key), self.addresses.consent(key)
        yield quad(person, RDF + "type", iri(CI + "ContactPerson"), graph)
        yield quad(person, CI + "personName", plain(f"Kunde {n}"), graph)
        yield quad(person, CI + "emailAddress", plain(f"kunde{n}@firma{n % 997}.example"), graph)
        consent, event = self.iri("consent", n), self.iri("event", n)
        yield quad(consent, RDF + "type", iri(CI + "ConsentRecord"), consent_graph)
        yield quad(consent, CI + "dataSubject", iri(person), consent_graph)
        yield quad(consent, CI + "forPurpose", iri(DPV + rnd.choice(PURPOSES)), consent_graph)
        yield quad(consent, CI + "forCategory", iri(CI + rnd.choice(CATEGORIES)), consent_graph)
        kind = rnd.choices(("ConsentGiven", "ConsentRefused", "ConsentWithdrawn"), (80, 12, 8))[0]
        yield quad(event, RDF + "type", iri(CI + kind), consent_graph)
        yield quad(event, CI + "eventOf", iri(consent), consent_graph)
        yield quad(event, CI + "eventTime", moment(given), consent_graph)

    def contact_lines(self, n: int, k: int, person: str, graph: str, after: datetime) -> Iterator[str]:
        """One contact: a pass of the touchpoint, feedback as evidence of a pain point, an emotion."""
        rnd = self.random
        number = n * 20 + k
        passing, feedback, emotion = (self.iri(kind, number) for kind in ("pass", "feedback", "emotion"))
        pain = rnd.choices(range(self.pains), cum_weights=self._pain_weights)[0]
        touchpoint = self.iri("touchpoint", pain % self.touchpoints)
        at = after + timedelta(hours=rnd.randrange(1, 5000))
        yield quad(passing, RDF + "type", iri(CI + "TouchpointPass"), graph)
        yield quad(passing, CI + "dataSubject", iri(person), graph)
        yield quad(passing, CI + "atTouchpoint", iri(touchpoint), graph)
        yield quad(passing, CI + "passedAt", moment(at), graph)
        yield quad(feedback, RDF + "type", iri(CI + "Feedback"), graph)
        yield quad(feedback, CI + "dataSubject", iri(person), graph)
        yield quad(feedback, CI + "collectedAt", iri(touchpoint), graph)
        yield quad(feedback, CI + "content", text(" ".join(rnd.choices(WORDS, k=12))), graph)
        yield quad(self.iri("pain", pain), CI + "evidencedBy", iri(feedback), graph)
        if rnd.random() < 0.4:
            yield quad(emotion, RDF + "type", iri(CI + "EmotionObservation"), graph)
            yield quad(emotion, CI + "observedIn", iri(passing), graph)
            yield quad(emotion, CI + "emotion", iri(CI + EMOTIONS[rnd.random() < 0.6]), graph)
            yield quad(emotion, CI + "intensity", integer(rnd.randrange(-5, 6)), graph)

    @property
    def _pain_weights(self) -> list[float]:
        if not hasattr(self, "_weights"):
            self._weights = skewed(self.pains)[1]
        return self._weights


def hash_of(kind: str) -> int:
    """A stable 60-bit number for a kind's name (48 bits of it, then the UUID version nibble's place free)."""
    return (uuid.uuid5(uuid.NAMESPACE_URL, kind).int >> 80) << 16


def iri(value: str) -> str:
    """An IRI as N-Quads writes it."""
    return f"<{value}>"


def plain(value: str) -> str:
    """A string literal; `value` holds no quote, backslash or line break."""
    return f'"{value}"'


def text(value: str) -> str:
    """A German text."""
    return f'"{value}"@de'


def integer(value: int) -> str:
    """A whole number."""
    return f'"{value}"^^<{XSD}integer>'


def moment(value: datetime) -> str:
    """A moment with time zone."""
    return f'"{value:%Y-%m-%dT%H:%M:%SZ}"^^<{XSD}dateTime>'


def quad(subject: str, predicate: str, term: str, graph: str) -> str:
    """One line of N-Quads."""
    return f"<{subject}> <{predicate}> {term} <{graph}> .\n"


def record(graph: str, node: str, kind: str, project: str) -> Iterator[str]:
    """The type of a project record and the project it belongs to."""
    yield quad(node, RDF + "type", iri(CI + kind), graph)
    yield quad(node, CI + "inProject", iri(project), graph)


def main() -> None:
    """Write the graph of `sys.argv[1]` customers to standard output."""
    sys.stdout.writelines(Generator(int(sys.argv[1])).lines())


if __name__ == "__main__":
    main()
