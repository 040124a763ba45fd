"""The plain loop that pairs by hand: aiokafka, orjson, a dictionary, no transaction. What the pair role is compared with.

    python -m tests.benchmarks.floor BOOTSTRAP PREFIX EVENTS OUTPUT

Pairs two topics by request id and writes whole batches, offsets committed every five seconds: it loses and repeats under a
crash, knows one shadow, no duplicates beyond the first, no window. Prints ``first`` and ``done`` with its CPU seconds.
"""

import asyncio
import os
import sys

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

__all__ = ["cpu_seconds", "say"]


def cpu_seconds() -> float:
    """User and system time of this process."""
    times = os.times()
    return times.user + times.system


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def main(bootstrap: str, prefix: str, events: int, output: str) -> None:
    legacy, shadow = prefix + "predictions.legacy", prefix + "predictions.shadow"
    consumer = AIOKafkaConsumer(
        legacy,
        shadow,
        bootstrap_servers=bootstrap,
        group_id=prefix + "floor",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="snappy", linger_ms=20, max_batch_size=262_144)
    await consumer.start()
    await producer.start()
    halves: dict[str, dict | None] = {}
    count, started, commit_at, pending = 0, 0.0, 0.0, []
    loop = asyncio.get_running_loop()
    while count < events:
        for place, records in (await consumer.getmany(timeout_ms=100, max_records=10_000)).items():
            if not started:
                started = cpu_seconds()
                say("first", loop.time())
            is_shadow = place.topic == shadow
            batch = producer.create_batch()
            for record in records:
                event = orjson.loads(record.value)
                other = halves.get(event["request_id"], event)
                if other is event:
                    halves[event["request_id"]] = event
                elif other is not None and (other["version"] != event["version"]):
                    halves[event["request_id"]] = None
                    one, two = (other, event) if is_shadow else (event, other)
                    answer = {
                        "request_id": event["request_id"],
                        "model": event["model"],
                        "status": "paired",
                        "legacy": one["prediction"],
                        "shadow": two["prediction"],
                        "difference": two["prediction"] - one["prediction"],
                        "features": one["features"],
                    }
                    value = orjson.dumps(answer)
                    if batch.append(key=event["model"].encode(), value=value, timestamp=None) is None:
                        pending.append(await producer.send_batch(batch, output, partition=0))
                        batch = producer.create_batch()
                        batch.append(key=event["model"].encode(), value=value, timestamp=None)
            count += len(records)
            pending.append(await producer.send_batch(batch, output, partition=0))
        if loop.time() > commit_at:
            await producer.flush()
            pending.clear()
            await consumer.commit()
            commit_at = loop.time() + 5
    await producer.flush()
    say("done", loop.time(), cpu_seconds() - started)
    await producer.stop()
    await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]))
