"""`/ontology` and its terms, and `/id/…`: IRIs that answer, as RDF for programs and as a page for people.

`https://w3id.org/kgservice/ci#X` leads to `/ontology/X`, the module `https://w3id.org/kgservice/ci/m` to
`/ontology/m`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from pyoxigraph import NamedNode, Triple, serialize
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kgservice import resources
from kgservice.application.answers import small_groups
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.protocol import terms
from kgservice.domain.question import with_values
from kgservice.errors import KgError, NotFound
from kgservice.http.messages.negotiation import HTML, Representation, negotiate
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI, PREFIXES
from kgservice.store.formats import GRAPH_FORMATS, TURTLE, Format
from kgservice.store.syntax import parse

OFFERS: tuple[Format | Representation, ...] = (*GRAPH_FORMATS, HTML)

_RECORD = "CONSTRUCT { ?record ?p ?o } WHERE { VALUES ?record { UNDEF } ?record ?p ?o }"
_HEADINGS: dict[str, tuple[str, str]] = {
    # key: (German, English)
    "Class": ("Klassen", "Classes"),
    "ObjectProperty": ("Beziehungen", "Object properties"),
    "DatatypeProperty": ("Attribute", "Datatype properties"),
    "AnnotationProperty": ("Anmerkungen", "Annotation properties"),
    "ConceptScheme": ("Begriffsschemata", "Concept schemes"),
    "Concept": ("Begriffe", "Concepts"),
    "prefLabel": ("Bezeichnung", "Label"),
    "altLabel": ("Auch genannt", "Also called"),
    "definition": ("Bedeutung", "Definition"),
    "scopeNote": ("Anmerkung", "Note"),
    "source": ("Quelle", "Source"),
    "above": ("Übergeordnet", "Broader or super"),
    "below": ("Untergeordnet", "Narrower or sub"),
    "domain": ("Definitionsbereich", "Domain"),
    "range": ("Wertebereich", "Range"),
    "domain-of": ("Hat Eigenschaft", "In the domain of"),
    "range-of": ("Wert von", "In the range of"),
    "inverse": ("Umkehrung", "Inverse"),
    "disjoint": ("Schließt aus", "Disjoint with"),
    "category": ("Art personenbezogener Daten", "Category of personal data"),
    "scheme": ("Im Schema", "In scheme"),
    "members": ("Mitglieder", "Members"),
    "matches": ("Entspricht anderswo", "Matches elsewhere"),
    "module": ("Modul", "Module"),
    "ontology": ("Ontologie der Kundenintegration", "Customer integration ontology"),
}
_TEXTS = ("prefLabel", "altLabel", "definition", "scopeNote", "source")


def make_router(kg: KnowledgeGraph) -> APIRouter:
    """The routes of the model's terms and of instances; their handlers run in threads."""
    site = Site(kg)
    router = APIRouter()

    def route(path: str, handler: Callable[[Site, Request], Response]) -> None:
        def answer(request: Request) -> Response:
            seen = site
            try:
                seen = site.at(request)
                return handler(seen, request)
            except KgError as error:
                if _wants_page(request):
                    return seen.problem(request, error)
                raise

        router.add_route(path, answer, methods=["GET", "HEAD"])

    route("/ontology", _model)
    route("/ontology/{name}", _term)
    route("/id/{key}", _instance)
    return router


def path_of(iri: str) -> str:
    """Where an IRI of the model answers here; other IRIs lead where they say.

    >>> path_of("https://w3id.org/kgservice/ci#PainPoint"), path_of("http://www.w3.org/ns/prov#Entity")
    ('/ontology/PainPoint', 'http://www.w3.org/ns/prov#Entity')
    """
    return f"/ontology/{iri.removeprefix(CI)}" if iri.startswith(CI) else iri


