"""The brokers: output logs, the transaction coordinator, the offsets of the group.

What a transactional id is given, in the words of Kafka's protocol (version 1, which aiokafka speaks): `init` raises the epoch and
aborts what was left open, and is only answered when the markers of that are written; a request of an older epoch is refused;
`end` is answered when the decision is taken, and the markers reach the partitions one by one, later; meanwhile a new beginning
is put off (`ConcurrentTransactions`). The decision is repeated to whoever asks for the same one again. A transaction that stays
open too long is aborted and its epoch raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from aiokafka.errors import ConcurrentTransactions, InvalidProducerEpoch, InvalidTxnState, OutOfOrderSequenceNumber

from tests.simulation.logs import Entry, InputLog, OutputLog
from tests.simulation.loop import SimulatedLoop

__all__ = ["Broker", "Transaction"]

_MARKER_DELAYS_S = (0.0, 0.0, 0.001, 0.004, 0.03)


class Transaction:
    """One of them, with all that it wrote."""

    __slots__ = ("committed", "entries", "logs", "offsets", "started_s")

    def __init__(self, started_s: float) -> None:
        self.started_s = started_s
        self.committed = False
        self.logs: list[OutputLog] = []
        self.entries: list[tuple[str, Entry]] = []
        self.offsets: dict[Any, int] = {}


class _Producer:
    """What the coordinator knows of a transactional id."""

    __slots__ = ("current", "ended_with", "epoch", "markers_due", "number")

    def __init__(self, number: int) -> None:
        self.number, self.epoch = number, -1
        self.current: Transaction | None = None
        self.markers_due = 0
        self.ended_with: bool | None = None


class Broker:
    """See the module's text. ``inputs`` by topic and partition."""

    def __init__(self, loop: SimulatedLoop, rng: Random, inputs: dict[tuple[str, int], InputLog], timeout_s: float) -> None:
        self._loop, self._rng, self._timeout_s = loop, rng, timeout_s
        self.inputs = inputs
        self.outputs: dict[tuple[str, int], OutputLog] = {}
        self.group_offsets: dict[Any, list[int]] = {}  # all that ever were, the newest last
        self._producers: dict[str, _Producer] = {}

    def log(self, topic: str, partition: int) -> OutputLog:
        """The output log of this name."""
        found = self.outputs.get((topic, partition))
        if found is None:
            found = self.outputs[topic, partition] = OutputLog(topic, partition)
        return found

    # What a transactional producer asks for

    def init(self, name: str) -> int:
        """A new epoch; everything older is shut out."""
        producer = self._producers.get(name)
        if producer is None:
            producer = self._producers[name] = _Producer(len(self._producers))
        if producer.current is not None and not producer.markers_due:
            producer.epoch += 1
            self._finish(producer, producer.current, commit=False)
        if producer.markers_due:
            raise ConcurrentTransactions
        producer.epoch += 1
        producer.ended_with = None
        return producer.epoch

    def produce(self, name: str, epoch: int, log: OutputLog, number: int, entries: list[Entry]) -> None:
        """Append a batch, once however often it comes."""
        producer = self._known(name, epoch)
        key = (producer.number, epoch)
        newest = log.sequences.get(key, -1)
        if number <= newest:
            return
        if number != newest + 1:
            raise OutOfOrderSequenceNumber
        transaction = self._ongoing(producer)
        log.sequences[key] = number
        if log not in transaction.logs:
            transaction.logs.append(log)
        log.append(transaction, entries)
        transaction.entries += [(log.topic, entry) for entry in entries]

    def add_offsets(self, name: str, epoch: int, offsets: dict[Any, int]) -> None:
        """Have the group's offsets move when the transaction is committed."""
        self._ongoing(self._known(name, epoch)).offsets.update(offsets)

    def end(self, name: str, epoch: int, commit: bool) -> None:
        """Decide."""
        producer = self._known(name, epoch)
        if producer.markers_due:
            raise ConcurrentTransactions
        if producer.current is not None:
            self._finish(producer, producer.current, commit=commit)
        elif producer.ended_with is not commit:
            raise InvalidTxnState

    def _known(self, name: str, epoch: int) -> _Producer:
        producer = self._producers[name]
        current = producer.current
        if current is not None and not producer.markers_due and self._loop.time() > current.started_s + self._timeout_s:
            producer.epoch += 1
            self._finish(producer, current, commit=False)
        if producer.epoch != epoch:
            raise InvalidProducerEpoch
        return producer

    def _ongoing(self, producer: _Producer) -> Transaction:
        if producer.markers_due:
            raise ConcurrentTransactions
        if producer.current is None:
            producer.current = Transaction(self._loop.time())
        return producer.current

    def _finish(self, producer: _Producer, transaction: Transaction, *, commit: bool) -> None:
        transaction.committed = commit
        producer.ended_with = commit
        producer.markers_due = len(transaction.logs) or 1
        for log in transaction.logs:
            delay_s = self._rng.choice(_MARKER_DELAYS_S)
            if delay_s:
                self._loop.outside(delay_s, self._mark, producer, transaction, log)
            else:
                self._mark(producer, transaction, log)
        if not transaction.logs:
            self._finished(producer, transaction)

    def _mark(self, producer: _Producer, transaction: Transaction, log: OutputLog) -> None:
        log.mark(transaction)
        producer.markers_due -= 1
        if not producer.markers_due:
            self._finished(producer, transaction)

    def _finished(self, producer: _Producer, transaction: Transaction) -> None:
        producer.markers_due = 0
        producer.current = None
        if transaction.committed:
            for place, offset in transaction.offsets.items():
                self.group_offsets.setdefault(place, []).append(offset)

    # What consumers ask for

    def spans(self, places: Sequence[tuple[str, int]]) -> list[tuple[int, int]]:
        """Begin and end of inputs, as of now."""
        return [(self.inputs[place].begin, self.inputs[place].visible_end()) for place in places]

    def any_log(self, topic: str, partition: int) -> InputLog | OutputLog:
        """An input or an output."""
        return self.inputs.get((topic, partition)) or self.log(topic, partition)

    @property
    def hanging(self) -> list[str]:
        """Logs that an open transaction still hides the end of."""
        return [f"{log.topic}-{log.partition}" for log in self.outputs.values() if log.last_stable < len(log.entries)]
