"""Saved questions: read from their files, given values, asked on one view."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Literal, NamedNode

from kgservice import resources
from kgservice.application.graph.labels import short
from kgservice.application.views.reader import Reader
from kgservice.domain.finding import Policy
from kgservice.domain.principal import EVERYTHING, OVERSEEING
from kgservice.domain.question import Parameter, Question, compact, listed, with_values
from kgservice.domain.question_file import parse
from kgservice.errors import BadInput, BadParameter, BadQuery, Forbidden, NotFound
from kgservice.phrases import Phrase
from kgservice.store.base import Solutions, Term

MOST_LISTED = 20
"""Most instances that a message or a description lists."""

_CHOICES = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?instance ?title ?name ?concept ?label WHERE {
  VALUES ?class { UNDEF }
  ?instance a ?class .
  FILTER(ISIRI(?instance))
  OPTIONAL { ?instance ci:title ?title }
  OPTIONAL { ?instance ci:personName ?name }
  OPTIONAL { ?instance skos:prefLabel ?concept }
  OPTIONAL { ?instance rdfs:label ?label }
}
"""
_KINDS = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?instance ?kind WHERE {
  VALUES ?class { UNDEF }
  VALUES ?language { UNDEF }
  ?instance a ?class , ?of .
  FILTER(STRSTARTS(STR(?of), STR(ci:)))
  FILTER NOT EXISTS { ?instance ci:title|ci:personName|skos:prefLabel|rdfs:label ?any }
  FILTER NOT EXISTS { ?instance a ?narrower . ?narrower rdfs:subClassOf ?of FILTER(?narrower != ?of) }
  ?of skos:prefLabel ?kind FILTER(LANG(?kind) = ?language)
}
"""
_SOME = """
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
PREFIX ci: <https://w3id.org/kgservice/ci#>
SELECT ?instance ?title ?name ?concept ?label WHERE {
  {
    SELECT DISTINCT ?instance WHERE {
      VALUES ?class { UNDEF }
      ?instance a ?class FILTER(ISIRI(?instance))
    } ORDER BY ?instance LIMIT 21
  }
  OPTIONAL { ?instance ci:title ?title }
  OPTIONAL { ?instance ci:personName ?name }
  OPTIONAL { ?instance skos:prefLabel ?concept }
  OPTIONAL { ?instance rdfs:label ?label }
} ORDER BY ?instance
"""
_COUNTED = """SELECT (COUNT(*) AS ?n) WHERE {
  { SELECT DISTINCT ?x WHERE { VALUES ?class { UNDEF } ?x a ?class FILTER(ISIRI(?x)) } LIMIT %d }
}"""
_IS_A = "ASK { VALUES ?instance { UNDEF } VALUES ?class { UNDEF } ?instance a ?class }"


@dataclass(frozen=True, slots=True)
class Bound:
    """A question with its values: `text` is the SPARQL to run, `bindings` the terms by parameter name.

    `clocked`: a value is the moment of asking, so that asking again later can give another answer.
    """

    question: Question
    bindings: Mapping[str, NamedNode | Literal]
    text: str
    clocked: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that a question gave for the values in `bindings`."""

    question: Question
    solutions: Solutions
    bindings: Mapping[str, NamedNode | Literal]


@dataclass(frozen=True, slots=True)
class Choice:
    """An instance that a parameter may take, and how people call it."""

    iri: str
    label: str


def questions(folder: Path | None = None) -> dict[str, Question]:
    """All questions of a folder (default: the shipped `queries`), numbered ones first, then by group and id.

    Raises `BadInput` naming file and line for a broken file, and for an id or number used twice.
    """
    root = folder or resources.folder("queries")
    found: dict[str, Question] = {}
    numbers: dict[int, Question] = {}
    for path in sorted(root.glob("*/*.rq")):
        name = f"{path.parent.name}/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as e:
            raise BadInput(
                "the file is not UTF-8", source=name, line=e.object[: e.start].count(b"\n") + 1
            ) from None
        question = parse(text, id=path.stem, group=path.parent.name, path=name)
        if question.id in found:
            raise BadInput("the id is taken by {path}", path=found[question.id].path, source=name, line=1)
        if question.number is not None:
            if question.number in numbers:
                raise BadInput(
                    "the number {number} is taken by {path}",
                    number=question.number,
                    path=numbers[question.number].path,
                    source=name,
                    line=1,
                )
            numbers[question.number] = question
        found[question.id] = question
    order = sorted(found.values(), key=lambda q: (q.number is None, q.number or 0, q.group, q.id))
    return {question.id: question for question in order}


def find(known: Mapping[str, Question], id: str) -> Question:  # noqa: A002
    """The question called `id`, or with that number; raises `NotFound` that names near matches."""
    for question in known.values():
        if id in (question.id, str(question.number)):
            return question
    near = difflib.get_close_matches(id, known, 3, 0.4)
    hint = Phrase("; did you mean {names}?", names=", ".join(near)) if near else ""
    raise NotFound("there is no question {id!r}{hint}", id=id[:80], hint=hint)


