"""The pages of sources of customers: what each holds and refused, and its runs, to start and to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.sources import packages as crm_packages
from kgservice.application.sources.runs import Runs
from kgservice.domain.change import Origin
from kgservice.domain.crm_run import CrmRun, RunState, Work
from kgservice.errors import BadInput, Conflict
from kgservice.http.messages.forms import unkept, unknown
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.http.resources.runs import begin
from kgservice.phrases import Phrase
from kgservice.web import sentences

SOURCES = "/pages/sources"
MOST = 200
"""Refused rows that a page shows."""
Group = tuple[tuple[str, ...], list[tuple[int, str]]]
_OUTER = ("tables", "changes", "links", "records")  # groups of counts whose names say nothing more
_GRADES = {RunState.DONE: "good", RunState.RUNNING: "info", RunState.STOPPED: ""}


def add(routes: Routes, runs: Runs) -> None:
    """Put the pages where they belong."""
    pages = SourcePages(runs)
    routes.decided(SOURCES, pages.every, pages.decide_all, beyond=True)
    routes.decided(f"{SOURCES}/{{id}}", pages.one, pages.decide, beyond=True)


class SourcePages:
    """The sources that were added on this machine, and the runs over them."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def every(self, site: Site, request: Request) -> Response:
        """All sources with their last run, and the runs of the matching."""
        listed: list[dict[str, Any]] = []
        try:
            crm_packages.check()
            from kgservice.application.sources import working as crm_working  # noqa: PLC0415 - it needs optional packages

            listed = crm_working.sources(site.whole.settings.crm_folder)
        except BadInput as error:
            site.error = error
        language = site.language(request)
        running = self._running(language)
        response = site.page(
            request,
            "sources.html",
            section="sources",
            sources=[self._row(one, language) for one in listed],
            page_path=SOURCES,
            matches=[shown(run, language) for run in self._runs.listed(source="", work=Work.MATCH)],
            running=running,
            renews=running is not None,
        )
        return unkept(response)

    def one(self, site: Site, request: Request) -> Response:
        """One source with the rows that were refused at its last reading."""
        crm_packages.check()
        from kgservice.application.sources import working as crm_working  # noqa: PLC0415 - it needs optional packages

        name = request.path_params["id"]
        busy = False
        try:
            found = crm_working.source(site.whole.settings.crm_folder, name, MOST)
        except Conflict:  # a run writes the rows
            busy = True
            found = {"name": name, "rows": None, "rejects": [], "rejected": 0, "kind": "", "tables": []}
            found["mapping"] = None
        language = site.language(request)
        runs = [shown(run, language) for run in self._runs.listed(source=name)]
        running = self._running(language)
        response = site.page(
            request,
            "source.html",
            section="sources",
            source={**found, "rows": _held(found["rows"]), "path": _path(name)},
            busy=busy,
            runs=runs,
            running=running,
            renews=running is not None,
            page_path=_path(name),
        )
        return unkept(response)

    def decide(self, kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> str:
        """Start or stop a run over a source; its page again. Raises `Conflict` and what `begin` raises."""
        if form.get("do") == "stop":
            self._runs.stop(form.get("run", ""), source=key)
        elif form.get("do") == "run" and key:
            begin(kg, self._runs, key, by, allow_empty=form.get("allowEmpty") == "yes")
        elif form.get("do") == "match" and not key:
            begin(kg, self._runs, "", by)
        else:
            raise unknown(form)
        return _path(key) if key else SOURCES

    def decide_all(self, kg: KnowledgeGraph, _key: str, form: Mapping[str, str], by: Origin) -> str:
        """Start or stop the matching."""
        return self.decide(kg, "", form, by)

    def _running(self, language: str) -> dict[str, Any] | None:
        """The run that is at work now: there is one at a time."""
        at_work = (run for run in self._runs.listed() if run.state is RunState.RUNNING)
        return next((shown(run, language) for run in at_work), None)

    def _row(self, one: Mapping[str, Any], language: str) -> dict[str, Any]:
        last = self._runs.listed(source=one["name"], limit=1)
        return {
            **one,
            "rows": _held(one["rows"]),
            "path": _path(one["name"]),
            "last": shown(last[0], language) if last else None,
        }


def shown(run: CrmRun, language: str) -> dict[str, Any]:
    """What pages show of a run; `english` says that it is known in English only why it failed."""
    told = run.to_json()
    why: Any = run.problem.values.get("problem") if isinstance(run.problem, Phrase) else None
    of_source = f"/imports/{quote(run.source, safe='')}/runs" if run.source else "/links/runs"
    return {
        **told,
        "grade": _GRADES.get(run.state, "bad"),
        "address": f"{of_source}/{run.id}",
        "path": _path(run.source) if run.source else SOURCES,
        "figures": _groups(run.counts),
        "problem": sentences.told(run.problem, language) or run.problem,
        "english": language == "en" or sentences.told(why or run.problem, language) is None,
    }


def _groups(counts: Mapping[str, Any], of: tuple[str, ...] = ()) -> list[Group]:
    """Counts within counts in groups: of what, and how many of what became of them; none of nothing.

    >>> _groups({"read": True, "tables": {"people": {"read": 2, "rejected": 0}}})
    [(('people',), [(2, 'read')])]
    """
    numbers = [(n, name) for name, n in counts.items() if isinstance(n, int) and n and n is not True]
    found = [(of, numbers)] if of and numbers else []
    for name, inner in counts.items():
        if isinstance(inner, Mapping):
            found += _groups(inner, (*of, name) if name not in _OUTER else of)
    return found


def _held(rows: Mapping[str, Any] | None) -> dict[str, int] | None:
    """The rows that a source holds, by canonical table; None while they are being written."""
    if rows is None:
        return None
    return {table: n for table, n in rows.items() if isinstance(n, int) and n and table != "rejects"}


def _path(name: str) -> str:
    return f"{SOURCES}/{name}"
