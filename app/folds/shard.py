"""One partition of one role at work: opened, rebuilt, live, given up.

The states and what leads from one to the next:

    opening     fence, read the checkpoint, restore the fold; the host then seeks each side to where it has to be read
    rebuilding  runs up to the checkpoint's position go into the fold in silence
    live        runs go in, outputs come out; once an interval a transaction
    dead        after any error, on revocation, at the end: nothing of it is used again

Where reading begins is decided in ``app.folds.opening``; runs wait in ``app.folds.intake`` until the fold takes them (it may want
to see another side first); what the broker says of the ends of the logs is in ``app.folds.log_ends``.

*Delivery guarantees.* What the fold is given between two commits, and what it says, is in one transaction with the positions
and its state. A shard that fails is dead at once, and the next one begins from what was committed; nothing is retried here.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from app.folds.fold import Fold, LogAnswer, LogQuery, Outbox, Run, Silent
from app.folds.intake import Intake
from app.folds.ledger import Ledger, Saved
from app.folds.log_ends import FetchState, Host, LogEnds
from app.folds.opening import beginning, is_of_another_log
from app.folds.questions import Questions

__all__ = ["FetchState", "Shard", "ShardSettings"]

log = structlog.get_logger(__name__)
#: How long a drain waits for the last transaction.
_DRAIN_SECONDS = 5.0


class ShardSettings(NamedTuple):
    """Seconds between two transactions, and between two snapshots."""

    commit_interval_s: float
    snapshot_interval_s: float


class Shard:
    """See the module's text. ``fail`` is told once, with the error; ``now`` is the wall clock in seconds."""

    def __init__(
        self,
        partition: int,
        fold: Fold,
        ledger: Ledger,
        topics: Sequence[str],
        host: Host,
        settings: ShardSettings,
        fail: Callable[["Shard", Exception], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.partition = partition
        self.fold, self.ledger, self.topics = fold, ledger, topics
        self._host, self._settings, self._fail, self._now = host, settings, fail, now
        self._intake = Intake(len(topics))
        self._log_ends = LogEnds(host, partition, len(topics), now)
        self.live = self.dead = False
        self._stopping = asyncio.Event()
        self.room = asyncio.Event()
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
        return self._intake.positions

    # Opening

    async def open(self) -> list[int]:
        """Fence and restore; where each side has to be read from."""
        saved = await self.ledger.open()
        spans = await self._host.log_spans(self.partition)
        if saved is not None and is_of_another_log(saved, spans):
            await self.ledger.discard()
            saved = await self.ledger.open()
        low, next_ = beginning(saved, spans, self.topics, self.partition)
        self._intake.begin(low, silent_until=next_)
        self._snapshot_at = low
        self.fold.restore(saved and saved.saved, saved and saved.snapshot, low)
        self._pump()
        return list(self.positions)

    # Reading, while it is rebuilt and while it lives

    def wants(self, side: int) -> bool:
        """Whether more of this side should be fetched."""
        return not self._intake.is_full(side) and (not self.live or self.fold.wants(side))

    def offer(self, side: int, run: Run) -> bool:
        """Take a run that begins where this side stands; False for any other, with a hole before it or from before a seek."""
        if self.dead or not self._intake.offer(side, run):
            return False
        self._log_ends.broken(side)
        self._pump()
        return True

    def expects(self, side: int) -> int:
        """The offset at which the next run of this side has to begin."""
        return self._intake.expects(side)

    def _pump(self) -> None:
        """Feed what the fold takes, side after side, until nothing moves."""
        moved = True
        while moved and not self.dead:
            moved = False
            for side in range(len(self.topics)):
                while self._feed(side):
                    moved = True
            if not self.live and all(self._intake.replayed()):
                self._go_live()
                moved = True

    def _feed(self, side: int) -> bool:
        """Feed the first run that waits on a side, as far as it is taken; whether anything moved."""
        run = self._intake.first(side, silent=not self.live)
        if run is None:
            return False
        self._tell_ends()
        events = self._intake.took(side, self.fold.feed(side, run, self._outbox()))
        if events is None:
            return False
        if self.live:
            self._dirty = True
            self.events += events
        return True

    def _tell_ends(self) -> None:
        ends, answered_ms = self._log_ends.look(self._intake.positions)
        self.fold.sees_ends(ends if self.live else self._intake.replayed(), answered_ms)

    def _outbox(self) -> Outbox:
        return self.ledger.outbox if self.live else Silent()

    def _go_live(self) -> None:
        self.fold.rebuilt()
        self.live = True
        self._log_ends.begin()
        self.committed_at = self._now()
        self._task = asyncio.create_task(self._work(), name=f"commits of partition {self.partition}")
        self.on_live(self)

    # Committing, while it lives

    async def _work(self) -> None:
        """Once an interval: let time pass, ask, commit; at the end once more."""
        try:
            while True:
                ending = await self._interval()
                if self.dead:  # what it holds may be half of something
                    return
                self._tick()
                if self._dirty:
                    await self._commit(ending)
                self.room.set()
                if ending:
                    return
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, this shard's state is not to be trusted any more
            self.give_up(error)

    async def _interval(self) -> bool:
        """Wait for the next commit; whether it is the last one."""
        try:
            await asyncio.wait_for(self._stopping.wait(), self._settings.commit_interval_s)
        except TimeoutError:
            return False
        return True

    def _tick(self) -> None:
        self._tell_ends()
        if self.fold.idle(self._log_ends.idle_ms(self.positions, self._intake.waiting()), self._outbox()):
            self._dirty = True
        self._pump()
        self._questions.ask(self.fold.questions())

    def _answered(self, query: LogQuery, answer: LogAnswer) -> None:
        if not self.dead:
            self.fold.answer(query, answer, self._outbox())
            self._dirty = True

    async def _commit(self, ending: bool) -> None:
        started, events = time.perf_counter(), self.events
        saved = self._saved(ending)
        self._dirty, self.events = False, 0
        await self.ledger.commit(saved)
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
            self.room.set()
            self._fail(self, error)

    async def close(self, *, drain: bool = False) -> None:
        """Give the partition up: with ``drain`` the last interval is committed first, without it is lost to the next shard."""
        self._stopping.set()
        if drain and self._task is not None and not self.dead:
            await asyncio.wait([self._task], timeout=_DRAIN_SECONDS)
        self.dead = True
        self.room.set()
        self._questions.cancel()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        try:
            await asyncio.wait_for(self.ledger.close(), _DRAIN_SECONDS)
        except Exception as error:  # noqa: BLE001  it is given up anyhow; the next one fences it
            log.warning("ledger did not close", partition=self.partition, error=repr(error))
