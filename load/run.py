"""One run: stand on the ends of the outputs, send, wait until what must come has come or nothing comes any more, judge.

Each wait is for a condition and has a bound: the whole run ends ``QUIET_S`` (beside the service's own window and grace)
after the last record that belonged to it. What is still missing then is missing. A record that comes after that is not
seen, so a doubled one is looked for during ``SETTLE_S`` more.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from load.alerts import AlertCheck
from load.checker import Checker, Findings
from load.planned import LEGACY, SHADOW, Traffic
from load.reader import CommittedReader
from load.report import Report, begun
from load.scenarios import Pairing
from load.sender import Account, open_loop, producer

__all__ = ["Run", "newest_event_ms", "partition_count", "run"]

#: How long nothing of this run may come before the rest is missing: a worker that was killed is back by then.
QUIET_S = 30.0
SETTLE_S = 2.0
#: A service that is up answers within a commit interval, or after its window and grace beside this.
AWAKE_WITHIN_S = 15.0
#: Alerts come a window after their cause, not with it.
ALERT_QUIET_S = 60.0
#: A silent shadow's requests must be out within window + grace + 2 s of wall time.
SILENCE_SLACK_S = 2.0


class Run(msgspec.Struct, kw_only=True):
    """Where to send and what to check."""

    bootstrap_servers: str
    prefix: str
    partitions: int
    paced: bool
    verify: bool
    verify_alerts: bool
    seed: int
    requests: int
    scenario: str
    pairing: Pairing
    bounds_silence: bool = False
    alert_slack_ms: int = 0


async def partition_count(bootstrap_servers: str, prefix: str) -> int:
    """How many partitions the topics have; raises ``LookupError`` where they are missing."""
    async with _started(producer(bootstrap_servers)) as kafka:
        partitions = await asyncio.wait_for(kafka.partitions_for(prefix + LEGACY), 15)
    if not partitions:
        raise LookupError(f"topic {prefix + LEGACY!r} is not there; `gnomon topics create` makes all of them")
    return len(partitions)


async def newest_event_ms(bootstrap_servers: str, prefix: str, partitions: int) -> int:
    """The greatest event time that the prediction topics hold, 0 where they are empty."""
    reader = CommittedReader(bootstrap_servers, prefix, [LEGACY, SHADOW], partitions)
    await reader.start()
    try:
        return await reader.newest() or 0
    finally:
        await reader.stop()


class _started:  # noqa: N801 - a context manager reads as a verb
    def __init__(self, kafka: AIOKafkaProducer) -> None:
        self._kafka = kafka

    async def __aenter__(self) -> AIOKafkaProducer:
        try:
            await self._kafka.start()
        except BaseException:
            await self._kafka.stop()
            raise
        return self._kafka

    async def __aexit__(self, *_: object) -> None:
        await self._kafka.stop()


async def run(traffic: Traffic, plan: Run, say: Callable[[str], None] = lambda line: print(line, file=sys.stderr)) -> Report:
    """Send the traffic, and check what comes of it where the plan says so."""
    async with _started(producer(plan.bootstrap_servers)) as kafka:
        if plan.verify:
            return await _verified(traffic, plan, kafka, say)
        await _wake(traffic, plan, kafka)
        account = await _send(traffic, plan, kafka, say)
        return begun(plan.scenario, plan.seed, plan.requests, account, paced=plan.paced)


async def _wake(traffic: Traffic, plan: Run, kafka: AIOKafkaProducer) -> int:
    records = traffic.priming()
    await open_loop(iter(records), kafka, prefix=plan.prefix, partitions=plan.partitions, paced=False)
    return len(records)


async def _verified(traffic: Traffic, plan: Run, kafka: AIOKafkaProducer, say: Callable[[str], None]) -> Report:
    topics = ["pairs", "dead.letters", *(["alerts", "retrain.triggers"] if plan.verify_alerts else [])]
    reader = CommittedReader(plan.bootstrap_servers, plan.prefix, topics, plan.partitions)
    await reader.start()
    watch = _Watch(traffic, plan, say)
    reading = asyncio.create_task(reader.run(watch.take))
    try:
        await _wake(traffic, plan, kafka)
        await watch.until_awake(reading)
        account = await _send(traffic, plan, kafka, say, watch.sending)
        await watch.until_done(reading)
        return watch.report(account)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await reader.stop()


async def _send(
    traffic: Traffic,
    plan: Run,
    kafka: AIOKafkaProducer,
    say: Callable[[str], None],
    sending: Callable[[Account], None] = lambda _: None,
) -> Account:
    last = time.monotonic()

    def progress(account: Account) -> None:
        nonlocal last
        sending(account)
        if time.monotonic() - last > 2:
            last = time.monotonic()
            rate = account.sent / (last - account.started)
            say(f"sent {account.sent:,} events, {rate:,.0f} events/s, {account.behind_s * 1000:,.0f} ms behind the plan at most")

    return await open_loop(
        traffic.events(), kafka, prefix=plan.prefix, partitions=plan.partitions, paced=plan.paced, progress=progress
    )


class _Watch:
    """Hands what is read to the judges and knows whether to go on waiting."""

    def __init__(self, traffic: Traffic, plan: Run, say: Callable[[str], None]) -> None:
        self._plan, self._say = plan, say
        self._truth = traffic.truth
        self._checker = Checker(traffic.truth)
        self._alerts = AlertCheck(traffic.truth, slack_ms=plan.alert_slack_ms)
        self._started: float | None = None
        self._last_news = time.monotonic()
        self._news = asyncio.Event()

    def sending(self, account: Account) -> None:
        self._started = account.started if self._plan.paced else None

    def take(self, topic: str, record: ConsumerRecord[Any, Any]) -> None:
        before = self._checker.progress
        if topic == "pairs":
            seen = time.monotonic()
            self._checker.pair(record.value, None if self._started is None else seen - self._started)
        elif topic == "dead.letters":
            reason = next((value for name, value in record.headers if name == "reason"), b"")
            self._checker.letter(reason.decode(), record.key, record.value)
        elif topic == "alerts":
            self._alerts.alert(record.value)
        else:
            self._alerts.trigger(record.value)
        self._news.set()
        if self._checker.progress != before:
            self._last_news = time.monotonic()

    async def until_awake(self, reading: "asyncio.Task[None]") -> None:
        """Wait until the service has answered the priming requests; without a service the run goes on, and finds all missing."""
        self._say("waiting for the service to answer the first requests")
        deadline = time.monotonic() + AWAKE_WITHIN_S + self._plan.pairing.limit_s
        while not self._checker.is_complete and not reading.done() and (left_s := deadline - time.monotonic()) > 0:
            await self._some_news(left_s)
        if not self._checker.is_complete:
            self._say("the service does not answer; is a worker running?")

    async def until_done(self, reading: "asyncio.Task[None]") -> None:
        """Wait for all that must come; see the module's text for the bounds."""
        self._last_news = time.monotonic()
        bound_s = QUIET_S + 2 * self._plan.pairing.limit_s
        told = 0.0
        while not self._checker.is_complete and time.monotonic() - self._last_news < bound_s and not reading.done():
            if time.monotonic() - told > 2:
                told = time.monotonic()
                self._say(self._still_waiting())
            await self._some_news(1.0)
        await self._until_alerts(reading)
        if not reading.done():
            await asyncio.wait([reading], timeout=SETTLE_S)
        if reading.done():
            reading.result()

    async def _until_alerts(self, reading: "asyncio.Task[None]") -> None:
        if not self._plan.verify_alerts:
            return
        self._news.clear()
        deadline = time.monotonic() + ALERT_QUIET_S
        while not self._alerts.is_complete and not reading.done() and (left_s := deadline - time.monotonic()) > 0:
            await self._some_news(left_s)

    async def _some_news(self, within_s: float) -> None:
        """Until a record of this run is read, at most so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), min(within_s, 1.0))
        self._news.clear()

    def _judge_silence(self, found: Findings) -> None:
        """With no further event on any topic, what still waits must be out after window and grace of wall time."""
        ended_s = max(expected.last_half_s for expected in self._truth.requests.values())
        took_s, limit_s = found.last_incomplete_s - ended_s, self._plan.pairing.limit_s + SILENCE_SLACK_S
        if took_s > limit_s:
            example = f"the last came {took_s:.2f} s after the last event; window + grace + 2 s = {limit_s:.2f} s is allowed"
            found.fault("silence_too_long", example)

    def _still_waiting(self) -> str:
        expected = self._truth.records + self._truth.letters.total()
        quiet_s = time.monotonic() - self._last_news
        return f"seen {self._checker.progress:,} of {expected:,} records, nothing new for {quiet_s:.0f} s"

    def report(self, account: Account) -> Report:
        """Close all judgements."""
        plan = self._plan
        report = begun(plan.scenario, plan.seed, plan.requests, account, paced=plan.paced)
        report.verified = True
        found = self._checker.close()
        if plan.verify_alerts:
            self._alerts.close(found)
        report.alerts, report.triggers = dict(self._alerts.firing), self._alerts.triggers
        if plan.bounds_silence and plan.paced:
            self._judge_silence(found)
        report.add(found, self._truth)
        report.elapsed_s = round(max(self._last_news, account.ended) - account.started, 3)
        return report
