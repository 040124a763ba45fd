"""One receiver's queue at work: tells what is due, batch by batch, and is patient when the receiver is not there.

Each receiver has a courier of its own, so one that is away holds up nobody else. After a failure it waits, longer each time
and a little at random (``backoff_s``). A batch that is refused for its content is halved until the one at fault is alone; that
is logged by name, counted, and tried again with the next re-send.

*Only what stands in a fresh commit is told.* A worker that was paused and has been replaced would otherwise wake up and fire what
is long resolved. Its commit is refused (it is fenced), and what it has is thrown away. So a re-send begins with a commit
(``Post.want``). Scenario that is left: it is paused between commit and request; the resolve, which is told again for a quarter of
an hour, puts that right.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import structlog

from app.delivery.answers import Answer, Receiver
from app.domain.delivery.alert_book import Receipt
from app.domain.delivery.mailbox import Entry, Mailbox, backoff_s
from app.metrics import Metrics

__all__ = ["Courier", "Post"]

log = structlog.get_logger(__name__)
#: A commit that is wanted comes within an interval; one that does not come is asked for again.
_WANT_AGAIN_S = 1.0


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Post(Protocol):
    """Where a courier gets what it tells."""

    def fresh(self, partitions: Iterable[int]) -> set[int]:
        """Those of them that have committed just now."""

    def want(self, partitions: Iterable[int]) -> None:
        """Have these commit."""

    def receipts(self, receipts: Iterable[tuple[int, Receipt]]) -> None:
        """Hand receipts back, each with its partition."""


class Courier:
    """See the module's text. ``news`` is set when something was committed; ``most`` is the size of a batch."""

    def __init__(
        self,
        receiver: Receiver,
        mailbox: Mailbox,
        post: Post,
        metrics: Metrics,
        most: int,
        now_ms: Callable[[], int] = wall_ms,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.receiver, self.mailbox = receiver, mailbox
        self._post, self._metrics, self._most, self._now_ms, self._steady = post, metrics, most, now_ms, steady
        self.news = asyncio.Event()
        self._failures = 0
        self._failing_since = 0.0
        self._said = ""

    @property
    def trouble(self) -> str:
        """For how long the receiver has taken nothing, and why; empty where there is no trouble."""
        if not self._failures:
            return ""
        lasts_s = self._steady() - self._failing_since
        return f"{self.receiver.name} ({self.receiver.shown}) takes nothing for {lasts_s:.0f} s: {self._said}"

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.news.clear()
            steady = self._steady()
            due = self.mailbox.partitions_due(steady)
            fresh = self._post.fresh(due)
            if not fresh:
                self._post.want(due)
                await self._wait(_WANT_AGAIN_S if due else self._until_next(steady))
            elif not await self._tell(self.mailbox.batch(steady, fresh, self._most)):
                await asyncio.sleep(backoff_s(self._failures, random.random()))  # noqa: S311  no secret: it spreads tries

    def _until_next(self, steady: float) -> float | None:
        next_due = self.mailbox.next_due()
        return None if next_due is None else max(0.0, next_due - steady)

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self.news.wait(), seconds)
        except TimeoutError:
            return

    async def _tell(self, batch: Sequence[Entry]) -> bool:
        """Deliver a batch, in halves where its content is refused; whether the receiver is there."""
        answer = await self.receiver.deliver([entry.alert for entry in batch], self._now_ms())
        if answer.reason is None:
            self._taken(batch)
            return True
        if answer.reason != "refused":
            self._failed(batch, answer)
            return False
        half = len(batch) // 2
        if half:
            return await self._tell(batch[:half]) and await self._tell(batch[half:])
        self._refused(batch[0], answer)
        return True

    def _taken(self, batch: Sequence[Entry]) -> None:
        name = self.receiver.name
        if self._failures:
            lasted_s = round(self._steady() - self._failing_since, 1)
            log.info("a receiver of alerts is back", receiver=name, address=self.receiver.shown, after_seconds=lasted_s)
        self._failures = 0
        for entry in batch:
            self._metrics.notify_delivered.labels(name, entry.alert.status).inc()
        self._metrics.notify_last_success.labels(name).set_to_current_time()
        self._hand_back(batch, taken=True)

    def _refused(self, entry: Entry, answer: Answer) -> None:
        self._metrics.notify_failures.labels(self.receiver.name, "refused").inc()
        alert = entry.alert
        log.warning(
            "an alert was refused", receiver=self.receiver.name, address=self.receiver.shown, fingerprint=alert.fingerprint,
            alertname=alert.labels.get("alertname"), status=alert.status, says=answer.says,
        )  # fmt: skip
        self._hand_back([entry], taken=False)

    def _hand_back(self, batch: Sequence[Entry], *, taken: bool) -> None:
        self._post.receipts(self.mailbox.done(batch, self._now_ms(), self._steady(), taken=taken))

    def _failed(self, batch: Sequence[Entry], answer: Answer) -> None:
        name, self._said = self.receiver.name, answer.says
        self._metrics.notify_failures.labels(name, answer.reason or "status").inc()
        if not self._failures:
            self._failing_since = self._steady()
            log.warning(
                "a receiver of alerts takes nothing", receiver=name, address=self.receiver.shown, reason=answer.reason,
                says=answer.says,
            )  # fmt: skip
        self._failures += 1
        self.mailbox.failed(batch, self._steady())
