"""Where the serve role commits: its documents and the position they stand for, in one Redis transaction.

The documents *are* the fold's state. ``open`` gives them back, so there is no second copy that could disagree, and what
``save`` returns is not stored. Since every write sets a document to what it is now, a transaction may be sent again.

*Delivery guarantees.* Documents and position are one MULTI/EXEC: after a crash, both are there or neither, and the fold
reads on from the position. A replay writes what is there already. When Redis comes back without the position (flushed, or
restored from before the role began), ``open`` says that nothing is known, deletes what is left, and the log is read from
its beginning; when that happens while the role runs, the next commit finds it out and raises ``ReadModelLost``, and the
shard is opened anew. A worker that was paused and has been replaced cannot write: ``open`` puts its own token in, a commit
is accepted only while the token is there, and WATCH covers the time between the look and the write.

While Redis is away or refuses, ``commit`` waits and tries again until it is cancelled. Nothing else waits for it: its
records stay in Kafka. It is told once in the log, and once when it is over.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from msgspec import Raw
from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from app.folds.fold import Headers
from app.folds.ledger import Saved
from app.read_model.documents import FORMAT
from app.read_model.history import CHUNK, SERIES
from app.read_model.keys import CHANGES, keys_of

__all__ = ["Output", "ReadModelLost", "RedisLedger"]

#: Waits between attempts, in seconds: short at first, since most failures are a restart; 5 s do not hurry a dead server.
WAIT_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
#: What one attempt may take: a commit is a few kilobytes, the opening reads all documents (80 MB when full).
COMMIT_SECONDS, OPEN_SECONDS = 5.0, 30.0

#: Topic (always ``redis``), partition, field, document or None to delete it, headers (none).
Output = tuple[str, int, bytes | None, bytes | None, Headers]
T = TypeVar("T")
log = structlog.get_logger(__name__)


class ReadModelLost(Exception):  # noqa: N818  it is a state of affairs, named as the runner's reasons are
    """The position in Redis is not the one this ledger left there: flushed, restored, or taken over."""


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class RedisLedger:
    """The ledger of one partition. ``waiting`` is told why it waits for Redis, and None when it no longer does."""

    def __init__(
        self,
        client: Redis,
        prefix: str,
        role: str,
        partition: int,
        sides: int,
        *,
        waiting: Callable[[str | None], None] = lambda _reason: None,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._client = client
        self._keys = keys_of(prefix, role, partition)
        self._where = f"{role}-{partition}"
        self._sides = sides
        self._waiting = waiting
        self._now_ms = now_ms
        self._owner = b""
        self._revision = 0

    async def open(self) -> Saved | None:
        """Take the partition over, and say where it stands; None: from the log's beginning, with nothing."""
        self._owner = uuid.uuid4().hex.encode()
        return await self._insist(self._take_over, OPEN_SECONDS)

    async def commit(self, outputs: Iterable[Output], saved: bytes, next: Sequence[int]) -> None:  # noqa: A002
        """Write the documents and the position; returns when both are in Redis, raises ``ReadModelLost``."""
        writes = {key: value for _topic, _partition, key, value, _headers in outputs if key is not None}
        position = msgspec.json.encode(list(next))
        await self._insist(lambda: self._write(writes, position))
        self._revision += 1

    async def discard(self) -> None:
        """Forget the partition: whoever opens it next begins with nothing (its position is not one of this log)."""
        await self._insist(lambda: self._client.delete(*self._keys))

    async def close(self) -> None:
        """Write no more. The client belongs to who made it."""
        self._owner = b""

    async def _take_over(self) -> Saved | None:
        position = self._keys.position
        stored_format, text = await self._client.hmget(position, ["format", "next"])
        offsets = msgspec.json.decode(text, type=list[int]) if text is not None else []
        if stored_format != FORMAT.encode() or len(offsets) != self._sides:
            await self._begin()
            return None
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(position, "owner", self._owner)  # first: from here on nobody else writes
            pipe.hmget(position, ["next", "revision"])
            pipe.hgetall(self._keys.documents)
            pipe.hgetall(self._keys.series)
            _, (text, revision), documents, series = await pipe.execute()
        if text is None:  # flushed between the two looks
            return await self._take_over()
        self._revision = int(revision)
        state = {
            "documents": {field.decode(): Raw(value) for field, value in documents.items()},
            "series": {identity.decode(): packed for identity, packed in series.items()},
        }
        return Saved(msgspec.json.encode(state), msgspec.json.decode(text, type=list[int]))

    async def _begin(self) -> None:
        self._revision = 0
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(*self._keys)
            pipe.hset(
                self._keys.position,
                mapping={"format": FORMAT, "owner": self._owner, "origin": uuid.uuid4().hex, "revision": 0},
            )
            await pipe.execute()

    async def _write(self, writes: dict[bytes, bytes | None], position: bytes) -> None:
        place, changes = self._keys.position, self._keys.changes
        revision = self._revision + 1
        async with self._client.pipeline(transaction=True) as pipe:
            await pipe.watch(place)
            self._check(await pipe.hget(place, "owner"))
            pipe.multi()  # type: ignore[no-untyped-call]  # redis-py does not annotate it
            for key, fields in self._by_key(writes):
                if changed := {field: value for field, value in fields.items() if value is not None}:
                    pipe.hset(key, mapping=changed)
                if gone := [field for field, value in fields.items() if value is None]:
                    pipe.hdel(key, *gone)
                if fields and key == self._keys.documents:
                    pipe.zadd(changes, dict.fromkeys(fields, revision))
                    pipe.zremrangebyrank(changes, 0, -CHANGES - 1)
            pipe.hset(place, mapping={"next": position, "revision": revision, "written_at": self._now_ms()})
            await pipe.execute()

    def _by_key(self, writes: dict[bytes, bytes | None]) -> list[tuple[str, dict[Any, bytes | None]]]:
        """What belongs into which hash. Histories are told to no reader: they are read when somebody asks."""
        documents, series, chunks = dict[Any, bytes | None](), dict[Any, bytes | None](), dict[Any, bytes | None]()
        for field, value in writes.items():
            if field.startswith(SERIES):
                series[field[len(SERIES) :]] = value
            elif field.startswith(CHUNK):
                chunks[field[len(CHUNK) :]] = value
            else:
                documents[field] = value
        return [(self._keys.documents, documents), (self._keys.series, series), (self._keys.chunks, chunks)]

    def _check(self, owner: bytes | str | None) -> None:
        if owner == self._owner and owner:
            return
        found = "it is gone: Redis was flushed or restored" if owner is None else "another worker has taken it over"
        message = f"the read model's position of {self._where} ({self._keys.position}) is not the one left there: {found}"
        raise ReadModelLost(message)

    async def _insist(self, attempt: Callable[[], Awaitable[T]], seconds: float = COMMIT_SECONDS) -> T:
        """Repeat ``attempt`` until it succeeds; each failure of Redis is one more wait, told once."""
        told: str | None = None
        waits = iter(WAIT_SECONDS)
        began = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(seconds):
                    result = await attempt()
            except WatchError:
                continue  # somebody wrote the position meanwhile: look again whether it is still ours
            except (RedisError, OSError, TimeoutError) as failure:
                reason = f"Redis: {type(failure).__name__}: {failure}"
                if told is None:
                    log.warning("waiting for Redis", shard=self._where, reason=reason)
                if told != reason:
                    self._waiting(reason)
                told = reason
                await asyncio.sleep(next(waits, WAIT_SECONDS[-1]))
                continue
            if told is not None:
                log.info("Redis is back", shard=self._where, after_seconds=round(time.monotonic() - began, 1))
                self._waiting(None)
            return result
