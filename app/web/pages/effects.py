"""What a signal's figures say, in words: its newest value beside its reference, and how large a change is.

Words for sizes are Cohen's: of a difference in standard deviations (or of ``h``, for shares) below 0.2 negligible, below 0.5
small, below 0.8 medium, else large; they say how large a change is and not how harmful. Pure; what the statistics do not have
is left out, and nothing that stands in them is trusted to be of the right type.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import UNSET

from app.domain.decisions.amounts import is_interval, is_number
from app.read_model.cells import wilson
from app.read_model.views import Signal
from app.web.words import amount, clock, decimal, percent, plain

__all__ = ["Figure", "figure_of", "reference_of", "sentences", "size_word"]

_SIZES = ((0.2, "negligible"), (0.5, "small"), (0.8, "medium"), (math.inf, "large"))


class Figure(NamedTuple):
    """The main figure of a window, its 95 % interval, and the reference's; empty where there is none."""

    name: str
    now: str
    interval: str
    before: str


def figure_of(signal: Signal) -> Figure:
    """The figure that stands for a signal."""
    statistics = _statistics(signal)
    mean, share = statistics.get("mean"), statistics.get("share")
    if is_number(mean):
        before = _inner(statistics, "reference").get("mean")
        return Figure("mean", decimal(mean), _mean_interval(statistics), decimal(before) if is_number(before) else "")
    if is_number(share):
        before = statistics.get("reference_share")
        return Figure("share", percent(share), _wilson(share, statistics), percent(before) if is_number(before) else "")
    if warm_up := _inner(statistics, "warm_up"):
        values, needed = warm_up.get("values"), warm_up.get("needed")
        if is_number(values) and is_number(needed):
            return Figure("warming up", f"{amount(int(values))} of {amount(int(needed))} values", "", "")
    if signal.kind == "schema":
        return Figure("changed features", amount(sum(len(_listed(statistics.get(name))) for name in _CHANGES)), "", "0")
    return _moved_most(statistics)


def reference_of(signal: Signal) -> float | None:
    """The main figure of the reference, where it is a number."""
    statistics = _statistics(signal)
    share, mean = statistics.get("reference_share"), _inner(statistics, "reference").get("mean")
    return mean if is_number(mean) else share if is_number(share) else None


def sentences(signal: Signal) -> list[str]:
    """How large the change is, one sentence for each measure."""
    statistics = _statistics(signal)
    found = [
        _direction(signal, statistics), _shift(statistics), _psi(statistics), _jensen_shannon(statistics), _ks(statistics),
        _wasserstein(statistics), *_moved(statistics), *_schema(statistics),
    ]  # fmt: skip
    return [sentence for sentence in found if sentence]


def size_word(size: float) -> str:
    """Cohen's word for a difference in standard deviations.

    >>> [size_word(size) for size in (0.1, -0.3, 0.6, -2.0)]
    ['negligible', 'small', 'medium', 'large']
    """
    return next((word for limit, word in _SIZES if abs(size) < limit), "large")


_CHANGES = {"new": "is new", "retyped": "changed its type", "vanished": "has vanished"}


def _statistics(signal: Signal) -> Mapping[str, Any]:
    return {} if signal.statistics is UNSET else signal.statistics


