"""Two logs as a live shard makes them: pairs, and outcomes with the marks that it writes between them; and readers of both."""

import random
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from agents.detect import DetectFold
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.placed_outcomes import encode_outcome
from app.folds.fold import Outbox as OutboxPort
from app.folds.fold import Run, Silent, at_once
from schemas.prediction import Outcome
from tests.detectors.stream import START_MS, Entry, Outbox, Sent, fold

PAIRS, PLACED = 0, 2
CONFIG = DriftConfig(warm_up=1_000, label_delay_ms=10_000, label_pairs=4_000)
#: Of the 1,000 pairs of ten seconds half may wait, or a quarter while some of them come late.
THIN = DriftConfig(warm_up=1_000, label_delay_ms=20_000, label_pairs=1_000)


def outcome(number: int, label: bool | float | str, timestamp: int | None = None, **fields: object) -> Entry:
    """An outcome of the pair of this number as it was placed; its offset is given when it is written."""
    time_ms = START_MS + 10 * number + 3_000 if timestamp is None else timestamp
    body = {"request_id": f"r-{number:07d}", "model": "credit", "timestamp": time_ms, "label": label} | fields
    value = msgspec.convert(body, Outcome)
    return Entry(-1, 0, value.request_id.encode(), encode_outcome(number % 3, value))


def run_of(records: Sequence[Entry], start: int, end: int) -> Run:
    run = Run(records)
    run.start, run.end = start, end
    return run


class Worker:
    """A fold over two logs that may grow: reads, commits, dies, and comes back from what it committed."""

    def __init__(self, config: DriftConfig, logs: dict[int, list[Entry]]) -> None:
        self.config, self.logs = config, logs
        self.said = Outbox()
        self.position = {PAIRS: 0, PLACED: 0}
        self._committed: tuple[dict[int, int], bytes | None] = (dict(self.position), None)
        self._snapshot: tuple[dict[int, int], bytes | None] = (dict(self.position), None)
        self._uncommitted = Outbox()
        self.fold = self._opened()

    def _opened(self) -> DetectFold:
        made = fold(self.config, self._snapshot[1], self._committed[1])
        at = self._snapshot[0]
        made.restore(self._committed[1], self._snapshot[1], (at[PAIRS], 0, at[PLACED]))
        return made

    def ends(self, until: dict[int, int]) -> list[bool]:
        return [self.position[PAIRS] >= until[PAIRS], True, self.position[PLACED] >= until[PLACED]]

    def read(self, side: int, count: int, out: OutboxPort | None = None, until: dict[int, int] | None = None) -> bool:
        """Up to so many records of a side; whether anything was taken."""
        until = {each: len(log) for each, log in self.logs.items()} if until is None else until
        begin = self.position[side]
        records = self.logs[side][begin : min(begin + count, until[side])]
        if not records:
            return False
        self.fold.sees_ends(self.ends(until), 0)
        taken = self.fold.feed(side, run_of(records, begin, begin + len(records)), self._uncommitted if out is None else out)
        if not isinstance(taken, int):
            at_once(taken)
            taken = len(records)
        self.position[side] += taken
        return taken > 0

    def commit(self, *, snapshot: bool) -> None:
        """What was said becomes part of the logs, with the positions."""
        if snapshot:
            self._snapshot = dict(self.position), self.fold.snapshot()
        self._committed = dict(self.position), self.fold.save()
        placed = self.logs[PLACED]
        placed += [Entry(len(placed) + at, 0, one.key, one.value) for at, one in enumerate(self._uncommitted.placed)]
        self.said += self._uncommitted
        self._uncommitted = Outbox()

    def die(self, rng: random.Random) -> None:
        """Lose what was not committed, and be rebuilt in silence, the logs read in whatever order."""
        self._uncommitted = Outbox()
        self.fold, self.position = self._opened(), dict(self._snapshot[0])
        until = self._committed[0]
        self.read_all(rng, Silent(), until)
        self.fold.rebuilt()

    def read_all(self, rng: random.Random, out: OutboxPort | None = None, until: dict[int, int] | None = None) -> None:
        """All there is, the two logs in a random order."""
        until = {each: len(log) for each, log in self.logs.items()} if until is None else until
        refused = 0
        while self.position != until:
            side = rng.choice([side for side in until if self.position[side] < until[side]])
            refused = 0 if self.read(side, rng.choice([1, 7, 200, 5_000]), out, until) else refused + 1
            assert refused < 200, f"neither log is taken any further: {self.position} of {until}"

    def look_at_the_rest(self) -> None:
        """What is held on a silent log is looked at."""
        self.fold.idle((60_000,) * 3, self._uncommitted)


def live(pairs: Sequence[Entry], outcomes: dict[int, list[Entry]], config: DriftConfig, seed: int, deaths: int = 0) -> Worker:
    """A worker to which pairs come, and to whose log others write the outcomes that are due at each pair's number."""
    rng = random.Random(seed)
    worker = Worker(config, {PAIRS: [], PLACED: []})
    worker.fold.rebuilt()
    written, died = 0, 0
    while written < len(pairs):
        count = rng.choice([1, 20, 300])
        fresh = pairs[written : written + count]
        worker.logs[PAIRS] += fresh
        placed = worker.logs[PLACED]
        for number in range(written, written + len(fresh)):
            placed += [one._replace(offset=len(placed) + at) for at, one in enumerate(outcomes.get(number, []))]
        written += len(fresh)
        for _ in range(rng.randrange(4)):
            worker.read(rng.choice([PAIRS, PLACED]), rng.choice([1, 50, 1_000]))
        if rng.random() < 0.3:
            worker.look_at_the_rest()
        worker.commit(snapshot=rng.random() < 0.1)
        if died < deaths and rng.random() < 0.05:
            died += 1
            worker.read(rng.choice([PAIRS, PLACED]), 300)
            worker.die(rng)
    for _ in range(3):  # the last marks are read as well
        worker.read_all(rng)
        worker.look_at_the_rest()
        worker.commit(snapshot=False)
    return worker


def by_key(sent: Sequence[Sent]) -> dict[tuple[str, bytes], list[Sent]]:
    """What was said of each signal, in order: that of two signals may come either way round."""
    said = defaultdict(list)
    for one in sent:
        said[one.body["role"], one.key or b""].append(one)
    return dict(said)
