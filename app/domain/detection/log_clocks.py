"""How far a model's log has come in event time: of its pairs, and of its outcomes.

The clock of a log is the highest that the fourth lowest of 16 event times in a row has been. A producer whose clock is a day
ahead moves it only if 13 of 16 records in a row are its own: neither a batch of twelve does, nor one record in ten (once in
2.6e10). The lowest of four in a row, which waits about as long for what comes late, took four of them.

Outcomes come from all partitions of their topic, each of which is read at a pace of its own. After an outage one shard may
place hours of them before another has begun; were the newest of all the clock, those of the other would be late. So there is
a clock for each **source**, beside that of all outcomes together, and the slowest of them counts. A source counts from its
sixteenth outcome on, so that a few stray ones hold nothing up. It holds the others back by ``quiet_ms`` of event time at most;
one that was not heard of for so long, or in ``quiet`` outcomes, begins anew: its producers are gone.

Delivery guarantees: a pure function of the records; ``dump`` and ``load`` are exact. Bounded by the number of partitions.
"""

from collections import deque
from typing import Any

__all__ = ["BEHIND", "Clock", "SourceClocks"]

_IN_A_ROW, _RANK = 16, 4
#: Records by which the clock lies behind, where they are in order.
BEHIND = _IN_A_ROW - _RANK


class Clock:
    """Of one log, or of one source.

    >>> clock = Clock()
    >>> [clock.take(time_ms) for time_ms in (*range(1, 15), 99_000, 98_000, 15, 16)]
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 5, 6]
    """

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=_IN_A_ROW)
        #: 0 until sixteen records have come.
        self.now_ms = 0

    def take(self, time_ms: int) -> int:
        """The next record's event time; what the clock shows with it. It never goes back."""
        self._last.append(time_ms)
        if len(self._last) == _IN_A_ROW:
            self.now_ms = max(self.now_ms, sorted(self._last)[_RANK - 1])
        return self.now_ms

    def dump(self) -> list[Any]:
        """The state as plain data."""
        return [list(self._last), self.now_ms]

    @classmethod
    def load(cls, state: list[Any]) -> "Clock":
        """Take the state back."""
        clock = cls()
        clock._last.extend(state[0])
        clock.now_ms = state[1]
        return clock


class SourceClocks:
    """Of the sources together.

    >>> clocks = SourceClocks(quiet=1_000, quiet_ms=50)
    >>> [clocks.take(source, time_ms) for time_ms in range(1, 17) for source in (0, 1)][-1]
    9
    >>> [clocks.take(0, time_ms) for time_ms in range(17, 50)][-1], [clocks.take(0, time_ms) for time_ms in range(50, 90)][-1]
    (9, 77)
    """

    def __init__(self, quiet: int, quiet_ms: int) -> None:
        self._quiet, self._quiet_ms, self._taken = quiet, quiet_ms, 0
        self._together = Clock()
        self._clocks: dict[int, Clock] = {}
        #: For each source the number of the outcome that it was last heard with, and what the clock of all showed then; the
        #: longest ago comes first.
        self._heard: dict[int, tuple[int, int]] = {}
        self.now_ms = 0

    def take(self, source: int, time_ms: int) -> int:
        """The next outcome; how far all sources have come, 0 until there are sixteen. It never goes back."""
        self._taken += 1
        all_ms = self._together.take(time_ms)
        clock = self._clocks.get(source)
        if clock is None:
            clock = self._clocks[source] = Clock()
        clock.take(time_ms)
        self._heard.pop(source, None)
        self._heard[source] = self._taken, all_ms
        self._let_go(all_ms)
        slowest = min((each.now_ms for each in self._clocks.values() if each.now_ms), default=all_ms)
        self.now_ms = max(self.now_ms, min(all_ms, max(slowest, all_ms - self._quiet_ms)))
        return self.now_ms

    def _let_go(self, all_ms: int) -> None:
        """Sources that were not heard of for long."""
        while True:
            source, (number, heard_ms) = next(iter(self._heard.items()))
            if number > self._taken - self._quiet and heard_ms >= all_ms - self._quiet_ms:
                return
            del self._heard[source], self._clocks[source]

    def dump(self) -> list[Any]:
        """The state as plain data."""
        clocks = [[source, clock.dump()] for source, clock in self._clocks.items()]
        return [self._taken, self.now_ms, self._together.dump(), clocks, list(self._heard.items())]

    @classmethod
    def load(cls, state: list[Any], quiet: int, quiet_ms: int) -> "SourceClocks":
        """Take the state back."""
        made = cls(quiet, quiet_ms)
        made._taken, made.now_ms, together, clocks, heard = state
        made._together = Clock.load(together)
        made._clocks = {source: Clock.load(saved) for source, saved in clocks}
        made._heard = {source: (number, heard_ms) for source, (number, heard_ms) in heard}
        return made
