"""The page of those who run the service: how it is, its store, and the views of the active purposes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pyoxigraph import Literal, NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice import __version__
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.law import api_keys
from kgservice.application.views.reader import Reader
from kgservice.domain.change import Origin
from kgservice.domain.maintenance import Work
from kgservice.http.messages.forms import unkept, unknown
from kgservice.http.pages.backups import row as backup_row
from kgservice.http.pages.backups import size
from kgservice.http.pages.jobs import begun, finished, running
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI
from kgservice.store.base import Dataset

ADMINISTRATION = "/pages/administration"
_STATEMENTS = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
_PERSONS = f"SELECT (COUNT(DISTINCT ?person) AS ?n) {{ ?person a <{CI}Person> }}"


def add(routes: Routes, machinery: Machinery) -> None:
    """Put the page where it belongs."""
    page = AdministrationPage(machinery)
    routes.decided(ADMINISTRATION, page.show, page.decide, beyond=True)


class AdministrationPage:
    """How the service is; views are counted once for each state that they have."""

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery
        self._lock = threading.Lock()
        self._counted: dict[NamedNode, tuple[int, tuple[int, int]]] = {}

    def show(self, site: Site, request: Request) -> Response:
        """The page, with what is at work now, and what came of the last check."""
        kg, language = site.whole, site.language(request)
        names = labels(kg, kg.settings.active_purposes, language)
        purposes = ((names.get(iri) or short(iri), kg.reader(iri)) for iri in kg.settings.active_purposes)
        readers: list[tuple[str, Reader]] = [("", kg), *purposes]
        now = kg.clock()
        keys = [key.state(now) for key in api_keys.kept(kg.settings)]
        backups = self._machinery.backups.all()
        answered, failed = self._machinery.meters.answered()
        job = running(self._machinery.jobs)
        response = site.page(
            request,
            "administration.html",
            section="administration",
            version=__version__,
            service={
                "answers": kg.store.healthy(),
                "prepared": kg.prepared,
                "writes": kg.store.writable,
                "reads": kg.reads,
                "commit": kg.head,
                "since": kg.head - kg.opened,
                "answered": answered,
                "failed": failed,
                "profile": kg.settings.profile,
            },
            store=_store(kg),
            standings=kg.store.standings(),
            views=[self._view(kg, name, reader) for name, reader in readers],
            job=job,
            renews=job is not None,
            last=finished(self._machinery.jobs, Work.CHECK),
            page_path=ADMINISTRATION,
            keys={state: keys.count(state) for state in ("valid", "expired", "revoked")},
            backup=backup_row(backups[-1]) if backups else None,
            audited=self._machinery.audit is not None,
        )
        return unkept(response)

    def decide(self, _kg: KnowledgeGraph, _key: str, form: Mapping[str, str], _by: Origin) -> str:
        """Begin to check the store, or stop that; the page again. Raises `Conflict`, `NotFound`."""
        if form.get("do") == "check":
            begun(self._machinery.jobs.check())
        elif form.get("do") == "stop":
            self._machinery.jobs.stop(form.get("job", ""))
        else:
            raise unknown(form)
        return ADMINISTRATION

    def _view(self, kg: KnowledgeGraph, name: str, reader: Reader) -> dict[str, Any]:
        with self._lock:
            state, found = self._counted.get(reader.view, (-1, (0, 0)))
            if state != reader.state:
                found = _count(reader, _STATEMENTS), _count(reader, _PERSONS)
                state = reader.state
                self._counted[reader.view] = state, found
        held = kg.copies.answering(Dataset((reader.view,), ())) is not kg.store
        return {
            "name": name,
            "iri": reader.purpose or "",
            "statements": found[0],
            "persons": found[1],
            "commit": state,
            "memory": kg.reads == "memory" if reader is kg else held,
        }


def _count(reader: Reader, query: str) -> int:
    ((number,),) = reader.select(query).rows
    return int(number.value) if isinstance(number, Literal) else 0


def _store(kg: KnowledgeGraph) -> Mapping[str, str]:
    """Where the store is, without what may be secret in an address."""
    if kg.settings.remote:
        return {"kind": "remote", "place": urlsplit(kg.settings.remote).hostname or "", "free": ""}
    folder = kg.settings.store.absolute().parent
    free = size(shutil.disk_usage(folder).free) if folder.exists() else ""
    return {"kind": "embedded", "place": str(kg.settings.store.absolute()), "free": free}