def _inner(statistics: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = statistics.get(name)
    return found if isinstance(found, dict) else {}


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mean_interval(statistics: Mapping[str, Any]) -> str:
    """From the interval of the difference, which is in the reference's standard deviations."""
    reference, ends = _inner(statistics, "reference"), statistics.get("difference_sd_interval")
    mean, sd = reference.get("mean"), reference.get("sd")
    if not is_interval(ends) or not is_number(mean) or not is_number(sd):
        return ""
    return f"{decimal(mean + sd * ends[0])} to {decimal(mean + sd * ends[1])}"


def _wilson(share: float, statistics: Mapping[str, Any]) -> str:
    """Wilson's interval, for independent values."""
    values = statistics.get("values")
    if not is_number(values) or values < 1 or not 0 <= share <= 1:
        return ""
    low, high = wilson(share, values)
    return f"{percent(low)} to {percent(high)}"


def _moved_most(statistics: Mapping[str, Any]) -> Figure:
    histogram = _inner(statistics, "histogram")
    labels, counts, before = (histogram.get(name) for name in ("labels", "counts", "reference_shares"))
    if not (isinstance(labels, list) and isinstance(counts, list) and isinstance(before, list)):
        return Figure("", "", "", "")
    if not labels or not len(labels) == len(counts) == len(before) or not all(map(is_number, counts + before)):
        return Figure("", "", "", "")
    total = sum(counts) or 1.0
    moves = [(abs(count / total - share), str(label), count / total, share)
             for label, count, share in zip(labels, counts, before, strict=True)]  # fmt: skip
    _, label, now, then = max(moves)
    return Figure(f"share of '{label}'", percent(now), _wilson(now, {"values": total}), percent(then))


def _direction(signal: Signal, statistics: Mapping[str, Any]) -> str:
    direction, change = statistics.get("direction"), _inner(statistics, "change")
    if not isinstance(direction, str):
        return ""
    at = change.get("timestamp")
    since = f", since about {clock(int(at))} UTC" if is_number(at) else ""
    word = "Drift" if signal.state == "drift" else "A change"
    return f"{word}: {plain(direction)}{since}."


def _shift(statistics: Mapping[str, Any]) -> str:
    size, ends = statistics.get("difference_sd"), statistics.get("difference_sd_interval")
    if not is_number(size):
        return ""
    between = doubt = ""
    if is_interval(ends):
        between = f" (95 % interval {decimal(ends[0])} to {decimal(ends[1])})"
        doubt = "; the interval holds zero, so it may be chance" if ends[0] <= 0 <= ends[1] else ""
    where = "above" if size >= 0 else "below"
    return (
        f"The mean of the newest window lies {decimal(abs(size))} standard deviations {where} the reference{between}: "
        f"{size_word(size)}{doubt}."
    )


def _psi(statistics: Mapping[str, Any]) -> str:
    psi, usual = statistics.get("psi"), statistics.get("psi_99_without_drift")
    if not is_number(psi):
        return ""
    said = f"Population stability index (PSI) {decimal(psi)}"
    if not is_number(usual):
        return f"{said}."
    compared = "more than chance" if psi > usual else "no more than chance"
    return f"{said}; without drift 99 of 100 such windows stay below {decimal(usual)}: {compared}."


def _jensen_shannon(statistics: Mapping[str, Any]) -> str:
    value = statistics.get("jensen_shannon")
    return f"Jensen-Shannon distance {decimal(value)}, where 0 is alike and 1 disjoint." if is_number(value) else ""


def _ks(statistics: Mapping[str, Any]) -> str:
    value = statistics.get("ks")
    if not is_number(value):
        return ""
    share = percent(min(max(value, 0.0), 1.0))
    return f"Kolmogorov-Smirnov distance {decimal(value)}: at some value the shares of what is below it differ by {share}."


def _wasserstein(statistics: Mapping[str, Any]) -> str:
    value = _inner(statistics, "effect").get("wasserstein")
    if not is_number(value):
        return ""
    return f"Since the change values moved by {decimal(value)} on average (Wasserstein distance, in the signal's own unit)."


def _moved(statistics: Mapping[str, Any]) -> list[str]:
    moved = _listed(_inner(statistics, "effect").get("moved_most"))[:5]
    return [said for each in moved if isinstance(each, dict) and (said := _moved_said(each))]


def _moved_said(each: Mapping[str, Any]) -> str:
    now, then, size = (each.get(name) for name in ("share", "reference_share", "cohens_h"))
    if not is_number(now) or not is_number(then):
        return ""
    how = f": {size_word(size)}" if is_number(size) else ""
    return f"Since the change '{each.get('label', '')}' is {percent(now)} of the values, in the reference {percent(then)}{how}."


def _schema(statistics: Mapping[str, Any]) -> list[str]:
    said = []
    for name, what in _CHANGES.items():
        said += [
            f"Feature '{each.get('name', '')}' {what}." for each in _listed(statistics.get(name))[:20] if isinstance(each, dict)
        ]
    return said
