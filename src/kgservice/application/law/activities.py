"""The record of processing activities (Art. 30(1) GDPR), from the graph."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.namespaces import CI
from kgservice.store.base import Term

# The members, the property of the model that each stands for, and the letter of Art. 30(1) that asks for it.
FIELDS: tuple[tuple[str, str, str], ...] = (
    ("controller", "controller", "a"),
    ("purposes", "forPurpose", "b"),
    ("subjectGroups", "subjectGroup", "c"),
    ("categories", "forCategory", "c"),
    ("recipients", "recipient", "d"),
    ("transfers", "thirdCountryTransfer", "e"),
    ("retention", "retention", "f"),
    ("measures", "securityMeasure", "g"),
    ("legalBases", "legalBasis", ""),
    ("exceptions", "article9Basis", ""),
    ("balancing", "balancingOfInterests", ""),
    ("storagePlaces", "storagePlace", ""),
    ("jurisdictions", "jurisdiction", ""),
)
REQUIRED = tuple(name for name, _, letter in FIELDS if letter)
# Of a controller: the members, and the properties that each stands for.
CONTACT = {
    "address": "controllerAddress",
    "contact": "controllerContact",
    "officer": "dataProtectionOfficer",
    "representative": "controllerRepresentative",
}
_SAID = f"""PREFIX ci: <{CI}>
SELECT DISTINCT ?s ?p ?o {{
  {{ ?s a ci:ProcessingActivity ; ?p ?o }}
  UNION {{ ?activity a ci:ProcessingActivity ; ci:controller ?s . ?s ?p ?o }}
}}"""
_TITLE = "title"
_DIGITS = 10  # fewer, and it is a number that anybody would mean

Said = Mapping[str, Sequence[Term]]


def record(kg: KnowledgeGraph) -> dict[str, Any]:
    """The activities as a JSON object; what Art. 30 asks for and is not recorded is named in `missing`."""
    said: dict[str, dict[str, list[Term]]] = {}
    for s, p, o in kg.select(_SAID).rows:
        if isinstance(s, NamedNode) and isinstance(p, NamedNode) and o is not None:
            said.setdefault(s.value, {}).setdefault(p.value.removeprefix(CI), []).append(o)
    is_activity = {
        iri: any(
            isinstance(t, NamedNode) and t.value == f"{CI}ProcessingActivity"
            for terms in one.values()
            for t in terms
        )
        for iri, one in said.items()
    }
    iris = {
        t.value for one in said.values() for terms in one.values() for t in terms if isinstance(t, NamedNode)
    }
    names = {language: labels(kg, iris, language) for language in ("de", "en")}
    found = [_activity(iri, said, names) for iri in sorted(said) if is_activity[iri]]
    return {"activities": sorted(found, key=lambda one: (one["title"].get("de", ""), one["id"]))}


def table(found: Mapping[str, Any], language: str) -> bytes:
    """The record as CSV: an activity in a row; several values of a field are parted by `; `."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("id", "title", *(name for name, _, _ in FIELDS), "missing"))
    for one in found["activities"]:
        cells = ["; ".join(word(value, language) for value in one[name]) for name, _, _ in FIELDS]
        writer.writerow((one["id"], _in(one["title"], language), *cells, "; ".join(one["missing"])))
    return out.getvalue().encode()


def jsonld(found: Mapping[str, Any]) -> bytes:
    """The record as JSON-LD in the terms of the model."""
    graph = []
    for one in found["activities"]:
        node: dict[str, Any] = {"@id": one["id"], "@type": "ci:ProcessingActivity"}
        node["ci:title"] = [{"@value": text, "@language": tag} for tag, text in one["title"].items() if tag]
        for name, prop, _ in FIELDS:
            node[f"ci:{prop}"] = [_node(value) for value in one[name]]
        graph.append(node)
    return json.dumps({"@context": {"ci": CI}, "@graph": graph}, ensure_ascii=False).encode()


def _activity(iri: str, said: Mapping[str, Said], names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    one = said[iri]
    values = {
        name: [_value(t, said, names) for t in sorted(one.get(prop, ()), key=str)] for name, prop, _ in FIELDS
    }
    missing = [name for name in REQUIRED if not values[name]]
    missing += [
        f"controller.{part}"
        for controller in values["controller"]
        for part in ("address", "contact")
        if not controller.get(part)
    ]
    return {"id": iri, "title": _titles(one), **values, "missing": missing}


def _value(term: Term, said: Mapping[str, Said], names: Mapping[str, Mapping[str, str]]) -> Any:
    if isinstance(term, Literal):
        return int(term.value) if term.value.isdecimal() and len(term.value) < _DIGITS else term.value
    iri = term.value if isinstance(term, NamedNode) else str(term)
    found: dict[str, Any] = {"id": iri, "label": {tag: names[tag].get(iri) or short(iri) for tag in names}}
    if iri in said:
        for name, prop in CONTACT.items():
            texts = [t.value for t in said[iri].get(prop, ()) if isinstance(t, Literal)]
            found[name] = ", ".join(sorted(texts)) or None
    return found


def _titles(said: Said) -> dict[str, str]:
    return {t.language or "": t.value for t in said.get(_TITLE, ()) if isinstance(t, Literal)}


def word(value: Any, language: str) -> str:
    """A value of a member as a cell of a table; of a controller also how it is reached."""
    if not isinstance(value, dict):
        return str(value)
    reached = (value.get(name) for name in CONTACT)
    return ", ".join((_in(value["label"], language), *(part for part in reached if part)))


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language) or next(iter(texts.values()), "")


def _node(value: Any) -> Any:
    return {"@id": value["id"]} if isinstance(value, dict) else value
