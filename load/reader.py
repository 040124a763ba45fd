"""Reads what the service wrote, as its consumers do: only what was committed.

The reader stands on the topics' ends before anything is sent, so it sees this run's records alone. It keeps no group and
commits nothing: looking changes nothing. A record that was aborted is never seen, a crash of the reader ends the check.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

__all__ = ["CommittedReader", "partitions_of"]

#: The broker answers after so long when there is nothing: it bounds what reading adds to a latency.
FETCH_WAIT_MS = 20


class CommittedReader:
    """Hands each committed record of some topics to ``take``, with the monotonic second at which it was seen."""

    def __init__(self, bootstrap_servers: str, prefix: str, topics: Sequence[str]) -> None:
        self._prefix, self._topics = prefix, topics
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            client_id="load-reader",
        )

    async def start(self, *, at_end: bool = True) -> None:
        """Stand on the ends of all partitions, or on their beginnings."""
        try:
            await self._consumer.start()
            await self._assign(at_end=at_end)
        except BaseException:
            await self._consumer.stop()
            raise

    async def _assign(self, *, at_end: bool) -> None:
        places = []
        for topic in self._topics:
            count = await partitions_of(self._consumer, self._prefix + topic)
            places += [TopicPartition(self._prefix + topic, partition) for partition in range(count)]
        self._consumer.assign(places)
        if at_end:
            for place, end in (await self._consumer.end_offsets(places)).items():
                self._consumer.seek(place, end)
        else:
            await self._consumer.seek_to_beginning(*places)

    async def stop(self) -> None:
        """Close the connections."""
        await self._consumer.stop()

    async def run(self, take: Callable[[str, ConsumerRecord[Any, Any]], None], seen: Callable[[], None] = lambda: None) -> None:
        """Read until cancelled; ``take`` gets the topic without its prefix; ``seen`` is called after each fetch."""
        while True:
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=2_000)
            for place, records in fetched.items():
                topic = place.topic.removeprefix(self._prefix)
                for record in records:
                    take(topic, record)
            seen()
            await asyncio.sleep(0)


async def partitions_of(consumer: AIOKafkaConsumer, topic: str, within_s: float = 30.0) -> int:
    """How many partitions the topic has; waits for a topic that was created just now."""
    deadline = time.monotonic() + within_s
    while True:
        await consumer.topics()
        partitions = consumer.partitions_for_topic(topic)
        if partitions:
            return len(partitions)
        if time.monotonic() > deadline:
            raise LookupError(f"topic {topic!r} is not there after {within_s:.0f} s; `gnomon topics create` makes all of them")
        await asyncio.sleep(0.2)
