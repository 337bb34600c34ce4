"""The knowledge graph: one store, the model, its views, and commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyoxigraph import NamedNode

from kgservice import resources
from kgservice.application.changes import modelfiles, standing
from kgservice.application.changes.copies import Copies
from kgservice.application.changes.effect import Asked, Effect
from kgservice.application.changes.hidden import Hearers
from kgservice.application.changes.planner import Planner
from kgservice.application.changes.proof import hidden_views, refuse_named
from kgservice.application.changes.provenance import provenance
from kgservice.application.changes.record_texts import Progress, silent
from kgservice.application.graph import installing
from kgservice.application.graph.erased import Erased
from kgservice.application.graph.following import Following
from kgservice.application.graph.forgetting import Forgetter
from kgservice.application.graph.refusing import refuse_effect
from kgservice.application.graph.writing import Writing
from kgservice.application.views.counts import Counts
from kgservice.application.views.dues import Dues
from kgservice.application.views.few import Properties
from kgservice.application.views.purposes import Purposes
from kgservice.application.views.reader import PurposeReader, Reader, Whole
from kgservice.application.views.search import Search
from kgservice.domain.change import Change, Commit, Origin
from kgservice.domain.clock import Clock, system_clock
from kgservice.domain.durations import Durations
from kgservice.domain.finding import Policy
from kgservice.domain.graphs import Graphs
from kgservice.domain.model import Model
from kgservice.errors import KgError, NotFound, Undecided
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.store.base import Store

if TYPE_CHECKING:
    from kgservice.application.guard.guard import Guard
    from kgservice.shacl.local import Difference

_CLOCK = Change(origin=Origin(agent="kgservice", reason="dates that have come"))


class KnowledgeGraph(Whole):
    """Everything that is known, in one store.

    Reading may be done by any number of threads; commits go one at a time (`writing` is their lock, for
    those who read and write in one step). A `guarded` graph takes no change that brings a violation of the
    shapes, and keeps the graph of findings. `when_hidden`: who hears that something may not be told any more.
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
        self.writing = Writing()
        self.view = NamedNode(self.addresses.everything)
        self.copies = Copies(store, self.graphs, self.writing)
        self.search = Search(store, self.copies, settings.search)
        self.counts = Counts(store, self.copies, self.graphs, self.writing)
        self.properties = Properties(self.copies)
        self._purposes = Purposes(settings, self.policy, self.copies.of_view)
        self.due: datetime | None = None
        self._guard: Guard | None = None
        self.erased = Erased()
        self._head = self.opened = standing.head(store, self.addresses)
        """`opened`: the number of the last commit before this start, or of the last bulk load since."""
        self._changed: dict[object, int] = {}
        self.unfinished: Asked | None = None
        self.following = Following(self)
        self.took = Durations()  # of changes, for which nobody else can write
        self.when_hidden = Hearers()
        self.forgetters: list[Forgetter] = []  # an erasure deletes rows of a CRM there first

    @classmethod
    def open(
        cls,
        settings: Settings,
        store: Store,
        clock: Clock = system_clock,
        *,
        ontology: Path | None = None,
        guarded: bool = True,
        told: Progress = silent,
    ) -> KnowledgeGraph:
        """The graph in `store`, with the model of this installation (or of the folder `ontology`) in it.

        Without `guarded` it takes what the shapes forbid, too. A store with another model gets this one, and
        its view is built anew, as is one that a stopped load left unfinished. `told` hears how far that is.
        Raises `BadRdf` for broken ontology files, `StoreFailed` for lost commits or those of a newer release.
        """
        files = modelfiles.read(ontology or resources.folder("ontology"), Graphs(Addresses(settings.base)))
        kg = cls(settings, store, files.model, clock, guarded=guarded)
        standing.check(store, kg.addresses, kg.head)
        installing.install(kg, files, told)
        kg.due = Dues(store, kg.addresses).first()
        return kg

    # State

    @property
    def state(self) -> int:
        """See `Reader.state`: the number of the last commit; 0 at first."""
        return self._head

    head = state

    def changed(self, graph: NamedNode) -> int:
        """The number of the last commit that changed the graph; at least `opened`, that before this start."""
        return self._changed.get(graph, self.opened)

    @property
    def prepared(self) -> bool:
        """Whether changes can be judged at once: the shapes have been read."""
        return not self.guarded or (self._guard is not None and self._guard.prepared)

    @contextmanager
    def building(self) -> Iterator[None]:
        """While this is entered, the view may be unfinished: who opens the store then builds it anew.

        `BadRdf` means that nothing has been written and leaves the state as it was. What is written may hold
        commits, whose numbers count from then on, and another model, which the next opening replaces.
        """
        self.copies.stop()
        self.counts.forget()
        with installing.unfinished(self):
            yield
        self.due = Dues(self.store, self.addresses).first()
        self._purposes.forget()
        self._head = self.opened = standing.head(self.store, self.addresses)
        self._changed.clear()
        if self._guard is not None:
            self._guard.forget()
        self.following.recall(self._guard)

    # Reading

    def reader(self, purpose: str | None) -> Reader:
        """What reads the view of a purpose (an IRI); None: that of everything. Raises `NotFound`."""
        if purpose is not None and purpose not in self._purposes.names:
            raise NotFound("There is no view for the purpose {purpose}", purpose=purpose)
        return self if purpose is None else PurposeReader(self, purpose)

    def catch_up(self) -> None:
        """See `Whole.catch_up`; a comparison, unless a date has come."""
        if self.due is None or self.clock() < self.due:
            return
        with self.writing:
            now = self.clock()
            while self.due is not None and self.due <= now:
                overdue = self._purposes.overdue(self.planner(), now)
                self._put(Asked(overdue, self._head + 1), _CLOCK, now)
                self.due = Dues(self.store, self.addresses).first()  # even if nothing had to be written

    # Writing

    def planner(self, store: Store | None = None) -> Planner:
        """What works out effects on the store, or a copy. Raises `StoreFailed` if a commit is unfinished."""
        self._settle()
        looked = (store, None) if store else (self.copies.records, self.copies.hubs)
        return Planner(store or self.store, self.model, self.addresses, *looked)

    @property
    def policy(self) -> Policy:
        """What the deployment decides for rules to look up."""
        return Policy.of(self.settings)

    @property
    def guard(self) -> Guard:
        """What tells the findings that a change brings."""
        if self._guard is None:
            from kgservice.application.guard.guard import Guard  # noqa: PLC0415 - it costs a second

            self._guard = Guard(policy=self.policy, accelerated=self.settings.accelerated)
        return self._guard

    @guard.setter
    def guard(self, guard: Guard) -> None:
        self._guard = guard

    def preview(self, change: Change) -> Difference:
        """What the change would do to the findings: the dry run. Raises what a commit raises."""
        with self.writing:
            effect = (planner := self.planner()).effect(change)
            refuse_named(planner, effect, change)
            refuse_effect(planner, effect, change, self.clock(), self.erased)
            return self.guard.foreseen(planner, effect, self.clock())

    def commit(self, change: Change) -> Commit:
        """Make the change, all or nothing; the view is current when this returns.

        Raises what `Planner.effect` and `refuse_effect` raise, `Invalid` with the findings, `StoreFailed`.
        """
        with self.writing:
            return self._write(self.planner().effect(change), change)

    def write(self, effect: Effect, origin: Origin, *, trusted: bool = False) -> Commit:
        """Write an effect that was worked out under `writing`, with its provenance, as one commit.

        The guard judges it, unless it is `trusted`: of the service's own making. Raises `Invalid`.
        """
        return self._write(effect, Change(origin=origin, trusted=trusted))

    def _write(self, effect: Effect, change: Change) -> Commit:
        with self.writing, self.took.timed():
            now = self.clock()
            refuse_named(self.planner(), effect, change)
            if not effect:
                return Commit(self._head, now, 0, 0)
            self.catch_up()
            refuse_effect(planner := self.planner(), effect, change, now, self.erased)
            judged = self.guarded and not change.trusted
            found = self.guard.judge(planner, effect, now, change) if judged else Effect()
            shown = self._purposes.effect(planner, effect, now, change.erased)
            hidden = hidden_views(planner, effect, found, shown, erased=bool(change.erased))
            asked = Asked(effect, self._head + 1, hidden, judged)
            return self._put(asked, change, now, found, shown)

    def _put(self, asked: Asked, change: Change, now: datetime, *more: Effect) -> Commit:
        """Write an effect and what follows from it as one commit."""
        effect, number = asked.effect, asked.number
        noted = provenance(self.addresses, number, now, change.origin, effect)
        effect.add.update(quad for quad in noted if quad.object not in change.erased)
        for part in more:
            effect.then(part)
        self.counts.prepare(effect)
        try:
            effect.apply(self.store)
        except KgError as error:
            self._purposes.forget()  # it has taken note of what is not written
            if isinstance(error, Undecided):
                self.unfinished = asked
            raise
        self._follow(asked)
        change.origin.told(number)
        return Commit(number, now, effect.added, effect.removed)

    def current(self) -> None:
        """See `Reader.current`: with what follows from the last commit, or from those of a process before."""
        self.following.finish()
        self.following.make_known()

    def _settle(self) -> None:
        """Finish the last commit. Raises `StoreFailed` while it is not known whether the store made it."""
        if self.unfinished is not None:
            with self.writing:
                unfinished, self.unfinished = self.unfinished, None
                try:
                    self.store.settle()
                except Undecided:  # still; of any other failure nothing is left
                    self.unfinished = unfinished
                    raise
                if unfinished is not None:  # nobody else has meanwhile
                    self._follow(unfinished)
                    self.following.recall(self._guard)
        self.following.finish(again=True)

    def _follow(self, made: Asked) -> None:
        """Take note of a commit that the store has made; of what is `hidden` now nobody is told any more."""
        standing.note(self.store, self.addresses, made.number)
        parts = made.effect.by_graph()
        with self.copies.following(parts):
            self.counts.follow(parts)
            self._purposes.follow(self.addresses, self.model, made.effect)
        self._changed.update(dict.fromkeys(parts, made.number))
        self._head = made.number
        if NamedNode(self.addresses.state) in parts:
            self.due = Dues(self.store, self.addresses).first()
        if made.hidden:
            self.when_hidden.tell(made.hidden, self.engine)
        if made.judged:
            self.guard.follow()
            self.following.begin(self.guard.left)
        elif self._guard and any(map(self.graphs.is_record, parts)):
            self._guard.forget()

    def close(self) -> None:
        """Flush and release the store, after the commit that is under way."""
        self.following.stop()
        with self.writing:
            self.following.finish()
            self.copies.stop()
        self.copies.close()
        with self.writing:
            self.store.close()
