"""What histories cost: Redis' memory for each, the worker's CPU for each record, and how long a rebuild takes.

    python -m tests.benchmarks.read_model [--only memory cost rebuild] [--records 200000] [--full 40]

memory: signals whose every cell is full, closed and opened by the fold and the ledger themselves. cost: 1,000 models with 20
signals each, over four partitions, records with figures as large as ours; what the fold alone takes, and with Redis. rebuild:
the same records in a real Kafka; Redis is flushed under a worker with the role serve, and its own words say when all is there.
Results are asserted: no record unreadable, nothing let go, the histories after the rebuild equal to those before.
"""

import argparse
import asyncio
import gc
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from confluent_kafka import Producer
from redis import Redis as PlainRedis
from redis.asyncio import Redis

from agents.serve import INPUTS, ServeFold
from app.dev.redis_server import RedisServer, find_redis
from app.dev.servers import Servers
from app.folds.fold import at_once
from app.read_model import RedisLedger, connect
from app.read_model.keys import keys_of
from tests.benchmarks.processes import cpu_of, gnomon, running
from tests.read_model_records import START_MS, Record, Writes, run

EVERY = ("memory", "cost", "rebuild")
MODELS, SIGNALS, PARTITIONS = 1_000, 20, 4
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
#: Records between two commits of a partition: 200 ms of 2,500 records a second.
INTERVAL = 500
PORT = 18_097
#: As in a worker (``app.worker``).
GC_THRESHOLDS = (200_000, 50, 1_000)
#: Between two windows of a signal, so that ten of them close a chunk of the finest resolution.
BETWEEN_MS = 2 * MINUTE_MS


def figures(at: int) -> dict[str, Any]:
    """As a numeric feature has them: 1.3 KB."""
    wave = (at * 2_654_435_761 % 1_000) / 1_000
    return {
        "values": 100, "mean": 40.123456789 + wave, "sd": 12.3456789 + wave, "min": 1.5, "max": 93.25, "missing": 3.0,
        "reference": {"values": 5000, "mean": 40.987654321, "sd": 12.456789, "min": 0.5, "max": 99.5},
        "difference_sd": wave, "difference_sd_interval": [wave - 0.1, wave + 0.1], "psi": 0.0123456 + wave,
        "psi_mean_without_drift": 0.0234567, "psi_99_without_drift": 0.0345678, "jensen_shannon": 0.0456789, "ks": 0.0567891,
        "histogram": {"ends": [at + 1 / 7 for at in range(19)], "counts": [at % 7 for at in range(20)],
                      "reference_shares": [0.05 + at / 7919 for at in range(20)]},
        "values_between_false_alarms": 1e9, "values_supported": 25000, "since": START_MS,
        "baseline": {"id": "warm-up:1378716640000-1379356860000", "digest": "sha256:" + 64 * "d"},
    }  # fmt: skip


def record(model: int, signal: int, end: int, offset: int, length: int = MINUTE_MS) -> Record:
    """One window of one signal."""
    message = {
        "model": f"model-{model:04}", "version": "2026-09-21", "role": "legacy", "segment": None,
        "signal": {"kind": "feature", "name": f"f{signal}"}, "window": {"start": end - length, "end": end, "events": 103},
        "statistics": figures(model + signal + offset), "configuration": "sha256:" + 64 * "c",
        "detector": {"name": "scan", "state": "quiet", "score": (offset * 7919 % 1_000) / 1_500, "threshold": 1.0},
        "coverage": {"paired": 100, "partial": 1, "legacy_only": 1, "shadow_only": 1},
        "offsets": [{"topic": "pairs", "partition": 1, "start": offset, "end": offset + 103}],
    }  # fmt: skip
    return Record(msgspec.json.encode(message))


def ends() -> Iterator[tuple[int, int]]:
    """Ends and lengths of windows that fill every cell of every resolution."""
    last = START_MS + 90 * DAY_MS
    for hour in range(89 * 24):
        yield START_MS + hour * HOUR_MS, HOUR_MS
    for at in range(23 * 30):
        yield last - DAY_MS + at * 2 * MINUTE_MS, 2 * MINUTE_MS
    for at in range(361):
        yield last - HOUR_MS + at * 10_000, 10_000


class Shard:
    """A fold and its ledger, as the runner uses them."""

    def __init__(self, client: Redis, partition: int) -> None:
        self.fold, self.ledger = ServeFold(partition), RedisLedger(client, "", "serve", partition, len(INPUTS))
        self.position, self.cpu, self.count = 0, 0.0, 0

    async def open(self) -> None:
        await self.ledger.open()
        self.fold.restore(None, None, [0] * len(INPUTS))

    async def take(self, records: list[Record]) -> None:
        """Fold a run in, and commit."""
        writes, began = Writes(), time.process_time()
        at_once(self.fold.feed(0, run(records, self.position), writes))
        self.cpu += time.process_time() - began
        self.position += len(records)
        await self.ledger.commit(writes.sent, self.fold.save(), [self.position, *[0] * (len(INPUTS) - 1)])
        self.count += len(records)


async def used(client: Redis) -> int:
    found = await client.info("memory")
    return int(found["used_memory"])


