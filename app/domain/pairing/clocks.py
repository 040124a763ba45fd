"""What the timestamps of events tell of the clocks that made them, counted for a minute.

``Ahead``: sampled events of an input topic whose timestamp lies after that of their own Kafka record by more than is allowed.
An event cannot be asked after it was written, so one of two clocks is wrong, or a time zone. (The record's timestamp is the
producer's, or the broker's where the topic has ``message.timestamp.type=LogAppendTime``.) Behind it may lie for any time: a
backlog, or a replay of old events, is as old as it says.

``Gap``: of compared requests, how far a shadow's timestamp lies after the live model's. Both say when the same request was asked,
whatever the records' own times and however late they were read. *Apart* are those that have used up half the time that a request
waits; what is further apart than that time does not meet, and is late within the horizon, where it counts here all the same.

Bounded: ``_KEPT`` of the events ahead are kept for their median, the first of the minute. Delivery guarantees: plain data, saved
with the minute; what is kept comes in the order of one log, and what comes from two logs is sums alone.
"""

from statistics import median

from msgspec import Struct

__all__ = ["Ahead", "Gap"]

_KEPT = 32


class Ahead(Struct, gc=False, array_like=True):
    """``first``: by how many milliseconds the first of them were ahead."""

    events: int = 0
    most_ms: int = 0
    first: list[int] = []

    def note(self, lead_ms: int) -> None:
        """One more event is ahead by so much."""
        self.events += 1
        self.most_ms = max(self.most_ms, lead_ms)
        if len(self.first) < _KEPT:
            self.first.append(lead_ms)

    def figures(self, allowed_ms: int) -> dict[str, int]:
        """As statistics tell it."""
        return {"events": self.events, "allowed_ms": allowed_ms, "median_ms": int(median(self.first)), "most_ms": self.most_ms}


class Gap(Struct, gc=False, array_like=True):
    """Counts of the requests that were compared; ``ahead_ms``, ``behind_ms``: the gaps of those that are apart, added up."""

    compared: int = 0
    ahead: int = 0
    behind: int = 0
    ahead_ms: int = 0
    behind_ms: int = 0
    most_ms: int = 0

    def note(self, gap_ms: int, wait_ms: int) -> None:
        """One more request was compared, which waits for so long."""
        self.compared += 1
        if 2 * abs(gap_ms) <= wait_ms:
            return
        self.most_ms = max(self.most_ms, abs(gap_ms))
        if gap_ms > 0:
            self.ahead += 1
            self.ahead_ms += gap_ms
        else:
            self.behind += 1
            self.behind_ms -= gap_ms

    def figures(self) -> dict[str, int]:
        """As statistics tell it; the mean is that of the more frequent direction, below zero where the shadow is behind."""
        apart, sum_ms = (self.ahead, self.ahead_ms) if self.ahead >= self.behind else (self.behind, -self.behind_ms)
        return {"compared": self.compared, "ahead": self.ahead, "behind": self.behind,
                "mean_ms": round(sum_ms / apart) if apart else 0, "most_ms": self.most_ms}  # fmt: skip
