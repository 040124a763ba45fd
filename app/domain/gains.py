"""The log-likelihood gain of "the window has a mean of its own" over "window and past are one", beside its threshold.

Arguments are arrays of columns by questions: a window's sum (``window``), the mean of window and past together (``pooled``);
and of signals by questions: the number of values in the window (``n``) and before it (``before``), ``owner`` being the signal
of each column. What belongs to a level and column alone is an array of columns by one. Where a count is 0 the answer is not
a number; the caller masks it.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["CALM", "number_ratio", "share_bound", "share_ratio"]

Floats = NDArray[np.float64]
Index = NDArray[np.intp]
#: A ratio of gain to threshold at or below which nothing is decided.
CALM = 0.5
#: Stands for 0 in a logarithm that is multiplied by 0.
_TINY = 1e-300


def number_ratio(
    window: Floats, n: Floats, before: Floats, pooled: Floats, owner: Index | None, variance: Floats, last_variance: Floats
) -> Floats:
    """m^2 / 2 / (v_l / n + v_13 / before) / h: the squared difference of the means in units of its variance, halved.

    The window's mean less that of all before it is N / before times the window's mean less the pooled one, N being the values
    in both, which spares the mean before. ``variance`` and ``last_variance`` are 2 h v_l and 2 h v_13; ``window`` is used up.
    """
    total = n + before
    window *= _spread(1 / n, owner)
    window -= pooled
    window *= window
    spread = variance * _spread(before / n, owner)
    spread += last_variance
    spread *= _spread(before / (total * total), owner)
    window /= spread
    return window


def share_bound(
    window: Floats,
    n: Floats,
    before: Floats,
    pooled: Floats,
    owner: Index,
    precision: Floats,
    limits: tuple[Floats, Floats] | None,
) -> Floats:
    """Chi squared, at most which is 2-fold the gain, without a logarithm; ``precision`` is 1 / (p (1 - p)), p being pooled.

    The difference window - n p is cut to ``limits``: to 0 where a direction does not count.
    """
    excess = _spread(n, owner)
    excess *= pooled
    np.subtract(window, excess, out=excess)
    if limits is not None:
        np.maximum(excess, limits[0], out=excess)
        np.minimum(excess, limits[1], out=excess)
    excess *= excess
    excess *= _spread((n + before) / (n * before), owner)
    excess *= precision
    return excess


def share_ratio(bound: Floats, window: Floats, n: Floats, before: Floats, pooled: Floats, owner: Index, scale: Floats) -> Floats:
    """[n KL(a || p) + before KL(b || p)] times ``scale`` (1 / v / h), where it could matter; elsewhere ``bound`` stands for it.

    Logarithms are the price of this detector, so they are taken only where they can matter. KL(a || p) is at most
    (a - p)^2 / (p (1 - p)), so the whole is at most chi squared, which needs none: where chi squared stays at or below
    ``CALM``, below which nothing is decided, it stands for the gain. ``bound`` is chi squared times ``scale``, used up.
    """
    if bound.size and bound.max() > CALM:
        column, question = close = np.nonzero(bound > CALM)
        signal = owner[column]
        which = np.broadcast_to(scale, bound.shape)[close]
        bound[close] = _exact(window[close], n[signal, question], before[signal, question], pooled[close], which)
    return bound


def _spread(values: Floats, owner: Index | None) -> Floats:
    """From signals to columns; without an owner each column is a signal."""
    return values if owner is None else values.take(owner, axis=0)


def _exact(window: Floats, n: Floats, before: Floats, share: Floats, scale: Floats) -> Floats:
    older = np.rint(share * (n + before)) - window
    log_p, log_q = np.log(np.maximum(share, _TINY)), np.log(np.maximum(1 - share, _TINY))
    return (_divergence(window, n, log_p, log_q) + _divergence(older, before, log_p, log_q)) * scale


def _divergence(ones: Floats, n: Floats, log_p: Floats, log_q: Floats) -> Floats:
    share = ones / n
    hits = ones * (np.log(np.maximum(share, _TINY)) - log_p)
    return hits + (n - ones) * (np.log(np.maximum(1 - share, _TINY)) - log_q)
