"""Reads what the service wrote, as its consumers do: only what was committed.

The reader stands on the topics' ends before anything is sent, so it sees this run's records alone. It keeps no group and
commits nothing: looking changes nothing. A record that was aborted is never seen, a crash of the reader ends the check.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

__all__ = ["CommittedReader"]

#: The broker answers after so long when there is nothing: it bounds what reading adds to a latency.
FETCH_WAIT_MS = 20
#: Looked at, at the end of a partition, for the newest event time: enough to pass over poison and late events.
LAST_RECORDS = 50
_timestamp = re.compile(rb'"timestamp":(\d{13})[,}]').search


class CommittedReader:
    """Hands each committed record of some topics to ``take``; all topics have the same number of partitions."""

    def __init__(self, bootstrap_servers: str, prefix: str, topics: Sequence[str], partitions: int) -> None:
        self._prefix, self._topics, self._partitions = prefix, topics, partitions
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
        places = [TopicPartition(self._prefix + topic, each) for topic in self._topics for each in range(self._partitions)]
        self._consumer.assign(places)
        if at_end:
            for place, end in (await self._consumer.end_offsets(places)).items():
                self._consumer.seek(place, end)
        else:
            await self._consumer.seek_to_beginning(*places)

    async def stop(self) -> None:
        """Close the connections."""
        await self._consumer.stop()

    async def newest(self) -> int | None:
        """The greatest timestamp in the last records of the topics, in milliseconds; None where they hold none."""
        places = self._consumer.assignment()
        ends, begins = await self._consumer.end_offsets(places), await self._consumer.beginning_offsets(places)
        held = [place for place in places if ends[place] > begins[place]]
        found: list[int] = []
        for place in held:
            self._consumer.seek(place, max(begins[place], ends[place] - LAST_RECORDS))
        for place in held:
            fetched = await self._consumer.getmany(place, timeout_ms=2_000)
            found += [time_ms for record in fetched.get(place, ()) if (time_ms := _event_ms(record.value)) is not None]
        return max(found, default=None)

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


def _event_ms(value: bytes | None) -> int | None:
    found = _timestamp(value or b"")
    return int(found[1]) if found else None
