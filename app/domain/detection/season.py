"""What a value owes to the hour of the day, and to the weekend: least squares on the normal scores of the warm-up.

    y = w_0 + sum over k = 1 ... 4 of (a_k sin 2 pi k d + b_k cos 2 pi k d) + c [weekend]      d: the day's fraction, UTC

The weekend is in it where the warm-up spans two weeks, all else where it spans two days. A fit is kept only where it explains
more than six times what as many parameters would explain of noise that depends on the values before it as what is left does.
A fitted season is never quite right: whoever uses it asks the calibration to be quicker to believe that neighbours depend on
each other (``STRICT_GATE``), and doubles the budget's A.
"""

from functools import cached_property
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
#: 1 January 1970 was a Thursday: day 2 and 3 of each week are the weekend.
_WEEKEND = (2, 3)


class Calendar:
    """The terms of a season at these event times, a line each, made when first asked for and then shared by all signals."""

    def __init__(self, times: NDArray[np.int64]) -> None:
        self._times = times

    @cached_property
    def lines(self) -> Floats:
        """1, four sines and cosines, the weekend."""
        days, rest = np.divmod(self._times, DAY_MS)
        angle = rest * (2 * np.pi / DAY_MS)
        lines = np.empty((_WITHOUT_WEEKEND + 1, len(days)))
        lines[0] = 1.0
        sine, cosine = lines[1], lines[2]
        np.sin(angle, out=sine)
        np.cos(angle, out=cosine)
        for k in range(1, _HARMONICS):
            before = lines[2 * k - 1], lines[2 * k]
            lines[2 * k + 1] = before[0] * cosine + before[1] * sine
            lines[2 * k + 2] = before[1] * cosine - before[0] * sine
        lines[-1] = np.isin(days % 7, _WEEKEND)
        return lines


class Season(NamedTuple):
    """``explained``: the share of the warm-up's variance."""

    weights: list[float]
    explained: float

    @property
    def has_weekend(self) -> bool:
        """Whether the weekend is in it."""
        return len(self.weights) > _WITHOUT_WEEKEND

    def at(self, lines: Floats) -> Floats:
        """The fit, added up term by term, so that it is the same however rows were cut."""
        total = np.full(lines.shape[1], self.weights[0])
        for weight, line in zip(self.weights[1:], lines[1:], strict=False):
            total += weight * line
        return total

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"weights": self.weights, "explained": self.explained}


def fit(values: Floats, times: NDArray[np.int64]) -> Season | None:
    """The season of these values, where there is one."""
    span = int(times.max() - times.min())
    if span < 2 * DAY_MS:
        return None
    lines = Calendar(times).lines
    terms = lines if span >= 14 * DAY_MS else lines[:_WITHOUT_WEEKEND]
    products = np.array([[np.sum(one * other) for other in terms] for one in terms])
    weights = np.linalg.lstsq(products, np.array([np.sum(values * one) for one in terms]), rcond=1e-10)[0].tolist()
    left = values - Season(weights, 0.0).at(terms)
    spread = float(np.sum((values - np.mean(values)) ** 2))
    explained = 1 - float(np.sum(left * left)) / spread if spread > 0 else 0.0
    if explained * len(values) <= 6 * len(terms) * slow_variance(left):
        return None
    return Season(weights, explained)
