"""Whether a CONSTRUCT makes of many rows at once what it makes of each alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import URIRef, Variable

from kgservice.shacl.parsing import parsed

# What joins patterns and works out values, and neither counts, cuts nor looks elsewhere.
_JOINING = frozenset(("BGP", "Join", "LeftJoin", "Filter", "Extend", "Union"))
_LOOKING = frozenset(("Builtin_EXISTS", "Builtin_NOTEXISTS"))


@lru_cache(maxsize=32)
def is_local(text: str) -> bool:
    """Whether no solution of a query can hold values of two rows, and none of a row hangs on another row.

    That is sure where each pattern says something of the same variable, the row, by one predicate, and where
    OPTIONAL adds to what has a row. A query that is more than that may be as local, but it is not shown here.

    >>> is_local("CONSTRUCT { ?a <u:b> ?c } { ?row <u:a> ?a OPTIONAL { ?row <u:c> ?c } }")
    True
    >>> is_local("CONSTRUCT { ?a <u:b> ?c } { ?row <u:a> ?a . ?other <u:c> ?c }")
    False
    """
    try:
        query = parsed(text).algebra
    except Exception:  # of any kind; what rdflib cannot read is no fault, since the engine has the say
        return False
    if query.name != "ConstructQuery" or query.get("datasetClause"):
        return False
    parts = list(_parts(query.p.p if query.p.name == "Project" else query.p))
    triples = [triple for part in parts if part.name == "BGP" for triple in part.triples]
    rows = {subject for subject, _, _ in triples}
    return (
        len(rows) == 1
        and all(isinstance(row, Variable) for row in rows)
        and all(isinstance(predicate, URIRef) for _, predicate, _ in triples)
        and all(part.name in _JOINING for part in parts)
        and all(_has_row(part.p1) for part in parts if part.name == "LeftJoin")
        and not any(_looks(part.get("expr")) for part in parts)
    )


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


def _looks(expression: object) -> bool:
    """Whether an expression looks at patterns of its own."""
    if isinstance(expression, CompValue):
        if expression.name in _LOOKING:
            return True
        return any(_looks(value) for key, value in expression.items() if key != "_vars")
    return isinstance(expression, list | tuple) and any(map(_looks, expression))
