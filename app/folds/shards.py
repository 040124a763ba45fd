"""The shards of one role that this worker holds, and the rules by which they come and go.

A rebalance takes all of them away and gives some back: what was assigned is opened in ``take``, what is revoked is given up
in ``drop``. A rebalance can overtake the opening that the one before it began, so each opening carries the **generation** in
which it was asked for and is thrown away when it comes out in another; and no two shards of one partition are ever open at
once in this process (a lock a partition).

A shard that fails is closed and opened anew after ``REOPEN_SECONDS``, if the partition is still ours by then: where it was
fenced because the group has moved on, the group will have said so within a few heartbeats.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Protocol

import structlog
from aiokafka import TopicPartition

from app.folds.fold import Run
from app.folds.shard import Shard

__all__ = ["REOPEN_SECONDS", "Shards", "ShardsHost"]

log = structlog.get_logger(__name__)
REOPEN_SECONDS = 2.5
#: A run that is ahead of the position for so long means that one before it was swallowed: seek back to it.
_HOLE_SECONDS = 1.0
#: Batches of output that wait for their commit before no more is read.
_BACKLOG = 24


class ShardsHost(Protocol):
    """The consumer as the shards need it."""

    def assigned(self) -> set[TopicPartition]: ...
    async def seek(self, positions: dict[TopicPartition, int]) -> None: ...


class Watch(Protocol):
    """Who is told how the shards are doing."""

    def assigned(self, partitions: Iterable[int]) -> None: ...
    def opening(self, partition: int) -> None: ...
    def live(self, shard: Shard) -> None: ...
    def committed(self, shard: Shard, events: int, seconds: float) -> None: ...
    def failed(self, partition: int, error: Exception) -> None: ...
    def forgotten(self, partition: int) -> None: ...


class Shards:
    """See the module's text. ``make`` builds a shard that is not open yet; ``topics`` are full names, by side."""

    def __init__(
        self,
        topics: list[str],
        partitions: int,
        make: Callable[[int, Callable[[Shard, Exception], None]], Shard],
        host: ShardsHost,
        watch: Watch,
        reopen_seconds: float = REOPEN_SECONDS,
    ) -> None:
        self._topics, self._make, self._host, self._watch = topics, make, host, watch
        self._side = {topic: side for side, topic in enumerate(topics)}
        self._reopen_seconds = reopen_seconds
        self._locks = [asyncio.Lock() for _ in range(partitions)]
        self._generation = 0
        self._hole_since: dict[TopicPartition, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: set[int] = set()  # partitions of which the watch knows; one that failed is among them and not open
        self.open: dict[int, Shard] = {}

    async def take(self, partitions: set[int]) -> dict[TopicPartition, int]:
        """Open these partitions; where each of their topics has to be read from, for those that could be opened."""
        generation = self._generation
        self._watch.assigned(partitions)
        opened = await asyncio.gather(*(self._open(partition, generation) for partition in sorted(partitions)))
        return {place: position for positions in opened for place, position in positions.items()}

    async def _open(self, partition: int, generation: int) -> dict[TopicPartition, int]:
        async with self._locks[partition]:
            if generation != self._generation:
                return {}
            self._told.add(partition)
            self._watch.opening(partition)
            shard = self._make(partition, self._failed)
            shard.on_live, shard.on_commit = partial(self._live, generation), self._watch.committed
            try:
                positions = await shard.open()
            except BaseException as error:
                await asyncio.shield(shard.close())
                if generation != self._generation:  # whoever has the partition now must not be fenced by us
                    return {}
                if not isinstance(error, Exception):
                    raise
                self._watch.failed(partition, error)
                self._spawn(self._reopen(shard))
                return {}
            if generation != self._generation:
                await asyncio.shield(shard.close())
                return {}
            self.open[partition] = shard
            return {TopicPartition(topic, partition): at for topic, at in zip(self._topics, positions, strict=True)}

    def _live(self, generation: int, shard: Shard) -> None:
        """Of one that goes live in an opening that was overtaken nothing is told: it is forgotten, and by nobody again."""
        if generation == self._generation:
            self._watch.live(shard)

    async def drop(self, *, drain: bool) -> None:
        """Give all up; with ``drain`` each commits its last interval first."""
        self._generation += 1
        shards, self.open = self.open, {}
        await asyncio.gather(*(shard.close(drain=drain) for shard in shards.values()))
        told, self._told = self._told, set()
        for partition in sorted(told):
            self._watch.forgotten(partition)

    def _failed(self, shard: Shard, error: Exception) -> None:
        self._watch.failed(shard.partition, error)
        if self.open.get(shard.partition) is shard:
            del self.open[shard.partition]
            self._spawn(self._reopen(shard))

    async def _reopen(self, shard: Shard) -> None:
        generation, partition = self._generation, shard.partition
        await shard.close()
        del shard  # what it held may be cleared away before the next one is opened
        await asyncio.sleep(self._reopen_seconds)
        ours = TopicPartition(self._topics[0], partition) in self._host.assigned()
        if generation == self._generation and partition not in self.open and ours:
            await self._host.seek(await self._open(partition, generation))

    def wants(self, place: TopicPartition) -> bool:
        """Whether more of a partition should be fetched now."""
        shard = self.open.get(place.partition)
        return shard is not None and shard.wants(self._side[place.topic])

    async def feed(self, topic: str, partition: int, run: Run) -> None:
        """Hand a run to its shard; waits while that is busy with others, or too much output waits for its commit."""
        shard = self.open.get(partition)
        if shard is None:
            return
        while (shard.busy or shard.ledger.backlog() > _BACKLOG) and not shard.dead:
            shard.news.clear()
            await shard.news.wait()
        side, place = self._side[topic], TopicPartition(topic, partition)
        try:
            taken = shard.offer(side, run)
        except Exception as error:  # noqa: BLE001  a fold that raises is thrown away like any other shard that fails
            shard.give_up(error)
            return
        if taken:
            self._hole_since.pop(place, None)
        elif run.start > shard.expects(side):
            self._look_at_hole(place, shard.expects(side), run.start)

    def _look_at_hole(self, place: TopicPartition, expected: int, start: int) -> None:
        since = self._hole_since.setdefault(place, time.monotonic())
        if time.monotonic() - since > _HOLE_SECONDS:
            log.warning(
                "records were skipped, seeking back", topic=place.topic, partition=place.partition, at=expected, got=start
            )
            self._hole_since.pop(place)
            self._spawn(self._host.seek({place: expected}))

    def _spawn(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
