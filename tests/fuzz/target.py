"""What any bytes must do to the decoders: be taken, or be refused with ``DecodeError``; quickly, and in bounded memory.

The first byte of an input says which decoder, which headers and whether there is a key; after that comes the value. Where the
lowest bits are all set, the value's middle third is repeated until the value is as large as a record may be: what is slow in
proportion to something is slow then. The decoders live as long as the process, as they do in the service.
"""

import time
import tracemalloc
from typing import NamedTuple

from schemas.codec import PredictionDecoder
from schemas.dead_letter import Reason
from schemas.errors import DecodeError
from schemas.limits import Limits
from schemas.outcome_codec import OutcomeDecoder

__all__ = ["CPU_MS", "MEMORY_TIMES", "Input", "memory_of", "outcome_of", "read", "timed", "written"]

#: For any input, of a record's full size too.
CPU_MS = 50.0
#: Memory at the peak by the input's size, and a constant that counts for small ones.
MEMORY_TIMES, MEMORY_BYTES = 20, 64 * 1024

HEADERS: tuple[tuple[tuple[str, bytes], ...], ...] = (
    (),
    (("content-type", b"application/cloudevents+json; charset=UTF-8"),),
    (("ce_id", b"1"), ("ce_time", b"2026-09-21T14:13:20Z"), ("ce_correlationid", b"c")),
    (("content-type", b"application/cloudevents-batch+json"),),
)
REPEATED = 0b1110000
LIMITS = Limits()
DECODERS = (PredictionDecoder(LIMITS), OutcomeDecoder(LIMITS))


class Input(NamedTuple):
    """A record, and the decoder that it goes to."""

    outcome: bool
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = b"the-key"
    timestamp: int = 1_790_000_000_500
    offset: int = 7


def read(data: bytes) -> Input:
    """The record that these bytes stand for."""
    how, value = (data[0], data[1:]) if data else (0, b"")
    if how & REPEATED == REPEATED and len(value) >= 3:
        third = len(value) // 3
        middle = value[third : 2 * third]
        value = value[:third] + middle * ((LIMITS.record_bytes - len(value)) // third) + value[third:]
    return Input(bool(how & 1), value, HEADERS[how >> 1 & 3], b"the-key" if how & 8 else None)


def written(outcome: bool, headers: tuple[tuple[str, bytes], ...], value: bytes) -> bytes:
    """The bytes that ``read`` makes this record of, with a key."""
    return bytes([outcome | HEADERS.index(headers) << 1 | 8]) + value


def outcome_of(record: Input) -> tuple[Reason | None, str]:
    """Why the record was refused, with the detail; None where it was taken. Anything else is raised."""
    try:
        DECODERS[record.outcome](record)
    except DecodeError as refused:
        return refused.reason, refused.detail
    return None, ""


def timed(record: Input) -> float:
    """CPU milliseconds, the best of five where the first is too many: what else the machine does is not the decoder's fault."""
    best = CPU_MS + 1
    for _ in range(5):
        begun = time.process_time()
        outcome_of(record)
        best = min(best, (time.process_time() - begun) * 1000)
        if best < CPU_MS:
            break
    return best


def memory_of(record: Input) -> tuple[int, int]:
    """Bytes at the peak, and how many are allowed."""
    tracemalloc.start()
    outcome_of(record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, MEMORY_BYTES + MEMORY_TIMES * len(record.value or b"")
