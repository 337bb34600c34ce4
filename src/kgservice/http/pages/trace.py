"""The page of a chain, from a pain point, a solution or an impact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.answers import chain_words
from kgservice.application.answers.chain_details import Detail, details
from kgservice.application.answers.trace import trace, trace_guarded
from kgservice.application.graph.labels import labels, short
from kgservice.application.law.evidence_consent import ALLOWED, Use, uses
from kgservice.http.access.permissions import principal_of
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.resources.trace import record
from kgservice.namespaces import CI
from kgservice.web.chain import MOST_MOVED, Chain
from kgservice.web.chain_list import ChainList
from kgservice.web.picture import draw
from kgservice.web.tables import path_of

TRACED = frozenset(f"{CI}{name}" for name in ("PainPoint", "Solution", "Impact"))
"""The classes of what a chain can be shown from."""
_PLAIN = ("touchpoints", "painPoints", "inputs", "solutions", "releases", "lessons")
"""Layers whose members are all shown in the same way."""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/pages/trace/{key:path}", trace_page)


def trace_page(site: Site, request: Request) -> Response:
    """The chain as a picture, as a list with what is missing, and what the words of customers allow."""
    language = site.language(request)
    key = request.path_params["key"]
    iri_of_key = record(site.kg, key)
    found = (trace if site.sees_persons else trace_guarded)(site.kg, iri_of_key).to_json()

    def link(iri: str) -> str:
        return path_of(iri, site.kg.addresses)

    nodes = [node for layer in found["layers"].values() for node in layer]
    focus = next(node for node in nodes if node["id"] == found["focus"])
    chain = Chain(found, language, link)
    drawn = chain.columns()
    listed = ChainList(found, language, whole=site.kg.purpose is None)
    said = details(site.kg, [node["id"] for node in nodes], language) if site.sees_persons else {}
    evidence = [node["id"] for node in found["layers"]["evidence"]]
    known, hidden = _known(site, request, iri_of_key, evidence)
    purposes = [site.kg.purpose] if site.kg.purpose else list(site.kg.settings.active_purposes)
    return site.page(
        request,
        "trace.html",
        section="chains",
        name=chain_words.name(focus, language),
        picture=draw(drawn, chain.lines()),
        moved=_moved(Chain(found, language, link, MOST_MOVED)),
        file=f"trace-{focus['key'][:12]}",
        description="; ".join(
            f"{c.heading}: {', '.join(i.title for i in c.items)}" for c in drawn if c.items
        ),
        layers=[(layer, listed.members(layer)) for layer in _PLAIN if found["layers"][layer]],
        pieces=[_piece(site, member, said, known) for member in listed.members("evidence")],
        hidden=hidden,
        purposes=labels(site.kg, purposes, language),
        answering={iri: detail.responsible for iri, detail in said.items()},
        effects=listed.effects(),
        gaps=listed.gaps(),
        path=link,
        evidence=found.get("evidence"),
        smallest=site.kg.settings.smallest_group,
        json=f"/trace/{quote(key, safe='')}?format=json",
        jsonld=f"/trace/{quote(key, safe='')}?format=jsonld",
    )


def path_of_trace(site: Site, iri: str) -> str:
    """The address of the chain of a record."""
    return f"/pages/trace/{quote(iri.removeprefix(site.kg.addresses.ids), safe='')}"


def _moved(chain: Chain) -> dict[str, Any]:
    """What the picture that can be moved is drawn from: see web/src/network.ts."""
    lines = [*chain.lines(), *chain_words.links(chain.trace, "shippedIn")]
    picture = draw(chain.columns(), lines)
    there = {box.item.key for box in picture.boxes}
    return {
        "nodes": [
            {
                "id": box.item.key,
                "kind": box.item.kind,
                "label": "\n".join(line.text for line in box.lines),
                "name": box.name,
                "width": picture.box_width,
                "height": box.height,
                "link": box.item.link,
            }
            for box in picture.boxes
        ],
        "lines": [{"from": a, "to": b} for a, b in lines if a in there and b in there],
    }


def _known(
    site: Site, request: Request, focus: NamedNode, shown: Collection[str]
) -> tuple[Mapping[str, Sequence[Use]], list[tuple[str, str, int]]]:
    """How it stands with the use of the pieces, as far as the viewer may know; and what is not shown.

    What a purpose shows may be used for it. Who may see everything is also told the rest: for all purposes if
    none is stated, else why pieces are not shown, as state, day and how many.
    """
    if not site.sees_persons:
        return {}, []
    purpose = site.kg.purpose
    if purpose is None:
        nodes = [NamedNode(iri) for iri in shown]
        return uses(site.whole, nodes, site.kg.settings.active_purposes), []
    known = {iri: (Use(purpose, ALLOWED),) for iri in shown}
    if not principal_of(request.scope).oversees:
        return known, []
    whole = trace(site.whole, focus).layers["evidence"]
    left = [NamedNode(node.iri) for node in whole if node.iri not in known]
    of_persons = uses(site.whole, left, [purpose])
    tally = Counter((use.state, use.since) for (use,) in of_persons.values())
    return known, [(state, since, number) for (state, since), number in sorted(tally.items())]


def _piece(
    site: Site, member: Any, said: Mapping[str, Detail], known: Mapping[str, Sequence[Use]]
) -> dict[str, Any]:
    """What is shown of a piece of evidence; how it stands only for one that is of a person."""
    detail = said.get(member.iri) or Detail()
    persons = [
        {"path": path_of(iri, site.kg.addresses), "name": called or f"… {short(iri)[-8:]}"}
        for iri, called in detail.persons
    ]
    return {
        "member": member,
        "quotes": detail.quotes,
        "persons": persons,
        "uses": known.get(member.iri, ()) if persons else (),
    }
