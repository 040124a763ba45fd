"""What the pair role does with one core, beside the plain loop, on one broker in one run: ``make bench``.

    python -m tests.benchmarks.pairing [--requests 200000] [--runs 3] [--profile FILE]

Both topics are filled first (``workload``), then each contestant reads them from the beginning, several rounds in turn. Speed
is input events by CPU seconds (user and system, the whole process, from its first records to the last commit); the broker is
apart. The result is asserted: a fast wrong answer fails.
"""

import argparse
import asyncio
import contextlib
import os
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
from aiokafka import AIOKafkaConsumer, TopicPartition

from app.dev.servers import Servers
from tests.benchmarks.workload import PARTITIONS, fill

__all__: list[str] = []

TICK = os.sysconf("SC_CLK_TCK")


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
    shadows = 'models.default.shadows=["2.0.0-rc1"]'  # named, so that the first requests are not alone while it is being learned
    with running(gnomon("worker", "--role", "pair", "--set", shadows, **environment)) as worker:
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
    assert found == expected, (found, expected)
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
