"""The knowledge graph: one store, the model, queries on the view of everything, and commits."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kgservice import resources
from kgservice.application import modelfiles, views
from kgservice.application.effect import Effect
from kgservice.application.erased import Erased
from kgservice.application.planner import Planner
from kgservice.application.provenance import provenance
from kgservice.application.replica import Copies
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.clock import Clock, system_clock
from kgservice.domain.finding import Policy
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import Model
from kgservice.domain.sparql_scan import federated, place, scan, uses
from kgservice.errors import BadRdf, Forbidden
from kgservice.namespaces import CI, SCHEMA, Addresses
from kgservice.settings import Settings
from kgservice.store.base import Choose, Dataset, Solutions, Store

if TYPE_CHECKING:
    from kgservice.application.guard import Guard
    from kgservice.shacl.local import Difference

_DIGEST = NamedNode(f"{SCHEMA}sha256")


class KnowledgeGraph:
    """Everything that is known, in one store.

    Reading may be done by any number of threads; commits go one at a time (`writing` is their lock, for
    those who read and write in one step). A `guarded` graph takes no change that brings a violation of the
    shapes, and keeps the graph of findings.
    """

    def __init__(
        self, settings: Settings, store: Store, model: Model, clock: Clock, *, guarded: bool = True
    ) -> None:
        self.settings = settings
        self.addresses = Addresses(settings.base)
        self.graphs = Graphs(self.addresses)
        self.store = store
        self.model = model
        self.clock = clock
        self.guarded = guarded
        self.writing = threading.RLock()
        self._view = NamedNode(self.addresses.everything)
        self.copies = Copies(store, self._view, self.graphs, self.writing)
        self._guard: Guard | None = None
        self.erased = Erased()
        self._head = self._opened = self._read_head()
        self._changed: dict[object, int] = {}

    @classmethod
    def open(
        cls,
        settings: Settings,
        store: Store,
        clock: Clock = system_clock,
        *,
        ontology: Path | None = None,
        guarded: bool = True,
    ) -> KnowledgeGraph:
        """The graph in `store`, with the model of this installation (or of the folder `ontology`) in it.

        Without `guarded` it takes what the shapes forbid, too. A store with another model gets this one, and
        its view is built anew; so is a view that a stopped bulk load left unfinished. Raises `BadRdf` for an
        ontology file that does not parse.
        """
        graphs = Graphs(Addresses(settings.base))
        files = modelfiles.read(ontology or resources.folder("ontology"), graphs)
        kg = cls(settings, store, files.model, clock, guarded=guarded)
        kg._install(files)
        return kg

    # State

    def changed(self, graph: NamedNode) -> int:
        """The number of the last commit that changed the graph; before this start, the last one of all."""
        return self._changed.get(graph, self._opened)

    @property
    def head(self) -> int:
        """The number of the last commit; 0 at first."""
        return self._head

    def _read_head(self) -> int:
        found = self.store.select(
            f"SELECT (MAX(?n) AS ?head) WHERE {{ ?commit <{CI}commitNumber> ?n }}",
            Dataset(default=(NamedNode(self.addresses.provenance),)),
        ).rows
        head = found[0][0] if found else None
        return int(head.value) if isinstance(head, Literal) else 0

    def _install(self, files: modelfiles.ModelFiles) -> None:
        state = NamedNode(self.addresses.provenance)
        ontology, vocabulary = NamedNode(self.addresses.ontology), NamedNode(self.addresses.vocabulary)
        old = list(self.store.match([(ontology, _DIGEST, None)]))
        if any(q.object == Literal(files.digest) for q in old):
            return
        # The digest goes first and comes back last: whatever stops in between is done again.
        self.store.apply(remove=old, drop=[ontology, vocabulary], add=files.quads)
        views.rebuild(self.store, self.model, self.graphs)
        digest = (ontology, _DIGEST, Literal(files.digest))
        self.store.apply(add=[Quad(*digest, state), Quad(*digest, self._view)])

    @contextmanager
    def building(self) -> Iterator[None]:
        """While this is entered, the view may be unfinished: who opens the store then builds it anew.

        `BadRdf` means that nothing has been written and leaves the state as it was. What is written may hold
        commits, whose numbers count from then on, and another model, which the next opening replaces.
        """
        self.copies.stop()
        key = (NamedNode(self.addresses.ontology), _DIGEST, None)
        state = list(self.store.match([key]))
        self.store.apply(remove=state)
        try:
            yield
        except BadRdf:
            self.store.apply(add=state)
            raise
        loaded = list(self.store.match([key]))
        if set(loaded) <= set(state):
            self.store.apply(add=state)
        else:
            self.store.apply(remove=loaded)
        self._head = self._opened = self._read_head()
        self._changed.clear()
        if self._guard is not None:
            self._guard.forget()

    # Reading

    def dataset(
        self, text: str, default: Sequence[NamedNode] = (), named: Sequence[NamedNode] = ()
    ) -> Dataset:
        """The dataset a query runs on; `Forbidden` if it would ask another service."""
        pieces = scan(text) if _may_name_places(text) else []
        remote = federated(pieces)
        if remote is not None:
            line, column = place(text, remote.start)
            raise Forbidden(
                "SERVICE is not allowed: queries make no outgoing requests", line=line, column=column
            )
        if default or named:
            return Dataset(tuple(default), tuple(named))
        if uses(pieces, "FROM") is not None:
            return Dataset((self._view,), from_clauses=True)
        return Dataset((self._view,), named=None if "GRAPH" in text.upper() else ())

    @property
    def reads(self) -> str:
        """Where queries on the view are answered from now: `memory` or `disk`."""
        return "disk" if self.copies.answering(Dataset((self._view,), ())) is self.store else "memory"

    def query(
        self,
        text: str,
        choose: Choose,
        out: BinaryIO,
        *,
        default: Sequence[NamedNode] = (),
        named: Sequence[NamedNode] = (),
    ) -> None:
        """Write the answer of any query to `out` as bytes, in the format that `choose` gives for its kind.

        Without dataset parameters and FROM, the query runs on the view of everything, and GRAPH sees all
        graphs. Raises `BadQuery` or `Forbidden` before anything is written.
        """
        dataset = self.dataset(text, default, named)
        self.copies.answering(dataset).query(text, dataset, choose, out, base=self.settings.base)

    def select(self, text: str) -> Solutions:
        """The solutions of a SELECT on the view of everything."""
        dataset = self.dataset(text)
        return self.copies.answering(dataset).select(text, dataset)

    def ask(self, text: str) -> bool:
        """The answer of an ASK on the view of everything."""
        dataset = self.dataset(text)
        return self.copies.answering(dataset).ask(text, dataset)

    def construct(self, text: str) -> list[Triple]:
        """The triples of a CONSTRUCT or DESCRIBE on the view of everything."""
        dataset = self.dataset(text)
        return self.copies.answering(dataset).construct(text, dataset)

    # Writing

    def planner(self, store: Store | None = None) -> Planner:
        """What works out the effect of changes on the store, or on a copy of it."""
        return Planner(store or self.store, self.model, self.addresses, store or self.copies.records)

    @property
    def policy(self) -> Policy:
        """What the deployment decides for rules to look up."""
        return Policy(profile=self.settings.profile)

    @property
    def guard(self) -> Guard:
        """What tells the findings that a change brings."""
        if self._guard is None:
            # The engine behind it costs a second to import, which those who only read need not spend.
            from kgservice.application.guard import Guard  # noqa: PLC0415

            self._guard = Guard(policy=self.policy)
        return self._guard

    @guard.setter
    def guard(self, guard: Guard) -> None:
        self._guard = guard

    def preview(self, change: Change) -> Difference:
        """What the change would do to the findings: the dry run. Raises what a commit raises."""
        from kgservice.application.classes import foreseen  # noqa: PLC0415 - as for the guard

        with self.writing:
            planner = self.planner()
            effect = planner.effect(change)
            return foreseen(planner, effect, self.guard.difference(planner, effect, self.clock()))

    def commit(self, change: Change) -> Commit:
        """Make the change, all or nothing; the view is current when this returns.

        Raises `Forbidden`, `Conflict`, `BadRdf` (see `Planner.effect`), `Invalid` with the findings for a
        change that brings a violation, `StoreFailed`.
        """
        with self.writing:
            return self._write(self.planner().effect(change), change)

    def write(self, effect: Effect, origin: Origin, *, trusted: bool = False) -> Commit:
        """Write an effect that was worked out under `writing`, with its provenance, as one commit.

        The guard judges it, unless it is `trusted`: of the service's own making. Raises `Invalid`.
        """
        return self._write(effect, Change(origin=origin, trusted=trusted))

    def _write(self, effect: Effect, change: Change) -> Commit:
        with self.writing:
            now = self.clock()
            if not effect:
                return Commit(self._head, now, 0, 0)
            number = self._head + 1
            judged = self.guarded and not change.trusted
            found = self._judged(effect, now, change) if judged else Effect()
            noted = provenance(self.addresses, number, now, change.origin, effect)
            effect.add |= {quad for quad in noted if quad.object not in change.erased}
            effect.then(found)
            effect.apply(self.store)
            if judged:
                self.guard.follow()
            elif self._guard is not None and any(map(self.graphs.is_record, effect.graphs)):
                self._guard.forget()
            self.copies.follow(effect)
            self._changed.update(dict.fromkeys(effect.graphs, number))
            self._head = number
            return Commit(number, now, effect.added, effect.removed)

    def _judged(self, effect: Effect, now: datetime, change: Change) -> Effect:
        """What the effect makes of the graph of findings. Raises `Invalid`."""
        from kgservice.application.classes import refuse_unclassed  # noqa: PLC0415 - as for the guard

        planner = self.planner()
        if not change.lawful:
            refuse_unclassed(planner, effect)
        return self.guard.judge(planner, effect, now, lawful=change.lawful, erased=change.erased)

    def close(self) -> None:
        """Flush and release the store, after the commit that is under way."""
        with self.writing:
            self.copies.stop()
        self.copies.close()
        with self.writing:
            self.store.close()


def _may_name_places(text: str) -> bool:
    """Whether a query can hold FROM or SERVICE: reading it token by token costs as much as answering it.

    No token that a keyword can follow without a space ends with "kg", and our own namespace holds
    "kgservice".
    """
    upper = text.upper()
    return "FROM" in upper or "SERVICE" in upper.replace("KGSERVICE", "")
