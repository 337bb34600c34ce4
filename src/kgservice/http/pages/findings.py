"""The steward's pages: the board of findings, and one finding with what can be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from pyoxigraph import NamedNode
from starlette.requests import Request
from starlette.responses import Response

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels, short
from kgservice.application.stewards import stewarding
from kgservice.application.stewards.board import board
from kgservice.domain.change import Commit, Origin
from kgservice.domain.finding import SEVERITIES, in_language, in_words, severity_name
from kgservice.domain.waiver import OPEN, STATUSES, may_be_waived
from kgservice.errors import BadParameter
from kgservice.http.access.auditing import note
from kgservice.http.pages import mending
from kgservice.http.pages.routes import Routes
from kgservice.http.pages.site import Site
from kgservice.namespaces import CI
from kgservice.web.tables import path_of

BOARD = "/pages/findings"
MOST = 200
"""Findings that the board shows at once."""
_FILTERS = ("status", "severity", "rule", "owner")
_EMPLOYEES = f"SELECT DISTINCT ?employee WHERE {{ ?employee a <{CI}Employee> }} LIMIT 500"


def add(routes: Routes) -> None:
    """Put the pages where they belong."""

    def mended(request: Request, form: Mapping[str, str]) -> Response:
        site = routes.site.at(request, beyond=True)
        note(request.scope, view=site.whole.view.value)
        return mending.mend(site, request, form, _shown)

    routes.board(BOARD, findings_page, finding_page, decide)
    routes.page(f"{BOARD}/{{id}}/record", finding_page, beyond=True)  # where one lands who was refused
    routes.form(f"{BOARD}/{{id}}/record", mended)


def findings_page(site: Site, request: Request) -> Response:
    """The board: counts by rule, and the findings that fit the filters of the address."""
    kg = site.whole
    language = site.language(request)
    given = {name: request.query_params[name] for name in _FILTERS if request.query_params.get(name)}
    picked = {"status": OPEN, "severity": "", "rule": "", "owner": ""} | given
    asked = {name: value for name, value in picked.items() if value}
    entries, total = stewarding.listed(kg, limit=MOST, **asked)
    groups = board(kg)
    open_ones = {s: sum(g.open for g in groups if g.severity == s) for s in SEVERITIES}
    employees = _employees(kg, language)
    return site.page(
        request,
        "findings.html",
        section="findings",
        figures=[(severity_name(s, language, n), n, s) for s, n in open_ones.items()],
        groups=[
            {
                "rule": group.rule,
                "name": in_language(group.name, language),
                "severity": severity_name(group.severity, language),
                "grade": group.severity,
                "open": group.open,
                "waived": group.waived,
                "mended": group.mended,
                "oldest": group.oldest and group.oldest.isoformat(),
                "path": f"{BOARD}?{urlencode({'rule': group.rule, 'severity': group.severity})}",
            }
            for group in groups
        ],
        entries=[_row(kg, entry.to_json(kg), language) for entry in entries],
        total=total,
        picked=picked,
        statuses=STATUSES,
        severities=[(severity, severity_name(severity, language)) for severity in SEVERITIES],
        rules=sorted({group.rule for group in groups} | {picked["rule"]}),
        employees=employees,
    )


def finding_page(site: Site, request: Request) -> Response:
    """One finding, explained, with forms for what can be done."""
    finding = stewarding.one(site.whole, request.path_params["id"]).to_json(site.whole)
    return _shown(site, request, mending.form_of(site, request, finding))


def _shown(site: Site, request: Request, form: dict[str, Any] | None) -> Response:
    """The page of a finding, with the form of its record."""
    kg = site.whole
    language = site.language(request)
    found = stewarding.explained(kg, request.path_params["id"])
    told = found["explanation"]
    return site.page(
        request,
        "finding.html",
        section="findings",
        finding=_row(kg, found, language),
        reason=in_language(told["reason"], language),
        name=in_language(told["name"], language),
        field=in_words(told["properties"], language),
        looked_at=told["path"],
        terms=told["terms"],
        advice=_advice(in_language(told["advice"], language)),
        values=told["values"],
        stated=told["statements"],
        example=told["example"],
        proposals=[
            {**proposal, "words": in_language(proposal["words"], language)} for proposal in told["proposals"]
        ],
        waiver=_waiver(kg, found["waiver"], language),
        waivable=may_be_waived(found["severity"], [found["rule"], found["shape"].rpartition("#")[2]]),
        employees=_employees(kg, language),
        form=form,
        saved=request.query_params.get("saved") == "1" and site.error is None,
        status=422 if form is not None and form["faults"] else 200,
    )


def decide(kg: KnowledgeGraph, key: str, form: Mapping[str, str], by: Origin) -> str:
    """Do what a form of the page of a finding asks for; the path of the page to go to then.

    Raises `BadParameter` for what no form has, and what the parts of `stewarding` raise.
    """
    deeds: dict[str, Callable[[], Commit]] = {
        "assign": lambda: stewarding.assign(kg, key, form.get("owner") or None, by),
        "waive": lambda: stewarding.waive(kg, key, form.get("reason", ""), form.get("until", ""), by),
        "reopen": lambda: stewarding.reopen(kg, key, by),
        "apply": lambda: stewarding.apply(kg, key, form.get("proposal", ""), by),
    }
    deed = deeds.get(form.get("do", ""))
    if deed is None:
        raise BadParameter(
            "{wanted!r} is nothing that can be done here", wanted=form.get("do", "")[:80], source="do"
        )
    deed()
    return f"{BOARD}/{key}"


def _row(kg: KnowledgeGraph, found: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the pages show of a finding."""
    focus = found["focus"]
    return {
        "id": found["id"],
        "path": f"{BOARD}/{quote(found['id'], safe='')}",
        "rule": found["rule"],
        "grade": found["severity"],
        "severity": severity_name(found["severity"], language),
        "status": found["status"],
        "message": in_language(found["message"], language),
        "record": in_language(found["label"], language) or short(focus),
        "record_path": path_of(focus, kg.addresses),
        "value": found["value"],
        "owner": found["owner"],
        "owner_name": found["ownerName"] or (short(found["owner"]) if found["owner"] else ""),
        "first": found["firstSeen"],
        "last": found["lastSeen"],
        "mended": found["mendedAt"],
    }


def _advice(words: str) -> str:
    """What a rule advises, without the sentences that lack a value: the message of the finding says those.

    >>> _advice("It has been open for … days. Propose a solution.")
    'Propose a solution.'
    """
    return " ".join(said for said in re.split(r"(?<=[.!?]) ", words) if "…" not in said)


def _waiver(kg: KnowledgeGraph, waiver: Mapping[str, Any] | None, language: str) -> dict[str, Any] | None:
    """Why a finding is accepted, by whom and until when, as people read it."""
    if waiver is None:
        return None
    by = waiver["by"] or ""
    return {
        "reason": waiver["reason"],
        "by": labels(kg, [by], language).get(by) or short(by) if by else "",
        "until": waiver["until"],
    }


def _employees(kg: KnowledgeGraph, language: str) -> list[tuple[str, str]]:
    """Who may be named as the one who is to mend a finding: IRI and name, by name."""
    iris = [row[0].value for row in kg.select(_EMPLOYEES).rows if isinstance(row[0], NamedNode)]
    names = labels(kg, iris, language)
    return sorted(((iri, names.get(iri) or short(iri)) for iri in iris), key=lambda pair: pair[1])
