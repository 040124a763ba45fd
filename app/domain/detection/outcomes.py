"""Outcomes as they come in: validated and counted; joined to their pairs they are not yet.

Delivery guarantees: what becomes of an outcome is a function of its record alone.
"""

from collections.abc import Iterable, Iterator

from schemas.dead_letter import dead_letter
from schemas.errors import DecodeError
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder
from schemas.record import SourceRecord

__all__ = ["Outcomes"]


class Outcomes:
    """Of one partition. ``topic`` is the full name, prefix included; ``counts`` is told how many came and were refused."""

    def __init__(self, topic: str, partition: int, limits: Limits, counts: dict[str, int]) -> None:
        self._topic, self._partition, self._counts = topic, partition, counts
        self._decode, self._room_bytes = OutcomeDecoder(limits), limits.dead_letter_bytes

    def refused(self, records: Iterable[SourceRecord]) -> Iterator[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]:
        """Take records; the dead letters of those that are no outcomes."""
        for record in records:
            try:
                self._decode(record)
            except DecodeError as error:
                self._counts["outcomes_refused"] += 1
                yield dead_letter(self._topic, "outcomes", self._partition, record, error.reason, error.detail, self._room_bytes)
            else:
                self._counts["outcomes"] += 1
