"""What a window's mean really varies by, on each time scale, and the threshold that follows.

Independent values have a mean over w of variance v/w with v = 1 at every scale. Real streams do not: days differ, a fit is
short, a season only nearly right. So each level l keeps Q_l, the sum over disjoint blocks of w = 2^l values of
w (block mean - mean)^2, and d_l, the number of blocks less one; both from the warm-up and, from w = 64 on, from quiet life.
Going up from l = 0 with v = 1: where Q_l exceeds what chance allows at the present v, v becomes Q_l / d_l; where there are
fewer than four degrees of freedom, v grows on as it grew at the level below. Once v was estimated, the threshold is widened
to the tail of Student's t with as many degrees of freedom.

Without dependence the threshold is h_l = ln(A 14 / 2^l), A the mean number of values between false alarms that the column
is granted. Sources: Lorden 1971; Siegmund and Venkatraman 1995; Wallace 1959 (normal approximation to t); Wilson and
Hilferty 1931 (chi squared).
"""

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.scan_plan import LEVELS, WIDTHS

__all__ = ["GATE", "STEP", "UNREACHABLE", "base_thresholds", "block_scatter", "calibrate", "gate_quantile", "stretch_scatter"]

Floats = NDArray[np.float64]
#: The chance that a level of white noise is taken for dependent, where no season was fitted: the price is delay, +0.1 sd 2,216
#: -> 3,944 values at .05.
GATE = 0.01
#: Rows between two running sums that are kept of a stretch: life is learnt from on the scales from here on.
STEP = 64
#: Fewer degrees of freedom say nothing of a variance.
_LEAST_FREEDOM = 4
#: A threshold that nothing reaches: where four blocks were all there was, the tail is that long.
UNREACHABLE = 1e12


def base_thresholds(values_between_false_alarms: float) -> Floats:
    """h_l of a column without dependence, for each level."""
    return np.log(values_between_false_alarms * LEVELS / WIDTHS)


def block_scatter(values: Floats) -> tuple[Floats, Floats]:
    """Q and d, levels by columns, of a reference (rows by columns)."""
    rows, columns = values.shape
    scatter, freedom = np.zeros((LEVELS, columns)), np.zeros((LEVELS, columns))
    running = np.concatenate([np.zeros((1, columns)), np.cumsum(values, axis=0)])
    for level, width in enumerate(WIDTHS.tolist()):
        blocks = rows // width
        if blocks < 2:
            break
        means = np.diff(running[: blocks * width + 1 : width], axis=0) / width
        centre = running[blocks * width] / (blocks * width)
        scatter[level] = width * np.sum((means - centre) ** 2, axis=0)
        freedom[level] = blocks - 1
    return scatter, freedom


def stretch_scatter(
    running: Floats, counts: Floats, older: Floats, older_count: Floats, least: float, *, shares: bool
) -> tuple[Floats, Floats]:
    """Q and d of a stretch of life, from its running sums and counts at each multiple of ``STEP`` rows, the first at its start.

    ``older`` and ``older_count`` are sums and counts of all that came before it: a block's deviation from their mean has the
    variance 1/n + 1/older_count, and is weighed by that. Blocks with fewer than ``least`` values tell nothing.
    """
    mean, unit = older / older_count, np.ones_like(older)
    if shares:
        share = (older + 1) / (older_count + 2)
        unit = share * (1 - share)
    scatter, freedom = np.zeros((LEVELS, len(older))), np.zeros((LEVELS, len(older)))
    for level in range(STEP.bit_length() - 1, LEVELS):
        points = slice(None, None, int(WIDTHS[level]) // STEP)
        n = np.diff(counts[points], axis=0)
        good = n >= least
        if shares:  # a class too rare for a block to hold one value says nothing of its variance
            good &= n * unit >= 1
        with np.errstate(all="ignore"):  # over an alarm counts begin anew: whatever comes of it is not good, and not used
            weight = n * older_count / (n + older_count) / unit
            deviation = np.diff(running[points], axis=0) / np.maximum(n, 1) - mean
            scatter[level] = np.sum(np.where(good, weight * deviation**2, 0.0), axis=0)
        freedom[level] = np.sum(good, axis=0)
    return scatter, freedom


def gate_quantile(gate: float) -> float:
    """The standard normal quantile that is exceeded with this chance."""
    return NormalDist().inv_cdf(1 - gate)


def _chi_squared_limit(freedom: Floats, gate: Floats) -> Floats:
    """Wilson and Hilferty's quantile, from the normal one of each column."""
    part = 2 / (9 * np.maximum(freedom, 1))
    return np.maximum(freedom, 1) * (1 - part + gate * np.sqrt(part)) ** 3


def _student(threshold: Floats, freedom: Floats) -> Floats:
    k = ((8 * freedom + 1) / (8 * freedom + 3)) ** 2
    exponent = np.minimum(2 * threshold / (freedom * k), 60.0)
    return np.minimum(freedom / 2 * np.expm1(exponent), UNREACHABLE)


def calibrate(scatter: Floats, freedom: Floats, base: Floats, gate: Floats) -> tuple[Floats, Floats]:
    """The variance v and the threshold h of each level and column; ``gate`` has a ``gate_quantile`` for each column."""
    columns = scatter.shape[1]
    variance, growth, used = np.ones(columns), np.ones(columns), np.ones(columns)
    estimated = np.zeros(columns, dtype=bool)
    variances, thresholds = np.empty_like(scatter), np.empty_like(scatter)
    limits = _chi_squared_limit(freedom, gate)
    for level in range(LEVELS):
        q, d = scatter[level], freedom[level]
        enough = d >= _LEAST_FREEDOM
        over = enough & (q > limits[level] * variance)
        fresh = q / np.maximum(d, 1)
        growth = np.where(over, np.minimum(2.0, fresh / variance), np.where(enough, 1.0, growth))
        used = np.where(over, d, used)
        estimated |= over
        variance = np.where(over, fresh, np.where(enough, variance, variance * growth))
        variances[level] = variance
        thresholds[level] = np.where(estimated, _student(base[level], used), base[level])
    return variances, thresholds
