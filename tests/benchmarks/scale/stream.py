"""Millions of events, made quickly: the ones of ``workload`` with their ids, times and models anew, and nothing else.

Request ``n`` opens at ``n / per_ms``; its shadow comes ``LAG`` requests later, or, for one in ``alone_every``, never. Models
take turns. The features are those of five hundred requests, again and again, so that a value is quickly made. With ``last``
each partition ends with a request so far ahead that all before it is done.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from app.domain.placement import partition_of
from tests.benchmarks.workload import BASE_MS, LAST_MS, PARTITIONS, _event

__all__ = ["LAG", "Stream", "Written", "fill", "written"]

LAG = 1_000
_TAILS = 500
TOPICS = ("predictions.legacy", "predictions.shadow")
_SIDES = ((b"1.4.0", b"legacy"), (b"2.0.0-rc1", b"shadow"))
_FORMAT = b'{"request_id":"r%012d","model":"%b","version":"%b","role":"%b","timestamp":%d%b'


class Stream(NamedTuple):
    """``first`` request and how many; ``base_ms`` is the event time of request 0."""

    requests: int
    models: int = 1
    alone_every: int = 0
    per_ms: int = 1
    first: int = 0
    base_ms: int = BASE_MS
    last: bool = True


class Written(NamedTuple):
    """What must come out of it."""

    events: int
    paired: int
    legacy_only: int


def _tails(*, shadow: bool) -> list[bytes]:
    """The values from the comma after the time on."""
    values = [_event(number, shadow, number / _TAILS) for number in range(_TAILS)]
    return [value[value.index(b',"features"') :] for value in values]


def events(stream: Stream) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Side, partition, key and value in the order of arrival."""
    names = [b"credit"] if stream.models == 1 else [b"model-%04d" % each for each in range(stream.models)]
    tails = _tails(shadow=False), _tails(shadow=True)
    waiting = [(0, b"")] * LAG  # partition and key of the requests whose shadow is to come
    end = stream.first + stream.requests

    def value(side: int, request: int) -> bytes:
        time_ms = stream.base_ms + request // stream.per_ms
        return _FORMAT % (request, names[request % len(names)], *_SIDES[side], time_ms, tails[side][request % _TAILS])

    for number in range(stream.first, end + LAG):
        answered = number - LAG
        if answered >= stream.first and not (stream.alone_every and answered % stream.alone_every == 0):
            yield 1, *waiting[number % LAG], value(1, answered)
        if number < end:
            key = b"r%012d" % number
            waiting[number % LAG] = place = partition_of(key, PARTITIONS), key
            yield 0, *place, value(0, number)
    if stream.last:
        far_ms = stream.base_ms + end // stream.per_ms + LAST_MS
        for partition in range(PARTITIONS):
            for side in (0, 1):
                text = _FORMAT % (partition, names[0], *_SIDES[side], far_ms, tails[side][0])
                yield side, partition, b"last", text.replace(b'"r0', b'"last-')


def written(stream: Stream) -> Written:
    """What must come out of it."""
    alone = 0
    if every := stream.alone_every:
        alone = (stream.first + stream.requests - 1) // every - (stream.first - 1) // every
    paired, last = stream.requests - alone, PARTITIONS if stream.last else 0
    return Written(2 * paired + alone + 2 * last, paired + last, alone)


async def fill(bootstrap: str, prefix: str, stream: Stream, rate: float = 0.0, at_once: int = 200) -> Written:
    """Write it to both topics, as fast as possible, or at so many events a second and ``at_once``."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="snappy", max_batch_size=262_144)
    await producer.start()
    batches: dict[tuple[int, int], Any] = {}

    async def send_all() -> None:
        for (side, partition), batch in batches.items():
            await producer.send_batch(batch, prefix + TOPICS[side], partition=partition)
        batches.clear()

    started = time.perf_counter()
    for count, (side, partition, key, value) in enumerate(events(stream)):
        if rate and count % at_once == 0 and (ahead_s := started + count / rate - time.perf_counter()) > 0:
            await send_all()
            await asyncio.sleep(ahead_s)
        batch = batches.get((side, partition))
        if batch is None or batch.append(key=key, value=value, timestamp=None) is None:
            if batch is not None:
                await producer.send_batch(batch, prefix + TOPICS[side], partition=partition)
            batch = batches[side, partition] = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
    await send_all()
    await producer.stop()
    return written(stream)