def _model(site: Site, request: Request) -> Response:
    offer, media_type = _negotiated(request)
    if isinstance(offer, Format):
        return _rdf(terms.model(site.kg), offer, media_type)
    language = site.language(request)
    groups = [
        (_word(kind, language), [_link(iri, label) for iri, label in found])
        for kind, found in terms.listed(site.kg, language).items()
    ]
    name = _word("ontology", language)
    return _page(site, request, "ontology.html", name=name, groups=groups)


def _term(site: Site, request: Request) -> Response:
    name = request.path_params["name"]
    offer, media_type = _negotiated(request)
    module = resources.folder("ontology") / f"{name}.ttl"
    if name.isalnum() and module.is_file():
        if isinstance(offer, Format):
            return _rdf([quad.triple for quad in parse(module, TURTLE)], offer, media_type)
        return RedirectResponse("/ontology", 303, {"Vary": "Accept"})
    try:
        term = NamedNode(CI + name)
    except ValueError:
        raise NotFound("{name!r} is no name of a term", name=name[:80]) from None
    if isinstance(offer, Format):
        return _rdf(terms.statements(site.kg, term), offer, media_type)
    found = terms.describe(site.kg, term)
    language = site.language(request)
    others = {iri for iris in found.related.values() for iri in iris}
    names = labels(site.kg, others, language)
    texts = [(_word(key, language), found.texts[key]) for key in _TEXTS if key in found.texts]
    related = [
        (_word(key, language), [_link(iri, names.get(iri) or short(iri)) for iri in iris])
        for key in _HEADINGS
        if (iris := found.related.get(key))
    ]
    label = next((t.value for t in found.texts.get("prefLabel", ()) if t.language == language), name)
    values = {"texts": texts, "related": related, "module": (_word("module", language), found.module)}
    return _page(site, request, "term.html", name=label, iri=found.iri, **values)


def _instance(site: Site, request: Request) -> Response:
    kg = site.kg
    try:
        record = NamedNode(kg.addresses.ids + request.path_params["key"])
    except ValueError:
        raise NotFound("this is no name of an instance") from None
    offer, media_type = _negotiated(request)
    if not site.sees_persons:
        small_groups.allow(kg, record)
    found = kg.construct(with_values(_RECORD, {"record": record}))
    if not found:
        raise NotFound("nothing is known of <{record}>", record=record.value)
    if not site.sees_persons:
        secret = small_groups.personal(kg, (t.object for t in found if isinstance(t.object, NamedNode)))
        found = [triple for triple in found if triple.object not in secret]
    if isinstance(offer, Format):
        return _rdf(found, offer, media_type)
    parameters = {"iri": record.value}
    if "lang" in request.query_params:
        parameters["lang"] = request.query_params["lang"]
    return RedirectResponse(f"/pages/record?{urlencode(parameters)}", 303, {"Vary": "Accept"})


def _negotiated(request: Request) -> tuple[Format | Representation, str]:
    return negotiate(OFFERS, request.headers.get("accept"), request.query_params.get("format"))


def _wants_page(request: Request) -> bool:
    try:
        return _negotiated(request)[0] is HTML
    except KgError:
        return False


def _rdf(triples: Sequence[Triple], form: Format, media_type: str) -> Response:
    assert form.rdf is not None
    body = serialize(sorted(triples, key=str), format=form.rdf, prefixes=PREFIXES)
    content_type = form.content_type if media_type == form.media_type else media_type
    headers = {"Vary": "Accept", "Cache-Control": "private, no-cache", "Content-Type": content_type}
    return Response(body, headers=headers)


def _page(site: Site, request: Request, template: str, **values: Any) -> Response:
    response = site.page(request, template, **values)
    response.headers["Vary"] = "Accept, Accept-Language"
    return response


def _link(iri: str, label: str) -> dict[str, str]:
    return {"path": path_of(iri), "label": label}


def _word(key: str, language: str) -> str:
    german, english = _HEADINGS[key]
    return german if language == "de" else english
