"""Whether a query means the same where SHACL binds `$this` before, and where a pattern binds it.

SHACL puts the focus node in place of `$this` wherever it stands (section 5.3.1). A query for many focus nodes
has a pattern that binds it, and only what is joined with that pattern knows it: in
`{ FILTER ($this = ex:a) } UNION { … }` the filter does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pyshacl.errors import ValidationFailure
from pyshacl.helper.sparql_query_helper import SPARQLQueryHelper
from rdflib.plugins.sparql.algebra import translateGroupGraphPattern
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import Variable

from kgservice.shacl.parsing import parsed

THIS = Variable("this")

_HEAD = re.compile(r"^\s*SELECT\b[^{]*\{", re.IGNORECASE)
_EXISTS = frozenset(("Builtin_EXISTS", "Builtin_NOTEXISTS"))


def unsupported(text: str) -> str:
    """What a SPARQL constraint must not have, since SHACL binds variables before it; "" if there is nothing.

    Appendix A of the recommendation; pySHACL asks only when it meets a focus node.
    """
    try:
        SPARQLQueryHelper(None, None, text).check_invalid_sparql(text)  # type: ignore[no-untyped-call]
    except ValidationFailure as error:
        return str(error.message).splitlines()[0]
    return ""


def bound_by(pattern: str, text: str) -> str | None:
    """The query with a pattern that binds `$this` at its beginning; None where that is not surely found."""
    head = _HEAD.match(text)
    # A comment could hide the place where the query begins.
    if head is None or "#" in head[0]:
        return None
    return f"{text[: head.end()]} {pattern} {text[head.end() :]}"


def is_bound_where_used(text: str, prefixes: Mapping[str, str]) -> bool:
    """Whether each expression of the query that names `$this` would know it from a pattern at its beginning.

    Raises what rdflib does for a text that is no query.
    """
    bound = bound_by("?focus ?of $this .", text)
    return bound is not None and _holds(parsed(bound, prefixes).algebra, outside=False)


def _holds(part: object, *, outside: bool) -> bool:
    """The same of a part of the algebra; `outside`: it stands within EXISTS, and `$this` is bound there."""
    if not isinstance(part, CompValue):
        return True
    if part.name == "GroupGraphPatternSub":
        part = translateGroupGraphPattern(part)
    if part.name == "Project" and outside and THIS not in part.PV:
        outside = False  # what a sub-select does not give out, it does not take in
    inner = [part[key] for key in ("p", "p1", "p2") if isinstance(part.get(key), CompValue)]
    known = outside or THIS in set[Variable]().union(*map(_bound, inner))
    expressions = [part.get(key) for key in ("expr", "A") if key in part]
    return (
        (known or not any(map(_names_this, expressions)))
        and all(_holds(one, outside=outside) for one in inner)
        and all(_holds(group, outside=known) for group in existing(expressions))
    )


def _bound(part: object) -> set[Variable]:
    """The variables that every solution of a part has."""
    if not isinstance(part, CompValue):
        return set()
    first, *others = [_bound(part.get(key)) for key in ("p", "p1", "p2") if key in part] or [set[Variable]()]
    match part.name:
        case "BGP":
            first = {term for triple in part.triples for term in triple if isinstance(term, Variable)}
        case "Join":
            first = first.union(*others)
        case "Union":
            first = first.intersection(*others)
        case "Project":
            first &= set(part.PV)
        case "AggregateJoin":  # what it gives out is named by an Extend
            first = set()
        case "Extend":
            given = isinstance(part.expr, Variable) and part.expr in first | _sampled(part.p)
            first |= {part.var} if given else set[Variable]()
    return first


def _sampled(part: object) -> set[Variable]:
    """The names under which a grouping gives out variables that are bound in all that it groups."""
    while isinstance(part, CompValue) and part.name == "Extend":
        part = part.p
    if not isinstance(part, CompValue) or part.name != "AggregateJoin":
        return set()
    bound = _bound(part.p.p)
    return {one.res for one in part.A if one.name == "Aggregate_Sample" and one.vars in bound}


def _names_this(expression: object) -> bool:
    """Whether `$this` stands in an expression, outside the groups of EXISTS."""
    if isinstance(expression, CompValue):
        if expression.name in _EXISTS:
            return False
        return any(_names_this(value) for key, value in expression.items() if key != "_vars")
    if isinstance(expression, list | tuple | set):
        return any(map(_names_this, expression))
    return bool(expression == THIS)


def existing(expression: object) -> Iterator[object]:
    """The groups of EXISTS and NOT EXISTS within an expression."""
    if isinstance(expression, CompValue):
        if expression.name in _EXISTS:
            yield expression.graph
            return
        for key, value in expression.items():
            if key != "_vars":
                yield from existing(value)
    elif isinstance(expression, list | tuple):
        for member in expression:
            yield from existing(member)
