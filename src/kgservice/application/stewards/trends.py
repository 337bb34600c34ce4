"""Findings over time: how many were open on each day, by severity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pyoxigraph import Literal, NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.guard.findings import moment_of
from kgservice.domain.finding import SEVERITIES
from kgservice.namespaces import CI, SH
from kgservice.store.base import Dataset

MOST = 60
"""Points at most; a longer time is told by weeks, and of a time too long for that the end."""
_SPANS = f"""SELECT ?finding ?severity ?first ?mended WHERE {{
  ?finding a <{SH}ValidationResult> ; <{SH}resultSeverity> ?severity ; <{CI}firstSeen> ?first .
  OPTIONAL {{ ?finding <{CI}findingStatus> ?status ; <{CI}mendedAt> ?mended FILTER(?status = "mended") }}
}}"""


@dataclass(frozen=True, slots=True)
class Point:
    """At the end of a day (UTC): how many findings there were, by severity, those waived among them."""

    day: date
    open: dict[str, int]


def open_over_time(kg: KnowledgeGraph) -> list[Point]:
    """The findings from when they were first seen to when they were mended, up to today.

    One that was mended and came again counts as there all the time: only its first and last day are kept.
    """
    kg.current()
    graph = Dataset(default=(NamedNode(kg.addresses.finding),))
    spans: list[tuple[str, date, date | None]] = []
    for _, severity, first, mended in kg.store.select(_SPANS, graph).rows:
        start, end = moment_of(first), moment_of(mended) if isinstance(mended, Literal) else None
        if isinstance(severity, NamedNode) and start is not None:
            name = severity.value.removeprefix(SH)
            spans.append((name, start.date(), None if end is None else end.date()))
    return [Point(day, _on(day, spans)) for day in _days(spans, kg.clock().date())]


def _on(day: date, spans: Sequence[tuple[str, date, date | None]]) -> dict[str, int]:
    there = [name for name, start, end in spans if start <= day and (end is None or day < end)]
    return {severity: there.count(severity) for severity in SEVERITIES}


def _days(spans: Sequence[tuple[str, date, date | None]], today: date) -> list[date]:
    """The days to tell about, the last one today: each, or one of each week."""
    start = min((first for _, first, _ in spans), default=today)
    step = 1 if (today - start).days < MOST else 7
    number = min(MOST, -(-(today - start).days // step) + 1)
    return [today - timedelta(days=step * back) for back in reversed(range(number))]
