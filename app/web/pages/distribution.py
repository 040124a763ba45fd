"""A signal's reference beside its newest window, class by class, as bars. Pure.

Numbers have classes between ends, categories have labels, a share has two. Widths are in per cent of the longest bar of the
table, so that both columns can be compared.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from msgspec import UNSET

from app.domain.decisions.amounts import is_number
from app.read_model.views import Signal
from app.web.words import decimal

__all__ = ["Distribution", "Row", "distribution_of"]

MINUS = "\N{MINUS SIGN}"


class Row(NamedTuple):
    """One class: its share in the reference and in the window, and the lengths of both bars."""

    name: str
    before: float
    now: float
    before_width: float
    now_width: float

    @property
    def points(self) -> str:
        """The difference in percentage points, with its sign."""
        return f"{(self.now - self.before) * 100:+.1f}".replace("-", MINUS)


class Distribution(NamedTuple):
    """All classes, and how many values the newest window has."""

    rows: list[Row]
    values: int


def distribution_of(signal: Signal) -> Distribution | None:
    """None where there is nothing to compare yet."""
    statistics = {} if signal.statistics is UNSET else signal.statistics
    found = _histogram(statistics) or _share(statistics)
    if found is None:
        return None
    names, before, now, values = found
    longest = max([*before, *now], default=0.0) or 1.0
    rows = [
        Row(name, then, share, round(100 * then / longest, 2), round(100 * share / longest, 2))
        for name, then, share in zip(names, before, now, strict=True)
    ]
    return Distribution(rows, values)


def _histogram(statistics: Mapping[str, Any]) -> tuple[list[str], list[float], list[float], int] | None:
    histogram = statistics.get("histogram")
    if not isinstance(histogram, dict):
        return None
    counts, before = histogram.get("counts"), histogram.get("reference_shares")
    names = _names(histogram)
    if not isinstance(counts, list) or not isinstance(before, list) or not len(names) == len(counts) == len(before):
        return None
    if not all(is_number(each) and each >= 0 for each in counts + before):
        return None
    total = sum(counts)
    return names, before, [count / total if total else 0.0 for count in counts], int(total)


def _names(histogram: Mapping[str, Any]) -> list[str]:
    labels, ends = histogram.get("labels"), histogram.get("ends")
    if isinstance(labels, list):
        return [str(label) for label in labels]
    if not isinstance(ends, list) or not all(map(is_number, ends)) or not ends:
        return []
    said = [decimal(end) for end in ends]
    between = [f"{low} to {high}" for low, high in pairwise(said)]
    return [f"up to {said[0]}", *between, f"above {said[-1]}"]


def _share(statistics: Mapping[str, Any]) -> tuple[list[str], list[float], list[float], int] | None:
    now, before, values = (statistics.get(name) for name in ("share", "reference_share", "values"))
    if not is_number(now) or not is_number(before):
        return None
    count = int(values) if is_number(values) else 0
    return ["yes", "no"], [before, 1 - before], [now, 1 - now], count
