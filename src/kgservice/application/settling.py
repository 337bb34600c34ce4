"""Committing what the guard takes of an import, and telling what it does not take, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pyoxigraph import NamedNode, Triple

from kgservice.application.graph import KnowledgeGraph
from kgservice.domain.change import Change, Commit
from kgservice.errors import Invalid


class Part(Protocol):
    """What goes in or stays out as a whole: the statements of a row, or about a record of a document."""

    @property
    def triples(self) -> set[Triple]:
        """The statements."""

    @property
    def own(self) -> frozenset[NamedNode]:
        """The records that belong to this part alone."""


P = TypeVar("P", bound=Part)


def settle(
    kg: KnowledgeGraph, parts: Sequence[P], change: Callable[[Sequence[P]], Change]
) -> tuple[Commit | None, list[tuple[P, str]]]:
    """Commit all of the parts that the guard takes together; the others, each with the reason.

    A part is held when a record of its own, else one that it speaks of, has a violation; whatever then is
    wrong without it is held as well. `change` makes the change of some of the parts.
    """
    held: list[tuple[P, str]] = []
    rest = list(parts)
    while rest:
        try:
            return kg.commit(change(rest)), held
        except Invalid as error:
            reasons = {finding["focus"]: _words(finding) for finding in error.findings}
            bad = [part for part in rest if any(node.value in reasons for node in part.own)]
            bad = bad or [part for part in rest if reasons.keys() & _spoken_of(part)] or rest
            held += [(part, _reason(part, reasons) or str(error)) for part in bad]
            rest = taken(parts, held)
    return None, held


def taken(parts: Sequence[P], held: Sequence[tuple[P, str]]) -> list[P]:
    """The parts that are not among those held."""
    out = {id(part) for part, _ in held}
    return [part for part in parts if id(part) not in out]


def _words(finding: Mapping[str, Any]) -> str:
    return f"{finding['rule']}: {finding['message'].get('en') or finding['shape']}"


def _spoken_of(part: Part) -> set[str]:
    terms = (term for triple in part.triples for term in (triple.subject, triple.object))
    return {term.value for term in terms if isinstance(term, NamedNode)}


def _reason(part: Part, reasons: dict[str, str]) -> str:
    own = {node.value for node in part.own}
    about = own & reasons.keys() or _spoken_of(part) & reasons.keys()
    return " ".join(dict.fromkeys(reasons[node] for node in sorted(about)))
