"""The serve role: what the other roles found out and what people said, as documents that a page and a REST call can read.

Its outputs are fields of the read model instead of records (``app.read_model.ledger``): the value is the document as it is
now, None lets it go. The whole state is in these documents, so ``save`` has nothing to add and a rebuild reads nothing. Only
the closed chunks of the histories are written and not read back: what goes on is in the histories' documents.

When there is nothing to read, a beat is committed every ``BEAT_MS``: it is the proof of life by which the page tells a
quiet stream from a read model that nobody keeps up to date.
"""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw, Struct

from app.folds.fold import Fold, Outbox, Record, Run, Steps, at_once
from app.read_model import messages
from app.read_model.capacity import DEFAULT, Capacity
from app.read_model.state import PartitionState
from schemas.control_codec import ActionDecoder, StatusDecoder
from schemas.limits import Limits

__all__ = ["BEAT_MS", "INPUTS", "ServeFold"]

INPUTS = ("drift.statistics", "alerts", "retrain.triggers", "dead.letters", "verdicts", "retrain.status", "actions")
BEAT_MS = 5_000
#: Records, or documents, of one step: some 4 ms.
STEP = 100


class _Saved(Struct):
    documents: dict[str, Raw]
    series: dict[str, bytes] = {}


class ServeFold(Fold):
    """See the module's text; ``full`` gives the full name of a topic, by which dead letters tell what was refused of it."""

    def __init__(
        self, partition: int, capacity: Capacity = DEFAULT, *, limits: Limits | None = None, full: Callable[[str], str] = str
    ) -> None:
        self._partition, limits = partition, limits or Limits()
        self._decode_action, self._decode_status = ActionDecoder(limits), StatusDecoder(limits)
        self._state = PartitionState(capacity)
        self._refuse = {full("actions"): self._state.actions.refuse, full("retrain.status"): self._state.trainings.refuse}
        self._beat = 0
        self._ended = [False] * len(INPUTS)
        self._readers = (
            self._statistics, self._alert, self._trigger, self._letter, self._verdict, self._status, self._action,
        )  # fmt: skip

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        """Begin with the documents that the ledger found."""
        if saved is not None:
            found = msgspec.json.decode(saved, type=_Saved)
            self._state.load(found.documents, found.series)

    def feed(self, side: int, run: Run, out: Outbox) -> Steps | None:
        """Fold in one run, and write what it changed, each document once; a long run in steps."""
        steps = self._take(side, run, out)
        if len(run) > STEP:
            return steps
        at_once(steps)
        return None

    def _take(self, side: int, run: Run, out: Outbox) -> Steps:
        read, unreadable = self._readers[side], 0
        for at, record in enumerate(run, 1):
            if at % STEP == 0:
                yield
            try:
                read(record)
            except ValueError:
                unreadable += 1
        self._state.read(INPUTS[side], len(run), unreadable)
        self._note_end()
        yield from self._write(out)

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        """Beat; and note that all has been read."""
        if self._note_end():
            at_once(self._write(out))
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
        letter = messages.read_letter(record.headers, record.value)
        self._state.letter(letter)
        if letter.partition == self._partition and letter.topic in self._refuse:
            self._refuse[letter.topic](letter.offset)

    def _verdict(self, record: Record) -> None:
        self._state.verdict(*messages.read_verdict(record.value))

    def _status(self, record: Record) -> None:
        self._state.trainings.take(messages.read_decoded(self._decode_status, record), record.offset)

    def _action(self, record: Record) -> None:
        self._state.actions.take(messages.read_decoded(self._decode_action, record), record.offset)

    def _write(self, out: Outbox) -> Steps:
        for at, (name, document) in enumerate(self._state.changes.items(), 1):
            if at % STEP == 0:
                yield
            value = None if document is None else self._state.encoded(name, document)
            out.send("redis", self._partition, name.encode(), value, [])
        self._state.changes.clear()
        for at, (field, packed) in enumerate(self._state.history.take_changes(), 1):
            if at % STEP == 0:
                yield
            out.send("redis", self._partition, field, packed, [])
