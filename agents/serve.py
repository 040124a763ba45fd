"""The serve role: what the other roles found out, as documents that a page and a REST call can read.

Its outputs are fields of the read model instead of records (``app.read_model.ledger``): the value is the document as it is
now, None lets it go. The whole state is in these documents, so ``save`` has nothing to add and a rebuild reads nothing.

When there is nothing to read, a beat is committed every ``BEAT_MS``: it is the proof of life by which the page tells a
quiet stream from a read model that nobody keeps up to date.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from app.folds.fold import Fold, Outbox, Record, Run
from app.read_model import messages
from app.read_model.state import DEFAULT, Capacity, PartitionState

__all__ = ["BEAT_MS", "INPUTS", "ServeFold"]

INPUTS = ("drift.statistics", "alerts", "retrain.triggers", "dead.letters")
BEAT_MS = 5_000


class _Saved(Struct):
    documents: dict[str, Raw]


class ServeFold(Fold):
    """See the module's text."""

    def __init__(self, partition: int, capacity: Capacity = DEFAULT) -> None:
        self._partition = partition
        self._state = PartitionState(capacity)
        self._beat = 0
        self._ended = [False] * len(INPUTS)
        self._readers = (self._statistics, self._alert, self._trigger, self._letter)

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin with the documents that the ledger found."""
        if saved is not None:
            self._state.load(msgspec.json.decode(saved, type=_Saved).documents)

    def feed(self, side: int, run: Run, out: Outbox) -> None:
        """Fold in one run, and write what it changed, each document once."""
        read, unreadable = self._readers[side], 0
        for record in run:
            try:
                read(record)
            except ValueError:
                unreadable += 1
        self._state.read(INPUTS[side], len(run), unreadable)
        self._note_end()
        self._write(out)

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Beat; and note that all has been read."""
        if self._note_end():
            self._write(out)
            return True
        waits = [wait for wait in idle_ms if wait is not None]
        if len(waits) < len(idle_ms):
            return False
        before, self._beat = self._beat, min(waits) // BEAT_MS
        return self._beat > before

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        """Remember which inputs have been read to their end once: under traffic, all of them are never there at once."""
        self._ended = [before or now for before, now in zip(self._ended, ends, strict=True)]

    def save(self) -> bytes:
        """Nothing: the documents are the state."""
        return b"{}"

    def figures(self) -> dict[str, float]:
        """What the read model of this partition holds."""
        return self._state.figures()

    def _note_end(self) -> bool:
        return all(self._ended) and self._state.catch_up()

    def _statistics(self, record: Record) -> None:
        self._state.statistics(messages.read_statistics(record.value))

    def _alert(self, record: Record) -> None:
        self._state.alert(messages.read_alert(record.value))

    def _trigger(self, record: Record) -> None:
        self._state.trigger(*messages.read_trigger(record.value))

    def _letter(self, record: Record) -> None:
        self._state.letter(messages.read_letter(record.headers))

    def _write(self, out: Outbox) -> None:
        for name, document in self._state.changes.items():
            value = None if document is None else msgspec.json.encode(document)
            out.send("redis", self._partition, name.encode(), value, [])
        self._state.changes.clear()
