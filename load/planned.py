"""One record as it is planned to be sent, and the topics that traffic goes to."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from load.truth import Truth

__all__ = ["LEGACY", "OUTCOMES", "SHADOW", "Headers", "Planned", "Traffic"]

LEGACY = "predictions.legacy"
SHADOW = "predictions.shadow"
OUTCOMES = "outcomes"

Headers = Sequence[tuple[str, bytes]]


class Planned(NamedTuple):
    """A record and the second, counted from the start of sending, at which it is to be sent.

    ``topic`` is without the prefix, ``timestamp_ms`` is event time. ``partition`` is None where the key decides, by the Java
    client's partitioner, as the contract asks.
    """

    offset_s: float
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    partition: int | None = None


class Traffic(Protocol):
    """Planned records in the order in which they are to be sent, and what must become of them.

    A service that was idle for longer than its window takes a topic for silent until it has read the first record of it, and
    one that learns the shadows knows none before the first. Both make the first requests of a run uncertain; so ``priming`` is
    sent first, and whoever wants a certain truth waits until the service has answered it.
    """

    @property
    def truth(self) -> Truth:
        """Complete when ``events`` has been read to its end."""

    def priming(self) -> Sequence[Planned]:
        """What wakes the service up: one request a model and partition; their own status is open."""

    def events(self) -> Iterator[Planned]:
        """May be read once, after ``priming``."""
