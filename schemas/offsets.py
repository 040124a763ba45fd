"""Where in Kafka's log something came from."""

from msgspec import Struct

__all__ = ["OffsetRange", "Window"]


class OffsetRange(Struct, frozen=True, gc=False):
    """A half-open stretch ``[start, end)`` of one partition. ``topic`` is the full name, prefix included."""

    topic: str
    partition: int
    start: int
    end: int


class Window(Struct, frozen=True, gc=False):
    """The event times, in milliseconds since the epoch, of the first and the last of ``events`` records."""

    start: int
    end: int
    events: int
