"""The page of the backups: listed, made, and verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.care.backups import Backup, Backups, faults_of
from kgservice.errors import NotFound
from kgservice.http.messages.forms import see_other, unkept, unknown
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.web.tables import moment

BACKUPS = "/pages/backups"


def add(routes: Routes, machinery: Machinery) -> None:
    """Put the page where it belongs."""
    pages = BackupPages(machinery.backups)
    routes.answered(BACKUPS, pages.every, pages.change)


class BackupPages:
    """The backups below the folder that the settings name."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    def every(self, site: Site, request: Request) -> Response:
        """All that are whole, the newest first."""
        return self._page(site, request, "", None)

    def change(self, site: Site, request: Request, form: Mapping[str, str]) -> Response:
        """Make a backup, or verify one that is there, which reads all of it.

        Raises `Conflict` while another one is made, `NotFound`, `StoreFailed`.
        """
        if form.get("do") == "make":
            self._backups.make()
            return see_other(BACKUPS, request.query_params.items())
        if form.get("do") != "verify":
            raise unknown(form)
        wanted = form.get("backup", "")
        for backup in self._backups.all():
            if backup.folder.name == wanted:
                return self._page(site, request, wanted, faults_of(backup.folder))
        raise NotFound(f"There is no backup {wanted[:80]!r}")

    def _page(self, site: Site, request: Request, name: str, faults: list[str] | None) -> Response:
        response = site.page(
            request,
            "backups.html",
            section="backups",
            folder=str(self._backups.folder),
            backups=[row(backup) for backup in reversed(self._backups.all())],
            verified=name,
            faults=faults,
        )
        return unkept(response)


def row(backup: Backup) -> dict[str, Any]:
    """What pages show of a backup."""
    said = backup.to_json()
    return {**said, "name": backup.folder.name, "time": moment(said["time"]), "size": size(said["bytes"])}


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
