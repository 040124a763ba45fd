"""The log behind an alert: a pair of its window that is in a recorded trace, and the statistics that decided.

Both are looked for from the end of the stretch backwards, a step at a time, and the newest that is found counts: so with
every request traced one step is read, and with one in a hundred a few. What the log has no more is passed over.

Bounded: ``STRETCHES`` partitions of an alert, ``STEPS`` steps of ``STEP`` offsets in each. The same log gives the same pair,
whenever it is asked, until retention takes it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from app.config import Config
from app.domain.trace_spans import AlertRecord, TracedPair, Written
from app.topic_table import Topics
from app.triggers.log import Span, read, reader
from schemas.cloudevents import event_id
from schemas.trace_context import trace_context

__all__ = ["STEP", "STEPS", "STRETCHES", "EvidenceLog"]

Found = TypeVar("Found")

STRETCHES = 8
#: Offsets of a step; of one trace in a hundred requests ten steps find one with all but certainty.
STEP = 200
STEPS = 10
#: Each step waits for the fetch before it: with 500 an alert takes 1.5 s, with this 0.2.
_FETCH_WAIT_MS = 50
#: How far the clocks of two workers may be apart; decisions follow statistics at once, so the other end is narrower.
_BEFORE_MS = 60_000
_AFTER_MS = 5_000


class _Pair(Struct):
    request_id: str
    timestamp: int


_decode_pair = msgspec.json.Decoder(_Pair).decode


class EvidenceLog:
    """``partitions`` is how many every topic has. Each question has a consumer of its own, so a broken one breaks no other."""

    def __init__(self, config: Config, partitions: int) -> None:
        self._config, self._partitions = config, partitions
        topics = Topics(config.topics.prefix)
        self._pairs, self._statistics = topics.full("pairs"), topics.full("drift.statistics")

    def stretches(self, alert: AlertRecord) -> dict[TopicPartition, Span]:
        """The pairs that an alert rests on, as it says: a window, and what lies between the change and it.

        None where it rests on something else.
        """
        evidence = alert.evidence
        found = [each for each in evidence.offsets if each.topic == self._pairs and 0 <= each.partition < self._partitions]
        spans = {TopicPartition(each.topic, each.partition): Span(each.start, each.end) for each in found[:STRETCHES]}
        if len(spans) == 1 and (change := evidence.change) is not None:
            [(place, span)] = spans.items()
            spans[place] = Span(min(span.start, max(change, 0)), span.end)
        return spans

    async def find(self, alert: AlertRecord, told: Written) -> tuple[TracedPair, Written | None] | None:
        """A pair of the alert that lies at ``told``, and the statistics; None where no trace leads to it.

        Raises ``LogError`` or ``KafkaError`` where the log does not answer.
        """
        async with reader(self._config, _FETCH_WAIT_MS) as consumer:
            pair = await _pair(consumer, alert, self.stretches(alert))
            if pair is None:
                return None
            place = TopicPartition(self._statistics, pair.written.partition)
            return pair, await _deciding(consumer, place, alert.evidence.source, pair.written.at_ms, told.at_ms)


async def _pair(consumer: AIOKafkaConsumer, alert: AlertRecord, spans: Mapping[TopicPartition, Span]) -> TracedPair | None:
    """The newest pair of the alert's model in these stretches whose trace is recorded.

    In a partition the last is the newest, since times there need not rise: between partitions the time decides.
    """
    model = alert.labels.get("model", "").encode()
    pairs = await _newest(consumer, spans, lambda record: _traced(record) if record.key == model else None)
    last: dict[int, TracedPair] = {}
    for pair in sorted(pairs, key=lambda pair: pair.written.offset):
        last[pair.written.partition] = pair
    return max(last.values(), key=lambda pair: (pair.written.at_ms, pair.written.partition), default=None)


async def _deciding(consumer: AIOKafkaConsumer, place: TopicPartition, id_: str, from_ms: int, to_ms: int) -> Written | None:
    """The record with this id that was written between these times: the pair's, on whose partition it is, and the alert's."""
    begin = (await consumer.offsets_for_times({place: max(0, from_ms - _BEFORE_MS)}))[place]
    if begin is None or not id_:
        return None
    end = (await consumer.offsets_for_times({place: max(0, to_ms + _AFTER_MS)}))[place]
    span = Span(begin.offset, (await consumer.end_offsets([place]))[place] if end is None else end.offset)
    found = await _newest(consumer, {place: span}, lambda record: _written(record) if event_id(record.headers) == id_ else None)
    return max(found, key=lambda written: written.offset, default=None)


async def _newest(
    consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, Span], take: Callable[[Any], Found | None]
) -> list[Found]:
    """What is taken of the newest step in which there is anything."""
    left = await _kept(consumer, spans)
    for _ in range(STEPS):
        step = {place: Span(max(span.start, span.end - STEP), span.end) for place, span in left.items()}
        found = [one async for record in read(consumer, step) if (one := take(record)) is not None]
        left = {place: Span(span.start, step[place].start) for place, span in left.items() if span.start < step[place].start}
        if found or not left:
            return found
    return []


async def _kept(consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, Span]) -> dict[TopicPartition, Span]:
    """The parts of these stretches that the log has."""
    if not spans:
        return {}
    begins, ends = await consumer.beginning_offsets(list(spans)), await consumer.end_offsets(list(spans))
    kept = {place: Span(max(span.start, begins[place]), min(span.end, ends[place])) for place, span in spans.items()}
    return {place: span for place, span in kept.items() if span.start < span.end}


def _written(record: Any) -> Written:
    return Written(event_id(record.headers), record.topic, record.partition, record.offset, record.timestamp)


def _traced(record: Any) -> TracedPair | None:
    context = trace_context(record.headers)
    if context is None or not context.sampled:
        return None
    try:
        pair = _decode_pair(record.value or b"")
    except (msgspec.MsgspecError, RecursionError):
        return None
    return TracedPair(context, pair.request_id, pair.timestamp, _written(record))
