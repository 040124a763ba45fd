"""What the service puts on a broker's disks: bytes of a record in each topic, and what a commit costs by itself.

``fast`` reads a backlog with all roles, so batches are large and commits few in comparison; ``slow`` is a trickle, in which
nearly all is commits. Sizes are those of the logs' segments: compressed as sent, one replica.
"""

import asyncio
import sys
import time
from pathlib import Path

from tests.benchmarks.processes import SHADOWS, cpu_of, gnomon, peak_bytes_of, running, scrape, total
from tests.benchmarks.scale.bench import PORT, Bench
from tests.benchmarks.scale.stream import Stream, fill, written

__all__ = ["broker_load"]

RATE, SECONDS = 100, 20
EVENTS = 300_000
ROLES = "pair,detect,decide"


def sizes(data: Path, prefix: str) -> dict[str, int]:
    """Bytes of each topic of a prefix, and of the broker's own."""
    found: dict[str, int] = {}
    for folder in data.iterdir():
        topic, _, partition = folder.name.rpartition("-")
        if partition.isdigit() and topic.startswith((prefix, "__")):
            name = topic.removeprefix(prefix)
            found[name] = found.get(name, 0) + sum(each.stat().st_size for each in folder.glob("*.log"))
    return found


def broker_load(bench: Bench, data: Path, broker: int) -> None:
    """A backlog, then trickles of one model and of a hundred; ``broker`` is its process."""
    _fast(bench, data, broker)
    print("\n| pair role, 100 events/s | commits/s | CPU ms of the worker for each | of the broker | bytes by commit |")
    print("|---|---|---|---|---|")
    for models in (1, 100):
        _slow(bench, data, broker, models)


def _fast(bench: Bench, data: Path, broker: int) -> None:
    stream, cpu_s = Stream(EVENTS // 2, alone_every=100), cpu_of(broker)
    expected = bench.fill("fast.", stream)
    with running(gnomon("worker", "--role", ROLES, *SHADOWS, environment=bench.environment("fast."))) as worker:
        pairs, deadline = expected.paired + expected.legacy_only, time.monotonic() + 300
        while total(figures := scrape(PORT), "gnomon_detect_pairs_total") < pairs:
            assert time.monotonic() < deadline, figures
            assert worker.poll() is None
            time.sleep(0.2)
    cpu_s = cpu_of(broker) - cpu_s
    bench.check("fast.", stream, expected)
    found = sizes(data, "fast.")
    print(f"\n{1e6 * cpu_s / expected.events:.1f} µs of the broker's CPU by event, written and read by all roles")
    print(f"\n| topic | bytes by event, of {expected.events:,} |\n|---|---|")
    for name in sorted(found, key=lambda name: -found[name]):
        if found[name]:
            print(f"| {name} | {found[name] / expected.events:,.1f} |")


def _slow(bench: Bench, data: Path, broker: int, models: int) -> None:
    prefix, now_ms = f"slow{models}.", time.time_ns() // 1_000_000
    wakening = Stream(1_000, models=models, base_ms=now_ms - 20_000, last=False)
    bench.fill(prefix, wakening)
    with running(gnomon("worker", "--role", "pair", *SHADOWS, environment=bench.environment(prefix))) as worker:
        bench.read([worker], written(wakening).events)
        sizes_, used = sizes(data, prefix), (cpu_of(worker.pid), cpu_of(broker), total(scrape(PORT), "gnomon_commits_total"))
        trickle = wakening._replace(first=1_000, requests=RATE // 2 * SECONDS)
        asyncio.run(fill(bench.bootstrap, prefix, trickle, RATE, at_once=1))
        after = cpu_of(worker.pid), cpu_of(broker), total(scrape(PORT), "gnomon_commits_total")
        worker_s, broker_s, commits = (now - before for now, before in zip(after, used, strict=True))
        grown = {name: size - sizes_.get(name, 0) for name, size in sizes(data, prefix).items()}
        resident = peak_bytes_of(worker.pid) / 2**20
    disk = ", ".join(f"{name} {size / commits:,.0f}" for name, size in sorted(grown.items()) if size)
    costs = [1000 * seconds / commits for seconds in (worker_s, broker_s)]
    print(f"| {models} models | {commits / SECONDS:.1f} | {costs[0]:.2f} | {costs[1]:.2f} | {disk} |", flush=True)
    print(f"largest resident size of the worker {resident:,.0f} MiB", file=sys.stderr)
