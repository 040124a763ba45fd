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
        self._buckets: dict[int, tuple[list[int], list[_Entry]]] = {}  # two lists, since a tuple for each entry is work for gc
        self._heap: list[int] = []

    def add(self, deadline: int, entry: _Entry) -> None:
        """Have ``entry`` looked at once time exceeds ``deadline``."""
        bucket = self._buckets.get(deadline >> _SHIFT)
        if bucket is None:
            bucket = self._buckets[deadline >> _SHIFT] = ([], [])
            heapq.heappush(self._heap, deadline >> _SHIFT)
        bucket[0].append(deadline)
        bucket[1].append(entry)

    def passed(self, time: int) -> list[_Entry]:
        """Take out the entries whose deadline is below ``time``, in the order of buckets and of adding."""
        due: list[_Entry] = []
        heap, buckets, last = self._heap, self._buckets, time >> _SHIFT
        while heap and heap[0] < last:
            due += buckets.pop(heapq.heappop(heap))[1]
        if heap and heap[0] == last:
            deadlines, entries = buckets[last]
            if min(deadlines, default=time) < time:
                rows = list(zip(deadlines, entries, strict=True))
                due += [entry for deadline, entry in rows if deadline < time]
                kept = [row for row in rows if row[0] >= time]
                buckets[last] = ([deadline for deadline, _ in kept], [entry for _, entry in kept])
        return due

    def any_below(self, time: int, matters: Callable[[_Entry], bool]) -> bool:
        """Whether an entry with a deadline below ``time`` still matters."""
        for number in sorted(self._heap):
            if number > time >> _SHIFT:
                return False
            if any(deadline < time and matters(entry) for deadline, entry in zip(*self._buckets[number], strict=True)):
                return True
        return False
