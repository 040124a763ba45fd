"""What the pair role does with one core, beside the plain loop, on one broker in one run: ``make bench``.

    python -m tests.benchmarks.pairing [--requests 200000] [--runs 3] [--profile FILE]

Both topics are filled first (346 bytes an event, 8 models, 1 % without a shadow, 2 % duplicates), then each contestant reads
them from the beginning, several rounds in turn. Speed is input events by CPU seconds (user and system, the whole process,
from its first records to the last commit); the broker is apart. The result is asserted: a fast wrong answer fails.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from app.dev.servers import Servers

__all__: list[str] = []

PARTITIONS = 4
TICK = os.sysconf("SC_CLK_TCK")


def event(number: int, shadow: bool, feature_text: bytes, score: float) -> bytes:
    return (
        b'{"request_id":"r%012d","model":"m%d","version":"%b","timestamp":%d,"prediction":%.6f,"features":{%b},'
        b'"latency_ms":%.3f,"cost":0.0004,"segments":{"channel":"web"},"metadata":{"trace":"t%d"}}'
    ) % (
        number,
        number % 8,
        b"2.0.0-rc1" if shadow else b"1.4.0",
        1_790_000_000_000 + number // 10,
        score,
        feature_text,
        score * 9,
        number,
    )


async def fill(bootstrap: str, prefix: str, requests: int) -> tuple[int, Counter[str]]:
    """Fill both topics; how many events there are, and how each should come out."""
    rng = random.Random(1)
    texts = [
        b",".join(b'"f%d":%.5f' % (k, rng.gauss(0, 1)) for k in range(8)) + b',"c0":"%b","c1":"x"' % rng.choice([b"a", b"b"])
        for _ in range(997)
    ]
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="snappy", max_batch_size=262_144, linger_ms=20)
    await producer.start()
    batches: dict[tuple[str, int], object] = {}
    events, expected = 0, Counter[str]()

    async def send(topic: str, number: int, value: bytes) -> None:
        place = (prefix + topic, number % PARTITIONS)
        batch = batches.get(place) or producer.create_batch()
        if batch.append(key=b"r%012d" % number, value=value, timestamp=None) is None:
            await producer.send_batch(batch, *place[:1], partition=place[1])
            batch = producer.create_batch()
            batch.append(key=b"r%012d" % number, value=value, timestamp=None)
        batches[place] = batch

    for number in range(requests):
        alone, twice = number % 100 == 7, number % 50 == 3
        for shadow in (False, True)[: 1 if alone else 2]:
            value = event(number, shadow, texts[number % 997], rng.random())
            for _ in range(2 if twice and not shadow else 1):
                await send("predictions.shadow" if shadow else "predictions.legacy", number, value)
                events += 1
        expected["legacy_only" if alone else "paired"] += 1
        expected["duplicate"] += twice
    for (topic, partition), batch in batches.items():
        await producer.send_batch(batch, topic, partition=partition)
    await producer.flush()
    await producer.stop()
    return events, expected


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def gnomon(*arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextlib.contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def scrape(port: int) -> dict[str, float]:
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
    except OSError:
        return {}
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("gnomon_")]
    return {name: float(value) for name, value in rows}


def total(figures: dict[str, float], name: str) -> float:
    return sum(value for key, value in figures.items() if key.startswith(name + "{"))


def measure_pair(bootstrap: str, prefix: str, events: int, port: int, profile: str | None) -> tuple[float, float]:
    """Events by CPU second and by second."""
    environment = {
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "GNOMON_TOPICS__PREFIX": prefix, "GNOMON_WEB__PORT": str(port),
        "GNOMON_LOG__LEVEL": "warning",
    }  # fmt: skip
    with running(gnomon("worker", "--role", "pair", **environment)) as worker:
        profiler = None
        first: tuple[float, float, float] | None = None
        while True:
            time.sleep(0.1)
            if worker.poll() is not None:
                raise SystemExit(f"the worker ended with {worker.returncode}")
            cpu, now, done = cpu_of(worker.pid), time.perf_counter(), total(scrape(port), "gnomon_events_read_total")
            if done and first is None:
                first = (cpu, now, done)
                if profile:
                    profiler = subprocess.Popen(
                        ["py-spy", "record", "-p", str(worker.pid), "-d", "600", "-f", "raw", "-o", profile, "-r", "200"]
                    )
            if done >= events:
                break
        if profiler:
            profiler.send_signal(signal.SIGINT)
            profiler.wait()
        figures = scrape(port)
        assert total(figures, "gnomon_pairing_unaccounted") == 0, "the equation does not hold"
        cpu0, now0, done0 = first
        return (events - done0) / (cpu - cpu0), (events - done0) / (now - now0)


def measure_floor(bootstrap: str, prefix: str, events: int) -> tuple[float, float]:
    answer = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.floor", bootstrap, prefix, str(events)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    first, done, cpu = float(answer[1]), float(answer[3]), float(answer[4])
    return events / cpu, events / (done - first)


async def check(bootstrap: str, prefix: str, expected: Counter[str]) -> None:
    """Every request once, with the right status; every copy one dead letter."""
    places = [TopicPartition(prefix + topic, at) for topic in ("pairs", "dead.letters") for at in range(PARTITIONS)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    consumer.assign(places)
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found, ids = Counter[str](), Counter[str]()
    for place in places:
        while await consumer.position(place) < ends[place]:
            for record in (await consumer.getmany(place, timeout_ms=500)).get(place, []):
                if place.topic.endswith("pairs"):
                    body = msgspec.json.decode(record.value)
                    ids[body["request_id"]] += 1
                    found[body["status"]] += 1
                else:
                    found[dict(record.headers)["reason"].decode()] += 1
    await consumer.stop()
    waiting = expected["legacy_only"] - found["legacy_only"]  # those within the window of the last event
    assert found["paired"] == expected["paired"], (found, expected)
    assert found["duplicate"] == expected["duplicate"], (found, expected)
    assert waiting >= 0, (found, expected)
    assert max(ids.values()) == 1, "a request was written twice"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--profile", help="folded stacks of the last run of the pair role (needs py-spy)")
    options = parser.parse_args()
    figures: dict[str, list[tuple[float, float]]] = {"gnomon pair": [], "aiokafka loop": []}
    with Servers(log=lambda _: None) as servers:
        bootstrap = servers.bootstrap_servers
        for number in range(options.runs):
            prefix = f"bench{number}."
            environment = {"GNOMON_KAFKA__BOOTSTRAP_SERVERS": bootstrap, "GNOMON_TOPICS__PREFIX": prefix}
            assert gnomon("topics", "create", **environment).wait() == 0
            events, expected = asyncio.run(fill(bootstrap, prefix, options.requests))
            profile = options.profile if number == options.runs - 1 else None
            figures["gnomon pair"].append(measure_pair(bootstrap, prefix, events, 18_099, profile))
            asyncio.run(check(bootstrap, prefix, expected))
            figures["aiokafka loop"].append(measure_floor(bootstrap, prefix, events))
            print(
                f"round {number + 1}: {events} events",
                {k: [round(x) for x in v[-1]] for k, v in figures.items()},
                file=sys.stderr,
            )
    floor = statistics.median(row[0] for row in figures["aiokafka loop"])
    print("| | events/CPU-s (median, lowest, highest) | events/s | ratio |\n|---|---|---|---|")
    for name, rows in figures.items():
        by_cpu = sorted(row[0] for row in rows)
        middle = statistics.median(by_cpu)
        wall = statistics.median(row[1] for row in rows)
        print(f"| {name} | {middle:,.0f} ({by_cpu[0]:,.0f}, {by_cpu[-1]:,.0f}) | {wall:,.0f} | {middle / floor:.2f} |")


if __name__ == "__main__":
    main()
