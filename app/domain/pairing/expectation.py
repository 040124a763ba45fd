"""Which shadow versions a request of a model waits for.

Either the configuration names them, or they are learned (``"auto"``): a version is expected from the event time of its first
event on, and until its newest event lies more than ten windows back.

Learning looks at the shadow log while a legacy event is read, so it depends on how far the two logs happen to have been
read. A replay must not decide again, or a request that was passed on as ``solo`` would wait, time out and be written a
second time. So a decision is taken once, when the first legacy event that it concerns is read, and written down as an
**entry**: from this offset of either log on, the model expects these versions. A half finds its entry by its own offset.
Entries go into the checkpoint, and a change of the configuration is an entry like any other, from where the log stood.
"""

from typing import Literal

from msgspec import Struct

__all__ = ["LEARNING_WINDOWS", "Entry", "Expectation", "ExpectationState"]

#: A version is no longer expected when its newest event is so many windows old. The contract's figure.
LEARNING_WINDOWS = 10
#: Versions of one model that are tracked; a client that makes up a version for each event must not fill the memory.
MOST_VERSIONS = 16
_NEVER = 1 << 62


class Entry(Struct, frozen=True, array_like=True):
    """From ``legacy_offset`` of the legacy log and ``shadow_offset`` of the shadow log on, ``versions`` are expected."""

    legacy_offset: int
    shadow_offset: int
    versions: tuple[str, ...]

    def begins(self, side: int) -> int:
        """The first offset of this side that the entry speaks of."""
        return self.shadow_offset if side else self.legacy_offset


class ExpectationState(Struct, frozen=True, array_like=True):
    """What goes into the checkpoint: first and newest event time of each version, and the entries."""

    versions: dict[str, list[int]]
    entries: list[Entry]


class Expectation:
    """What one model expects, on one partition."""

    # ``_latest``: what holds from these offsets on: legacy, shadow, versions. ``valid_until``: it was decided up to this moment.
    # ``versions``: first and newest event time of each.
    __slots__ = ("_configured", "_latest", "_window_ms", "entries", "refused", "valid_until", "versions")

    def __init__(self, configured: tuple[str, ...] | Literal["auto"], window_ms: int, state: ExpectationState | None) -> None:
        self._configured = configured
        self._window_ms = window_ms
        self.valid_until = -1
        self.refused = 0
        self.versions = state.versions if state else {}
        first = () if configured == "auto" else configured
        self.entries = list(state.entries) if state else [Entry(0, 0, first)]
        last = self.entries[-1]
        self._latest = (last.legacy_offset, last.shadow_offset, last.versions)

    @property
    def is_configured(self) -> bool:
        """Whether somebody named the versions, so that any other is a surprise. What is learned surprises at its start only."""
        return self._configured != "auto"

    def configure(self, legacy_offset: int, shadow_offset: int) -> bool:
        """Write down what the configuration names; whether it is something else than what was expected so far."""
        if self._configured == "auto" or self.entries[-1].versions == self._configured:
            return False
        self._decide(legacy_offset, shadow_offset, self._configured)
        return True

    def see(self, version: str, timestamp: int) -> None:
        """Take note of a shadow event."""
        span = self.versions.get(version)
        if span is not None:
            if timestamp > span[1]:
                if timestamp - span[1] > self._window_ms:
                    self.valid_until = -1  # it may be back
                span[1] = timestamp
            return
        if len(self.versions) >= MOST_VERSIONS:
            self._drop_retired(timestamp)
        if len(self.versions) < MOST_VERSIONS:
            self.versions[version] = [timestamp, timestamp]
            self.valid_until = -1
        else:
            self.refused += 1

    def _drop_retired(self, now: int) -> None:
        oldest = now - 2 * LEARNING_WINDOWS * self._window_ms
        self.versions = {name: span for name, span in self.versions.items() if span[1] >= oldest}

    def at(self, side: int, offset: int) -> tuple[str, ...]:
        """The versions that a half at ``offset`` of ``side`` is to wait for."""
        legacy_from, shadow_from, versions = self._latest
        if offset >= (shadow_from if side else legacy_from):
            return versions
        return next((entry for entry in reversed(self.entries) if entry.begins(side) <= offset), self.entries[0]).versions

    def learn(self, moment: int, shadow_top: int, legacy_offset: int, shadow_offset: int) -> None:
        """Decide for the legacy event at ``moment``; there is nothing to decide up to ``valid_until``.

        ``shadow_top`` is the shadow log's moment so far: where it lags behind, a version is judged at *its* time.
        """
        if self._configured != "auto":
            self.valid_until = _NEVER
            return
        reach = LEARNING_WINDOWS * self._window_ms
        oldest = min(moment, shadow_top) - reach
        spans = self.versions.items()
        names = tuple(sorted(name for name, (first, newest) in spans if first <= moment and newest >= oldest))
        coming = [first - 1 for first, _ in self.versions.values() if first > moment]
        going = [self.versions[name][1] + reach for name in names]
        self.valid_until = min(coming + going, default=_NEVER)
        self._decide(legacy_offset, shadow_offset, names)

    def _decide(self, legacy_offset: int, shadow_offset: int, versions: tuple[str, ...]) -> None:
        if self.entries[-1].versions != versions:
            self.entries.append(Entry(legacy_offset, shadow_offset, versions))
            self._latest = (legacy_offset, shadow_offset, versions)

    def forget(self, legacy_low: int, shadow_low: int) -> None:
        """Drop the entries that no record from these offsets on can ask for."""
        entries = self.entries
        while len(entries) > 1 and entries[1].legacy_offset <= legacy_low and entries[1].shadow_offset <= shadow_low:
            del entries[0]

    def state(self) -> ExpectationState:
        """For the checkpoint, as it is now: it goes on changing."""
        return ExpectationState(self.versions, self.entries)
