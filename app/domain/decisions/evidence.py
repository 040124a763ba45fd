"""What an alert rests on, so that a person can judge it without asking us: figures, histograms, scores, offsets.

It is what the statistics record said, whole. Only where that is larger than ``STATISTICS_BYTES`` are its nested figures left
out, and ``trimmed`` says so; the record itself is found by its id.
"""

from typing import Any

import msgspec

from app.domain.decisions.alert_cases import Case
from schemas.cloudevents import rfc3339
from schemas.statistics import DriftStatistics

__all__ = ["STATISTICS_BYTES", "evidence_of", "scalars", "told_of"]

#: Both histograms of a signal take 2 to 3 kB; this leaves room for a signal of many categories.
STATISTICS_BYTES = 32_768


def evidence_of(statistics: DriftStatistics, id_: str, reason: str) -> dict[str, Any]:
    """The evidence in one statistics record, whose id is ``id_``, for a step that was taken for ``reason``."""
    figures: dict[str, Any] = statistics.statistics
    trimmed = len(msgspec.json.encode(figures)) > STATISTICS_BYTES
    change = figures.get("change")
    since = change.get("timestamp") if isinstance(change, dict) else None
    evidence = {
        "reason": reason,
        "signal": {"kind": statistics.signal.kind, "name": statistics.signal.name},
        "since": rfc3339(since if type(since) is int else statistics.window.start),
        "detector": statistics.detector,
        "window": statistics.window,
        "statistics": scalars(figures) if trimmed else figures,
        "coverage": statistics.coverage,
        "offsets": statistics.offsets,
        "configuration": statistics.configuration,
        "source": id_,
    }
    return evidence | ({"trimmed": True} if trimmed else {})


def told_of(case: Case) -> dict[str, Any]:
    """The signals that are one alert with this one, the largest effect first; and who has acknowledged it, if anybody."""
    ranked = sorted(case.contributors.items(), key=lambda entry: (-entry[1].size, entry[1].at, entry[0]))
    told = [{"signal": one.signal, "fingerprint": mark, "since": rfc3339(one.at), "size": one.size} for mark, one in ranked]
    seen = case.acknowledged
    return ({"contributors": told} if told else {}) | (
        {"acknowledged": {"by": seen.by, "why": seen.why, "at": rfc3339(seen.at)}} if seen is not None else {}
    )


def scalars(figures: dict[str, Any], most: int = 40) -> dict[str, Any]:
    """The plain numbers among figures, the first ``most`` of them."""
    plain = [(name, value) for name, value in figures.items() if type(value) in {int, float, bool} and len(name) <= 64]
    return dict(plain[:most])
