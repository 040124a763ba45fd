"""When a broker answered, by a clock that nobody sets.

aiokafka times answers by the wall clock. Were silence measured by that, then of a clock that is set forward an hour all logs
would have been silent for that long, and what has just come would be given up; of one that is set back, nothing would be given
up for an hour (``make faults ONLY=clock-jump``). So the time of each answer is carried over to the monotonic clock, once, when
it is first seen.

An answer that was timed before the clock was set and is looked at afterwards comes out in the future or in the past. It does not
count: the time before it stays, and the next answer tells more, 50 ms later. Times never go back.
"""

import time
from collections.abc import Callable, Hashable

__all__ = ["AnswerTimes"]


class AnswerTimes:
    """Of some logs; ``wall`` and ``steady`` are the two clocks, in seconds."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._seen: dict[Hashable, tuple[int, float]] = {}

    def steady(self, log: Hashable, answered_wall_ms: int | None) -> float:
        """The monotonic second of the answer that aiokafka timed so; 0 while there is none."""
        if answered_wall_ms is None:
            self._seen.pop(log, None)
            return 0.0
        known_ms, known_at = self._seen.get(log, (None, 0.0))
        if answered_wall_ms != known_ms:
            now = self._steady()
            at = now - (self._wall() - answered_wall_ms / 1000)
            known_at = at if known_at < at <= now else known_at
            self._seen[log] = answered_wall_ms, known_at
        return known_at
