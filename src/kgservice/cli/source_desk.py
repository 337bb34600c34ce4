"""Sources of customers as the commands see them: on the open graph, or through a running service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import quote

from kgservice.cli.bars import Bars
from kgservice.cli.running import ran
from kgservice.store.formats import CSV, JSON

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.cli.recording import Recorder
    from kgservice.cli.running import Send


class SourceDesk(Protocol):
    """What stewards do with sources. Every method may raise any `KgError`."""

    def exported(self, name: str, out: BinaryIO, *, as_json: bool) -> None:
        """Write the links and consents of a source, as `GET /imports/{source}/export` does."""

    def into_crm(self, name: str, *, apply: bool) -> dict[str, Any]:
        """Bring them to the CRM, or tell what would change, as `POST /imports/{source}/export` does."""


class LocalSources:
    """On an open graph; what is done is recorded."""

    def __init__(self, kg: KnowledgeGraph, recorder: Recorder) -> None:
        self._kg = kg
        self._recorder = recorder

    def exported(self, name: str, out: BinaryIO, *, as_json: bool) -> None:
        """Write them."""
        from kgservice.application.sources import export as crm_export  # noqa: PLC0415 - costs time to import

        with self._recorder.doing("crm export", "imports") as entry:
            entry.everything = True
            crm_export.write(self._kg, name, entry.before(out), as_json=as_json)

    def into_crm(self, name: str, *, apply: bool) -> dict[str, Any]:
        """Write them there, with progress."""
        from kgservice.application.sources.export import into_crm  # noqa: PLC0415

        with self._recorder.doing("crm export", "imports", reads=not apply) as entry, Bars() as bars:
            entry.everything = True
            return into_crm(self._kg, name, apply=apply, told=bars.show)


class RemoteSources:
    """Through a service."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def listed(self) -> list[dict[str, Any]]:
        """Ask `GET /imports`."""
        with self._send("GET", "/imports", headers={"Accept": "application/json"}) as response:
            found = json.loads(response.read())["sources"]
        return [{"name": one["name"], **(one["rows"] or {})} for one in found]

    def synced(self, name: str, *, allow_empty: bool) -> dict[str, Any]:
        """Ask `POST /imports/{source}/runs`, with progress."""
        return ran(self._send, _address(name, "runs"), {"allowEmpty": "true"} if allow_empty else {})

    def exported(self, name: str, out: BinaryIO, *, as_json: bool) -> None:
        """Ask `GET /imports/{source}/export`."""
        headers = {"Accept": (JSON if as_json else CSV).media_type}
        with self._send("GET", _address(name, "export"), headers=headers) as response:
            for chunk in response.iter_bytes():
                out.write(chunk)

    def into_crm(self, name: str, *, apply: bool) -> dict[str, Any]:
        """Ask `POST /imports/{source}/export`."""
        return self._json("POST", _address(name, "export"), json={"apply": apply})

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        with self._send(method, path, headers={"Accept": "application/json"}, **request) as response:
            found: dict[str, Any] = json.loads(response.read())
            return found


def _address(name: str, *parts: str) -> str:
    """An address below a source.

    >>> _address("../x", "export")
    '/imports/..%2Fx/export'
    """
    return "/".join(("/imports", quote(name, safe=""), *parts))
