"""A partition's ledger in Kafka: outputs, checkpoint and group offsets of an interval in one transaction.

*Delivery guarantees.* ``open`` starts the transactional producer first, which shuts out a predecessor that may still be
running (the transactional id belongs to the partition, not to the worker) and aborts what it left open; only then is the
checkpoint read. So what is read is what will stay. Nothing is ever retried here: after any error it is unknown whether the
transaction is in the log, and the next ``open`` finds out.

The group's offsets are written for those who watch the lag; where to read from never rests on them. They decide one thing: a
group that has some, and no checkpoint, has lost its checkpoints. They cost two of a transaction's round trips, so they are
within the first one, the last one, and one a second (``docs/adr/0006-group-offsets.md``).
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.folds import transaction_end
from app.folds.checkpoint import CheckpointError, CheckpointReader, CheckpointWriter
from app.folds.fold import Headers, LogAnswer, LogQuery, Outbox
from app.folds.ledger import Saved
from schemas.cloudevents import id_bytes

__all__ = ["KafkaLedger"]

#: Records read first when looking for the newest checkpoint; then sixteen times as many, until it is found.
_LOOK_BACK = 64
_BATCH_BYTES = 900_000
_POLL_MS = 200
_OFFSETS_SECONDS = 1.0


class _Batches:
    """The outbox: record batches under construction, by topic and partition."""

    def __init__(self, full_name: Callable[[str], str]) -> None:
        self._full_name = full_name
        self.producer: Any = None
        self.batches: dict[tuple[str, int], list[Any]] = {}

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Append one record to the newest batch of its partition, or to a new one."""
        batches = self.batches.get((topic, partition))
        if batches is None:
            batches = self.batches[topic, partition] = [self.producer.create_batch()]
        if batches[-1].append(timestamp=None, key=key, value=value, headers=headers) is None:
            batches.append(self.producer.create_batch())
            batches[-1].append(timestamp=None, key=key, value=value, headers=headers)

    def take(self) -> list[tuple[str, int, Any]]:
        """All batches, with the full names of their topics; the outbox is empty afterwards."""
        taken, self.batches = self.batches, {}
        return [(self._full_name(topic), at, batch) for (topic, at), batches in taken.items() for batch in batches]


