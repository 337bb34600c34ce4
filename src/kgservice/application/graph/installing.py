"""Bring a store up to the model and the settings of this installation when it is opened."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyoxigraph import Literal, NamedNode, Quad

from kgservice.application.changes import views
from kgservice.application.changes.modelfiles import ModelFiles
from kgservice.application.changes.record_texts import Progress, silent
from kgservice.application.changes.view_facts import ViewFacts
from kgservice.application.views import building
from kgservice.application.views.lawful_lookups import find_concepts
from kgservice.domain.model import Model
from kgservice.domain.quads import Quads
from kgservice.errors import BadRdf
from kgservice.namespaces import SCHEMA

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph

_DIGEST = NamedNode(f"{SCHEMA}sha256")
_DEFINITION = 2  # how purposes show statements; another number has their views built anew

_log = logging.getLogger(__name__)


def install(kg: KnowledgeGraph, files: ModelFiles, told: Progress = silent) -> None:
    """Put the model into the store, and bring all views up to it and to the settings, where they differ."""
    _model(kg, files, told)
    _purposes(kg, told)


@contextmanager
def unfinished(kg: KnowledgeGraph) -> Iterator[None]:
    """While this is entered, the views may be unfinished: who opens the store then builds them anew.

    `BadRdf` means that nothing has been written, and leaves the state as it was.
    """
    digests = (None, _DIGEST, None)
    state = [*kg.store.match([digests], NamedNode(kg.addresses.provenance))]
    state += [*kg.store.match([digests], kg.view), *kg.store.match([digests], NamedNode(kg.addresses.state))]
    kg.store.apply(remove=state)
    try:
        yield
    except BadRdf:
        kg.store.apply(add=state)
        raise
    key = (NamedNode(kg.addresses.ontology), _DIGEST, None)
    loaded = list(kg.store.match([key]))
    if set(loaded) <= set(state):
        kg.store.apply(add=state)
    else:
        kg.store.apply(remove=loaded)


# The model and the view of everything


def _model(kg: KnowledgeGraph, files: ModelFiles, told: Progress) -> None:
    store, graphs = kg.store, kg.graphs
    state = NamedNode(kg.addresses.provenance)
    ontology, vocabulary = graphs.model
    digests = list(store.match([(ontology, _DIGEST, None)]))
    if any(q.object == Literal(files.digest) for q in digests):
        return
    stored = {q for graph in (ontology, vocabulary) for q in kg.planner().quads(graph)}
    old = Model.of(q.triple for q in stored)
    # The digest goes first and comes back last: whatever stops in between is done again.
    store.apply(remove=digests)
    new = set(files.quads)
    gone, added = views.delta(
        store, files.model, graphs, removed=Quads(stored - new), added=Quads(new - stored)
    )
    digest = (ontology, _DIGEST, Literal(files.digest))
    complete = bool(digests) and old.entails_as(files.model)
    if complete:
        in_view = views.placed(kg.view, gone), views.placed(kg.view, added)
        store.apply(remove=[*(stored - new), *in_view[0]], add=[*(new - stored), *in_view[1]])
        for purpose in kg.settings.active_purposes:
            view = NamedNode(kg.addresses.view(purpose))
            if store.has_graph(view):
                store.apply(remove=views.placed(view, gone), add=views.placed(view, added))
    else:
        if digests or stored:
            _log.warning("the model is another one: the view is built anew")
        store.apply(remove=stored - new, add=new - stored)
        store.empty(kg.view)
        building.extend(store, files.model, graphs, told=told)
        store.apply(remove=list(store.match([(None, _DIGEST, None)], NamedNode(kg.addresses.state))))
    store.apply(add=[Quad(*digest, state), Quad(*digest, kg.view)])


# The views of purposes


def _purposes(kg: KnowledgeGraph, told: Progress) -> None:
    state = NamedNode(kg.addresses.state)
    wanted = {NamedNode(kg.addresses.view(purpose)): purpose for purpose in kg.settings.active_purposes}
    noted = list(kg.store.match([(None, _DIGEST, None)], state))
    definition = Literal(_definition(kg)) if wanted else None
    right = {q.subject for q in noted if q.object == definition} & wanted.keys()
    views_there = {g for g in kg.store.graphs() if g.value.startswith(kg.addresses.views) and g != kg.view}
    wrong = (views_there | {q.subject for q in noted}) - right
    stale = [view for view in wrong if isinstance(view, NamedNode)]
    if stale:
        kg.store.apply(remove=[q for q in noted if q.subject in wrong])
        for view in stale:
            kg.store.empty(view)
    missing = wanted.keys() - right
    if missing and definition is not None:
        building.build_purposes(kg, {wanted[view] for view in missing}, told)
        kg.store.apply(add=[Quad(view, _DIGEST, definition, state) for view in missing])


def _definition(kg: KnowledgeGraph) -> str:
    """A digest of all but the records that the views of purposes are made by."""
    model, facts = kg.model, ViewFacts(kg.store, kg.view)
    concepts = find_concepts(facts)
    parts = (
        _DEFINITION,
        kg.settings.confidentiality,
        kg.policy.profile,
        kg.policy.consent_age,
        _sorted(model.categories),
        _sorted(model.superclasses),
        _sorted(model.directions),
        sorted(map(str, model.persons)),
        sorted(map(str, model.owner_links.properties)),
        _sorted(concepts.categories),
        _sorted(concepts.purposes),
        sorted(concepts.special),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _sorted(mapping: Mapping[Any, Iterable[object]]) -> list[tuple[str, list[str]]]:
    return sorted((str(key), sorted(map(str, values))) for key, values in mapping.items())
