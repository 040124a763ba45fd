"""How many requests a model gets: one number for each interval of event time, watched as any other number.

An interval is closed by the record that moves the model's clock past its end by ``volume_lateness_ms``; what comes for it later
is counted in ``late`` and changes nothing. The clock is the highest median of 15 event times in a row, so a producer whose
clock is ahead does not close intervals of the others. An interval without a request is a zero, as long as the model goes on: a
model that gets nothing any more has no clock, and its silence is told when it comes back. The first interval is left out, it
has begun before the log did.

Traffic has days and weeks, so its warm-up is counted apart: ``volume_warm_up`` intervals, two weeks of minutes.

Bounded: intervals that are open, ``_MOST_OPEN``, records further ahead are in ``late`` too; zeros in a row, ``_MOST_EMPTY``:
behind a longer gap the count goes on as if there had been none. Where ``volume_interval_ms`` is another than it was, the panel
begins anew: what was counted is no reference for it. Delivery guarantees: a pure function of the model's records,
however they were cut; ``dump`` and ``load`` are bit for bit.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source
from schemas.statistics import Signal

__all__ = ["VolumeWatch"]

Integers = NDArray[np.int64]
_MEDIAN_OF = 15
_MOST_OPEN, _MOST_EMPTY = 4_096, 1_440
#: A window of figures has a quarter of an hour of minutes.
_WINDOW = 15
_VOLUME = Signal("volume")


def _config_of(config: DriftConfig) -> DriftConfig:
    """For rows that are intervals."""
    window: dict[str, Any] = {"window_events": _WINDOW, "window_events_most": _WINDOW, "window_ms": 0}
    return replace(config, warm_up=config.volume_warm_up, warm_up_ms=0, **window)


def _without_baseline(source: Source) -> Source:
    """No baseline has the volume: it warms up."""
    return source._replace(baseline=None)


class VolumeWatch:
    """See the module's text. ``part``: of the model's budget of false alarms."""

    def __init__(self, source: Source, config: DriftConfig, part: float) -> None:
        self._config = config
        self.panel = Panel("all", "", _without_baseline(source), _config_of(config), part=part)
        #: The last event times of the log, and the clock that they have reached.
        self._recent: Integers = np.zeros(0, dtype=np.int64)
        self._clock = 0
        #: The first interval that is not closed; None before the first record.
        self._next: int | None = None
        self._begin = 0
        self._open: Counter[int] = Counter()
        self.late = 0

    def feed(self, offsets: Integers, times: Integers) -> list[Emission]:
        """Take the model's next records in; what there is to say."""
        interval = self._config.volume_interval_ms
        clocks = self._clocks(times)
        if not len(clocks):
            return []
        offsets, times = offsets[-len(clocks) :], times[-len(clocks) :]
        if self._next is None:
            self._next = self._begin = int(clocks[0]) // interval + 1
        # The first interval that is open once each record has moved the clock.
        open_from = np.maximum((clocks - self._config.volume_lateness_ms) // interval, self._next)
        moves = np.flatnonzero(np.diff(open_from, prepend=self._next))
        numbers, closed, at = times // interval, list[tuple[int, int, float]](), 0
        for move in moves.tolist():
            self._count(numbers[at:move])
            closed += self._close(int(open_from[move]), int(offsets[move]))
            at = move
        self._count(numbers[at:])
        return self._feed(closed) if closed else []

    def _clocks(self, times: Integers) -> Integers:
        """The clock at each of these records, or at the last of them: the log's first 14 have none."""
        line = np.concatenate([self._recent, times])
        self._recent = line[-(_MEDIAN_OF - 1) :].copy()
        if len(line) < _MEDIAN_OF:
            return np.zeros(0, dtype=np.int64)
        medians = np.median(np.lib.stride_tricks.sliding_window_view(line, _MEDIAN_OF), axis=1).astype(np.int64)
        clocks: Integers = np.maximum(np.maximum.accumulate(medians), self._clock)
        self._clock = int(clocks[-1])
        return clocks

    def _count(self, numbers: Integers) -> None:
        if self._next is None:
            return
        for number, requests in zip(*(part.tolist() for part in np.unique(numbers, return_counts=True)), strict=True):
            if self._next <= number < self._next + _MOST_OPEN:
                self._open[number] += requests
            elif number >= self._begin:
                self.late += requests

    def _close(self, end: int, offset: int) -> Iterator[tuple[int, int, float]]:
        """Close the intervals up to number ``end``, which the record at this offset did: number, offset, requests of each."""
        begin, self._next = self._next or 0, end
        closed: Iterable[int] = range(begin, end)
        if end - begin > _MOST_EMPTY:
            closed = sorted({number for number in self._open if number < end}.union(range(begin, begin + _MOST_EMPTY)))
        return ((number, offset, float(self._open.pop(number, 0))) for number in closed)

    def _feed(self, closed: list[tuple[int, int, float]]) -> list[Emission]:
        numbers = np.array([number for number, _, _ in closed], dtype=np.int64)
        rows = Rows(
            offsets=np.array([offset for _, offset, _ in closed], dtype=np.int64),
            times=numbers * self._config.volume_interval_ms,
            digests=(numbers & 0xFFFFFFFF).astype(np.uint32),
            statuses=[""] * len(closed),
            versions=[""] * len(closed),
            columns={_VOLUME: [requests for _, _, requests in closed]},
        )
        return self.panel.feed(rows)

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        panel = self.panel.dump() | {"interval_ms": self._config.volume_interval_ms}
        return {"panel": panel, "recent": self._recent, "clock": self._clock, "next": self._next,
                "begin": self._begin, "open": sorted(self._open.items()), "late": self.late}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any], source: Source, config: DriftConfig, part: float) -> "VolumeWatch":
        """Take the state back, the counts and the clock alone where intervals had another length."""
        watch, panel = cls(source, config, part), state["panel"]
        watch._recent, watch._clock, watch.late = state["recent"], state["clock"], state["late"]
        if panel["interval_ms"] != config.volume_interval_ms:
            watch.panel.states.alarms, watch.panel.states.passed = panel["alarms"], panel["passed"]
            return watch
        watch.panel = Panel.load(panel, _without_baseline(source), _config_of(config))
        watch._next, watch._begin, watch._open = state["next"], state["begin"], Counter(dict(state["open"]))
        return watch
