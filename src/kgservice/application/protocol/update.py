"""SPARQL 1.1 Update: each request is one commit, through the router like every other change."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace

from pyoxigraph import NamedNode

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.proof import refuse_whole
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.protocol.loading import Uploads, check_loads
from kgservice.application.protocol.steps import MANY, Steps, go_on
from kgservice.application.views.reader import Reader
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.sparql_scan import federated, place, scan
from kgservice.domain.sparql_update import Data, Load, Manage, Modify, Transfer, UpdateOperation, parsed
from kgservice.errors import BadQuery, DeadlineExceeded, Forbidden
from kgservice.store.allowance import Allowance
from kgservice.store.base import Dataset, Store
from kgservice.store.syntax import check_update, resolve

_HOLD = 5.0  # seconds for which others who write may have to wait until WHERE has been evaluated


def update(
    kg: KnowledgeGraph,
    text: str,
    *,
    origin: Origin,
    reading: Callable[[], Reader] | None = None,
    using: Sequence[NamedNode] = (),
    using_named: Sequence[NamedNode] = (),
    uploads: Uploads | None = None,
    discreet: bool = False,
    allowance: Allowance | None = None,
    turn: AbstractContextManager[object] | None = None,
) -> Commit:
    """Run a SPARQL 1.1 update as one commit, all or nothing; each operation sees what those before it did.

    Statements outside GRAPH are loose: the router decides, and DELETE takes them from where they are. WHERE
    runs on the view that `reading` gives (default: of everything), or on `using` and `using_named`, while
    others may write: see `_Working`. `DEFAULT` means the scratch graph; `ALL` and `NAMED` mean the graphs
    that users can write. LOAD reads `uploads`, the files that come with the update, each of which has to be
    named; with SILENT it leaves out what is missing or malformed. `discreet`: for who may not see everything,
    all that is about whole graphs is SILENT. `allowance`: the time in which it has to be worked out; who
    leaves before it is written stops it. `turn` is entered before others have to wait for it (a lock: for one
    at a time).

    Raises `BadQuery` with line and column; `Forbidden` for LOAD of anything else, SERVICE, read-only graphs
    and for what the view of a purpose does not hold; `NotFound` and `Conflict` for graphs that are not or are
    there, unless SILENT; what `check_loads`, `Steps.change` and a commit raise.
    """
    base = kg.settings.base
    check_update(text, base)
    remote = federated(scan(text))
    if remote is not None:
        line, column = place(text, remote.start)
        raise Forbidden("SERVICE is not allowed: updates make no outgoing requests", line=line, column=column)
    steps = parsed(text, f"BASE <{base}>")
    uploads = uploads or {}
    check_loads(steps, uploads, kg.settings.max_body)
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
    reader: Reader = kg
    if any(isinstance(step, Modify | Transfer) for step in steps):
        reader = reading() if reading else kg
        reader.current()
    if reader.purpose is not None:
        _check_purpose(steps, protocol)
    allowed = allowance or Allowance(seconds=kg.settings.deadline)
    working = _Working(kg, steps, protocol, reader.view, uploads)
    if _is_one_change(steps) and not any(isinstance(step, Modify) for step in steps):
        with kg.writing:
            return kg.write(working.as_one(allowed), origin)
    return working.made(origin, allowed, turn or nullcontext())


def _refuse_emptying(kg: KnowledgeGraph, step: Manage, origin: Origin) -> None:
    """Raise `Forbidden` for DROP and CLEAR of what whoever asks may not take away as a whole."""
    if step.target in MANY and not origin.privacy:
        raise Forbidden("DROP and CLEAR of many graphs at once (ALL, NAMED) are for administrators")
    if step.target not in (*MANY, "DEFAULT"):
        refuse_whole(kg.graphs, resolve(step.prologue, step.target), origin)


def _check_purpose(steps: Sequence[UpdateOperation], protocol: Dataset | None) -> None:
    """Raise `Forbidden` where the update would read anything but the view of the purpose."""
    if any(isinstance(step, Transfer) for step in steps):
        raise Forbidden("For a purpose there is one graph, the view; COPY, MOVE and ADD read others")
    if len(steps) > 1:
        raise Forbidden("For a purpose, send an operation with WHERE as a request of its own")
    step = steps[0]
    if protocol is not None or (
        isinstance(step, Modify) and (step.using or step.using_named or step.with_graph)
    ):
        raise Forbidden("For a purpose there is one graph, the view; name no other (USING, WITH)")


def _is_one_change(steps: Sequence[UpdateOperation]) -> bool:
    """Whether no operation needs to see what one before it did: one alone, or removals before additions."""
    if len(steps) <= 1:
        return True
    if not all(isinstance(step, Data | Load) for step in steps):
        return False
    inserts = [not isinstance(step, Data) or step.insert for step in steps]
    return inserts == sorted(inserts)


@dataclass(frozen=True, slots=True)
class _Found:
    """What an update comes to in a state (a number of a commit), as long as the graphs that it reads are so.

    `reads` is None for all graphs; `effect` is to be asked under the lock of those who write.
    """

    effect: Callable[[], Effect]
    state: int
    reads: Sequence[NamedNode] | None

    def holds(self, kg: KnowledgeGraph) -> bool:
        """Whether it is still so."""
        if self.reads is None:
            return kg.state == self.state
        return all(kg.changed(graph) <= self.state for graph in self.reads)


class _Working:
    """An update that is worked out while others may write.

    If what it has read changed meanwhile, it is worked out once more: under their lock, if that takes but a
    moment, for `_HOLD` seconds at most; else again beside them, as long as there is time.
    """

    def __init__(
        self,
        kg: KnowledgeGraph,
        steps: Sequence[UpdateOperation],
        protocol: Dataset | None,
        view: NamedNode,
        uploads: Uploads,
    ) -> None:
        self._kg = kg
        self._steps = steps
        self._protocol = protocol
        self._view = view
        self._uploads = uploads

    def made(self, origin: Origin, allowance: Allowance, turn: AbstractContextManager[object]) -> Commit:
        """Make it, as one commit. The time in which it waits for others who write does not count."""
        kg = self._kg
        while True:
            begun = time.monotonic()
            found = self._worked_out(allowance)
            brief = time.monotonic() - begun < _HOLD / 2
            with ExitStack() as alone:
                with allowance.paused():
                    alone.enter_context(turn)
                    alone.enter_context(kg.writing)
                go_on(allowance)
                kg.planner()  # finishes what is left of the last commit
                if not found.holds(kg):
                    if not brief:
                        continue
                    try:
                        found = self._worked_out(allowance.part(_HOLD))
                    except DeadlineExceeded:
                        if allowance.left <= 0:
                            raise
                        continue
                return kg.write(found.effect(), origin)

    def _worked_out(self, allowance: Allowance) -> _Found:
        if len(self._steps) > 1:
            return self._staged(allowance)
        (step,) = self._steps
        state, works = self._kg.state, self._on(self._kg.store, self._view, allowance)
        change = works.change(step)
        reads = _reads(works.dataset(step), step.where) if isinstance(step, Modify) else None
        return _Found(lambda: self._kg.planner().effect(change), state, reads)

    def _staged(self, allowance: Allowance) -> _Found:
        """What the operations do together, worked out on a private copy of the store."""
        whole, kg = Effect(), self._kg
        with ExitStack() as held:
            kg.planner()  # finishes what is left of the last commit
            with nullcontext() if kg.store.copied_at_once else kg.writing:
                state, stage = kg.state, held.enter_context(kg.store.copy())
            planner, works = kg.planner(stage), self._on(stage, kg.view, allowance)
            for i, step in enumerate(self._steps):
                effect = planner.effect(works.change(step))
                if i + 1 < len(self._steps):
                    effect.apply(stage)
                whole.then(effect)
        # A graph that came and went between the operations was never there.
        whole.drop = {g for g in whole.drop if kg.store.has_graph(g)}
        return _Found(lambda: whole if whole.writes else Effect(), state, None)

    def as_one(self, allowance: Allowance) -> Effect:
        """What the operations do together where none needs to see what another did, under the lock."""
        works = self._on(self._kg.store, self._view, allowance)
        changes = [works.change(step) for step in self._steps]
        whole = Change(
            add=tuple(q for c in changes for q in c.add),
            remove=tuple(q for c in changes for q in c.remove),
            create=tuple(g for c in changes for g in c.create),
            drop=tuple(g for c in changes for g in c.drop),
        )
        return self._kg.planner().effect(whole)

    def _on(self, store: Store, view: NamedNode, allowance: Allowance) -> Steps:
        return Steps(self._kg, store, self._protocol, view, allowance, uploads=self._uploads)


def _reads(dataset: Dataset, where: str) -> Sequence[NamedNode] | None:
    """The graphs that WHERE may read; None for all."""
    if dataset.named is not None:
        return (*dataset.default, *dataset.named)
    named = any(word in where.upper() for word in ("GRAPH", "\\U"))  # it may be written with escapes
    return None if named else dataset.default
