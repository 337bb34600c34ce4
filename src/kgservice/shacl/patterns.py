"""The graph patterns of a SPARQL constraint as steps from `$this` outwards."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rdflib.paths import AlternativePath, InvPath, MulPath, NegatedPath, Path, SequencePath
from rdflib.plugins.sparql.algebra import translateGroupGraphPattern
from rdflib.plugins.sparql.parserutils import CompValue
from rdflib.term import BNode, Node, URIRef, Variable

from kgservice.shacl.parsing import parsed
from kgservice.shacl.reach import Reach
from kgservice.shacl.terms import interned

# What is known to be bound, and the state that holds it.
Known = dict[Node, int]
Pattern = tuple[Node, "Node | Path", Node]

_PASSING = frozenset(("SelectQuery", "Project", "Distinct", "Reduced", "OrderBy", "AggregateJoin", "Group"))


class _Boundless(Exception):
    """A part of the query can look at statements that no step from `$this` leads to."""


def follow(text: str, prefixes: dict[str, str], reach: Reach, this: int) -> None:
    """Add to `reach` what the query `text` looks at when `$this` is a node at state `this`.

    A pattern is followed from a variable that is bound wherever the pattern is used. Where none is, as in
    `?x a ci:Person` alone, `reach` becomes boundless.
    """
    try:
        _Group(reach, {Variable("this"): this}).follow(parsed(text, prefixes).algebra)
    except _Boundless:
        reach.boundless = True


class _Group:
    """The parts of one group of patterns; all hold together, in any order."""

    def __init__(self, reach: Reach, known: Known) -> None:
        self._reach = reach
        self.known = dict(known)
        self._triples: list[Pattern] = []
        self._group: tuple[Pattern, ...] = ()
        self._unions: list[CompValue] = []
        self._later: list[object] = []  # what binds nothing for the rest: OPTIONAL, EXISTS
        self._selects: list[CompValue] = []

    def follow(self, part: object) -> None:
        """Add the steps of all parts; `known` then holds what is surely bound."""
        self._collect(part)
        self._group = tuple(self._triples)
        while self._triples or self._unions or self._selects:
            if not (self._some_triples() or self._some_union() or self._some_select() or self._anchored()):
                raise _Boundless
        for later in self._later:
            _Group(self._reach, self.known).follow(later)

    def _collect(self, part: object) -> None:
        if not isinstance(part, CompValue):
            raise _Boundless
        if part.name == "GroupGraphPatternSub":
            part = translateGroupGraphPattern(part)
        if part.name == "BGP":
            self._triples += part.triples
        elif part.name == "Join":
            self._collect(part.p1)
            self._collect(part.p2)
        elif part.name == "LeftJoin":
            self._collect(part.p1)
            self._later.append(part.p2)
            self._expression(part.expr)
        elif part.name == "Union":
            self._unions.append(part)
        elif part.name in {"Filter", "Extend"}:
            self._collect(part.p)
            self._expression(part.expr)
        elif part.name == "ToMultiSet" and part.p.name != "values":
            self._selects.append(part.p)
        elif part.name in _PASSING:
            self._collect(part.p)
        else:  # GRAPH, SERVICE, VALUES, LIMIT: none of them stays near `$this`
            raise _Boundless

    def _expression(self, expression: object) -> None:
        """EXISTS and NOT EXISTS in an expression are looked at with all that is known."""
        self._later += _existing(expression)

    def _some_triples(self) -> bool:
        """Follow the pattern that is least likely to lead far, if one of its ends is known."""
        ends = [
            (_spread(p, back=back), number, back)
            for number, (s, p, o) in enumerate(self._triples)
            for back, end in ((False, s), (True, o))
            if end in self.known
        ]
        if not ends:
            return False
        _, number, back = min(ends)
        self._walk(*self._triples.pop(number), back=back)
        return True

    def _walk(self, s: Node, p: Node | Path, o: Node, *, back: bool) -> None:
        """Add the steps of a pattern from its subject, or `back` from its object."""
        start, other = (self.known[o], s) if back else (self.known[s], o)
        end = _steps(self._reach, start, p, back=back)
        if isinstance(p, Variable):
            self.known.setdefault(p, self._reach.state())
        # Where the other end is known, all that can stand there is found without this pattern.
        if isinstance(other, Variable | BNode) and other not in self.known:
            self.known[other] = end
            # Every pattern of the group holds of what the variable stands for.
            self._reach.needs[end] |= {
                (p, o) for s, p, o in self._group if s == other and isinstance(p, URIRef) and _fixed(o)
            }

    def _some_union(self) -> bool:
        for union in self._unions:
            try:
                sides = [_Group(self._reach, self.known) for _ in range(2)]
                for side, part in zip(sides, (union.p1, union.p2), strict=True):
                    side.follow(part)
            except _Boundless:
                continue
            for name in sorted(sides[0].known.keys() & sides[1].known.keys() - self.known.keys(), key=str):
                self.known[name] = self._reach.state()
                for side in sides:
                    self._reach.jump(side.known[name], self.known[name])
            self._unions.remove(union)
            return True
        return False

    def _some_select(self) -> bool:
        """A sub-select shares only what it gives out."""
        for select in self._selects:
            given = set(_given(select))
            inner = _Group(self._reach, {name: s for name, s in self.known.items() if name in given})
            try:
                inner.follow(select)
            except _Boundless:
                continue
            self.known |= {name: state for name, state in inner.known.items() if name in given}
            self._selects.remove(select)
            return True
        return False

    def _anchored(self) -> bool:
        """Start from a constant, since nothing else is left to start from."""
        for s, _, o in self._triples:
            for term in (s, o):
                if isinstance(term, URIRef) and term not in self.known:
                    self.known[term] = self._reach.state()
                    self._reach.anchors[self.known[term]] = term
                    return True
        return False


def _fixed(term: Node) -> bool:
    return not isinstance(term, Variable | BNode)


def _given(select: CompValue) -> Iterator[Node]:
    part = select
    while "PV" not in part:
        part = part.p
    yield from part.PV


def _existing(expression: object) -> Iterator[CompValue]:
    """The groups in EXISTS and NOT EXISTS within an expression."""
    if isinstance(expression, CompValue):
        if expression.name in {"Builtin_EXISTS", "Builtin_NOTEXISTS"}:
            yield expression.graph
            return
        for key, value in expression.items():
            if key != "_vars":
                yield from _existing(value)
    elif isinstance(expression, list | tuple):
        for member in expression:
            yield from _existing(member)


def _spread(path: Node | Path, *, back: bool) -> int:
    """How many steps of a path go against its statements: from a concept, say, to all its uses.

    Of alternatives the least counts: most often they are one link that may be stated from either side.
    """
    if isinstance(path, InvPath):
        return _spread(path.arg, back=not back)
    if isinstance(path, SequencePath):
        return sum(_spread(part, back=back) for part in path.args)
    if isinstance(path, AlternativePath):
        return min(_spread(part, back=back) for part in path.args)
    if isinstance(path, MulPath):
        return _spread(path.path, back=back)
    return int(back) if isinstance(path, URIRef) else 1


def _steps(reach: Reach, state: int, path: Node | Path, *, back: bool) -> int:
    """The steps of a path or predicate from `state`; the state at their end."""
    if isinstance(path, URIRef):
        predicate = interned(path)
        assert isinstance(predicate, URIRef)
        return reach.step(state, predicate, back=back)
    if isinstance(path, SequencePath):
        for part in reversed(path.args) if back else path.args:
            state = _steps(reach, state, part, back=back)
        return state
    end = reach.state()
    if isinstance(path, AlternativePath):
        for part in path.args:
            reach.jump(_steps(reach, state, part, back=back), end)
    elif isinstance(path, InvPath):
        reach.jump(_steps(reach, state, path.arg, back=not back), end)
    elif isinstance(path, MulPath):
        once = partial(_turned, reach, path.path, back)
        reach.repeat(state, end, once, none=path.zero, again=path.more)
    elif isinstance(path, NegatedPath):
        reach.jump(reach.step(state, None), end)
        reach.jump(reach.step(state, None, back=True), end)
    else:  # a variable
        reach.jump(reach.step(state, None, back=back), end)
    return end


def _turned(reach: Reach, path: Node | Path, back: bool, state: int) -> int:
    return _steps(reach, state, path, back=back)
