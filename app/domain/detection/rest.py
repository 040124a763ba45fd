"""What is left of a number once season, dependence and clustered spread are taken out, in this order.

It begins with the number's normal score. But where values depend on each other so strongly that the warm-up holds few independent
ones, its quantiles say little of what is usual, and steps between them would be taken for news: then it begins with the value
itself, less the median and by a robust scale, if that has no outliers.

Each step is in it only where the warm-up showed it; where none was, there is no ``Rest``. The last few scores and the spread of
the moment are remembered from one block to the next, so what is left does not depend on how rows were cut.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.detection import autoregression, clustered_spread, season
from app.domain.detection.calibration import GATE
from app.domain.detection.clustered_spread import ClusteredSpread
from app.domain.detection.ranking import Ranking
from app.domain.detection.season import Season

__all__ = ["Rest", "Scale"]

Floats = NDArray[np.float64]
#: Slow waves so many times as strong as in white noise: AR(1) .88. AR(1) .95 has 39; it had 68 false alarms where 30 are granted
#: (budget of 100,000, warm-up of 5,000) and has 39.
_STRONG = 15.0
#: The gate of the calibration where dependence is that strong, since its weights are not known well: the strictest of .05, .1
#: and .15 at which AR(1) .95 has no more false alarms than are granted (33, 29, 26 of 30; seeds from 1,001 on).
_STRONG_GATE = 0.1
#: Robust deviations from the median beyond which a value is an outlier, and at which later values are cut.
_OUTLIER, _FARTHEST = 8.0, 12.0


class Scale(NamedTuple):
    """A straight scale: ``centre`` becomes 0, ``unit`` 1."""

    centre: float
    unit: float

    @classmethod
    def of(cls, values: Floats) -> "Scale | None":
        """Median and median deviation of these values; None where there is no spread, or where there are outliers."""
        centre = float(np.median(values))
        distances = np.abs(values - centre)
        unit = 1.4826 * float(np.median(distances))
        return cls(centre, unit) if unit > 0 and float(np.max(distances)) < _OUTLIER * unit else None

    def apply(self, values: Floats) -> Floats:
        """These values on this scale."""
        scaled: Floats = np.clip((values - self.centre) / self.unit, -_FARTHEST, _FARTHEST)
        return scaled


class Rest:
    """``again`` ranks what is left among what was left of the warm-up; ``gate`` is what the calibration is to use."""

    def __init__(self, scale: Scale | None, fitted: Season | None, weights: list[float], spread: ClusteredSpread | None) -> None:
        self.scale, self.season, self.weights, self.spread = scale, fitted, weights, spread
        self.again: Ranking
        #: The last len(weights) scores without their season, oldest first: what the next residual is taken from.
        self.recent = np.zeros(len(weights))

    @classmethod
    def of(cls, normal: Floats, values: Floats, times: NDArray[np.int64]) -> "tuple[Rest | None, Floats]":
        """What these values and their normal scores show, and what is left of all but the first few."""
        scale = None
        fitted, level = _without_season(normal, times)
        if autoregression.slow_variance(level) > _STRONG and (scale := Scale.of(values)) is not None:
            fitted, level = _without_season(scale.apply(values), times)
        weights = autoregression.fit(level)
        order = len(weights)
        left = autoregression.residuals(level[order:], level[:order], weights)
        spread = clustered_spread.fit(left)
        if fitted is None and not weights and spread is None:
            return None, normal
        rest = cls(scale, fitted, weights, spread)
        if order:
            rest.recent = level[-order:].copy()
        if spread is not None:
            left = ClusteredSpread(spread.decay, spread.share, spread.mean).take(left)
        rest.again = Ranking.of(left)
        return rest, left

    @property
    def gate(self) -> float:
        """The chance at which the calibration takes white noise for dependent: what was fitted is never quite right."""
        if self.season is not None:
            return season.STRICT_GATE
        return GATE if self.scale is None else _STRONG_GATE

    @property
    def fitted(self) -> tuple[object, ...]:
        """All that was fitted."""
        spread = None if self.spread is None else (self.spread.decay, self.spread.share, self.spread.mean)
        return self.scale, self.season, self.weights, spread

    def take(self, values: Floats, terms: Callable[[], Floats]) -> Floats:
        """What is left of the next normal scores, or of the next values where there is a ``scale``."""
        level = values if self.scale is None else self.scale.apply(values)
        if self.season is not None:
            level = level - self.season.at(terms())
        left = level
        if self.weights:
            left = autoregression.residuals(level, self.recent, self.weights)
            self.recent = np.concatenate([self.recent, level])[-len(self.weights) :].copy()
        return left if self.spread is None else self.spread.take(left)

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        scale = None if self.scale is None else list(self.scale)
        fitted = None if self.season is None else self.season.dump()
        spread = None if self.spread is None else self.spread.dump()
        return {"scale": scale, "season": fitted, "weights": self.weights, "spread": spread, "again": self.again.dump(),
                "recent": self.recent}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Rest":
        """Take the state back."""
        scale = None if state["scale"] is None else Scale(*state["scale"])
        fitted = None if state["season"] is None else Season(**state["season"])
        spread = None if state["spread"] is None else ClusteredSpread(**state["spread"])
        rest = cls(scale, fitted, state["weights"], spread)
        rest.again, rest.recent = Ranking.load(state["again"]), state["recent"]
        return rest


def _without_season(values: Floats, times: NDArray[np.int64]) -> tuple[Season | None, Floats]:
    fitted = season.fit(values, times)
    return fitted, values if fitted is None else values - fitted.at(season.Calendar(times).lines)
