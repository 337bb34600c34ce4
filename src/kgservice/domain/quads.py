"""Quads by the graph that they are in, so that those of a graph are had without a look at the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set

from pyoxigraph import Quad, Triple

_NOTHING: Set[Triple] = frozenset()


class Quads:
    """A set of quads. A change has hundreds of thousands, and is asked about its graphs again and again."""

    __slots__ = ("_lines", "_of")

    def __init__(self, quads: Iterable[Quad] = ()) -> None:
        self._of: dict[object, set[Triple]] = {}
        self._lines: dict[object, str] = {}  # of graphs that have not changed since somebody asked
        self.update(quads)

    @classmethod
    def of(cls, quads: Iterable[Quad]) -> Quads:
        """These quads; what is by graph already is not copied."""
        return quads if isinstance(quads, Quads) else cls(quads)

    # Looking

    def __len__(self) -> int:
        """How many quads there are."""
        return sum(map(len, self._of.values()))

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self._of)

    def __iter__(self) -> Iterator[Quad]:
        """The quads, graph by graph."""
        for graph, triples in self._of.items():
            for t in triples:
                yield Quad(t.subject, t.predicate, t.object, graph)  # type: ignore[arg-type]

    def __contains__(self, quad: object) -> bool:
        """Whether the quad is among them."""
        return isinstance(quad, Quad) and quad.triple in self._of.get(quad.graph_name, _NOTHING)

    def __eq__(self, other: object) -> bool:
        """Whether the other has the same quads."""
        return isinstance(other, Quads) and self._of == other._of

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """For people who look for faults."""
        return f"Quads({list(self)})"

    @property
    def graphs(self) -> Set[object]:
        """The names of the graphs that they are in."""
        return self._of.keys()

    @property
    def by_graph(self) -> Mapping[object, Set[Triple]]:
        """The statements by graph; no graph is without any."""
        return self._of

    def within(self, graph: object) -> Set[Triple]:
        """What they say in a graph."""
        return self._of.get(graph, _NOTHING)

    def lines(self, graph: object) -> str:
        """What they say in a graph as N-Triples without their last dot, in order.

        Kept, since several stores take over the same. What is said of one node lies together in an engine's
        indexes, which saves it time.
        """
        found = self._lines.get(graph)
        if found is None:
            self._lines[graph] = found = " .\n".join(sorted(map(str, self.within(graph))))
        return found

    def where(self, kept: Callable[[object], bool]) -> Quads:
        """Those in graphs that are `kept`, which share their statements with these: not to be changed."""
        found = Quads()
        found._of = {graph: triples for graph, triples in self._of.items() if kept(graph)}
        return found

    def only(self, graph: object) -> Quads:
        """Those in a graph, which share their statements with these: not to be changed."""
        found = Quads()
        if graph in self._of:
            found._of[graph] = self._of[graph]
        if graph in self._lines:
            found._lines[graph] = self._lines[graph]
        return found

    def common(self, others: Quads) -> Quads:
        """Those that are among the others, too."""
        found = Quads()
        for graph in self._of.keys() & others._of.keys():
            found.put(graph, self._of[graph] & others._of[graph])
        return found

    def less(self, others: Quads) -> Quads:
        """Those that are not among the others; perhaps these themselves: not to be changed."""
        if self._of.keys().isdisjoint(others._of):
            return self
        found = Quads()
        for graph, triples in self._of.items():
            found.put(graph, triples - others.within(graph))
        return found

    # Changing

    def add(self, quad: Quad) -> None:
        """Take in one more."""
        self._lines.clear()
        self._of.setdefault(quad.graph_name, set()).add(quad.triple)

    def update(self, quads: Iterable[Quad]) -> None:
        """Take in more."""
        if isinstance(quads, Quads):
            for graph, triples in quads._of.items():
                fresh = graph not in self._of
                self.put(graph, triples)
                if fresh and graph in quads._lines:
                    self._lines[graph] = quads._lines[graph]
            return
        self._lines.clear()
        of = self._of
        for quad in quads:
            graph, triple = quad.graph_name, quad.triple
            there = of.get(graph)
            if there is None:
                of[graph] = {triple}
            else:
                there.add(triple)

    def put(self, graph: object, triples: Set[Triple]) -> None:
        """Take in statements of one graph."""
        if triples:
            self._lines.pop(graph, None)
            there = self._of.get(graph)
            if there is None:
                self._of[graph] = set(triples)
            else:
                there |= triples

    def take(self, graph: object, triples: Set[Triple]) -> None:
        """Take statements of one graph out."""
        there = self._of.get(graph)
        if there is not None:
            self._lines.pop(graph, None)
            there -= triples
            if not there:
                del self._of[graph]

    def remove(self, quads: Quads) -> None:
        """Take those out."""
        for graph, triples in quads._of.items():
            self.take(graph, triples)

    def leave(self, graphs: Iterable[object]) -> None:
        """Take all out that is in these graphs."""
        for graph in graphs:
            self._of.pop(graph, None)
            self._lines.pop(graph, None)

    def clear(self) -> None:
        """Take all out."""
        self._of.clear()
        self._lines.clear()

    def __ior__(self, quads: Iterable[Quad]) -> Quads:
        """Take in more."""
        self.update(quads)
        return self
