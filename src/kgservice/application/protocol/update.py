"""SPARQL 1.1 Update: each request is one commit, through the router like every other change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from pyoxigraph import DefaultGraph, NamedNode, Quad

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.proof import refuse_whole
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.templates import Template
from kgservice.application.views.reader import Reader
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.graphs import GraphKind
from kgservice.domain.sparql_scan import federated, place, scan
from kgservice.domain.sparql_update import Data, Manage, Modify, Transfer, UpdateOperation, parsed
from kgservice.errors import BadQuery, Conflict, Forbidden, NotFound
from kgservice.store.base import Dataset, Solutions, Store, Term
from kgservice.store.syntax import check_update, quads_of_data, resolve

LOOSE = DefaultGraph()
_MANY = ("ALL", "NAMED")


def update(
    kg: KnowledgeGraph,
    text: str,
    *,
    origin: Origin,
    reading: Callable[[], Reader] | None = None,
    using: Sequence[NamedNode] = (),
    using_named: Sequence[NamedNode] = (),
    discreet: bool = False,
) -> Commit:
    """Run a SPARQL 1.1 update as one commit, all or nothing; each operation sees what those before it did.

    Statements outside GRAPH are loose: the router decides, and DELETE takes them from where they are. WHERE
    runs on the view that `reading` gives (default: of everything), or on `using` and `using_named`.
    `DEFAULT` means the scratch graph; `ALL` and `NAMED` mean the graphs that users can write. Raises
    `BadQuery` with line and column; `Forbidden` for LOAD, SERVICE, read-only graphs and for what the view of
    a purpose does not hold; `NotFound` and `Conflict` for graphs that are not or are there, unless SILENT;
    and what a commit raises. `discreet`: for who may not see everything, all is SILENT.
    """
    base = kg.settings.base
    check_update(text, base)
    remote = federated(scan(text))
    if remote is not None:
        line, column = place(text, remote.start)
        raise Forbidden("SERVICE is not allowed: updates make no outgoing requests", line=line, column=column)
    steps = parsed(text, f"BASE <{base}>")
    for step in steps:
        if isinstance(step, Manage) and step.verb != "CREATE":
            _refuse_emptying(kg, step, origin)
    if discreet:
        steps = [replace(s, silent=True) if isinstance(s, Manage | Transfer) else s for s in steps]
    protocol = Dataset(tuple(using), tuple(using_named)) if using or using_named else None
    if protocol is not None and any(
        isinstance(s, Modify) and (s.using or s.using_named or s.with_graph) for s in steps
    ):
        raise BadQuery("the request names its dataset (using-graph-uri), so WITH and USING are not allowed")
    reader = reading() if reading and any(isinstance(step, Modify | Transfer) for step in steps) else kg
    if reader.purpose is not None:
        _check_purpose(reader, steps, protocol)
    with kg.writing:
        if _is_one_change(steps):
            changes = [_Step(kg, kg.store, protocol, reader.view).change(step) for step in steps]
            whole = Change(
                add=tuple(q for c in changes for q in c.add),
                remove=tuple(q for c in changes for q in c.remove),
                create=tuple(g for c in changes for g in c.create),
                drop=tuple(g for c in changes for g in c.drop),
            )
            return kg.write(kg.planner().effect(whole), origin)
        return kg.write(_staged(kg, steps, protocol), origin)


def _refuse_emptying(kg: KnowledgeGraph, step: Manage, origin: Origin) -> None:
    """Raise `Forbidden` for DROP and CLEAR of what whoever asks may not take away as a whole."""
    if step.target in _MANY and not origin.privacy:
        raise Forbidden("DROP and CLEAR of many graphs at once (ALL, NAMED) are for administrators")
    if step.target not in (*_MANY, "DEFAULT"):
        refuse_whole(kg.graphs, resolve(step.prologue, step.target), origin)


def _check_purpose(reader: Reader, steps: Sequence[UpdateOperation], protocol: Dataset | None) -> None:
    """Raise `Forbidden` where the update would read anything but the view of the purpose."""
    if any(isinstance(step, Transfer) for step in steps):
        raise Forbidden("For a purpose there is one graph, the view; COPY, MOVE and ADD read others")
    if len(steps) > 1:
        raise Forbidden("For a purpose, send an operation with WHERE as a request of its own")
    reader.current()
    step = steps[0]
    if protocol is not None or (
        isinstance(step, Modify) and (step.using or step.using_named or step.with_graph)
    ):
        raise Forbidden("For a purpose there is one graph, the view; name no other (USING, WITH)")


def _is_one_change(steps: Sequence[UpdateOperation]) -> bool:
    """Whether no operation needs to see what one before it did: one alone, or removals before additions."""
    if len(steps) <= 1:
        return True
    if not all(isinstance(step, Data) for step in steps):
        return False
    inserts = [isinstance(step, Data) and step.insert for step in steps]
    return inserts == sorted(inserts)


def _staged(kg: KnowledgeGraph, steps: Sequence[UpdateOperation], protocol: Dataset | None) -> Effect:
    """What the operations do together, worked out on a private copy of the store."""
    whole = Effect()
    with kg.store.copy() as stage:
        planner = kg.planner(stage)
        for i, step in enumerate(steps):
            effect = planner.effect(_Step(kg, stage, protocol, kg.view).change(step))
            if i + 1 < len(steps):
                effect.apply(stage)
            whole.then(effect)
    # A graph that came and went between the operations was never there.
    whole.drop = {g for g in whole.drop if kg.store.has_graph(g)}
    return whole if whole.writes else Effect()


class _Step:
    """Turns one operation into a change, seen from the store as it is before the operation."""

    def __init__(self, kg: KnowledgeGraph, store: Store, protocol: Dataset | None, view: NamedNode) -> None:
        self._kg = kg
        self._store = store
        self._protocol = protocol
        self._view = view
        self._scratch = NamedNode(kg.addresses.scratch)

    def change(self, step: UpdateOperation) -> Change:
        """The change that the operation makes."""
        if isinstance(step, Data):
            quads = tuple(quads_of_data(step.prologue, step.text))
            return Change(add=quads) if step.insert else Change(remove=quads)
        if isinstance(step, Modify):
            return self._modify(step)
        if isinstance(step, Transfer):
            return self._transfer(step)
        return self._create(step) if step.verb == "CREATE" else self._empty(step)

    # DELETE and INSERT

    def _modify(self, step: Modify) -> Change:
        graph = resolve(step.prologue, step.with_graph) if step.with_graph else LOOSE
        delete = Template.of(step.prologue, step.delete, graph)
        insert = Template.of(step.prologue, step.insert, graph)
        add: dict[Quad, None] = {}
        remove: dict[Quad, None] = {}
        for solution in self._solutions(step, delete, insert):
            remove.update(dict.fromkeys(delete.filled(solution)))
            add.update(dict.fromkeys(insert.filled(solution)))
        return Change(add=tuple(add), remove=tuple(remove))

    def _solutions(
        self, step: Modify, delete: Template, insert: Template
    ) -> Iterator[Mapping[str, Term | None]]:
        """The solutions of WHERE, as far as the templates need them."""
        names = tuple(dict.fromkeys((*delete.variables, *insert.variables)))
        dataset = self._dataset(step)
        if insert.has_blank_nodes:
            select = "SELECT *"  # one new node for each solution, so none may fall together
        elif names:
            select = "SELECT DISTINCT " + " ".join(f"?{name}" for name in names)
        else:
            if self._solve(f"{step.prologue} SELECT (1 AS ?is) WHERE {step.where} LIMIT 1", dataset).rows:
                yield {}
            return
        found = self._solve(f"{step.prologue} {select} WHERE {step.where}", dataset)
        for row in found.rows:
            yield dict(zip(found.variables, row, strict=True))

    def _dataset(self, step: Modify) -> Dataset:
        def graphs(written: Sequence[str]) -> tuple[NamedNode, ...]:
            return tuple(resolve(step.prologue, iri) for iri in written)

        if self._protocol is not None:
            return self._protocol
        if step.using or step.using_named:
            return Dataset(graphs(step.using), graphs(step.using_named))
        if step.with_graph:
            return Dataset(graphs([step.with_graph]))
        return Dataset((self._view,), None if self._view == self._kg.view else ())

    def _solve(self, text: str, dataset: Dataset) -> Solutions:
        copy = None if self._store is self._kg.store else self._store
        return self._kg.solve(text, dataset, copy=copy)

    # Whole graphs

    def _graph(self, prologue: str, written: str) -> NamedNode:
        return self._scratch if written == "DEFAULT" else resolve(prologue, written)

    def _exists(self, graph: NamedNode) -> bool:
        return graph == self._scratch or self._store.has_graph(graph)

    def _empty(self, step: Manage) -> Change:
        if step.target in _MANY:
            graphs = [g for g in self._store.graphs() if self._is_writable(g)]
            if step.target == "NAMED":
                graphs = [g for g in graphs if g != self._scratch]
        else:
            graph = self._graph(step.prologue, step.target)
            if not self._exists(graph) and not step.silent:
                raise NotFound("there is no graph {graph}", graph=graph)
            graphs = [graph] if self._exists(graph) or not self._is_writable(graph) else []
        kept = graphs if step.verb == "CLEAR" else []
        return Change(
            drop=tuple(graphs),
            create=tuple(g for g in kept if g != self._scratch and self._is_free(g)),
        )

    def _create(self, step: Manage) -> Change:
        graph = self._graph(step.prologue, step.target)
        if not self._exists(graph) or not self._is_free(graph):
            return Change(create=(graph,))  # refused for a graph of the service, whether it is there or not
        if step.silent:
            return Change()
        raise Conflict("the graph {graph} exists already", graph=graph)

    def _transfer(self, step: Transfer) -> Change:
        source, target = self._graph(step.prologue, step.source), self._graph(step.prologue, step.target)
        if not self._exists(source):
            if step.silent:
                return Change()
            raise NotFound("there is no graph {origin}", origin=source)
        if source == target:
            return Change()
        triples = [q.triple for q in self._kg.planner(self._store).quads(source)]
        drop = {"COPY": [target], "MOVE": [target, source], "ADD": []}[step.verb]
        return Change(
            add=tuple(Quad(t.subject, t.predicate, t.object, target) for t in triples),
            drop=tuple(drop),
            create=(target,) if self._is_free(target) else (),
        )

    def _is_writable(self, graph: NamedNode) -> bool:
        return self._kg.graphs.kind(graph) is not GraphKind.READ_ONLY

    def _is_free(self, graph: NamedNode) -> bool:
        return self._kg.graphs.kind(graph) is GraphKind.SCRATCH
