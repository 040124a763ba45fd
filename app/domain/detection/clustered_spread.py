"""Volatile hours and bursts: where large values follow large ones, a value is divided by the spread of its time.

    z_t = e_t / sqrt(1 - r + r f_t)        f_t: exponentially weighted mean of the e^2 before t, in units of their mean

``decay`` of the weights and ``share`` r are chosen by likelihood on a small grid, where Ljung's and Box's statistic of e^2 over
ten lags exceeds what chance gives. Without it a stream of that kind makes 80 alarms where 3 are allowed. Source: Bollerslev 1986
(GARCH), of which this is the case without a constant of its own.
"""

from itertools import accumulate, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClusteredSpread", "fit"]

Floats = NDArray[np.float64]
_LAGS = 10
#: Chi squared of ten degrees of freedom exceeds it once in a hundred million times.
_LEAST = 60.0
_DECAYS = (0.8, 0.9, 0.95, 0.975)
_SHARES = (0.3, 0.5, 0.7, 0.85, 0.95)


class ClusteredSpread:
    """``mean``: of the warm-up's squares; ``level``: f for the next value."""

    def __init__(self, decay: float, share: float, mean: float, level: float = 1.0) -> None:
        self.decay, self.share, self.mean, self.level = decay, share, mean, level

    def take(self, values: Floats) -> Floats:
        """The next values, each divided by the spread of its time."""
        levels = _levels(values * values / self.mean, self.decay, self.level)
        self.level = float(levels[-1])
        scaled: Floats = values / np.sqrt(1 - self.share + self.share * levels[:-1])
        return scaled

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"decay": self.decay, "share": self.share, "mean": self.mean, "level": self.level}


def _levels(squares: Floats, decay: float, first: float) -> Floats:
    """The level f before each value, and after the last."""
    gain = 1 - decay
    return np.array(list(accumulate(squares.tolist(), lambda level, square: decay * level + gain * square, initial=first)))


def fit(values: Floats) -> ClusteredSpread | None:
    """How the spread of these values clusters, where it does; its level is the one after the last of them."""
    mean = float(np.mean(values * values))
    if not mean > 0:
        return None
    squares = values * values / mean
    centred = squares - 1
    n, variance = len(values), float(np.sum(centred * centred))
    if n <= _LAGS or not variance > 0:
        return None
    correlations = [float(np.sum(centred[lag:] * centred[:-lag])) / variance for lag in range(1, _LAGS + 1)]
    if n * sum(each * each for each in correlations) <= _LEAST:
        return None
    levels = {decay: _levels(squares, decay, 1.0) for decay in _DECAYS}

    def lack(chosen: tuple[float, float]) -> float:
        decay, share = chosen
        variances = 1 - share + share * levels[decay][:-1]
        return float(np.sum(np.log(variances) + squares / variances))

    decay, share = min(product(_DECAYS, _SHARES), key=lack)
    return ClusteredSpread(decay, share, mean, float(levels[decay][-1]))
