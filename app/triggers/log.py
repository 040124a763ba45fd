"""Stretches of the log, as what was committed in them, in order.

Bounded: a fetch. A broker that gives nothing for ``_SILENCE_S`` ends it by name. Reading changes nothing, and has no group.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.config import Config
from app.kafka import client_arguments

__all__ = ["LogError", "Span", "read", "reader"]

_FETCH_BYTES = 1 << 20
_SILENCE_S = 30


class LogError(Exception):
    """The log cannot be read, or has not got what was asked for; the message says which and why."""


class Span(NamedTuple):
    """Half-open: from ``start`` to ``end``."""

    start: int
    end: int


@asynccontextmanager
async def reader(config: Config, wait_ms: int = 500) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group, that reads what was committed; the broker answers within ``wait_ms`` that there is nothing."""
    consumer = AIOKafkaConsumer(
        **client_arguments(config.kafka), isolation_level="read_committed", enable_auto_commit=False,
        auto_offset_reset="none", max_partition_fetch_bytes=_FETCH_BYTES, fetch_max_wait_ms=wait_ms,
    )  # fmt: skip
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def read(consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, Span]) -> AsyncIterator[Any]:
    """The records of these spans; partitions as they come, each in order. Raises ``LogError`` where the broker falls silent."""
    open_ = {place for place, span in spans.items() if span.start < span.end}
    consumer.assign(open_)
    for place in open_:
        consumer.seek(place, spans[place].start)
    silent_s = 0
    while open_:
        fetched = await consumer.getmany(*open_, timeout_ms=1_000)
        silent_s = 0 if fetched else silent_s + 1
        if silent_s >= _SILENCE_S:
            names = ", ".join(sorted(f"{place.topic}-{place.partition}" for place in open_))
            message = f"the broker gave nothing for {_SILENCE_S} s, and {names} not read to the end"
            raise LogError(message)
        for place, records in fetched.items():
            for record in records:
                if record.offset < spans[place].end:
                    yield record
        open_ = {place for place in open_ if await consumer.position(place) < spans[place].end}
