"""The log-likelihood gain of "the window has a mean of its own" over "window and past are one".

Arguments are sums and counts of the window and of all that is older, each an array of questions by columns, and the
variance of the window's level. Where a count is 0 the answer is not a number; the caller masks it.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["number_gain", "share_gain"]

Floats = NDArray[np.float64]
#: Stands for 0 in a logarithm that is multiplied by 0.
_TINY = 1e-300


def number_gain(window: Floats, n: Floats, older: Floats, before: Floats, variance: Floats, last_variance: Floats) -> Floats:
    """m^2 / 2 / (v_l / n + v_13 / before): the squared difference of the means, in units of its variance, halved."""
    difference = window / n - older / before
    return 0.5 * difference * difference / (variance / n + last_variance / before)


def share_gain(window: Floats, n: Floats, older: Floats, before: Floats, variance: Floats, side: Floats) -> Floats:
    """[n KL(a || p) + before KL(b || p)] / v_l; 0 where only the other direction counts."""
    a, b = window / n, older / before
    p = (window + older) / (n + before)
    log_p, log_q = np.log(np.maximum(p, _TINY)), np.log(np.maximum(1 - p, _TINY))
    gain = _divergence(window, n, a, log_p, log_q) + _divergence(older, before, b, log_p, log_q)
    return np.where(side * (a - b) < 0, 0.0, gain / variance)


def _divergence(ones: Floats, n: Floats, share: Floats, log_p: Floats, log_q: Floats) -> Floats:
    hits = ones * (np.log(np.maximum(share, _TINY)) - log_p)
    return hits + (n - ones) * (np.log(np.maximum(1 - share, _TINY)) - log_q)
