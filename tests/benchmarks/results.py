"""What contestants wrote, read back and held against what had to come: a fast wrong answer fails.

A contestant without transactions may write a request twice only after a crash, and there is none here; so it is held to the
same counts: each complete request once, with the right difference.
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.benchmarks.workload import PARTITIONS

__all__ = ["check", "check_plain", "committed"]


async def committed(bootstrap: str, topics: list[str]) -> AsyncIterator[Any]:
    """Every committed record of these topics."""
    places = [TopicPartition(topic, at) for topic in topics for at in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        for place in places:
            while await consumer.position(place) < ends[place]:
                for record in (await consumer.getmany(place, timeout_ms=500)).get(place, []):
                    yield record
    finally:
        await consumer.stop()


async def check(bootstrap: str, prefix: str, expected: Counter[str]) -> None:
    """Of the pair role: every request once, with the right status; every copy one dead letter."""
    found, ids = Counter[str](), Counter[str]()
    async for record in committed(bootstrap, [prefix + "pairs", prefix + "dead.letters"]):
        if record.topic.endswith("pairs"):
            body = msgspec.json.decode(record.value)
            ids[body["request_id"]] += 1
            found[body["status"]] += 1
            if body["status"] == "paired":
                (shadow,) = body["shadows"]
                assert abs(shadow["difference"] - (shadow["prediction"] - body["legacy"]["prediction"])) < 1e-9, body
        else:
            found[dict(record.headers)["reason"].decode()] += 1
    assert found == expected, (found, expected)
    assert max(ids.values()) == 1, "a request was written twice"


async def check_plain(bootstrap: str, topic: str, expected: Counter[str]) -> None:
    """Of a plain contestant: every complete request once, with the right difference."""
    ids = Counter[str]()
    async for record in committed(bootstrap, [topic]):
        body = msgspec.json.decode(record.value)
        ids[body["request_id"]] += 1
        assert abs(body["difference"] - (body["shadow"] - body["legacy"])) < 1e-9, body
    assert len(ids) == expected["paired"], (topic, len(ids), expected["paired"])
    assert max(ids.values()) == 1, f"{topic}: a request was written twice"