class KafkaLedger:
    """See the module's text. ``producer_arguments`` and ``client_arguments`` are aiokafka's."""

    def __init__(
        self,
        *,
        partition: int,
        inputs: Sequence[str],
        checkpoints: str,
        group: str,
        full_name: Callable[[str], str],
        producer_arguments: dict[str, Any],
        client_arguments: dict[str, Any],
    ) -> None:
        self._partition, self._group, self._full_name = partition, group, full_name
        self._inputs = [TopicPartition(topic, partition) for topic in inputs]
        self._checkpoints = checkpoints
        self._producer_arguments, self._client_arguments = producer_arguments, client_arguments
        self._batches = _Batches(full_name)
        self._writer = CheckpointWriter(partition)
        self._producer: Any = None
        self._offsets_due, self._offsets_owed = 0.0, False

    @property
    def outbox(self) -> Outbox:
        """The batches of the present interval."""
        return self._batches

    def backlog(self) -> int:
        """Full batches that wait for their commit; one under construction in each partition is no sign of a backlog."""
        return sum(len(batches) - 1 for batches in self._batches.batches.values())

    async def open(self) -> Saved | None:
        """Fence, then read."""
        transaction_end.install()
        producer = AIOKafkaProducer(
            **self._producer_arguments, max_batch_size=_BATCH_BYTES, compression_type="snappy", linger_ms=0
        )
        self._producer = self._batches.producer = producer  # before it starts: a start that is cancelled is stopped too
        await producer.start()
        saved = await self._read_checkpoint()
        if saved is None:
            await self._refuse_lost_checkpoints()
        return saved

    async def _refuse_lost_checkpoints(self) -> None:
        """Offsets are committed with a checkpoint. Without one, to begin anew would write everything a second time."""
        async with AIOKafkaConsumer(**self._client_arguments, group_id=self._group, enable_auto_commit=False) as consumer:
            for place in self._inputs:
                offset = await consumer.committed(place)
                if offset:
                    raise CheckpointError(
                        f"{self._checkpoints}-{self._partition} has no checkpoint, but the group {self._group} has read "
                        f"{place.topic}-{place.partition} up to offset {offset}: the checkpoints were lost. Stop the workers and "
                        f"run `gnomon reset` to begin anew and write everything a second time, or restore the topic"
                    )

    async def _read_checkpoint(self) -> Saved | None:
        place = TopicPartition(self._checkpoints, self._partition)
        async with self._reader() as consumer:
            consumer.assign([place])
            begin = (await consumer.beginning_offsets([place]))[place]
            end = (await consumer.end_offsets([place]))[place]
            back = _LOOK_BACK
            while begin < end:
                start = max(begin, end - back)
                reader = CheckpointReader(self._partition, f"{self._checkpoints}-{self._partition}")
                await _read(consumer, place, start, end, reader.take)
                found = reader.result(self._writer)
                if found is not None:
                    return found
                if start == begin:
                    if reader.incomplete:
                        raise CheckpointError(reader.incomplete)
                    return None
                back *= 16
        return None

    def owes(self, *, ending: bool) -> bool:
        """Whether the group's offsets stand behind."""
        return self._offsets_owed and (ending or asyncio.get_running_loop().time() >= self._offsets_due)

    async def commit(self, saved: Saved, *, ending: bool) -> None:
        """One transaction; an error leaves it open, and the next ``open`` aborts it or finds it committed."""
        producer, batches = self._producer, self._batches.take()
        records = list(self._writer.records(saved))
        await producer.begin_transaction()
        sent = []
        try:
            for topic, partition, batch in batches:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
            for key, value in records:
                sent.append(await producer.send(self._checkpoints, value, key=key, partition=self._partition))
            await self._send_offsets(saved.next, ending=ending)
            # The client would end the transaction although a batch was refused, and lose what was in it.
            await asyncio.gather(*sent)
            await producer.commit_transaction()
        finally:
            for future in sent:
                future.add_done_callback(_retrieve)

    async def _send_offsets(self, positions: Sequence[int], *, ending: bool) -> None:
        now = asyncio.get_running_loop().time()
        self._offsets_owed = not ending and now < self._offsets_due
        if not self._offsets_owed:
            self._offsets_due = now + _OFFSETS_SECONDS
            await self._producer.send_offsets_to_transaction(dict(zip(self._inputs, positions, strict=True)), self._group)

    async def ask(self, query: LogQuery) -> LogAnswer:
        """Count and digest the records of one key in a stretch of the log."""
        place = TopicPartition(self._full_name(query.topic), query.partition)
        ids: list[bytes] = []

        def take(record: Any) -> None:
            if record.key == query.key and query.start <= record.offset < query.end:
                ids.append(id_bytes(record.headers))

        async with self._reader() as consumer:
            consumer.assign([place])
            begin = (await consumer.beginning_offsets([place]))[place]
            await _read(consumer, place, max(begin, query.start), query.end, take)
        digest = "sha256:" + hashlib.sha256(b"\n".join(ids)).hexdigest()
        return LogAnswer(len(ids), digest, begin <= query.start)

    async def discard(self) -> None:
        """A checkpoint in Kafka is never thrown away: it belongs to the log beside it."""
        message = (
            f"the checkpoint in {self._checkpoints}-{self._partition} does not belong to the inputs' logs; "
            f"run `gnomon reset` to begin anew on these"
        )
        raise CheckpointError(message)

    async def close(self) -> None:
        """Stop the producer; a transaction that is open is aborted by the next ``open``."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    def _reader(self) -> Any:
        return AIOKafkaConsumer(
            **self._client_arguments, isolation_level="read_committed", enable_auto_commit=False, fetch_max_wait_ms=50
        )


async def _read(consumer: Any, place: TopicPartition, start: int, end: int, take: Callable[[Any], None]) -> None:
    """Hand on the records of ``[start, end)``."""
    if start >= end:
        return
    consumer.seek(place, start)
    while await consumer.position(place) < end:
        for records in (await consumer.getmany(place, timeout_ms=_POLL_MS)).values():
            for record in records:
                if record.offset < end:
                    take(record)


def _retrieve(future: Any) -> None:
    """Take note of a failure, so that asyncio does not complain about it: the transaction's own error has been raised."""
    if not future.cancelled():
        future.exception()
