"""Building the views of purposes: each person is decided on once, and each statement by a look at a table.

A statement is shown or not by its property (or class), the traits of its ends, and what the person has
granted. There are few kinds of traits, so there are few cases. All is done on text: the views are written as
N-Quads and loaded by the store at its own speed.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from contextlib import ExitStack
from datetime import datetime
from functools import cache, partial
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from pyoxigraph import NamedNode

from kgservice.application.changes.counting import count
from kgservice.application.changes.entailing import TYPE_TEXT, Entailments, Parts, is_node, parts_of, text_of
from kgservice.application.changes.record_texts import Progress, RecordTexts, counted, step
from kgservice.application.changes.view_facts import ViewFacts
from kgservice.application.views.dues import DUE
from kgservice.application.views.dues import quad as due_note
from kgservice.application.views.hidden import hidden_nodes, restrictions
from kgservice.application.views.part_facts import Lookups, PartFacts, typed
from kgservice.application.views.scene import Common, Scene, persons_elsewhere
from kgservice.domain.grants import Grants
from kgservice.domain.visibility import LEVELS, Need, Own, Sight, Traits
from kgservice.store.formats import N_QUADS, N_TRIPLES

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph

_HELD = 100_000  # nodes outside the graphs of persons whose traits are remembered
_Case = tuple[bytes, int, int]  # property or class, kinds of traits of both ends


class PurposeViews:
    """The views of some purposes, which hold nothing but the model, in the making."""

    def __init__(self, kg: KnowledgeGraph, purposes: Set[str], records: RecordTexts) -> None:
        self._kg = kg
        self._records = records
        self._level = LEVELS.index(kg.settings.confidentiality)
        self._purposes = sorted(purposes)
        self._ends = [b" <%s> .\n" % kg.addresses.view(purpose).encode() for purpose in self._purposes]
        self._all = 2 ** len(self._purposes) - 1
        self._planner = kg.planner()
        self._persons_elsewhere = cache(partial(persons_elsewhere, self._planner))
        self._others = ViewFacts(kg.store, kg.view)
        self._common = Common.of(kg.policy, self._others)
        self._abroad = Sight(kg.model, kg.graphs, self._common.concepts, self._others, kg.clock())
        self._entailments = Entailments(kg.model)
        self._lookups = Lookups(kg.model)
        self._shared: set[bytes] = set()
        self._kinds: dict[Traits | None, int] = {None: 0}
        self._traits: list[Traits | None] = [None]
        self._needs: dict[_Case, int] = {}
        self._numbers: dict[Need, int] = {}
        self._by_number: list[Need] = []

    def build(self, told: Progress) -> None:
        """Fill the views, and note when they change by themselves."""
        if not self._purposes:
            return
        store, state = self._kg.store, NamedNode(self._kg.addresses.state)
        store.apply(remove=list(store.match([(None, DUE, None)], state)))
        with ExitStack() as held:
            spool, notes = (held.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            self._shared = self._read_shared(told)
            dues = self._restrictions()
            self._rest(spool)
            for graph in counted(self._persons(), "Building the views of purposes", told):
                dues.update(self._person(graph, spool))
                self._limit()
            if dues:
                dues[state] = min(dues.values())
            for node, due in dues.items():
                notes.write(f"{due_note(node, due, state)} .\n".encode())
            with step("Filling the views of purposes", told):
                for file in (spool, notes):
                    file.seek(0)
                    store.load(cast(BinaryIO, file), N_QUADS)

    def _persons(self) -> list[NamedNode]:
        return [graph for graph in self._records.graphs() if self._kg.graphs.is_subject(graph)]

    def _projects(self) -> list[NamedNode]:
        return [graph for graph in self._records.graphs() if self._kg.graphs.is_project(graph)]

    def _limit(self) -> None:
        if self._abroad.known > _HELD:
            self._abroad = Sight(
                self._kg.model, self._kg.graphs, self._common.concepts, self._others, self._abroad.moment
            )

    # What belongs together

    def _read_shared(self, told: Progress) -> set[bytes]:
        """The nodes of persons of which something is said in graphs that are not of the same person."""
        shared: set[bytes] = set()
        of_persons: set[int] = set()  # by their hashes, which take little memory
        by_key: dict[str, list[NamedNode]] = defaultdict(list)
        for graph in self._records.graphs():
            if not self._kg.graphs.is_project(graph):
                by_key[_key(graph)].append(graph)
        for graphs in counted(list(by_key.values()), "Looking at persons", told):
            parts = [part for graph in graphs for part in parts_of(self._records.text(graph))]
            own = typed(parts)
            shared |= self._lookups.abroad(own, parts)
            for node in own:
                if hash(node) in of_persons:
                    shared.add(node)
                of_persons.add(hash(node))
        for graph in self._projects():
            for piece in self._records.pieces(graph):
                said = self._lookups.abroad((), parts_of(piece))
                shared.update(node for node in said if hash(node) in of_persons)
        return {node for node in shared if hash(node) in of_persons}

    def _restrictions(self) -> dict[NamedNode, datetime]:
        """When restrictions of records begin or end."""
        dues = {}
        for node in restrictions(self._kg.store, self._kg.view):
            due = self._abroad.period(node).next_change(self._abroad.moment)
            if due is not None:
                dues[node] = due
        return dues

    # What concerns nobody

    def _rest(self, spool: IO[bytes]) -> None:
        """The model, and what concerns nobody unless it is hidden, which are in all the views."""
        kg = self._kg
        lacking = self._lacking()
        for graph in kg.graphs.model if lacking else ():
            with tempfile.SpooledTemporaryFile(2**24) as text:
                kg.store.dump(cast(BinaryIO, text), N_TRIPLES, graph=graph)
                text.seek(0)
                self._write(spool, lacking, text.read())
        hidden = {text_of(node) for node in hidden_nodes(kg, self._abroad, self._level)}
        for graph in self._projects():
            for piece in self._records.pieces(graph):
                lines = self._with_entailed(_but(hidden, parts_of(piece)))
                self._write(spool, self._all, b"".join(lines))

    def _lacking(self) -> int:
        """The purposes whose views lack something of the model: they hold nothing else, so it is counted."""
        complete = sum(count(self._kg.store, graph) for graph in self._kg.graphs.model)
        views = [NamedNode(self._kg.addresses.view(purpose)) for purpose in self._purposes]
        return sum(1 << n for n, view in enumerate(views) if count(self._kg.store, view) != complete)

    def _with_entailed(self, parts: Iterable[Parts]) -> Iterator[bytes]:
        for one in parts:
            yield b"%s %s %s\n" % tuple(one)
            yield from self._entailments.of(one)

    def _write(self, spool: IO[bytes], purposes: int, text: bytes) -> None:
        """Put lines of N-Triples into the views of purposes, one for each bit."""
        for number, end in enumerate(self._ends):
            if purposes >> number & 1:
                spool.write(text.replace(b" .\n", end))

    # Persons

    def _person(self, graph: NamedNode, spool: IO[bytes]) -> dict[NamedNode, datetime]:
        """Write what is shown of a person; when that changes by itself."""
        stated = parts_of(self._records.text(graph))
        consent = NamedNode(self._kg.addresses.consent(_key(graph)))
        facts = PartFacts(
            self._lookups, stated + parts_of(self._records.text(consent)), self._shared, self._others
        )
        sight = _PersonSight(self._abroad, facts)
        scene = Scene(
            self._planner, facts, self._common, sight.moment, sight, elsewhere=self._persons_elsewhere
        )
        person, grants = scene.person(graph), scene.grants(graph)
        if person is None or grants is None:
            return {}
        if not grants.sealed:
            self._statements(stated, sight, grants, spool)
        due = scene.next_change(grants.subject)
        return {} if due is None else {person: due}

    def _statements(self, stated: list[Parts], sight: Sight, grants: Grants, spool: IO[bytes]) -> None:
        kinds: dict[bytes, int] = {}
        decided: dict[int, int] = {}
        shown: dict[int, list[Parts]] = defaultdict(list)
        for parts in stated:
            s, p, rest = parts
            of_type = p == TYPE_TEXT
            o = b"" if of_type or not is_node(rest) else rest[:-2]
            for node in (s, o):
                if node not in kinds:
                    kinds[node] = self._kind(sight, node)
            case = (rest[:-2] if of_type and is_node(rest) else p, kinds[s], kinds[o])
            need = self._needs.get(case)
            if need is None:
                need = self._needs[case] = self._need(case)
            if need not in decided:
                decided[need] = self._decide(need, grants)
            if decided[need]:
                shown[decided[need]].append(parts)
        for purposes, those in shown.items():
            self._write(spool, purposes, b"".join(self._with_entailed(those)))

    def _kind(self, sight: Sight, node: bytes) -> int:
        """The number of the traits of a node; 0: it has none, being no IRI."""
        traits = sight.traits(NamedNode(node[1:-1].decode())) if is_node(node) else None
        if traits not in self._kinds:
            self._kinds[traits] = len(self._traits)
            self._traits.append(traits)
        return self._kinds[traits]

    def _need(self, case: _Case) -> int:
        """The number of what such statements need; there are far fewer needs than cases."""
        ends = [traits for traits in map(self._traits.__getitem__, case[1:]) if traits is not None]
        need = self._abroad.need_of(NamedNode(case[0][1:-1].decode()), ends)
        if need not in self._numbers:
            self._numbers[need] = len(self._by_number)
            self._by_number.append(need)
        return self._numbers[need]

    def _decide(self, number: int, grants: Grants) -> int:
        """The purposes for which statements of a person that need this are shown."""
        need = self._by_number[number]
        if need.level > self._level or need.restricted:
            return 0
        return sum(1 << n for n, purpose in enumerate(self._purposes) if grants.allow(purpose, need))


class _PersonSight(Sight):
    """Traits by the facts of one person; those of all other nodes are known for all persons."""

    def __init__(self, others: Sight, facts: PartFacts) -> None:
        super().__init__(others.model, others.graphs, others.concepts, facts, others.moment)
        self._of_terms = others._of_terms
        self._others = others
        self._own = facts.own

    def traits(self, node: NamedNode) -> Traits:
        """See `Sight.traits`."""
        return super().traits(node) if text_of(node) in self._own else self._others.traits(node)

    def own(self, node: NamedNode) -> Own:
        """See `Sight.own`."""
        return super().own(node) if text_of(node) in self._own else self._others.own(node)


def _key(graph: NamedNode) -> str:
    return graph.value.rpartition("/")[2]


def _but(hidden: set[bytes], parts: Iterable[Parts]) -> Iterator[Parts]:
    for s, p, rest in parts:
        if s not in hidden and (p == TYPE_TEXT or rest[:-2] not in hidden):
            yield [s, p, rest]
