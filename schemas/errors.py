"""What a record can be refused for, and how the refusal says it.

    DecodeError      the producer's fault: one dead letter, with ``reason`` and ``detail``

A detail names the field path, what came, and what is allowed. It quotes at most ``QUOTED`` characters of what came.
"""

from schemas.dead_letter import Reason

__all__ = ["QUOTED", "DecodeError", "quoted", "quoted_json"]

#: Enough to recognise a value, short enough for a header.
QUOTED = 80


class DecodeError(Exception):
    """A record that cannot be taken as what its topic holds."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail


def quoted(value: object) -> str:
    """``value`` as it goes into a detail."""
    text = ascii(value)
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}… ({len(text)} characters)"


def quoted_json(text: bytes) -> str:
    """The beginning of JSON text as it goes into a detail; what it stands for is never built, it may be a million objects."""
    shown = text[:QUOTED].decode("ascii", "backslashreplace")[:QUOTED]
    return shown if len(text) <= QUOTED else f"{shown}… ({len(text)} bytes)"
