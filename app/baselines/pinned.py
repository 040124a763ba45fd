"""The topic ``baselines``: documents by their id, compacted, so that every worker finds one without sharing a disk.

A document is known by what it says, so two records with one key are the same document, and pinning what is pinned already writes
nothing. A version of a model is given once: a second document under its name is refused.

Bounded: a fetch, whatever lies on the topic; a document by ``BASELINE_BYTES``. A crash while pinning leaves one record or none;
two who pin at the same moment can write a document twice, which compaction undoes, or two of one version.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.config import Config
from app.domain.detection.baseline import Baseline
from app.domain.placement import place
from app.kafka import client_arguments
from app.topic_table import Topics, specs
from app.topics import partitions_of
from schemas.events import baseline_event

__all__ = ["TOPIC", "PinError", "Pinned", "find", "pin"]

TOPIC = "baselines"
_FETCH_BYTES = 1 << 20
#: A fetch that finds nothing is asked again for as long as this in all.
_SILENCE_S = 30


class PinError(Exception):
    """A baseline cannot be pinned, or what is pinned cannot be read."""


class Pinned(NamedTuple):
    """Where a document lies: the topic's full name, and whether it lay there before."""

    topic: str
    partition: int
    offset: int
    already: bool


async def find(config: Config, ids: Collection[str]) -> dict[str, bytes]:
    """The documents with these ids, as far as they are pinned; ``PinError`` where there is no such topic."""
    found: dict[str, bytes] = {}
    async with _records(config) as records:
        async for record in records:
            id_ = (record.key or b"").decode(errors="replace")
            if id_ in ids and record.value is not None:
                found[id_] = record.value
            if len(found) == len(set(ids)):
                break
    return found


async def pin(config: Config, baseline: Baseline, data: bytes) -> Pinned:
    """Put a document on the topic, if it is not there; ``PinError`` where its version is another document's."""
    event = baseline_event(baseline.document, data)
    full, subject = Topics(config.topics.prefix).full(TOPIC), dict(event.headers)["ce_subject"]
    async with _records(config) as records:
        async for record in records:
            if record.key == event.key and record.value is not None:
                return Pinned(full, record.partition, record.offset, already=True)
            if record.value is not None and dict(record.headers).get("ce_subject") == subject:
                message = (
                    f"{subject.decode()} is pinned already, as {(record.key or b'').decode()}: give the new one another version"
                )
                raise PinError(message)
    largest = next(int(spec.settings["max.message.bytes"]) for spec in specs(config) if spec.name == TOPIC)
    producer = AIOKafkaProducer(**client_arguments(config.kafka), acks="all", enable_idempotence=True, max_request_size=largest)
    await producer.start()
    try:
        at = place(baseline.model, config.topics.partitions)
        sent = await producer.send_and_wait(full, event.value, event.key, at, headers=event.headers)
    finally:
        await producer.stop()
    return Pinned(full, at, sent.offset, already=False)


@asynccontextmanager
async def _records(config: Config) -> AsyncIterator[AsyncIterator[Any]]:
    """All that lies on the topic, partition by partition as it comes."""
    full = Topics(config.topics.prefix).full(TOPIC)
    places = [TopicPartition(full, number) for number in await partitions_of(config, full)]
    if not places:
        message = f"there is no topic {full}; make it with `gnomon topics create`"
        raise PinError(message)
    consumer = AIOKafkaConsumer(
        **client_arguments(config.kafka), isolation_level="read_committed", enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )  # fmt: skip
    await consumer.start()
    try:
        yield _read(consumer, places)
    finally:
        await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> AsyncIterator[Any]:
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    open_ = {place for place in places if begins[place] < ends[place]}
    consumer.assign(open_)
    for place_ in open_:
        consumer.seek(place_, begins[place_])
    silent_s = 0
    while open_:
        fetched = await consumer.getmany(*open_, timeout_ms=1_000)
        silent_s = 0 if fetched else silent_s + 1
        if silent_s >= _SILENCE_S:
            message = f"the broker gave nothing for {_SILENCE_S} s, with {len(open_)} partitions not read to their end"
            raise PinError(message)
        for records in fetched.values():
            for record in records:
                yield record
        open_ = {place for place in open_ if await consumer.position(place) < ends[place]}
