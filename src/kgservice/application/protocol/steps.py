"""The operations of a SPARQL 1.1 update as changes, within what one request may read into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from pyoxigraph import DefaultGraph, NamedNode, Quad

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.loading import Uploads, loaded
from kgservice.application.protocol.templates import Template
from kgservice.domain.change import Change
from kgservice.domain.graphs import GraphKind
from kgservice.domain.sparql_update import Data, Load, Manage, Modify, Transfer, UpdateOperation
from kgservice.errors import BadInput, Conflict, DeadlineExceeded, NotFound, StoreFailed, TooCostly
from kgservice.store.allowance import Allowance
from kgservice.store.base import Dataset, Solutions, Store, Term
from kgservice.store.syntax import quads_of_data, resolve

LOOSE = DefaultGraph()
MANY = ("ALL", "NAMED")
_EACH = 5  # statements that templates may make for each solution that may be read


class Steps:
    """Turns the operations of one request into changes, each seen from the store as it is before it.

    WHERE runs on the graphs of `protocol`, else on those that the operation names, else on `view`. LOAD
    reads `uploads`. All together read so many solutions and statements at most as one request may.
    """

    def __init__(
        self,
        kg: KnowledgeGraph,
        store: Store,
        protocol: Dataset | None,
        view: NamedNode,
        allowance: Allowance,
        *,
        uploads: Uploads,
    ) -> None:
        self._kg = kg
        self._store = store
        self._protocol = protocol
        self._view = view
        self._allowance = allowance
        self._uploads = uploads
        self._left = self._most = kg.settings.query_rows
        self._scratch = NamedNode(kg.addresses.scratch)

    def change(self, step: UpdateOperation) -> Change:
        """The change that the operation makes.

        Raises `TooCostly` beyond what may be read, and what `go_on` raises.
        """
        go_on(self._allowance)
        if isinstance(step, Data):
            quads = tuple(quads_of_data(step.prologue, step.text))
            return Change(add=quads) if step.insert else Change(remove=self._deleted(quads))
        if isinstance(step, Modify):
            return self._modify(step)
        if isinstance(step, Transfer):
            return self._transfer(step)
        if isinstance(step, Load):
            return self._load(step)
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
            if len(remove) + len(add) > _EACH * self._most:
                raise TooCostly("The update makes more than {most} statements", most=_EACH * self._most)
        return Change(add=tuple(add), remove=self._deleted(remove))

    def _deleted(self, quads: Iterable[Quad]) -> tuple[Quad, ...]:
        """With what says the same from the other side of a loose link: it is to be gone from the views."""
        model = self._kg.model
        found = dict.fromkeys(quads)
        for quad in tuple(found):
            if quad.graph_name == LOOSE:
                for s, p, o in model.other_sides(quad.triple):
                    found[Quad(s, p, o, LOOSE)] = None
        return tuple(found)

    def _solutions(
        self, step: Modify, delete: Template, insert: Template
    ) -> Iterator[Mapping[str, Term | None]]:
        """The solutions of WHERE, as far as the templates need them."""
        names = tuple(dict.fromkeys((*delete.variables, *insert.variables)))
        dataset = self.dataset(step)
        if insert.has_blank_nodes:
            select = "SELECT *"  # one new node for each solution, so none may fall together
        elif names:
            select = "SELECT DISTINCT " + " ".join(f"?{name}" for name in names)
        else:
            if self._solve(f"{step.prologue} SELECT (1 AS ?is) WHERE {step.where} LIMIT 1", dataset).rows:
                yield {}
            return
        limit = f"LIMIT {self._left + 1}"
        found = self._solve(f"{step.prologue} {select} WHERE {step.where} {limit}", dataset)
        self._read(len(found.rows))
        for row in found.rows:
            yield dict(zip(found.variables, row, strict=True))

    def _read(self, number: int) -> None:
        """Count what has been read."""
        self._left -= number
        if self._left < 0:
            raise TooCostly(
                "The update reads more than {most} solutions or statements; let each change fewer",
                most=self._most,
            )

    def dataset(self, step: Modify) -> Dataset:
        """The graphs that WHERE sees."""

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
        return self._kg.solve(text, dataset, allowance=self._allowance.part(), copy=copy, most=self._left + 1)

    def _load(self, step: Load) -> Change:
        graph = resolve(step.prologue, step.target) if step.target else None
        if graph is not None:
            self._kg.planner(self._store).kind(graph)  # read only is refused for an empty file, too
        try:
            quads = tuple(loaded(step, self._uploads, graph or LOOSE, self._kg.settings.base))
        except BadInput:
            go_on(self._allowance)  # the file cannot be read either when whoever sent it has left
            if step.silent:
                return Change()
            raise
        return Change(add=quads, create=(graph,) if graph is not None and self._is_free(graph) else ())

    # Whole graphs

    def _graph(self, prologue: str, written: str) -> NamedNode:
        return self._scratch if written == "DEFAULT" else resolve(prologue, written)

    def _exists(self, graph: NamedNode) -> bool:
        return graph == self._scratch or self._store.has_graph(graph)

    def _empty(self, step: Manage) -> Change:
        if step.target in MANY:
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
        planner = self._kg.planner(self._store)
        held = planner.records if self._kg.graphs.is_record(source) else planner.store
        quads = islice(held.match([(None, None, None)], source), self._left + 1)
        triples = [quad.triple for quad in quads]
        self._read(len(triples))
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


def go_on(allowance: Allowance) -> None:
    """Raise `DeadlineExceeded` when the time is over, `StoreFailed` when whoever asked has left."""
    if allowance.gone:
        raise StoreFailed("The update was stopped: the client left")
    if allowance.left <= 0:
        raise DeadlineExceeded("The update was stopped after {seconds:g} s", seconds=allowance.seconds)
