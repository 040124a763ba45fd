"""The pairing fold alone, on made-up logs, cut, crashed and kept waiting at random; and a second, simple account of it.

``expected_outcome`` knows nothing of the service: it sorts the records of each request by moment and applies the contract's
words one after another. ``Simulation`` drives the real thing.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy, PairingState
from app.domain.pairing.request import Request
from schemas.codec import PredictionDecoder
from schemas.limits import Limits

POLICY = PairingPolicy(window_ms=1_500, grace_ms=500, deduplication_ms=3_000)
START_MS = 1_700_000_000_000


@dataclass(slots=True)
class LogRecord:
    offset: int
    value: bytes
    arrival: int
    timestamp: int = START_MS
    key: bytes = b"k"
    headers: tuple = ()


@dataclass
class Recorder:
    """A sink that keeps what it is given, in the form in which it would be committed."""

    records: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)
    gaps: Counter = field(default_factory=Counter)

    def write(self, request: Request, status: str) -> None:
        halves = [] if request.legacy is None else [(0, request.legacy.source.offset)]
        halves += [(1, half.source.offset) for half in request.shadows]
        self.records.append((request.model.name, request.request_id, status, request.opening, tuple(sorted(halves))))

    def refuse(self, side, record, reason, detail) -> None:
        self.refused.append((side, record.offset, reason))

    def count(self, minute, cells) -> None:
        for name, cell in cells.items():
            for what in ("read", "paired", "partial", "legacy_only", "shadow_only", "solo", "late", "duplicate", "rejected"):
                self.counts[minute, name, what] += getattr(cell, what)
            for version, gap in cell.gaps.items():
                for what in ("compared", "ahead", "behind", "ahead_ms", "behind_ms"):
                    self.gaps[minute, name, version, what] += getattr(gap, what)

    def take(self, other: "Recorder") -> None:
        self.records += other.records
        self.refused += other.refused
        self.counts += other.counts
        self.gaps += other.gaps


class Nothing:
    def write(self, *_):
        pass

    refuse = count = write


def event(model: str, request: str, version: str, timestamp: int, prediction: float = 0.5) -> bytes:
    return msgspec.json.encode(
        {"request_id": request, "model": model, "version": version, "timestamp": timestamp, "prediction": prediction}
    )


def make_logs(
    rng: random.Random, requests: int, versions: tuple[str, ...], farthest_ms: int = 9_000
) -> tuple[list[LogRecord], list[LogRecord]]:
    """Two logs with jitter, copies, halves that are missing, far too late, far too old, poison, and ids that come again."""
    rows: list[tuple[int, int, bytes]] = []  # arrival, side, value
    now = START_MS
    for number in range(requests):
        now += rng.choice((1, 5, 20, 60, 60, 400))
        name, request = f"m{number % 2}", f"r{number if rng.random() < 0.98 else rng.randrange(number + 1)}"
        sides = [(0, "1")] + [(1, version) for version in versions]
        if rng.random() < 0.2:
            sides = rng.sample(sides, rng.randrange(1, len(sides) + 1))
        old = rng.choice((0, 0, 0, 0, 0, farthest_ms // 2))
        for side, version in sides:
            jitter = rng.choice((0, 0, 0, -30, -300, 40, 900))
            value = event(name, request, version, now + jitter - old)
            delay = rng.choice((0, 0, 5, 100, 800)) if rng.random() < 0.97 else rng.choice((2_500, farthest_ms))
            rows.append((now + delay, side, value))
            if rng.random() < 0.06:
                again = event(name, request, version, now + jitter, 0.7) if rng.random() < 0.3 else value
                rows.append((now + delay + rng.choice((0, 200, 2_000, 4_500, farthest_ms + 2_000)), side, again))
        if rng.random() < 0.02:
            rows.append((now, rng.randrange(2), b"{" if rng.random() < 0.5 else b'{"model":"m0"}'))
    rows.sort(key=lambda row: row[0])
    logs: tuple[list[LogRecord], list[LogRecord]] = ([], [])
    for arrival, side, value in rows:
        log = logs[side]
        log.append(LogRecord(len(log) * 2, value, arrival))  # every second offset is a hole
    return logs


def expected_outcome(logs, versions: tuple[str, ...], policy: PairingPolicy = POLICY):
    """``(records, refused)`` as the contract has it, request by request, with both logs in sight."""
    wait, horizon = policy.wait_ms, policy.deduplication_ms
    rows: dict[tuple[str, str], list] = {}
    refused = []
    for side, log in enumerate(logs):
        top = -1
        for record in log:
            try:
                body = msgspec.json.decode(record.value)
                key = (body["model"], body["request_id"])
            except (msgspec.DecodeError, KeyError):
                refused.append((side, record.offset, None))
                continue
            top = max(top, body["timestamp"])
            who = "legacy" if side == 0 else body["version"]
            rows.setdefault(key, []).append((top, side, record.offset, body["timestamp"], who))
    records = []
    for (model, request), halves in rows.items():
        group: dict[str, tuple] = {}
        limit = opening = last = 0
        done, known = True, set()
        for moment, side, offset, timestamp, who in sorted(halves):
            expiry = (last if done else max(limit, last)) + horizon
            if not group or moment > expiry:
                if group:
                    records.append((model, request, group, opening))
                group, limit, opening, last, done = {}, timestamp + wait, timestamp, moment, False
                known = set()
            elif who in known:
                refused.append((side, offset, "duplicate"))
                continue
            elif done or moment > limit:
                refused.append((side, offset, "late"))
                known.add(who)
                continue
            group[who] = (side, offset)
            known.add(who)
            opening, limit, last = min(opening, timestamp), min(limit, timestamp + wait), moment
            done = all(name in group for name in ("legacy", *versions))
        records.append((model, request, group, opening))
    named = [(m, r, _status(g, versions), o, tuple(sorted(g.values()))) for m, r, g, o in records]
    return sorted(named), sorted(refused, key=lambda row: row[:2])


def _status(group, versions: tuple[str, ...]) -> str:
    if "legacy" not in group:
        return "shadow_only"
    found = [version in group for version in versions]
    if all(found):
        return "paired" if len(group) > 1 else "solo"
    return "partial" if any(found) else "legacy_only"


class Simulation:
    """One worker after another on the same logs: each reads, commits at times, and dies at times."""

    def __init__(self, rng: random.Random, logs, shadows, *, crashes: float = 0.04, silences: bool = True) -> None:
        self.rng, self.logs, self.shadows = rng, logs, shadows
        self.crash_share, self.silences = crashes, silences
        self.committed = Recorder()
        self.checkpoint: tuple[list[int], list[int], bytes] | None = None  # next, low, state
        self.crashes = 0
        self.decode = PredictionDecoder(Limits())
        self.policies = [POLICY]

    def run(self) -> Recorder:
        self._start()
        while not self._step():
            pass
        return self.committed

    def choose_shadows(self):
        """What the configuration of the next worker says."""
        return self.shadows

    @staticmethod
    def _expecting(shadows):
        return lambda _: shadows

    def _pairing(self, state: PairingState | None, positions) -> Pairing:
        return Pairing(
            self.rng.choice(self.policies),
            self._expecting(self.choose_shadows()),
            self.decode,
            lambda *_: False,
            state,
            positions,
        )

    def _start(self) -> None:
        if self.checkpoint is None:
            self.next = [0, 0]
            self.pairing = self._pairing(None, (0, 0))
            self.pairing.rebuilt(Nothing())
        else:
            following, low, saved = self.checkpoint
            self.next = list(low)
            self.pairing = self._pairing(msgspec.json.decode(saved, type=PairingState), low)
            self._rebuild(following)
            self.pairing.rebuilt(Nothing())
        self.pending = Recorder()
        self.clock = START_MS
        self.moved = [self.clock, self.clock]

    def _rebuild(self, following) -> None:
        for _ in range(100_000):
            self.pairing.ends = [self.next[side] >= following[side] for side in (0, 1)]
            if all(self.pairing.ends):
                return
            side = self.rng.choice([side for side in (0, 1) if self.next[side] < following[side]])
            self._feed(side, following[side], Nothing())
        raise AssertionError("the rebuild stands still")

    def _feed(self, side: int, limit: int, sink) -> None:
        log = self.logs[side]
        first = (self.next[side] + 1) // 2
        last = min(first + self.rng.randint(1, 30), (limit + 1) // 2)
        run = log[first:last]
        end = min(last * 2, limit) if run else limit
        taken = self.pairing.feed(side, run, end, sink)
        self.next[side] = run[taken].offset if taken < len(run) else end

    def _visible(self, side: int) -> int:
        """The log's end as of now: twice the number of records that have arrived."""
        log = self.logs[side]
        low, high = 0, len(log)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if log[middle].arrival <= self.clock else (low, middle)
        return low * 2

    def _step(self) -> bool:
        rng = self.rng
        self.clock += rng.choice((0, 0, 5, 30, 300) if self.silences else (0, 50_000_000))
        ends = [self._visible(side) for side in (0, 1)]
        everything = all(ends[side] == len(self.logs[side]) * 2 for side in (0, 1)) and self.next == ends
        self.pairing.ends = [self.next[side] >= ends[side] for side in (0, 1)]
        if everything:
            self.clock += 10_000
        side = rng.randrange(2)
        if self.next[side] < ends[side]:
            before = self.next[side]
            self._feed(side, ends[side], self.pending)
            if self.next[side] != before:
                self.moved[side] = self.clock
        if (self.silences and rng.random() < 0.3) or everything:
            idle = [self.clock - self.moved[s] if self.next[s] >= ends[s] else None for s in (0, 1)]
            changed = self.pairing.idle(self.clock, idle, self.pending)
            if everything and not changed and not self.pairing.book.waiting:
                self._commit()
                return True
        assert self.pairing.book.totals.figures(self.pairing.book.waiting)["unaccounted"] == 0
        if rng.random() < 0.2:
            self._commit()
        if rng.random() < self.crash_share:
            self.crashes += 1
            clock = self.clock
            self._start()
            self.clock = clock
            self.moved = [clock, clock]
        return False

    def _commit(self) -> None:
        low = self.pairing.low()
        self.checkpoint = (list(self.next), low, msgspec.json.encode(self.pairing.state(low)))
        self.committed.take(self.pending)
        self.pending = Recorder()
