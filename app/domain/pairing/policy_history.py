"""Which settings held where in the logs: a change takes effect from where the logs stood, and a replay judges as it did then."""

from app.domain.pairing.pairing_state import PairingPolicy, PolicyEntry

__all__ = ["PolicyHistory"]

_FOREVER = 1 << 62


class PolicyHistory:
    """``entries`` in order; the first one holds from the beginning."""

    __slots__ = ("_policy", "entries")

    def __init__(self, policy: PairingPolicy, entries: list[PolicyEntry] | None) -> None:
        self._policy = policy
        self.entries = list(entries) if entries else [self._entry(0, 0)]

    def _entry(self, legacy_offset: int, shadow_offset: int) -> PolicyEntry:
        return PolicyEntry(legacy_offset, shadow_offset, self._policy.wait_ms, self._policy.deduplication_ms)

    def at(self, side: int, offset: int) -> tuple[PolicyEntry, int]:
        """The settings for an event at ``offset`` of ``side``, and the offset from which others hold."""
        found, until = self.entries[0], _FOREVER
        for entry in self.entries:
            if entry.begins(side) <= offset:
                found = entry
            else:
                until = min(until, entry.begins(side))
        return found, until

    def take_up(self, legacy_offset: int, shadow_offset: int) -> bool:
        """From these offsets on the present settings hold; whether they are others than before."""
        entry = self._entry(legacy_offset, shadow_offset)
        if self.entries[-1].same_as(entry):
            return False
        self.entries.append(entry)
        return True

    def lead_ms(self, wait_ms: int) -> int:
        """How far ahead of the other a log may be read so that a copy is not met before what it is a copy of is complete.

        A window is enough, since no horizon is shorter than its window; but a request of older settings may have a shorter one.
        """
        return min(wait_ms, *(entry.deduplication_ms for entry in self.entries))

    def reach_ms(self) -> int:
        """How far back in event time an event can still matter, by the widest of the settings."""
        return max(2 * entry.wait_ms + entry.deduplication_ms for entry in self.entries)

    def forget(self, legacy_low: int, shadow_low: int) -> None:
        """Drop the settings that no event from these offsets on can ask for."""
        entries = self.entries
        while len(entries) > 1 and entries[1].legacy_offset <= legacy_low and entries[1].shadow_offset <= shadow_low:
            del entries[0]
