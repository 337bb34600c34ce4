"""Committing what the guard takes of an import, and telling what it does not take, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pyoxigraph import NamedNode, Triple

from kgservice.application.changes.proof import touches_proof
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Change, Commit
from kgservice.errors import Invalid, Leaving, Reserved, Returning, Rewriting
from kgservice.phrases import Bilingual

RESERVED = Bilingual(
    "It brings consents, requests, restrictions, processing activities or what is left of an erased person, "
    "or leads to such: an administrator releases it, or a steward who is a privacy officer, too",
    "Es bringt Einwilligungen, Anträge, Einschränkungen, Verarbeitungstätigkeiten oder was von einem "
    "gelöschten Menschen bleibt, oder führt zu solchen: Freigeben kann es die Rolle administrator, oder die "
    "Rolle steward zusammen mit privacy-officer",
)
REWRITING = Bilingual(
    "It would change or take away what an event of a consent says, which nobody may: record a withdrawal or "
    "a renewal (/consents), correct the source, and discard this",
    "Es änderte oder entfernte, was ein Ereignis einer Einwilligung sagt, und das darf niemand: Erfassen Sie "
    "einen Widerruf oder eine Erneuerung (/consents), berichtigen Sie die Quelle, und verwerfen Sie dies",
)
LEAVING = Bilingual(
    "It makes records those of another person, or of nobody: a steward releases it",
    "Es macht Datensätze zu denen eines anderen Menschen oder von niemandem: Freigeben kann es die Rolle "
    "steward",
)
RETURNING = Bilingual(
    "It speaks of somebody who was erased: have the source forget the person, and discard this",
    "Es spricht von einem Menschen, der gelöscht wurde: Lassen Sie auch die Quelle ihn vergessen, und "
    "verwerfen Sie dies",
)
_REASONS = {Rewriting: REWRITING, Leaving: LEAVING, Returning: RETURNING}


class Part(Protocol):
    """What goes in or stays out as a whole: the statements of a row, or about a record of a document."""

    @property
    def triples(self) -> set[Triple]:
        """The statements."""

    @property
    def own(self) -> frozenset[NamedNode]:
        """The records that belong to this part alone."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not taken: the `reason` for stewards, and the `findings` that it is made of.

    The reason is `Bilingual`, unless it comes from elsewhere.
    """

    reason: str
    findings: tuple[Mapping[str, Any], ...] = ()

    @property
    def told(self) -> str:
        """The reason for who may not see everything: which rules it breaks, but nothing that records say."""
        if not self.findings:
            return self.reason
        from kgservice.application.stewards.reports import discreet_refusal  # noqa: PLC0415 - costs time to import

        return _reason(discreet_refusal(self.findings, ()))


P = TypeVar("P", bound=Part)


def settle(
    kg: KnowledgeGraph,
    parts: Sequence[P],
    change: Callable[[Sequence[P]], Change],
    commit: Callable[[Change], Commit] | None = None,
) -> tuple[Commit | None, list[tuple[P, Refusal]]]:
    """Commit all of the parts that the guard takes together; the others, each with the reason.

    A part is held when a record of its own, else one that it speaks of, has a violation; whatever then is
    wrong without it is held as well. So is what only those may change who answer for privacy, what would
    rewrite an event of a consent, what takes records out of the graph of their person, and what speaks of
    somebody erased. `change` makes the change of some of the parts; `commit` makes it, or raises what a
    commit would, in a dry run.
    """
    commit = commit or kg.commit
    held: list[tuple[P, Refusal]] = []
    rest = list(parts)
    while rest:
        try:
            return commit(change(rest)), held
        except (Rewriting, Leaving, Returning) as error:
            bad = [part for part in rest if not _concerned(part).isdisjoint(error.nodes)] or rest
            held += [(part, Refusal(_REASONS[type(error)])) for part in bad]
        except Reserved:
            planner = kg.planner()
            bad = [part for part in rest if touches_proof(planner, part.triples)] or rest
            held += [(part, Refusal(RESERVED)) for part in bad]
        except Invalid as error:
            wrong: dict[str, list[Mapping[str, Any]]] = {}
            for finding in error.findings:
                wrong.setdefault(finding["focus"], []).append(finding)
            bad = [part for part in rest if any(node.value in wrong for node in part.own)]
            bad = bad or [part for part in rest if wrong.keys() & _spoken_of(part)] or rest
            held += [(part, _refusal(part, wrong, error)) for part in bad]
        rest = taken(parts, held)
    return None, held


def taken(parts: Sequence[P], held: Sequence[tuple[P, Refusal]]) -> list[P]:
    """The parts that are not among those held."""
    out = {id(part) for part, _ in held}
    return [part for part in parts if id(part) not in out]


def _reason(findings: Iterable[Mapping[str, Any]]) -> Bilingual:
    """Which rules are broken, and how."""
    said = [(f["rule"], f["message"].get("en") or f["shape"], f["message"].get("de")) for f in findings]
    english = dict.fromkeys(f"{rule}: {words}" for rule, words, _ in said)
    german = dict.fromkeys(f"{rule}: {words or other}" for rule, other, words in said)
    return Bilingual(" ".join(english), " ".join(german))


def _concerned(part: Part) -> set[str]:
    """What the part speaks of, and its own records, of which it may only take something away."""
    return _spoken_of(part) | {node.value for node in part.own}


def _spoken_of(part: Part) -> set[str]:
    terms = (term for triple in part.triples for term in (triple.subject, triple.object))
    return {term.value for term in terms if isinstance(term, NamedNode)}


def _refusal(part: Part, wrong: Mapping[str, Sequence[Mapping[str, Any]]], error: Invalid) -> Refusal:
    """All that is wrong with the records of a part, else with those it speaks of, else with any."""
    own = {node.value for node in part.own}
    about = own & wrong.keys() or _spoken_of(part) & wrong.keys()
    found = tuple(finding for node in sorted(about) for finding in wrong[node])
    if not found:
        return Refusal(Bilingual(str(error), _reason(error.findings).german), tuple(error.findings))
    return Refusal(_reason(found), found)
