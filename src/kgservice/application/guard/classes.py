"""Records of no class: every rule looks at the instances of some class, so none would look at these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

from pyoxigraph import NamedNode, Quad, Triple

from kgservice.application.changes.effect import Effect
from kgservice.application.changes.planner import Planner
from kgservice.application.guard.findings import with_result
from kgservice.domain.finding import Finding, Node, Rule, Texts, written
from kgservice.domain.model import CLASSES, SUBCLASS, TYPE, Model
from kgservice.errors import Invalid
from kgservice.namespaces import CI, SH
from kgservice.phrases import Bilingual, Phrase
from kgservice.shacl.terms import shorten
from kgservice.store.base import Pattern

NUMBER = "R00"
RULE = Rule(
    NUMBER,
    "",
    "Violation",
    name={"de": "Klasse des Datensatzes", "en": "class of the record"},
    reason={
        "de": "Jede Regel betrachtet die Instanzen einer Klasse, einen Datensatz ohne Klasse also keine.",
        "en": "Every rule looks at the instances of a class; at a record of no class none looks.",
    },
    group={"de": "Klasse", "en": "class"},
)


_NONE: Texts = {
    "de": "Es fehlt, was das ist: ein Pain Point, ein Touchpoint, eine Lösung oder etwas anderes. "
    "Geben Sie die Art des Datensatzes an (seine Klasse); alle Arten stehen unter /ontology.",
    "en": "It is not said what this is: a pain point, a touchpoint, a solution or something else. "
    "State the kind of the record (its class); all kinds are at /ontology.",
}
_LOST: Texts = {
    "de": "Danach wäre nicht mehr gesagt, was das ist, während anderes darüber bliebe. "
    "Entfernen Sie auch das, oder behalten Sie die Art des Datensatzes (seine Klasse).",
    "en": "It would no longer be said what this is, while other statements about it stay. "
    "Remove these, too, or keep the kind of the record (its class).",
}


def refuse_unclassed(classes: Classes, effect: Effect) -> None:
    """Raises `Invalid` when the effect leaves records without a class of the model."""
    found = classes.missing()
    if found:
        others = len(found) - 1
        raise Invalid(
            "{rule} {focus}: {words}{more}",
            rule=RULE.number,
            focus=found[0].focus,
            words=Bilingual(found[0].message("en"), found[0].message("de")),
            more=Phrase(" (and {count:more record|more records})", count=others) if others else "",
            findings=[finding.to_json() for finding in found],
            named=written(effect.named),
        )


def of_no_class(model: Model, node: Node, classes: Iterable[object], *, had_one: bool = False) -> Finding:
    """The finding of a record that has only these classes, all unknown, or none."""
    unknown = sorted((one for one in classes if isinstance(one, NamedNode)), key=str)
    messages = _unknown(model, unknown) if unknown else _LOST if had_one else _NONE
    value = unknown[0] if unknown else None
    component = f"{SH}ClassConstraintComponent"
    return with_result(Finding(RULE, node, "rdf:type", value, messages, {}, component))


class Classes:
    """The classes of the records that an effect touches, before and after it."""

    def __init__(self, planner: Planner, effect: Effect) -> None:
        self._planner = planner
        self._typing = {planner.addresses.ontology, planner.addresses.vocabulary}
        dropped = (planner.quads(graph) for graph in effect.drop if planner.holds_loose(graph))
        self._removed = set(effect.remove.where(planner.holds_loose)).union(*dropped)
        self._added: defaultdict[object, list[Triple]] = defaultdict(list)
        self._above: defaultdict[object, set[object]] = defaultdict(set)
        of_records = {q.subject for q in self._removed if planner.graphs.is_record(q.graph_name)}
        for graph, triples in effect.add.where(planner.holds_loose).by_graph.items():
            is_record = planner.graphs.is_record(graph)
            for triple in triples:
                subject = triple.subject
                self._added[subject].append(triple)
                if is_record:
                    of_records.add(subject)
                    if triple.predicate == SUBCLASS:
                        self._above[subject].add(triple.object)
        self._touched = sorted((n for n in of_records if isinstance(n, NamedNode)), key=str)

    def missing(self) -> list[Finding]:
        """The records that the effect leaves without a class of the model, not those that had none before.

        Parts of a record that stand for blank nodes need no class.
        """
        return [finding for node in self._touched if (finding := self._finding(node)) is not None]

    def settled(self, noted: Callable[[NamedNode], bool]) -> list[NamedNode]:
        """The records that may have been `noted` to have no class, and have one now, or are gone."""
        return [node for node in self._touched if self._may_settle(node) and noted(node)]

    def _finding(self, node: NamedNode) -> Finding | None:
        """What is wrong with a record after the effect, if it is and was not before."""
        said = {triple.object for triple in self._added[node] if triple.predicate == TYPE}
        if self._any_known(said):
            return None
        stored = self._stored((node, TYPE, None))
        said |= {quad.object for quad in stored if quad not in self._removed}
        if self._any_known(said):
            return None
        before = [q for q in self._stored((node, None, None)) if self._planner.graphs.is_record(q.graph_name)]
        had_one = self._any_known({quad.object for quad in stored})
        is_gone = not self._added[node] and all(quad in self._removed for quad in before)
        if (before and not had_one) or is_gone or self._is_part(node):
            return None
        return of_no_class(self._planner.model, node, said, had_one=had_one)

    def _may_settle(self, node: NamedNode) -> bool:
        """Whether the effect states a known class of a record, or takes all that is said of it."""
        added = self._added[node]
        if added:
            return self._any_known(triple.object for triple in added if triple.predicate == TYPE)
        return all(
            quad in self._removed
            for quad in self._stored((node, None, None))
            if self._planner.graphs.is_record(quad.graph_name)
        )

    def _stored(self, pattern: Pattern) -> list[Quad]:
        return [
            quad
            for quad in self._planner.store.match([pattern])
            if self._planner.holds_loose(quad.graph_name)
            or (isinstance(quad.graph_name, NamedNode) and quad.graph_name.value in self._typing)
        ]

    def _any_known(self, classes: Iterable[object]) -> bool:
        """Whether one of the classes belongs to the model, or is one that records put below such a class."""
        waiting = list(classes)
        seen = set(waiting)
        while waiting:
            one = waiting.pop()
            if one in self._planner.model.classes or one in CLASSES:
                return True
            above = self._broader(one) - seen
            seen |= above
            waiting += above
        return False

    def _broader(self, one: object) -> set[object]:
        """The classes that records put above one; what the scratch graph says of it no rule sees."""
        found = set(self._above[one])
        for quad in self._stored((one, SUBCLASS, None)) if isinstance(one, NamedNode) else ():
            if self._planner.graphs.is_record(quad.graph_name) and quad not in self._removed:
                found.add(quad.object)
        return found

    def _is_part(self, node: NamedNode) -> bool:
        """Whether the node stands for a blank node that something refers to."""
        return self._planner.graphs.is_genid(node) and (
            any(triple.object == node for triples in self._added.values() for triple in triples)
            or any(quad not in self._removed for quad in self._stored((None, None, node)))
        )


def _unknown(model: Model, unknown: Sequence[NamedNode]) -> Texts:
    """What is said of a record whose classes are all unknown."""
    names, meant = ", ".join(shorten(one.value) for one in unknown), _meant(model, unknown)
    return {
        "de": f"{names} ist keine Klasse des Modells, also keine bekannte Art von Datensatz. "
        f"Geben Sie eine bekannte an{f' (gemeint: {meant}?)' if meant else ''}; "
        "alle stehen unter /ontology.",
        "en": f"{names} is no class of the model, so no known kind of record. "
        f"State a known one{f' ({meant}?)' if meant else ''}; "
        "all of them are at /ontology.",
    }


def _meant(model: Model, unknown: Iterable[NamedNode]) -> str:
    """The classes of ours that are spelt nearly like unknown ones."""
    names = sorted(c.value.removeprefix(CI) for c in model.classes if c.value.startswith(CI))
    written = (one.value.replace("/", "#").rpartition("#")[2] for one in unknown)
    near = (match for name in written for match in get_close_matches(name, names, n=1, cutoff=0.75))
    return ", ".join(f"ci:{name}" for name in dict.fromkeys(near))
