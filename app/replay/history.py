"""A stretch of the logs of ``pairs`` and ``outcomes.placed``, partition by partition, as the runs that a worker reads.

The stretch is by the records' own times, as Kafka indexes them, commit markers included; it ends where the log ended when
reading began. Committed records alone are read. Bounded: a fetch, whatever the stretch.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import aiokafka
from aiokafka import TopicPartition

from app.config import Config
from app.folds.fold import Run
from app.kafka import client_arguments
from app.topic_table import Topics
from app.topics import partitions_of

__all__ = ["HistoryError", "Reader", "Stretch", "replayed"]

#: A fetch that finds nothing is asked again for as long as this in all.
_SILENCE_S = 30.0
_FETCH_BYTES = 4 << 20


class HistoryError(Exception):
    """The history that was asked for cannot be read."""


class Stretch(NamedTuple):
    """Milliseconds since the epoch, ``[begin_ms, end_ms)``; None: from the log's beginning, to its end."""

    begin_ms: int | None = None
    end_ms: int | None = None


class Reader(Protocol):
    """What is fed a history: runs of each partition of its ``topics`` (the contract's names), in order, then that it was read."""

    @property
    def topics(self) -> Sequence[str]: ...
    def feed(self, topic: str, partition: int, run: Run) -> None: ...
    def wants(self, topic: str, partition: int) -> bool: ...
    def is_read(self, topic: str, partition: int) -> None: ...
    def end(self) -> None: ...


async def replayed(config: Config, stretch: Stretch, plays: Sequence[Reader]) -> None:
    """Feed the history to all of these, so that it is read once; the partitions as they come, each in order."""
    topics, names = Topics(config.topics.prefix), dict.fromkeys(name for play in plays for name in play.topics)
    places = [place for name in names for place in await _places(config, topics.full(name))]
    consumer = aiokafka.AIOKafkaConsumer(
        **client_arguments(config.kafka), isolation_level="read_committed", enable_auto_commit=False,
        auto_offset_reset="none", max_partition_fetch_bytes=_FETCH_BYTES,
    )  # fmt: skip
    await consumer.start()
    try:
        await _read(consumer, places, stretch, plays, topics)
    finally:
        await consumer.stop()
    for play in plays:
        play.end()


async def _places(config: Config, topic: str) -> list[TopicPartition]:
    places = [TopicPartition(topic, number) for number in await partitions_of(config, topic)]
    if not places:
        message = f"there is no topic {topic}; is topics.prefix right?"
        raise HistoryError(message)
    return places


async def _read(
    consumer: aiokafka.AIOKafkaConsumer, places: list[TopicPartition], stretch: Stretch, plays: Sequence[Reader], topics: Topics
) -> None:
    """Read each log as far as the others that belong to it allow."""
    begins, ends = await _bounds(consumer, places, stretch)
    open_ = {place for place in places if begins[place] < ends[place]}
    consumer.assign(open_)
    for place in open_:
        consumer.seek(place, begins[place])
    _tell_read(set(places) - open_, plays, topics)
    silent_s = 0.0
    while open_:
        wanted = [place for place in open_ if all(play.wants(topics.logical(place.topic), place.partition) for play in plays)]
        fetched = await consumer.getmany(*wanted, timeout_ms=1_000)
        silent_s = 0.0 if fetched else silent_s + 1.0
        if silent_s >= _SILENCE_S:
            message = f"the broker gave nothing for {_SILENCE_S:.0f} s, with {len(open_)} partitions not read to their end"
            raise HistoryError(message)
        for place, records in fetched.items():
            run = Run(record for record in records if record.offset < ends[place])
            run.start, run.end = records[0].offset, min(records[-1].offset + 1, ends[place])
            for play in plays if run else ():
                play.feed(topics.logical(place.topic), place.partition, run)
        read = {place for place in open_ if await consumer.position(place) >= ends[place]}
        open_ -= read
        _tell_read(read, plays, topics)


def _tell_read(places: set[TopicPartition], plays: Sequence[Reader], topics: Topics) -> None:
    for place in places:
        for play in plays:
            play.is_read(topics.logical(place.topic), place.partition)


Offsets = dict[TopicPartition, int]


async def _bounds(consumer: aiokafka.AIOKafkaConsumer, places: list[TopicPartition], stretch: Stretch) -> tuple[Offsets, Offsets]:
    """From where to where each partition is read."""
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    return await _since(consumer, begins, stretch.begin_ms, ends), await _since(consumer, ends, stretch.end_ms, ends)


async def _since(consumer: aiokafka.AIOKafkaConsumer, offsets: Offsets, time_ms: int | None, ends: Offsets) -> Offsets:
    """The first offset of each partition at or after a time; its end where nothing is."""
    if time_ms is None:
        return offsets
    found = await consumer.offsets_for_times(dict.fromkeys(offsets, time_ms))
    return {place: ends[place] if at is None else min(at.offset, ends[place]) for place, at in found.items()}
