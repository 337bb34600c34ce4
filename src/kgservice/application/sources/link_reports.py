"""Links told as JSON: lists, one with its whole explanation, and how many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyoxigraph import NamedNode

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.application.graph.labels import labels
from kgservice.application.law.decisions import stamp
from kgservice.application.links.customers import bands
from kgservice.application.links.records import LISTED, Said, first, found, note, one, read, value
from kgservice.domain.link import STATES, Link, Verdict
from kgservice.domain.matching_quality import Stratum, recall, strata, suggestion
from kgservice.domain.question import with_values
from kgservice.namespaces import CI

_PERSON: dict[Verdict | None, bool] = {Verdict.ACCEPTED: True, Verdict.REJECTED: False}
_RUNS = f"""PREFIX ci: <{CI}>
SELECT ?run ?p ?o {{ VALUES ?run {{ UNDEF }} ?run a ci:MatchRun ; ?p ?o }}"""


def report(kg: KnowledgeGraph, given: Mapping[str, str]) -> dict[str, Any]:
    """What `found` finds, as a JSON object: the `total` and the `links`."""
    links, total = found(kg, given)
    return {"total": total, "links": told(kg, links)}


def shown(kg: KnowledgeGraph, key: str) -> dict[str, Any]:
    """One link with its whole explanation, as a JSON object. Raises `NotFound`."""
    return told(kg, [one(kg, key)])[0]


def told(kg: KnowledgeGraph, links: Sequence[Link]) -> list[dict[str, Any]]:
    """The links as JSON objects, with the names of customers and of those who decided, and the runs."""
    nodes = {link.customer for link in links} | {d.by for link in links for d in link.decisions if d.by}
    names = labels(kg, nodes, kg.settings.language)
    runs = _runs(kg, {link.run for link in links if link.run})
    return [_json(link, names, runs) for link in links]


def lines(link: Link) -> list[str]:
    """What is told of a link, for its tag: whoever decides says by it what they have seen."""
    return [repr(link)]


def _json(link: Link, names: Mapping[str, str], runs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    now = link.standing
    return {
        "id": link.node,
        "kind": link.kind,
        "customer": link.customer,
        "customerName": names.get(link.customer),
        "record": link.record,
        "source": link.id.source,
        "key": link.id.key,
        "state": now.state.value,
        "stands": now.stands.value if now.stands else None,
        "probability": _number(link.probability),
        "weight": _number(link.weight),
        "decidedAt": stamp(link.decided_at) if link.decided_at else None,
        "run": runs.get(link.run),
        "fields": [
            {
                "field": one.field,
                "weight": _number(one.weight),
                "record": one.record or None,
                "customer": one.customer or None,
            }
            for one in link.comparisons
        ],
        "decisions": [
            {
                "number": one.number,
                "verdict": one.verdict.value,
                "at": stamp(one.at),
                "by": one.by or None,
                "byName": names.get(one.by),
                "reason": one.reason or None,
            }
            for one in link.decisions
        ],
    }


@dataclass(slots=True)
class Tally:
    """How many links there are: by state, by source and state, and how the decisions that stand were made."""

    states: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, STATES), 0))
    sources: dict[str, dict[str, int]] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, list[tuple[float, bool | None]]] = field(default_factory=lambda: defaultdict(list))


def tally(kg: KnowledgeGraph) -> dict[str, Any]:
    """Counts of all links, as a JSON object: by state, source, rule and person; and how good they are."""
    rows = kg.select(with_values(LISTED, {})).rows
    counts = Tally()
    people: dict[str, int] = defaultdict(int)
    nodes = sorted({node for node, _ in rows if isinstance(node, NamedNode)}, key=str)
    for link in read(kg, nodes):
        now = link.standing
        counts.states[now.state.value] += 1
        of_source = counts.sources.setdefault(link.id.source, dict.fromkeys(map(str, STATES), 0))
        of_source[now.state.value] += 1
        if now.stands is not None:
            counts.decided[now.stands.value] = counts.decided.get(now.stands.value, 0) + 1
        if now.stands in (Verdict.ACCEPTED, Verdict.REJECTED) and link.decisions:
            people[link.decisions[-1].by] += 1
        if link.probability is not None:
            counts.kinds[link.kind].append((float(link.probability), _PERSON.get(now.stands)))
    names = labels(kg, filter(None, people), kg.settings.language)
    return {
        "total": sum(counts.states.values()),
        "states": counts.states,
        "sources": dict(sorted(counts.sources.items())),
        "decisions": dict(sorted(counts.decided.items())),
        "persons": [
            {"by": by or None, "name": names.get(by), "decisions": number}
            for by, number in sorted(people.items(), key=lambda one: (-one[1], one[0]))
        ],
        "quality": [_quality(kind, strata(links, bands(kg))) for kind, links in sorted(counts.kinds.items())],
    }


def _quality(kind: str, bands: Sequence[Stratum]) -> dict[str, Any]:
    share = recall(bands)
    return {
        "kind": kind,
        "bands": [
            {
                "from": band.low,
                "to": band.high,
                "links": band.links,
                "decided": band.right.whole,
                "right": band.right.part,
                "interval": [round(end, 4) for end in band.right.interval] if band.right.whole else None,
            }
            for band in bands
        ],
        "recall": share and [round(number, 4) for number in (share.value, share.low, share.high)],
        "suggestion": suggestion(bands),
    }


def _runs(kg: KnowledgeGraph, runs: Collection[str]) -> dict[str, dict[str, Any]]:
    if not runs:
        return {}
    said: dict[str, Said] = defaultdict(lambda: defaultdict(list))
    terms = {"run": [NamedNode(run) for run in sorted(runs)]}
    for run, p, o in kg.select(with_values(_RUNS, terms)).rows:
        note(said[value(run)], p, o)
    return {
        run: {
            "id": run,
            "kind": first(one, "modelKind"),
            "model": first(one, "modelDigest"),
            "version": first(one, "modelVersion"),
            "dataState": int(first(one, "dataState") or 0),
            "started": first(one, "startedAt"),
        }
        for run, one in said.items()
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
