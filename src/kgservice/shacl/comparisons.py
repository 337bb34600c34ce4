"""Whether the expressions of a query mean the same to all engines, whatever the data.

Engines agree on how two numbers, texts or moments compare, but not on a number and a text, on the truth of a
bare value, or on how a number is written that was worked out. So a query is taken only if all of its
expressions are of kinds that are known: constants, counts, and what `STR()` or a cast of that gives.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import rdflib
from rdflib.namespace import XSD
from rdflib.plugins.sparql.algebra import translateGroupGraphPattern
from rdflib.plugins.sparql.parserutils import CompValue, Expr
from rdflib.term import URIRef, Variable

from kgservice.shacl.parsing import parsed
from kgservice.shacl.plain import is_plain, is_plain_pattern
from kgservice.shacl.prebinding import existing

# What an expression gives: any term of the data, an IRI, … A count is a whole number that is small.
_ANY, _IRI, _TEXT = "any", "iri", "text"
_MOMENT, _NUMBER, _COUNT, _TRUTH = "moment", "number", "count", "truth"
_KEPT = frozenset((_ANY, _IRI, _TEXT))  # all engines write it alike
_NUMBERS = frozenset((_NUMBER, _COUNT))
_COMPARED = {_TEXT: _TEXT, _MOMENT: _MOMENT, _NUMBER: _NUMBER, _COUNT: _NUMBER}

_PATTERNS = frozenset(("Join", "Union", "Distinct", "Reduced", "SelectQuery", "ToMultiSet"))
_OF_TEXT = frozenset((_TEXT,))
_OF_MOMENT = frozenset((_MOMENT,))
# The kinds that a function takes, and what it then gives.
_FUNCTIONS: dict[str, tuple[frozenset[str], str]] = {
    "Builtin_BOUND": (_KEPT | _COMPARED.keys(), _TRUTH),
    **dict.fromkeys(("Builtin_EXISTS", "Builtin_NOTEXISTS", "TrueFilter"), (_KEPT, _TRUTH)),
    **dict.fromkeys(("Builtin_isIRI", "Builtin_isURI", "Builtin_isBLANK"), (_KEPT, _TRUTH)),
    **dict.fromkeys(("Builtin_isLITERAL", "Builtin_sameTerm"), (_KEPT, _TRUTH)),
    "Builtin_STR": (_KEPT, _TEXT),
    **dict.fromkeys(("Builtin_CONTAINS", "Builtin_STRSTARTS", "Builtin_STRENDS"), (_OF_TEXT, _TRUTH)),
    "Builtin_LCASE": (_OF_TEXT, _TEXT),
    "Builtin_STRLEN": (_OF_TEXT, _COUNT),
    "Builtin_REGEX": (_OF_TEXT, _TRUTH),
    "Builtin_REPLACE": (_OF_TEXT, _TEXT),
    **dict.fromkeys(("Builtin_YEAR", "Builtin_MONTH", "Builtin_DAY"), (_OF_MOMENT, _COUNT)),
    XSD.dateTime: (_OF_TEXT, _MOMENT),
    XSD.decimal: (_OF_TEXT, _NUMBER),
}
_MATCHING = ("pattern", "flags", "replacement")
_CONSTANTS = {None: _TEXT, XSD.decimal: _NUMBER, XSD.dateTime: _MOMENT}
_SMALL = 9  # digits


def compares_alike(text: str, prefixes: Mapping[str, str]) -> bool:
    """Whether all engines find the same by the expressions of a query, where literals are plain.

    Raises what rdflib does for a text that is no query.

    >>> compares_alike("SELECT $this { $this <urn:p> ?v FILTER (?v > 1) }", {})
    False
    >>> cast = "SELECT $this { $this <urn:p> ?v FILTER (xsd:decimal(STR(?v)) > 1) }"
    >>> compares_alike(cast, {"xsd": str(XSD)})
    True
    """
    return _Query(parsed(text, prefixes).algebra).is_alike()


class _Query:
    """The parts of a query, those within EXISTS among them, and the kinds of its variables."""

    def __init__(self, algebra: CompValue) -> None:
        self._parts = list(_parts(algebra))
        self._kinds: dict[Variable, str] = {}
        given: defaultdict[Variable, set[str]] = defaultdict(set)
        for part in self._parts:  # the inner ones come first
            for variable, kind in self._given(part):
                given[variable].add(kind)
                self._kinds[variable] = kind if len(given[variable]) == 1 else ""

    def is_alike(self) -> bool:
        """Whether all parts mean the same to all engines."""
        return all(map(self._is_alike, self._parts))

    def _given(self, part: CompValue) -> Iterator[tuple[Variable, str]]:
        """The variables that a part gives values to, and of which kind."""
        match part.name:
            case "BGP":
                terms = (term for triple in part.triples for term in triple)
                yield from ((term, _ANY) for term in terms if isinstance(term, Variable))
            case "Extend":
                kind = self._kind(part.expr)
                yield part.var, _ANY if kind == _IRI else kind
            case "AggregateJoin":
                grouped = part.p.expr or []
                yield from ((one.res, self._gathered(one, grouped)) for one in part.A)

    def _gathered(self, aggregate: CompValue, grouped: list[object]) -> str:
        """What comes of an aggregate: what is grouped by is the same in the whole group."""
        of = aggregate.vars
        if aggregate.name == "Aggregate_Count":
            return _COUNT * (of == "*" or self._kind(of) in _KEPT)
        return self._kind(of) * (aggregate.name == "Aggregate_Sample" and of in grouped)

    def _is_alike(self, part: CompValue) -> bool:
        alike = part.name in _PATTERNS
        match part.name:
            case "BGP":
                alike = all(self._is_looked_up(term) for triple in part.triples for term in triple)
            case "Filter" | "LeftJoin":
                alike = self._kind(part.expr) == _TRUTH
            case "Extend":
                alike = self._kind(part.expr) not in {"", _TRUTH}
            case "Project":
                alike = self._kinds_of(*part.PV) <= {*_KEPT, _COUNT}
            case "Group":
                alike = self._kinds_of(*(part.expr or [])) <= _KEPT
            case "AggregateJoin":
                alike = all(kind for _, kind in self._given(part))
        return alike

    def _is_looked_up(self, term: object) -> bool:
        """Whether all engines look for the same: what was worked out would be looked for as it is written."""
        if isinstance(term, Variable):
            return self._kind(term) in _KEPT
        return is_plain(term) and getattr(term, "datatype", None) != XSD.string

    def _kind(self, expression: object) -> str:
        """What an expression gives; "" where engines may not agree."""
        match expression:
            case Variable():
                return self._kinds.get(expression, _ANY)
            case URIRef() | rdflib.Literal():
                return _constant(expression)
            case CompValue(name="UnaryNot"):  # of an error and a no, engines make either
                return _TRUTH * (not _is_joined(expression.expr) and self._kind(expression.expr) == _TRUTH)
            case CompValue():
                name = expression.iri if expression.name == "Function" else expression.name
                if name not in _FUNCTIONS:
                    return self._combined(expression)
                takes, gives = _FUNCTIONS[name]
                return gives * (
                    self._kinds_of(*_arguments(expression)) <= takes and _is_plain_match(expression)
                )
        return ""

    def _kinds_of(self, *expressions: object) -> set[str]:
        return set(map(self._kind, expressions))

    def _combined(self, expression: CompValue) -> str:
        """What comes of an expression with an operator."""
        name, first, others = expression.name, expression.expr, expression.other
        others = others if isinstance(others, list) else [others]
        kinds = self._kinds_of(first, *others)
        match name:
            case "ConditionalAndExpression" | "ConditionalOrExpression":
                return _TRUTH * (kinds == {_TRUTH})
            case "RelationalExpression":
                return _TRUTH * self._is_compared(expression.op, self._kind(first), self._kinds_of(*others))
            case "AdditiveExpression" if kinds <= _NUMBERS:
                return _COUNT if kinds == {_COUNT} else _NUMBER
            case "MultiplicativeExpression" if kinds == {_COUNT} and set(expression.op) == {"*"}:
                return _COUNT
        return ""

    @staticmethod
    def _is_compared(operator: str, one: str, others: set[str]) -> bool:
        if operator in {"IN", "NOT IN"}:
            return (one in _KEPT and others == {_IRI}) or (one == _TEXT and others == {_TEXT})
        if operator in {"=", "!="} and _IRI in {one, *others}:
            return {one, *others} <= _KEPT
        return one in _COMPARED and {_COMPARED.get(other) for other in others} == {_COMPARED[one]}


def _parts(part: object) -> Iterator[CompValue]:
    """The parts of the algebra that match, join and filter, the inner ones first."""
    if isinstance(part, CompValue) and part.name == "GroupGraphPatternSub":
        part = translateGroupGraphPattern(part)
    if isinstance(part, Expr):
        for group in existing(part):
            yield from _parts(group)
    elif isinstance(part, CompValue):
        for inner in (part[key] for key in ("p", "p1", "p2", "expr") if key in part):
            yield from _parts(inner)
        yield part
    elif isinstance(part, list):
        for member in part:
            yield from _parts(member)


def _is_joined(expression: object) -> bool:
    return isinstance(expression, CompValue) and expression.name.startswith("Conditional")


def _constant(term: URIRef | rdflib.Literal) -> str:
    """The kind of a constant."""
    if isinstance(term, URIRef):
        return _IRI
    if term.language or not is_plain(term):
        return ""
    if term.datatype == XSD.integer:
        return _COUNT if len(term) <= _SMALL else _NUMBER
    return _CONSTANTS.get(term.datatype, "")


def _arguments(expression: CompValue) -> list[object]:
    """What a function is given, but for its patterns."""
    if expression.name == "Function":
        return list(expression.expr)
    return [expression[key] for key in ("arg", "arg1", "arg2", "text") if key in expression]


def _is_plain_match(expression: CompValue) -> bool:
    """Whether all engines match and replace the same; what matches nothing is found in different places."""
    given = [expression[key] for key in _MATCHING if key in expression]
    pattern, flags, replacement = (str(expression[key]) if key in expression else "" for key in _MATCHING)
    return not given or (
        all(isinstance(one, rdflib.Literal) for one in given)
        and is_plain_pattern(pattern, flags)
        and not re.search(pattern, "")
        and not re.search(r"[$\\]", replacement)
    )
