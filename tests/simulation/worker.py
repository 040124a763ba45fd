"""A worker: the real shards of a role, on a consumer of the simulation.

It stands for `app.folds.transport` and `app.role`: polls what the shards want, hands the runs on in order, and opens and gives up
partitions as the group says. What such a consumer may do wrong it does, as often as the seed draws it: a run is still in the
buffer when its partition is sought anew or belongs to another worker; a fetch from before a seek is answered after it; a run is
swallowed. The shards have to bear all of it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from app.folds.fold import Run
from app.folds.shard import FetchState, Shard
from app.folds.shards import Shards
from tests.simulation.clients import Link
from tests.simulation.group import Group
from tests.simulation.logs import InputLog

__all__ = ["Slips", "Watch", "Worker"]

#: A fetch that finds nothing is answered after this.
_EMPTY_S = (0.05, 0.1, 0.2)
_BUFFERED_RUNS = 8

MakeShard = Callable[["Worker", int, Callable[[Shard, Exception], None]], Shard]


class Slips:
    """How often an answer counts that belongs to a position from before a seek, and how often a run is swallowed."""

    def __init__(self, stale: float, swallowed: float) -> None:
        self.stale, self.swallowed = stale, swallowed


class Watch:
    """What the shards tell. Errors that come from outside are part of the game; any other is a fault of ours."""

    def __init__(self, failures: list[str]) -> None:
        self.failures = failures
        self.given_up = 0

    def failed(self, partition: int, error: Exception) -> None:
        self.given_up += 1
        if not isinstance(error, KafkaError | TimeoutError):
            self.failures.append(f"the shard of partition {partition} failed: {error!r}")

    def assigned(self, partitions: Iterable[int]) -> None: ...
    def opening(self, partition: int) -> None: ...
    def live(self, shard: Shard) -> None: ...
    def committed(self, shard: Shard, events: int, seconds: float) -> None: ...
    def forgotten(self, partition: int) -> None: ...


class Worker:
    """See the module's text. ``slips``: how often the consumer does such things."""

    def __init__(
        self,
        link: Link,
        group: Group,
        rng: Random,
        topics: list[str],
        partitions: int,
        make_shard: MakeShard,
        watch: Watch,
        slips: Slips,
        now: Callable[[], float],
    ) -> None:
        self.link, self.process, self._group, self._rng = link, link.process, group, rng
        self._topics, self._slips, self._now = topics, slips, now
        self._side = {topic: side for side, topic in enumerate(topics)}
        self.shards = Shards(
            topics, partitions, lambda partition, fail: make_shard(self, partition, fail), self, watch, reopen_seconds=0.25
        )
        self._assignment: set[TopicPartition] = set()
        self._positions: dict[TopicPartition, int] = {}
        self._answers: dict[TopicPartition, FetchState] = {}
        self._buffer: deque[tuple[TopicPartition, Run]] = deque()
        self._leaving = False
        self._generation = -1  # that was joined; its share may be on its way

    def start(self) -> None:
        """Begin to read, and ask the group for partitions."""
        self.process.start(self._read())
        self._generation = self._group.join(self)

    def now(self) -> float:
        """Its wall clock, in seconds."""
        return self._now() + self.process.skew_s

    # What the shards ask of their host

    def assigned(self) -> set[TopicPartition]:
        return set(self._assignment)

    def fetch_state(self, side: int, partition: int) -> FetchState:
        return self._answers.get(TopicPartition(self._topics[side], partition)) or FetchState(None, 0.0)

    async def log_spans(self, partition: int) -> list[tuple[int, int]]:
        places = [(topic, partition) for topic in self._topics]
        spans: list[tuple[int, int]] = await self.link.insist("spans", self.link.broker.spans, places, tries=3)
        return spans

    async def seek(self, positions: Mapping[TopicPartition, int]) -> None:
        if self._rng.random() < 0.3:
            await asyncio.sleep(0.002)  # the consumer lives in another thread
        for place, position in positions.items():
            if place in self._assignment:
                self._positions[place] = position

    # What the group says

    def revoked(self) -> None:
        if not self._leaving:
            self._leaving = True
            self.process.start(self._give_up())

    async def _give_up(self) -> None:
        await self.shards.drop(drain=True)
        self._positions.clear()
        self._answers.clear()
        self._leaving = False
        self._generation = self._group.join(self)

    def dealt(self, partitions: set[int], generation: int) -> None:
        if self._leaving or generation != self._generation:
            return
        self._assignment = {TopicPartition(topic, partition) for topic in self._topics for partition in partitions}
        self.process.start(self._take(partitions))

    async def _take(self, partitions: set[int]) -> None:
        await self.seek(await self.shards.take(partitions))

    async def retire(self) -> None:
        """End as after SIGTERM."""
        self._leaving = True
        await self.shards.drop(drain=True)
        self._group.leave(self)
        self.process.stop()

    # Reading

    async def _read(self) -> None:
        rng, buffer = self._rng, self._buffer
        while True:
            if buffer and (len(buffer) >= _BUFFERED_RUNS or rng.random() < 0.9):
                place, run = buffer.popleft()
                await self._hand_on(place, run)
            elif not self.shards.open:
                await asyncio.sleep(0.2)
            elif not await self._poll():
                await asyncio.sleep(rng.choice(_EMPTY_S))

    async def _hand_on(self, place: TopicPartition, run: Run) -> None:
        await self.shards.feed(place.topic, place.partition, run)

    async def _poll(self) -> bool:
        """Fetch what is wanted; whether there was anything."""
        wanted = {place: at for place, at in self._positions.items() if self.shards.wants(place)}
        if not wanted:
            return False
        try:
            answers = await self.link.ask("fetch", self._fetched, wanted)
        except KafkaError:
            return False
        found = False
        answered_at = self.now()
        for place, run, end in answers:
            stale = self._positions.get(place) != run.start
            if stale and self._rng.random() > self._slips.stale:
                continue
            if not stale:
                self._answers[place] = FetchState(end, answered_at)
                self._positions[place] = run.end
            if not run:
                continue
            found = True
            if not stale and self._slips.swallowed and self._rng.random() < self._slips.swallowed:
                continue
            self._buffer.append((place, run))
        return found

    def _fetched(self, wanted: Mapping[TopicPartition, int]) -> list[tuple[TopicPartition, Run, int]]:
        most, inputs = self._rng.choice((1, 3, 10, 40)), self.link.broker.inputs
        found: list[tuple[TopicPartition, Any, int]] = []
        for place, position in wanted.items():
            log: InputLog = inputs[tuple(place)]
            found.append((place, log.fetch(position, most), log.visible_end()))
        return found
