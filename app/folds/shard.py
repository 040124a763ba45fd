"""One partition of one role at work: opened, rebuilt, live, given up.

The states and what leads from one to the next:

    opening     fence, read the checkpoint, restore the fold; the host then seeks each side to where it has to be read
    rebuilding  runs up to the checkpoint's position go into the fold in silence
    live        runs go in, outputs come out; once an interval a transaction
    dead        after any error, on revocation, at the end: nothing of it is used again

Runs wait in an inbox for each side until the fold takes them (a fold may want to see the other side first) and are accepted
only where they begin at the position that the side stands at: whatever a buffer holds from before a seek falls to that rule.

*Delivery guarantees.* What the fold is given between two commits, and what it says, is in one transaction with the positions
and its state. A shard that fails is dead at once, and the next one begins from what was committed; nothing is retried here.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import structlog

from app.folds.fold import Fold, LogQuery, Outbox, Run, Silent
from app.folds.ledger import Ledger, Saved
from app.folds.silence import Silence

__all__ = ["FetchState", "LogCutError", "Shard", "ShardSettings"]

log = structlog.get_logger(__name__)
#: Runs of one side that wait before no more is fetched: some thousand records.
_RUNS_WAITING = 4
#: How long a drain waits for the last transaction.
_DRAIN_SECONDS = 5.0


class FetchState(NamedTuple):
    """What the broker's last answer for a partition said: where the log ends, and when that was (seconds, wall clock)."""

    end: int | None
    answered_at: float


class ShardSettings(NamedTuple):
    """Seconds between two transactions, and between two snapshots."""

    commit_interval_s: float
    snapshot_interval_s: float


class LogCutError(Exception):
    """The log no longer holds what has to be read; the message says which and how much is missing."""


