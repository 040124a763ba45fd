"""All receivers of a process, and the ledger by which they are handed what the role ``notify`` has committed.

The state of a partition of ``notify`` is its book (``app.domain.delivery.alert_book``), and goes into Kafka with each commit. The
ledger here commits through another one, and when that has succeeded hands the book to every receiver's courier. Receipts wait
here until the fold takes them, and are then in its next commit.

*Delivery guarantees* are those of the book and of the courier. Receipts that the fold had not taken when its shard died are
forgotten, and what they were for is told again.
"""

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from app.config import NotifySettings
from app.delivery.alertmanager import Alertmanager, tls_context
from app.delivery.answers import REASONS
from app.delivery.courier import Courier
from app.delivery.messengers import Messenger
from app.domain.delivery.alert_book import AlertBook, Receipt, Receivers
from app.domain.delivery.mailbox import BATCH, message_mailbox, state_mailbox
from app.folds.fold import LogAnswer, LogQuery, Outbox
from app.folds.ledger import Ledger, Saved
from app.metrics import Metrics

__all__ = ["Office", "receivers_of"]

#: What was committed longer ago is committed again before it is told again.
_FRESH_S = 2.0


def _id(url: str) -> str:
    """Of a receiver, in the saved book: the same after a restart, and no secret."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def receivers_of(settings: NotifySettings) -> Receivers:
    """The ids of the receivers that are configured."""
    return Receivers(
        tuple(dict.fromkeys(_id(url) for url in settings.alertmanager_urls)),
        tuple(_id(url.reveal()) for url in settings.messengers()),
    )


class Office:
    """See the module's text. Made inside a running event loop; ``ConfigError`` for a receiver that cannot be made."""

    def __init__(self, settings: NotifySettings, metrics: Metrics, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._owners: dict[int, Ledger] = {}
        self._books: dict[int, bytes] = {}
        self._committed_at: dict[int, float] = {}
        self._wanted: set[int] = set()
        self._receipts: dict[int, list[Receipt]] = defaultdict(list)
        self._tasks: list[asyncio.Task[None]] = []
        ids, tls = receivers_of(settings), tls_context(settings)
        self._couriers = []
        for at, (messenger_id, url) in enumerate(zip(ids.messages, settings.messengers(), strict=True)):
            messenger = Messenger(f"apprise-{at}", url, settings.timeout_s)
            self._couriers.append(Courier(messenger, message_mailbox(messenger_id, settings.resend_s), self, metrics, 1))
        for at, (state_id, address) in enumerate(zip(ids.states, dict.fromkeys(settings.alertmanager_urls), strict=True)):
            alertmanager = Alertmanager(f"alertmanager-{at}", address, settings, tls)
            self._couriers.append(Courier(alertmanager, state_mailbox(state_id, settings.resend_s), self, metrics, BATCH))
        for courier in self._couriers:
            metrics.notifies(courier.receiver.name, REASONS)

    def start(self) -> None:
        """Have every courier work."""
        self._tasks = [asyncio.create_task(each.run(), name=f"alerts to {each.receiver.name}") for each in self._couriers]

    async def stop(self) -> None:
        """Tell nothing more; what is owed stands in what was committed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(courier.receiver.close() for courier in self._couriers))

    def remark(self) -> str:
        """Which receivers take nothing, for the notice board; empty where all do."""
        return "; ".join(trouble for courier in self._couriers if (trouble := courier.trouble))

    # For the shards

    def ledger(self, partition: int, ledger: Ledger) -> Ledger:
        """One that commits through ``ledger``, and has what was committed told."""
        return _TellingLedger(partition, ledger, self)

    def opened(self, partition: int, owner: Ledger) -> None:
        """A shard begins; the receipts of the one before it are not for its state."""
        self.closed(partition, self._owners.get(partition))
        self._owners[partition] = owner

    def committed(self, partition: int, owner: Ledger, saved: bytes) -> None:
        """Tell what stands in the book that was saved."""
        if self._owners.get(partition) is not owner:
            return
        self._committed_at[partition] = self._steady()
        self._wanted.discard(partition)
        if self._couriers and saved != self._books.get(partition):
            self._books[partition] = saved
            book = AlertBook.load(saved)
            for courier in self._couriers:
                courier.mailbox.put(partition, book)
        for courier in self._couriers:
            courier.news.set()

    def closed(self, partition: int, owner: Ledger | None) -> None:
        """A shard ends: nothing of its partition is told any more."""
        if self._owners.get(partition) is not owner:
            return
        for kept in (self._owners, self._books, self._committed_at, self._receipts):
            kept.pop(partition, None)
        self._wanted.discard(partition)
        for courier in self._couriers:
            courier.mailbox.forget(partition)

    def wants_commit(self, partition: int) -> bool:
        """Whether something of the partition is to be told that was not committed just now."""
        return partition in self._wanted

    def take_receipts(self, partition: int) -> Sequence[Receipt]:
        """What was taken since it was asked last."""
        return self._receipts.pop(partition, [])

    # For the couriers

    def fresh(self, partitions: Iterable[int]) -> set[int]:
        """Those of them that have committed just now."""
        since = self._steady() - _FRESH_S
        return {partition for partition in partitions if self._committed_at.get(partition, since) > since}

    def want(self, partitions: Iterable[int]) -> None:
        """Have these commit."""
        self._wanted.update(partitions)

    def receipts(self, receipts: Iterable[tuple[int, Receipt]]) -> None:
        """Keep receipts until the fold takes them."""
        for partition, receipt in receipts:
            if partition in self._owners:
                self._receipts[partition].append(receipt)


class _TellingLedger:
    """A ledger whose commits are told."""

    def __init__(self, partition: int, inner: Ledger, office: Office) -> None:
        self._partition, self._inner, self._office = partition, inner, office

    @property
    def outbox(self) -> Outbox:
        return self._inner.outbox

    def backlog(self) -> int:
        return self._inner.backlog()

    async def open(self) -> Saved | None:
        self._office.opened(self._partition, self)
        return await self._inner.open()

    def owes(self, *, ending: bool) -> bool:
        return self._inner.owes(ending=ending) or (not ending and self._office.wants_commit(self._partition))

    async def commit(self, saved: Saved, *, ending: bool) -> None:
        await self._inner.commit(saved, ending=ending)
        self._office.committed(self._partition, self, saved.saved)

    async def ask(self, query: LogQuery) -> LogAnswer:
        return await self._inner.ask(query)

    async def discard(self) -> None:
        await self._inner.discard()

    async def close(self) -> None:
        self._office.closed(self._partition, self)
        await self._inner.close()
