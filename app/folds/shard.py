"""One partition of one role at work: opened, rebuilt, live, given up.

The states and what leads from one to the next:

    opening     fence, read the checkpoint, restore the fold; the host then seeks each side to where it has to be read
    rebuilding  runs up to the checkpoint's position go into the fold in silence
    live        runs go in, outputs come out; once an interval a transaction
    dead        after any error, on revocation, at the end: nothing of it is used again

Where reading begins is decided in ``app.folds.opening``; ``app.folds.feeding`` takes the runs in and gives them to the fold.

*Delivery guarantees.* What the fold is given between two commits, and what it says, is in one transaction with the positions
and its state. A shard that fails is dead at once, and the next one begins from what was committed; nothing is retried here. The
client repeats for ever what a broker refuses for now, so a commit that takes longer than a transaction may is a failure too.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from app.folds.feeding import Feeding
from app.folds.fold import Fold, LogAnswer, LogQuery, Run
from app.folds.ledger import Ledger, Saved
from app.folds.log_ends import FetchState, Host, LogEnds
from app.folds.opening import beginning, is_of_another_log, refuse_other_inputs
from app.folds.questions import Questions

__all__ = ["FetchState", "Shard", "ShardSettings"]

log = structlog.get_logger(__name__)
#: How long a drain waits for the last transaction.
_DRAIN_SECONDS = 5.0
#: A commit is quick that takes less than this share of the interval.
_QUICK = 0.25


class ShardSettings(NamedTuple):
    """Seconds between two transactions, between two snapshots, and that a transaction may take (None: as long as it takes)."""

    commit_interval_s: float
    snapshot_interval_s: float
    commit_timeout_s: float | None = None


class Shard:
    """See the module's text. ``fail`` is told once, with the error; ``now`` is the monotonic clock."""

    def __init__(
        self,
        partition: int,
        fold: Fold,
        ledger: Ledger,
        topics: Sequence[str],
        host: Host,
        settings: ShardSettings,
        fail: Callable[["Shard", Exception], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.partition = partition
        self.fold, self.ledger, self.topics = fold, ledger, topics
        self._host, self._settings, self._fail, self._now = host, settings, fail, now
        sides = len(topics)
        self._log_ends = LogEnds(host, partition, sides, now)
        self._feeding = Feeding(fold, ledger.outbox, self._log_ends, sides, self._go_live, self._taken, self.give_up)
        self.live = self.dead = False
        self._stopping = asyncio.Event()
        self._dirty = False
        self._snapshot_at: list[int] | None = None
        self._snapshot_due = 0.0
        self._questions = Questions(ledger, self._answered, self.give_up)
        self._task: asyncio.Task[None] | None = None
        self.opened_at = now()
        self.committed_at = now()
        self.events = 0  # since the last commit
        self.on_commit: Callable[[Shard, int, float], None] = lambda *_: None
        self.on_live: Callable[[Shard], None] = lambda _: None

    @property
    def positions(self) -> list[int]:
        """Up to where the fold has taken each side."""
        return self._feeding.positions

    @property
    def news(self) -> asyncio.Event:
        """Set when it has become less busy, or has less output that waits, or is dead."""
        return self._feeding.news

    @property
    def busy(self) -> bool:
        """Whether what was offered has not all been looked at yet, since others had to be let on."""
        return self._feeding.busy

    @property
    def paused(self) -> list[str]:
        """The topics of which nothing more is taken for now, on purpose."""
        return [self.topics[side] for side in self._feeding.paused()]

    def unanswered_s(self) -> float:
        """For how long a side of which more is wanted heard nothing of its broker; where nobody asks, lag does not show it."""
        return self._log_ends.unanswered_s([side for side in range(len(self.topics)) if self.wants(side)])

    # Opening

    async def open(self) -> list[int]:
        """Fence and restore; where each side has to be read from."""
        saved = await self.ledger.open()
        spans = await self._host.log_spans(self.partition)
        if saved is not None:
            refuse_other_inputs(saved, self.topics, self.partition)
        if saved is not None and is_of_another_log(saved, spans):
            await self.ledger.discard()
            saved = await self.ledger.open()
        low, next_ = beginning(saved, spans, self.topics, self.partition)
        self._snapshot_at = low
        self.fold.restore(saved and saved.saved, saved and saved.snapshot, low)
        self._feeding.begin(low, silent_until=next_)
        return list(self.positions)

    # Reading, while it is rebuilt and while it lives

    def wants(self, side: int) -> bool:
        """Whether more of this side should be fetched."""
        return self._feeding.wants(side)

    def expects(self, side: int) -> int:
        """The offset at which the next run of this side has to begin."""
        return self._feeding.expects(side)

    def offer(self, side: int, run: Run) -> bool:
        """Take a run that begins where this side stands; False for any other, with a hole before it or from before a seek."""
        return self._feeding.offer(side, run)

    def _taken(self, events: int) -> None:
        self._dirty = True
        self.events += events

    def _go_live(self) -> None:
        self.live = True
        self.committed_at = self._now()
        self._task = asyncio.create_task(self._work(), name=f"commits of partition {self.partition}")
        self.on_live(self)

    # Committing, while it lives

    async def _work(self) -> None:
        """Once an interval: let time pass, ask, commit; at the end once more."""
        clock, took_s = asyncio.get_running_loop().time, 0.0
        try:
            while True:
                ending = await self._interval(took_s)
                begun = clock()
                await self._tick()
                if self.dead:  # what it holds may be half of something
                    return
                if self._dirty or self.ledger.owes(ending=ending):
                    await self._commit(ending)
                self.news.set()
                if ending:
                    return
                took_s = clock() - begun
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, this shard's state is not to be trusted any more
            self.give_up(error)

    async def _interval(self, took_s: float) -> bool:
        """Wait for the next commit; whether it is the last one."""
        try:
            await asyncio.wait_for(self._stopping.wait(), wait_s(self._settings.commit_interval_s, took_s))
        except TimeoutError:
            return False
        return True

    async def _tick(self) -> None:
        await self._feeding.settle()
        if self.dead:
            return
        if self._feeding.let_time_pass():
            self._dirty = True
        self._feeding.pump()
        self._questions.ask(self.fold.questions())
        await self._feeding.settle()

    async def _answered(self, query: LogQuery, answer: LogAnswer) -> None:
        await self._feeding.settle()
        if not self.dead:
            self.fold.answer(query, answer, self.ledger.outbox)
            self._dirty = True

    async def _commit(self, ending: bool) -> None:
        started, events = time.perf_counter(), self.events
        saved = self._saved(ending)
        self._dirty, self.events = False, 0
        limit_s = self._settings.commit_timeout_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                await self.ledger.commit(saved, ending=ending)
        except TimeoutError as error:
            if not limit.expired():
                raise
            message = f"a commit had no end within {limit_s:g} s: the broker has aborted its transaction by then"
            raise TimeoutError(message) from error
        self.committed_at = self._now()
        self.on_commit(self, events, time.perf_counter() - started)

    def _saved(self, ending: bool) -> Saved:
        positions = list(self.positions)
        snapshot = None
        if self.fold.snapshots and (ending or time.monotonic() >= self._snapshot_due):
            snapshot = self.fold.snapshot()
            self._snapshot_at = positions
            self._snapshot_due = time.monotonic() + self._settings.snapshot_interval_s
        low = self._snapshot_at if self.fold.snapshots else self.fold.low()
        return Saved(self.fold.save(), positions, low, snapshot, self.fold.replays())

    # Death

    def give_up(self, error: Exception) -> None:
        """Be dead from now on, and say why."""
        if not self.dead:
            self.dead = True
            self._feeding.stop()
            self._fail(self, error)

    async def close(self, *, drain: bool = False) -> None:
        """Give the partition up: with ``drain`` the last interval is committed first, without it is lost to the next shard."""
        self._stopping.set()
        if drain and self._task is not None and not self.dead:
            await asyncio.wait([self._task], timeout=_DRAIN_SECONDS)
        self.dead = True
        self._feeding.stop()
        self._questions.cancel()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        try:
            await asyncio.wait_for(self.ledger.close(), _DRAIN_SECONDS)
        except Exception as error:  # noqa: BLE001  it is given up anyhow; the next one fences it
            log.warning("ledger did not close", partition=self.partition, error=repr(error))


def wait_s(interval_s: float, took_s: float) -> float:
    """From the end of one commit to the beginning of the next.

    An interval is counted from the beginning of a quick commit, so that an answer waits no longer than it says. A slow one
    shows that worker or broker have enough to do: then it is counted from the end.
    """
    return interval_s - took_s if took_s < _QUICK * interval_s else interval_s