class Host(Protocol):
    """What a shard needs to know of the consumer."""

    def fetch_state(self, side: int, partition: int) -> FetchState: ...
    async def log_spans(self, partition: int) -> list[tuple[int, int]]: ...


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
        sides = len(topics)
        self.positions = [0] * sides  # what the fold has taken
        self._received = [0] * sides  # what is in the inboxes besides
        self._next = [0] * sides  # up to where the rebuild is silent
        self._inboxes: list[deque[Run]] = [deque() for _ in range(sides)]
        self._silences = [Silence(now) for _ in range(sides)]
        self.live = self.dead = False
        self._stopping = asyncio.Event()
        self.room = asyncio.Event()
        self._dirty = False
        self._snapshot_at: list[int] | None = None
        self._snapshot_due = 0.0
        self._asked: dict[LogQuery, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self.opened_at = now()
        self.committed_at = now()
        self.events = 0  # since the last commit
        self.on_commit: Callable[[Shard, int, float], None] = lambda *_: None
        self.on_live: Callable[[Shard], None] = lambda _: None

    # Opening

    async def open(self) -> list[int]:
        """Fence and restore; where each side has to be read from."""
        saved = await self.ledger.open()
        spans = await self._host.log_spans(self.partition)
        begins = [begin for begin, _ in spans]
        if saved is not None and any(at > end for at, (_, end) in zip(saved.next, spans, strict=True)):
            await self.ledger.discard()  # of another log: the topic was made anew
            saved = await self.ledger.open()
        if saved is not None:
            self._check(saved, begins)
        if saved is None:
            self.positions = begins
            self._next = list(begins)
            self.fold.restore(None, None, begins)
        else:
            low = list(saved.low if saved.low is not None else saved.next)
            if any(at < begin for at, begin in zip(low, begins, strict=True)):
                # Nothing was left to wait for (``_check``). One log without the other would bring back halves of what was done.
                low = list(saved.next)
            self.positions = low
            self._next = list(saved.next)
            self.fold.restore(saved.saved, saved.snapshot, self.positions)
        self._received = list(self.positions)
        self._snapshot_at = list(self.positions)
        self._pump()
        return list(self.positions)

    def _check(self, saved: Saved, begins: Sequence[int]) -> None:
        """Raise ``LogCutError`` where the inputs' logs no longer hold what ``saved`` builds on."""
        low = saved.low if saved.low is not None else saved.next
        for topic, position, first, begin in zip(self.topics, saved.next, low, begins, strict=True):
            if position < begin or (first < begin and saved.replays):
                wanted = min(position, first) if saved.replays else position
                message = (
                    f"{topic}-{self.partition} begins at offset {begin}, but offset {wanted} on has to be read: "
                    f"{begin - wanted} records were deleted before they were used. Raise the topic's retention; to go on "
                    f"without them, reset the role's checkpoint"
                )
                raise LogCutError(message)

    # Reading

    def wants(self, side: int) -> bool:
        """Whether more of this side should be fetched."""
        return len(self._inboxes[side]) < _RUNS_WAITING and (not self.live or self.fold.wants(side))

    def offer(self, side: int, run: Run) -> bool:
        """Take a run that begins where this side stands; False for any other, with a hole before it or from before a seek."""
        received = self._received[side]
        if self.dead or run.start > received or run.end <= received:
            return False
        if run.start < received:
            run = _cut(run, received, run.end)
        self._received[side] = run.end
        self._silences[side].broken()
        self._inboxes[side].append(run)
        self._pump()
        return True

    def expects(self, side: int) -> int:
        """The offset at which the next run of this side has to begin."""
        return self._received[side]

    def _pump(self) -> None:
        """Feed what the fold takes, side after side, until nothing moves."""
        moved = True
        while moved and not self.dead:
            moved = False
            for side, inbox in enumerate(self._inboxes):
                while inbox and self._feed(side, inbox):
                    moved = True
            if not self.live and all(at >= until for at, until in zip(self.positions, self._next, strict=True)):
                self._go_live()
                moved = True

    def _feed(self, side: int, inbox: deque[Run]) -> bool:
        """Feed the first run of an inbox, as far as it is taken; whether anything moved."""
        run, until = inbox[0], self._next[side]
        if not self.live:
            if run.start >= until and run.end > run.start:
                return False
            if run.end > until:
                inbox[0] = _cut(run, run.start, until)
                inbox.insert(1, _cut(run, until, run.end))
                run = inbox[0]
        self.fold.sees_ends(self._ends(), self._answered_ms())
        taken = self.fold.feed(side, run, self._outbox())
        if taken is None or taken >= len(run):
            inbox.popleft()
            self._advance(side, run.end, len(run))
            return True
        if not taken:
            return False
        rest = run[taken].offset
        inbox[0] = _cut(run, rest, run.end)
        self._advance(side, rest, taken)
        return True

    def _advance(self, side: int, position: int, events: int) -> None:
        self.positions[side] = position
        if self.live:
            self._dirty = True
            self.events += events

    def _ends(self) -> list[bool]:
        if not self.live:
            return [at >= until for at, until in zip(self.positions, self._next, strict=True)]
        return [self._at_end(side) for side in range(len(self.positions))]

    def _answered_ms(self) -> int:
        states = [self._host.fetch_state(side, self.partition) for side in range(len(self.positions))]
        return int(max(state.answered_at for state in states) * 1000)

    def _at_end(self, side: int) -> bool:
        end = self._host.fetch_state(side, self.partition).end
        return end is not None and self.positions[side] >= end

    def _outbox(self) -> Outbox:
        return self.ledger.outbox if self.live else Silent()

    def _go_live(self) -> None:
        self.fold.rebuilt()
        self.live = True
        for silence in self._silences:
            silence.broken()
        self.committed_at = self._now()
        self._task = asyncio.create_task(self._work(), name=f"commits of partition {self.partition}")
        self.on_live(self)

    # Committing

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
        self.fold.sees_ends(self._ends(), self._answered_ms())
        if self.fold.idle(self._idle_ms(), self._outbox()):
            self._dirty = True
        self._pump()
        for query in self.fold.questions():
            if query not in self._asked:
                self._asked[query] = asyncio.create_task(self._answer(query))

    def _idle_ms(self) -> list[int | None]:
        idle: list[int | None] = []
        for side, silence in enumerate(self._silences):
            state = self._host.fetch_state(side, self.partition)
            lasts_ms = silence.lasts_ms(state.answered_at)
            at_end = state.end is not None and self.positions[side] >= state.end and not self._inboxes[side]
            idle.append(lasts_ms if at_end else None)
        return idle

    async def _answer(self, query: LogQuery) -> None:
        try:
            answer = await self.ledger.ask(query)
            if not self.dead:
                self.fold.answer(query, answer, self._outbox())
                self._dirty = True
        except Exception as error:  # noqa: BLE001  an answer that did not come is asked for again by the next shard
            self.give_up(error)
        finally:
            self._asked.pop(query, None)

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

    # Ending

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
        tasks = [*self._asked.values(), *([self._task] if self._task else [])]
        for task in tasks:
            if task is not asyncio.current_task():
                task.cancel()
        try:
            await asyncio.wait_for(self.ledger.close(), _DRAIN_SECONDS)
        except Exception as error:  # noqa: BLE001  it is given up anyhow; the next one fences it
            log.warning("ledger did not close", partition=self.partition, error=repr(error))


def _cut(run: Run, start: int, end: int) -> Run:
    """The part of a run that lies in ``[start, end)``."""
    part = Run(record for record in run if start <= record.offset < end)
    part.start, part.end = start, end
    return part
