"""Reading a batch in which a header's name is not UTF-8.

Kafka does not look at header names, and some clients write what they like. aiokafka's reader raises in the middle of the
batch, which would end the consumer, and again at every restart. So such a batch is read once more, by its reader in plain
Python, with what cannot be decoded replaced: the records then go the way of all records.
"""

import struct
from collections.abc import Iterator
from typing import Any

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

__all__ = ["RawRecords", "read_tolerantly"]

#: Base offset and length stand before each batch; the length counts what comes after them.
_HEAD = struct.Struct(">qi")


class RawRecords(MemoryRecords):  # type: ignore[misc]  # aiokafka is not annotated
    """The records of a fetch response, which keep their bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


class _Text(bytearray):
    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Text(found) if isinstance(at, slice) else found

    def decode(self, *_: Any, **__: Any) -> str:
        return super().decode("utf-8", "replace")


def read_tolerantly(raw: bytes, base_offset: int) -> Iterator[Any]:
    """The records of the batch that begins at ``base_offset``."""
    at = 0
    while at + _HEAD.size <= len(raw):
        offset, length = _HEAD.unpack_from(raw, at)
        end = at + _HEAD.size + length
        if offset == base_offset:
            batch = _DefaultRecordBatchPy(bytearray(raw[at:end]))
            batch._maybe_uncompress()  # noqa: SLF001  what iterating does first
            batch._buffer = _Text(batch._buffer)  # noqa: SLF001  its reader slices this and decodes the slices
            yield from batch
            return
        at = end
