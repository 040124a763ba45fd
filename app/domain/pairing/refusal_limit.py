"""Whether reading on makes sense, where nearly all that comes is refused.

A producer that has gone wrong altogether can write millions of records that are no events. Each would be a dead letter, which
nobody reads any more after the first thousand, and which take the room of those that say something else. So when of the last
``events`` records of a side a ``share`` was refused, that side is *paused* for ``pause_ms``, and then tried again: what follows
is read until as many records have been seen once more. Poison without end is passed at that pace; a producer that was mended is
read at full speed as soon as its good events are reached.

Nothing is dropped or decided by a pause: what is not read yet stays in the log, a side that has more to read is neither at its
end nor silent, and the other one waits for it as for any that is late. So it may depend on how the log was cut into runs, and
nothing of it is saved: after a restart counting begins anew, and ``events`` records and a run are read before the next pause.
"""

from typing import NamedTuple

__all__ = ["RefusalLimit", "RefusalPolicy"]


class RefusalPolicy(NamedTuple):
    """Refused are at least ``share`` of at least ``events`` records: wait so long. 0 events: never."""

    events: int = 1_000
    share: float = 0.95
    pause_ms: int = 30_000


class RefusalLimit:
    """Of one side of one partition."""

    __slots__ = ("_policy", "_read", "_refused", "pauses")

    def __init__(self, policy: RefusalPolicy) -> None:
        self._policy = policy
        self._read = self._refused = 0
        self.pauses = 0

    def passes(self, read: int, refused: int) -> bool:
        """Take in what became of some more records; whether the side is to be paused now.

        >>> limit = RefusalLimit(RefusalPolicy(events=100, share=0.9))
        >>> [limit.passes(60, refused) for refused in (60, 60, 60, 0, 60, 60)]
        [False, True, False, False, False, True]
        """
        self._read += read
        self._refused += refused
        if not self._policy.events or self._read < self._policy.events:
            return False
        passed = self._refused >= self._policy.share * self._read
        self._read = self._refused = 0
        self.pauses += passed
        return passed
