"""A year of one model without any drift: how many alarms come of a budget of one false alarm a week. Minutes.

    python -m tests.benchmarks.detection.year [--pairs 10000000] [--seed 1] [--budget 1.0]

Twenty-one signals and the volume: numbers with a day, a weekend, dependence and a level that wanders from day to day, numbers
without, categories, booleans; scores and latencies of a legacy model and its shadow, their difference and disagreement. Traffic
has a day and a weekend too. The rows go to the watch of a model as the detect role gives them; two weeks of them are warm-up.
"""

import argparse
import time
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.watch import ModelWatch
from tests.benchmarks.detection.bounds import alarms_allowed

__all__ = ["Account", "run"]

Floats = NDArray[np.float64]
DAY_MS, DAYS = 86_400_000, 364
START_MS = 1_790_208_000_000  # the beginning of a Thursday
WARM_UP_DAYS = 14
_RUN = 2_048
_SEASONAL, _PLAIN, _CATEGORIES, _BOOLEANS = 7, 3, 2, 2


class Account(NamedTuple):
    """What was said in the weeks behind the warm-up; ``episodes``: alarmed signals, each with how often."""

    pairs: int
    weeks: float
    episodes: Counter[str]
    passed: int
    granted: float
    seconds: float

    def as_text(self, budget: float) -> str:
        """For people."""
        allowed, said = alarms_allowed(self.weeks, 1 / budget), self.episodes.total()
        told = ", ".join(f"{name} {times}" for name, times in self.episodes.most_common())
        return (
            f"{self.pairs:,} pairs, {self.weeks:.0f} weeks: {said} episodes of drift, {budget * self.weeks:.0f} granted, "
            f"at most {allowed} by chance ({'kept' if said <= allowed else 'NOT KEPT'}); {self.passed} passed, "
            f"the watch counts {self.granted:.1f} as granted; {self.pairs / self.seconds:,.0f} pairs a CPU-second\n{told}"
        )


class _Wave:
    """Numbers with a day, a weekend, AR(1) .8 and a level of its own for each day."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._state = rng, np.zeros(1)
        self._phase, self._height, self._dip = rng.uniform(0, 1), rng.uniform(0.5, 2), rng.uniform(0, 1)

    def day(self, fractions: Floats, *, weekend: bool) -> Floats:
        """The numbers of a day, at these fractions of it."""
        noise, self._state = lfilter([0.6], [1.0, -0.8], self._rng.normal(size=len(fractions)), zi=self._state)
        level = self._rng.normal(scale=0.2) - self._dip * weekend
        line: Floats = noise + level + self._height * np.sin(2 * np.pi * (fractions + self._phase))
        return line


def _fractions(rng: np.random.Generator, rows: int) -> Floats:
    """When the requests of a day come: three times as many at noon as at midnight."""
    grid = np.linspace(0, 1, 1_441)
    share = grid - np.sin(2 * np.pi * grid) / (4 * np.pi)
    return np.sort(np.interp(rng.random(rows), share, grid))


class _Year:
    def __init__(self, seed: int, pairs: int) -> None:
        self.rng, self._mean = np.random.default_rng(seed), pairs / DAYS
        self._waves = [_Wave(self.rng) for _ in range(_SEASONAL + 2)]
        self._offset = 0

    def day(self, number: int) -> PairColumns:
        """All pairs of a day."""
        rng, weekend = self.rng, number % 7 in {2, 3}
        rows = int(rng.poisson(self._mean * (0.8 if weekend else 1.08)))
        fractions = _fractions(rng, rows)
        waves = [wave.day(fractions, weekend=weekend) for wave in self._waves]
        pairs = PairColumns()
        pairs.offsets = list(range(self._offset, self._offset + rows))
        self._offset += rows
        pairs.times = (START_MS + number * DAY_MS + fractions * DAY_MS).astype(np.int64).tolist()
        pairs.digests = rng.integers(0, 2**32, rows).tolist()
        met = rng.random(rows) < 0.99
        pairs.statuses = np.where(met, "paired", "legacy_only").tolist()
        columns = {f"wave{at}": wave for at, wave in enumerate(waves[:_SEASONAL])}
        columns |= {f"plain{at}": rng.lognormal(4, 0.5, rows) for at in range(_PLAIN)}
        pairs.features.columns = {name: line.tolist() for name, line in columns.items()}
        letters, shares = np.array(list("abcdefgh")), 1 / np.arange(1, 9)
        for at in range(_CATEGORIES):
            pairs.features.columns[f"letter{at}"] = rng.choice(letters, rows, p=shares / shares.sum()).tolist()
        for at in range(_BOOLEANS):
            pairs.features.columns[f"flag{at}"] = (rng.random(rows) < (0.3, 0.02)[at]).tolist()
        pairs.features.rows = rows
        self._answer(pairs, waves[-2:], np.flatnonzero(met))
        return pairs

    def _answer(self, pairs: PairColumns, waves: list[Floats], met: NDArray[np.intp]) -> None:
        rng, rows = self.rng, len(pairs)
        score = 1 / (1 + np.exp(-waves[0]))
        difference = rng.normal(scale=0.02, size=rows)
        latency = np.exp(3 + 0.2 * waves[1])
        legacy, shadow = pairs.legacy, pairs.shadows
        legacy.which, legacy.versions = list(range(rows)), ["1"] * rows
        legacy.predictions, legacy.latencies, legacy.costs = score.tolist(), latency.tolist(), [None] * rows
        shadow.which, shadow.versions = met.tolist(), ["2"] * len(met)
        shadow.predictions = (score + difference)[met].tolist()
        shadow.latencies, shadow.costs = (latency * rng.lognormal(0, 0.1, rows))[met].tolist(), [None] * len(met)
        shadow.differences, shadow.agrees = difference[met].tolist(), (np.abs(difference) < 0.04)[met].tolist()


def run(pairs: int, seed: int, budget: float) -> Account:
    """A year of so many pairs, a CPU clock beside it."""
    config = DriftConfig(false_alarms_per_week=budget, warm_up_ms=WARM_UP_DAYS * DAY_MS)
    year, watch = _Year(seed, pairs), ModelWatch(Source("m", "pairs", 0, config.digest), config)
    fed, seconds, states, episodes = 0, 0.0, dict[str, str](), Counter[str]()
    for number in range(DAYS):
        day = year.day(number)
        for begin in range(0, len(day), _RUN):
            part = day.part(begin, min(begin + _RUN, len(day)))
            began = time.process_time()
            said = _all(watch, part)
            seconds += time.process_time() - began
            for one in said:
                state = one.statistics.detector.state
                episodes[one.key] += state == "drift" != states.get(one.key)
                states[one.key] = state
        fed += len(day)
    alarms = watch.alarms
    return Account(fed, (DAYS - WARM_UP_DAYS) / 7, +episodes, alarms.passed, alarms.granted, seconds)


def _all(watch: ModelWatch, part: PairColumns) -> list[Emission]:
    steps = watch.feed(part)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            said: list[Emission] = end.value
            return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=1.0, help="false alarms a week")
    options = parser.parse_args()
    print(run(options.pairs, options.seed, options.budget).as_text(options.budget))


if __name__ == "__main__":
    main()
