"""The plain figures of one window of one panel: counts, means, spreads, classes; begun anew when the window closes.

Sums are carried and added one after another, as everywhere in detection, so a window's figures are the same however its
rows came. Deviations are taken from the reference's mean, or a large mean would swallow a small spread.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.calibration import Floats
from app.domain.detection.reference import BINS

__all__ = ["Tally"]


def _carried(carry: Floats, values: Floats) -> Floats:
    """What is carried and the values along each line, one after another; ``values`` are used up."""
    values[:, 0] += carry
    sums: Floats = np.cumsum(values, axis=1, out=values)[:, -1].copy()
    return sums


class Tally:
    """Figures of all signals of a panel: numeric ones by slot, shares by column."""

    _ARRAYS = ("centre", "count", "total", "square", "low", "high", "classes", "ones", "present")

    def __init__(self) -> None:
        self.centre, self.count, self.total, self.square = (np.zeros(0) for _ in range(4))
        self.low, self.high, self.classes = np.zeros(0), np.zeros(0), np.zeros((0, BINS))
        self.ones, self.present = np.zeros(0), np.zeros(0)

    def add_number(self, centre: float) -> None:
        """A numeric signal more."""
        self.centre = np.append(self.centre, centre)
        for name, value in (("count", 0.0), ("total", 0.0), ("square", 0.0), ("low", np.nan), ("high", np.nan)):
            setattr(self, name, np.append(getattr(self, name), value))
        self.classes = np.concatenate([self.classes, np.zeros((1, BINS))])

    def add_shares(self, columns: int) -> None:
        """A signal of classes more."""
        self.ones, self.present = np.append(self.ones, np.zeros(columns)), np.append(self.present, 0.0)

    def take_numbers(self, raw: Floats, present: Floats, classes: NDArray[np.intp]) -> None:
        """Lines of numeric signals; ``raw`` is NaN, and ``classes`` whatever, where ``present`` is 0."""
        signals = len(self.count)
        with np.errstate(all="ignore"):
            deviation = raw - self.centre[:, None]
            some_missing = present.min() < 1
            if some_missing:
                deviation[present == 0] = 0.0
            squares = deviation * deviation
            self.total, self.square = _carried(self.total, deviation), _carried(self.square, squares)
        self.count = self.count + np.sum(present, axis=1)
        self.low = np.fmin(self.low, np.fmin.reduce(raw, axis=1))
        self.high = np.fmax(self.high, np.fmax.reduce(raw, axis=1))
        at = classes + (np.arange(signals) * BINS)[:, None]
        counts = np.bincount(at[present > 0] if some_missing else at.ravel(), minlength=signals * BINS)
        self.classes = self.classes + counts.reshape(signals, BINS)

    def take_shares(self, columns: Floats, present: Floats) -> None:
        """Lines of 0/1 columns."""
        self.ones = self.ones + np.sum(columns, axis=1)
        self.present = self.present + np.sum(present, axis=1)

    def clear(self) -> None:
        """Begin a window."""
        for name in ("count", "total", "square", "classes", "ones", "present"):
            setattr(self, name, np.zeros_like(getattr(self, name)))
        self.low, self.high = np.full_like(self.low, np.nan), np.full_like(self.high, np.nan)

    def moments(self, slot: int) -> dict[str, float]:
        """Count, mean, spread and extremes of a numeric signal; not a number where there was no value."""
        n = float(self.count[slot])
        with np.errstate(all="ignore"):
            shift = self.total[slot] / n if n else np.nan
            variance = self.square[slot] / n - shift * shift if n else np.nan
            mean, sd = self.centre[slot] + shift, np.sqrt(np.maximum(variance, 0.0))
        return {"values": n, "mean": float(mean), "sd": float(sd), "min": float(self.low[slot]), "max": float(self.high[slot])}

    def dump(self) -> dict[str, Any]:
        """The state as arrays."""
        return {name: getattr(self, name) for name in self._ARRAYS}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Tally":
        """Take the state back."""
        tally = cls()
        for name in cls._ARRAYS:
            setattr(tally, name, state[name])
        return tally
