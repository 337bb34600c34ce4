"""The purpose that the pages are read for: what the head of each page says of it, and the form to switch."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.views.reader import Reader
from kgservice.domain.principal import EVERYTHING, Principal, stated_purpose
from kgservice.http.access.cookies import set_purpose
from kgservice.http.access.permissions import principal_of
from kgservice.http.messages.forms import parts, see_other
from kgservice.namespaces import CI, expand

_PERSONS = f"SELECT (COUNT(DISTINCT ?person) AS ?n) WHERE {{ ?person a <{CI}Person> }}"


@dataclass(frozen=True, slots=True)
class Head:
    """What the head of a page says: the purposes to choose from, and how many persons are seen, of all.

    `choices`: value, name, and whether it is the one. The numbers are None for who may not know them.
    """

    choices: tuple[tuple[str, str, bool], ...]
    persons: int | None
    of_all: int | None


class Switch:
    """Says what a purpose shows; the persons are counted once for each state of a view."""

    def __init__(self, kg: KnowledgeGraph) -> None:
        self._kg = kg
        self._lock = threading.Lock()
        self._counted: dict[NamedNode, tuple[int, int]] = {}

    def head(self, principal: Principal, reader: Reader, language: str, everything: str) -> Head:
        """For somebody who reads through `reader`; `everything`: what the view of everything is called."""
        own = [iri for iri in self._kg.settings.active_purposes if iri in principal.purposes]
        names = labels(reader, own, language)
        choices = [(iri, names.get(iri) or short(iri), iri == reader.purpose) for iri in own]
        if principal.oversees:
            choices.insert(0, (EVERYTHING, everything, reader.purpose is None))
        persons = self._persons(reader) if principal.sees_persons else None
        of_all = self._persons(self._kg) if principal.oversees and reader.purpose is not None else None
        return Head(tuple(choices), persons, of_all)

    def _persons(self, reader: Reader) -> int:
        with self._lock:
            state, number = self._counted.get(reader.view, (-1, 0))
            if state != reader.state:
                ((found,),) = reader.select(_PERSONS).rows
                number = int(found.value) if isinstance(found, Literal) else 0
                self._counted[reader.view] = reader.state, number
            return number

    def turn(self, request: Request, form: Mapping[str, str]) -> Response:
        """State another purpose from now on, and go back to the page. Raises what `stated_purpose` raises."""
        stated = expand(form.get("purpose", ""))
        stated_purpose(principal_of(request.scope), stated, self._kg.settings.active_purposes, "purpose")
        path, parameters = parts(form.get("to") or "/")
        response = see_other(path, parameters)
        port = request.scope["state"].get("port")
        if port is not None:  # else it came with a token, and states the purpose with each request
            set_purpose(response, request.scope["scheme"], port, stated)
        return response
