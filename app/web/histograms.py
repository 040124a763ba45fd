"""A signal's newest window beside its reference, as two distributions over the same classes. Pure.

Figures come from ``drift.statistics``, which anybody may write to: what does not fit together is told as a reason, never half.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from app.domain.decisions.amounts import is_number
from app.read_model.views import Signal
from app.web.shapes import Distribution, Histogram

__all__ = ["histogram_of"]

#: What a share is the share of, and what the rest is.
_CLASSES = {
    "missing": ("missing", "present"),
    "disagreement": ("disagrees", "agrees"),
    "match_rate": ("paired", "not paired"),
    "error": ("wrong", "right"),
}
_BOOLEAN = ("true", "false")
#: Larger ones cannot be reckoned with.
_MOST = 1e300


def histogram_of(signal: Signal) -> Histogram:
    """What the statistics have of it."""
    figures = {} if signal.statistics is UNSET else signal.statistics
    found, reason = _distributions(signal, figures)
    return Histogram(
        signal=signal.signal,
        version=signal.version,
        role=signal.role,
        segment=signal.segment,
        partition=signal.partition,
        state=signal.state,
        window=signal.window,
        reason=reason,
        edges=found.get("edges"),
        labels=found.get("labels"),
        current=found.get("current"),
        reference=found.get("reference"),
        psi=_number(figures.get("psi")),
        psi_99_without_drift=_number(figures.get("psi_99_without_drift")),
        jensen_shannon=_number(figures.get("jensen_shannon")),
        ks=_number(figures.get("ks")),
        wasserstein=_number(_object(figures.get("effect")).get("wasserstein")),
    )


def _distributions(signal: Signal, figures: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The classes and both distributions; or why there are none."""
    if signal.statistics_trimmed:
        return {}, "the statistics are too large for the read model; drift.statistics has them"
    if "warm_up" in figures:
        warm_up = _object(figures["warm_up"])
        return {}, f"warming up: {warm_up.get('values')} of {warm_up.get('needed')} values"
    if "histogram" in figures:
        found = _classes(figures)
    elif "reference_share" in figures:
        found = _shares(signal, figures)
    else:
        return {}, f"signals of the kind {signal.kind} have no distribution"
    return (found, None) if found else ({}, "the figures do not fit together")


def _classes(figures: Mapping[str, Any]) -> dict[str, Any]:
    histogram = _object(figures["histogram"])
    ends, labels = histogram.get("ends"), histogram.get("labels")
    counts, shares = _numbers(histogram.get("counts")), _numbers(histogram.get("reference_shares"))
    if counts is None or shares is None or len(counts) != len(shares):
        return {}
    both = {"current": _counted(counts), "reference": _shared(shares, _object(figures.get("reference")).get("values"))}
    edges = _numbers(ends)
    if edges is not None and len(edges) + 1 == len(counts):
        return {"edges": edges} | both
    if isinstance(labels, list) and len(labels) == len(counts) and all(isinstance(label, str) for label in labels):
        return {"labels": labels} | both
    return {}


def _shares(signal: Signal, figures: Mapping[str, Any]) -> dict[str, Any]:
    now, before = figures.get("share"), figures["reference_share"]
    if _number(before) is None or not (now is None or _number(now) is not None):
        return {}
    labels = _BOOLEAN if signal.kind in {"feature", "prediction"} else _CLASSES.get(signal.kind, ("yes", "no"))
    current = Distribution(values=0, counts=[0.0, 0.0], shares=None)
    if is_number(now):
        current = _shared([now, 1 - now], figures.get("values"))
    reference = _shared([before, 1 - before], _object(figures.get("reference")).get("values"))
    return {"labels": list(labels), "current": current, "reference": reference}


def _counted(counts: list[float]) -> Distribution:
    total = sum(counts)
    return Distribution(values=total, counts=counts, shares=[count / total for count in counts] if total > 0 else None)


def _shared(shares: Sequence[float], values: object) -> Distribution:
    known = _number(values)
    counts = [] if known is None else [round(share * known, 6) for share in shares]
    return Distribution(values=known, counts=counts, shares=list(shares))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return value if is_number(value) and abs(value) <= _MOST else None


def _numbers(value: object) -> list[float] | None:
    if not isinstance(value, list):
        return None
    numbers = [_number(each) for each in value]
    return None if None in numbers else [number for number in numbers if number is not None]
