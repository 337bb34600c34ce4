"""Links of CRM records as the commands see them: on the open graph, or through a running service."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from kgservice.application.sources import packages as crm_packages
from kgservice.cli.bars import Bars
from kgservice.cli.rights import named
from kgservice.cli.running import ran
from kgservice.domain.change import LOCAL, Origin
from kgservice.domain.crm_run import Work
from kgservice.errors import PreconditionFailed

if TYPE_CHECKING:
    from kgservice.application.graph.graph import KnowledgeGraph
    from kgservice.cli.recording import Recorder
    from kgservice.cli.running import Send


class LinkDesk(Protocol):
    """What stewards do with links. Every method may raise any `KgError`."""

    def listed(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The links that fit, as `GET /links` gives them for these parameters."""

    def shown(self, key: str) -> dict[str, Any]:
        """One link (IRI, or the UUID that ends it), as `GET /links/{id}` gives it."""

    def report(self) -> dict[str, Any]:
        """How many there are, as `GET /links/report` tells."""

    def conflicts(self) -> list[dict[str, Any]]:
        """The fields in which CRM and graph differ, as `GET /links/conflicts` gives them."""

    def settle(self, key: str, verb: str, reason: str, agent: str | None) -> dict[str, Any]:
        """`take`, `keep` or `undo`, as `POST /links/conflicts/{id}/{verb}` does."""

    def match(self) -> dict[str, Any]:
        """Match what the sources hold, as `POST /links/runs` does."""

    def candidates(self, kind: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Who each of these records may be, as `POST /links/candidates` tells; any number of them."""

    def decide(
        self, key: str, verb: str, reason: str, agent: str | None, seen: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """`accept`, `reject` or `undo`; the link afterwards.

        `seen`: the link as whoever decides saw it; `PreconditionFailed` when it is another by now.
        """


class LocalLinks:
    """On an open graph; what is done is recorded."""

    def __init__(self, kg: KnowledgeGraph, recorder: Recorder) -> None:
        # What does the work costs time to import, which other commands need not spend.
        from kgservice.application.links import linking  # noqa: PLC0415
        from kgservice.application.sources import link_reports  # noqa: PLC0415

        self._kg = kg
        self._recorder = recorder
        self._linking, self._reports = linking, link_reports

    def listed(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Look them up."""
        with self._recorder.doing("links", "links") as entry:
            entry.everything = True
            return self._reports.report(self._kg, given)

    def shown(self, key: str) -> dict[str, Any]:
        """Look it up."""
        with self._recorder.doing("links show", "links") as entry:
            entry.everything = True
            return self._reports.shown(self._kg, key)

    def report(self) -> dict[str, Any]:
        """Count them."""
        with self._recorder.doing("links report", "links"):
            return self._reports.tally(self._kg)

    def conflicts(self) -> list[dict[str, Any]]:
        """Look them up."""
        from kgservice.application.sources import field_decisions  # noqa: PLC0415

        with self._recorder.doing("crm conflicts", "links") as entry:
            entry.everything = True
            return field_decisions.conflicts(self._kg)

    def settle(self, key: str, verb: str, reason: str, agent: str | None) -> dict[str, Any]:
        """Commit the decision."""
        from kgservice.application.sources.field_decisions import VERDICTS, settle  # noqa: PLC0415

        with self._recorder.doing(f"crm settle {verb}", "links", reads=False):
            return settle(self._kg, key, VERDICTS[verb], reason, by=Origin.asked("local", agent))

    def match(self) -> dict[str, Any]:
        """Match, with progress."""
        crm_packages.check()
        from kgservice.application.sources.runs import Runs  # noqa: PLC0415 - few need it
        from kgservice.application.sources.working import matching  # noqa: PLC0415

        kg = self._kg
        with self._recorder.doing("crm match", "links", reads=False) as entry, Bars() as bars:
            entry.everything = True
            runs = Runs(kg.settings.crm_folder, kg.clock)
            return runs.do(Work.MATCH, "", LOCAL.agent, matching(kg, LOCAL), bars.show)

    def candidates(self, kind: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Compare them."""
        from kgservice.application.links import customers as link_customers  # noqa: PLC0415 - few need it
        from kgservice.application.sources.asked_records import asked_rows  # noqa: PLC0415
        from kgservice.application.sources.lookups import Lookups  # noqa: PLC0415

        kg, lookups = self._kg, Lookups(self._kg)

        def ask(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
            keys = [record.get("key") for record in some]
            return lookups.of(kind, asked_rows(kind, list(some))).to_json(keys)

        with self._recorder.doing("crm lookup", "links") as entry:
            reader = link_customers.reader(kg)
            entry.view, entry.purpose = reader.view.value, reader.purpose
            entry.everything = reader.purpose is None
            try:
                return _together(records, ask)
            finally:
                lookups.close()

    def decide(
        self, key: str, verb: str, reason: str, agent: str | None, seen: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Commit the decision."""
        kg, reports = self._kg, self._reports

        def expected(link: Any) -> None:
            if seen is not None and reports.told(kg, [link])[0] != seen:
                raise _changed(link.node)

        with self._recorder.doing(f"links {verb}", "links", reads=False):
            verdict = self._linking.VERDICTS[verb]
            by = Origin.asked("local", agent)
            link = self._linking.decide(kg, key, verdict, reason, by=by, expected=expected)
            after: dict[str, Any] = reports.told(kg, [link])[0]
            return after


class RemoteLinks:
    """Through a service."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def listed(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Ask `GET /links`."""
        return self._json("GET", "/links", params=dict(given))

    def shown(self, key: str) -> dict[str, Any]:
        """Ask `GET /links/{id}`."""
        return self._json("GET", _address(key))

    def report(self) -> dict[str, Any]:
        """Ask `GET /links/report`."""
        return self._json("GET", "/links/report")

    def conflicts(self) -> list[dict[str, Any]]:
        """Ask `GET /links/conflicts`."""
        found: list[dict[str, Any]] = self._json("GET", "/links/conflicts")["conflicts"]
        return found

    def settle(self, key: str, verb: str, reason: str, agent: str | None) -> dict[str, Any]:
        """Ask `POST /links/conflicts/{id}/{verb}`."""
        path = f"/links/conflicts/{_address(key).rpartition('/')[2]}/{verb}"
        return self._json("POST", path, params=named(agent), json={"reason": reason})

    def match(self) -> dict[str, Any]:
        """Ask `POST /links/runs`, with progress."""
        return ran(self._send, "/links/runs", {})

    def candidates(self, kind: str, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Ask `POST /links/candidates`."""
        return _together(
            records,
            lambda some: self._json("POST", "/links/candidates", json={"kind": kind, "records": list(some)}),
        )

    def decide(
        self, key: str, verb: str, reason: str, agent: str | None, seen: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask `POST /links/{id}/{verb}`, on the condition that the link is what was seen."""
        headers = {}
        if seen is not None:
            with self._send("GET", _address(key), headers={"Accept": "application/json"}) as response:
                if json.loads(response.read()) != seen:
                    raise _changed(key)
                headers = {"If-Match": response.headers["etag"]}
        path = f"{_address(key)}/{verb}"
        return self._json("POST", path, params=named(agent), json={"reason": reason}, headers=headers)

    def _json(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **request: Any
    ) -> dict[str, Any]:
        sent = {"Accept": "application/json", **(headers or {})}
        with self._send(method, path, headers=sent, **request) as response:
            found: dict[str, Any] = json.loads(response.read())
            return found


def _together(
    records: Sequence[Mapping[str, Any]], ask: Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]
) -> dict[str, Any]:
    """The answer for any number of records, from answers for as many as may be asked about at once."""
    from kgservice.application.sources.asked_records import MOST  # noqa: PLC0415 - few need it

    found = ask(records[:MOST])
    for start in range(MOST, len(records), MOST):
        found["records"] += ask(records[start : start + MOST])["records"]
    return found


def _changed(key: str) -> PreconditionFailed:
    return PreconditionFailed("{key} is not as you last saw it; look at it again, then decide", key=key)


def _address(key: str) -> str:
    """The address of a link, by its IRI or the part that ends it.

    >>> _address("https://kg.example/id/6ab0")
    '/links/6ab0'
    """
    return f"/links/{quote(key.rpartition('/')[2] if ':' in key else key, safe='')}"
