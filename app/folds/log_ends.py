"""What the broker last said of the inputs of a partition: where each log ends, and for how long nothing has come.

Everything here rests on answers that have come, never on what is still under way; a log of which nothing is known has not
been read to its end.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from app.folds.silence import Silence

__all__ = ["FetchState", "Host", "LogEnds"]


class FetchState(NamedTuple):
    """What the broker's last answer for a partition said: where the log ends, and when that was (seconds, monotonic clock)."""

    end: int | None
    answered_at: float


class Host(Protocol):
    """What a shard needs to know of the consumer."""

    def fetch_state(self, side: int, partition: int) -> FetchState: ...
    async def log_spans(self, partition: int) -> list[tuple[int, int]]: ...


class LogEnds:
    """Of the inputs of one partition. ``now`` is the monotonic clock, the same that answers are timed by."""

    def __init__(self, host: Host, partition: int, sides: int, now: Callable[[], float]) -> None:
        self._host, self._partition, self._now = host, partition, now
        self._silences = [Silence(now) for _ in range(sides)]

    def look(self, positions: Sequence[int]) -> tuple[list[bool], int]:
        """Of which sides all has been read at these positions, and when (ms) the broker last answered for any side."""
        reached, newest = [], 0.0
        for side, at in enumerate(positions):
            end, answered_at = self._host.fetch_state(side, self._partition)
            reached.append(end is not None and at >= end)
            if answered_at > newest:
                newest = answered_at
        return reached, int(newest * 1000)

    def unanswered_s(self, sides: Sequence[int]) -> float:
        """For how long the worst of these sides has heard nothing; what the client still hands on of an answer is news too."""
        heard = (max(self._silences[side].broken_at, self._host.fetch_state(side, self._partition).answered_at) for side in sides)
        return max((self._now() - at for at in heard), default=0.0)

    def broken(self, side: int) -> None:
        """Something came."""
        self._silences[side].broken()

    def begin(self) -> None:
        """Count silence from now on."""
        for silence in self._silences:
            silence.broken()

    def idle_ms(self, positions: Sequence[int], waiting: Sequence[bool]) -> list[int | None]:
        """For how long there has been nothing on each side; None where there is more to read, or something waits."""
        idle: list[int | None] = []
        for side, (at, waits) in enumerate(zip(positions, waiting, strict=True)):
            end, answered_at = self._host.fetch_state(side, self._partition)
            lasts_ms = self._silences[side].lasts_ms(answered_at)
            idle.append(lasts_ms if end is not None and at >= end and not waits else None)
        return idle
