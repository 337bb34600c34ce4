"""The views of purposes: what a change does to them, and what the passing of time does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from pyoxigraph import NamedNode, Triple

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.changes.record_changes import added_to_records, removed_from_records
from kgservice.application.changes.view_facts import ChangedFacts, ViewFacts, parts_of
from kgservice.application.views.dues import Dues
from kgservice.application.views.scene import Common, Scene, decides_for_all, persons_elsewhere
from kgservice.application.views.showing import Step
from kgservice.domain.finding import Policy
from kgservice.domain.model import TYPE, Model
from kgservice.domain.visibility import LEVELS
from kgservice.namespaces import Addresses
from kgservice.settings import Settings
from kgservice.store.base import Store

_INSTANT = timedelta(microseconds=1)
_AT_ONCE = 1000  # persons whose dates have come


class Purposes:
    """Keeps the views of the active purposes as their definition says.

    Whoever calls holds the lock of commits. `looking` gives where to look up what a view says.
    """

    def __init__(self, settings: Settings, policy: Policy, looking: Callable[[NamedNode], Store]) -> None:
        self.names = settings.active_purposes
        self.level = LEVELS.index(settings.confidentiality)
        self.policy = policy
        self._looking = looking
        self._common: Common | None = None
        self._facts: ViewFacts | None = None
        self._elsewhere: set[NamedNode] | None = None
        self._step = partial(Step, purposes=self.names, level=self.level, looking=looking)

    # A change

    def effect(
        self,
        planner: Planner,
        written: Effect,
        now: datetime,
        erased: frozenset[NamedNode] = frozenset(),
    ) -> Effect:
        """What follows for the views of purposes from what is to be `written`.

        Of the nodes `erased` nothing stays.
        """
        if not self.names:
            return Effect()
        removed, added = removed_from_records(planner, written), added_to_records(planner, written)
        if not removed and not added:
            return Effect()
        facts, view = self._remembered(planner), NamedNode(planner.addresses.everything)
        gone, new = written.remove.within(view), written.add.within(view)
        common = self._common = self._common or Common.of(self.policy, facts)
        before = Scene(planner, facts, common, now, elsewhere=partial(self._persons_elsewhere, planner))
        lost, won = parts_of(gone), parts_of(new)
        after_facts, differs = ChangedFacts(facts, lost, won), lost + won
        later = Common.of(self.policy, after_facts) if decides_for_all(before, differs) else common
        found = partial(self._persons_elsewhere, planner, new)
        after = Scene(planner, after_facts, later, now, elsewhere=found)
        step = self._step(planner, (before, after), changed=(removed, added), erased=erased)
        step.change(differs)
        effect = Dues(planner.store, planner.addresses).with_first(step.effect())
        self._common = later
        return effect

    def _remembered(self, planner: Planner) -> ViewFacts:
        """What is remembered of the view of everything, and where to look up the rest."""
        view = NamedNode(planner.addresses.everything)
        store = self._looking(view)
        facts = self._facts = self._facts or ViewFacts(store, view)
        facts.store, facts.hubs = store, planner.store if planner.store.seeks else store
        return facts

    def _persons_elsewhere(self, planner: Planner, new: Iterable[Triple] = ()) -> set[NamedNode]:
        """See `persons_elsewhere`; with those that were persons, and those that `new` statements make so."""
        if self._elsewhere is None:
            self._elsewhere = persons_elsewhere(planner)
        return self._elsewhere | _persons(planner.addresses, planner.model, new)

    def follow(self, addresses: Addresses, model: Model, written: Effect) -> None:
        """Take note of what has been written."""
        view = NamedNode(addresses.everything)
        changed = written.add.within(view) | written.remove.within(view)
        if self._facts is not None:
            self._facts.forget(changed)
        if self._elsewhere is not None:
            self._elsewhere |= _persons(addresses, model, changed)

    def forget(self) -> None:
        """Forget what has been read: something was written without this."""
        self._common = self._facts = self._elsewhere = None

    # Time

    def overdue(self, planner: Planner, now: datetime) -> Effect:
        """What the dates that have come do to the views.

        Of some persons: to be asked for again as long as dates have come.
        """
        dues = Dues(planner.store, planner.addresses)
        waiting = dues.persons()
        come = sorted((moment, iri) for iri, moment in waiting.items() if moment <= now)[:_AT_ONCE]
        facts = self._remembered(planner)
        common = self._common = self._common or Common.of(self.policy, facts)
        elsewhere = partial(self._persons_elsewhere, planner)
        after = Scene(planner, facts, common, now, elsewhere=elsewhere)
        effect = Effect()
        for moment, iri in come:
            # Until that moment all was as it had been.
            before = Scene(planner, facts, common, moment - _INSTANT, elsewhere=elsewhere)
            step = self._step(planner, (before, after))
            step.due(NamedNode(iri))
            effect.then(step.effect())
            del waiting[iri]
        return dues.with_exact_first(effect, min((*waiting.values(), *dues.noted_in(effect)), default=None))


def _persons(addresses: Addresses, model: Model, triples: Iterable[Triple]) -> set[NamedNode]:
    """The nodes with IRIs from elsewhere of which statements say that they are persons."""
    return {
        t.subject
        for t in triples
        if t.predicate == TYPE and t.object in model.persons and isinstance(t.subject, NamedNode)
        if not t.subject.value.startswith(addresses.ids)
    }
