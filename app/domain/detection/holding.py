"""Pairs that wait a moment, so that a model's pairs are looked at together: the calls are what costs, not the rows.

When they are looked at does not change what is found, only when it is said. But what was *said* must be known exactly after
a restart: ``looked_at`` goes into the checkpoint, and a rebuild looks at what is below it and holds the rest, whatever the
clock of the first run was. Scenario that this prevents: 1. pairs 90 to 99 are held at a commit whose position is 100;
2. the worker dies; 3. the rebuild, in silence, looks at them all the same; 4. an alarm at pair 95 is never written. Held by
``tests/unit/agents/test_detect.py::test_what_was_held_at_a_crash_is_said_after_it``.

Bounded: ``MOST`` pairs. Waiting is measured between the records' own times, so on a log that is read again late it is the
same; a silent log is ended by the caller.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

__all__ = ["MOST", "WAIT_MS", "Holding", "Kept"]

MOST = 2_048
#: So long the first of them may wait for company.
WAIT_MS = 1_000


class Kept(Protocol):
    """A record of ``pairs``, or of ``outcomes.placed``."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


class _Restored(NamedTuple):
    """A record that came back from a snapshot."""

    offset: int
    timestamp: int
    value: bytes
    key: bytes | None = None


class Holding:
    """See the module's text."""

    def __init__(self) -> None:
        self._held: list[Kept] = []
        #: All records below this offset have been looked at.
        self.looked_at = 0
        self._limit: int | None = None

    def rebuild_to(self, looked_at: int | None) -> None:
        """Until ``go_live``, let nothing at or above this offset go."""
        self._limit = looked_at

    def go_live(self) -> list[Kept]:
        """What the first run had looked at and this one not yet; from now on all may go."""
        due = self.release()
        self._limit = None
        return due

    def take(self, records: Iterable[Kept]) -> list[Kept]:
        """Take records in; what is due now."""
        self._held += records
        if len(self._held) >= MOST or (self._held and self._held[-1].timestamp - self._held[0].timestamp >= WAIT_MS):
            return self.release()
        return []

    def release(self) -> list[Kept]:
        """All that may go."""
        limit = self._limit
        due = self._held if limit is None else [record for record in self._held if record.offset < limit]
        if due:
            self.looked_at = due[-1].offset + 1
        self._held = self._held[len(due) :]
        return due

    def release_for(self, offset: int) -> list[Kept]:
        """All that may go, where something below this offset is held."""
        return self.release() if self._held and self._held[0].offset < offset else []

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        held = [[record.offset, record.timestamp, record.value or b""] for record in self._held]
        return {"held": held, "looked_at": self.looked_at}

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Holding":
        """Take the state back."""
        holding = cls()
        holding._held, holding.looked_at = [_Restored(*record) for record in state["held"]], state["looked_at"]
        return holding
