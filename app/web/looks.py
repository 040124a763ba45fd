"""Earlier looks at counters, so that a rate can be told when somebody asks.

A rate is over the time since the oldest look of the last minute. Looks are made when somebody asks, a second apart at the least,
so the first one has no rate, and there are never more than sixty.
"""

from collections import deque

__all__ = ["Counts", "Looks"]

_KEPT_SECONDS, _APART_SECONDS = 60.0, 1.0
#: By role and partition.
Counts = dict[tuple[str, int], float]


class Looks:
    """The looks of one process."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Counts]] = deque()

    def before(self, counts: Counts, now_s: float) -> tuple[float, Counts] | None:
        """How long ago the oldest look of the last minute was, and what it saw; this one is remembered."""
        while self._looks and now_s - self._looks[0][0] > _KEPT_SECONDS:
            self._looks.popleft()
        first = self._looks[0] if self._looks else None
        if not self._looks or now_s - self._looks[-1][0] >= _APART_SECONDS:
            self._looks.append((now_s, counts))
        if first is None or now_s - first[0] < _APART_SECONDS:
            return None
        return now_s - first[0], first[1]
