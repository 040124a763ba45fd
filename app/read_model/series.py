"""Histories read from Redis, when somebody asks for one: the cells of all partitions, merged.

Nothing is held here, and nothing else waits for a read. Of each partition the history's document is read, then the closed chunks
that have times which were asked for. Between the two a chunk may be closed, whose cells are in the document that was read, or
leave its horizon: then it is missing in the answer as well. A model whose shards lie on several partitions has cells of the same
time on each, which merge as two windows do; so do the counts of a model that several partitions of the pair role sent.
"""

import asyncio
import struct
from typing import NamedTuple

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.read_model.cells import Cell
from app.read_model.history_series import Series, chunk_field
from app.read_model.keys import Keys, keys_of
from app.read_model.resolutions import Resolution
from schemas.statistics import Role

__all__ = ["POINTS_AT_MOST", "Asked", "Found", "SeriesReader", "SeriesUnread"]

#: A history has 2,160 cells of an hour; beyond its horizon there may be a few, of clocks that are ahead.
POINTS_AT_MOST = 2_500
#: What a read may take, a turn waited for included; it is some hundred kilobytes at the most.
READ_SECONDS = 10.0
#: Reads at once, so that many who ask do not hold up the one connection that each commit needs.
AT_ONCE = 4
log = structlog.get_logger(__name__)


class SeriesUnread(Exception):  # noqa: N818  it is a state of affairs: Redis is away
    """Redis did not give the history; the text says why."""


class Asked(NamedTuple):
    """Of one history, the cells that begin from ``from_ms`` on and before ``to_ms``.

    ``resolution`` is one of the history's, or ``auto``: the finest whose horizon holds ``from_ms``.
    """

    identity: str
    resolution: str = "auto"
    from_ms: int | None = None
    to_ms: int | None = None


class Found(NamedTuple):
    """Cells by beginning, the earliest first; ``next_ms`` is where those that were left out begin."""

    resolution: Resolution
    role: Role | None
    cells: list[tuple[int, Cell]]
    next_ms: int | None


class _Part(NamedTuple):
    """What one partition has of a history."""

    keys: Keys
    series: Series


class SeriesReader:
    """See the module's text. ``partitions`` is ``topics.partitions``; the client belongs to who made it."""

    def __init__(self, client: Redis, prefix: str, partitions: int) -> None:
        self._client = client
        self._keys = [keys_of(prefix, "serve", partition) for partition in range(partitions)]
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def read(self, asked: Asked, resolutions: tuple[Resolution, ...]) -> Found:
        """What there is, which may be nothing; raises ``SeriesUnread`` where Redis does not answer."""
        try:
            async with asyncio.timeout(READ_SECONDS), self._turn:
                return await self._read(asked, resolutions)
        except (RedisError, OSError, TimeoutError) as failure:
            message = f"Redis does not answer: {str(failure) or type(failure).__name__}"
            raise SeriesUnread(message) from failure

    async def _read(self, asked: Asked, resolutions: tuple[Resolution, ...]) -> Found:
        parts = [part for part in await self._parts(asked.identity) if len(part.series.levels) == len(resolutions)]
        level = _level(asked, resolutions, max((part.series.clock_ms for part in parts), default=0))
        resolution = resolutions[level]
        first = (asked.from_ms or 0) // resolution.width_ms * resolution.width_ms
        cells: dict[int, Cell] = {}
        for part, chunks in zip(parts, await self._chunks(parts, level, asked), strict=True):
            for at, cell in [*chunks, *part.series.cells(level)]:
                if first <= at and (asked.to_ms is None or at < asked.to_ms):
                    known = cells.get(at)
                    cells[at] = cell if known is None else part.series.kind.merge(known, cell)  # type: ignore[arg-type]  # of one kind
        found = sorted(cells.items())
        following = found[POINTS_AT_MOST][0] if len(found) > POINTS_AT_MOST else None
        role = max(parts, key=lambda part: part.series.clock_ms).series.role if parts else None
        return Found(resolution, role, found[:POINTS_AT_MOST], following)

    async def _parts(self, identity: str) -> list[_Part]:
        async with self._client.pipeline(transaction=False) as pipe:
            for keys in self._keys:
                pipe.hget(keys.series, identity)
            packed = await pipe.execute()
        found = []
        for keys, document in zip(self._keys, packed, strict=True):
            if document is not None:
                try:
                    found.append(_Part(keys, Series.load(document)))
                except (struct.error, IndexError, ValueError) as fault:  # somebody else wrote here
                    _tell(keys.series, identity, fault)
        return found

    async def _chunks(self, parts: list[_Part], level: int, asked: Asked) -> list[list[tuple[int, Cell]]]:
        """The cells of closed chunks, by part."""
        wanted = [part.series.levels[level].between(asked.from_ms or 0, asked.to_ms) for part in parts]
        async with self._client.pipeline(transaction=False) as pipe:
            for part, chunks in zip(parts, wanted, strict=True):
                if chunks:
                    pipe.hmget(part.keys.chunks, [chunk_field(part.series.number, level, number) for _, number in chunks])
            answers = iter(await pipe.execute())
        return [_cells(part, level, chunks, next(answers)) if chunks else [] for part, chunks in zip(parts, wanted, strict=True)]


def _level(asked: Asked, resolutions: tuple[Resolution, ...], clock_ms: int) -> int:
    for level, resolution in enumerate(resolutions):
        if asked.resolution == resolution.name:
            return level
        if asked.resolution == "auto" and (asked.from_ms is None or asked.from_ms >= clock_ms - resolution.horizon_ms):
            return level
    return len(resolutions) - 1


def _cells(part: _Part, level: int, chunks: list[tuple[int, int]], packed: list[bytes | None]) -> list[tuple[int, Cell]]:
    found: list[tuple[int, Cell]] = []
    width_ms = part.series.levels[level].resolution.width_ms
    for (start_ms, number), chunk in zip(chunks, packed, strict=True):
        if chunk is not None:
            try:
                found += [(start_ms + at * width_ms, cell) for at, cell in part.series.kind.opened(chunk)]
            except ValueError as fault:  # somebody else wrote here
                _tell(part.keys.chunks, str(number), fault)
    return found


def _tell(key: str, field: str, fault: Exception) -> None:
    log.warning("a history of the read model cannot be read", key=key, field=field, fault=str(fault))
