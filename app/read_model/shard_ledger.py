"""The read model as the ledger of a shard (``app.folds.ledger``): collects the documents of an interval, then commits them."""

from collections.abc import Sequence

from app.folds.fold import Headers, LogAnswer, LogQuery, Outbox
from app.folds.ledger import Saved
from app.read_model.ledger import Output, RedisLedger

__all__ = ["ReadModelLedger"]


class _Collected:
    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self.outputs.append((topic, partition, key, value, headers))


class ReadModelLedger:
    """*Delivery guarantees* are those of ``RedisLedger``."""

    def __init__(self, redis: RedisLedger) -> None:
        self._redis = redis
        self._collected = _Collected()

    @property
    def outbox(self) -> Outbox:
        """The documents of the present interval."""
        return self._collected

    def backlog(self) -> int:
        """Documents are replaced and not piled up; what waits is bounded by what was read before the commit."""
        return len(self._collected.outputs) // 1_000

    async def open(self) -> Saved | None:
        """Take the partition over."""
        found = await self._redis.open()
        return None if found is None else Saved(found.saved, found.next)

    def owes(self, *, ending: bool) -> bool:
        """Nothing is put off."""
        return False

    async def commit(self, saved: Saved, *, ending: bool) -> None:
        """Write the documents and the position."""
        outputs, self._collected.outputs = self._collected.outputs, []
        await self._redis.commit(outputs, saved.saved, _positions(saved.next))

    async def ask(self, query: LogQuery) -> LogAnswer:
        """Nobody asks here."""
        message = f"the read model has no log to look {query} up in"
        raise NotImplementedError(message)

    async def discard(self) -> None:
        """Begin with nothing at the next ``open``."""
        await self._redis.discard()

    async def close(self) -> None:
        """Write no more."""
        await self._redis.close()


def _positions(positions: Sequence[int]) -> list[int]:
    return list(positions)
