"""Answers for those who may not see single persons: nothing of one person, and no count of a few."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.questions import ask, bind, find
from kgservice.application.graph.described import iris, values
from kgservice.application.views.reader import Reader
from kgservice.domain.question import PLACE, Parameter, Question, listed, with_values
from kgservice.domain.small_groups import COUNTED, FIGURE, PLACE_OF_PERSONS, SINGLE, Count, hidden
from kgservice.errors import Forbidden, NotFound
from kgservice.store.base import Solutions, Term

Row = tuple[Term | None, ...]


@dataclass(frozen=True, slots=True)
class Guarded:
    """What may be shown of an answer. `suppressed`: row and column of each cell that is left empty for it."""

    solutions: Solutions
    suppressed: frozenset[tuple[int, int]]
    asked: str
    """The query that gave the answer."""

    def marked(self, mark: str) -> list[Row]:
        """The rows, with a text in the place of each suppressed cell."""
        return [
            tuple(
                Literal(mark) if (row, column) in self.suppressed else term
                for column, term in enumerate(terms)
            )
            for row, terms in enumerate(self.solutions.rows)
        ]


def personal(kg: Reader, nodes: Iterable[NamedNode]) -> set[NamedNode]:
    """Those nodes that are a person or a record of one: what says something in the graph of a person.

    Things of a project do so too where they refer to a person, but also say something in that of a project.
    """
    return {node for node in set(nodes) if _is_personal(kg, node)}


def number_of_many(kg: Reader, records: Collection[str]) -> int | None:
    """How many records these are, or None where they are of fewer persons than a group must have.

    What names no person that the view shows is counted as a record, and stands for nobody.
    """
    said = values(kg, records, ("dataSubject",))
    persons = {person for of_record in said.values() for person in iris(of_record["dataSubject"])}
    return len(records) if min(len(persons), len(records)) >= kg.settings.smallest_group else None


def allow(kg: Reader, iri: NamedNode) -> None:
    """Raises `NotFound`, in the words for what is unknown, for a person and a record of one."""
    if is_secret(kg, iri):
        raise NotFound("nothing is known of <{iri}>", iri=iri.value)


def is_secret(kg: Reader, node: NamedNode) -> bool:
    """Whether the view shows a person or a record of one under this IRI.

    Of what the view does not show nothing is looked up: it would take the longer the more is said of it, and
    so tell that it is there.
    """
    kg.current()
    shown = kg.store.match([(node, None, None), (None, None, node)], kg.view)
    return next(iter(shown), None) is not None and _is_personal(kg, node)


def refused(question: Question) -> bool:
    """Whether it is refused, whatever it is given, to those who may not see single persons."""
    return question.persons == SINGLE


def permit(question: Question, given: Collection[str]) -> None:
    """Raises `Forbidden` for what only those may ask who may see single persons.

    `given`: the names of the parameters that have a value. Where persons are counted, a value that may be
    moved step by step would tell single ones, as the difference of two answers.
    """
    if refused(question):
        raise Forbidden(
            "The question {question!r} shows single persons, which a reader may not see", question=question.id
        )
    free = {parameter.name for parameter in askable(question)}
    moved = [name for name in given if question.parameter(name).name not in free]
    if moved:
        raise Forbidden(
            "The question {question!r} counts persons or their records: a reader may not give it "
            "{moved}, since the difference of two answers would tell of single ones",
            question=question.id,
            moved=listed(moved),
            source=moved[0],
        )


def askable(question: Question) -> tuple[Parameter, ...]:
    """The parameters that a reader may give: where persons are counted, those with a choice of few values."""
    counts = any(column.persons in {COUNTED, FIGURE} for column in question.columns.values())
    return tuple(
        p for p in question.parameters if not counts or p.values or p.type in {"instance", "boolean"}
    )


def ask_guarded(
    kg: Reader,
    id: str,  # noqa: A002
    given: Mapping[str, str],
    known: Mapping[str, Question],
) -> Guarded:
    """Ask a question for somebody who may not see single persons. Raises what `permit` and `ask` raise."""
    question = find(known, id)
    permit(question, [name for name, value in given.items() if value])
    bound = bind(kg, question, given)
    if personal(kg, (term for term in bound.bindings.values() if isinstance(term, NamedNode))):
        raise Forbidden("A reader may not ask about a single person")
    return guarded(kg, question, ask(kg, id, given, known).solutions, bound.text)


def guarded(kg: Reader, question: Question, solutions: Solutions, asked: str) -> Guarded:
    """What may be shown of an answer to the query `asked`, which is asked again if it can count persons.

    Columns about single persons are empty, rows that name a person or a record of one are left out, rows that
    are then the same are one. Rows with suppressed cells come last, in the order of what they show: their
    place would tell how large the cells are.
    """
    names = solutions.variables
    columns = [question.columns[name] for name in names]
    wholes = {name: c.part_of for name, c in zip(names, columns, strict=True) if c.part_of}
    shown: dict[Row, frozenset[str]] = {}
    hiding: dict[Row, frozenset[str]] = {}
    open_rows = [
        tuple(None if c.persons == SINGLE else term for c, term in zip(columns, row, strict=True))
        for row in solutions.rows
    ]
    secret = personal(kg, (term for row in open_rows for term in row if isinstance(term, NamedNode)))
    smallest = kg.settings.smallest_group
    counted = any(place[1] == PLACE_OF_PERSONS for place in PLACE.finditer(asked))
    behind = _persons_behind(kg, question, asked) if counted else None
    for row in open_rows:
        if not secret.isdisjoint(term for term in row if isinstance(term, NamedNode)):
            continue
        cells = dict(zip(names, row, strict=True))
        counts = {n: v for n, v in _counts(question, cells).items() if cells[n] is not None}
        gone = hidden(counts, wholes, smallest)
        if behind is not None:
            persons = behind.get(_group(question, cells), {})
            gone |= hidden({name: persons.get(name) for name in counts}, wholes, smallest)
        if gone:
            gone |= {n for n, c in question.columns.items() if c.persons == FIGURE and cells[n] is not None}
            hiding[tuple(None if name in gone else term for name, term in cells.items())] = gone
        else:
            shown[row] = gone
    last = dict(sorted(hiding.items(), key=lambda item: [str(term or "") for term in item[0]]))
    suppressed = frozenset(
        (len(shown) + at, names.index(name)) for at, gone in enumerate(last.values()) for name in gone
    )
    return Guarded(Solutions(names, [*shown, *last]), suppressed, asked)


def _persons_behind(kg: Reader, question: Question, asked: str) -> Mapping[Row, Mapping[str, Count]]:
    """How many persons are behind each count of records, by what else the row says."""
    text = with_values(asked, {PLACE_OF_PERSONS: Literal(True)})
    found: dict[Row, dict[str, Count]] = {}
    solutions = kg.solve(text)
    for row in solutions.rows:
        cells = dict(zip(solutions.variables, row, strict=True))
        found[_group(question, cells)] = _counts(question, cells)
    return found


def _group(question: Question, cells: Mapping[str, Term | None]) -> Row:
    return tuple(term for name, term in cells.items() if not question.columns[name].persons)


def _counts(question: Question, cells: Mapping[str, Term | None]) -> dict[str, Count]:
    return {n: _number(cells[n]) for n, c in question.columns.items() if c.persons == COUNTED}


def as_query(solutions: Solutions) -> str:
    """A query that gives these solutions on any graph, so that the store writes them in any format.

    >>> as_query(Solutions(("n", "x"), [(Literal(7), None)]))
    'SELECT ?n ?x { VALUES (?n ?x) { ("7"^^<http://www.w3.org/2001/XMLSchema#integer> UNDEF) } }'
    """
    variables = " ".join(f"?{name}" for name in solutions.variables)
    rows = " ".join(f"({' '.join('UNDEF' if t is None else str(t) for t in row)})" for row in solutions.rows)
    return f"SELECT {variables} {{ VALUES ({variables}) {{ {rows} }} }}"


def _number(term: Term | None) -> Count:
    try:
        return Decimal(term.value) if isinstance(term, Literal) else None
    except InvalidOperation:
        return None


def _is_personal(kg: Reader, node: NamedNode) -> bool:
    found = False
    for quad in kg.copies.records.match([(node, None, None)]):
        graph = quad.graph_name
        if kg.graphs.is_project(graph) or kg.graphs.is_model(graph):
            return False
        found = found or kg.graphs.is_record(graph)
    return found
