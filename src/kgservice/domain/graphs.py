"""Which named graphs there are: what each is for, and who may write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from pyoxigraph import DefaultGraph, NamedNode

from kgservice.namespaces import NOTES, Addresses

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

KINDS = ("project", "subject", "consent", "model", "provenance", "finding", "quality", "view", "other")
"""What kinds of graphs are called for people."""


class GraphKind(Enum):
    """What a graph is for."""

    LOOSE = "loose"  # the default graph of a change: the router decides
    RECORD = "record"  # project, subject or consent: written through the router only
    READ_ONLY = (
        "read only"  # ours: ontology, vocabulary, provenance, finding, quality, views, names kept for later
    )
    SCRATCH = "scratch"  # the user's: any other name, and graph/scratch


@dataclass(frozen=True)
class Graphs:
    """Sorts graph names of one deployment.

    >>> g = Graphs(Addresses("https://kg.example/"))
    >>> g.kind(NamedNode("https://kg.example/graph/project/7")).value
    'record'
    """

    addresses: Addresses

    def kind(self, name: object) -> GraphKind:
        """What the graph `name` is for."""
        if isinstance(name, DefaultGraph):
            return GraphKind.LOOSE
        if not isinstance(name, NamedNode):
            return GraphKind.READ_ONLY
        iri, a = name.value, self.addresses
        if self.is_record(name):
            return GraphKind.RECORD
        if iri != a.scratch and iri.startswith((a.graphs, a.views, NOTES)):
            return GraphKind.READ_ONLY
        return GraphKind.SCRATCH

    def called(self, name: object) -> str | None:
        """The kind of graph in a word for people, one of `KINDS`; None for what a store keeps for itself.

        >>> g = Graphs(Addresses("https://kg.example/"))
        >>> [g.called(NamedNode(f"https://kg.example/{n}")) for n in ("graph/subject/7", "graph/x", "view/y")]
        ['subject', 'other', 'view']
        """
        iri, a = name.value if isinstance(name, NamedNode) else "", self.addresses
        if iri.startswith(NOTES):
            return None
        if name in self.model:
            return "model"
        if iri.startswith(a.views):
            return "view"
        if iri.startswith(a.graphs):
            kind = iri[len(a.graphs) :].partition("/")[0]
            return kind if kind in KINDS else "other"
        return "other"

    def is_record(self, name: object) -> bool:
        """Whether `name` is a project, subject or consent graph."""
        return self._folder(name) in self.record_prefixes

    @staticmethod
    def _folder(name: object) -> str:
        """What stands before the key in the name of a graph; nothing where there is no key."""
        if not isinstance(name, NamedNode):
            return ""
        folder, slash, key = name.value.rpartition("/")
        return folder + slash if key else ""

    @cached_property
    def record_prefixes(self) -> tuple[str, str, str]:
        """What the names of project, subject and consent graphs start with."""
        return (self.addresses.project(""), self.addresses.subject(""), self.addresses.consent(""))

    def is_service(self, name: object) -> bool:
        """Whether the graph is one that the service alone writes: findings, quality, quarantine."""
        a = self.addresses
        return isinstance(name, NamedNode) and (
            name.value in (a.finding, a.quality) or name.value.startswith(a.quarantine(""))
        )

    def is_subject(self, name: object) -> bool:
        """Whether `name` is the graph of a person."""
        return self._folder(name) == self.addresses.subject("")

    def is_consent(self, name: object) -> bool:
        """Whether `name` is the graph of what proves the consents of a person."""
        return self._folder(name) == self.addresses.consent("")

    def is_project(self, name: object) -> bool:
        """Whether `name` is the graph of a project."""
        return self._folder(name) == self.addresses.project("")

    def is_model(self, name: object) -> bool:
        """Whether `name` is a graph of the ontology."""
        return name in self.model

    @cached_property
    def model(self) -> tuple[NamedNode, NamedNode]:
        """The graphs of the ontology."""
        return NamedNode(self.addresses.ontology), NamedNode(self.addresses.vocabulary)

    def in_view(self, name: object) -> bool:
        """Whether the view of everything holds the graph's statements."""
        a = self.addresses
        return self.is_record(name) or (
            isinstance(name, NamedNode)
            and name.value in (a.ontology, a.vocabulary, a.provenance, a.finding, a.quality)
        )

    @cached_property
    def genid(self) -> str:
        """The namespace of the IRIs that stand for blank nodes (RDF 1.1 Concepts, section 3.5)."""
        return f"{self.addresses.base}.well-known/genid/"

    def is_genid(self, node: object) -> bool:
        """Whether `node` stands for a blank node."""
        return (
            isinstance(node, NamedNode)
            and node.value.startswith(self.genid)
            and _UUID.fullmatch(node.value, len(self.genid)) is not None
        )
