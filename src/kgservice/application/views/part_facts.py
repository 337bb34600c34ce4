"""What the graphs of one person say of that person's own nodes, read from their text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from pyoxigraph import NamedNode

from kgservice.application.changes.entailing import TYPE_TEXT, Parts, is_node, text_of
from kgservice.domain.facts import Facts, Term
from kgservice.domain.model import TYPE, Links, Model
from kgservice.namespaces import CI, DPV
from kgservice.store.formats import N_TRIPLES
from kgservice.store.syntax import parse

# What `Sight` and `find_subject` look up, by the way in which they do. Of what is not named here, the view
# of everything is asked, so that a name too few costs time only.
_OF = tuple(
    NamedNode(CI + name)
    for name in (
        *("hasCategory", "confidentiality", "specialCategory", "screenedBy", "screeningDecision"),
        *("restrictedBy", "restricts", "validFrom", "validUntil", "legalBasis"),
        *("customerKind", "membershipOf", "age", "birthYear", "isMinor"),
        *("forCategory", "forPurpose", "expiresAt", "eventOf", "eventTime", "eventMethod", "eventEntity"),
        *("authorisedBy", "authorisationFor", "verifiedAt"),
        *("requestKind", "receivedAt", "answeredAt", "requestOutcome"),
    )
)
_TO = tuple(
    NamedNode(CI + name)
    for name in (
        *("screeningOf", "restricts", "restrictedBy", "dataSubject", "memberPerson", "eventOf"),
        *("usesRecord", "authorises", "authorisationFor"),
    )
)


class Lookups:
    """Which statements have to be known of a person's nodes for all that is looked up of them."""

    def __init__(self, model: Model) -> None:
        links = model.owner_links
        of = {*_OF, *links.forward, TYPE, NamedNode(f"{DPV}hasDuration")}
        to = {*_TO, *links.backward}
        self.links = links
        self.forward, self.backward = (
            frozenset(map(text_of, ways)) for ways in (links.forward, links.backward)
        )
        self.of = {prop: text_of(prop) for prop in of}
        self.to = {prop: text_of(prop) for prop in to}
        self.above = {text_of(cls): [text_of(c) for c in more] for cls, more in model.superclasses.items()}
        # By property: what a statement says, by itself and by what it entails.
        self.ways: dict[bytes, list[_Way]] = {}
        for prop in {*of, *to, *model.directions}:
            entailed = {(prop, False), *model.directions.get(prop, ())}
            ways = [(text_of(q), turned, q in of, q in to) for q, turned in entailed if q in of or q in to]
            if ways:
                self.ways[text_of(prop)] = ways

    def abroad(self, own: Collection[bytes], parts: Iterable[Parts]) -> set[bytes]:
        """The nodes, but for `own`, of which the statements say something that may be looked up."""
        found = set()
        for s, p, rest in parts:
            for _, turned, in_of, in_to in self.ways.get(p, ()):
                ends = (rest[:-2], s) if turned else (s, rest[:-2])
                found |= {end for end, looked_up in zip(ends, (in_of, in_to), strict=True) if looked_up}
        return {node for node in found if node not in own and is_node(node)}


_Way = tuple[bytes, bool, bool, bool]  # property, turned, whether it is looked up of its subject, its object


_Said = defaultdict[bytes, defaultdict[bytes, list[bytes]]]
_NOTHING: Mapping[bytes, list[bytes]] = {}


def typed(parts: Iterable[Parts]) -> set[bytes]:
    """The nodes whose class the statements state."""
    return {s for s, p, _ in parts if p == TYPE_TEXT}


class PartFacts(Facts):
    """Facts of the nodes whose class the statements state, unless they are `shared`.

    Those of which something is said elsewhere, too, are shared. Of all other nodes, `others` are asked.
    """

    def __init__(
        self, lookups: Lookups, parts: Sequence[Parts], shared: Collection[bytes], others: Facts
    ) -> None:
        self._lookups = lookups
        self._others = others
        self.own = {node for node in typed(parts) if node not in shared}
        # By node and property, and by node alone: most of what is looked up of a node is not said of it.
        self._of: _Said = defaultdict(lambda: defaultdict(list))
        self._to: _Said = defaultdict(lambda: defaultdict(list))
        for s, p, rest in parts:
            for prop, turned, in_of, in_to in lookups.ways.get(p, ()):
                if turned and not is_node(rest):
                    continue
                subject, value = (rest[:-2], s) if turned else (s, rest[:-2])
                if in_of:
                    self._of[subject][prop].append(value)
                if in_to:
                    self._to[value][prop].append(subject)
            if p == TYPE_TEXT:
                self._of[s][p] += lookups.above.get(rest[:-2], ())

    def objects(self, node: NamedNode, predicate: NamedNode) -> Sequence[Term]:
        """See `Facts.objects`."""
        text, prop = text_of(node), self._lookups.of.get(predicate)
        if prop is None or text not in self.own:
            return self._others.objects(node, predicate)
        values = self._of.get(text, _NOTHING).get(prop)
        return [_term(value) for value in dict.fromkeys(values)] if values else ()

    def subjects(self, node: NamedNode, predicate: NamedNode | None) -> Sequence[NamedNode]:
        """See `Facts.subjects`."""
        text, prop = text_of(node), self._lookups.to.get(predicate) if predicate else None
        if prop is None or text not in self.own:
            return self._others.subjects(node, predicate)
        found = map(_term, dict.fromkeys(self._to.get(text, _NOTHING).get(prop, ())))
        return [subject for subject in found if isinstance(subject, NamedNode)]

    def along(self, node: NamedNode, links: Links) -> Iterator[NamedNode]:
        """See `Facts.along`: what is not said need not be looked up."""
        text = text_of(node)
        if text not in self.own or links is not self._lookups.links:
            yield from super().along(node, links)
            return
        for said, ways in ((self._of, self._lookups.forward), (self._to, self._lookups.backward)):
            here = said.get(text, _NOTHING)
            for prop in ways & here.keys():
                for value in map(_term, here[prop]):
                    if isinstance(value, NamedNode):
                        yield value


@lru_cache(100_000)
def _term(text: bytes) -> Term:
    if is_node(text):
        return NamedNode(text[1:-1].decode())
    (quad,) = parse(b"<urn:s> <urn:p> %s ." % text, N_TRIPLES)
    return quad.object
