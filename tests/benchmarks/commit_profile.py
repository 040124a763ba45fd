"""``gnomon worker`` that says where the time of its transactions goes.

    python -m tests.benchmarks.commit_profile worker --role pair

Each step of ``KafkaLedger.commit`` is timed from its call to its return; at the end, on SIGTERM, the sums are told on stderr.
``answers`` is what is left: waiting for the batches to be acknowledged, which includes adding their partitions to the
transaction. Beside it what else a request waits for is told: how late a worker's event loop wakes up.
"""

import asyncio
import atexit
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer

from app.folds.kafka_ledger import KafkaLedger

__all__: list[str] = []

seconds, calls = Counter[str](), Counter[str]()
STEPS = ("begin_transaction", "send_batch", "send", "send_offsets_to_transaction", "commit_transaction")
SLEPT_S = 0.01


def timed(name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same, and its time in ``seconds``."""

    async def run(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        try:
            return await call(*arguments, **named)
        finally:
            seconds[name] += time.perf_counter() - started
            calls[name] += 1

    return run


async def commit(ledger: KafkaLedger, saved: Any, *, ending: bool) -> None:
    """A commit; the first one of a worker begins to look at its event loop as well."""
    if not calls["commit"]:
        _kept.append(asyncio.create_task(_sleep_again_and_again()))
    await _commit(ledger, saved, ending=ending)


async def _sleep_again_and_again() -> None:
    while True:
        started = time.perf_counter()
        await asyncio.sleep(SLEPT_S)
        seconds["woken late"] += time.perf_counter() - started - SLEPT_S
        calls["woken late"] += 1


def tell() -> None:
    """Milliseconds of each step by commit."""
    for name in ("commit", *STEPS):
        print(f"  {name}: {1000 * seconds[name] / max(1, calls['commit']):.2f} ms by commit", file=sys.stderr)
    answers = seconds["commit"] - sum(seconds[name] for name in STEPS)
    print(f"  answers: {1000 * answers / max(1, calls['commit']):.2f} ms by commit, of {calls['commit']}", file=sys.stderr)
    print(f"  the event loop wakes {1000 * seconds['woken late'] / max(1, calls['woken late']):.2f} ms late", file=sys.stderr)


if __name__ == "__main__":
    from app.__main__ import main

    _kept: list[asyncio.Task[None]] = []
    for step in STEPS:
        setattr(AIOKafkaProducer, step, timed(step, getattr(AIOKafkaProducer, step)))
    _commit = timed("commit", KafkaLedger.commit)
    setattr(KafkaLedger, "commit", commit)  # noqa: B010  a part of the product is replaced, and the type checker need not like it
    atexit.register(tell)
    main()
