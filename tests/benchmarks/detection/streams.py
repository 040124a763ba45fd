"""The acceptance streams: seeded, one value a row; a day is 2,000 rows of event time.

A ``Null`` stream has no drift; its distribution is the same in the warm-up and afterwards. A ``Change`` is a null stream in which
something happens a known number of rows after the warm-up; ``divergence`` is the information that one value then holds about it,
in nats (Kullback and Leibler), where there is a formula.
"""

from collections.abc import Callable
from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

__all__ = ["AFTER", "CHANGES", "DAY_ROWS", "NULLS", "Change", "Floats", "Null", "Values", "steady"]

Floats = NDArray[np.float64]
#: Numbers, booleans, or numbers of categories; NaN in numbers is a missing value.
Values = NDArray[np.float64] | NDArray[np.bool_] | NDArray[np.int64]
Random = np.random.Generator

DAY_ROWS = 2_000
#: Rows between the warm-up and the change.
AFTER = 15_000


def steady(n: int) -> Floats:
    """The day, as a fraction, of each row."""
    return np.arange(n) / DAY_ROWS


def uneven(n: int) -> Floats:
    """The same where a row takes from 0.7 to 1.3 times as long, in waves of 20 days: traffic that grows and shrinks slowly."""
    days: Floats = np.cumsum(1 + 0.3 * np.sin(2 * np.pi * np.arange(n) / (20 * DAY_ROWS))) / DAY_ROWS
    return days


class Null(NamedTuple):
    """``make`` gives so many rows of it."""

    name: str
    make: Callable[[Random, int], Values]
    warm_up: int = 5_000
    clock: Callable[[int], Floats] = steady


class Change(NamedTuple):
    """``make`` gives so many rows, of which those from the second number on are changed."""

    name: str
    make: Callable[[Random, int, int], Values]
    divergence: float | None = None
    warm_up: int = 5_000
    #: Which goal holds: ``mean``, ``spread``, ``shape``, or none.
    family: str = ""


def _autoregressive(rng: Random, n: int, *weights: float, shift: Floats | float = 0.0) -> Floats:
    """Of marginal variance 1, with a burn-in; ``shift`` in marginal standard deviations is added."""
    noise = rng.normal(size=n + 1_000)
    line: Floats = lfilter([1.0], [1.0, *(-w for w in weights)], noise)[1_000:]
    if len(weights) == 1:
        sd = 1 / sqrt(1 - weights[0] ** 2)
    else:
        first, second = weights
        sd = sqrt((1 - second) / ((1 + second) * ((1 - second) ** 2 - first**2)))
    return line / sd + shift


def _garch(rng: Random, n: int, alpha: float = 0.15, beta: float = 0.8) -> Floats:
    noise, out = rng.normal(size=n + 1_000), np.empty(n + 1_000)
    variance = 1.0
    for i, each in enumerate(noise.tolist()):
        out[i] = each * sqrt(variance)
        variance = (1 - alpha - beta) + alpha * out[i] ** 2 + beta * variance
    return out[1_000:]


def _day(days: Floats) -> Floats:
    wave: Floats = 2 * np.sin(2 * np.pi * days)
    return wave


