"""Partition logs: the inputs, whose whole course is known beforehand, and the topics that transactions write to.

An input's records become visible at their arrival. Its offsets have holes, where a producer's transaction markers and aborted
records would lie. An output is written by transactions alone: entries of an open one hide everything behind them from a
`read_committed` reader (the last stable offset), those of an aborted one stay in the log and are skipped, and each end of a
transaction takes one offset in each partition that it wrote to.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from app.folds.fold import Headers, Run

__all__ = ["Entry", "InputLog", "OutputLog", "SourceEvent"]


class SourceEvent:
    """A record of an input. ``identity``: side, model, request, version, timestamp, prediction; None for poison."""

    __slots__ = ("arrival_s", "headers", "identity", "key", "offset", "timestamp", "value")

    def __init__(self, arrival_s: float, timestamp: int, key: bytes | None, value: bytes, identity: Any) -> None:
        self.arrival_s, self.timestamp, self.key, self.value, self.identity = arrival_s, timestamp, key, value, identity
        self.headers: Sequence[tuple[str, bytes]] = ()
        self.offset = 0


class InputLog:
    """``events`` by arrival, their offsets set; the log ends at ``end`` when all are there."""

    def __init__(self, events: list[SourceEvent], begin: int, end: int, now: Callable[[], float]) -> None:
        self.events, self.begin, self.end, self._now = events, begin, end, now
        self.offsets = [event.offset for event in events]
        self._arrivals = [event.arrival_s for event in events]
        self._ends = [*self.offsets, end]  # by number of visible records: holes belong to what is before them

    def visible_end(self, *, committed: bool = True) -> int:
        """Where the log ends by now."""
        return self._ends[bisect_right(self._arrivals, self._now())]

    def below(self, offset: int) -> int:
        """How many records lie below an offset."""
        return bisect_left(self.offsets, offset)

    def fetch(self, position: int, at_most: int) -> Run:
        """The run that a fetch from ``position`` gives."""
        first = bisect_left(self.offsets, position)
        last = max(first, min(first + at_most, bisect_right(self._arrivals, self._now())))
        run = Run(self.events[first:last])
        run.start, run.end = position, max(position, self._ends[last])
        return run

    def read(self, position: int, *, committed: bool) -> tuple[Run, int]:
        """Some records from ``position`` on, and the position after them."""
        run = self.fetch(position, 10)
        return run, run.end


class Entry:
    """A record of an output, or the marker that ends a transaction there. ``transaction``: the one that wrote it."""

    __slots__ = ("headers", "key", "offset", "timestamp", "transaction", "value")

    def __init__(self, key: bytes | None, value: bytes | None, headers: Headers, transaction: Any) -> None:
        self.key, self.value, self.headers, self.transaction = key, value, headers, transaction
        self.offset = self.timestamp = 0


class OutputLog:
    """See the module's text. A transaction says of itself whether it was ``committed``; None is a marker's."""

    def __init__(self, topic: str, partition: int) -> None:
        self.topic, self.partition = topic, partition
        self.entries: list[Entry | None] = []
        self._open: dict[Any, int] = {}  # transaction to its first offset
        self.sequences: dict[tuple[int, int], int] = {}  # newest batch number by producer and epoch

    def append(self, transaction: Any, entries: list[Entry]) -> None:
        """Write a batch."""
        self._open.setdefault(transaction, len(self.entries))
        for entry in entries:
            entry.offset, entry.transaction = len(self.entries), transaction
            self.entries.append(entry)

    def mark(self, transaction: Any) -> None:
        """Write the marker that ends a transaction here."""
        self.entries.append(None)
        self._open.pop(transaction, None)

    begin = 0

    def visible_end(self, *, committed: bool) -> int:
        """Where the log ends for such a reader."""
        return self.last_stable if committed else len(self.entries)

    @property
    def last_stable(self) -> int:
        """Up to where a ``read_committed`` reader is shown the log."""
        return min(self._open.values(), default=len(self.entries))

    def read(self, start: int, *, committed: bool) -> tuple[list[Entry], int]:
        """The records from ``start`` on that a reader is shown, and its position after them."""
        end = self.visible_end(committed=committed)
        found = [entry for entry in self.entries[start:end] if entry is not None]
        if committed:
            found = [entry for entry in found if entry.transaction.committed]
        return found, max(start, end)
