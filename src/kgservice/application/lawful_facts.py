"""Read from the graph what decides about the use of a person's data: consents, age, other bases, concepts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.consent import (
    Act,
    Activity,
    Authorisation,
    Basis,
    Concepts,
    Consent,
    Event,
    Objection,
    Subject,
)
from kgservice.domain.question import with_values
from kgservice.errors import NotFound
from kgservice.namespaces import CI, DPV, RDF
from kgservice.store.base import Term

GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
EXPLICIT = f"{DPV}ExplicitlyExpressedConsent"
_TRUE = Literal(True)

_PREFIXES = """
PREFIX ci: <https://w3id.org/kgservice/ci#>
PREFIX dpv: <https://w3id.org/dpv#>
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
"""
# One query, so that all that is read is of one commit. `urn:basis` and `urn:kind` lead to the broader, too.
_SUBJECT = f"""{_PREFIXES}
SELECT DISTINCT ?part ?s ?p ?o WHERE {{
  {{ VALUES ?person {{ UNDEF }} BIND("person" AS ?part) BIND(?person AS ?s) ?person ?p ?o }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("person" AS ?part) BIND(?person AS ?s) BIND(<urn:kind> AS ?p)
    ?person ci:customerKind|(^ci:memberPerson/ci:membershipOf/ci:segmentKindOfCustomer) ?kind .
    ?kind (skos:broader|^skos:narrower)* ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("demographic" AS ?part)
    ?s ci:dataSubject ?person ; a ci:DemographicRecord ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("consent" AS ?part) ?s ci:dataSubject ?person ; a ci:ConsentRecord ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("consent" AS ?part) BIND(<urn:basis> AS ?p)
    ?s ci:dataSubject ?person ; a ci:ConsentRecord ; ci:legalBasis/(skos:broader|^skos:narrower)* ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("event" AS ?part)
    ?consent ci:dataSubject ?person ; a ci:ConsentRecord . ?s ci:eventOf ?consent ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("authorisation" AS ?part)
    {{ ?s ci:authorises ?person }}
    UNION {{ ?consent ci:dataSubject ?person . ?s ci:authorisationFor ?consent }}
    ?s a ci:GuardianAuthorisation ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("objection" AS ?part)
    ?s ci:dataSubject ?person ; ci:requestKind ci:ObjectionRequest ; ?p ?o
  }}
  UNION {{
    VALUES ?person {{ UNDEF }} BIND("claim" AS ?part) BIND(<urn:basis> AS ?p)
    {{ ?s ci:dataSubject ?person }} UNION {{ ?record ci:dataSubject ?person . ?s ci:usesRecord ?record }}
    ?s ci:legalBasis/(skos:broader|^skos:narrower)* ?o FILTER NOT EXISTS {{ ?s a ci:ConsentRecord }}
  }}
  UNION {{ BIND("activity" AS ?part) ?s a ci:ProcessingActivity ; ?p ?o }}
  UNION {{
    BIND("activity" AS ?part) BIND(<urn:basis> AS ?p)
    ?s a ci:ProcessingActivity ; ci:legalBasis/(skos:broader|^skos:narrower)* ?o
  }}
}}"""
_CONCEPTS = f"""{_PREFIXES}
SELECT DISTINCT ?kind ?concept ?broader ?special WHERE {{
  VALUES ?kind {{ ci:DataCategory ci:ProcessingPurpose }}
  ?top a ?kind .
  ?top (skos:narrower|^skos:broader)* ?concept .
  OPTIONAL {{ ?concept skos:broader|^skos:narrower ?broader }}
  BIND(EXISTS {{
    ?concept (skos:broader|^skos:narrower)*/rdf:type? dpv:SpecialCategoryPersonalData
  }} AS ?special)
}}"""

# The statements about one node: the values of each property.
_Said = Mapping[str, list[Term]]


def read_concepts(kg: KnowledgeGraph) -> Concepts:
    """The data categories and purposes that there are, with what is broader; those without have none."""
    trees: dict[str, dict[str, set[str]]] = {"DataCategory": {}, "ProcessingPurpose": {}}
    special = set()
    for kind, concept, broader, is_special in kg.select(_CONCEPTS).rows:
        assert isinstance(kind, NamedNode)
        if isinstance(concept, NamedNode):
            above = trees[kind.value.removeprefix(CI)].setdefault(concept.value, set())
            if isinstance(broader, NamedNode):
                above.add(broader.value)
            if is_special == _TRUE:
                special.add(concept.value)
    categories, purposes = (
        {concept: frozenset(above) for concept, above in sorted(tree.items())} for tree in trees.values()
    )
    return Concepts(categories, purposes, frozenset(special))


def read_subject(kg: KnowledgeGraph, person: NamedNode) -> tuple[Subject, tuple[Activity, ...]]:
    """The person, and the activities on other bases than consent. Raises `NotFound` if it is no person."""
    parts: dict[str, dict[str, dict[str, list[Term]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for part, s, p, o in kg.select(with_values(_SUBJECT, {"person": person})).rows:
        if isinstance(part, Literal) and isinstance(s, NamedNode) and isinstance(p, NamedNode) and o:
            parts[part.value][s.value][p.value.removeprefix(CI)].append(o)
    said = parts["person"][person.value]
    if f"{CI}Person" not in _iris(said, f"{RDF}type"):
        raise NotFound(f"There is no person {person.value}")
    read = _Reader(parts)
    subject = Subject(
        person.value,
        tuple(read.consents()),
        _minor(said),
        tuple(read.numbers(said, "age")),
        tuple(read.numbers(said, "birthYear")),
        f"{CI}YoungCustomers" in _iris(said, "urn:kind"),
        tuple(read.authorisations()),
        tuple(read.objections()),
        frozenset().union(*(_bases(claim) for claim in parts["claim"].values())),
    )
    return subject, tuple(read.activities())


class _Reader:
    """One pass over what was read of a person, by part and node."""

    def __init__(self, parts: Mapping[str, Mapping[str, _Said]]) -> None:
        self._parts = parts

    def numbers(self, person: _Said, name: str) -> Iterator[int]:
        """Whole numbers that the person and their demographic records state."""
        for said in (person, *self._of("demographic").values()):
            for value in said.get(name, ()):
                if isinstance(value, Literal) and value.value.lstrip("-").isdecimal():
                    yield int(value.value)

    def consents(self) -> Iterator[Consent]:
        """The consent records of the person."""
        events: dict[str, list[tuple[str, _Said]]] = defaultdict(list)
        for iri, said in self._of("event").items():
            for consent in _iris(said, "eventOf"):
                events[consent].append((iri, said))
        for iri, said in self._of("consent").items():
            read = [_event(name, event) for name, event in events[iri]]
            basis = _iris(said, "urn:basis")
            endless = f"{DPV}EndlessDuration" in _iris(said, f"{DPV}hasDuration")
            yield Consent(
                iri,
                frozenset(_iris(said, "forCategory")),
                frozenset(_iris(said, "forPurpose")),
                tuple(event for event in read if event is not None),
                None if endless else _earliest(said, "expiresAt"),
                EXPLICIT in basis,
                f"{DPV}ImpliedConsent" in basis,
                None in read or _is_unclear(said, "expiresAt"),
            )

    def authorisations(self) -> Iterator[Authorisation]:
        """What guardians agreed to."""
        for iri, said in self._of("authorisation").items():
            roles = _texts(said, "authorisedBy")
            moments = _moments(said, "verifiedAt")
            yield Authorisation(
                iri,
                roles[0] if len(roles) == 1 else "",
                max(moments, default=None),
                frozenset(_iris(said, "authorisationFor")),
            )

    def objections(self) -> Iterator[Objection]:
        """The objections of the person; one that does not say when it came has always been there."""
        for said in self._of("objection").values():
            refused = f"{CI}Refused" in _iris(said, "requestOutcome")
            yield Objection(
                _earliest(said, "receivedAt") or datetime.min.replace(tzinfo=UTC),
                max(_moments(said, "answeredAt"), default=None) if refused else None,
            )

    def activities(self) -> Iterator[Activity]:
        """The processing activities that rest on other bases than consent."""
        for iri, said in self._of("activity").items():
            exceptions = {value.removeprefix(f"{GDPR}A9-2-") for value in _iris(said, "article9Basis")}
            if bases := _bases(said):
                yield Activity(
                    iri,
                    frozenset(_iris(said, "forCategory")),
                    frozenset(_iris(said, "forPurpose")),
                    bases,
                    any(map(str.strip, _texts(said, "balancingOfInterests"))),
                    any(len(letter) == 1 and letter != "a" for letter in exceptions),
                )

    def _of(self, part: str) -> Mapping[str, _Said]:
        return dict(sorted(self._parts.get(part, {}).items()))


def _event(iri: str, said: _Said) -> Event | None:
    """The event; None when it has not exactly one kind and moment, so that nobody can tell what it means."""
    kinds = [Act(name) for name in _names(_iris(said, f"{RDF}type")) if name in set(Act)]
    times = _moments(said, "eventTime")
    if len(kinds) != 1 or len(times) != 1 or _is_unclear(said, "eventTime"):
        return None
    return Event(
        iri,
        kinds[0],
        times[0],
        _earliest(said, "expiresAt"),
        " / ".join(_texts(said, "eventMethod")),
        " / ".join(_texts(said, "eventEntity")),
    )


def _bases(said: _Said) -> frozenset[Basis]:
    letters = {iri.removeprefix(f"{GDPR}A6-1-") for iri in _iris(said, "urn:basis")}
    return frozenset(basis for basis in Basis if basis in letters)


def _minor(said: _Said) -> bool | None:
    """Whether the person is said to be a minor; yes if both is said."""
    stated = [value == _TRUE for value in said.get("isMinor", ())]
    return any(stated) if stated else None


def _names(iris: set[str]) -> list[str]:
    return sorted(iri.removeprefix(CI) for iri in iris)


def _iris(said: _Said, name: str) -> set[str]:
    return {value.value for value in said.get(name, ()) if isinstance(value, NamedNode)}


def _texts(said: _Said, name: str) -> list[str]:
    return sorted(value.value for value in said.get(name, ()) if isinstance(value, Literal))


def _moments(said: _Said, name: str) -> list[datetime]:
    """The moments with a time zone."""
    return [found for found in map(_read_moment, said.get(name, ())) if found is not None]


def _is_unclear(said: _Said, name: str) -> bool:
    """Whether a value is no moment, or one without a time zone."""
    return None in map(_read_moment, said.get(name, ()))


def _earliest(said: _Said, name: str) -> datetime | None:
    return min(_moments(said, name), default=None)


def _read_moment(value: Term) -> datetime | None:
    try:
        found = datetime.fromisoformat(value.value) if isinstance(value, Literal) else None
        return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
