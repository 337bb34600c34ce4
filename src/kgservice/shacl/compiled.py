"""The automata of the shipped shapes as a file, since to parse their SPARQL takes seconds.

`make automata` writes it anew, after a change of `shapes/` or of what works them out; else it does not count.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rdflib.term import Node, URIRef
from rdflib.util import from_n3

from kgservice.shacl.reach import Reach, Step
from kgservice.shacl.roots import Root
from kgservice.shacl.shapes import Shapes
from kgservice.shacl.terms import interned

FILE = Path(__file__).with_name("automata.json")
_MADE_BY = (
    "compile.py",
    "comparisons.py",
    "parsing.py",
    "patterns.py",
    "plain.py",
    "prebinding.py",
    "reach.py",
    "roots.py",
)


def read(shapes: Shapes) -> list[Root] | None:
    """The automata of the shapes, if the file is about these and this code; None if not."""
    try:
        written, current = json.loads(FILE.read_bytes()), _digest(shapes)
    except (OSError, ValueError):  # such as where modules are installed without their sources
        return None
    if written["of"] != current:
        return None
    terms = [interned(_term(text)) for text in written["terms"]]
    return [_root(root, terms) for root in written["roots"]]


def written(shapes: Shapes, roots: Iterable[Root]) -> str:
    """What the file says of the shapes."""
    terms = _Terms()
    described = [_described(root, terms) for root in roots]
    lines = ",\n".join(json.dumps(root, separators=(",", ":")) for root in described)
    return (
        f'{{"of": "{_digest(shapes)}",\n"terms": {json.dumps(list(terms.numbers), indent=0)},\n'
        f'"roots": [\n{lines}\n]}}\n'
    )


def _digest(shapes: Shapes) -> str:
    """Of the texts of the shapes, and of the code that works out what they can look at."""
    digest = hashlib.sha256(shapes.digest.encode())
    for name in _MADE_BY:
        digest.update(FILE.with_name(name).read_bytes())
    return digest.hexdigest()


class _Terms:
    """Each term once, by its number."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, term: Node) -> int:
        return self.numbers.setdefault(term.n3(), len(self.numbers))

    def every(self, terms: Iterable[Node]) -> list[int]:
        """The numbers of terms that have no order."""
        return [self(term) for term in sorted(terms, key=str)]


def _term(text: str) -> Node:
    term = from_n3(text)
    assert isinstance(term, Node)
    return term


def _described(root: Root, terms: _Terms) -> dict[str, Any]:
    reach = root.reach

    def steps(found: dict[int, list[Step]]) -> list[list[Any]]:
        return [
            [state, None if s.predicate is None else terms(s.predicate), int(s.back), s.state, s.most]
            for state, some in sorted(found.items())
            for s in some
        ]

    return {
        "shape": terms(root.shape),
        "classes": terms.every(root.classes),
        "nodes": terms.every(root.nodes),
        "subjects_of": terms.every(root.subjects_of),
        "objects_of": terms.every(root.objects_of),
        "at_once": root.at_once,
        "boundless": reach.boundless,
        "deep": sorted(reach.deep),
        "steps": steps(reach.steps),
        "aims": steps(reach.aims),
        "jumps": [[state, *sorted(to)] for state, to in sorted(reach.jumps.items()) if to],
        "anchors": [[state, terms(node)] for state, node in sorted(reach.anchors.items())],
        "needs": [
            [state, terms(predicate), terms(value)]
            for state, needs in sorted(reach.needs.items())
            for predicate, value in sorted(needs, key=str)
        ],
    }


def _root(said: dict[str, Any], terms: list[Node]) -> Root:
    def iri(number: int) -> URIRef:
        term = terms[number]
        assert isinstance(term, URIRef)
        return term

    reach = Reach(boundless=said["boundless"], deep=set(said["deep"]))
    for steps, found in ((said["steps"], reach.steps), (said["aims"], reach.aims)):
        for state, predicate, back, to, most in steps:
            found[state].append(Step(None if predicate is None else iri(predicate), bool(back), to, most))
    for state, *targets in said["jumps"]:
        reach.jumps[state] = set(targets)
    reach.anchors = {state: terms[node] for state, node in said["anchors"]}
    reach.needs = defaultdict(set)
    for state, predicate, value in said["needs"]:
        reach.needs[state].add((iri(predicate), terms[value]))
    return Root(
        terms[said["shape"]],
        reach.finish(),
        frozenset(terms[number] for number in said["classes"]),
        frozenset(terms[number] for number in said["nodes"]),
        frozenset(iri(number) for number in said["subjects_of"]),
        frozenset(iri(number) for number in said["objects_of"]),
        said["at_once"],
    )
