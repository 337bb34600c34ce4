"""One side of a change, before or after it: what shapes are to look at there, and what bears on that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set

from rdflib.term import Node

from kgservice.shacl.datasets import Both, Dataset
from kgservice.shacl.reach import Found, Triple
from kgservice.shacl.roots import Index, Root, classes_of
from kgservice.shacl.targets import Targets


class Side:
    """The dataset before or after a change: the focus nodes to validate there, and what is near them."""

    def __init__(
        self,
        base: Dataset,
        dataset: Dataset,
        *,
        context: Collection[Triple],
        targets: Targets,
        likely: Collection[Node],
    ) -> None:
        self._base = base
        self._dataset = dataset
        self._targets = targets
        self._likely = likely
        self.statements = Both(base, dataset)
        self._context = context
        self._found = Found(context)
        self.focus: dict[Node, set[Node]] = {}
        self._known: dict[Node, set[Node]] = {}
        self._index: Index | None = None

    @property
    def near(self) -> Collection[Triple]:
        """What bears on the findings of the focus nodes."""
        return self._found.all()

    def take(self, root: Root, affected: set[Node] | None) -> None:
        """Add those of the affected nodes that the shape targets, and what bears on them; None: all nodes."""
        focus = root.all_targets(self._everything()) if affected is None else self.targeted(root, affected)
        if focus:
            self.focus[root.shape] = focus
            self._found.join(root.reach.around(focus, self.statements)[0])

    def around(self, roots: Iterable[Root], focus: Mapping[Node, Collection[Node]]) -> Collection[Triple]:
        """What bears on the findings of some of the focus nodes."""
        if self._index is not None:
            return self.near
        found = Found(self._context)
        for root in roots:
            if root.shape in focus:
                found.join(root.reach.around(focus[root.shape], self.statements)[0])
        return found.all()

    def targeted(self, root: Root, nodes: Set[Node]) -> set[Node]:
        """Those of the nodes that the shape targets."""
        focus = {node for node in nodes if root.shape in self._by_class(node)}
        if root.subjects_of or root.objects_of:
            others = nodes - focus
            focus.update(n for n in others if root.targets_by_use(n, self.statements, self._likely))
        return focus

    def _everything(self) -> Index:
        """All statements, which are near from now on: nothing can come to them."""
        if self._index is None:
            every = list({*self._context, *self._base.all(), *self._dataset.all()})
            self._found.take(every)
            self._index = Index(every)
        return self._index

    def knows(self, node: Node) -> bool:
        """Whether anything is said of the node, or by it of another."""
        return any(self.statements.some(node, None, 1, back=back) for back in (False, True))

    def _by_class(self, node: Node) -> set[Node]:
        """The shapes that target a node by its name or its classes."""
        found = self._known.get(node)
        if found is None:
            found = self._targets.by_class(node, classes_of(node, self.statements))
            self._known[node] = found
        return found
