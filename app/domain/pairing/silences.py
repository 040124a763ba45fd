"""What is given up because a log is silent: decided once, kept with the checkpoint, repeated at the same point on a replay.

A silence closes what has waited for the silent side by then, and nothing else: events that come later, whatever their
timestamps, are judged by what their logs say. It belongs to a point of both logs; a rebuild passes through the same point
(``reading_order``) and closes the same requests there.

How far a silent side may be taken to be (``passed``) also lets horizons end and minutes be over; that only grows.
"""

from collections import deque

from msgspec import Struct

from app.domain.pairing.log_time import UNKNOWN

__all__ = ["Silence", "Silences"]


class Silence(Struct, frozen=True, array_like=True):
    """At these positions, what waited for ``side`` with a deadline below ``moment`` was given up.

    ``passed`` is the time that the other side had a wait ago: as far as the silent side may be taken to be.
    """

    legacy: int
    shadow: int
    side: int
    moment: int
    passed: int


class Silences:
    """``entries`` in order; those that a rebuild has yet to repeat are ahead."""

    __slots__ = ("_ahead", "entries", "passed")

    def __init__(self, entries: list[Silence]) -> None:
        self.entries = list(entries)
        self.passed = [UNKNOWN, UNKNOWN]
        self._ahead = deque(entries)

    def add(self, silence: Silence) -> None:
        """A silence was found."""
        self.entries.append(silence)
        self.take(silence)

    def take(self, silence: Silence) -> None:
        """Let it count."""
        self.passed[silence.side] = max(self.passed[silence.side], silence.passed)

    def due(self, positions: tuple[int, int]) -> Silence | None:
        """The next one that a rebuild has to repeat, where both logs are there."""
        ahead = self._ahead
        if ahead and positions[0] >= ahead[0].legacy and positions[1] >= ahead[0].shadow:
            return ahead.popleft()
        return None

    def forget(self, legacy_low: int, shadow_low: int) -> None:
        """Drop those before these positions."""
        entries = self.entries
        while entries and entries[0].legacy <= legacy_low and entries[0].shadow <= shadow_low:
            del entries[0]
