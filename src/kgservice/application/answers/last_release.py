"""The last release and what it changed: the solutions it brought, for which pain points, with what impact."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode

from kgservice.application.answers.small_groups import personal
from kgservice.application.views.reader import Reader
from kgservice.domain.question import with_values
from kgservice.namespaces import CI, XSD

_LAST = f"""PREFIX ci: <{CI}>
SELECT ?release ?moment WHERE {{
  VALUES ?now {{ UNDEF }}
  ?release a ci:Release ; ci:deployedAt ?moment FILTER(?moment <= ?now)
}} ORDER BY DESC(?moment) ?release LIMIT 1"""
_SHIPPED = f"""PREFIX ci: <{CI}>
SELECT DISTINCT ?solution ?pain ?impact WHERE {{
  VALUES ?release {{ UNDEF }}
  ?release ci:ships ?solution .
  OPTIONAL {{ ?pain ci:addressedBy ?solution ; a ci:PainPoint }}
  OPTIONAL {{ ?impact ci:impactOf ?solution }}
}} ORDER BY ?solution"""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A solution that a release brought, the pain points it addresses, and the impacts that followed."""

    solution: str
    pains: set[str] = field(default_factory=set)
    impacts: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class LastRelease:
    """A release, when it was deployed (ISO 8601), and what it brought."""

    iri: str
    deployed: str
    shipped: tuple[Shipped, ...]


def last_release_guarded(kg: Reader) -> LastRelease | None:
    """See `last_release`, for those who may not see single persons: without what is a record of one."""
    found = last_release(kg)
    if found is None:
        return None
    iris = {found.iri}.union(*({one.solution, *one.pains, *one.impacts} for one in found.shipped))
    secret = {node.value for node in personal(kg, map(NamedNode, iris))}
    if found.iri in secret:
        return None
    shipped = (
        Shipped(one.solution, one.pains - secret, one.impacts - secret)
        for one in found.shipped
        if one.solution not in secret
    )
    return LastRelease(found.iri, found.deployed, tuple(shipped))


def last_release(kg: Reader) -> LastRelease | None:
    """The release of the view that was deployed last, or None."""
    now = Literal(kg.clock().isoformat().replace("+00:00", "Z"), datatype=NamedNode(f"{XSD}dateTime"))
    rows = kg.select(with_values(_LAST, {"now": now})).rows
    if not rows:
        return None
    release, moment = rows[0]
    assert isinstance(release, NamedNode)
    assert isinstance(moment, Literal)
    shipped: dict[str, Shipped] = {}
    for solution, pain, impact in kg.select(with_values(_SHIPPED, {"release": release})).rows:
        if isinstance(solution, NamedNode):
            one = shipped.setdefault(solution.value, Shipped(solution.value))
            if isinstance(pain, NamedNode):
                one.pains.add(pain.value)
            if isinstance(impact, NamedNode):
                one.impacts.add(impact.value)
    return LastRelease(release.value, moment.value, tuple(shipped.values()))
