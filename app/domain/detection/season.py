"""What a value owes to the hour of the day, and to the weekend: least squares on the normal scores of the warm-up.

    y = w_0 + sum over k = 1 ... 4 of (a_k sin 2 pi k d + b_k cos 2 pi k d) + c [weekend]      d: the day's fraction, UTC

The weekend is in it where the warm-up spans two weeks, all else where it spans two days. A fit is kept only where it explains
more than six times what as many parameters would explain of noise that depends on the values before it as what is left does.
From two weeks on a table is fitted as well, the mean of each half hour of workdays and of the weekend, since schedules have
edges that four waves do not. It is taken where it explains more than its further parameters would of such noise, by five
standard deviations. Half hours without a value have what the waves say of them.
A fitted season is never quite right: whoever uses it asks the calibration to be quicker to believe that neighbours depend on
each other (``STRICT_GATE``), and doubles the budget's A.
"""

from functools import cached_property
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.autoregression import slow_variance

__all__ = ["STRICT_GATE", "Calendar", "Season", "fit"]

Floats = NDArray[np.float64]
DAY_MS = 86_400_000
STRICT_GATE = 0.2
_HARMONICS = 4
_WITHOUT_WEEKEND = 1 + 2 * _HARMONICS
#: Half hours of a day, of workdays and then of the weekend.
_SLOTS = 48
_SLOT_MS = DAY_MS // _SLOTS
#: 1 January 1970 was a Thursday: day 2 and 3 of each week are the weekend.
_WEEKEND = (2, 3)


#: A workday and a day of the weekend.
_DAYS_OF_EACH = np.array([0, 2])


class Calendar:
    """The terms of a season at these event times, a line each, made when first asked for and then shared by all signals."""

    def __init__(self, times: NDArray[np.int64]) -> None:
        self._times = times

    @cached_property
    def lines(self) -> Floats:
        """1, four sines and cosines, the weekend, the number of the half hour."""
        days, rest = np.divmod(self._times, DAY_MS)
        angle = rest * (2 * np.pi / DAY_MS)
        lines = np.empty((_WITHOUT_WEEKEND + 2, len(days)))
        lines[0] = 1.0
        sine, cosine = lines[1], lines[2]
        np.sin(angle, out=sine)
        np.cos(angle, out=cosine)
        for k in range(1, _HARMONICS):
            before = lines[2 * k - 1], lines[2 * k]
            lines[2 * k + 1] = before[0] * cosine + before[1] * sine
            lines[2 * k + 2] = before[1] * cosine - before[0] * sine
        lines[-2] = np.isin(days % 7, _WEEKEND)
        lines[-1] = rest // _SLOT_MS + lines[-2] * _SLOTS
        return lines


class Season(NamedTuple):
    """``weights``: of the terms, or the table; ``explained``: the share of the warm-up's variance."""

    weights: list[float]
    explained: float

    @property
    def is_table(self) -> bool:
        """Whether it has a mean for each half hour."""
        return len(self.weights) == 2 * _SLOTS

    @property
    def has_weekend(self) -> bool:
        """Whether the weekend is in it."""
        return len(self.weights) > _WITHOUT_WEEKEND

    def at(self, lines: Floats) -> Floats:
        """The fit, added up term by term, so that it is the same however rows were cut."""
        if self.is_table:
            table: Floats = np.array(self.weights)[lines[-1].astype(np.intp)]
            return table
        total = np.full(lines.shape[1], self.weights[0])
        for weight, line in zip(self.weights[1:], lines[1:], strict=False):
            total += weight * line
        return total

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"weights": self.weights, "explained": self.explained}


def fit(values: Floats, times: NDArray[np.int64]) -> Season | None:
    """The season of these values, where there is one."""
    # Of nearly all: a few records with an old time make no days.
    low, high = np.quantile(times, (0.01, 0.99)).tolist()
    span = (high - low) / 0.95
    if span < 2 * DAY_MS:
        return None
    lines = Calendar(times).lines
    weeks = span >= 14 * DAY_MS
    terms = lines[: _WITHOUT_WEEKEND + weeks]
    products = np.array([[np.sum(one * other) for other in terms] for one in terms])
    weights = np.linalg.lstsq(products, np.array([np.sum(values * one) for one in terms]), rcond=1e-10)[0].tolist()
    left = values - Season(weights, 0.0).at(terms)
    spread = float(np.sum((values - np.mean(values)) ** 2))
    if not spread > 0:
        return None
    explained = 1 - float(np.sum(left * left)) / spread
    if weeks and (table := _table(values, lines, Season(weights, explained), spread)) is not None:
        return table
    if explained * len(values) <= 6 * len(terms) * slow_variance(left):
        return None
    return Season(weights, explained)


def _table(values: Floats, lines: Floats, waves: Season, spread: float) -> Season | None:
    """The mean of each half hour, where that explains more than the waves do."""
    slots = lines[-1].astype(np.intp)
    counts = np.bincount(slots, minlength=2 * _SLOTS)
    sums = np.bincount(slots, weights=values, minlength=2 * _SLOTS)
    middles = np.arange(2 * _SLOTS) % _SLOTS * _SLOT_MS + _SLOT_MS // 2 + _DAYS_OF_EACH.repeat(_SLOTS) * DAY_MS
    means = np.where(counts > 0, sums / np.maximum(counts, 1), waves.at(Calendar(middles.astype(np.int64)).lines))
    table = Season(means.tolist(), 0.0)
    left = values - table.at(lines)
    explained = 1 - float(np.sum(left * left)) / spread
    further = max(int(np.count_nonzero(counts)) - len(waves.weights), 1)
    by_chance = (further + 5 * sqrt(2 * further)) * slow_variance(left) * (1 - explained)
    if (explained - waves.explained) * len(values) <= by_chance:
        return None
    return table._replace(explained=explained)
