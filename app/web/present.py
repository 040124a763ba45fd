"""What a firing alert's signal says now, beside what it said when it fired.

An alert's own figures are those of its alarm, which comes after a dozen values, and they never change: an alert is one record
for each change of state. How large the drift has become, or whether it is passing, stands in the signal's newest window.
Pure; what the statistics do not have is left out.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from app.domain.decisions.alert_kinds import segment_label, signal_label
from app.domain.decisions.amounts import is_number
from app.read_model.views import Alert, Model, Signal
from app.web.words import amount, clock, decimal, percent
from schemas.statistics import Signal as SignalName

__all__ = ["figures_now"]


def figures_now(alert: Alert, models: Mapping[str, Model]) -> str:
    """The newest window of the signal that the alert is about, in words; empty where none is known."""
    model = models.get(alert.labels.get("model", ""))
    signal = next((each for each in model.signals if _is_of(alert.labels, each)), None) if model is not None else None
    if signal is None or signal.statistics is UNSET:
        return ""
    said = "; ".join(_figures(signal.statistics))
    if not said:
        return ""
    return f"Newest window, {amount(signal.window.events)} events up to {clock(signal.window.end)}: {said}."


def _is_of(labels: Mapping[str, str], signal: Signal) -> bool:
    """Whether an alert with these labels is about this signal; the labels of long names are cut."""
    name = signal_label(SignalName(signal.kind, signal.name))
    mine = (signal.version, name, segment_label(signal.segment))
    return mine == tuple(labels.get(label, "") for label in ("version", "signal", "segment"))


def _figures(statistics: Mapping[str, Any]) -> list[str]:
    reference = statistics.get("reference")
    then = reference if isinstance(reference, dict) else {}
    found = [
        f"{word} {decimal(now)}, in the reference {decimal(before)}"
        for word, key in (("mean", "mean"), ("standard deviation", "sd"))
        if is_number(now := statistics.get(key)) and is_number(before := then.get(key))
    ]
    now, before = statistics.get("share"), statistics.get("reference_share")
    if is_number(now) and is_number(before):
        found.append(f"{percent(now)}, in the reference {percent(before)}")
    return found or _category(statistics.get("histogram"))


def _category(histogram: object) -> list[str]:
    """The share of the category that is furthest from its reference."""
    if not isinstance(histogram, dict):
        return []
    labels, counts, shares = (_listed(histogram.get(name)) for name in ("labels", "counts", "reference_shares"))
    if not labels or not len(labels) == len(counts) == len(shares) or not all(map(is_number, counts + shares)):
        return []
    total = sum(counts)
    if not total:
        return []
    label, now, before = max(
        ((label, count / total, share) for label, count, share in zip(labels, counts, shares, strict=True)),
        key=lambda move: abs(move[1] - move[2]),
    )
    return [f"share of '{label}' {percent(now)}, in the reference {percent(before)}"]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
