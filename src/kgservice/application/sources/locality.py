"""Whether a CONSTRUCT makes of many rows at once what it makes of each alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import URIRef, Variable

from kgservice.shacl.parsing import parsed

# What joins patterns and works out values, and neither counts, cuts nor looks elsewhere.
_JOINING = frozenset(("BGP", "Join", "LeftJoin", "Filter", "Extend", "Union"))
_LOOKING = frozenset(("Builtin_EXISTS", "Builtin_NOTEXISTS"))
_MAKING = frozenset(("Builtin_IRI", "Builtin_URI", "Builtin_UUID", "Builtin_BNODE", "Function"))


@lru_cache(maxsize=32)
def asked_at_once(text: str) -> frozenset[str] | None:
    """The predicates that a query asks for, if it may be asked of many rows at once; None if in doubt.

    It may if no solution can hold values of two rows, and none of a row hangs on another row.

    That is sure where each pattern says something of the same variable, the row, by one predicate, and where
    OPTIONAL adds to what has a row. Nor may it say anything of an IRI that it names or makes itself, which
    may be what another row is about. A query that is more than that may be local too, but it is not shown.

    >>> sorted(asked_at_once("CONSTRUCT { ?a <u:b> ?c } { ?row <u:a> ?a OPTIONAL { ?row <u:c> ?c } }"))
    ['u:a', 'u:c']
    >>> asked_at_once("CONSTRUCT { ?a <u:b> ?c } { ?row <u:a> ?a . ?other <u:c> ?c }") is None
    True
    """
    try:
        query = parsed(text).algebra
    except Exception:  # of any kind; what rdflib cannot read is no fault, since the engine has the say
        return None
    if query.name != "ConstructQuery" or query.get("datasetClause"):
        return None
    parts = list(_parts(query.p.p if query.p.name == "Project" else query.p))
    triples = [triple for part in parts if part.name == "BGP" for triple in part.triples]
    rows = {subject for subject, _, _ in triples}
    predicates = {predicate for _, predicate, _ in triples}
    is_local = (
        len(rows) == 1
        and all(isinstance(row, Variable) for row in rows)
        and all(isinstance(predicate, URIRef) for predicate in predicates)
        and all(part.name in _JOINING for part in parts)
        and all(_has_row(part.p1) for part in parts if part.name == "LeftJoin")
        and not any(map(_looks, _inside([part.get("expr") for part in parts])))
        and {subject for subject, _, _ in query.template} <= _stated(parts)
    )
    return frozenset(map(str, predicates)) if is_local else None


def _parts(part: CompValue) -> Iterator[CompValue]:
    yield part
    for inner in (part.get("p"), part.get("p1"), part.get("p2")):
        if isinstance(inner, CompValue):
            yield from _parts(inner)


def _has_row(part: CompValue) -> bool:
    """Whether every solution of a part has a row."""
    if part.name == "BGP":
        return bool(part.triples)
    if part.name == "Join":
        return _has_row(part.p1) or _has_row(part.p2)
    if part.name == "Union":
        return _has_row(part.p1) and _has_row(part.p2)
    return _has_row(part.p1 if part.name == "LeftJoin" else part.p)


def _stated(parts: list[CompValue]) -> set[Variable]:
    """The variables whose IRIs the rows state, be it that one of several is chosen."""
    binds = [part for part in parts if part.name == "Extend"]
    made = {bind.var for bind in binds if any(map(_makes, _inside(bind.expr)))}
    while more := {bind.var for bind in binds if made & set(_variables(bind.expr))} - made:
        made |= more
    found = {end for part in parts if part.name == "BGP" for triple in part.triples for end in triple}
    return {one for one in (*found, *(bind.var for bind in binds)) if isinstance(one, Variable)} - made


def _inside(expression: object) -> Iterator[object]:
    """An expression, and all that stands in it."""
    yield expression
    members: Iterable[object] = ()
    if isinstance(expression, CompValue):
        members = (value for key, value in expression.items() if key != "_vars")
    elif isinstance(expression, list | tuple):
        members = expression
    for member in members:
        yield from _inside(member)


def _variables(expression: object) -> Iterator[Variable]:
    return (one for one in _inside(expression) if isinstance(one, Variable))


def _looks(part: object) -> bool:
    """Whether a part of an expression looks at patterns of its own."""
    return isinstance(part, CompValue) and part.name in _LOOKING


def _makes(part: object) -> bool:
    """Whether a part of an expression is an IRI, or makes a node."""
    return isinstance(part, URIRef) or (isinstance(part, CompValue) and part.name in _MAKING)
