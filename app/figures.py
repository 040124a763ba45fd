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
_NAME = re.compile(r'([a-z][a-z0-9_]{0,99})(?:\{([a-z][a-z0-9_]{0,31})="([A-Za-z0-9._/-]{0,64})"\})?')

#: Metric to help text, of the figures that are known.
HELP: dict[str, str] = {
    "gnomon_pairing_unaccounted": "Events read that are in no record, not waiting, and not refused: must be 0.",
    "gnomon_pairing_read_total": "Prediction events read.",
    "gnomon_pairing_in_records_total": "Prediction events that are part of a record of pairs.",
    "gnomon_pairing_records_total": "Records of pairs written.",
    "gnomon_pairing_duplicate_total": "Prediction events refused as duplicate.",
    "gnomon_pairing_late_total": "Prediction events refused as late.",
    "gnomon_pairing_rejected_total": "Prediction events refused for what they are.",
    "gnomon_pairing_pauses_total": "Pauses of an input of which nearly all was refused, since the partition was taken up.",
    "gnomon_pairing_waiting": "Prediction events that wait for their other half.",
    "gnomon_detect_pairs_total": "Records of pairs that detection took.",
    "gnomon_detect_pairs_malformed_total": "Records of pairs that could not be read.",
    "gnomon_detect_pairs_refused_total": "Records of pairs of models beyond the limit of a partition.",
    "gnomon_detect_outcomes_total": "Outcomes read.",
    "gnomon_detect_outcomes_refused_total": "Outcomes refused.",
    "gnomon_detect_pairs_labelled_total": "Pairs that met their outcome in time.",
    "gnomon_detect_pairs_unlabelled_total": "Pairs whose outcome did not come in time.",
    "gnomon_detect_pairs_not_awaited_total": "Pairs that could not wait for their outcome, since others do.",
    "gnomon_detect_pairs_awaiting": "Pairs that wait for their outcome.",
    "gnomon_detect_outcomes_unmatched_total": "Outcomes whose pair was settled before they came, or never came.",
    "gnomon_detect_outcomes_repeated_total": "Outcomes of a pair that has one, corrections aside.",
    "gnomon_detect_outcomes_malformed_total": "Records of outcomes.placed that could not be read.",
    "gnomon_detect_statistics_total": "Records of drift.statistics written.",
    "gnomon_detect_alarms_total": "Alarms of detectors.",
    "gnomon_detect_alarms_passed_total": "Episodes of drift that ended without a second alarm: false, or soon over.",
    "gnomon_detect_alarms_granted_total": "False alarms that the budgets grant, on average, to what was watched.",
    "gnomon_detect_alarms_passed_low": "Lower bound of the 95 % Poisson interval of the mean behind the alarms that passed.",
    "gnomon_detect_alarms_passed_high": "Upper bound of the 95 % Poisson interval of the mean behind the alarms that passed.",
    "gnomon_detect_refused_total": "Values and signals that detection had no room for.",
    "gnomon_detect_models": "Models watched.",
    "gnomon_detect_signals": "Signals watched, by state.",
    "gnomon_decide_alerts_total": "Alerts fired, by name.",
    "gnomon_decide_alerts_resolved_total": "Alerts resolved.",
    "gnomon_decide_alerts_pending": "Alerts that wait until they have lasted long enough.",
    "gnomon_decide_alerts_firing": "Alerts that fire and were told.",
    "gnomon_decide_alerts_held_back": "Alerts whose condition holds and that something holds back.",
    "gnomon_decide_alerts_held_back_total": "Alerts that were held back at first, by reason.",
    "gnomon_decide_triggers_total": "Retrain triggers sent, by reason.",
    "gnomon_decide_triggers_suppressed_total": "Retrain triggers held back, by reason.",
    "gnomon_decide_triggers_pending": "Retrain triggers that wait for their window to be looked up.",
    "gnomon_decide_statuses_total": "Records of retrain.status taken, by what they say.",
    "gnomon_decide_actions_total": "Records of actions taken, by action.",
    "gnomon_decide_dead_letters_total": "Records of retrain.status and actions refused.",
    "gnomon_decide_skipped_total": "Records of drift.statistics that nothing is decided by.",
    "gnomon_decide_refused_total": "Subjects and alerts that there was no room for.",
    "gnomon_notify_alerts_firing": "Alerts that fire, and are told again and again.",
    "gnomon_notify_resolves_waiting": "Resolved alerts that some receiver has not taken yet.",
    "gnomon_notify_messages_waiting": "Changes of state that some messenger has not taken yet.",
    "gnomon_notify_refused_total": "Alerts, resolves and messages that there was no room for.",
    "gnomon_notify_unreadable_records_total": "Records of alerts that could not be read, or were too large to keep.",
    "gnomon_serve_models": "Models in the read model.",
    "gnomon_serve_signals": "Signals in the read model.",
    "gnomon_serve_alerts_firing": "Alerts in the read model that fire.",
    "gnomon_serve_retrain_triggers": "Retrain triggers that the read model keeps.",
    "gnomon_serve_histories": "Signals and models of which the read model keeps a history.",
    "gnomon_serve_history_chunks": "Closed chunks of histories in the read model.",
    "gnomon_serve_unreadable_records_total": "Records of our own topics that the serve role could not read.",
    "gnomon_serve_documents_dropped_total": "Documents and chunks of histories that a full table of the read model let go.",
    "gnomon_serve_dead_letters_total": "Dead letters in the log, by reason.",
}
_COUNTED = {
    "pair": ("read", "in_records", "records", "duplicate", "late", "rejected", "pauses"),
    "detect": (
        "pairs", "pairs_malformed", "pairs_refused", "outcomes", "outcomes_refused", "statistics", "alarms", "alarms_passed",
        "alarms_granted", "refused", "pairs_labelled", "pairs_unlabelled", "pairs_not_awaited", "outcomes_unmatched",
        "outcomes_repeated", "outcomes_malformed",
    ),
}  # fmt: skip
#: Figures that are told by another name: what is said of the whole pairing, what only ever grows, what is a label.
NAMED: dict[tuple[str, str], str] = {
    ("pair", "unaccounted"): "gnomon_pairing_unaccounted",
    ("pair", "waiting"): "gnomon_pairing_waiting",
    **{("pair", name): f"gnomon_pairing_{name}_total" for name in _COUNTED["pair"]},
    **{("detect", name): f"gnomon_detect_{name}_total" for name in _COUNTED["detect"]},
    **{
        ("detect", f"signals_{state}"): f'gnomon_detect_signals{{state="{state}"}}'
        for state in ("warming", "quiet", "warning", "drift")
    },
}


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
        match = _NAME.fullmatch(NAMED.get((role, name), f"gnomon_{role}_{name}"))
        if match is None or len(known) >= NAMES_AT_MOST:
            self.refused += 1
            return None
        known[name] = _Series(*match.groups())
        return known[name]


def _family(metric: str, role: str) -> Metric:
    text = HELP.get(metric, f"A figure of the role {role}.")
    if metric.endswith("_total"):
        return CounterMetricFamily(metric.removesuffix("_total"), text)
    return GaugeMetricFamily(metric, text)
