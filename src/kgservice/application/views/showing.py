"""From one scene to another: the statements whose showing may differ, and what follows for the views."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import cache

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.changes import views
from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.changes.view_facts import Parts
from kgservice.application.views.dues import Dues
from kgservice.application.views.scene import Scene, concerned, links_of
from kgservice.domain.model import TYPE
from kgservice.domain.quads import Quads
from kgservice.domain.visibility import OF_RESTRICTIONS, Need
from kgservice.store.base import Pattern, Store

# A graph, and what its statements need before and after: None if they are not there.
_Group = tuple[object, Need | None, Need | None]


class Step:
    """What the views of the `purposes` show up to a confidentiality, before and after.

    `looking` gives where to look up what a view says. `changed`: what record graphs lose and what they get.
    Of the nodes `erased` nothing stays.
    """

    def __init__(
        self,
        planner: Planner,
        scenes: tuple[Scene, Scene],
        *,
        purposes: Collection[str],
        level: int,
        looking: Callable[[NamedNode], Store],
        changed: tuple[Quads, Quads] | None = None,
        erased: frozenset[NamedNode] = frozenset(),
    ) -> None:
        self._erased = erased
        self._looking = looking
        self._purposes = purposes
        self._level = level
        self._planner = planner
        self._before, self._after = scenes
        self._removed, self._added = changed or (Quads(), Quads())
        self._staying = Quads()
        self._differ: set[NamedNode] = set()  # nodes whose traits differ
        self._dues: dict[NamedNode, datetime | None] = {}
        self._new_parts: dict[object, set[object]] = defaultdict(set)
        for said in self._added.by_graph.values():
            for triple in said:
                if planner.graphs.is_genid(triple.object):
                    self._new_parts[triple.subject].add(triple.object)

    def change(self, triples: Collection[Parts]) -> None:
        """Take up what is different: the changed statements, with all that follows, are `triples`."""
        sight, is_genid = self._after.sight, self._planner.graphs.is_genid
        deciding = [parts for parts in triples if sight.decides(parts[1]) or is_genid(parts[2])]
        altered = self._altered(_ends(deciding))
        self._take_up(altered)
        self._note(_ends(parts for parts in deciding if parts[1] in OF_RESTRICTIONS))
        graphs = self._graphs(triples)
        if self._before.common != self._after.common:
            graphs |= set(filter(self._planner.graphs.is_subject, self._planner.store.graphs()))
        for graph in graphs:
            self._person(graph)

    def due(self, node: NamedNode) -> None:
        """Take up a person or a restriction whose date has come."""
        if self._after.sight.restricted(node):
            self._take_up(self._altered({node}))
            self._note({node})
        else:
            addresses = self._planner.addresses
            self._person(NamedNode(addresses.subject(addresses.key(node.value))), certain=True)
        self._dues.setdefault(node, None)

    def _take_up(self, altered: set[NamedNode]) -> None:
        self._differ |= altered
        # The view of everything holds what record graphs say: of most nodes of an import, nothing yet.
        for node in filter(self._before.facts.knows, altered):
            for quad in self._planner.records.match([(node, None, None), (None, None, node)]):
                if self._planner.graphs.is_record(quad.graph_name) and quad not in self._removed:
                    self._staying.add(quad)

    def _note(self, restrictions: set[NamedNode]) -> None:
        """Note when to look at restrictions again."""
        for node in restrictions:
            if self._after.sight.restricted(node):
                self._dues[node] = self._after.sight.period(node).next_change(self._after.moment)
            elif self._before.sight.restricted(node):
                self._dues.setdefault(node, None)

    def _person(self, graph: NamedNode, *, certain: bool = False) -> None:
        before, after = self._before.grants(graph), self._after.grants(graph)
        person = self._after.person(graph)
        for old in {self._before.person(graph)} - {person, None}:
            assert old is not None
            self._dues[old] = None
        if person is not None and after is not None:
            self._dues[person] = self._after.next_change(after.subject)
        same = (
            before is not None
            and after is not None
            and before.subject == after.subject
            and before.sealed == after.sealed
            and self._before.common == self._after.common
        )
        # Of a person who is erased nothing stays.
        if (certain or not same) and self._before.person(graph) not in self._erased:
            stored = self._planner.records.match([(None, None, None)], graph)
            self._staying.update(quad for quad in stored if quad not in self._removed)

    def _altered(self, starts: set[NamedNode]) -> set[NamedNode]:
        """The nodes whose traits differ, among those that a change touches and all that hang on them."""
        # All that hung on a node that is erased has lost a statement, and is among them.
        staying = starts - self._erased
        around = cache(lambda node: self._before.sight.dependents(node) | self._after.sight.dependents(node))
        waiting = list(staying)
        for node in staying:
            waiting += around(node)
        found: set[NamedNode] = set()
        seen = set(self._erased)
        while waiting:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            if self._before.sight.traits(node) != self._after.sight.traits(node):
                found.add(node)
                waiting += around(node)
                waiting += self._parts(node)
        return found

    def _parts(self, node: NamedNode) -> list[NamedNode]:
        """The nodes without a name of their own that the node refers to."""
        there = self._before.facts.knows(node)
        stored = {q.object for q in self._planner.records.match([(node, None, None)])} if there else set()
        parts = self._new_parts.get(node, set()) | stored
        return [o for o in parts if isinstance(o, NamedNode) and self._planner.graphs.is_genid(o)]

    def _graphs(self, triples: Collection[Parts]) -> set[NamedNode]:
        """The graphs of the persons whose permissions may differ."""
        graphs, addresses = self._planner.graphs, self._planner.addresses
        keys = {
            graph.value.rpartition("/")[2]
            for graph in self._removed.graphs | self._added.graphs
            if isinstance(graph, NamedNode) and not graphs.is_project(graph)
        }
        links = links_of(triples)
        persons = concerned(self._before, triples, links)
        if self._erased:  # of whom nothing is said any more
            triples = [parts for parts in triples if parts[0] not in self._erased]
            links = links_of(triples)
        persons |= concerned(self._after, triples, links)
        keys |= {addresses.key(person.value) for person in persons}
        return {NamedNode(addresses.subject(key)) for key in keys}

    # What follows

    def effect(self) -> Effect:
        """What happens to the views, and when each has to be looked at again."""
        groups = self._groups()
        said: dict[_Group, set[Triple]] = {}

        def of(some: list[_Group]) -> set[Triple]:
            for group in some:
                if group not in said:
                    graph, triples = group[0], groups[group]
                    said[group] = views.said_in(graph, triples, self._planner.model, self._planner.graphs)
            return set[Triple]().union(*(said[group] for group in some))

        gone: dict[str, set[Triple]] = {}
        new: dict[str, set[Triple]] = {}
        for purpose in self._purposes:
            lost, won, kept = self._sorted(groups, purpose)
            erased = self._of_erased(NamedNode(self._planner.addresses.view(purpose)))
            if lost or won or erased:
                stays = of(kept)
                new[purpose] = of(won) - stays
                gone[purpose] = (of(lost) - stays | erased) - new[purpose]
        self._support(gone)
        effect = Effect()
        for purpose, triples in gone.items():
            view = NamedNode(self._planner.addresses.view(purpose))
            effect.remove.put(view, triples)
            effect.add.put(view, new[purpose])
        effect.then(Dues(self._planner.store, self._planner.addresses).changed(self._dues))
        return effect

    def _of_erased(self, view: NamedNode) -> set[Triple]:
        """All that a view says of nodes that are erased; nothing has to be decided about it."""
        around: list[Pattern] = [(node, None, None) for node in self._erased]
        around += [(None, None, node) for node in self._erased]
        return {quad.triple for quad in self._looking(view).match(around, view)}

    def _groups(self) -> dict[_Group, set[Triple]]:
        """The statements by all that decides about them: their graph, and what they need before and after."""
        # What decides for all, or the moment, can alter the need of any statement.
        steady = self._before.common == self._after.common and self._before.moment == self._after.moment
        found: defaultdict[_Group, set[Triple]] = defaultdict(set)
        for graph, triples in self._staying.by_graph.items():
            for triple in triples:
                need = then = self._before.need(triple)
                if not steady or triple.subject in self._differ or triple.object in self._differ:
                    then = self._after.need(triple)
                found[graph, need, then].add(triple)
        for graph, triples in self._removed.by_graph.items():
            for triple in views.unsure(triples, self._erased) if self._erased else triples:
                found[graph, self._before.need(triple), None].add(triple)
        for graph, triples in self._added.by_graph.items():
            for triple in triples:
                found[graph, None, self._after.need(triple)].add(triple)
        return found

    def _sorted(
        self, groups: Iterable[_Group], purpose: str
    ) -> tuple[list[_Group], list[_Group], list[_Group]]:
        """What the view of the purpose loses, what it wins, and what it keeps."""
        lost: list[_Group] = []
        won: list[_Group] = []
        kept: list[_Group] = []
        for group in groups:
            graph, need, then = group
            shown = need is not None and self._before.allows(graph, need, purpose, self._level)
            shows = then is not None and self._after.allows(graph, then, purpose, self._level)
            if shown or shows:
                (kept if shown and shows else won if shows else lost).append(group)
        return lost, won, kept

    def _said(self, quads: Iterable[Quad]) -> set[Triple]:
        return views.said(quads, self._planner.model, self._planner.graphs)

    def _support(self, gone: dict[str, set[Triple]]) -> None:
        """Keep what the model, or other statements that are shown, state or entail."""
        every = views.unsure(set().union(*gone.values()), self._erased)
        if not every:
            return
        planner = self._planner
        subjects = {t.subject for t in every if isinstance(t.subject, NamedNode)}
        held: set[Triple] = set()
        for graph in planner.graphs.model:
            # The model says little of nodes of persons: most need one look instead of one for each statement.
            said = {node for node in subjects if any(planner.store.match([(node, None, None)], graph))}
            same = views.exactly(triple for triple in every if triple.subject in said)
            held.update(quad.triple for quad in planner.store.match(same, graph))
        found: dict[Triple, list[Quad]] = defaultdict(list)
        for quad in views.supporting(planner.records, every):
            if quad in self._removed or quad in self._staying:
                continue
            if planner.graphs.is_record(quad.graph_name):
                for triple in self._said([quad]) & every:
                    found[triple].append(quad)
        for triples in gone.values():
            triples.difference_update(held)
        for purpose, triples in gone.items():
            for triple in triples & found.keys():
                if any(self._after.shows(quad, purpose, self._level) for quad in found[triple]):
                    triples.remove(triple)


def _ends(triples: Iterable[Parts]) -> set[NamedNode]:
    """The nodes at both ends of statements; of a type, only the one that has it."""
    nodes = (node for s, p, o in triples for node in ((s,) if p == TYPE else (s, o)))
    return {node for node in nodes if isinstance(node, NamedNode)}