async def memory(client: Redis, full: int) -> None:
    """So many signals with full histories, of models with ``SIGNALS`` each."""
    await client.flushall()
    before, shard = await used(client), Shard(client, 0)
    await shard.open()
    for number, (end, length) in enumerate(ends()):
        await shard.take([record(at // SIGNALS, at % SIGNALS, end, number, length) for at in range(full)])
    keys = [key.decode() for key in await client.keys()]
    sizes = {key.rsplit(":", 1)[1]: await client.memory_usage(key, samples=0) for key in sorted(keys)}
    kept = shard.fold.figures()
    assert kept["unreadable_records_total"] == kept["documents_dropped_total"] == 0, kept
    print(f"memory of {full:,} signals with full histories, bytes a signal: all {(await used(client) - before) / full:,.0f}")
    for name, size in sizes.items():
        print(f"  {name} {(size or 0) / full:,.0f}")
    if "history_chunks" in kept:
        print(f"  closed chunks {kept['history_chunks'] / full:,.0f}")


async def cost(client: Redis, server_pid: int, records: int) -> None:
    """CPU of the fold, and of the whole with Redis, by record."""
    await client.flushall()
    shards = [Shard(client, partition) for partition in range(PARTITIONS)]
    for shard in shards:
        await shard.open()
    rounds, models = records // (MODELS * SIGNALS), MODELS // PARTITIONS
    whole, redis = 0.0, cpu_of(server_pid)
    for number in range(rounds):
        end = START_MS + number * BETWEEN_MS
        for partition, shard in enumerate(shards):
            log = [
                record(partition * models + model, signal, end, number) for model in range(models) for signal in range(SIGNALS)
            ]
            began = time.process_time()
            for start in range(0, len(log), INTERVAL):
                await shard.take(log[start : start + INTERVAL])
            whole += time.process_time() - began
    count = sum(shard.count for shard in shards)
    fold, redis = sum(shard.cpu for shard in shards), cpu_of(server_pid) - redis
    assert all(shard.fold.figures()["signals"] == models * SIGNALS for shard in shards)
    print(
        f"cost by record, {count:,} records of {MODELS * SIGNALS:,} signals: fold {fold / count * 1e6:.1f} us, fold and commit "
        f"{whole / count * 1e6:.1f} us, Redis {redis / count * 1e6:.1f} us; resident {_resident_mib():,.0f} MiB"
    )


def _resident_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(only: list[str], records: int, full: int, folder: Path) -> None:
    server = RedisServer(find_redis(), folder / "redis")
    server.start()
    client = connect(server.url)
    try:
        if "cost" in only:
            await cost(client, server.child.pid, records)
        if "memory" in only:
            await memory(client, full)
    finally:
        await client.aclose()
        server.stop()


def fill(bootstrap: str, records: int) -> int:
    """The records of ``cost`` in Kafka, by model."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 20, "compression.type": "snappy"})
    for number in range(records // (MODELS * SIGNALS)):
        for model in range(MODELS):
            for signal in range(SIGNALS):
                value = record(model, signal, START_MS + number * BETWEEN_MS, number).value
                producer.produce("drift.statistics", value, partition=model * PARTITIONS // MODELS)
            producer.poll(0)
        producer.flush()
    return records // (MODELS * SIGNALS) * MODELS * SIGNALS


def state_of(redis: PlainRedis) -> dict[str, dict[bytes, bytes]]:
    """All histories."""
    names = [key for at in range(PARTITIONS) for key in keys_of("", "serve", at)[3:]]
    return {name: redis.hgetall(name) for name in names}  # type: ignore[misc]  # bytes here


def wait_until_read(redis: PlainRedis, records: int, worker: subprocess.Popen[bytes]) -> float:
    """Until all is in the read model; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < 600:
        assert worker.poll() is None, "the worker has ended"
        texts = [redis.hget(keys_of("", "serve", at).documents, "partition") for at in range(PARTITIONS)]
        read = [msgspec.json.decode(text) for text in texts if text is not None]  # type: ignore[arg-type]  # bytes here
        if sum(each["records"].get("drift.statistics", 0) for each in read) == records and all(e["caught_up"] for e in read):
            assert not any(each["unreadable"] or each["dropped"] for each in read), read
            return time.monotonic() - began
        time.sleep(0.05)
    raise TimeoutError("the read model was not complete after 600 s")


def rebuild(records: int) -> None:
    """A flush under a worker that reads from a real Kafka."""
    with Servers() as servers, PlainRedis.from_url(servers.redis_url) as redis:
        environment = {
            "GNOMON_KAFKA__BOOTSTRAP_SERVERS": servers.bootstrap_servers, "GNOMON_REDIS__URL": servers.redis_url,
            "GNOMON_TOPICS__PARTITIONS": str(PARTITIONS), "GNOMON_WEB__PORT": str(PORT), "GNOMON_LOG__LEVEL": "warning",
            # The records are dated; the broker must not take them for old ones.
            "GNOMON_TOPICS__OUTPUT_RETENTION_MS": "-1",
        }  # fmt: skip
        assert gnomon("topics", "create", environment=environment).wait() == 0
        count = fill(servers.bootstrap_servers, records)
        with running(gnomon("worker", "--role", "serve", environment=environment)) as worker:
            first = wait_until_read(redis, count, worker)
            before, cpu = state_of(redis), cpu_of(worker.pid)
            redis.flushall()
            took = wait_until_read(redis, count, worker)
            cpu = cpu_of(worker.pid) - cpu
            assert state_of(redis) == before, "the histories are others than before"
    print(
        f"rebuild of {count:,} records after FLUSHALL: {took:.1f} s, {cpu:.1f} s of the worker's CPU, {count / took:,.0f} "
        f"records/s; histories equal ({sum(map(len, before.values())):,} documents and chunks); at first {first:.1f} s with the "
        "worker's start"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", default=list(EVERY), choices=EVERY, help="of %(default)s")
    parser.add_argument("--records", type=int, default=200_000, help="of cost and rebuild")
    parser.add_argument("--full", type=int, default=40, help="signals with full histories, of memory")
    options = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)
    with TemporaryDirectory() as folder:
        asyncio.run(measure(options.only, options.records, options.full, Path(folder)))
    if "rebuild" in options.only:
        rebuild(options.records)


if __name__ == "__main__":
    main()
