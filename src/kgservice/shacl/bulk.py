"""All findings of a large dataset, some focus nodes at a time; of the others it holds only the names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice

import rdflib
from rdflib.term import URIRef

from kgservice.domain.finding import Finding
from kgservice.shacl.compile import automata
from kgservice.shacl.datasets import Both, Dataset, GraphStatements
from kgservice.shacl.reach import Found, Statements, Triple
from kgservice.shacl.report import TITLES
from kgservice.shacl.roots import Index
from kgservice.shacl.screen import Focus, Screen
from kgservice.shacl.shapes import Shapes, texts
from kgservice.shacl.targets import Candidate, Targets
from kgservice.shacl.terms import to_rdflib
from kgservice.shacl.validate import Engine

CHUNK = 2_500  # candidates that are looked at together


class BulkValidator:
    """Validates with `shapes` against `base` (the model and the context), which belongs to the dataset.

    The dataset is asked about the surroundings of the focus nodes that are named. One thread at a time.
    """

    def __init__(self, shapes: Shapes, base: Iterable[Triple], *, screened: bool = True) -> None:
        self._base = GraphStatements(base)
        every = automata(shapes)
        self._roots = [root for root in every if not root.reach.boundless]
        self._boundless = [root for root in every if root.reach.boundless]
        self._engine = Engine(shapes)
        self._screen = Screen(shapes, every) if screened else None
        self._targets = Targets(self._roots)

    @cached_property
    def objects_of(self) -> frozenset[URIRef]:
        """The properties whose objects are focus nodes."""
        return frozenset(prop for root in self._roots for prop in root.objects_of)

    def candidates(self) -> Iterator[Candidate]:
        """What can be a focus node without the dataset, maybe twice: shapes or the base name it."""
        for node in sorted({node for root in self._roots for node in root.nodes}, key=str):
            yield node, None
        for s, p, o in sorted(self._base.all(), key=str):
            yield s, None
            if p in self.objects_of:
                assert isinstance(p, URIRef)
                yield o, p

    def among(self, candidates: Iterable[Candidate], dataset: Dataset) -> list[Finding]:
        """The findings of those that a shape targets, as often as plain validation gives them."""
        statements = Both(self._base, dataset)
        focus = self._targets.among(candidates, statements)
        if self._screen is None:
            return self._found(focus, self._near(focus, statements), statements)
        near = self._near(focus, statements)
        seen = self._screen.look(focus, near, partial(self._near, statements=statements))
        found = self._found(seen.suspects, self._near(seen.suspects, statements), statements)
        return found + _titled([f for findings in seen.findings.values() for f in findings], statements)

    def anywhere(self, dataset: Dataset) -> list[Finding]:
        """The findings of shapes that can look at anything: they need the whole dataset in memory."""
        if not self._boundless:
            return []
        near = {*self._base.all(), *dataset.all()}
        index = Index(near)
        focus = {root.shape: root.all_targets(index) for root in self._boundless}
        return self._found(focus, near, Both(self._base, dataset))

    def _near(self, focus: Focus, statements: Statements) -> Collection[Triple]:
        """What bears on the findings."""
        found = Found()
        for root in self._roots:
            if root.shape in focus:
                found.join(root.reach.around(focus[root.shape], statements)[0])
        return found.all()

    def _found(self, focus: Focus, near: Collection[Triple], statements: Statements) -> list[Finding]:
        focus = {shape: nodes for shape, nodes in focus.items() if nodes}
        results = self._engine.results(focus, near) if focus else []
        return _titled([finding for _, found in results for finding in found], statements)


def chunks(candidates: Iterable[Candidate], size: int = CHUNK) -> Iterator[list[Candidate]]:
    """The candidates in lists of `size`, in their order."""
    left = iter(candidates)
    while chunk := list(islice(left, size)):
        yield chunk


def _titled(findings: Iterable[Finding], statements: Statements) -> list[Finding]:
    """The findings with the titles of their focus nodes, which no shape need have looked at."""
    found = list(findings)
    titles = rdflib.Graph()
    nodes = {finding.focus: to_rdflib(finding.focus) for finding in found}
    for node in nodes.values():
        for prop in TITLES:
            for triple in statements.of(node, prop):
                titles.add(triple)
    labels = {focus: texts(titles, node, *TITLES) for focus, node in nodes.items()}
    return [replace(finding, label=labels[finding.focus]) for finding in found]
