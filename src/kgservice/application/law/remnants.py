"""What is left of a person outside their own graphs: links, findings, quarantine, texts about commits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeGuard
from unicodedata import normalize

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard import findings
from kgservice.domain.mentions import Mentions
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, DCTERMS, RDFS, SH
from kgservice.store.base import Dataset, Pattern

GONE = Literal("(erased)")
LONG = 25  # characters from which on a text is told by its words
_NAMES = frozenset({NamedNode(f"{CI}personName")})
_TELEPHONE, _POSTAL = NamedNode(f"{CI}telephone"), NamedNode(f"{CI}postalAddress")
_ADDRESSES = frozenset((NamedNode(f"{CI}emailAddress"), _TELEPHONE, _POSTAL))
_NUMBERS = frozenset(NamedNode(CI + name) for name in ("customerNumber", "externalId", "fieldValue"))
_MESSAGES = tuple(map(NamedNode, (f"{SH}resultMessage", f"{SH}value", f"{CI}waiverReason")))
_OF_COMMITS = tuple(map(NamedNode, (f"{DCTERMS}description", f"{RDFS}label")))
_TEXTS = "SELECT DISTINCT ?p ?text { VALUES ?p { UNDEF } ?s ?p ?text FILTER(isLiteral(?text)) }"
_ABOUT_WORK = frozenset({findings.OWNER, findings.WAIVED_BY})


@dataclass(slots=True)
class Remnants:
    """What is to go: graphs, statements; and the texts to put in their place.

    `entries`: how many findings are among it; `elsewhere`: records of no person that state the name or an
    address, and what in quarantine, scratch graphs, findings and texts of commits states the last name alone,
    for somebody to look at.
    """

    drop: set[NamedNode] = field(default_factory=set)
    remove: set[Quad] = field(default_factory=set)
    add: set[Quad] = field(default_factory=set)
    entries: int = 0
    elsewhere: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Words:
    """The literals of a person that tell who it is: names and addresses, numbers and longer texts.

    `telephones` and `postal` are addresses, too.
    """

    names: frozenset[Literal]
    addresses: frozenset[Literal]
    others: frozenset[Literal]
    telephones: frozenset[Literal]
    postal: frozenset[Literal]

    @classmethod
    def of(cls, quads: Iterable[Quad]) -> Words:
        """The words in the statements about a person."""
        names, others = set(), set()
        addresses: dict[NamedNode, set[Literal]] = {way: set() for way in _ADDRESSES}
        for quad in quads:
            value = quad.object
            if not isinstance(value, Literal) or not value.value.strip():
                continue
            if quad.predicate in _NAMES:
                names.add(value)
            elif quad.predicate in _ADDRESSES:
                addresses[quad.predicate].add(value)
            elif quad.predicate in _NUMBERS or (
                len(value.value) >= LONG and findings.moment_of(value) is None
            ):
                others.add(value)
        every = frozenset().union(*addresses.values())
        telephones, postal = frozenset(addresses[_TELEPHONE]), frozenset(addresses[_POSTAL])
        return cls(frozenset(names), every, frozenset(others), telephones, postal)

    def mentions(self, others: Iterable[str], iris: Iterable[str] = ()) -> Mentions:
        """What looks for them in texts, with those of the `others` that tell who it is, and `iris`."""
        phrases = [*(word.value for word in self.addresses), *others]
        names, numbers = ([word.value for word in words] for words in (self.names, self.telephones))
        return Mentions(phrases, names, iris, numbers)


def remnants(
    kg: KnowledgeGraph, nodes: Collection[NamedNode], own: Collection[object], words: Words
) -> Remnants:
    """What all graphs but those of the person (`own`) and the views hold of the nodes and words.

    Numbers and texts that records of others state as well do not tell who it is.
    """
    return _Search(kg, own, nodes).all(words)


class _Search:
    def __init__(self, kg: KnowledgeGraph, own: Collection[object], nodes: Collection[NamedNode]) -> None:
        self._kg = kg
        self._nodes = nodes
        self._own = set(own)
        self._found = Remnants()
        self._entries: set[NamedNode] = set()
        a = kg.addresses
        self._finding, self._provenance = NamedNode(a.finding), NamedNode(a.provenance)
        self._quarantine, self._project = a.quarantine(""), a.project("")

    def all(self, words: Words) -> Remnants:
        self._links()
        for word in words.names | words.addresses:
            for form in forms(word):
                self._exactly(form)
        telling = [word.value for word in words.others if self._is_own(word)]
        for text in telling:
            self._exactly(Literal(text))
        self._texts(words.mentions(telling, (node.value for node in self._nodes)))
        entries = self._match((node, None, None) for node in self._entries)
        self._found.remove |= {quad for quad in entries if quad.graph_name == self._finding}
        self._found.entries = len(self._entries)
        self._found.remove = {q for q in self._found.remove if q.graph_name not in self._found.drop}
        self._found.elsewhere -= {node.value for node in self._entries}
        return self._found

    def _links(self) -> None:
        """Statements about the nodes or with them; those in quarantine are met with the texts there."""
        patterns: list[Pattern] = [(node, None, None) for node in self._nodes]
        patterns += [(None, None, node) for node in self._nodes]
        for quad in self._around(patterns):
            graph = quad.graph_name
            if self._is_quarantine(graph):
                self._found.drop.add(graph)
            elif graph == self._finding and quad.predicate not in _ABOUT_WORK:
                self._enter(quad)
            else:
                self._found.remove.add(quad)

    def _around(self, patterns: Collection[Pattern]) -> Iterator[Quad]:
        """What fits a pattern, without that in quarantine where records are in memory.

        Views say of each node most of what is said, so that it is faster not to look at them.
        """
        kg, records = self._kg, self._kg.copies.records
        yield from self._others(records.match(patterns))
        if records is not kg.store:
            for graph in (self._finding, self._provenance, NamedNode(kg.addresses.quality)):
                yield from kg.store.match(patterns, graph)

    def _exactly(self, word: Literal | NamedNode) -> None:
        """Statements with just this text, or the address as an IRI."""
        for quad in self._match([(None, None, word)]):
            graph = quad.graph_name
            if self._is_quarantine(graph):
                self._found.drop.add(graph)
            elif graph == self._finding:
                self._enter(quad)
            elif isinstance(graph, NamedNode) and graph.value.startswith(self._project):
                if isinstance(quad.subject, NamedNode):
                    self._found.elsewhere.add(quad.subject.value)
            elif not self._kg.graphs.is_record(graph) and graph != self._provenance:
                self._found.remove.add(quad)

    def _is_own(self, word: Literal) -> bool:
        """Whether no record of others states it."""
        said = self._others(self._kg.copies.records.match([(None, None, word)]))
        return not any(self._kg.graphs.is_record(quad.graph_name) for quad in said)

    def _texts(self, mentions: Mentions) -> None:
        """Texts that mention the person: in quarantine, scratch graphs and findings, and of commits."""
        self._in_quarantine(mentions)
        for graph in self._kg.copies.scratch:
            for quad in self._kg.planner().quads(graph):
                text = _text(quad)
                if mentions.within(text):
                    self._found.remove.add(quad)
                elif mentions.perhaps(text) and quad not in self._found.remove:
                    self._found.elsewhere.add(graph.value)
        for quad in self._saying(mentions, self._finding, _MESSAGES):
            self._enter(quad)
        for quad in self._saying(mentions, self._provenance, _OF_COMMITS):
            self._found.remove.add(quad)
            self._found.add.add(Quad(quad.subject, quad.predicate, GONE, quad.graph_name))

    def _in_quarantine(self, mentions: Mentions) -> None:
        """Entries that hold a node, or a text that mentions the person."""
        texts: set[tuple[NamedNode, str]] = set()
        waiting = (
            f"SELECT ?g ?s ?o {{ GRAPH ?g {{ ?g <{DCTERMS}isPartOf> <{self._quarantine}> . ?s ?p ?o }} }}"
        )
        for graph, s, o in self._kg.store.select(waiting, Dataset()).rows:
            if not isinstance(graph, NamedNode):
                continue
            if isinstance(o, Literal):
                texts.add((graph, o.value))
            elif s in self._nodes or o in self._nodes:
                self._found.drop.add(graph)
        for graph, text in texts:
            if mentions.within(text):
                self._found.drop.add(graph)
            elif mentions.perhaps(text):
                self._found.elsewhere.add(graph.value)
        self._found.elsewhere -= {graph.value for graph in self._found.drop}

    def _saying(
        self, mentions: Mentions, graph: NamedNode, properties: Collection[NamedNode]
    ) -> Iterator[Quad]:
        """What mentions the person among the values of the properties. Most texts are said very often.

        What says so only perhaps is to be looked at.
        """
        query = with_values(_TEXTS, {"p": list(properties)})
        for p, text in self._kg.store.select(query, Dataset(default=(graph,))).rows:
            if not isinstance(p, NamedNode) or not isinstance(text, Literal):
                continue
            if mentions.within(text.value):
                yield from self._kg.store.match([(None, p, text)], graph)
            elif mentions.perhaps(text.value):
                said = self._kg.store.match([(None, p, text)], graph)
                self._found.elsewhere |= {q.subject.value for q in said if isinstance(q.subject, NamedNode)}

    def _match(self, patterns: Iterable[Pattern]) -> Iterator[Quad]:
        return self._others(self._kg.store.match(patterns))

    def _others(self, quads: Iterable[Quad]) -> Iterator[Quad]:
        # What follows from the records follows them.
        made = (self._kg.addresses.views, self._kg.addresses.state)
        for quad in quads:
            graph = quad.graph_name
            if graph not in self._own and isinstance(graph, NamedNode) and not graph.value.startswith(made):
                yield quad

    def _enter(self, quad: Quad) -> None:
        if isinstance(quad.subject, NamedNode):
            self._entries.add(quad.subject)

    def _is_quarantine(self, graph: object) -> TypeGuard[NamedNode]:
        return isinstance(graph, NamedNode) and graph.value.startswith(self._quarantine)


def named_loosely(kg: KnowledgeGraph) -> set[str]:
    """The IRIs in quarantine and scratch graphs that are instances here."""
    waiting = [g for g in kg.store.graphs() if g.value.startswith(kg.addresses.quarantine(""))]
    quads = (quad for graph in (*waiting, *kg.copies.scratch) for quad in kg.planner().quads(graph))
    terms = (term for quad in quads for term in (quad.subject, quad.object))
    ids = kg.addresses.ids
    return {term.value for term in terms if isinstance(term, NamedNode) and term.value.startswith(ids)}


def forms(word: Literal) -> set[Literal | NamedNode]:
    """The name or address as others may have written it: with or without a language, or as an IRI.

    Also with its letters composed in another way, and an e-mail address in small letters.
    """
    text = word.value
    spelled = {text, normalize("NFC", text), normalize("NFD", text), text.lower() if "@" in text else text}
    forms: set[Literal | NamedNode] = {word, *map(Literal, spelled)}
    forms |= {Literal(one, language=tag) for one in spelled for tag in ("de", "en")}
    with suppress(ValueError):  # "Haus & Hof 7" is no e-mail address
        if "@" in text:
            forms.add(NamedNode(f"mailto:{text.strip()}"))
        elif text.strip().startswith("+"):
            forms.add(NamedNode(f"tel:{text.strip().replace(' ', '-')}"))
    return forms


def _text(quad: Quad) -> str:
    return quad.object.value if isinstance(quad.object, Literal) else ""
