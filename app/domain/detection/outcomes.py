"""Outcomes as they come in: validated, counted, and handed on to the partition on which the pairs of their model lie.

Delivery guarantees: what becomes of an outcome is a function of its record and the settings alone.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from app.domain.detection.placed_outcomes import encode_outcome
from schemas.dead_letter import dead_letter
from schemas.errors import DecodeError
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder
from schemas.record import SourceRecord

__all__ = ["Letter", "Outcomes", "Placed"]


class Letter(NamedTuple):
    """The dead letter of a record that is no outcome."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Placed(NamedTuple):
    """An outcome as a record of ``outcomes.placed``."""

    partition: int
    key: bytes
    value: bytes


class Outcomes:
    """Of one partition. ``topic`` is the full name, prefix included; ``counts`` is told how many came and were refused.

    ``place_of`` says, for a model and a request id, on which partition the record of ``pairs`` lies.
    """

    def __init__(
        self, topic: str, partition: int, limits: Limits, place_of: Callable[[str, str], int], counts: dict[str, int]
    ) -> None:
        self._topic, self._partition, self._place_of, self._counts = topic, partition, place_of, counts
        self._decode, self._room_bytes = OutcomeDecoder(limits), limits.dead_letter_bytes

    def sorted_out(self, records: Iterable[SourceRecord]) -> Iterator[Letter | Placed]:
        """What becomes of each of these records."""
        for record in records:
            try:
                outcome = self._decode(record)
            except DecodeError as error:
                self._counts["outcomes_refused"] += 1
                refused = record, error.reason, error.detail, self._room_bytes
                yield Letter(*dead_letter(self._topic, "outcomes", self._partition, *refused))
            else:
                self._counts["outcomes"] += 1
                place = self._place_of(outcome.model, outcome.request_id)
                yield Placed(place, outcome.request_id.encode(), encode_outcome(self._partition, outcome))
