"""Which alerts there are, how much each matters, and what makes one alert the same as another.

An alert is known by its labels; the fingerprint is their digest. So a label says *what* is watched and never how it stands:
a score, a time or an offset among them would make every statement a new alert. Values are strings, names are
``[a-zA-Z_]+``, and a label that does not apply is absent: Alertmanager refuses a whole POST for one number among them.

Severity is by harm. ``critical`` pages somebody, and only what touches what users get, or the comparison that a roll-out is
decided by, may do that; drift of inputs alone is a ``warning``, to be looked at in working hours; and so is what only a
shadow suffers, since no user sees a shadow's answer.

To add a kind: a row here, its words in ``app.domain.decisions.traffic_words`` or ``signal_words``, and ``docs/runbooks/NAME.md``.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from schemas.statistics import Signal, SignalKind

__all__ = [
    "ALERT_NAMES", "BASELINE_STALE", "CLOCK_SKEW", "DEAD_LETTERS_HIGH", "INPUT_PAUSED", "LEGACY_SILENT", "OF_OUTCOMES",
    "OF_SIGNAL", "OF_TRAFFIC", "PRODUCER_MISROUTED", "RETRAIN_OVERDUE", "RETRAIN_WINDOW_EXPIRING", "SHADOW_SILENT",
    "UNEXPECTED_VERSION", "AlertKind", "fingerprint", "labels", "segment_label", "short", "signal_label",
]  # fmt: skip

#: Longer names of features and segments are cut to this and a digest: they come from producers, labels stay small.
_LABEL_BYTES = 120


class AlertKind(NamedTuple):
    """One kind of alert; ``of_a_shadow`` is its severity where only a shadow's own answers are concerned."""

    name: str
    severity: str
    of_a_shadow: str


OF_SIGNAL: Mapping[SignalKind, AlertKind] = {
    "feature": AlertKind("FeatureDrift", "warning", "warning"),
    "missing": AlertKind("MissingShare", "warning", "warning"),
    "prediction": AlertKind("PredictionDrift", "critical", "warning"),
    "disagreement": AlertKind("DisagreementDrift", "critical", "critical"),
    "difference": AlertKind("DifferenceDrift", "critical", "critical"),
    "latency": AlertKind("LatencyRegressed", "critical", "warning"),
    "cost": AlertKind("CostRegressed", "warning", "warning"),
    "match_rate": AlertKind("MatchRateLow", "critical", "critical"),
    "schema": AlertKind("SchemaChanged", "warning", "warning"),
    "volume": AlertKind("VolumeAnomaly", "warning", "warning"),
    "error": AlertKind("PerformanceDrop", "critical", "warning"),
    "kpi": AlertKind("KpiDrift", "critical", "critical"),
}
#: What is said of these is as old as outcomes are late: it tells nothing of what else is spoken of, nor of who serves now.
OF_OUTCOMES: frozenset[SignalKind] = frozenset({"error", "kpi"})
SHADOW_SILENT = AlertKind("ShadowSilent", "warning", "warning")
LEGACY_SILENT = AlertKind("LegacySilent", "critical", "critical")
UNEXPECTED_VERSION = AlertKind("UnexpectedVersion", "warning", "warning")
PRODUCER_MISROUTED = AlertKind("ProducerMisrouted", "warning", "warning")
CLOCK_SKEW = AlertKind("ClockSkew", "warning", "warning")
DEAD_LETTERS_HIGH = AlertKind("DeadLettersHigh", "warning", "warning")
INPUT_PAUSED = AlertKind("InputPaused", "critical", "critical")
BASELINE_STALE = AlertKind("BaselineStale", "warning", "warning")
RETRAIN_OVERDUE = AlertKind("RetrainOverdue", "warning", "warning")
RETRAIN_WINDOW_EXPIRING = AlertKind("RetrainWindowExpiring", "warning", "warning")
_OF_TRAFFIC = (SHADOW_SILENT, LEGACY_SILENT, UNEXPECTED_VERSION, PRODUCER_MISROUTED, CLOCK_SKEW, DEAD_LETTERS_HIGH, INPUT_PAUSED)

#: Those that the pair role's counts speak of.
OF_TRAFFIC = frozenset(kind.name for kind in _OF_TRAFFIC)
_OF_TRIGGERS = (RETRAIN_OVERDUE, RETRAIN_WINDOW_EXPIRING)

ALERT_NAMES = tuple(kind.name for kind in (*OF_SIGNAL.values(), *_OF_TRAFFIC, BASELINE_STALE, *_OF_TRIGGERS))


def signal_label(signal: Signal) -> str:
    """``kind/name``; a long name is cut, and ends with a digest of the whole."""
    return short(str(signal))


def segment_label(segment: Mapping[str, str] | None) -> str:
    """``channel=web,country=DE``, sorted by name."""
    return short(",".join(f"{name}={value}" for name, value in sorted((segment or {}).items())))


def labels(kind: AlertKind, severity: str, **others: str) -> dict[str, str]:
    """The labels of an alert; what is empty does not apply and is left out.

    >>> labels(SHADOW_SILENT, "warning", model="credit", role="shadow", version="")
    {'alertname': 'ShadowSilent', 'severity': 'warning', 'model': 'credit', 'role': 'shadow'}
    """
    every = {"alertname": kind.name, "severity": severity, **others}
    return {name: value for name, value in every.items() if value}


def fingerprint(of: Mapping[str, str]) -> str:
    """The identity of an alert: 16 hexadecimal digits of the SHA-256 of its labels, sorted by name.

    >>> fingerprint({"model": "credit", "topic": "t"}) == fingerprint({"topic": "t", "model": "credit"})
    True
    """
    return hashlib.sha256(msgspec.json.encode(of, order="sorted")).hexdigest()[:16]


def short(text: str, size: int = _LABEL_BYTES) -> str:
    """The text, or as much of it as ``size`` bytes hold with a digest of the whole at its end."""
    data = text.encode()
    if len(data) <= size:
        return text
    digest = hashlib.sha256(data).hexdigest()[:12]
    return f"{data[: size - 15].decode(errors='ignore')}…{digest}"
