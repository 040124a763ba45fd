"""What pairing keeps in the checkpoint, and the settings that it works by."""

from typing import NamedTuple

import msgspec
from msgspec import Struct

from app.domain.pairing.expectation import ExpectationState
from app.domain.pairing.pair_counts import Cell
from app.domain.pairing.reading_order import OrderMark
from app.domain.pairing.silences import Silence

__all__ = ["PairingPolicy", "PairingState", "PolicyEntry", "Totals"]


class PairingPolicy(NamedTuple):
    """Milliseconds of event time: window and grace, and how long a copy is recognised after its request was written.

    ``clock_skew_ms``: by how much an event's timestamp may be ahead of its record's.
    """

    window_ms: int
    grace_ms: int
    deduplication_ms: int
    clock_skew_ms: int = 300_000

    @property
    def wait_ms(self) -> int:
        """How long a half is waited for."""
        return self.window_ms + self.grace_ms


class PolicyEntry(Struct, frozen=True, array_like=True):
    """From these offsets on, these settings hold."""

    legacy_offset: int
    shadow_offset: int
    wait_ms: int
    deduplication_ms: int

    def begins(self, side: int) -> int:
        """The first offset of this side that the entry speaks of."""
        return self.shadow_offset if side else self.legacy_offset

    def same_as(self, other: "PolicyEntry") -> bool:
        """Whether the settings are the same."""
        return (self.wait_ms, self.deduplication_ms) == (other.wait_ms, other.deduplication_ms)


class Totals(Struct):
    """Events since the first start, on this partition. Each event that was read is in exactly one of the others."""

    read: int = 0
    in_records: int = 0
    duplicate: int = 0
    late: int = 0
    rejected: int = 0
    records: int = 0

    def figures(self, waiting: int) -> dict[str, float]:
        """For ``/metrics``, with the halves that wait; ``unaccounted`` must be 0, or something is wrong."""
        unaccounted = self.read - self.in_records - self.duplicate - self.late - self.rejected - waiting
        return {**msgspec.structs.asdict(self), "waiting": waiting, "unaccounted": unaccounted}


class PairingState(Struct, frozen=True):
    """What the logs cannot give back."""

    tops: list[int]
    floors: list[int]
    silences: list[Silence]
    passed: list[int]
    policies: list[PolicyEntry]
    order: list[OrderMark]
    models: dict[str, ExpectationState]
    minutes: dict[int, dict[str, Cell]]
    totals: Totals
    told_after: dict[str, int] = {}