def permit(kg: Reader, question: Question) -> None:
    """Raises `Forbidden` where the answer needs what the view does not hold, so that it would mislead."""
    if question.everything and kg.purpose is not None:
        raise Forbidden(
            "The question {question!r} asks about what no view of a purpose holds (consents, "
            "provenance, findings, measurements of quality, other graphs), so it needs the view "
            "of everything: state {everything!r} in place of a purpose. That is for the roles "
            "{overseeing}",
            question=question.id,
            everything=EVERYTHING,
            overseeing=listed(sorted(OVERSEEING)),
            roles=sorted(OVERSEEING),
            purposes=[EVERYTHING],
        )


def bind(kg: Reader, question: Question, params: Mapping[str, str]) -> Bound:
    """The question with its values as terms.

    Raises `BadParameter` for a value that is unknown, missing, mistyped, or no instance of its class, and
    what `permit` raises.
    """
    permit(kg, question)
    policy = Policy(profile=kg.settings.profile)
    own = {"profile": Literal(policy.profile), "consentAge": Literal(policy.consent_age)}
    terms = {**own, **question.terms(params, now=kg.clock(), ids=kg.addresses.ids)}
    for parameter in question.parameters:
        value = terms.get(parameter.name)
        if parameter.of_class is not None and isinstance(value, NamedNode):
            _check_instance(kg, parameter, parameter.of_class, value)
    clocked = any(
        p.type == "dateTime" and (params.get(p.name) or p.default) == "now" for p in question.parameters
    )
    return Bound(question, terms, question.bound(terms), clocked)


def ask(
    kg: Reader,
    id: str,  # noqa: A002
    params: Mapping[str, str],
    known: Mapping[str, Question] | None = None,
) -> Answer:
    """Ask a question on the view, with the parameters as users write them.

    `known`: the questions there are (default: the shipped ones). Raises `NotFound`, what `bind` raises,
    and `BadQuery` naming the file and line when its SPARQL is broken.
    """
    bound = bind(kg, find(questions() if known is None else known, id), params)
    try:
        solutions = kg.solve(bound.text)
    except BadQuery as e:
        raise BadQuery(e.detail, line=e.line, column=e.column, source=bound.question.path) from None
    return Answer(bound.question, solutions, bound.bindings)


def has_more(kg: Reader, parameter: Parameter, most: int) -> bool:
    """Whether there are more than `most` choices for a parameter: to name them all would take long."""
    if parameter.of_class is None:
        return False
    ((number,),) = kg.select(with_values(_COUNTED % (most + 1), {"class": parameter.of_class})).rows
    return isinstance(number, Literal) and int(number.value) > most


def choices(kg: Reader, parameter: Parameter, language: str) -> list[Choice]:
    """What a parameter of type `instance` can be given, sorted by label; empty for other types.

    The label is the title, else the name of the person, the label of the concept, or any label, each
    in `language` if there is one; else the kind and the end of the IRI, which tells equal names apart too.
    """
    if parameter.of_class is None:
        return []
    known = named(kg.select(with_values(_CHOICES, {"class": parameter.of_class})).rows, language)
    if not all(known.values()):
        text = with_values(_KINDS, {"class": parameter.of_class, "language": Literal(language)})
        for instance, kind in kg.select(text).rows:
            if isinstance(instance, NamedNode) and isinstance(kind, Literal):
                end = short(instance.value)[-8:]
                known[instance.value] = known[instance.value] or f"{kind.value} …{end}"
    often = Counter(known.values())
    made = [
        Choice(iri, (label if often[label] == 1 else f"{label} …{short(iri)[-8:]}") if label else short(iri))
        for iri, label in known.items()
    ]
    return sorted(made, key=lambda choice: (choice.label.casefold(), choice.iri))


def named(rows: Iterable[Sequence[Term | None]], language: str) -> dict[str, str]:
    """The best name of each instance (the first term of a row) among the others, the best kind first.

    By IRI; empty for an instance without any.
    """
    known: dict[str, tuple[int, bool, str]] = {}
    nothing = (99, True, "")
    for instance, *names in rows:
        if not isinstance(instance, NamedNode):
            continue
        candidates = [
            (rank, name.language not in (None, language), name.value)
            for rank, name in enumerate(names)
            if isinstance(name, Literal)
        ]
        known[instance.value] = min(known.get(instance.value, nothing), *candidates, nothing)
    return {iri: name for iri, (_, _, name) in known.items()}


def some_instances(of_class: NamedNode) -> str:
    """The query for up to 21 instances of a class with the names that `named` chooses from."""
    return with_values(_SOME, {"class": of_class})


def _check_instance(kg: Reader, parameter: Parameter, of_class: NamedNode, value: NamedNode) -> None:
    if kg.ask(with_values(_IS_A, {"class": of_class, "instance": value})):
        return
    few = [compact(iri) for iri in named(kg.select(some_instances(of_class)).rows, "en")]
    hint = Phrase("; there are {names}", names=", ".join(few)) if 0 < len(few) <= MOST_LISTED else ""
    raise BadParameter(
        "{record} is no instance of {kind}{hint}",
        record=compact(value.value),
        kind=compact(of_class.value),
        hint=hint,
        source=parameter.name,
    )
