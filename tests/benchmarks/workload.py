"""The events that the pair role is measured with: prediction events of one model as a credit scorer would send them.

One request a millisecond of event time, 328 bytes a value: eight numbers, two categories, latency, cost, and two members
that gnomon does not know. 1 % of the requests have no shadow, 1 % no legacy event, 0.5 % of the events come twice. A shadow
comes up to 2,000 events after its legacy one, 1 % of them up to 20,000. The same mix is used for the comparison with other
stream processors, so the figures can be laid side by side. A seed gives the same events each time.
"""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaProducer

from app.domain.placement import partition_of

__all__ = ["BASE_MS", "PARTITIONS", "events", "fill"]

PARTITIONS = 4
SEED = 20_240_607
BASE_MS = 1_790_000_000_000
#: A last request on each partition, so far ahead that all before it are done.
LAST_MS = 60_000
_SEGMENTS = (b"retail", b"sme", b"corporate", b"student", b"prime", b"thin-file")
_COUNTRIES = (b"DE", b"FR", b"ES", b"IT", b"NL", b"PL", b"SE", b"PT")


def _event(number: int, shadow: bool, score: float) -> bytes:
    noise = (number * 2_654_435_761 + shadow * 40_503 + SEED) & 0xFFFFFFFF  # cheap and repeatable
    features = [((noise >> shift) & 0x3FFF) / 1e3 - 8.0 for shift in (0, 3, 6, 9, 12, 14, 16, 18)]
    return (
        b'{"request_id":"r%012d","model":"credit","version":"%b","role":"%b","timestamp":%d,'
        b'"features":{"f0":%.4f,"f1":%.4f,"f2":%.4f,"f3":%.4f,"f4":%.4f,"f5":%.4f,"f6":%.4f,"f7":%.4f,'
        b'"segment":"%b","country":"%b"},"prediction":%.6f,"label":"%b","latency_ms":%.1f,"cost":%.4f}'
    ) % (
        number,
        b"2.0.0-rc1" if shadow else b"1.4.0",
        b"shadow" if shadow else b"legacy",
        BASE_MS + number + (noise % 40 if shadow else 0),
        *features,
        _SEGMENTS[noise % 6],
        _COUNTRIES[(noise >> 8) % 8],
        score,
        b"approve" if score >= 0.5 else b"decline",
        5 + (noise % 400) / 10,
        0.0004 + (noise % 7) / 10_000,
    )


def _arrivals(requests: int, rng: random.Random, expected: Counter[str]) -> list[tuple[int, int, bool, float]]:
    """``(arrival, request, shadow, score)`` in the order of arrival."""
    rows = []
    for number in range(requests):
        score, fate = rng.random(), rng.random()
        legacy, shadow = not 0.01 <= fate < 0.02, fate >= 0.01
        expected["paired" if legacy and shadow else "legacy_only" if legacy else "shadow_only"] += 1
        for is_shadow in (False, True):
            if not (shadow if is_shadow else legacy):
                continue
            delay = is_shadow * (rng.randrange(2_000, 20_000) if rng.random() < 0.01 else rng.randrange(2_000))
            rows.append((2 * number + delay, number, is_shadow, score))
            if rng.random() < 0.005:
                rows.append((2 * number + delay + rng.randrange(1, 2_000), number, is_shadow, score))
                expected["duplicate"] += 1
    rows.sort()
    return rows


def events(requests: int, expected: Counter[str]) -> Iterator[tuple[str, int, bytes, bytes]]:
    rng = random.Random(SEED)
    for _, number, shadow, score in _arrivals(requests, rng, expected):
        key = b"r%012d" % number
        value = _event(number, shadow, min(1.0, max(0.0, score + rng.gauss(0, 0.05))) if shadow else score)
        yield "predictions.shadow" if shadow else "predictions.legacy", partition_of(key, PARTITIONS), key, value
    for partition in range(PARTITIONS):
        for topic in ("predictions.legacy", "predictions.shadow"):
            value = _event(requests + LAST_MS, topic.endswith("shadow"), 0.5)
            yield topic, partition, b"last", value.replace(b'"r0', b'"last-%d-' % partition)
    expected["paired"] += PARTITIONS


async def fill(bootstrap: str, prefix: str, requests: int) -> tuple[int, Counter[str]]:
    """Fill both topics; how many events there are, and how each should come out."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="snappy", max_batch_size=262_144, linger_ms=20)
    await producer.start()
    written, expected = 0, Counter[str]()
    batches: dict[tuple[str, int], Any] = {}
    for topic, partition, key, value in events(requests, expected):
        place = (prefix + topic, partition)
        batch = batches.get(place) or producer.create_batch()
        if batch.append(key=key, value=value, timestamp=None) is None:
            await producer.send_batch(batch, place[0], partition=partition)
            batch = producer.create_batch()
            batch.append(key=key, value=value, timestamp=None)
        batches[place] = batch
        written += 1
    for (topic, partition), batch in batches.items():
        await producer.send_batch(batch, topic, partition=partition)
    await producer.flush()
    await producer.stop()
    return written, expected
