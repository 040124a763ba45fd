"""Where a number lies among the values of a reference, and the scores that follow: all of mean 0 and variance 1.

The reference is sorted and 1,001 of its quantiles are kept, chosen so that each of the 1,002 gaps between them holds a like
share of values. A value lies in a gap, or on a run of equal quantiles, at a place that a number in [0, 1) decides.
"""

from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ranking", "scores"]

Floats = NDArray[np.float64]
_QUANTILES = 1_001


@lru_cache(maxsize=64)
def _normal_table(gaps: int, values: int) -> tuple[Floats, Floats]:
    """Normal quantiles at the ends of the gaps, straight between them, of variance 1; and their differences."""
    normal = NormalDist()
    edge = 0.5 / (values + 1)
    ends = np.array([normal.inv_cdf(min(max(i / gaps, edge), 1 - edge)) for i in range(gaps + 1)])
    low, high = ends[:-1], ends[1:]
    ends /= np.sqrt(np.mean((low * low + low * high + high * high) / 3))
    return ends, np.diff(ends)


class Ranking:
    """Sorted values, and where others lie among them."""

    def __init__(self, quantiles: Floats, values: int, *, ties: bool) -> None:
        self.quantiles, self.values, self.ties = quantiles, values, ties
        self.gaps = len(quantiles) + 1
        self._ends, self._steps = _normal_table(self.gaps, values)

    @classmethod
    def of(cls, values: Floats) -> "Ranking":
        """Keep the quantiles of these values."""
        ordered = np.sort(values)
        kept = min(_QUANTILES, len(ordered))
        at = np.rint(np.arange(1, kept + 1) * ((len(ordered) + 1) / (kept + 1))).astype(np.intp) - 1
        return cls(ordered[at], len(ordered), ties=bool(np.any(ordered[1:] == ordered[:-1])))

    def places(self, values: Floats, at: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Where values lie, in gaps: [0, 1,002), and the lowest gap it could be. ``at`` in [0, 1) decides among those."""
        low: NDArray[np.intp] = self.quantiles.searchsorted(values)
        start = low.astype(np.float64)
        if not self.ties:
            return start + at, low
        return start + at * (self.quantiles.searchsorted(values, side="right") - start + 1), low

    def normal(self, places: Floats) -> Floats:
        """The normal quantile at each place."""
        gap = np.minimum(places.astype(np.intp), self.gaps - 1)
        return self._ends.take(gap) + (places - gap) * self._steps.take(gap)

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {"quantiles": self.quantiles, "values": self.values, "ties": self.ties}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Ranking":
        """Take the state back."""
        return cls(state["quantiles"], state["values"], ties=state["ties"])


def scores(places: Floats, ranking: Ranking, location: Floats, others: Floats) -> None:
    """Write the location score, and the other three, a line each."""
    y = places * (2.0 / ranking.gaps) - 1
    square = y * y
    others[0] = 1.118033988749895 * (3 * square - 1)
    others[1] = 1.3228756555322954 * (5 * square - 3) * y
    others[2] = 0.375 * ((35 * square - 30) * square + 3)
    location[:] = ranking.normal(places)
