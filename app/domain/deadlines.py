"""What has to be looked at when event time passes a certain millisecond.

A calendar of buckets: a deadline's bucket is a dictionary entry, the buckets in use are a heap, so that adding costs an
append and passing costs what is due, however far time jumps. Entries are never removed early: whoever takes them out looks
whether they still matter. Deadlines inside a bucket are told apart exactly.
"""

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Deadlines"]

_Entry = TypeVar("_Entry")

#: 64 ms: some thousand buckets for a window of minutes, some dozens of entries in a bucket that is passed half way.
_SHIFT = 6


class Deadlines(Generic[_Entry]):
    """Entries by deadline, in milliseconds of event time. The size is bounded by what waits, which the window bounds."""

    __slots__ = ("_buckets", "_heap")

    def __init__(self) -> None:
        self._buckets: dict[int, list[tuple[int, _Entry]]] = {}
        self._heap: list[int] = []

    def add(self, deadline: int, entry: _Entry) -> None:
        """Have ``entry`` looked at once time exceeds ``deadline``."""
        bucket = self._buckets.get(deadline >> _SHIFT)
        if bucket is None:
            bucket = self._buckets[deadline >> _SHIFT] = []
            heapq.heappush(self._heap, deadline >> _SHIFT)
        bucket.append((deadline, entry))

    def passed(self, time: int) -> list[_Entry]:
        """Take out the entries whose deadline is below ``time``, in the order of buckets and of adding."""
        due: list[_Entry] = []
        heap, buckets = self._heap, self._buckets
        while heap and heap[0] <= time >> _SHIFT:
            number = heap[0]
            if number < time >> _SHIFT:
                heapq.heappop(heap)
                due.extend(entry for _, entry in buckets.pop(number))
                continue
            bucket = buckets[number]
            kept = [row for row in bucket if row[0] >= time]
            if len(kept) < len(bucket):
                due.extend(entry for deadline, entry in bucket if deadline < time)
                buckets[number] = kept
            break
        return due

    def any_below(self, time: int, matters: Callable[[_Entry], bool]) -> bool:
        """Whether an entry with a deadline below ``time`` still matters."""
        for number in sorted(self._heap):
            if number > time >> _SHIFT:
                return False
            if any(deadline < time and matters(entry) for deadline, entry in self._buckets[number]):
                return True
        return False
