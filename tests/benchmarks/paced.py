"""Steady traffic at a planned pace, and how long its answers took: for each request, and for each alert.

A delay of a request counts from the *planned* second of its last half to the sight of its pair record by a ``read_committed``
reader, so a service or a sender that stalls cannot hide it. A delay of an alert counts from the end of the window whose figures
raised it, the event time of a prediction, to the sight of the alert: event time goes with the clock here. The reader lives in
the sender's process, so that it only notes what comes and when; what that is worth is looked at when all has been sent. A fetch
that finds nothing is answered after 20 ms.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from load.checker import Checker, Findings
from load.generator import Synthetic
from load.reader import CommittedReader
from load.run import partition_count
from load.scenarios import SCENARIOS, Pairing, Spec
from load.sender import Account, open_loop, producer

__all__ = ["Sent", "quantiles_ms", "send"]

WAIT_S = 60.0


class Sent(NamedTuple):
    """What was judged, how far the sender fell behind its plan, and the delays of alerts in seconds."""

    findings: Findings
    behind_s: float
    alerts_s: list[float]


def quantiles_ms(seconds: Sequence[float], shares: Sequence[float]) -> list[float]:
    """The delays below which these shares of all lie."""
    ordered = sorted(seconds)
    return [1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in shares]


async def send(
    bootstrap: str, prefix: str, scenario: str, rate: float, requests: int, models: int = 1,
    during: Callable[[float], None] = lambda _: None,
) -> Sent:  # fmt: skip
    """Send it and wait for all answers; ``during`` is told the seconds since the start now and then."""
    partitions = await partition_count(bootstrap, prefix)
    start_ms = time.time_ns() // 1_000_000
    spec = Spec(SCENARIOS[scenario], requests, 1, rate, models, partitions, start_ms, Pairing())
    traffic = Synthetic(spec)
    checker, alerts_s, begun, came = Checker(traffic.truth), list[float](), [0.0], deque[tuple[bytes, float | None]]()

    def take(topic: str, record: Any) -> None:
        if topic == "pairs":
            came.append((record.value, time.monotonic() - begun[0] if begun[0] else None))
        elif (data := orjson.loads(record.value)["data"])["status"] == "firing" and "window" in data["evidence"]:
            alerts_s.append(time.time() - data["evidence"]["window"]["end"] / 1000)

    def is_complete() -> bool:
        while came:
            checker.pair(*came.popleft())
        return checker.is_complete

    def progress(account: Account) -> None:
        begun[0] = account.started
        during(time.monotonic() - account.started)

    reader = CommittedReader(bootstrap, prefix, ["pairs", "alerts"], partitions)
    await reader.start()
    reading = asyncio.create_task(reader.run(take))
    async with contextlib.AsyncExitStack() as stack:
        kafka = producer(bootstrap)
        await kafka.start()
        stack.push_async_callback(kafka.stop)
        stack.push_async_callback(reader.stop)
        stack.callback(reading.cancel)
        await open_loop(iter(traffic.priming()), kafka, prefix=prefix, partitions=partitions, paced=False)
        await _until(is_complete)
        sent = await open_loop(traffic.events(), kafka, prefix=prefix, partitions=partitions, paced=True, progress=progress)
        await _until(is_complete)
    return Sent(checker.close(), sent.behind_s, alerts_s)


async def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline, "not all answers have come"
        await asyncio.sleep(0.02)
