"""What a change would do to the store, worked out without writing: routing, real difference, view."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kgservice.application.changes import views
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.facts import Looked, RecordFacts
from kgservice.application.changes.hubs import Hubs
from kgservice.domain.change import Change
from kgservice.domain.graphs import GraphKind, Graphs
from kgservice.domain.model import TYPE, Model
from kgservice.domain.quads import Quads
from kgservice.domain.router import COMMON, Router
from kgservice.errors import BadRdf, Conflict, Forbidden
from kgservice.namespaces import Addresses
from kgservice.phrases import Phrase
from kgservice.store.base import Dataset, Pattern, Store

LOOSE = DefaultGraph()


class Planner:
    """Works out the effect of changes on what `store` holds now.

    `records`, if there is one, holds the graphs of it that users write to, and is faster; `hubs` says the
    same of nodes of which much is said.
    """

    def __init__(
        self,
        store: Store,
        model: Model,
        addresses: Addresses,
        records: Store | None = None,
        hubs: Hubs | None = None,
    ) -> None:
        self.store = store
        self.records = records or store
        self.looked = partial(Looked, self.records, hubs)
        self.model = model
        self.addresses = addresses
        self.graphs = Graphs(addresses)
        # Where to look up what a change may write: the service's own graphs are in the store only.
        self._written = self.records
        self._trusted = False
        self.erased: frozenset[NamedNode] = frozenset()
        # The properties that say whose a node is.
        self.links = model.owner_links.properties | model.project_links.properties

    def effect(self, change: Change) -> Effect:
        """The effect of `change`; empty if it changes nothing.

        Raises `Forbidden` for read-only graphs, `Conflict` for a statement in the wrong record graph,
        `BadRdf` for triple terms (RDF 1.2).
        """
        self.erased = change.erased
        self._trusted = change.trusted or bool(change.erased)
        self._written = self.store if self._trusted else self.records
        drop, dropped = self._dropped(change.drop)
        create = self._created(change.create, drop)
        additions = self._prepared(change.add)
        removed = self._removed(change.remove, drop)
        of_records = dropped.where(self.graphs.is_record)
        removed.update(of_records)
        plan = _Plan(self, removed, drop)
        plan.add(additions)
        plan.move()
        effect = plan.effect()
        effect.drop |= {g for g in drop if not self.graphs.is_record(g)}
        effect.held |= dropped.where(lambda graph: not self.graphs.is_record(graph))
        effect.create |= create
        stated = additions if change.replaces else (*additions, *change.remove)
        effect.named = {node for quad in stated for node in (quad.subject, quad.object)}
        effect.removed += len(dropped) - len(of_records)
        return effect

    # What comes in

    def _prepared(self, quads: Iterable[Quad]) -> list[Quad]:
        """`quads` with IRIs for blank nodes and literals as the store keeps them; each once, in order."""
        given = dict.fromkeys(quads)
        literals = {o for q in given if isinstance(o := q.object, Literal)}
        forms = self.store.normalised(literals)
        nodes: dict[BlankNode, NamedNode] = {}
        return list(dict.fromkeys([self._clean(q, nodes, forms) for q in given]))

    def _clean(self, quad: Quad, nodes: dict[BlankNode, NamedNode], forms: dict[Literal, Literal]) -> Quad:
        s, p, o, g = quad.subject, quad.predicate, quad.object, quad.graph_name
        if isinstance(o, Triple) or isinstance(s, Triple):
            raise BadRdf("triple terms (RDF 1.2) are not taken: {triple}", triple=quad.triple)
        if isinstance(g, BlankNode):
            raise BadRdf("a graph named by a blank node is not taken: {graph}", graph=g)
        if not isinstance(s, BlankNode) and not isinstance(o, BlankNode) and o not in forms:
            return quad
        if isinstance(s, BlankNode):
            s = self._genid(s, nodes)
        if isinstance(o, BlankNode):
            o = self._genid(o, nodes)
        elif isinstance(o, Literal):
            o = forms.get(o, o)
        return Quad(s, p, o, g)

    def _genid(self, node: BlankNode, nodes: dict[BlankNode, NamedNode]) -> NamedNode:
        if node not in nodes:
            nodes[node] = NamedNode(f"{self.graphs.genid}{uuid.uuid4()}")
        return nodes[node]

    def _dropped(self, names: Sequence[NamedNode]) -> tuple[set[NamedNode], Quads]:
        drop: set[NamedNode] = set()
        quads = Quads()
        for name in names:
            self.kind(name)
            if self.store.has_graph(name):
                drop.add(name)
                quads |= self.quads(name)
        return drop, quads

    def _created(self, names: Sequence[NamedNode], drop: set[NamedNode]) -> set[NamedNode]:
        create = set()
        for name in names:
            if self.graphs.kind(name) is not GraphKind.SCRATCH:
                raise Forbidden("{name} cannot be created: the service makes its own graphs", name=name)
            if name in drop or not self.store.has_graph(name):
                create.add(name)
        return create

    def _removed(self, quads: Iterable[Quad], drop: set[NamedNode]) -> set[Quad]:
        """The quads that are really there, loose ones with the graphs that hold them."""
        asked = self._prepared(quads)
        for quad in asked:
            if quad.graph_name != LOOSE:
                self.kind(quad.graph_name)
        loose = {q.triple for q in asked if q.graph_name == LOOSE}
        named = {q for q in asked if q.graph_name != LOOSE}
        found = set()
        for quad in self._written.match(views.exactly(dict.fromkeys(q.triple for q in asked))):
            if quad.graph_name in drop:
                continue
            if quad in named or (quad.triple in loose and self.holds_loose(quad.graph_name)):
                found.add(quad)
        return found

    def kind(self, name: object) -> GraphKind:
        """What the graph is for, for a change: graphs that it may write are never read only.

        Raises `Forbidden` for a graph that is.
        """
        kind = self.graphs.kind(name)
        if kind is GraphKind.READ_ONLY:
            if self._trusted and self.graphs.is_service(name):
                return GraphKind.SCRATCH
            if self.erased and isinstance(name, NamedNode) and name.value == self.addresses.provenance:
                return GraphKind.SCRATCH
            raise Forbidden("{name} is read only", name=name)
        return kind

    # What is there

    def stated(self, triples: Collection[Triple]) -> Iterator[Quad]:
        """The quads that state these."""
        subjects = {t.subject for t in triples if isinstance(t.subject, NamedNode)}
        if 2 * len(subjects) > len(triples):
            return self._written.match(views.exactly(triples))
        # Most records of a change are new, so that one look for each will do.
        there = self._written.used(subjects, as_object=False)
        return self._written.match(views.exactly(t for t in triples if t.subject in there))

    def holds_loose(self, name: object) -> bool:
        """Whether the router puts statements into the graph."""
        return self.graphs.is_record(name) or (
            isinstance(name, NamedNode) and name.value == self.addresses.scratch
        )

    def quads(self, name: NamedNode) -> list[Quad]:
        """All quads of a graph."""
        source = self.records if self.graphs.is_record(name) else self.store
        return list(source.match([(None, None, None)], name))

    def emptied(self, dropped: Iterable[NamedNode], removed: Quads, added: Quads) -> set[NamedNode]:
        """The record graphs that hold nothing any more."""
        names = {name for name in (*dropped, *removed.graphs) if self.graphs.is_record(name)} - added.graphs
        return {
            name
            for name in names
            if isinstance(name, NamedNode) and self._holds_at_most(name, len(removed.within(name)))
        }

    def _holds_at_most(self, name: NamedNode, count: int) -> bool:
        rows = self.store.select(
            f"SELECT (1 AS ?one) WHERE {{ ?s ?p ?o }} LIMIT {count + 1}", Dataset(default=(name,))
        ).rows
        return len(rows) <= count


class _Plan:
    """The effect of one change in the making."""

    def __init__(self, planner: Planner, removed: set[Quad], drop: set[NamedNode]) -> None:
        self._planner = planner
        self._drop = drop
        self._removed = removed
        self._added: set[Quad] = set()
        self._moved: dict[Quad, Quad] = {}
        self._leaving: set[NamedNode] = set()
        self._routed = False
        self._looked = planner.looked()
        self._before: Router[RecordFacts] = Router(
            planner.model, planner.graphs, RecordFacts(self._looked, planner.graphs, planner.model)
        )
        self._after = self._before

    def add(self, quads: list[Quad]) -> None:
        """Decide where the additions go; those that are there already drop out."""
        planner, graphs = self._planner, self._planner.graphs
        routed: dict[Triple, Quad] = {}
        plain: list[Quad] = []
        for quad in quads:
            kind = planner.kind(quad.graph_name)
            if kind is GraphKind.SCRATCH:
                plain.append(quad)
            elif kind is GraphKind.RECORD or quad.triple not in routed:
                earlier = routed.get(quad.triple)
                if earlier is not None and earlier.graph_name not in (LOOSE, quad.graph_name):
                    raise Conflict(
                        "{triple} cannot be in {graph} and in {other}",
                        triple=quad.triple,
                        graph=earlier.graph_name,
                        other=quad.graph_name,
                    )
                routed[quad.triple] = quad
        self._routed = bool(routed)
        self._looked.ahead(
            {
                node
                for triple in routed
                for node in (triple.subject, None if triple.predicate == TYPE else triple.object)
                if isinstance(node, NamedNode)
            }
        )
        # Most of what an import says is of nodes that nothing has been said of.
        asked = [
            triple
            for triple in routed
            if not isinstance(triple.subject, NamedNode)
            or self._looked.is_there(triple.subject, as_object=False)
        ]
        stored: dict[Triple, list[Quad]] = defaultdict(list)
        said = planner.records.match(views.exactly(asked))
        for quad in (*said, *planner.stated({q.triple: None for q in plain})):
            if quad.graph_name not in self._drop or graphs.is_record(quad.graph_name):
                stored[quad.triple].append(quad)
        for quad in plain:
            if quad in self._removed:
                self._removed.discard(quad)
            elif quad not in stored.get(quad.triple, ()):
                self._added.add(quad)
        self._after = Router(
            planner.model,
            graphs,
            RecordFacts(self._looked, graphs, planner.model, self._removed, routed),
        )
        for triple, quad in routed.items():
            self._route(triple, quad, stored.get(triple, ()))

    def _route(self, triple: Triple, quad: Quad, stored: Sequence[Quad]) -> None:
        right = self._after.graph(triple)
        if quad.graph_name not in (LOOSE, right):
            raise Conflict(
                "{triple} belongs to {right}, not to {graph}{advice}",
                triple=triple,
                right=self._named(right),
                graph=quad.graph_name,
                advice=self._advice(right),
            )
        target = Quad(triple.subject, triple.predicate, triple.object, right)
        present = [q for q in stored if self._after.facts.counts(q)]
        if target in present:
            self._removed.discard(target)
            return
        for other in present:
            # In another graph until now: it moves, and is no new statement unless it was to be removed there.
            if other not in self._removed:
                self._moved[other] = target
        if not any(other in self._moved for other in present):
            self._added.add(target)

    def _named(self, right: NamedNode) -> str:
        """The graph in words: who writes may not always know whose a record is, so no person is named."""
        graphs = self._planner.graphs
        if graphs.is_record(right) and not graphs.is_project(right):
            return Phrase("the graph of a person")
        return str(right)

    def _advice(self, right: NamedNode) -> str:
        """What to do about a statement that belongs elsewhere, where its subject says too little."""
        addresses = self._planner.addresses
        if right.value == addresses.scratch:
            return Phrase(": its subject is no record yet; state its class (rdf:type)")
        if right.value == addresses.project(COMMON):
            return Phrase(": its subject names no project; state it (ci:inProject), and its class (rdf:type)")
        return ""

    def move(self) -> None:
        """Move stored statements whose owner is another one after the change."""
        planner, graphs = self._planner, self._planner.graphs
        if not self._routed and not any(map(self._before.facts.counts, self._removed)):
            return  # nothing that owners are found over
        waiting = [n for quad in (*self._added, *self._removed) for n in self._seeds(quad)]
        waiting += [n for quad in self._moved for n in self._seeds(quad)]
        scratch = NamedNode(planner.addresses.scratch)
        # Nothing of what is erased stays, so none of it can move.
        seen: set[NamedNode] = set(planner.erased)
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            before, after = self._before.owner(node), self._after.owner(node)
            if before == after:
                continue
            waiting += self._dependents(node)
            facts, looked = self._after.facts, self._looked
            patterns: list[Pattern] = [(node, None, None)] if looked.is_there(node, as_object=False) else []
            if before.person != after.person and looked.is_there(node, as_object=True):
                patterns.append((None, None, node))
            for quad in planner.records.match(patterns):
                if quad in self._removed or quad in self._moved or not facts.counts(quad):
                    continue
                if quad.graph_name in self._drop and not graphs.is_record(quad.graph_name):
                    continue
                right = self._after.graph(quad.triple)
                if right != quad.graph_name:
                    self._moved[quad] = Quad(quad.subject, quad.predicate, quad.object, right)
                    hidden = graphs.is_subject(quad.graph_name) or quad.graph_name == scratch
                    if hidden and not graphs.is_consent(right):
                        self._leaving.add(node)

    def _seeds(self, quad: Quad) -> Iterable[NamedNode]:
        """The nodes whose owner the quad can change."""
        s, p, o = quad.subject, quad.predicate, quad.object
        if isinstance(s, NamedNode) and (p == TYPE or self._planner.model.is_property(p)):
            yield s
        if isinstance(o, NamedNode) and (self._planner.graphs.is_genid(o) or p in self._planner.links):
            yield o

    def _dependents(self, node: NamedNode) -> set[NamedNode]:
        """The nodes whose owner is found over `node`."""
        found: set[NamedNode] = set()
        for facts in (self._before.facts, self._after.facts):
            found.update(facts.against(node, self._planner.model.owner_links))
            for triple in facts.outgoing(node):
                if isinstance(triple.object, NamedNode) and self._planner.graphs.is_genid(triple.object):
                    found.add(triple.object)
        return found

    def effect(self) -> Effect:
        """All of it together, with the view."""
        planner, graphs = self._planner, self._planner.graphs
        gone, new = Quads(self._removed), Quads(self._added)
        gone.update(self._moved)
        new.update(self._moved.values())
        view = NamedNode(planner.addresses.everything)
        view_gone, view_new = views.delta(
            planner.store,
            planner.model,
            planner.graphs,
            removed=gone.where(graphs.in_view),
            added=new.where(graphs.in_view),
            erased=planner.erased,
        )
        effect = Effect(
            drop=planner.emptied(self._drop, gone, new),
            remove=gone,
            add=new,
            added=len(self._added),
            removed=len(self._removed),
            leaving=self._leaving,
        )
        effect.held = gone.where(effect.drop.__contains__)
        effect.remove.put(view, view_gone)
        effect.add.put(view, view_new)
        effect.remove.leave(effect.drop)
        return effect
