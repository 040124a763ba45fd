"""The checkpoint of a partition as records of a compacted topic, and how the newest is found.

One small record a commit, and now and again a snapshot in parts, under keys of their own. The record names the snapshot it
builds on by its sequence number, so that parts of two snapshots are never put together. Each record carries a checksum.
A checkpoint that is damaged or of another format is refused by name: to go on without it would write everything twice.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from app.folds.ledger import Saved

__all__ = ["CheckpointError", "CheckpointReader", "CheckpointWriter"]

FORMAT = 1
#: A part and its envelope stay below the smallest limit of a topic that anybody sets, 1 MB.
PART_BYTES = 700_000


class CheckpointError(Exception):
    """A checkpoint that cannot be taken; the message says which and what to do."""


class _Checkpoint(Struct):
    format: int
    sequence: int
    next: list[int]
    low: list[int]
    state: Raw
    replays: bool
    snapshot_sequence: int
    snapshot_parts: int
    state_parts: int = 0
    checksum: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Checkpoint).decode


def _checksum(checkpoint: _Checkpoint, state: bytes) -> str:
    text = _encode([checkpoint.sequence, checkpoint.next, checkpoint.low, checkpoint.snapshot_sequence])
    return hashlib.blake2b(text + state, digest_size=16).hexdigest()


def _parts(key: bytes, sequence: int, text: bytes) -> list[tuple[bytes, bytes]]:
    """``text`` as records under keys of their own, each stamped with the checkpoint that it belongs to."""
    stamp = b"%d:" % sequence
    starts = range(0, len(text) or 1, PART_BYTES)
    return [(key + b"/%d" % number, stamp + text[start : start + PART_BYTES]) for number, start in enumerate(starts)]


class CheckpointWriter:
    """Numbers the checkpoints of one partition."""

    def __init__(self, partition: int) -> None:
        self._key = b"%d" % partition
        self.sequence = 0
        self.snapshot_sequence = 0
        self.snapshot_parts = 0

    def records(self, saved: Saved) -> Iterable[tuple[bytes, bytes]]:
        """Key and value of the records that say ``saved``."""
        self.sequence += 1
        if saved.snapshot is not None:
            self.snapshot_sequence = self.sequence
            parts = _parts(self._key, self.sequence, saved.snapshot)
            self.snapshot_parts = len(parts)
            yield from parts
        state_parts = []
        if len(saved.saved) > PART_BYTES:
            state_parts = _parts(self._key + b"/state", self.sequence, saved.saved)
            yield from state_parts
        low = list(saved.low if saved.low is not None else saved.next)
        state = Raw(b"null" if state_parts else saved.saved)
        checkpoint = _Checkpoint(
            FORMAT, self.sequence, list(saved.next), low, state, saved.replays,
            self.snapshot_sequence, self.snapshot_parts, len(state_parts),
        )  # fmt: skip
        checkpoint.checksum = _checksum(checkpoint, saved.saved)
        yield self._key, _encode(checkpoint)


class CheckpointReader:
    """Takes the records of a stretch of the topic in their order, and tells whether they suffice."""

    def __init__(self, partition: int, where: str) -> None:
        self._key = b"%d" % partition
        self._where = where
        self._newest: bytes | None = None
        self._parts: dict[bytes, bytes] = {}

    def take(self, record: Any) -> None:
        """One record; the newest of each key counts."""
        if record.value is None:
            return
        if record.key == self._key:
            self._newest = record.value
        elif record.key is not None and record.key.startswith(self._key + b"/"):
            self._parts[record.key] = record.value

    def result(self, writer: CheckpointWriter) -> Saved | None:
        """The newest checkpoint, whose numbers ``writer`` goes on from; None where this stretch does not hold all of it."""
        if self._newest is None:
            return None
        checkpoint = self._read(self._newest)
        snapshot = self._joined(self._key, checkpoint.snapshot_sequence, checkpoint.snapshot_parts)
        state = self._joined(self._key + b"/state", checkpoint.sequence, checkpoint.state_parts)
        if snapshot is None or state is None:
            return None
        state = state if checkpoint.state_parts else bytes(checkpoint.state)
        if _checksum(checkpoint, state) != checkpoint.checksum:
            message = f"the checkpoint in {self._where}, number {checkpoint.sequence}, does not match its checksum"
            raise CheckpointError(message)
        writer.sequence, writer.snapshot_sequence = checkpoint.sequence, checkpoint.snapshot_sequence
        writer.snapshot_parts = checkpoint.snapshot_parts
        whole = snapshot if checkpoint.snapshot_parts else None
        return Saved(state, checkpoint.next, checkpoint.low, whole, checkpoint.replays)

    def _joined(self, key: bytes, sequence: int, count: int) -> bytes | None:
        """What was written in so many parts; None where one of them is not of this checkpoint."""
        stamp = b"%d:" % sequence
        parts = [self._parts.get(key + b"/%d" % number, b"") for number in range(count)]
        return b"".join(part[len(stamp) :] for part in parts) if all(part.startswith(stamp) for part in parts) else None

    def _read(self, value: bytes) -> _Checkpoint:
        try:
            checkpoint = _decode(value)
        except msgspec.MsgspecError as error:
            message = f"the checkpoint in {self._where} cannot be read: {error}"
            raise CheckpointError(message) from error
        if checkpoint.format != FORMAT:
            message = f"the checkpoint in {self._where} has format {checkpoint.format}; this version reads format {FORMAT}"
            raise CheckpointError(message)
        return checkpoint

    @property
    def incomplete(self) -> str | None:
        """What is missing though the whole topic was read, None where nothing is."""
        if self._newest is None:
            return None
        return f"the checkpoint in {self._where} builds on parts that are not there"
