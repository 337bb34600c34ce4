"""The page of the audit log: the latest entries that fit, whether it is as it was written, and files."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.labels import labels, short
from kgservice.application.law.audit import AuditLog
from kgservice.application.law.audit_export import FILTERS, page
from kgservice.domain.audit import Action
from kgservice.errors import BadParameter
from kgservice.http.messages.forms import unkept
from kgservice.http.pages.machinery import Machinery
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site

AUDIT = "/pages/audit"


def add(routes: Routes, machinery: Machinery) -> None:
    """Put the page where it belongs."""
    routes.page(AUDIT, AuditPage(machinery.audit).show)


class AuditPage:
    """The audit log, where there is one."""

    def __init__(self, log: AuditLog | None) -> None:
        self._log = log

    def show(self, site: Site, request: Request) -> Response:
        """The newest entries that fit the filters of the address; verified where it asks for that."""
        language = site.language(request)
        given = {name: request.query_params[name] for name in FILTERS if request.query_params.get(name)}
        found: dict[str, Any] = {"entries": [], "next": None, "head": ""}
        if self._log is not None:
            try:
                found = page(self._log, given)
            except BadParameter as error:
                site.error = error
        verify = self._log is not None and request.query_params.get("verify") == "yes"
        told = self._log.verify().to_json() if verify and self._log is not None else None
        purposes = {one["purpose"] for one in found["entries"] if one.get("purpose")}
        names = labels(site.whole, purposes, language)
        kept = {name: value for name, value in given.items() if name != "before"}
        response = site.page(
            request,
            "audit.html",
            section="audit-log",
            there=self._log is not None,
            entries=[
                {
                    **one,
                    "about": names.get(one["purpose"]) or short(one["purpose"]) if one.get("purpose") else "",
                }
                for one in found["entries"]
            ],
            picked={name: given.get(name, "") for name in FILTERS},
            actions=[action.value for action in Action],
            following=f"{AUDIT}?{urlencode(kept | {'before': str(found['next'])})}" if found["next"] else "",
            exports=[(fmt, f"/audit?{urlencode(kept | {'format': fmt})}") for fmt in ("csv", "jsonl")],
            verified=told,
        )
        return unkept(response)
