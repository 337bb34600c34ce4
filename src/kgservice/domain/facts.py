"""What is said of nodes: what decides about persons and views asks for nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kgservice.domain.model import Links

Term = NamedNode | BlankNode | Literal | Triple


class Facts:
    """What is said and entailed of nodes; the base of those that know it."""

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """The values of a property."""
        raise NotImplementedError

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """The nodes that have `node` as a value of the property, or of any."""
        raise NotImplementedError

    def nodes(self, node: NamedNode, predicate: NamedNode) -> list[NamedNode]:
        """Those values of a property that are nodes."""
        return [value for value in self.objects(node, predicate) if isinstance(value, NamedNode)]

    def knows(self, node: NamedNode) -> bool:
        """Whether anything may be said of the node, or of another one by it."""
        del node
        return True

    def said_of(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """Those of the properties that the node may have values of."""
        del node
        return among

    def said_to(self, node: NamedNode, among: frozenset[NamedNode]) -> Iterable[NamedNode]:
        """Those of the properties that the node may be a value of."""
        del node
        return among

    def along(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """The nodes that `node` is linked to."""
        for predicate in self.said_of(node, links.forward):
            yield from self.nodes(node, predicate)
        for predicate in self.said_to(node, links.backward):
            yield from self.subjects(node, predicate)

    def against(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """The nodes that are linked so to `node`."""
        for predicate in self.said_to(node, links.forward):
            yield from self.subjects(node, predicate)
        for predicate in self.said_of(node, links.backward):
            yield from self.nodes(node, predicate)
