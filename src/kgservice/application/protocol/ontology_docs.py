"""The ontology as HTML pages for people, one in each language, made with pyLODE."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import rdflib
from rdflib import DCTERMS, OWL, RDF, SKOS, URIRef

from kgservice.errors import KgError
from kgservice.namespaces import CI
from kgservice.resources import folder

LANGUAGES = ("de", "en")
_NAMESPACE = URIRef(CI.rstrip("#"))
_TITLES = {"de": "Ontologie der Kundenintegration", "en": "Customer integration ontology"}


def render(target: Path) -> list[Path]:
    """Write `ontology.de.html` and `ontology.en.html` into the folder `target`; the files written.

    Each page holds all modules. Nothing is fetched: pyLODE brings what it knows of other vocabularies.
    Raises `KgError` when pyLODE is not installed or the folder cannot be written.
    """
    make = _pylode()
    modules = [rdflib.Graph().parse(path) for path in sorted(folder("ontology").glob("*.ttl"))]
    written = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for language in LANGUAGES:
            path = target / f"ontology.{language}.html"
            with quiet():
                page: str = make(_merged(modules, language), sort_subjects=True).make_html()
            path.write_text(page, encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise KgError(f"cannot write the pages: {error}", source=str(target)) from error
    return written


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what pyLODE logs and prints while it works from the user; errors are raised all the same."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def _pylode() -> Callable[..., Any]:
    """What makes a page of a graph. Raises `KgError` when it is not installed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        with quiet():
            from pylode.profiles.ontpub import OntPub  # noqa: PLC0415  (an optional dependency)
    except ImportError as error:
        raise KgError("pyLODE is not installed: pip install 'kgservice[docs]'") from error
    finally:  # importing pyLODE sets the log of the whole program to DEBUG
        root.handlers[:] = handlers
        root.setLevel(level)
    made: Callable[..., Any] = OntPub
    return made


def _merged(modules: list[rdflib.Graph], language: str) -> rdflib.Graph:
    """All modules under one header, with the texts of one language.

    Terms of other vocabularies stay only where ours refer to them, so that they get no sections of their own.
    """
    merged = rdflib.Graph(bind_namespaces="none")  # pyLODE compares each term with each prefix
    for prefix, iri in (n for module in modules for n in module.namespaces()):
        merged.bind(prefix, iri)
    for module in modules:
        headers = set(module.subjects(RDF.type, OWL.Ontology))
        for s, p, o in module:
            foreign = isinstance(s, URIRef) and s not in headers and not str(s).startswith(CI)
            declaration = p == RDF.type and foreign and (s, SKOS.prefLabel, None) not in module
            other_language = isinstance(o, rdflib.Literal) and o.language not in (None, language)
            if s not in headers and not declaration and not other_language:
                merged.add((s, p, o))
        for header in headers:
            for p in (OWL.versionInfo, DCTERMS.creator, DCTERMS.license):
                for o in module.objects(header, p):
                    merged.add((_NAMESPACE, p, o))
            for o in module.objects(header, DCTERMS.description):
                if isinstance(o, rdflib.Literal) and o.language == language:
                    merged.add((_NAMESPACE, DCTERMS.description, o))
    merged.add((_NAMESPACE, RDF.type, OWL.Ontology))
    merged.add((_NAMESPACE, DCTERMS.title, rdflib.Literal(_TITLES[language], lang=language)))
    return merged
