"""``gnomon demo``: the whole service on the flights of 2013, with one thing going wrong, told as it happens.

It starts Kafka, Redis, the worker and a producer of flights, prints where they are, and then follows the service's own topics,
read committed, as any consumer would: what is told here was seen there. After about a minute the feed of departure delays
switches from minutes to seconds; drift, alert and retrain trigger follow.

Ctrl-C and SIGTERM end all of it, at any moment, with exit code 0; a ``kill -9`` leaves no process either. ``--once`` ends by
itself when the story is complete, or with 1 when it is not after ``COMPLETE_WITHIN_S``.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from app.demo.stage import PARTITIONS, WARM_UP, Stage, on_stage
from app.demo.story import Story
from app.dev.errors import DevError
from load.reader import CommittedReader

__all__ = ["COMPLETE_WITHIN_S", "demo"]

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TOPICS = ("pairs", "drift.statistics", "alerts", "retrain.triggers")
#: The fault comes 50 s after the first flight, and what follows from it within seconds; a busy machine gets three times that.
COMPLETE_WITHIN_S = 240.0
#: What the producer says when it injects the fault.
FAULT_MARK = "fault injected: "


class _StopAsked(BaseException):
    """A signal came while something was being started; not an ``Exception``, so nothing takes it for a failure."""


def demo(*, once: bool = False) -> int:
    """Run it; 0 when asked to stop or, with ``once``, when the story is complete; 1 when something failed."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}", file=sys.stderr, flush=True)

    try:
        with _signals_stop(), on_stage(say) as stage:
            print(f"kafka={stage.bootstrap_servers} redis={stage.redis_url} url={stage.url}", flush=True)
            say(f"open {stage.url} in a browser; Ctrl-C ends everything")
            is_told = asyncio.run(_follow(stage, Story(WARM_UP), say, once=once))
            _ignore_signals()
            if once and is_told:
                stage.wait_for_page()
            say("stopping everything")
    except _StopAsked:
        is_told = not once
    except (DevError, KafkaError, OSError) as error:
        say(f"error: {error}")
        return 1
    say("stopped")
    return 0 if is_told else 1


@contextmanager
def _signals_stop() -> Iterator[None]:
    """While things start, a signal ends the start; while they stop, one more changes nothing."""

    def stop(*_: object) -> None:
        _ignore_signals()
        raise _StopAsked

    before = {number: signal.signal(number, stop) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)


async def _follow(stage: Stage, story: Story, say: Callable[[str], None], *, once: bool) -> bool:
    """Tell the story until a signal comes or, with ``once``, until it is complete or too late; whether it may end well."""
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, done.set)
    reader = CommittedReader(stage.bootstrap_servers, "", TOPICS, PARTITIONS)
    await reader.start(at_end=False)

    def take(topic: str, record: ConsumerRecord[Any, Any]) -> None:
        for line in story.take(topic, record.value, time.monotonic()):
            say(line)
        if once and story.is_complete:
            done.set()

    tasks: list[asyncio.Task[None]] = [asyncio.create_task(reader.run(take)), asyncio.create_task(_watch(stage, story, say))]
    ending: asyncio.Task[Any] = asyncio.create_task(done.wait())
    try:
        await asyncio.wait([*tasks, ending], timeout=COMPLETE_WITHIN_S if once else None, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()  # raises why
        if once and not story.is_complete:
            say(f"error: not seen within {COMPLETE_WITHIN_S:.0f} s: {', '.join(story.awaited)}")
        return story.is_complete or not once
    finally:
        for task in (*tasks, ending):
            task.cancel()
        await asyncio.gather(*tasks, ending, return_exceptions=True)
        with contextlib.suppress(KafkaError):
            await reader.stop()


async def _watch(stage: Stage, story: Story, say: Callable[[str], None]) -> None:
    """Pass on what the producer says, count from time to time, and end with an error when a process ended."""
    with stage.traffic.log.open(encoding="utf-8") as log:
        while True:
            for line in iter(log.readline, ""):
                _pass_on(line.strip(), story, say)
            for line in story.count(time.monotonic()):
                say(line)
            stage.check()
            await asyncio.sleep(0.25)


def _pass_on(line: str, story: Story, say: Callable[[str], None]) -> None:
    """The producer's own lines; its counts are left out, since the pairs are counted."""
    if line.startswith(FAULT_MARK):
        say(story.fault(line.removeprefix(FAULT_MARK), time.monotonic()))
    elif line and not line.startswith("sent "):
        say(f"producer: {line}")
