"""The guard: what each change does to the findings, and that no change brings a violation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from itertools import islice

from pyoxigraph import NamedNode
from rdflib.term import Node, URIRef

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.changes.record_changes import added_to_records, removed_from_records
from kgservice.application.guard import findings
from kgservice.application.guard.classes import NUMBER, Classes, refuse_unclassed
from kgservice.application.guard.later import Later, everything, notes
from kgservice.application.guard.statements import Records, Stored, triples
from kgservice.application.guard.unclassed import Unclassed
from kgservice.application.guard.unjudged import Unjudged, named_in, without
from kgservice.application.guard.validation import model_statements
from kgservice.domain.change import Change
from kgservice.domain.finding import Finding, Policy, by_key, written
from kgservice.domain.quads import Quads
from kgservice.errors import Invalid
from kgservice.namespaces import RDF
from kgservice.phrases import Bilingual, Phrase
from kgservice.shacl.bulk import CHUNK
from kgservice.shacl.local import Difference, LocalValidator
from kgservice.shacl.reach import Triple
from kgservice.shacl.shapes import Shapes, shipped_shapes
from kgservice.shacl.terms import from_rdflib, shorten, to_rdflib
from kgservice.shacl.validate import Findings, context_of
from kgservice.store.base import Term

_TYPE = URIRef(f"{RDF}type")


class Guard:
    """Works out, at the cost of the change, which findings it brings and which it takes away.

    Shapes and model are prepared once, when they are first needed, and it remembers what it has looked up; so
    a guard belongs to one store, and is told of what is written there (`follow`, `forget`). Whoever asks
    holds the lock of commits. Not `accelerated`, it asks pySHACL of all.
    """

    def __init__(
        self, shapes: Shapes | None = None, policy: Policy | None = None, *, accelerated: bool = True
    ) -> None:
        self._shapes = shapes
        self._accelerated = accelerated
        self._policy = policy or Policy()
        self._validator: LocalValidator | None = None
        self._unclassed: Unclassed | None = None
        self._stored: Stored | None = None
        self.left: Later = {}
        self.unseen = 0
        """How often something has been written that it has not judged, or may not have."""
        self._unjudged = Unjudged()
        self._pending: Callable[[], object] = _nothing
        self._preparing = threading.Lock()

    @property
    def shapes(self) -> Shapes:
        """The shapes that it judges by; read when first needed."""
        with self._preparing:
            self._shapes = self._shapes or shipped_shapes()
            return self._shapes

    @property
    def prepared(self) -> bool:
        """Whether it can judge at once."""
        return self._validator is not None

    def prepare(self, planner: Planner) -> LocalValidator:
        """Read the shapes and the model of the store, if that has not been done: it takes seconds."""
        shapes = self.shapes
        with self._preparing:
            if self._validator is None:
                model = model_statements(planner.store, planner.addresses)
                self._validator = LocalValidator(shapes, model, screened=self._accelerated)
                self._unclassed = Unclassed(model, planner.graphs)
            return self._validator

    def _classes(self, planner: Planner) -> Unclassed:
        self.prepare(planner)
        assert self._unclassed is not None
        return self._unclassed

    def difference(
        self,
        planner: Planner,
        effect: Effect,
        now: datetime,
        noted: Callable[[Node], bool] | None = None,
        later: dict[Node, set[Node]] | None = None,
    ) -> Difference:
        """The findings before and after, of all records whose findings the effect can alter.

        With `noted`, what was found before is known of all nodes but these (see `LocalValidator`). For
        `later` see there, too.
        """
        stored = self._looked_up(planner)
        gone = stored.gone(removed_from_records(planner, effect))
        added = _added(planner, effect)
        less, more = gone - added, added - stored.holds(added)
        self._pending = partial(self._written, stored, less, more)
        before, after = Records(stored), Records(stored, gone=gone, added=added)
        either = Records(stored, added=added) if gone else after
        if not (less or more):
            return Difference({}, {})
        return self.prepare(planner).difference(
            less | more, before, after, self._context(now), either=either, noted=noted, later=later
        )

    def _written(self, stored: Stored, less: set[Triple], more: set[Triple]) -> None:
        stored.follow(less, more)
        if self._unjudged:  # it was judged as if what is not told yet were told
            self._unjudged.join(less, more)

    def _context(self, now: datetime) -> Iterable[Triple]:
        return context_of(now, self._policy)

    def _looked_up(self, planner: Planner) -> Stored:
        if self._stored is None or self._stored.store is not planner.records:
            self._stored = Stored(planner.records, planner.graphs)
        self._unjudged.follow(self._stored)
        return self._stored

    def foreseen(self, planner: Planner, effect: Effect, now: datetime) -> Difference:
        """The difference that an effect makes, with the records that it leaves without a class: the dry run.

        It knows which findings only follow from the effect.
        """
        difference = self.difference(planner, effect, now)
        after: Findings = dict(difference.after)
        after[URIRef("")] = {finding.key: finding for finding in Classes(planner, effect).missing()}
        whole = replace(difference, after=after, named=written(effect.named))
        told = touched(planner, effect)
        return replace(whole, following={f.key for f in whole.new if f.follows(told)})

    def judge(self, planner: Planner, effect: Effect, now: datetime, change: Change) -> Effect:
        """What the effect makes of the graph of findings, to be written with it.

        Raises `Invalid` with the findings when it brings a violation. What follows from it for records that
        it does not touch, by rules that say so (a consent that has ended ends uses), is a finding, but no
        reason to refuse it: where such records are many, they are `left`, and noted, for `follow_up`. A
        `lawful` change is never refused, and all that it does is left, for `made_up`.
        """
        if change.lawful:
            return self._put_off(planner, effect, change.erased)
        classes = Classes(planner, effect)
        refuse_unclassed(classes, effect)
        noted = cache(partial(findings.is_noted, planner))
        left: dict[Node, set[Node]] = {}
        difference = self.difference(planner, effect, now, noted=noted, later=left)
        self.left = {_node(shape): set(map(_node, nodes)) for shape, nodes in left.items()}
        marks = Effect(add=Quads(notes(planner.addresses, self.left)))
        refused = [f for f in difference.new if f.is_violation]
        if refused:
            told = touched(planner, effect)
            refused = [f for f in refused if not f.follows(told)]
        if refused:
            raise Invalid(
                _summary(refused),
                findings=[finding.to_json() for finding in refused],
                named=written(effect.named),
            )
        settled = classes.settled(lambda node: noted(to_rdflib(node)))
        marks.then(findings.kept(planner, difference.new, difference.gone, now, {NUMBER: settled}))
        return marks

    def _put_off(self, planner: Planner, effect: Effect, erased: Collection[NamedNode]) -> Effect:
        stored = self._looked_up(planner)
        removed, added = removed_from_records(planner, effect), _added(planner, effect)
        self.left = everything(planner.addresses) if removed or added else {}
        fresh, lost = added - stored.holds(added), named_in(planner, effect.remove)
        again = {triple for triple in added - fresh if triple[0] in lost}
        taken = partial(self._unjudged.take, removed, fresh, erased, again)
        self._pending = taken if self.left else _nothing
        return Effect(add=Quads(notes(planner.addresses, self.left)))

    def follow_up(self, planner: Planner, later: Later, now: datetime) -> Effect:
        """What nodes that were left make of the graph of findings, once all else has been written."""
        looked_at = {to_rdflib(shape): set(map(to_rdflib, nodes)) for shape, nodes in later.items()}
        dataset = Records(self._looked_up(planner))
        found = self.prepare(planner).of(looked_at, dataset, self._context(now))
        told = [finding for by_key in found.values() for finding in by_key.values()]
        return findings.settled(planner, later, told, now)

    def made_up(self, planner: Planner, now: datetime) -> Effect:
        """What lawful changes that have been written make of the graph of findings.

        No entry is made about a node that was erased: only what bound these to others is looked at. When the
        effect has been written, `settled` is to be called.
        """
        stored, done = self._looked_up(planner), self._unjudged
        before, after = Records(stored, gone=done.added, added=done.gone), Records(stored)
        erased, every = set(map(to_rdflib, done.erased)), done.gone | done.added | done.again
        changed = {triple for triple in every if _binds(triple, erased, before)} if erased else every
        either = Records(stored, added=done.gone) if done.gone else after
        noted = cache(partial(findings.is_noted, planner))
        difference = self.prepare(planner).difference(
            changed, before, after, self._context(now), either=either, noted=noted, erased=erased
        )
        classes = self._classes(planner)
        nodes = classes.bearing(every, after) - erased
        for told, records in ((difference.before, before), (difference.after, after)):
            told[URIRef("")] = by_key(classes.among(nodes, records))
        new, gone = (
            [f for f in found if f.focus not in done.erased and f.value not in done.erased]
            for found in (difference.entered(s for s, _, _ in done.again), difference.gone)
        )
        effect = findings.kept(planner, new, gone, now)
        effect.then(without(planner, done.erased))  # entered after the erasure had looked for them
        return effect

    @property
    def knows(self) -> bool:
        """Whether it knows what the lawful changes did of which something is left, as `made_up` has to."""
        return bool(self._unjudged)

    def settled(self) -> None:
        """Take note that what `made_up` told has been entered."""
        self._unjudged = Unjudged()

    def of(self, planner: Planner, nodes: Iterable[Term], now: datetime) -> list[Finding]:
        """All findings of some nodes, as they are now."""
        validator, dataset = self.prepare(planner), Records(self._looked_up(planner))
        unclassed = self._classes(planner)
        context, ahead, found = self._context(now), iter(nodes), list[Finding]()
        while some := set(map(to_rdflib, islice(ahead, CHUNK))):
            told = validator.of({root.shape: some for root in validator.roots}, dataset, context)
            found += (finding for by_key in told.values() for finding in by_key.values())
            found += unclassed.among(some, dataset)
        return found

    def follow(self) -> None:
        """Take note that the effect that was looked at last has been written."""
        self._pending()
        self._pending = _nothing

    def forget(self) -> None:
        """Forget what has been looked up: something else has been written."""
        self._stored = None
        self._pending = _nothing
        self.unseen += 1


def _nothing() -> None:
    """Nothing has been looked at."""


def _added(planner: Planner, effect: Effect) -> set[Triple]:
    """What an effect says in record graphs."""
    return triples(t for said in added_to_records(planner, effect).by_graph.values() for t in said)


def touched(planner: Planner, effect: Effect) -> set[object]:
    """The nodes of whose statements some come or go."""
    changed = (removed_from_records(planner, effect), added_to_records(planner, effect))
    return {t.subject for quads in changed for said in quads.by_graph.values() for t in said}


def _node(term: Node) -> NamedNode:
    found = from_rdflib(term)
    assert isinstance(found, NamedNode)  # only what has a name is left
    return found


def _binds(triple: Triple, nodes: Collection[Node], records: Records) -> bool:
    """Whether a statement leads from the nodes to another record, or is about one."""
    s, p, o = triple
    if s not in nodes:
        return True
    return o not in nodes and p != _TYPE and isinstance(o, URIRef) and bool(records.of(o, None))


def _summary(refused: Sequence[Finding]) -> Phrase:
    """One sentence on what is wrong: the first violation, and how many there are."""
    first = refused[0]
    shape = first.rule.shape
    others = len(refused) - 1
    return Phrase(
        "{rule} {focus}: {words}{more}",
        rule=first.rule.number,
        focus=shorten(str(getattr(first.focus, "value", first.focus))),
        words=Bilingual(first.message("en") or shape, first.message("de") or shape),
        more=Phrase(" (and {count:more violation|more violations})", count=others) if others else "",
    )
