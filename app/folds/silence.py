"""For how long a log has been at its end: by the broker's answers, and not by a clock, which runs on while we stand still.

An answer counts from the time at which the one before it had come, since it was asked for after that. Scenario that this
prevents: 1. the broker answers that there is nothing; 2. this process is stopped before it sees that; 3. a record comes;
4. the process goes on, takes the old answer for a new one, and what it waited for is given up though it lies in the log.
Held by ``tests/unit/app/test_shard.py::test_an_answer_from_before_a_pause_is_no_silence``.
"""

from collections.abc import Callable

__all__ = ["Silence"]


class Silence:
    """Of one log; ``broken_at`` is when something came. ``now`` is the monotonic clock, the same that answers are timed by."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._newest = self._before = 0.0
        self.broken_at = now()

    def broken(self) -> None:
        """Something came, or counting begins."""
        self.broken_at = self._now()

    def lasts_ms(self, answered_at: float) -> int:
        """For how long there has been nothing, as far as the answers up to the one at ``answered_at`` say; look often."""
        if answered_at > self._newest:
            self._newest, self._before = answered_at, self._newest
        return max(0, int((self._before - self.broken_at) * 1000))
