"""The open loop: each record goes out at its planned time, whatever the service or the broker does.

What may not happen: that a slow service slows its own traffic down and so hides its own delay. The loop therefore never
waits for an answer before the next record; only a bound on unanswered batches (``IN_FLIGHT``) keeps memory finite, and
whenever it is reached the sender falls behind its plan, which the account says (``behind_s``) and the report judges.

Records are put into batches of our own, one a partition, since that costs 3 µs a record and ``send`` costs 15. A batch goes
out when it is full or when nothing more is due. The producer is idempotent: a retry inside it sends nothing twice. When the
process dies, what was sent is whole records; a second run uses other request ids, since they hold the start time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from load.partitioning import java_partition
from load.planned import Planned

__all__ = ["Account", "BatchProducer", "Clock", "open_loop", "producer"]

#: Bytes of a batch before compression: large enough that the broker sees tens of batches a second, not thousands.
BATCH_BYTES = 256 * 1024
#: Batches without an answer, over all partitions: 64 x 256 KiB is 16 MiB.
IN_FLIGHT = 64
#: With nothing due the loop looks again after so long; it bounds how late a record goes out on an idle machine.
TICK_S = 0.005
#: At most so many records are taken between two looks at the clock, so that readers in the same process get their turn.
TURN = 500

_Clock = Callable[[], float]


@dataclass(frozen=True)
class Clock:
    """Where time comes from; a test brings its own."""

    now: _Clock = time.monotonic
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass
class Account:
    """What was sent. ``behind_s`` is the longest time that a record went into a batch after its planned time."""

    started: float = 0.0
    ended: float = 0.0
    sent: int = 0
    bytes: int = 0
    behind_s: float = 0.0
    topics: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.sent / max(self.ended - self.started, 1e-9)


class Batch(Protocol):
    """The part of aiokafka's ``BatchBuilder`` that is used."""

    def append(self, *, timestamp: int, key: bytes | None, value: bytes | None, headers: Any) -> object | None: ...


class BatchProducer(Protocol):
    """The part of aiokafka's producer that is used."""

    def create_batch(self) -> Batch: ...
    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[Any]": ...


def producer(bootstrap_servers: str) -> AIOKafkaProducer:
    """A producer as a customer's: idempotent, snappy, aiokafka's default partitioner, which is the Java client's."""
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        enable_idempotence=True,
        compression_type="snappy",
        max_batch_size=BATCH_BYTES,
        max_request_size=8 * BATCH_BYTES,
        linger_ms=0,
        client_id="load",
    )


class _Batches:
    """The open batch of each partition, and the answers that are still to come."""

    def __init__(self, to: BatchProducer, prefix: str, partitions: int) -> None:
        self._to, self._prefix, self._partitions = to, prefix, partitions
        self._open: dict[tuple[str, int], Batch] = {}
        self._unanswered: set[asyncio.Future[Any]] = set()

    async def add(self, record: Planned, wall_ms: int) -> None:
        place = (record.topic, self._partition(record) if record.partition is None else record.partition)
        batch = self._open.get(place)
        if batch is None:
            batch = self._open[place] = self._to.create_batch()
        if not self._append(batch, record, wall_ms):
            await self._send(place)
            fresh = self._open[place] = self._to.create_batch()
            self._append(fresh, record, wall_ms)  # the first record of a batch always fits

    @staticmethod
    def _append(batch: Batch, record: Planned, wall_ms: int) -> bool:
        return batch.append(timestamp=wall_ms, key=record.key, value=record.value, headers=list(record.headers)) is not None

    def _partition(self, record: Planned) -> int:
        """Where there is no key, the first bytes of the value decide, so that a second run sends to the same places."""
        return java_partition(record.key if record.key is not None else (record.value or b"")[:64], self._partitions)

    async def flush(self) -> None:
        for place in list(self._open):
            await self._send(place)

    async def _send(self, place: tuple[str, int]) -> None:
        batch = self._open.pop(place)
        while len(self._unanswered) >= IN_FLIGHT:
            await self._answered(asyncio.FIRST_COMPLETED)
        self._unanswered.add(await self._to.send_batch(batch, self._prefix + place[0], partition=place[1]))

    async def _answered(self, when: str) -> None:
        done, self._unanswered = await asyncio.wait(self._unanswered, return_when=when)
        for answer in done:
            answer.result()  # a refused batch ends the run with the broker's reason

    async def all_answered(self) -> None:
        await self.flush()
        if self._unanswered:
            await self._answered(asyncio.ALL_COMPLETED)


async def open_loop(
    records: Iterator[Planned],
    to: BatchProducer,
    *,
    prefix: str,
    partitions: int,
    paced: bool,
    clock: Clock = Clock(),
    progress: Callable[[Account], None] = lambda _: None,
) -> Account:
    """Send all records, each at its planned second when ``paced``, else as fast as possible; ends when all are answered."""
    batches = _Batches(to, prefix, partitions)
    account = Account(started=clock.now())
    turn = 0
    for record in records:
        if paced:
            ahead_s = account.started + record.offset_s - clock.now()
            if ahead_s > 0:
                await batches.flush()
                progress(account)
                ahead_s = await _until(account.started + record.offset_s, clock)
            account.behind_s = max(account.behind_s, -ahead_s)
        await batches.add(record, clock.wall_ms())
        account.sent += 1
        account.bytes += len(record.value or b"")
        account.topics[record.topic] = account.topics.get(record.topic, 0) + 1
        turn += 1
        if turn >= TURN:
            turn = 0
            progress(account)
            await clock.sleep(0)
    await batches.all_answered()
    account.ended = clock.now()
    progress(account)
    return account


async def _until(moment: float, clock: Clock) -> float:
    """Wait for the moment; the seconds that are left, zero or less."""
    while (left_s := moment - clock.now()) > 0:
        await clock.sleep(max(left_s, TICK_S))
    return left_s
