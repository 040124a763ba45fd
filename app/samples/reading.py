"""The newest pairs of a model, read from Kafka when somebody asks.

*Bounds.* The newest ``RECORDS`` offsets of each of the model's partitions, ``ALL_RECORDS`` over all of them, ``_ALL_BYTES`` of
values, ``SECONDS``; a fetch of ``_FETCH_BYTES`` a partition. One read at a time for a model, which all who ask meanwhile
share, and ``READS`` in all: the next one is refused. What was read is given again for ``FRESH_SECONDS``, of ``_KEPT`` models
at most.

A read that is cut short by time or bytes gives what it has, with the offsets that it looked at, and says so; one that got nothing
from a broker fails.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from app.config import Config
from app.kafka import client_arguments, unreachable
from app.samples.sample import PairSample
from app.topic_table import Topics
from schemas.offsets import OffsetRange

__all__ = [
    "FRESH_SECONDS",
    "READS",
    "RECORDS",
    "SECONDS",
    "PairSamples",
    "Read",
    "SampleError",
    "TooManyReadsError",
]

RECORDS, ALL_RECORDS = 5_000, 20_000
SECONDS = 5.0
FRESH_SECONDS = 10.0
READS = 2
_KEPT = 16
_ALL_BYTES = 64 << 20
_FETCH_BYTES = 1 << 20
log = structlog.get_logger(__name__)


class SampleError(Exception):
    """The pairs cannot be read now; the message says why."""


class TooManyReadsError(SampleError):
    """As many reads are under way as there may be."""


class Read(NamedTuple):
    """A sample, when it was read (wall time, milliseconds), and what was looked at."""

    sample: PairSample
    at_ms: int
    offsets: list[OffsetRange]
    cut_short: str | None


class PairSamples:
    """Reads for the pages of one process."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._topic = Topics(config.topics.prefix).full("pairs")
        self._reads: dict[str, asyncio.Task[Read]] = {}
        self._done: dict[str, tuple[float, Read]] = {}

    async def of(self, model: str, partitions: Sequence[int]) -> Read:
        """The newest pairs of a model on these partitions. Raises ``SampleError``."""
        known = self._done.get(model)
        if known is not None and time.monotonic() - known[0] < FRESH_SECONDS:
            return known[1]
        task = self._reads.get(model)
        if task is None:
            if len(self._reads) >= READS:
                message = f"{READS} reads of pairs are under way already; try again"
                raise TooManyReadsError(message)
            task = self._reads[model] = asyncio.create_task(self._read(model, partitions))
            task.add_done_callback(lambda done: self._finish(model, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End the reads that are under way."""
        tasks = list(self._reads.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finish(self, model: str, task: asyncio.Task[Read]) -> None:
        self._reads.pop(model, None)
        if task.cancelled() or task.exception() is not None:
            return
        self._done.pop(model, None)
        self._done[model] = (time.monotonic(), task.result())
        if len(self._done) > _KEPT:
            del self._done[next(iter(self._done))]

    async def _read(self, model: str, partitions: Sequence[int]) -> Read:
        places = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
        try:
            consumer = AIOKafkaConsumer(
                **client_arguments(self._config.kafka), isolation_level="read_committed", enable_auto_commit=False,
                auto_offset_reset="none", max_partition_fetch_bytes=_FETCH_BYTES, fetch_max_wait_ms=100,
            )  # fmt: skip
            reading = _Reading(consumer, model.encode(), places)
            try:
                async with asyncio.timeout(SECONDS):
                    await consumer.start()
                    await reading.read()
            except TimeoutError:
                reading.stop(f"{SECONDS:g} s")
            finally:
                await consumer.stop()
        except (KafkaError, OSError) as error:
            log.warning("pairs cannot be read", model=model, reason=f"{type(error).__name__}: {error}")
            raise SampleError(unreachable(self._config.kafka, error)) from error
        return reading.result()


class _Reading:
    """One read under way."""

    def __init__(self, consumer: AIOKafkaConsumer, key: bytes, places: Sequence[TopicPartition]) -> None:
        self._consumer, self._key, self._places = consumer, key, places
        self._sample, self._bytes = PairSample(), 0
        self._begins: Mapping[TopicPartition, int] = {}
        self._at: dict[TopicPartition, int] = {}
        self._cut_short: str | None = None

    async def read(self) -> None:
        """From the newest ``RECORDS`` of each partition to its end."""
        begins = await self._consumer.beginning_offsets(self._places)
        ends = await self._consumer.end_offsets(self._places)
        most = min(RECORDS, ALL_RECORDS // max(len(self._places), 1))
        self._begins = {place: max(begins[place], ends[place] - most) for place in self._places}
        self._at = dict(self._begins)
        open_ = {place for place in self._places if self._begins[place] < ends[place]}
        self._consumer.assign(open_)
        for place in open_:
            self._consumer.seek(place, self._begins[place])
        while open_ and self._cut_short is None:
            for place, records in (await self._consumer.getmany(*open_, timeout_ms=200)).items():
                self._take(place, records, ends[place])
            for place in open_:
                self._at[place] = min(await self._consumer.position(place), ends[place])
            open_ = {place for place in open_ if self._at[place] < ends[place]}

    def stop(self, why: str) -> None:
        """Not all was read."""
        self._cut_short = f"not all was read within {why}"

    def result(self) -> Read:
        """What was read; raises where no broker has said anything."""
        if not self._at:
            message = f"Kafka has not answered within {SECONDS:g} s"
            raise SampleError(message)
        offsets = [OffsetRange(place.topic, place.partition, self._begins[place], self._at[place]) for place in self._places]
        return Read(self._sample, time.time_ns() // 1_000_000, offsets, self._cut_short)

    def _take(self, place: TopicPartition, records: Sequence[object], end: int) -> None:
        for record in records:
            if record.offset >= end:  # type: ignore[attr-defined]  # aiokafka's record, which has no type here
                return
            if record.key == self._key:  # type: ignore[attr-defined]
                value = record.value  # type: ignore[attr-defined]
                self._bytes += len(value or b"")
                self._sample.take(place.partition, record.offset, value)  # type: ignore[attr-defined]
        if self._bytes > _ALL_BYTES:
            self.stop(f"{_ALL_BYTES >> 20} MiB")
