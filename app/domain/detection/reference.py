"""A warm-up reference, and what a number becomes against it: a rank, and four scores of mean 0 and variance 1.

1. The reference is sorted and 1,001 of its quantiles are kept, chosen so that each of the 1,002 gaps between them holds a
   like share of values. A value lies in a gap, or on a run of equal quantiles, at a place that a *hash of the record's id*
   decides: ties, constants and rounded values need that, and a random generator would not survive a replay.
2. Place / 1,002 = u is uniform without drift, whatever the distribution. y = normal quantile of u.
3. What y owes to the hour and the weekend is taken out (``season``), then what it owes to the few values before it (AR(p), p <= 5
   by BIC, ``autoregression``), then it is divided by the spread of its time (``clustered_spread``): each only where the warm-up
   shows it. Where any did, what is left is ranked once more among the reference's own.
4. Scores: normal quantile of u (location); and with y = 2u - 1 the Legendre polynomials sqrt5 (3y^2 - 1)/2 (scale),
   sqrt7 (5y^3 - 3y)/2 (skew), 3 (35y^4 - 30y^2 + 3)/8 (peaks): the last three orthonormal under uniformity, the first
   correlated by 0.19 with skew, which no threshold minds since each column has a budget of its own.

Frozen once made, but for what is remembered of the last few values. What season and dependence leave in the residuals is measured
by ``app.domain.detection.calibration``.

Delivery guarantees: a function of the values, times and ids of the warm-up alone; ``dump`` and ``load`` are bit for bit.
"""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.ranking import Ranking, scores
from app.domain.detection.rest import Rest

__all__ = ["BINS", "SHARES", "Reference", "hashed"]

Floats = NDArray[np.float64]
#: What each score gets of a signal's budget of false alarms.
SHARES = (0.6, 0.2, 0.1, 0.1)
#: Classes of equal share in which windows are counted.
BINS = 20
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT, _SHIFT_2 = np.uint64(31), np.uint64(11)


def hashed(digests: NDArray[np.uint32], salt: int) -> Floats:
    """A number in [0, 1) for each record, from its id's 32-bit digest; another salt gives unrelated numbers."""
    mixed = (digests.astype(np.uint64) + np.uint64(salt * 2 + 1)) * _MIX
    mixed = (mixed ^ (mixed >> _SHIFT)) * _MIX_2
    return ((mixed ^ (mixed >> _SHIFT)) >> _SHIFT_2).astype(np.float64) * 2.0**-53


class Reference:
    """A numeric signal's frozen reference; ``take`` turns its values, in order, into scores."""

    def __init__(self, ranking: Ranking, rest: Rest | None, summary: dict[str, float]) -> None:
        self.ranking, self.rest, self.summary = ranking, rest, summary
        kept = ranking.quantiles
        #: The inner ends of at most ``BINS`` classes of about equal share; a value belongs below the end that it equals.
        self.ends = np.unique(kept[np.rint(np.linspace(0, len(kept) - 1, BINS + 1)).astype(np.intp)[1:-1]])
        self._class = np.searchsorted(kept.searchsorted(self.ends), np.arange(ranking.gaps)).astype(np.uint8)

    @classmethod
    def of(cls, values: Floats, at: Floats, times: NDArray[np.int64]) -> tuple["Reference", Floats]:
        """Freeze the reference; with the scores of its own values, values by four."""
        ranking = Ranking.of(values)
        places, _ = ranking.places(values, at)
        summary = _summary(values)
        rest, left = Rest.of(ranking.normal(places), values, times)
        if rest is None:
            return cls(ranking, None, summary), _four(places, ranking)
        return cls(ranking, rest, summary), _four(rest.again.places(left, _second(at[len(at) - len(left) :]))[0], rest.again)

    def take(
        self, values: Floats, at: Floats, terms: Callable[[], Floats], location: Floats, others: Floats
    ) -> NDArray[np.uint8]:
        """Write the next values' location scores, and the other three as lines; their classes.

        ``terms`` gives the lines of the calendar (``season.Calendar``) at these values, where there is a season.
        """
        places, low = self.ranking.places(values, at)
        classes: NDArray[np.uint8] = self._class.take(low)
        if self.rest is None:
            scores(places, self.ranking, location, others)
            return classes
        left = self.rest.take(self.ranking.normal(places) if self.rest.scale is None else values, terms)
        scores(self.rest.again.places(left, _second(at))[0], self.rest.again, location, others)
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
        parts.update(repr(self.ranking.values).encode())
        if self.rest is not None:
            parts.update(repr(self.rest.fitted).encode())
            parts.update(self.rest.again.quantiles.tobytes())
        return f"sha256:{parts.hexdigest()}"

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        rest = None if self.rest is None else self.rest.dump()
        return {"ranking": self.ranking.dump(), "rest": rest, "summary": self.summary}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Reference":
        """Take the state back."""
        rest = None if state["rest"] is None else Rest.load(state["rest"])
        return cls(Ranking.load(state["ranking"]), rest, state["summary"])


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
