"""Pairing as a Faust user would first write it: an agent for each topic, the waiting halves in a dictionary or in a table.

    python -m tests.benchmarks.plain_faust BOOTSTRAP PREFIX EVENTS OUTPUT [dict|table]

Two agents on one event loop, so the dictionary needs no lock; a request that is done leaves a mark, or a copy of an event
would pair once more. No window, no transaction: it loses and repeats under a crash, and the dictionary forgets with the
process. ``table`` keeps the halves in a Faust table in memory, with its changelog topic. The settings are in Faust's favour:
no web server and no leader topic, orjson, large batches with a linger. Prints ``first`` and ``done`` with its CPU seconds.
"""

import asyncio
import os
import sys
from typing import Any

import faust

from tests.benchmarks.floor import cpu_seconds, say
from tests.benchmarks.workload import PARTITIONS

__all__: list[str] = []

DONE = [""]


def create(bootstrap: str, prefix: str, events: int, output: str, variant: str) -> faust.App:
    """The app; it ends the process when it has read so many events and all that it sent is acknowledged."""
    app = faust.App(
        f"{output}-{variant}",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=f"/tmp/gnomon-bench-{os.getpid()}",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        producer_compression_type="snappy",
        producer_linger=0.02,
        producer_max_batch_size=262_144,
        stream_wait_empty=False,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="json",
    )
    legacy = app.topic(prefix + "predictions.legacy", key_type=bytes)
    shadow = app.topic(prefix + "predictions.shadow", key_type=bytes)
    pairs = app.topic(output, key_type=bytes)
    waiting: Any = app.Table("waiting", partitions=PARTITIONS) if variant == "table" else {}
    count, started = 0, 0.0

    async def done() -> None:
        await app.producer.flush()
        say("done", asyncio.get_running_loop().time(), cpu_seconds() - started)
        os._exit(0)

    async def pair(event: dict[str, Any], side: str) -> None:
        nonlocal count, started
        if not count:
            started = cpu_seconds()
            say("first", asyncio.get_running_loop().time())
        count += 1
        request_id = event["request_id"]
        other = waiting.get(request_id)
        if other is None:
            waiting[request_id] = [side, event["prediction"], event["features"]]
        elif other[0] not in ("", side):
            waiting[request_id] = DONE
            live, new = (other[1], event["prediction"]) if side == "shadow" else (event["prediction"], other[1])
            features = other[2] if side == "shadow" else event["features"]
            body = {
                "request_id": request_id, "model": event["model"], "status": "paired", "legacy": live, "shadow": new,
                "difference": new - live, "features": features,
            }  # fmt: skip
            await pairs.send(key=event["model"].encode(), value=body)
        if count == events:
            app.loop.create_task(done())

    @app.agent(legacy)
    async def read_legacy(stream: Any) -> None:
        async for event in stream:
            await pair(event, "legacy")

    @app.agent(shadow)
    async def read_shadow(stream: Any) -> None:
        async for event in stream:
            await pair(event, "shadow")

    return app


if __name__ == "__main__":
    bootstrap, prefix, events, output, variant, *_ = [*sys.argv[1:], "dict"]
    sys.argv = [sys.argv[0], "worker", "--loglevel=warn", "--without-web"]
    create(bootstrap, prefix, int(events), output, variant).main()
