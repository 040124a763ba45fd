"""The log-likelihood gain of "the window has a mean of its own" over "window and past are one", beside its threshold.

Arguments are arrays of columns by questions: a window's sum (``window``), the mean of window and past together (``pooled``);
and of signals by questions: the number of values in the window (``n``) and before it (``before``). What belongs to a level and
column alone is an array of columns by one. Where a count is 0 the answer is not a number; the caller masks it. All of this is
per element: what an answer is does not depend on its neighbours.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CALM", "Close", "Side", "number_ratio", "set_aside", "share_bound", "share_ratio"]

Floats = NDArray[np.float64]
#: A ratio of gain to threshold at or below which nothing is decided.
CALM = 0.5
#: Stands for 0 in a logarithm that is multiplied by 0.
_TINY = 1e-300
#: Columns that stand together and of which only a rise (1) or only a fall (-1) counts.
Side = tuple[slice, float]


def number_ratio(window: Floats, n: Floats, before: Floats, pooled: Floats, variance: Floats, last_variance: Floats) -> Floats:
    """m^2 / 2 / (v_l / n + v_13 / before) / h: the squared difference of the means in units of its variance, halved.

    The window's mean less that of all before it is N / before times the window's mean less the pooled one, N being the values
    in both, which spares the mean before. ``variance`` and ``last_variance`` are 2 h v_l and 2 h v_13. Each signal has as many
    columns as any other; ``window`` is used up.
    """
    signals, questions = n.shape
    window, pooled, variance, last_variance = (
        part.reshape(signals, -1, part.shape[1]) for part in (window, pooled, variance, last_variance)
    )
    total = n + before
    window *= (1 / n)[:, None]
    window -= pooled
    window *= window
    spread = variance * (before / n)[:, None]
    spread += last_variance
    spread *= (before / (total * total))[:, None]
    window /= spread
    return window.reshape(-1, questions)


def share_bound(
    window: Floats, n: Floats, before: Floats, pooled: Floats, owner: NDArray[np.int64], sides: Sequence[Side]
) -> Floats:
    """Chi squared times p (1 - p), p being pooled; ``owner`` is the signal of each column.

    The difference window - n p is cut to 0 in a direction that does not count.
    """
    excess = _spread(n, owner) * pooled
    np.subtract(window, excess, out=excess)
    for columns, side in sides:
        part = excess[columns]
        (np.maximum if side > 0 else np.minimum)(part, 0.0, out=part)
    excess *= excess
    excess *= _spread((n + before) / (n * before), owner)
    return excess


class Close(NamedTuple):
    """Questions whose bound exceeds ``CALM``, one after another: where they stand, and what their gain is made of."""

    column: NDArray[np.int64]
    question: NDArray[np.int64]
    window: Floats
    n: Floats
    before: Floats
    share: Floats
    scale: Floats


def set_aside(
    bound: Floats, window: Floats, n: Floats, before: Floats, pooled: Floats, owner: NDArray[np.int64], scale: Floats
) -> Close | None:
    """Take the questions that could matter out of ``bound``, which is 0 there from now on; elsewhere it stands for the ratio.

    Logarithms are the price of this detector, so they are taken only where they can matter. KL(a || p) is at most
    (a - p)^2 / (p (1 - p)), so the whole is at most chi squared, which needs none: where chi squared stays at or below
    ``CALM``, below which nothing is decided, it stands for the gain. ``bound`` is chi squared times ``scale``.
    """
    if not (bound.size and bound.max() > CALM):
        return None
    at = np.flatnonzero(bound > CALM)
    column, question = np.divmod(at, bound.shape[1])
    signal = owner[column] if len(n) > 1 else np.zeros_like(column)
    of_level = question if scale.shape[1] > 1 else np.zeros_like(question)
    close = Close(
        column, question, window.take(at), n[signal, question], before[signal, question], pooled.take(at), scale[column, of_level]
    )
    bound.reshape(-1)[at] = 0.0
    return close


def share_ratio(close: Close) -> Floats:
    """[n KL(a || p) + before KL(b || p)] times ``scale`` (1 / v / h)."""
    share, total = close.share, close.n + close.before
    older = np.rint(share * total) - close.window
    log_p, log_q = np.log(np.maximum(share, _TINY)), np.log(np.maximum(1 - share, _TINY))
    gain = _divergence(close.window, close.n, log_p, log_q) + _divergence(older, close.before, log_p, log_q)
    return gain * close.scale


def _spread(values: Floats, owner: NDArray[np.int64]) -> Floats:
    """From signals to columns; one line may stand for all signals."""
    return values if len(values) == 1 else values.take(owner, axis=0)


def _divergence(ones: Floats, n: Floats, log_p: Floats, log_q: Floats) -> Floats:
    share = ones / n
    hits = ones * (np.log(np.maximum(share, _TINY)) - log_p)
    return hits + (n - ones) * (np.log(np.maximum(1 - share, _TINY)) - log_q)
