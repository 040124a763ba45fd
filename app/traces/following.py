"""From alert to alert: for each that fires, the spans of one request behind it go to the endpoint.

*Delivery guarantees.* At least once: an offset of ``alerts`` is committed when its spans were taken, or when there are none
to be had. After a crash, or a rebalance, an alert may be told again, with the same ids. While the endpoint or the log is away
the same alert is tried again, longer apart each time (``backoff_s``) and for ever: nothing is lost that retention does not
take, and the group's lag shows it. What the endpoint refuses for its content is logged, counted and passed over.

Nothing else waits for this: it has a group of its own, takes part in no transaction and writes to no topic.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from msgspec import Struct

from app.config import Config
from app.delivery.answers import Answer
from app.domain.delivery.mailbox import backoff_s
from app.domain.trace_spans import AlertRecord, Span, Written, spans_of
from app.kafka import consumer_arguments
from app.topic_table import Topics
from app.topics import partitions_of
from app.traces.counts import TraceCounts
from app.traces.evidence import EvidenceLog
from app.traces.otlp import Encoder, Endpoint
from app.triggers.log import LogError

__all__ = ["GROUP", "follow"]

log = structlog.get_logger(__name__)
#: The name of the group, after prefix and ``gnomon-``.
GROUP = "traces"
_TOPICS = ("alerts", "pairs", "drift.statistics")
_RECORDS_AT_ONCE = 50
#: An endpoint that is away for hours is no reason to leave the group: between two alerts heartbeats go on.
_POLL_INTERVAL_MS = 7 * 86_400_000


class _Event(Struct):
    id: str
    data: AlertRecord


_decode = msgspec.json.Decoder(_Event).decode


async def follow(config: Config, url: str, encode: Encoder, counts: TraceCounts) -> None:
    """Until cancelled. Raises ``LogError`` where a topic is missing, ``KafkaError`` where the broker refuses."""
    topics = Topics(config.topics.prefix)
    for full in map(topics.full, _TOPICS):
        if not (numbers := await partitions_of(config, full)):
            message = f"there is no topic {full}; is topics.prefix right? `gnomon topics create` makes what is missing"
            raise LogError(message)
    arguments = consumer_arguments(config, GROUP) | {"max_poll_interval_ms": _POLL_INTERVAL_MS}
    endpoint, consumer = Endpoint(url, config.telemetry, encode), AIOKafkaConsumer(topics.full("alerts"), **arguments)
    try:
        await consumer.start()
        log.info("following alerts", endpoint=url, group=config.group(GROUP))
        await _Following(consumer, EvidenceLog(config, len(numbers)), endpoint, counts).run()
    finally:
        await consumer.stop()
        await endpoint.close()


class _Following:
    def __init__(self, consumer: AIOKafkaConsumer, evidence: EvidenceLog, endpoint: Endpoint, counts: TraceCounts) -> None:
        self._consumer, self._evidence, self._endpoint, self._counts = consumer, evidence, endpoint, counts

    async def run(self) -> None:
        while True:
            fetched = await self._consumer.getmany(timeout_ms=1_000, max_records=_RECORDS_AT_ONCE)
            for place, records in fetched.items():
                await self._take(place, records)

    async def _take(self, place: TopicPartition, records: Sequence[Any]) -> None:
        """Tell these one by one, as long as the partition is ours."""
        for record in records:
            if place not in self._consumer.assignment():
                return
            self._counts.alerts.labels(await self._tell(record)).inc()
            try:
                await self._consumer.commit({place: record.offset + 1})
            except (CommitFailedError, IllegalStateError):  # somebody else has it now, and tells it again
                return

    async def _tell(self, record: Any) -> str:
        """What became of one record of ``alerts``: one of ``RESULTS``."""
        try:
            event = _decode(record.value or b"")
        except (msgspec.MsgspecError, RecursionError) as error:
            log.warning("a record is no alert", partition=record.partition, offset=record.offset, says=str(error))
            return "unreadable"
        if event.data.status != "firing":
            return "resolved"
        if not self._evidence.stretches(event.data):
            return "no_pairs"
        told = Written(event.id, record.topic, record.partition, record.offset, record.timestamp)
        spans = await self._found(event.data, told)
        return await self._sent(spans, event.data) if spans else "no_trace"

    async def _found(self, alert: AlertRecord, told: Written) -> list[Span]:
        """The spans of an alert, none where no trace leads to it; the log is asked until it answers."""
        failures = 0
        while True:
            try:
                found = await self._evidence.find(alert, told)
                return [] if found is None else spans_of(alert, told, *found)
            except (KafkaError, LogError) as error:
                failures += 1
                await self._wait(failures, "log", f"{type(error).__name__}: {error}")

    async def _sent(self, spans: Sequence[Span], alert: AlertRecord) -> str:
        """Send until they are taken, or refused for what they are."""
        failures = 0
        while True:
            answer = await self._endpoint.send(spans)
            if answer.reason is None or answer.reason == "refused":
                self._say(answer, spans[0].parent.trace_id, alert)
                return answer.reason or "exported"
            failures += 1
            await self._wait(failures, answer.reason, answer.says)

    def _say(self, answer: Answer, trace_id: str, alert: AlertRecord) -> None:
        about = {"trace_id": trace_id, "alertname": alert.labels.get("alertname"), "fingerprint": alert.fingerprint}
        if answer.reason is None:
            self._counts.last_export.set_to_current_time()
            log.info("an alert is in its trace", **about)
        else:
            log.warning("the endpoint refused a trace", endpoint=self._endpoint.shown, says=answer.says, **about)

    async def _wait(self, failures: int, reason: str, says: str) -> None:
        self._counts.failures.labels(reason).inc()
        if failures == 1:
            log.warning("a trace cannot be exported; trying again", endpoint=self._endpoint.shown, reason=reason, says=says)
        await asyncio.sleep(backoff_s(failures, random.random()))  # noqa: S311  no secret: it spreads tries
