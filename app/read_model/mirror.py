"""The read model in the memory of a process that shows it, as fresh as it is asked for.

``current`` never fails and never waits long: it asks Redis when the last look is older than ``FRESH_SECONDS``, and gives what it
has when Redis does not answer, with ``stale`` saying since when and why. Nobody who looks can hold up the pipeline: a look
only reads, all callers share one, and without a caller there is none. So what is known grows old while nobody asks, which is
no fault: the first to ask again waits for the look, as long as a look may take.

It is stale in three ways, the worst is told: Redis cannot be read (or what it has cannot be shown), or has not answered a look
for ``SLOW_SECONDS``; a partition is not rebuilt yet; a partition was not written for ``BEATEN_MS``, though the serve role beats
every five seconds: no worker keeps it up to date. Time in which this process itself stood still counts against nobody: a look
that failed by it is made once more, and if it fails again so, that is what is told.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.read_model.gathering import Gathering
from app.read_model.ledger import wall_ms
from app.read_model.partition_mirror import PLACE, PartitionMirror
from app.read_model.standstill import Standstill
from app.read_model.views import Overview, PartitionStatus, Stale

__all__ = ["BEATEN_MS", "ReadModel", "unattended"]

FRESH_SECONDS = 0.4
#: How long a caller waits for a look while what is known is not old; a page of a moment ago is better than one that hangs.
PATIENCE_SECONDS = 0.5
#: What a look may take: the first one reads all documents.
LOOK_SECONDS = 10.0
#: How long a look may be under way before what is shown is stale; what is older than that, a caller waits so long for.
SLOW_SECONDS = 5.0
#: A process that stood still for so long during a look has failed itself.
HELD_SECONDS = 1.0
#: Three beats of the serve role (``agents.serve.BEAT_MS``).
BEATEN_MS = 15_000
log = structlog.get_logger(__name__)


class ReadModel:
    """See the module's text. ``partitions`` is ``topics.partitions``; the client belongs to who made it."""

    def __init__(self, client: Redis, prefix: str, partitions: int, *, now_ms: Callable[[], int] = wall_ms) -> None:
        self._client = client
        self._now_ms = now_ms
        self._mirrors = [PartitionMirror(client, prefix, "serve", partition) for partition in range(partitions)]
        self._gathering, self._ungathered = Gathering(), False  # what was read stays to be gathered if a look fails
        self._overview = self._gathering.view(0, None, self._written())
        self._task: asyncio.Task[None] | None = None
        self._looked = float("-inf")
        self._began, self._still = 0.0, Standstill()
        self._failure: str | None = None

    async def current(self) -> Overview:
        """What is known now. The same object is given until something changes, its revision until a view does."""
        if time.monotonic() - self._looked > FRESH_SECONDS:
            if self._task is None or self._task.done():
                self._begin()
                self._task = asyncio.create_task(self._try_look())
            await self._wait(self._task)
        stale = self._stale()
        if stale != self._overview.stale:
            self._replace(stale=stale, revision=self._overview.revision + 1)
        return self._overview

    async def close(self) -> None:
        """End a look that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _wait(self, look: asyncio.Task[None]) -> None:
        as_of = self._overview.as_of
        if as_of is not None and self._now_ms() - as_of <= SLOW_SECONDS * 1000:
            await asyncio.wait({look}, timeout=PATIENCE_SECONDS)
            return
        while not look.done() and (rest := SLOW_SECONDS - self._under_way()) > 0:
            await asyncio.wait({look}, timeout=rest)

    def _begin(self) -> None:
        self._began, self._still = time.monotonic(), Standstill().start()

    def _under_way(self) -> float:
        """For how many seconds the present look has waited for Redis, and not for this process."""
        return time.monotonic() - self._began - self._still.seconds

    async def _try_look(self) -> None:
        try:
            if not await self._attempt() and self._still.seconds > HELD_SECONDS:
                self._begin()
                await self._attempt()
        finally:
            self._looked = time.monotonic()

    async def _attempt(self) -> bool:
        """Whether one look succeeded; why not is kept."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._look()
        except Exception as failure:  # noqa: BLE001  whatever it is, pages tell it: none grows old in silence
            self._still.stop()
            self._note(failure)
            return False
        finally:  # cancelled as well
            self._still.stop()
        self._failure = None
        return True

    def _note(self, failure: Exception) -> None:
        no_answer = isinstance(failure, RedisError | OSError | TimeoutError)
        if self._failure is None:
            log.warning("the read model cannot be read", reason=_told(failure), exc_info=None if no_answer else failure)
        answer = f"Redis does not answer: {str(failure) or type(failure).__name__}"
        self._failure = answer if no_answer else f"what Redis answers cannot be shown: {_told(failure)}"
        if self._still.seconds > HELD_SECONDS:
            self._failure = f"this worker is too busy to read Redis: it stood still for {self._still.seconds:.0f} s"

    async def _look(self) -> None:
        async with self._client.pipeline(transaction=False) as pipe:
            for mirror in self._mirrors:
                pipe.hmget(mirror.keys.position, PLACE)
            places = await pipe.execute()
        for mirror, place in zip(self._mirrors, places, strict=True):
            for field in await mirror.follow(tuple(place)):
                self._gathering.put(mirror.partition, field, mirror.documents.get(field))
                self._ungathered = True
        if self._ungathered:
            self._gathering.gather()
            revision = self._overview.revision + 1
            self._overview = self._gathering.view(revision, self._now_ms(), self._written(), self._overview.stale)
            self._ungathered = False
        else:
            pipeline = msgspec.structs.replace(self._overview.pipeline, partitions=self._gathering.statuses(self._written()))
            self._replace(as_of=self._now_ms(), pipeline=pipeline)

    def _written(self) -> dict[int, int | None]:
        return {mirror.partition: mirror.written_at for mirror in self._mirrors}

    def _replace(self, **changes: Any) -> None:
        self._overview = msgspec.structs.replace(self._overview, **changes)

    def _stale(self) -> Stale | None:
        now, as_of = self._now_ms(), self._overview.as_of
        if self._failure is not None:
            return Stale(as_of, self._failure)
        if self._task is not None and not self._task.done() and self._under_way() >= SLOW_SECONDS:
            return Stale(as_of, f"Redis has not answered for {self._under_way():.0f} s")
        if as_of is None:
            return Stale(None, "Redis has not been read yet")
        return unattended(self._overview.pipeline.partitions, now)


def _told(failure: Exception) -> str:
    return f"{type(failure).__name__}: {failure}"


def unattended(partitions: list[PartitionStatus], now_ms: int) -> Stale | None:
    """What the read model itself says of being out of date."""
    missing = [str(p.partition) for p in partitions if p.written_at is None]
    if missing:
        return Stale(None, f"not built yet: partition {', '.join(missing)}; a worker with the role serve does it")
    behind = [str(p.partition) for p in partitions if not p.caught_up]
    if behind:
        return Stale(None, f"being rebuilt from the log: partition {', '.join(behind)}")
    written_at, partition = min((p.written_at or 0, p.partition) for p in partitions)
    if now_ms - written_at > BEATEN_MS:
        return Stale(written_at, f"no worker keeps partition {partition} up to date: is one with the role serve running?")
    return None