def _wander(rng: Random, n: int, sd: float) -> Floats:
    """Each day has a level of its own."""
    return np.repeat(rng.normal(scale=sd, size=n // DAY_ROWS + 1), DAY_ROWS)[:n]


def _share_of_day(n: int) -> Floats:
    """From a fiftieth at night to a tenth by day."""
    share: Floats = 0.06 + 0.04 * np.sin(2 * np.pi * steady(n))
    return share


def _weekend(n: int) -> Floats:
    """One standard deviation lower on two days of seven; row 0 is the beginning of a Thursday, as 1970 began."""
    day = (np.arange(n) // DAY_ROWS + 3) % 7
    return np.where(day >= 5, -1.0, 0.0)


def _season(rng: Random, n: int, clock: Callable[[int], Floats] = steady) -> Floats:
    return _day(clock(n)) + _autoregressive(rng, n, 0.8)


def _markov(rng: Random, n: int, share: float = 0.2, correlation: float = 0.3) -> NDArray[np.bool_]:
    """A boolean with this share and this correlation of neighbours: it keeps its value, or is drawn anew."""
    drawn, kept = rng.random(n) < share, rng.random(n) < correlation
    kept[0] = False
    latest = np.maximum.accumulate(np.where(kept, 0, np.arange(n)))
    chosen: NDArray[np.bool_] = drawn[latest]
    return chosen


def zipf_shares(categories: int) -> Floats:
    """Shares that fall as 1 / rank."""
    weights = 1 / np.arange(1, categories + 1)
    return weights / weights.sum()


def _categories(rng: Random, n: int, shares: Floats) -> NDArray[np.int64]:
    return np.searchsorted(np.cumsum(shares), rng.random(n)).clip(0, len(shares) - 1).astype(np.int64)


def _outliers(rng: Random, n: int) -> Floats:
    return rng.lognormal(4, 0.5, n) * np.where(rng.random(n) < 0.01, 20.0, 1.0)


def _burst_of_nothing(rng: Random, n: int) -> Floats:
    values = rng.normal(size=n)
    begin = n // 2
    values[begin : begin + 500] = np.nan
    return values


NULLS = (
    Null("normal", lambda rng, n: rng.normal(size=n)),
    Null("lognormal(4, .5)", lambda rng, n: rng.lognormal(4, 0.5, n)),
    Null("lognormal, 1 % x 20", _outliers),
    Null("t3", lambda rng, n: rng.standard_t(3, n)),
    Null("Poisson(3)", lambda rng, n: rng.poisson(3, n).astype(np.float64)),
    Null("constant", lambda _, n: np.full(n, 7.0)),
    Null("two values", lambda rng, n: rng.integers(0, 2, n).astype(np.float64)),
    Null("rounded", lambda rng, n: np.round(rng.normal(size=n), 1)),
    Null("AR(1) .3", lambda rng, n: _autoregressive(rng, n, 0.3)),
    Null("AR(1) .8", lambda rng, n: _autoregressive(rng, n, 0.8)),
    Null("AR(1) .95", lambda rng, n: _autoregressive(rng, n, 0.95)),
    Null("AR(2) .5 .3", lambda rng, n: _autoregressive(rng, n, 0.5, 0.3)),
    Null("GARCH(.15, .8)", _garch),
    Null("daily season + AR .8", _season, 7 * DAY_ROWS),
    Null("the same, days wander by .2", lambda rng, n: _season(rng, n) + _wander(rng, n, 0.2), 7 * DAY_ROWS),
    Null("season, wander and weekends", lambda rng, n: _season(rng, n) + _wander(rng, n, 0.2) + _weekend(n), 14 * DAY_ROWS),
    Null("season, the rate of traffic moves", lambda rng, n: _season(rng, n, uneven), 7 * DAY_ROWS, uneven),
    Null("a burst of missing values", _burst_of_nothing),
    Null("Bernoulli .001", lambda rng, n: rng.random(n) < 0.001),
    Null("Bernoulli .05", lambda rng, n: rng.random(n) < 0.05),
    Null("Bernoulli .5", lambda rng, n: rng.random(n) < 0.5),
    Null("a share with a day, .02 to .1", lambda rng, n: rng.random(n) < _share_of_day(n), 7 * DAY_ROWS),
    Null("Markov .2, neighbours .3", _markov),
    Null("Zipf 8", lambda rng, n: _categories(rng, n, zipf_shares(8))),
    Null("Zipf 5,000", lambda rng, n: _categories(rng, n, zipf_shares(5_000))),
)


def _from(n: int, at: int) -> NDArray[np.bool_]:
    later: NDArray[np.bool_] = np.arange(n) >= at
    return later


def _mean(shift: float) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        return rng.normal(size=n) + np.where(_from(n, at), shift, 0.0)

    return Change(f"mean +{shift:g} sd", make, shift**2 / 2, family="mean")


def _spread(factor: float) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        return rng.normal(size=n) * np.where(_from(n, at), factor, 1.0)

    return Change(f"sd x {factor:g}", make, (factor**2 - 1) / 2 - log(factor), family="spread")


def _becomes(name: str, draw: Callable[[Random, int], Floats], divergence: float | None = None) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        return np.concatenate([rng.normal(size=at), draw(rng, n - at)])

    return Change(name, make, divergence, family="shape")


def _ar_mean(shift: float) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        return _autoregressive(rng, n, 0.8, shift=np.where(_from(n, at), shift, 0.0))

    return Change(f"AR .8, +{shift:g} sd", make, (shift * 0.2 / 0.6) ** 2 / 2, family="mean")


def _season_mean(shift: float, wander: float, name: str) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        return _season(rng, n) + _wander(rng, n, wander) + np.where(_from(n, at), shift, 0.0)

    return Change(name, make, (shift * 0.2 / 0.6) ** 2 / 2, 7 * DAY_ROWS)


def _share(before: float, after: float) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        flags: NDArray[np.bool_] = rng.random(n) < np.where(_from(n, at), after, before)
        return flags

    divergence = after * log(after / before) + (1 - after) * log((1 - after) / (1 - before))
    return Change(f"share {before:g} to {after:g}", make, divergence, family="mean")


def _seasonal_share(factor: float) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        flags: NDArray[np.bool_] = rng.random(n) < _share_of_day(n) * np.where(_from(n, at), factor, 1.0)
        return flags

    share = _share_of_day(DAY_ROWS)
    after = factor * share
    divergence = float(np.mean(after * log(factor) + (1 - after) * np.log((1 - after) / (1 - share))))
    return Change(f"a share with a day, x {factor:g}", make, divergence, 7 * DAY_ROWS, "mean")


def _moves(part: float) -> Change:
    """So much of the heaviest category's share goes to the lightest."""
    before = zipf_shares(8)
    after = before.copy()
    after[0] -= part
    after[-1] += part

    def make(rng: Random, n: int, at: int) -> Values:
        return np.concatenate([_categories(rng, at, before), _categories(rng, n - at, after)])

    divergence = float(np.sum(after * np.log(after / before)))
    return Change(f"Zipf 8, {100 * part:g} % moves", make, divergence, family="mean")


def _new_category(part: float) -> Change:
    def make(rng: Random, n: int, at: int) -> Values:
        values = _categories(rng, n, zipf_shares(8))
        values[_from(n, at) & (rng.random(n) < part)] = 8
        return values

    return Change(f"new category, {100 * part:g} %", make, inf)


def _swapped(rng: Random, n: int, at: int) -> Values:
    values = _categories(rng, n, zipf_shares(8))
    later = _from(n, at)
    first, second = later & (values == 1), later & (values == 3)
    values[first], values[second] = 3, 1
    return values


def _ramp(rng: Random, n: int, at: int) -> Values:
    return rng.normal(size=n) + np.clip((np.arange(n) - at) / 10_000, 0.0, 1.0)


def _stuck(rng: Random, n: int, at: int) -> Values:
    values = rng.normal(size=n)
    values[at:] = values[at]
    return values


def _reverts(rng: Random, n: int, at: int) -> Values:
    values = rng.normal(size=n)
    values[at : at + 500] += 1.0
    return values


def _tenth(rng: Random, n: int, at: int) -> Values:
    """One row in ten moves by two standard deviations: a segment that nobody watches for itself."""
    return rng.normal(size=n) + np.where(_from(n, at) & (rng.random(n) < 0.1), 2.0, 0.0)


def _clock(rng: Random, n: int, at: int) -> Values:
    """Hours since a start, which is set back: values return to the lower half of what they were."""
    hours: Floats = rng.uniform(0, 100, n)
    hours[at:] = rng.uniform(0, 50, n - at)
    return hours


def _latency(rng: Random, n: int, at: int) -> Values:
    return rng.lognormal(4, 0.5, n) * np.where(_from(n, at), 1.2, 1.0)


def _paired(rng: Random, n: int, at: int) -> Values:
    """Shadow less legacy on seasonal requests: what both share has cancelled."""
    return rng.normal(size=n) + np.where(_from(n, at), 0.25, 0.0)


def _thousandfold(rng: Random, n: int, at: int) -> Values:
    return rng.lognormal(4, 0.5, n) * np.where(_from(n, at), 1_000.0, 1.0)


def _exponential(rng: Random, n: int) -> Floats:
    return rng.exponential(size=n) - 1


def _two_peaks(rng: Random, n: int) -> Floats:
    return rng.choice([-1.0, 1.0], n) * sqrt(0.75) + rng.normal(scale=0.5, size=n)


CHANGES = (
    *map(_mean, (0.1, 0.25, 0.5, 1.0, 2.0)),
    *map(_spread, (0.5, 1.25, 1.5, 2.0)),
    _becomes("to exponential", _exponential, 0.5 * log(2 * np.pi) - 1 + 0.5),
    _becomes("to t3, same sd", lambda rng, n: rng.standard_t(3, n) / sqrt(3)),
    _becomes("to two peaks", _two_peaks),
    Change("latency x 1.2", _latency, (log(1.2) / 0.5) ** 2 / 2, family="mean"),
    Change("latency x 1,000", _thousandfold, (log(1_000) / 0.5) ** 2 / 2),
    Change("ramp to 1 sd in 10,000", _ramp),
    Change("a change that ends after 500", _reverts, 0.5),
    Change("a tenth of the traffic, +2 sd", _tenth),
    Change("stuck sensor", _stuck),
    Change("a feature's clock set back", _clock, log(2)),
    *map(_ar_mean, (0.5, 1.0)),
    _season_mean(1.0, 0.0, "season + AR .8, +1 sd"),
    _season_mean(2.0, 0.2, "with days that wander, +2 sd"),
    Change("paired difference, +.25 sd", _paired, 0.25**2 / 2, family="mean"),
    *(_share(0.05, after) for after in (0.07, 0.1, 0.2)),
    _seasonal_share(1.5),
    *map(_moves, (0.03, 0.05, 0.1, 0.2)),
    *map(_new_category, (0.005, 0.02)),
    Change("two categories change places", _swapped),
)
