"""What `/metrics` tells of the inside of the service: commits, copies in memory, queries, kept answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kgservice.application.graph.graph import KnowledgeGraph
from kgservice.domain.durations import BOUNDS, Durations
from kgservice.http.messages.cache import Cache
from kgservice.store.figures import Figures

# Rooms, reasons, nurseries and kinds of copies as labels: few, and the same for every store.
_COUNTERS = {
    "queries_stopped": ("Queries that were ended before their answer was whole", "reason"),
    "workers_started": ("Processes for queries since the start", "nursery"),
}
_GAUGES = {
    "queries": ("Queries that wait or run", "room"),
    "workers": ("Processes for queries", "nursery"),
    "nursery_alive": ("Whether what these processes are forked from is well, 0 or 1", "nursery"),
}


class Inside(Collector):
    """Looked at when somebody asks for the figures, not before."""

    def __init__(self, kg: KnowledgeGraph, cache: Cache) -> None:
        self._kg = kg
        self._cache = cache

    def collect(self) -> Iterator[Metric]:
        """All figures."""
        kg, cache = self._kg, self._cache
        yield _histogram("commit_seconds", "Time that changes have had the store for themselves", kg.took)
        yield GaugeMetricFamily(
            "kgservice_commit_undecided",
            "Whether it is not known if the store made the last change, 0 or 1",
            value=kg.unfinished is not None,
        )
        yield from self._copies()
        yield CounterMetricFamily("kgservice_cache_hits", "Answers that had been kept", value=cache.hits)
        yield CounterMetricFamily("kgservice_cache_misses", "Answers that had not", value=cache.misses)
        yield GaugeMetricFamily("kgservice_cache_bytes", "Memory of kept answers", value=cache.used)
        if kg.engine is not None:
            yield from _of_engine(kg.engine.figures)

    def _copies(self) -> Iterator[Metric]:
        numbers, sizes = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
        for kind, standing, size in self._kg.copies.standings:
            numbers[kind, standing] += 1
            sizes[(kind,)] += size
        sizes["texts",] = self._kg.search.used
        yield _family(
            GaugeMetricFamily("kgservice_copies", "Copies by where is read", labels=("kind", "read")), numbers
        )
        yield _family(
            GaugeMetricFamily("kgservice_copy_bytes", "Memory reckoned for copies", labels=("kind",)), sizes
        )


def _of_engine(figures: Figures) -> Iterator[Metric]:
    yield _histogram(
        "query_seconds", "Time that queries ran, without the wait for their turn", figures.seconds
    )
    staffs = figures.staffs.items()
    values = {
        "queries": figures.queries,
        "queries_stopped": figures.stopped,
        "workers": {name: staff.living for name, staff in staffs},
        "workers_started": {name: staff.started for name, staff in staffs},
        "nursery_alive": {name: int(staff.well) for name, staff in staffs},
    }
    for families, told in ((CounterMetricFamily, _COUNTERS), (GaugeMetricFamily, _GAUGES)):
        for name, (words, label) in told.items():
            family = families(f"kgservice_{name}", words, labels=(label,))
            yield _family(family, {(of,): value for of, value in values[name].items()})


def _family(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[tuple[str, ...], int]) -> Metric:
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def _histogram(name: str, words: str, durations: Durations) -> Metric:
    bounds = [*map(str, BOUNDS), "+Inf"]
    buckets = list(zip(bounds, durations.cumulative, strict=True))
    return HistogramMetricFamily(f"kgservice_{name}", words, buckets=buckets, sum_value=durations.total)
