"""A fold that counts, a ledger and a host in memory: what the runner is tested with, without a broker. Fakes with lists."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from app.folds.fold import Headers, LogAnswer, LogQuery, Outbox, Run, Steps
from app.folds.ledger import Saved
from app.folds.log_ends import FetchState
from app.folds.shard import Shard, ShardSettings

TOPICS = ("left", "right")
INTERVAL_S = 0.005


class Entry(NamedTuple):
    """A record of an input."""

    offset: int
    timestamp: int = 0
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: Sequence[tuple[str, bytes]] = ()


def run(start: int, end: int, *offsets: int) -> Run:
    """The stretch ``[start, end)``; with no offsets named, every one of them is a record."""
    made = Run(Entry(offset) for offset in (offsets or range(start, end)))
    made.start, made.end = start, end
    return made


class CountingFold:
    """Sends ``side:offset:n`` for each record, ``n`` counting all that it was ever fed. ``reach``: how far back ``low`` lies.

    With ``in_steps`` it does so a record a step.
    """

    def __init__(
        self, *, snapshots: bool = False, reach: int | None = None, replays: bool = True, in_steps: bool = False
    ) -> None:
        self.snapshots, self.reach, self._replays, self.in_steps = snapshots, reach, replays, in_steps
        self.in_hand = 0
        self.fed: list[tuple[int, list[int]]] = []
        self.calls: list[str] = []
        self.ends: list[list[bool]] = []
        self.idles: list[Sequence[int | None]] = []
        self.asks: list[LogQuery] = []
        self.answers: list[LogAnswer] = []
        self.takes: Callable[[int, Run], int | None] = lambda side, run: None
        self.pauses_s: dict[int, float] = {}
        self.count = 0
        self.positions = [0, 0]

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        self.calls.append("restore")
        self.count = int(snapshot or 0)
        self.positions = list(position)

    def feed(self, side: int, run: Run, out: Outbox) -> int | Steps | None:
        assert not self.in_hand, "fed in the middle of another run"
        taken = self.takes(side, run)
        records: Sequence[Any] = run if taken is None else run[:taken]
        if records or taken is None:
            self.fed.append((side, [record.offset for record in records]))
        self.positions[side] = run.end if taken is None or taken >= len(run) else run[taken].offset
        steps = self._steps(side, records, out)
        if self.in_steps and taken is None:
            self.in_hand = 1
            return steps
        for _ in steps:
            pass
        return taken

    def _steps(self, side: int, records: Sequence[Any], out: Outbox) -> Steps:
        for record in records:
            self.count += 1
            out.send("out", 0, None, b"%d:%d:%d" % (side, record.offset, self.count), [])
            yield
        self.in_hand = 0

    def rebuilt(self) -> None:
        self.calls.append("rebuilt")

    def idle(self, idle_ms: Sequence[int | None], out: Outbox) -> bool:
        assert not self.in_hand
        self.idles.append(list(idle_ms))
        return False

    def wants(self, side: int) -> bool:
        return True

    def pause_s(self, side: int) -> float:
        return self.pauses_s.pop(side, 0.0)

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        self.ends.append(list(ends))

    def save(self) -> bytes:
        assert not self.in_hand, "saved in the middle of a run"
        return json.dumps({"count": self.count}).encode()

    def low(self) -> Sequence[int] | None:
        return None if self.reach is None else [max(0, at - self.reach) for at in self.positions]

    def replays(self) -> bool:
        return self._replays

    def snapshot(self) -> bytes | None:
        return b"%d" % self.count if self.snapshots else None

    def questions(self) -> Sequence[LogQuery]:
        return list(self.asks)

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        assert not self.in_hand
        self.asks.remove(query)
        self.answers.append(answer)
        out.send("out", 0, None, b"answer", [])

    def figures(self) -> dict[str, float]:
        return {"count": float(self.count)}


@dataclass
class Store:
    """What was committed, whoever committed it; the epoch shuts out whoever came before."""

    outputs: list[bytes] = field(default_factory=list)
    commits: list[Saved] = field(default_factory=list)
    saved: Saved | None = None
    epoch: int = 0
    discarded: int = 0
    closed: int = 0
    #: Raised by the next commit, and whether the commit is in the log all the same.
    fails: tuple[Exception, bool] | None = None
    #: A commit has no end.
    hangs: bool = False
    gate: asyncio.Event | None = None


class FencedError(Exception):
    """Somebody else has opened the ledger since."""


class MemoryLedger:
    """One opening of a ``Store``."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pending: list[bytes] = []
        self._epoch = 0

    @property
    def outbox(self) -> Outbox:
        return self

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self._pending.append(value or b"")

    def backlog(self) -> int:
        return len(self._pending)

    async def open(self) -> Saved | None:
        self._store.epoch += 1
        self._epoch = self._store.epoch
        if self._store.gate is not None:
            await self._store.gate.wait()
        return self._store.saved

    def owes(self, *, ending: bool) -> bool:
        return False

    async def commit(self, saved: Saved, *, ending: bool) -> None:
        store, pending = self._store, self._pending
        self._pending = []
        if store.epoch != self._epoch:
            raise FencedError
        if store.hangs:
            await asyncio.Event().wait()
        fails, store.fails = store.fails, None
        if fails is None or fails[1]:
            store.outputs += pending
            store.commits.append(saved)
            before = store.saved.snapshot if store.saved else None
            store.saved = saved._replace(snapshot=saved.snapshot if saved.snapshot is not None else before)
        if fails is not None:
            raise fails[0]

    async def ask(self, query: LogQuery) -> LogAnswer:
        if query.key == b"unanswerable":
            raise OSError(query.key)
        return LogAnswer(query.end - query.start, "sha256:0", complete=True)

    async def discard(self) -> None:
        self._store.discarded += 1
        self._store.saved = None

    async def close(self) -> None:
        self._store.closed += 1


@dataclass
class FakeHost:
    """The consumer: spans and last answers are what a test says they are."""

    spans: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0), (0, 0)])
    states: list[FetchState] = field(default_factory=lambda: [FetchState(None, 0.0)] * 2)
    seeks: list[dict[TopicPartition, int]] = field(default_factory=list)
    ours: set[TopicPartition] = field(default_factory=set)

    def fetch_state(self, side: int, partition: int) -> FetchState:
        return self.states[side]

    async def log_spans(self, partition: int) -> list[tuple[int, int]]:
        return self.spans

    def assigned(self) -> set[TopicPartition]:
        return self.ours

    async def seek(self, positions: dict[TopicPartition, int]) -> None:
        self.seeks.append(positions)


@dataclass
class Bench:
    """Everything that a shard stands on, and the errors that it has told."""

    fold: CountingFold = field(default_factory=CountingFold)
    store: Store = field(default_factory=Store)
    host: FakeHost = field(default_factory=FakeHost)
    errors: list[Exception] = field(default_factory=list)
    clock: Callable[[], float] = lambda: 0.0
    snapshot_interval_s: float = 1e9
    commit_timeout_s: float | None = None

    def shard(self, fold: CountingFold | None = None, fail: Any = None, partition: int = 0) -> Shard:
        """A shard that is not open yet."""
        self.fold = fold or self.fold
        settings = ShardSettings(INTERVAL_S, self.snapshot_interval_s, self.commit_timeout_s)
        told = fail or (lambda _, error: self.errors.append(error))
        return Shard(partition, self.fold, MemoryLedger(self.store), TOPICS, self.host, settings, told, self.clock)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Let everything else run until it is so."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  the condition is any
            await asyncio.sleep(0.001)
