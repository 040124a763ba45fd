"""What a value owes to the few before it: an AR(p) model by Yule-Walker, its order p <= 5 chosen by BIC.

    e_t = y_t - sum over k of w_k y_(t-k)

An order is taken only where it lowers n log(s^2_p) + p log(n), so white noise mostly keeps p = 0 and its values untouched.
Solved by the Levinson-Durbin recursion (Levinson 1947, Durbin 1960).
"""

from math import log

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "fit", "residuals", "slow_variance"]

Floats = NDArray[np.float64]
#: The highest order that is tried.
MOST = 5


def fit(values: Floats) -> list[float]:
    """The weights w_1 ... w_p of the order that BIC prefers; empty where that is none.

    >>> fit(np.resize([1.0, -1.0], 1000))[0] < -0.9
    True
    """
    n = len(values)
    centred = values - np.mean(values)
    covariance = [float(np.sum(centred[lag:] * centred[: n - lag])) / n for lag in range(MOST + 1)]
    if covariance[0] <= 0:
        return []
    best: list[float] = []
    weights: list[float] = []
    variance = covariance[0]
    least = n * log(variance)
    for order in range(1, MOST + 1):
        rest = covariance[order] - sum(w * covariance[order - 1 - k] for k, w in enumerate(weights))
        reflection = rest / variance
        weights = [w - reflection * v for w, v in zip(weights, reversed(weights), strict=True)] + [reflection]
        variance *= 1 - reflection * reflection
        if variance <= 1e-12 * covariance[0]:
            break
        criterion = n * log(variance) + order * log(n)
        if criterion < least:
            least, best = criterion, list(weights)
    return best


def residuals(values: Floats, before: Floats, weights: list[float]) -> Floats:
    """What is left of ``values``; ``before`` are the len(weights) values that precede them, oldest first."""
    order = len(weights)
    line = np.concatenate([before, values])
    rest = values.copy()
    for lag, weight in enumerate(weights, start=1):
        rest -= weight * line[order - lag : len(line) - lag]
    return rest


def slow_variance(values: Floats) -> float:
    """By how much slow waves are stronger in these values than in white noise of their variance; at least 1.

    It is the model's spectral density at frequency 0, in units of the variance: 1 for independent values, 39 for AR(1) .95.
    """
    weights = fit(values)
    total = float(np.mean((values - np.mean(values)) ** 2))
    if not weights or not total > 0:
        return 1.0
    centred = values - np.mean(values)
    left = residuals(centred[len(weights) :], centred[: len(weights)], weights)
    return max(1.0, float(np.mean(left * left)) / total / (1 - sum(weights)) ** 2)
