"""The page of a chain, from a pain point, a solution or an impact."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application import chain_words
from kgservice.application.trace import trace, trace_guarded
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.trace import record
from kgservice.namespaces import CI
from kgservice.web.chain import Chain
from kgservice.web.picture import draw
from kgservice.web.tables import path_of

TRACED = frozenset(f"{CI}{name}" for name in ("PainPoint", "Solution", "Impact"))
"""The classes of what a chain can be shown from."""


def add(routes: Routes) -> None:
    """Put the page where it belongs."""
    routes.page("/pages/trace/{key:path}", trace_page)


def trace_page(site: Site, request: Request) -> Response:
    """The chain as a picture and in words."""
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
    return site.page(
        request,
        "trace.html",
        name=chain_words.name(focus, language),
        picture=draw(drawn, chain.lines()),
        description="; ".join(
            f"{c.heading}: {', '.join(i.title for i in c.items)}" for c in drawn if c.items
        ),
        words=chain.in_words(),
        evidence=found.get("evidence"),
        smallest=site.kg.settings.smallest_group,
        json=f"/trace/{quote(key, safe='')}?format=json",
        jsonld=f"/trace/{quote(key, safe='')}?format=jsonld",
    )


def path_of_trace(site: Site, iri: str) -> str:
    """The address of the chain of a record."""
    return f"/pages/trace/{quote(iri.removeprefix(site.kg.addresses.ids), safe='')}"
