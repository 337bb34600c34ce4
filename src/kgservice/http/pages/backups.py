"""The page of the backups: listed, made, and verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.care.backups import Backup
from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.change import Origin
from kgservice.domain.maintenance import Work
from kgservice.http.messages.forms import unkept, unknown
from kgservice.http.pages.jobs import begun, finished, running
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site

BACKUPS = "/pages/backups"


def add(routes: Routes, machinery: Machinery) -> None:
    """Put the page where it belongs."""
    pages = BackupPages(machinery)
    routes.decided(BACKUPS, pages.every, pages.decide)


class BackupPages:
    """The backups below the folder that the settings name."""

    def __init__(self, machinery: Machinery) -> None:
        self._backups = machinery.backups
        self._jobs = machinery.jobs

    def every(self, site: Site, request: Request) -> Response:
        """All that are whole, the newest first; what is at work now, and what came of the last of it."""
        job = running(self._jobs)
        response = site.page(
            request,
            "backups.html",
            section="backups",
            folder=str(self._backups.folder),
            backups=[row(backup) for backup in reversed(self._backups.all())],
            job=job,
            renews=job is not None,
            last=finished(self._jobs, Work.BACKUP, Work.VERIFY),
            page_path=BACKUPS,
        )
        return unkept(response)

    def decide(self, _kg: KnowledgeGraph, _key: str, form: Mapping[str, str], _by: Origin) -> str:
        """Begin to make a backup or to verify one, or stop that; the page again.

        Raises `Conflict` while something else is at work, `NotFound`.
        """
        match form.get("do"):
            case "make":
                begun(self._jobs.backup())
            case "verify":
                begun(self._jobs.verify(form.get("backup", "")))
            case "stop":
                self._jobs.stop(form.get("job", ""))
            case _:
                raise unknown(form)
        return BACKUPS


def row(backup: Backup) -> dict[str, Any]:
    """What pages show of a backup."""
    said = backup.to_json()
    return {**said, "name": backup.folder.name, "size": size(said["bytes"])}


def size(number: float) -> str:
    """So many bytes for people.

    >>> size(512), size(3_500_000)
    ('512 B', '3.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
