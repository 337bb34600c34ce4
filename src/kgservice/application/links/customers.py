"""The customers that are offered for matching: only what may be used for that purpose."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.views.reader import Reader
from kgservice.domain.link import ORGANISATIONS, PERSONS
from kgservice.domain.matching import Bands
from kgservice.domain.question import with_values
from kgservice.errors import BadParameter
from kgservice.namespaces import CI, expand
from kgservice.store.base import Term

SOURCE = "graph"
EVERYTHING = "everything"
_ADDRESS = re.compile(r"(?P<street>.+?),\s*(?:[A-Z]{1,2}-)?(?P<code>\d{4,5})\s+(?P<city>[^,\d][^,]*)")
# What is said of a person itself, or in the records of their identification and demography.
# Each branch says that it is a person, and each filter stands alone: else the planner joins all with all.
_PERSONS = f"""PREFIX ci: <{CI}> SELECT DISTINCT ?one ?p ?value {{
  {{ ?one a ci:Person ; ?p ?value }}
  UNION {{ ?one a ci:Person . ?node ci:dataSubject ?one ; a ci:CustomerDataRecord ; ?p ?value }}
  FILTER(?p IN (ci:personName, ci:emailAddress, ci:telephone, ci:postalAddress, ci:postalCode, ci:occupation,
    ci:worksFor))
  FILTER NOT EXISTS {{ ?one a ci:Employee }}
}} ORDER BY ?one"""
# All organisations, also those of which nothing of this is said.
_ORGANISATIONS = f"""PREFIX ci: <{CI}> SELECT DISTINCT ?one ?p ?value {{
  ?one a ci:CustomerOrganisation
  OPTIONAL {{ ?one ?p ?value
    FILTER(?p IN (ci:title, ci:telephone, ci:postalAddress, ci:website, ci:vatNumber)) }}
}} ORDER BY ?one"""
_TITLES = f"""PREFIX ci: <{CI}> SELECT ?one ?title {{ VALUES ?one {{ UNDEF }} ?one ci:title ?title }}"""
_USABLE = {
    kind: f"""PREFIX ci: <{CI}> SELECT DISTINCT ?one {{
  VALUES ?one {{ UNDEF }} ?one a ci:{name} FILTER NOT EXISTS {{ ?one a ci:Employee }} }}"""
    for kind, name in ((PERSONS, "Person"), (ORGANISATIONS, "CustomerOrganisation"))
}

Row = dict[str, object]


def reader(kg: KnowledgeGraph) -> Reader:
    """What may be read for matching: the view of the setting `matching_purpose`.

    Matching is a purpose of its own: who has not agreed to it is not there. `everything` as the setting is
    the word of the deployment that it has another ground. Raises `BadParameter` when there is no such view.
    """
    named = kg.settings.matching_purpose
    if named == EVERYTHING:
        return kg
    purpose = expand(named)
    if purpose not in kg.settings.active_purposes:
        raise BadParameter(
            "{name!r} is not among the active purposes, so nothing may be matched",
            name=named,
            source="KGSERVICE_MATCHING_PURPOSE",
        )
    return kg.reader(purpose)


def bands(kg: KnowledgeGraph) -> Bands:
    """From which probabilities on a pair is accepted by rule, and a candidate, as the settings say."""
    return Bands(kg.settings.matching_accept, kg.settings.matching_candidate)


def usable(kg: KnowledgeGraph, kind: str, customers: Collection[str]) -> set[str]:
    """Those of the customers (IRIs) that may be matched now."""
    nodes = [NamedNode(iri) for iri in sorted(set(customers))]
    rows = reader(kg).select(with_values(_USABLE[kind], {"one": nodes})).rows
    return {node.value for (node,) in rows if isinstance(node, NamedNode)}


def customers(kg: KnowledgeGraph, kind: str) -> Iterator[Row]:
    """The customers of a kind as rows of the canonical schema, with source `graph` and their IRI as key.

    Only what the view for matching shows of them; what it does not show is NULL or an empty list.
    """
    view = reader(kg)
    if kind == ORGANISATIONS:
        yield from _organisations(view)
        return
    rows = view.select(_PERSONS).rows
    employers = {value for _, p, value in rows if _name(p) == "worksFor" and isinstance(value, NamedNode)}
    titles = _titles(view, employers)
    for person, own in groupby(rows, key=lambda row: row[0]):
        yield _person(person, _said(own), titles)


def _said(rows: Iterable[Sequence[Term | None]]) -> dict[str, list[Term]]:
    """What rows of subject, property and value say of one subject, by the local name of the property."""
    found: dict[str, list[Term]] = {}
    for _, p, value in rows:
        if value is not None:
            found.setdefault(_name(p), []).append(value)
    return found


def _person(person: Term | None, said: dict[str, list[Term]], titles: dict[str, str]) -> Row:
    employer = min((_text(one) for one in said.get("worksFor", ())), default=None)
    street, code, city = _address(_one(said, "postalAddress"))
    return {
        **_row(person),
        "given_name": None,
        "family_name": None,
        "full_name": _one(said, "personName"),
        "birth_date": None,
        "email": _all(said, "emailAddress"),
        "phone": _all(said, "telephone"),
        "street": street,
        "postal_code": _one(said, "postalCode") or code,
        "city": city,
        "country": None,
        "organisation_key": employer,
        "organisation_name": titles.get(employer or ""),
        "job_title": _one(said, "occupation"),
        "language": None,
        "opted_out": None,
    }


def _organisations(view: Reader) -> Iterator[Row]:
    for one, own in groupby(view.select(_ORGANISATIONS).rows, key=lambda row: row[0]):
        said = _said(own)
        street, code, city = _address(_one(said, "postalAddress"))
        yield {
            **_row(one),
            "name": _one(said, "title"),
            "vat_id": _one(said, "vatNumber"),
            "iban": [],
            "website": _one(said, "website"),
            "email": [],
            "phone": _all(said, "telephone"),
            "street": street,
            "postal_code": code,
            "city": city,
            "country": None,
        }


def _row(node: Term | None) -> Row:
    return {"source": SOURCE, "key": _text(node), "updated": None, "deleted": False}


def _titles(view: Reader, nodes: Collection[NamedNode]) -> dict[str, str]:
    if not nodes:
        return {}
    rows = view.select(with_values(_TITLES, {"one": sorted(nodes, key=str)})).rows
    return {_text(one): _text(title) for one, title in sorted(rows, key=str, reverse=True)}


def _address(text: str | None) -> tuple[str | None, str | None, str | None]:
    """Street, postal code and city of an address in one line; all of it as street if it is not such a one.

    >>> _address("Sägestraße 4, 72813 St. Johann")
    ('Sägestraße 4', '72813', 'St. Johann')
    """
    found = _ADDRESS.fullmatch(text.strip()) if text else None
    return (found["street"], found["code"], found["city"].strip()) if found else (text, None, None)


def _one(said: dict[str, list[Term]], name: str) -> str | None:
    return min(map(_text, said.get(name, ())), default=None)


def _all(said: dict[str, list[Term]], name: str) -> list[str]:
    return sorted({_text(value) for value in said.get(name, ())})


def _name(prop: Term | None) -> str:
    return _text(prop).removeprefix(CI)


def _text(term: Term | None) -> str:
    return term.value if isinstance(term, Literal | NamedNode) else ""
