"""Whether an event costs the same after ten million as after a hundred thousand, and among a thousand models as of one.

The long stream is also the backlog: the worker starts behind all of it, and its largest resident size is held against a
ceiling. The parts of the stream are compared within one run, so that the worker's start is in none of them.
"""

from statistics import median

from tests.benchmarks.scale.bench import Bench
from tests.benchmarks.scale.stream import Stream

__all__ = ["backlog", "models"]

CEILING_BYTES = 512 * 2**20
WITHIN = 0.10
ROUNDS = 3


def backlog(bench: Bench, events: int) -> None:
    """Cost by the number of events before, and the memory of catching up."""
    stream = Stream(events // 2, alone_every=100)
    expected = bench.fill("backlog.", stream)
    with bench.workers("backlog.") as workers:
        reading = bench.read(workers, expected.events)
    bench.check("backlog.", stream, expected)
    print("\n| events before | events/CPU-s | events/s |\n|---|---|---|")
    rates = list[float]()
    for first, last in ((100_000, 400_000), (1_000_000, 2_000_000), (4_000_000, 5_000_000), (9_000_000, 9_900_000)):
        if last <= expected.events:
            by_cpu, by_s = reading.between(first, last)
            rates.append(by_cpu)
            print(f"| {first:,} to {last:,} | {by_cpu:,.0f} | {by_s:,.0f} |", flush=True)
    _tell_spread("events", rates)
    print(f"{expected.events:,} events behind: largest resident size {reading.peak_bytes / 2**20:,.0f} MiB", flush=True)
    assert reading.peak_bytes < CEILING_BYTES, "the backlog is kept in memory"


def models(bench: Bench, events: int) -> None:
    """Cost by the number of models, at 20,000 events/s of event time; then at 2,000, where a model's minutes hold few events.

    In rounds, since the machine is not as fast in one minute as in another; medians are compared.
    """
    kinds = ((1, 10), (10, 10), (100, 10), (1_000, 10), (1_000, 1))
    rates: dict[tuple[int, int], list[float]] = {kind: [] for kind in kinds}
    for turn in range(ROUNDS):
        for count, per_ms in kinds:
            prefix = f"models{count}.{per_ms}.{turn}."
            stream = Stream(events // 2, models=count, alone_every=100, per_ms=per_ms)
            expected = bench.fill(prefix, stream)
            with bench.workers(prefix) as workers:
                by_cpu, _ = bench.read(workers, expected.events).whole()
            bench.check(prefix, stream, expected)
            rates[count, per_ms].append(by_cpu)
    print("\n| models | event time | events/CPU-s (median, lowest, highest) |\n|---|---|---|")
    for (count, per_ms), each in rates.items():
        print(f"| {count:,} | {2_000 * per_ms:,} events/s | {median(each):,.0f} ({min(each):,.0f}, {max(each):,.0f}) |")
    _tell_spread("models", [median(each) for (_, per_ms), each in rates.items() if per_ms == 10])


def _tell_spread(by: str, rates: list[float]) -> None:
    first = rates[0]
    spread = max(abs(first / rate - 1) for rate in rates)
    print(f"cost by {by}: within {spread:.0%} of the first; goal {WITHIN:.0%}: {'reached' if spread <= WITHIN else 'MISSED'}")
