"""What stands beside the graph in a running service, for the pages of those who run it."""

from __future__ import annotations

from dataclasses import dataclass

from kgservice.application.care.backups import Backups
from kgservice.application.care.maintenance import Maintenance
from kgservice.application.law.audit import AuditLog
from kgservice.application.sources.runs import Runs
from kgservice.http.resources.metrics import Meters


@dataclass(frozen=True, slots=True)
class Machinery:
    """Runs of sources, backups, maintenance, the audit log (None: there is none), and what is counted."""

    runs: Runs
    backups: Backups
    jobs: Maintenance
    audit: AuditLog | None
    meters: Meters
