"""The figures of folds as Prometheus metrics: ``gnomon_<role>_<name>``, one series for each partition.

A fold names its figures itself (``Fold.figures``), from a closed set: ``open_requests``, or with one label of its own
``dead_letters_total{reason="late"}``. A name that ends in ``_total`` is a counter, any other a gauge. The help texts are
here; a name without one is exported all the same, so that a new figure is seen before it is documented. What does not
look like a name, and names beyond ``NAMES_AT_MOST`` a role, are left out and counted: a fold that made names from its
traffic would fill no memory.

A counter goes back when a shard is rebuilt on another worker or thrown away; ``rate()`` knows how to take that.
"""

import re
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["HELP", "Figures"]

NAMES_AT_MOST = 64
_NAME = re.compile(r'([a-z][a-z0-9_]{0,63})(?:\{([a-z][a-z0-9_]{0,31})="([A-Za-z0-9._/-]{0,64})"\})?')

#: Metric to help text, of the figures that are known.
HELP: dict[str, str] = {
    "gnomon_pairing_unaccounted": "Events read that are in no pair, not waiting, and not refused: must be 0.",
    "gnomon_serve_models": "Models in the read model.",
    "gnomon_serve_signals": "Signals in the read model.",
    "gnomon_serve_alerts_firing": "Alerts in the read model that fire.",
    "gnomon_serve_retrain_triggers": "Retrain triggers that the read model keeps.",
    "gnomon_serve_unreadable_records_total": "Records of our own topics that the serve role could not read.",
    "gnomon_serve_documents_dropped_total": "Documents that a full table of the read model let go.",
    "gnomon_serve_dead_letters_total": "Dead letters in the log, by reason.",
}
#: Figures whose metric does not follow from role and name.
NAMED: dict[tuple[str, str], str] = {("pair", "unaccounted"): "gnomon_pairing_unaccounted"}


class _Series(NamedTuple):
    metric: str
    label: str | None
    value: str | None


class Figures(Collector):
    """The newest figures of each shard. Scraped from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shards: dict[tuple[str, int], dict[_Series, float]] = {}
        self._known: dict[str, dict[str, _Series]] = {}
        self.refused = 0

    def put(self, role: str, partition: int, figures: Mapping[str, float]) -> None:
        """Replace the figures of one shard."""
        series = ((self._series(role, name), value) for name, value in figures.items())
        shown = {of: value for of, value in series if of is not None}
        with self._lock:
            self._shards[role, partition] = shown

    def forget(self, role: str, partition: int) -> None:
        """The shard was given up."""
        with self._lock:
            self._shards.pop((role, partition), None)

    def total(self, metric: str) -> float | None:
        """The sum of one metric over all shards of this process; None where no shard has it."""
        with self._lock:
            found = [value for figures in self._shards.values() for of, value in figures.items() if of.metric == metric]
        return sum(found) if found else None

    def collect(self) -> Iterator[Metric]:
        """All figures, by metric."""
        with self._lock:
            shards = {shard: dict(figures) for shard, figures in self._shards.items()}
        refused = CounterMetricFamily("gnomon_figures_refused", "Figures of folds that were left out: no name, or too many.")
        refused.add_metric([], self.refused)
        yield refused
        families: dict[str, Metric] = {}
        for (role, partition), figures in sorted(shards.items()):
            for (metric, label, value), number in figures.items():
                family = families.setdefault(metric, _family(metric, role))
                labels = {"partition": str(partition), **({label: value or ""} if label else {})}
                family.add_sample(metric, labels, number)
        yield from families.values()

    def _series(self, role: str, name: str) -> _Series | None:
        known = self._known.setdefault(role, {})
        if name in known:
            return known[name]
        match = _NAME.fullmatch(name)
        if match is None or len(known) >= NAMES_AT_MOST:
            self.refused += 1
            return None
        base, label, value = match.groups()
        known[name] = _Series(NAMED.get((role, base), f"gnomon_{role}_{base}"), label, value)
        return known[name]


def _family(metric: str, role: str) -> Metric:
    text = HELP.get(metric, f"A figure of the role {role}.")
    if metric.endswith("_total"):
        return CounterMetricFamily(metric.removesuffix("_total"), text)
    return GaugeMetricFamily(metric, text)
