"""A trigger's window read again from the log: the same records, or what differs.

Count and digest are made as the trigger's own were: of the model's records of ``pairs`` in the window's offsets, SHA-256 over
their ``ce_id``s, joined by newlines. Where retention has taken the window's beginning that is said first, as a difference.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from app.config import Config
from app.topics import partitions_of
from app.triggers.log import LogError, Span, read, reader
from schemas.cloudevents import id_bytes
from schemas.offsets import OffsetRange
from schemas.trigger import RetrainTrigger

__all__ = ["WindowCheck", "check_window"]


class WindowCheck(NamedTuple):
    """What the log has of a window, and each difference from what the trigger says of it."""

    events: int
    digest: str
    differences: list[str]


async def check_window(config: Config, trigger: RetrainTrigger, take: Callable[[bytes], None] = lambda _: None) -> WindowCheck:
    """Read the window, hand each record's value to ``take``, and compare. Raises ``LogError`` where there is no such log."""
    ids, key = _Digest(), trigger.model.name.encode()
    differences: list[str] = []
    async with reader(config) as consumer:
        for stretch in trigger.window.offsets:
            place, span = TopicPartition(stretch.topic, stretch.partition), Span(stretch.start, stretch.end)
            if stretch.partition not in await partitions_of(config, stretch.topic):
                message = f"there is no {stretch.topic}-{stretch.partition}, where the window lies; are brokers and prefix right?"
                raise LogError(message)
            kept = Span((await consumer.beginning_offsets([place]))[place], (await consumer.end_offsets([place]))[place])
            differences += _cut(stretch, kept)
            async for record in read(consumer, {place: Span(max(span.start, kept.start), min(span.end, kept.end))}):
                if record.key == key:
                    ids.add(record.headers)
                    take(record.value or b"")
    said = trigger.window
    if ids.events != said.events:
        differences.append(f"events: the trigger says {said.events:,}, the log has {ids.events:,}")
    if ids.text != said.digest:
        differences.append(f"digest: the trigger says {said.digest}, the log gives {ids.text}")
    return WindowCheck(ids.events, ids.text, differences)


def _cut(stretch: OffsetRange, kept: Span) -> list[str]:
    """What of a stretch the log has no more, or not yet."""
    where, found = f"{stretch.topic}-{stretch.partition}", []
    if kept.start > stretch.start:
        gone = min(kept.start, stretch.end) - stretch.start
        found.append(
            f"retention: {where} begins at offset {kept.start:,}, the window at {stretch.start:,}: "
            f"{gone:,} of its {stretch.end - stretch.start:,} offsets are deleted"
        )
    if kept.end < stretch.end:
        found.append(f"another log: {where} ends at offset {kept.end:,}, the window at {stretch.end:,}: the topic was made anew")
    return found


class _Digest:
    """Count and digest of records that come one by one."""

    def __init__(self) -> None:
        self.events, self._hash = 0, hashlib.sha256()

    def add(self, headers: Any) -> None:
        id_ = id_bytes(headers)
        self._hash.update(id_ if not self.events else b"\n" + id_)
        self.events += 1

    @property
    def text(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
