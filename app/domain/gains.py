"""The log-likelihood gain of "the window has a mean of its own" over "window and past are one", beside its threshold.

Arguments are sums and counts of the window (``window``, ``n``) and of all that is older (``older``, ``before``), each an
array of questions by columns, with what belongs to the window's level. Where a count is 0 the answer is not a number; the
caller masks it.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CALM", "number_ratio", "share_ratio"]

Floats = NDArray[np.float64]
#: A ratio of gain to threshold at or below which nothing is decided.
CALM = 0.5
#: Stands for 0 in a logarithm that is multiplied by 0.
_TINY = 1e-300


def number_ratio(
    window: Floats, n: Floats, older: Floats, before: Floats, variance: Floats, last_variance: Floats, inverse: Floats
) -> Floats:
    """m^2 / 2 / (v_l / n + v_13 / before) / h: the squared difference of the means in units of its variance, halved."""
    difference = window / n
    difference -= older / before
    difference *= difference
    difference *= inverse
    spread = variance / n
    spread += last_variance / before
    spread *= 2.0
    difference /= spread
    return difference


def share_ratio(
    window: Floats, n: Floats, before: Floats, share: Floats, precision: Floats, scale: Floats, lowest: Floats, highest: Floats
) -> Floats:
    """[n KL(a || p) + before KL(b || p)] times ``scale`` (1 / v / h), p being ``share`` and ``precision`` 1 / (p (1 - p)).

    The difference window - n p is cut to ``lowest`` and ``highest``: to 0 where a direction does not count.

    Logarithms are the price of this detector, so they are taken only where they can matter. KL(a || p) is at most
    (a - p)^2 / (p (1 - p)), so the whole is at most chi squared, which needs none: where chi squared stays at or below
    ``CALM``, below which nothing is decided, it stands for the gain.
    """
    excess = window - n * share
    np.clip(excess, lowest, highest, out=excess)
    bound = excess * excess
    bound *= (n + before) / (n * before)
    bound *= precision
    bound *= scale
    np.fmax(bound, 0.0, out=bound)  # 0 times infinity: a class that never came
    close = np.nonzero(bound > CALM)
    if len(close[0]):
        bound[close] = _exact(*(np.broadcast_to(part, bound.shape)[close] for part in (window, n, before, share, scale)))
    return bound


def _exact(window: Floats, n: Floats, before: Floats, share: Floats, scale: Floats) -> Floats:
    older = np.rint(share * (n + before)) - window
    log_p, log_q = np.log(np.maximum(share, _TINY)), np.log(np.maximum(1 - share, _TINY))
    return (_divergence(window, n, log_p, log_q) + _divergence(older, before, log_p, log_q)) * scale


def _divergence(ones: Floats, n: Floats, log_p: Floats, log_q: Floats) -> Floats:
    share = ones / n
    hits = ones * (np.log(np.maximum(share, _TINY)) - log_p)
    return hits + (n - ones) * (np.log(np.maximum(1 - share, _TINY)) - log_q)
