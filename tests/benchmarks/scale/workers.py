"""Two workers against one, and how long a killed one is away.

Broker and workers share the machine's cores, so two workers on two cores leave the broker none: events by second say what this
machine does, events by CPU second what a second worker costs in itself. ``fold_alone`` says what the cores do without a broker.
"""

import asyncio
import re
import tempfile
import threading
import time
from pathlib import Path

from app.folds.checkpoint import CheckpointReader, CheckpointWriter
from tests.benchmarks.processes import scrape, total
from tests.benchmarks.results import committed
from tests.benchmarks.scale.bench import PORT, Bench
from tests.benchmarks.scale.stream import Stream, Written, fill, written
from tests.benchmarks.workload import PARTITIONS

__all__ = ["restart", "two_workers"]

TWO_GOAL, LIVE_GOAL_S = 1.7, 3.0
RATE = 20_000
WINDOW_MS = 60_000
SETTINGS = {
    "GNOMON_PAIRING__WINDOW_MS": str(WINDOW_MS),
    "GNOMON_PAIRING__GRACE_MS": "2000",
    "GNOMON_PAIRING__DEDUPLICATION_MS": str(WINDOW_MS + 2_000),
    "GNOMON_LOG__LEVEL": "info",
}
BEFORE_S, DURING_S, KILL_AFTER_S = 80, 40, 15


def two_workers(bench: Bench, events: int) -> None:
    """One worker, then two, on the same stream; counted while all are at work."""
    print("\n| workers | events/s | events/CPU-s of the workers |\n|---|---|---|")
    rates = list[float]()
    for count in (1, 2):
        prefix, stream = f"workers{count}.", Stream(events // 2, alone_every=100)
        expected = bench.fill(prefix, stream)
        with bench.workers(prefix, count) as workers:
            reading = bench.read(workers, expected.events)
            shares = [total(scrape(PORT + number), "gnomon_events_read_total") for number in range(count)]
        bench.check(prefix, stream, expected)
        assert min(shares) > 0.4 * expected.events / count, f"not shared evenly: {shares}"
        by_cpu, by_s = reading.between(0.5 * expected.events, 0.9 * expected.events)
        rates.append(by_s)
        print(f"| {count} | {by_s:,.0f} | {by_cpu:,.0f} |", flush=True)
    ratio = rates[1] / rates[0]
    print(f"two workers are {ratio:.2f} times one; goal {TWO_GOAL}: {'reached' if ratio >= TWO_GOAL else 'MISSED'}")


def restart(bench: Bench) -> None:
    """kill -9 under steady traffic with a minute of it in the window; the next worker starts at once."""
    base_ms = time.time_ns() // 1_000_000 - (BEFORE_S + 20) * 1000
    before = Stream(BEFORE_S * RATE // 2, alone_every=100, per_ms=RATE // 2_000, base_ms=base_ms, last=False)
    after = before._replace(first=before.requests, requests=DURING_S * RATE // 2, last=True)
    events = written(before).events
    bench.fill("restart.", before)
    sending = threading.Thread(target=lambda: asyncio.run(fill(bench.bootstrap, "restart.", after, RATE)))
    with bench.workers("restart.", settings=SETTINGS) as workers:
        bench.read(workers, events - RATE)
        sending.start()
        time.sleep(KILL_AFTER_S)
        read = total(scrape(PORT), "gnomon_events_read_total")
        assert read > events + 0.5 * KILL_AFTER_S * RATE, f"{read:,.0f} of {events:,} read: the first worker does not keep up"
        workers[0].kill()
        workers[0].wait()
    again = asyncio.run(_to_be_read_again(bench.bootstrap, "restart."))
    with tempfile.NamedTemporaryFile() as log, bench.workers("restart.", log=log.file, settings=SETTINGS):
        started = time.monotonic()
        lives = _lives(Path(log.name))
        gone_s = time.monotonic() - started
        sending.join()
        _until_read()
    first, second = written(before), written(after)
    both = Written(first.events + second.events, first.paired + second.paired, first.legacy_only + second.legacy_only)
    bench.check("restart.", before._replace(requests=before.requests + after.requests), both)
    print(
        f"\nkill -9 at {RATE:,} events/s, window {WINDOW_MS // 1000} s: shards are live {min(lives):.1f} to {max(lives):.1f} s "
        f"after they are opened, all of them {gone_s:.1f} s after the new process was started"
    )
    print(f"{again:,} events were read again, {again / max(lives):,.0f} a second")
    print(f"goal {LIVE_GOAL_S:.0f} s: {'reached' if max(lives) <= LIVE_GOAL_S else 'MISSED'}", flush=True)


async def _to_be_read_again(bootstrap: str, prefix: str) -> int:
    """Between the beginnings and the positions of the last checkpoints."""
    readers = [CheckpointReader(partition, prefix) for partition in range(PARTITIONS)]
    async for record in committed(bootstrap, [prefix + "checkpoints.pair"]):
        readers[record.partition].take(record)
    again = 0
    for partition, reader in enumerate(readers):
        saved = reader.result(CheckpointWriter(partition))
        assert saved is not None
        assert saved.low is not None
        again += sum(saved.next) - sum(saved.low)
    return again


def _lives(log: Path) -> list[float]:
    """Seconds from the opening of each shard until it was live."""
    deadline = time.monotonic() + 120
    while len(found := re.findall(r"after_seconds=([\d.]+)", log.read_text())) < PARTITIONS:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return [float(each) for each in found]


def _until_read() -> None:
    """Until there is no lag and nothing waits but the last requests, with nothing unaccounted for."""
    deadline = time.monotonic() + 120
    while not _is_idle(figures := scrape(PORT)):
        assert time.monotonic() < deadline, f"the second worker does not catch up: {figures}"
        time.sleep(0.2)
    assert total(figures, "gnomon_pairing_unaccounted") == 0


def _is_idle(figures: dict[str, float]) -> bool:
    lag, waiting = total(figures, "gnomon_lag_records"), total(figures, "gnomon_pairing_waiting")
    return bool(figures) and lag == 0 and waiting == 0
