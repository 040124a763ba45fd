"""The pair fold without Kafka: its speed in one process and in two at once, and the memory of what it keeps."""

import gc
import multiprocessing
import os
import time
import tracemalloc
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from aiokafka.record.default_records import DefaultRecord  # what a worker is handed

from app.config import Config, ModelSettings
from app.folds.fold import Run
from app.folds.intake import Intake
from app.topology import topology
from tests.benchmarks.scale.stream import Stream, events
from tests.benchmarks.workload import BASE_MS

__all__ = ["bytes_kept", "two_processes"]

_RUN = 500
HALF_BYTES_GOAL = 1_024


class Nowhere:
    """An outbox that counts."""

    def __init__(self) -> None:
        self.records = 0

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any) -> None:
        self.records += 1


def fold() -> Any:
    """The fold of partition 0, live, with nothing read."""
    config = Config(models={"default": ModelSettings(shadows=("2.0.0-rc1",))})
    made = topology(config, "")["pair"](0)
    made.restore(None, None, [0, 0])
    made.rebuilt()
    return made


def runs(stream: Stream, only: int | None = None) -> Iterator[tuple[int, Run]]:
    """Partition 0 of a stream, of both sides or of one, in runs of 500."""
    offsets, open_ = [0, 0], [Run(), Run()]
    for side, partition, key, value in events(stream):
        if partition or only not in (None, side):
            continue
        open_[side].append(DefaultRecord(offsets[side], BASE_MS, 0, key, value, []))
        offsets[side] += 1
        if len(open_[side]) == _RUN:
            yield side, _closed(open_[side], offsets[side])
            open_[side] = Run()
    yield from ((side, _closed(open_[side], offsets[side])) for side in (0, 1) if len(open_[side]))


def _closed(run: Run, end: int) -> Run:
    run.start, run.end = end - len(run), end
    return run


def feed(made: Any, logs: Iterable[tuple[int, Run]], out: Any, *, ends: bool = False) -> None:
    """As ``app.folds.feeding`` does, without letting others on."""
    intake, left = Intake(2), (deque[Run](), deque[Run]())
    intake.begin([0, 0], [0, 0])
    for side, run in logs:
        left[side].append(run)
    made.sees_ends([ends, ends], BASE_MS)
    moved = True
    while moved:
        moved = False
        for side in (0, 1):
            while left[side] and not intake.is_full(side):
                intake.offer(side, left[side].popleft())
            first = intake.first(side, silent=False)
            if first is not None:
                moved |= intake.took(side, made.feed(side, first, out)) is not None
        if not moved and not ends:
            made.sees_ends([True, True], BASE_MS)
            moved = ends = True


def bytes_kept(requests: int) -> None:
    """Traced bytes of a half that waits, and of a request that is done and remembered."""
    tracemalloc.start()
    made, stream, out = fold(), Stream(requests, per_ms=100, last=False), Nowhere()
    gc.collect()
    sizes = [tracemalloc.get_traced_memory()[0]]
    for side in (0, 1):
        for _, run in runs(stream, only=side):
            made.sees_ends([True, True], BASE_MS)
            assert made.feed(side, run, out) in (None, len(run))
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
        assert made.figures()["waiting"] == (0 if side else made.figures()["read"]), made.figures()
    tracemalloc.stop()
    halves = made.figures()["read"] / 2
    waiting, remembered = ((size - sizes[0]) / halves for size in sizes[1:])
    verdict = "reached" if waiting <= HALF_BYTES_GOAL else "MISSED"
    print(f"\n{halves:,.0f} waiting halves: {waiting:,.0f} bytes each; goal {HALF_BYTES_GOAL:,}: {verdict}")
    print(f"a request that is done and remembered: {remembered:,.0f} bytes", flush=True)


def _rate(core: int, requests: int, barrier: Any, answer: Any) -> None:
    os.sched_setaffinity(0, {core})
    logs, made, out = list(runs(Stream(requests, last=False))), fold(), Nowhere()
    events = sum(len(run) for _, run in logs)
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 1_000)  # as the worker does
    barrier.wait()
    started = time.perf_counter()
    feed(made, logs, out)
    took = time.perf_counter() - started
    assert out.records >= events // 2, (out.records, made.figures())
    assert made.figures()["unaccounted"] == 0
    answer.put(events / took)


def two_processes(requests: int) -> None:
    """Events a second of one process, then of two at once, each on a core of its own."""
    context = multiprocessing.get_context("spawn")
    cores = sorted(os.sched_getaffinity(0))[:2]
    rates = list[float]()
    for chosen in (cores[:1], cores):
        barrier, answer = context.Barrier(len(chosen)), context.Queue()
        processes = [context.Process(target=_rate, args=(core, requests, barrier, answer)) for core in chosen]
        for process in processes:
            process.start()
        rates.append(sum(answer.get(timeout=300) for _ in processes))
        for process in processes:
            process.join()
    print(
        f"\nfold alone: one process {rates[0]:,.0f} events/s, two at once {rates[1]:,.0f}: {rates[1] / rates[0]:.2f} times",
        flush=True,
    )
