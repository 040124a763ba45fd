"""A warm-up reference, and what a number becomes against it: a rank, and four scores of mean 0 and variance 1.

1. The reference is sorted and 1,001 of its quantiles are kept, chosen so that each of the 1,002 gaps between them holds a
   like share of values. A value lies in a gap, or on a run of equal quantiles, at a place that a *hash of the record's id*
   decides: ties, constants and rounded values need that, and a random generator would not survive a replay.
2. Place / 1,002 = u is uniform without drift, whatever the distribution. y = normal quantile of u.
3. Dependence: AR(p), p <= 5 by BIC, on y. Where p > 0, the residuals are ranked once more among the reference's own.
4. Scores: normal quantile of u (location); and with y = 2u - 1 the Legendre polynomials sqrt5 (3y^2 - 1)/2 (scale),
   sqrt7 (5y^3 - 3y)/2 (skew), 3 (35y^4 - 30y^2 + 3)/8 (peaks): the last three orthonormal under uniformity, the first
   correlated by 0.19 with skew, which no threshold minds since each column has a budget of its own.

Frozen once made. Season is not fitted: what a day leaves in the residuals is measured by ``app.domain.detection.calibration``.

Delivery guarantees: a function of the values and the ids of the warm-up alone; ``dump`` and ``load`` are bit for bit.
"""

import hashlib
from functools import cached_property, lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.autoregression import fit, residuals

__all__ = ["BINS", "SHARES", "Ranking", "Reference", "hashed", "scores"]

Floats = NDArray[np.float64]
#: What each score gets of a signal's budget of false alarms.
SHARES = (0.6, 0.2, 0.1, 0.1)
#: Classes of equal share in which windows are counted.
BINS = 20
_QUANTILES = 1_001
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT, _SHIFT_2 = np.uint64(31), np.uint64(11)


def hashed(digests: NDArray[np.uint32], salt: int) -> Floats:
    """A number in [0, 1) for each record, from its id's 32-bit digest; another salt gives unrelated numbers."""
    mixed = (digests.astype(np.uint64) + np.uint64(salt * 2 + 1)) * _MIX
    mixed = (mixed ^ (mixed >> _SHIFT)) * _MIX_2
    return ((mixed ^ (mixed >> _SHIFT)) >> _SHIFT_2).astype(np.float64) * 2.0**-53


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


class Reference:
    """A numeric signal's frozen reference; ``take`` turns its values, in order, into scores."""

    def __init__(self, ranking: Ranking, weights: list[float], again: Ranking | None, summary: dict[str, float]) -> None:
        self.ranking, self.weights, self.again, self.summary = ranking, weights, again, summary
        #: The last len(weights) normal scores, oldest first: what the next residual is taken from.
        self.recent = np.zeros(len(weights))
        kept = ranking.quantiles
        #: The inner ends of at most ``BINS`` classes of about equal share; a value belongs below the end that it equals.
        self.ends = np.unique(kept[np.rint(np.linspace(0, len(kept) - 1, BINS + 1)).astype(np.intp)[1:-1]])
        self._class = np.searchsorted(kept.searchsorted(self.ends), np.arange(ranking.gaps))

    @classmethod
    def of(cls, values: Floats, at: Floats) -> tuple["Reference", Floats]:
        """Freeze the reference; with the scores of its own values, values by four."""
        ranking = Ranking.of(values)
        places, _ = ranking.places(values, at)
        normal = ranking.normal(places)
        weights = fit(normal)
        summary = _summary(values)
        if not weights:
            return cls(ranking, [], None, summary), _four(places, ranking)
        order = len(weights)
        rest = residuals(normal[order:], normal[:order], weights)
        again = Ranking.of(rest)
        reference = cls(ranking, weights, again, summary)
        reference.recent = normal[-order:].copy()
        return reference, _four(again.places(rest, _second(at[order:]))[0], again)

    def take(self, values: Floats, at: Floats, location: Floats, others: Floats) -> NDArray[np.intp]:
        """Write the next values' location scores, and the other three as lines; their classes."""
        places, low = self.ranking.places(values, at)
        classes: NDArray[np.intp] = self._class.take(low)
        if self.again is None:
            scores(places, self.ranking, location, others)
            return classes
        normal = self.ranking.normal(places)
        rest = residuals(normal, self.recent, self.weights)
        self.recent = np.concatenate([self.recent, normal])[-len(self.weights) :].copy()
        scores(self.again.places(rest, _second(at))[0], self.again, location, others)
        return classes

    @cached_property
    def class_shares(self) -> Floats:
        """What share of the reference each class holds."""
        kept = self.ranking.quantiles
        counts = np.bincount(np.searchsorted(self.ends, kept), minlength=len(self.ends) + 1)
        return counts / len(kept)

    @property
    def digest(self) -> str:
        """The digest of all that values are compared with."""
        parts = hashlib.sha256(self.ranking.quantiles.tobytes())
        parts.update(repr((self.ranking.values, self.weights)).encode())
        if self.again is not None:
            parts.update(self.again.quantiles.tobytes())
        return f"sha256:{parts.hexdigest()}"

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        again = None if self.again is None else self.again.dump()
        return {"ranking": self.ranking.dump(), "weights": self.weights, "again": again, "summary": self.summary,
                "recent": self.recent}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Reference":
        """Take the state back."""
        again = None if state["again"] is None else Ranking.load(state["again"])
        reference = cls(Ranking.load(state["ranking"]), state["weights"], again, state["summary"])
        reference.recent = state["recent"]
        return reference


def _four(places: Floats, ranking: Ranking) -> Floats:
    lines = np.empty((4, len(places)))
    scores(places, ranking, lines[0], lines[1:])
    return np.ascontiguousarray(lines.T)


def _second(at: Floats) -> Floats:
    """Another place within the gap for the second ranking."""
    return at * 65_537.0 % 1.0


def _summary(values: Floats) -> dict[str, float]:
    """Moments and extremes, in the signal's unit; scaled on the way, so that 1e300 does not overflow."""
    scale = float(np.max(np.abs(values))) or 1.0
    part = values / scale
    return {
        "values": float(len(values)),
        "mean": float(np.mean(part)) * scale,
        "sd": float(np.std(part)) * scale,
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }
