"""What a change does to the findings, at the cost of the change: only what it can bear on is validated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from rdflib.namespace import SH
from rdflib.term import Node, URIRef

from kgservice.domain.finding import Finding, by_key
from kgservice.shacl.compile import automata
from kgservice.shacl.datasets import Both, Dataset, GraphStatements
from kgservice.shacl.reach import Reach, Statements, Triple
from kgservice.shacl.report import Report
from kgservice.shacl.roots import Index, Root, with_above
from kgservice.shacl.screen import Screen
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.sides import Side
from kgservice.shacl.targets import ByPredicate, Targets
from kgservice.shacl.terms import from_rdflib, to_rdflib
from kgservice.shacl.validate import Engine, Findings

_WORDS = {
    # language → what → (one, several)
    "de": {
        "follows": (
            "{} davon folgt nur aus der Änderung, die deshalb nicht abgelehnt wird.",
            "{} davon folgen nur aus der Änderung, die deshalb nicht abgelehnt wird.",
        ),
        "mended": ("{} Befund behoben.", "{} Befunde behoben."),
    },
    "en": {
        "follows": (
            "{} of them only follows from the change, which is not refused for that.",
            "{} of them only follow from the change, which is not refused for that.",
        ),
        "mended": ("{} finding mended.", "{} findings mended."),
    },
}
_MANY = 25  # focus nodes that are worth a look of their own, after the answer


@dataclass(frozen=True, slots=True)
class Difference:
    """The findings, before and after a change, of all focus nodes whose findings it can alter.

    `named`: the nodes and values that the change names, as findings write them. `following`: the keys of the
    findings that only follow from it, for which it is not refused.
    """

    before: Findings
    after: Findings
    named: Collection[str] = ()
    following: Collection[tuple[str, ...]] = ()

    @property
    def new(self) -> list[Finding]:
        """The findings that the change brings."""
        return list(_less(self.after, self.before).values())

    def entered(self, nodes: Iterable[Node]) -> list[Finding]:
        """The findings that the change brings, and all that there are now about the nodes."""
        anew = set(nodes)
        known = {
            shape: {key: one for key, one in found.items() if to_rdflib(one.focus) not in anew}
            for shape, found in self.before.items()
        }
        return list(_less(self.after, known).values())

    @property
    def gone(self) -> list[Finding]:
        """The findings that the change takes away."""
        return list(_less(self.before, self.after).values())

    @property
    def refused(self) -> list[Finding]:
        """The violations for which the change is refused: not those that only follow from it."""
        new = _less(self.after, self.before).items()
        return [finding for key, finding in new if finding.is_violation and key not in self.following]

    @property
    def report(self) -> Report:
        """The report of the findings that the change brings."""
        return Report.of(self.new)

    @property
    def violations(self) -> int:
        """How many of the findings that the change brings make it not acceptable."""
        return len(self.refused)

    def text(self, language: str = "de") -> str:
        """For people: the report of what the change brings, what of it only follows, and what it mends."""
        told = [self.report.text(language)]
        words = _WORDS.get(language, _WORDS["en"])
        for name, number in (("follows", len(self.following)), ("mended", len(self.gone))):
            if number:
                told.append(words[name][number != 1].format(number))
        return "\n".join(told)

    def to_json(self) -> dict[str, Any]:
        """As the JSON object of a report, with the findings that are `mended`.

        `violations` counts those for which the change is refused; of the others a finding says `follows`.
        """
        new = _less(self.after, self.before)
        return self.report.to_json() | {
            "violations": self.violations,
            "findings": [{**new[key].to_json(), "follows": key in self.following} for key in new],
            "mended": [finding.to_json() for finding in self.gone],
        }


def _less(some: Findings, others: Findings) -> dict[tuple[str, ...], Finding]:
    """The findings of `some` that are none of `others`, in the order of the shapes."""
    less = {
        key: finding
        for shape, found in some.items()
        for key, finding in found.items()
        if key not in others.get(shape, {})
    }
    return {key: less[key] for key in sorted(less, key=lambda key: (less[key].rule.order, key))}


class LocalValidator:
    """Validates with `shapes` against `base` (the model), which belongs to every dataset.

    pySHACL finds; with `screened` it only sees the focus nodes that a quicker look has not settled. One
    thread at a time.
    """

    def __init__(self, shapes: Shapes, base: Iterable[Triple], *, screened: bool = True) -> None:
        self._engine = Engine(shapes)
        self._base = GraphStatements(base)
        self.roots = automata(shapes)
        self._targets = Targets(self.roots)
        # The shapes that can look at statements with a predicate.
        self._looking: defaultdict[Node | None, set[Node]] = defaultdict(set)
        for root in self.roots:
            for predicate in root.reach.predicates:
                self._looking[predicate].add(root.shape)
        # The nodes that walks may begin at, or that are targets, whatever is said of them.
        self._fixed = {node for root in self.roots for node in (*root.nodes, *root.reach.anchors.values())}
        self._anywhere = {root.shape for root in self.roots if root.reach.boundless}
        # What these find of a node that a change does not touch follows from it, and never refuses it.
        self._following = {
            root.shape
            for root in self.roots
            if (rule := shapes.rules.get(root.shape)) is not None
            and rule.blames == "focusNode"
            and not root.reach.deep
            and (root.shape, SH.property, None) not in shapes.graph
        }
        self._screen = Screen(shapes, self.roots) if screened else None

    def everything(self, dataset: Dataset, context: Iterable[Triple] = ()) -> Findings:
        """The findings of all focus nodes."""
        statements = {*self._base.all(), *context, *dataset.all()}
        index = Index(statements)
        focus = {root.shape: root.all_targets(index) for root in self.roots}
        return self._findings({shape: nodes for shape, nodes in focus.items() if nodes}, statements)

    def difference(
        self,
        changed: Collection[Triple],
        before: Dataset,
        after: Dataset,
        context: Iterable[Triple] = (),
        *,
        either: Dataset | None = None,
        noted: Callable[[Node], bool] | None = None,
        later: dict[Node, set[Node]] | None = None,
        erased: Set[Node] = frozenset(),
    ) -> Difference:
        """What changing the statements `changed` from `before` to `after` does.

        Both datasets are asked only about the surroundings of what changes. They do not hold what `base`
        holds, nor `context`, which is added to both: the moment and the policy. `either` is all that one of
        them holds. If it is known of which nodes there may have been findings (`noted`), only these are
        looked at as they were, and those that have findings now. Where findings only follow, nodes that the
        change does not touch are not looked at but entered in `later`, if that is given and they are many.
        Nodes that are `erased` are no focus nodes, unless findings there can name other nodes.
        """
        context, likely = set(context), {predicate for _, predicate, _ in changed}
        was, now = (
            Side(self._base, dataset, context=context, targets=self._targets, likely=likely)
            for dataset in (before, after)
        )
        both = now.statements if either is after else Both(self._base, either or Both(before, after))
        by_predicate: defaultdict[Node | None, list[Triple]] = defaultdict(list, {None: list(changed)})
        for triple in changed:
            by_predicate[triple[1]].append(triple)
        fresh = {s for s in {s for s, _, _ in changed} - self._fixed - erased if not was.knows(s)}
        affected = self._affected(by_predicate, both, fresh)
        if erased:
            affected = [
                (root, nodes if nodes is None or root.reach.deep else nodes - erased)
                for root, nodes in affected
            ]
        if later is not None:
            affected = self._without(affected, {s for s, _, _ in changed}, now, later)
        for root, nodes in affected:
            now.take(root, nodes)
        found = self._findings(now.focus, now.near, now)
        for root, nodes in affected:
            # Of what is fresh there was nothing to look at.
            there = nodes if nodes is None else nodes - fresh
            worth = there if noted is None else _worth(root, there, found, noted)
            if worth != set():
                was.take(root, worth)
        return Difference(self._findings(was.focus, was.near, was), found)

    def _affected(
        self, changed: ByPredicate, either: Statements, fresh: Set[Node]
    ) -> list[tuple[Root, set[Node] | None]]:
        """The shapes whose findings can change, with the focus nodes; None: those of any node."""
        aimed = self._targets.aimed(changed, cache(lambda kind: with_above([kind], either)))
        concerned = self._anywhere.union(aimed, *(self._looking.get(p, ()) for p in changed))
        affected = []
        for root in self.roots:
            if root.shape in concerned:
                found = root.reach.affected(changed, either, fresh)
                if found is not None:
                    found |= aimed.get(root.shape, set())
                if found and root.reach.deep:
                    found = _closed(root.reach, found, either)
                if found != set():
                    affected.append((root, found))
        return affected

    def _without(
        self,
        affected: list[tuple[Root, set[Node] | None]],
        touched: Set[Node],
        now: Side,
        later: dict[Node, set[Node]],
    ) -> list[tuple[Root, set[Node] | None]]:
        """What is to be looked at now; the rest, if it is much, is entered in `later`."""
        follows: dict[Node, set[Node]] = {}
        for root, nodes in affected:
            if nodes is not None and root.shape in self._following:
                left = now.targeted(root, nodes - touched)
                if len(left) >= _MANY and all(isinstance(node, URIRef) for node in left):
                    follows[root.shape] = left
        later.update(follows)
        none = set[Node]()
        return [(root, nodes and nodes - follows.get(root.shape, none)) for root, nodes in affected]

    def of(self, focus: Mapping[Node, Set[Node]], dataset: Dataset, context: Iterable[Triple]) -> Findings:
        """The findings of nodes by the shapes that are named for them, if they are targets of these."""
        side = Side(self._base, dataset, context=set(context), targets=self._targets, likely=())
        for root in self.roots:
            if root.shape in focus:
                side.take(root, set(focus[root.shape]))
        return self._findings(side.focus, side.near, side)

    def _findings(
        self, focus: Mapping[Node, Collection[Node]], near: Collection[Triple], side: Side | None = None
    ) -> Findings:
        if self._screen is None:
            return self._engine.findings(focus, near) if focus else {}
        around = (lambda _: near) if side is None else partial(side.around, self.roots)
        seen = self._screen.look(focus, near, around)
        found: Findings = {}
        if seen.suspects:
            # They are few, and each statement costs the reference engine most.
            near = near if side is None else side.around(self.roots, seen.suspects)
            found = self._engine.findings(seen.suspects, near)
        for shape, findings in seen.findings.items():
            found.setdefault(shape, {}).update(by_key(findings))
        return found


def _worth(
    root: Root, nodes: set[Node] | None, found: Findings, noted: Callable[[Node], bool]
) -> set[Node] | None:
    """Those of the nodes that have findings of the shape now, or may have had some.

    All of them where findings name other nodes than the focus node.
    """
    if nodes is None or root.reach.deep:
        return nodes
    reported = {key[2] for key in found.get(root.shape, {})}
    worth = {node for node in nodes if str(from_rdflib(node)) in reported} if reported else set()
    return worth.union(filter(noted, nodes))


def _closed(reach: Reach, focus: set[Node], statements: Statements) -> set[Node] | None:
    """The focus nodes and all that share with one of them a node that findings can name; None: any node."""
    reached = reach.around(focus, statements)[1]
    places = {state: nodes for state, nodes in reached.items() if state in reach.deep}
    sharing = reach.back_from(places, statements)
    return None if sharing is None else focus | sharing
