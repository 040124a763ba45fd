"""One row of the contest: the same seeded streams for the product and its rivals, and what each of them said.

Seed and row's name make the stream, so any row can be run again by itself. The rows of a stream are counted from the end of its
warm-up; a change comes after ``AFTER`` of them.
"""

import time
import zlib
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, field

from tests.benchmarks.detection.contestants import (
    CATEGORY_RIVALS,
    KSWIN,
    KSWIN_ROWS,
    NUMBER_RIVALS,
    SHARE_RIVALS,
    Rival,
    product,
)
from tests.benchmarks.detection.streams import AFTER, CHANGES, NULLS, Change, Null, Values, steady

__all__ = ["OURS", "ROWS", "Heard", "Task", "run"]

OURS = "gnomon"
ROWS: dict[str, Null | Change] = {row.name: row for row in (*NULLS, *CHANGES)}
NULL_ROWS = 30_000
#: Rows after a change in which it has to be found.
LATER = 15_000


class Task(Struct):
    """Some repetitions of one row."""

    row: str
    seeds: list[int]
    budget: float
    rivals: bool


class Heard(Struct):
    """What one contestant said in some repetitions: how often without cause, and how late of each change that it found.

    ``values``: those without a change, from the warm-up's end on; ``fed``: all that it was given, in ``seconds`` of CPU.
    """

    repetitions: int = 0
    values: int = 0
    false_alarms: int = 0
    delays: list[int] = field(default_factory=list)
    fed: int = 0
    seconds: float = 0.0

    @property
    def missed(self) -> int:
        """Changes that it did not find."""
        return self.repetitions - len(self.delays)

    def add(self, other: "Heard") -> None:
        """More repetitions."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def _heard(alarms: list[list[int]], rows: int, fed: int, seconds: float, *, change: bool) -> Heard:
    """From the rows at which it alarmed, counted from the warm-up's end."""
    quiet = AFTER if change else rows
    heard = Heard(len(alarms), quiet * len(alarms), 0, [], fed, seconds)
    for each in alarms:
        heard.false_alarms += sum(row <= quiet for row in each)
        heard.delays += [row - quiet for row in each if row > quiet][:1]
    return heard


def stream(row: Null | Change, seed: int) -> Values:
    """One repetition."""
    rng = np.random.default_rng([seed, zlib.crc32(row.name.encode())])
    if isinstance(row, Null):
        return row.make(rng, row.warm_up + NULL_ROWS)
    return row.make(rng, row.warm_up + AFTER + LATER, row.warm_up + AFTER)


def _rivals(values: Values) -> dict[str, Rival]:
    if values.dtype == np.float64:
        return NUMBER_RIVALS
    return SHARE_RIVALS if values.dtype == np.bool_ else CATEGORY_RIVALS


def _run(rival: Rival, streams: Sequence[Values], warm_up: int, rows: int, *, change: bool) -> Heard:
    begun = time.process_time()
    alarms = [rival(values[: warm_up + rows], warm_up) for values in streams]
    fed = (warm_up + rows) * len(streams)
    return _heard(alarms, rows, fed, time.process_time() - begun, change=change)


def run(task: Task) -> dict[str, Heard]:
    """All contestants on these repetitions."""
    row = ROWS[task.row]
    streams = [stream(row, seed) for seed in task.seeds]
    rows = len(streams[0]) - row.warm_up
    clock = row.clock if isinstance(row, Null) else steady
    begun = time.process_time()
    change = isinstance(row, Change)
    alarms, fed = product(streams, clock(len(streams[0])), task.seeds[0], task.budget, row.warm_up, AFTER if change else None)
    heard = {OURS: _heard(alarms, rows, fed * len(streams), time.process_time() - begun, change=change)}
    if task.rivals:
        rivals = _rivals(streams[0])
        heard |= {name: _run(rival, streams, row.warm_up, rows, change=change) for name, rival in rivals.items()}
        if isinstance(row, Null) and rivals is NUMBER_RIVALS and 1 in task.seeds:
            heard["KSWIN"] = _run(KSWIN, streams[:2], row.warm_up, KSWIN_ROWS, change=False)
    return heard
