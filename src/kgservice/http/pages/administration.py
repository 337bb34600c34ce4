"""The page of those who run the service: how it is, its store, and the views of the active purposes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pyoxigraph import NamedNode
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
_PERSON = NamedNode(f"{CI}Person")


def add(routes: Routes, machinery: Machinery) -> None:
    """Put the page where it belongs."""
    page = AdministrationPage(machinery)
    routes.decided(ADMINISTRATION, page.show, page.decide, beyond=True)


class AdministrationPage:
    """How the service is."""

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery

    def show(self, site: Site, request: Request) -> Response:
        """The page, with what is at work now, and what came of the last check."""
        kg, language = site.whole, site.language(request)
        names = labels(kg, kg.settings.active_purposes, language)
        purposes = ((names.get(iri) or short(iri), kg.reader(iri)) for iri in kg.settings.active_purposes)
        readers: list[tuple[str, Reader]] = [("", kg), *purposes]
        statements = kg.counts.statements([reader.view for _, reader in readers])
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
            views=[_view(kg, name, reader, statements[reader.view]) for name, reader in readers],
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


def _view(kg: KnowledgeGraph, name: str, reader: Reader, statements: int) -> dict[str, Any]:
    """A view: what it holds, since when, and where it is read from."""
    state = reader.state
    held = kg.copies.answering(Dataset((reader.view,), ())) is not kg.store
    return {
        "name": name,
        "iri": reader.purpose or "",
        "statements": statements,
        "persons": kg.counts.instances(reader.view).get(_PERSON, 0),
        "commit": state,
        "memory": kg.reads == "memory" if reader is kg else held,
    }


def _store(kg: KnowledgeGraph) -> Mapping[str, str]:
    """Where the store is, without what may be secret in an address."""
    if kg.settings.remote:
        return {"kind": "remote", "place": urlsplit(kg.settings.remote).hostname or "", "free": ""}
    folder = kg.settings.store.absolute().parent
    free = size(shutil.disk_usage(folder).free) if folder.exists() else ""
    return {"kind": "embedded", "place": str(kg.settings.store.absolute()), "free": free}
