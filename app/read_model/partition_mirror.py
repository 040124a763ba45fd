"""One partition of the read model as a reader holds it: read whole once, then only what was changed since.

The reader never writes. ``origin`` names the read model that the documents are of: it changes when the role begins anew
(Redis flushed, format raised), and then everything is read again. Documents and the revision they stand for are read in one
transaction; a document that changes between two looks is read again with the next one.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from app.read_model.documents import FORMAT, KINDS, Document
from app.read_model.keys import CHANGES, keys_of

__all__ = ["PLACE", "PartitionMirror"]

#: The fields of ``position`` that a look begins with.
PLACE = ("format", "origin", "revision", "written_at")
Place = tuple[bytes | None, ...]
log = structlog.get_logger(__name__)


class PartitionMirror:
    """The documents of one partition by field, and what they stand for."""

    def __init__(self, client: Redis, prefix: str, role: str, partition: int) -> None:
        self._client = client
        self.keys = keys_of(prefix, role, partition)
        self.partition = partition
        self.documents: dict[str, Document] = {}
        self.written_at: int | None = None
        self._origin: bytes | None = None
        self._revision = 0

    async def follow(self, place: Place) -> set[str]:
        """Bring the documents to where ``place`` says the partition is; the fields that changed."""
        stored_format, origin, revision, written_at = place
        if stored_format != FORMAT.encode() or written_at is None:
            return self._forget()
        self.written_at = int(written_at)
        if origin != self._origin:
            return await self._read_all()
        if int(revision or 0) == self._revision:
            return set()
        return await self._read_changes()

    def _forget(self) -> set[str]:
        gone = set(self.documents)
        self.documents, self.written_at, self._origin, self._revision = {}, None, None, 0
        return gone

    async def _read_all(self) -> set[str]:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hmget(self.keys.position, ["origin", "revision", "written_at"])
            pipe.hgetall(self.keys.documents)
            (origin, revision, written_at), texts = await pipe.execute()
        changed = self._forget() | self._take(texts.items())
        self._origin, self._revision = origin, int(revision or 0)
        self.written_at = None if written_at is None else int(written_at)
        return changed

    async def _read_changes(self) -> set[str]:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hmget(self.keys.position, ["origin", "revision", "written_at"])
            pipe.zrangebyscore(self.keys.changes, self._revision + 1, "+inf")
            pipe.zrange(self.keys.changes, 0, 0, withscores=True)
            pipe.zcard(self.keys.changes)
            (origin, revision, written_at), fields, oldest, known = await pipe.execute()
        missed = known >= CHANGES and oldest[0][1] > self._revision
        if origin != self._origin or missed:
            return await self._read_all()
        self.written_at, self._revision = int(written_at), int(revision)
        if not fields:
            return set()
        texts = await self._client.hmget(self.keys.documents, fields)
        return self._take(zip(fields, texts, strict=True))

    def _take(self, texts: Iterable[tuple[bytes, Any]]) -> set[str]:
        changed = set()
        for name, text in texts:
            field = name.decode()
            changed.add(field)
            document = None if text is None else self._decode(field, text)
            if document is None:
                self.documents.pop(field, None)
            else:
                self.documents[field] = document
        return changed

    def _decode(self, field: str, text: bytes) -> Document | None:
        kind = KINDS.get(field.partition(" ")[0])
        if kind is None:
            return None
        try:
            return msgspec.json.decode(text, type=kind)
        except ValueError as fault:  # somebody else wrote here; the page goes on with the rest
            log.warning("a document of the read model cannot be read", key=self.keys.documents, field=field, fault=str(fault))
            return None
