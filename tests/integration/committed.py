"""What a consumer that reads only what was committed sees; and a producer as a customer's. Neither is aiokafka.

The clients are librdkafka's: the service is built on aiokafka, and what one client writes wrongly it may read wrongly too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition


class Seen(NamedTuple):
    """One committed record. ``topic`` is without the prefix, ``at`` the monotonic second at which it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    timestamp: int
    at: float

    def header(self, name: str) -> str:
        """The first header of that name, as text."""
        return next((value or b"").decode() for key, value in self.headers if key == name)


class CommittedReader:
    """Stands on all partitions of some topics, or on those named, at their beginnings; each ``read`` goes on from there."""

    def __init__(self, bootstrap_servers: str, prefix: str, topics: Sequence[str], partitions: int | Sequence[int]) -> None:
        self._prefix = prefix
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"{prefix}reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 20,
                "enable.partition.eof": False,
            }
        )
        numbers = range(partitions) if isinstance(partitions, int) else partitions
        self._places = [TopicPartition(prefix + topic, at, 0) for topic in topics for at in numbers]
        self._consumer.assign(self._places)

    def read(self, seconds: float = 0.1, most: int = 5_000) -> list[Seen]:
        """What is there, at most after so long."""
        seen = []
        for message in self._consumer.consume(most, seconds):
            if (error := message.error()) is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                continue
            seen.append(self._seen(message))
        return seen

    def _seen(self, message: Any) -> Seen:
        topic, headers = message.topic().removeprefix(self._prefix), tuple(message.headers() or ())
        place = (topic, message.partition(), message.offset())
        return Seen(*place, message.key(), message.value(), headers, message.timestamp()[1], time.monotonic())

    def to_end(self, take: Callable[[Seen], None], seconds: float = 120.0) -> None:
        """Hand on everything up to the ends that the partitions have now (transaction markers at the ends are passed)."""
        ends = {(p.topic, p.partition): self._consumer.get_watermark_offsets(p, timeout=10)[1] for p in self._places}
        deadline = time.monotonic() + seconds
        while not self._stands_at(ends):
            for record in self.read():
                take(record)
            if time.monotonic() > deadline:
                raise AssertionError(f"the ends {ends} were not reached within {seconds:g} s")

    def _stands_at(self, ends: dict[tuple[str, int], int]) -> bool:
        positions = self._consumer.position(self._places)
        return all(max(each.offset, 0) >= ends[each.topic, each.partition] for each in positions)

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def reader(bootstrap_servers: str, prefix: str, *topics: str, partitions: int | Sequence[int] = 4) -> Iterator[CommittedReader]:
    reading = CommittedReader(bootstrap_servers, prefix, topics, partitions)
    try:
        yield reading
    finally:
        reading.close()


def read_all(bootstrap_servers: str, prefix: str, *topics: str, partitions: int = 4) -> list[Seen]:
    """All that is committed now."""
    seen: list[Seen] = []
    with reader(bootstrap_servers, prefix, *topics, partitions=partitions) as reading:
        reading.to_end(seen.append)
    return seen


class Publisher:
    """Sends as the contract tells librdkafka's users to."""

    def __init__(self, bootstrap_servers: str, prefix: str) -> None:
        self._prefix = prefix
        settings = {"bootstrap.servers": bootstrap_servers, "partitioner": "murmur2_random", "linger.ms": 1, "acks": "all"}
        self._producer = Producer(settings)

    def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """One record; ``flush`` waits for it."""
        self._producer.produce(self._prefix + topic, value, key, headers=list(headers), on_delivery=_delivered)
        self._producer.poll(0)

    def flush(self) -> None:
        """Until all is acknowledged."""
        left = self._producer.flush(30)
        assert left == 0, f"{left} records were not acknowledged"


def _delivered(error: KafkaError | None, _: object) -> None:
    if error is not None:
        raise KafkaException(error)
