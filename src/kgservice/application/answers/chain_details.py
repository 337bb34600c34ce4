"""What the page of a chain tells of its members besides the trace: the words of customers, and who it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.labels import labels
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.namespaces import CI

LONGEST = 600
"""Characters of a quote; the record has the rest."""
_NAMES = ("quote", "content", "dataSubject", "responsible", "description")
_SAID = f"""SELECT ?node ?property ?value WHERE {{
  VALUES ?node {{ UNDEF }} ?node ?property ?value
  FILTER(?property IN ({", ".join(f"<{CI}{name}>" for name in _NAMES)}))
}} ORDER BY ?node ?property ?value"""


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a customer in the language of the original, perhaps cut."""

    text: str
    language: str


@dataclass(slots=True)
class Detail:
    """Of a member: what a customer said, the persons it is of and who answers for it (IRI, name or '')."""

    quotes: list[Quote] = field(default_factory=list)
    persons: list[tuple[str, str]] = field(default_factory=list)
    responsible: list[tuple[str, str]] = field(default_factory=list)
    description: str = ""


def details(kg: Reader, members: Iterable[str], language: str) -> dict[str, Detail]:
    """What the view says of the members, by IRI; a quote goes before the whole wording."""
    nodes = [NamedNode(iri) for iri in sorted(set(members))]
    said: dict[str, dict[str, list[Literal | NamedNode]]] = defaultdict(lambda: defaultdict(list))
    for node, name, value in kg.select(with_values(_SAID, {"node": nodes})).rows if nodes else ():
        if not isinstance(value, Literal | NamedNode):
            continue
        if isinstance(node, NamedNode) and isinstance(name, NamedNode):
            said[node.value][name.value.removeprefix(CI)].append(value)
    people = {
        value.value
        for of in said.values()
        for name in ("dataSubject", "responsible")
        for value in of.get(name, ())
    }
    names = labels(kg, people, language)

    def called(values: Iterable[Literal | NamedNode]) -> list[tuple[str, str]]:
        return [(v.value, names.get(v.value, "")) for v in values if isinstance(v, NamedNode)]

    return {
        node: Detail(
            _quotes(of.get("quote") or of.get("content") or ()),
            called(of.get("dataSubject", ())),
            called(of.get("responsible", ())),
            next((v.value for v in of.get("description", ()) if getattr(v, "language", "") == language), ""),
        )
        for node, of in said.items()
    }


def _quotes(values: Iterable[Literal | NamedNode]) -> list[Quote]:
    found = [value for value in values if isinstance(value, Literal)]
    return [
        Quote(v.value if len(v.value) <= LONGEST else f"{v.value[:LONGEST]} …", v.language or "")
        for v in found
    ]
