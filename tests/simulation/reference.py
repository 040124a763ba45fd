"""What an uncrashed run writes: the same fold, fed the same logs, without Kafka, checkpoints or the runner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agents.pair import INPUTS, ModelRules, PairFold
from app.folds.fold import Headers, Run
from schemas.limits import Limits
from tests.simulation.logs import InputLog
from tests.simulation.plan import Plan
from tests.simulation.workload import START_MS

__all__ = ["Said", "pair_fold", "said_uncrashed"]

_LIMITS = Limits()


class _Counts(Struct):
    read: int
    late: int
    duplicate: int
    rejected: int
    paired: int
    partial: int
    legacy_only: int
    shadow_only: int
    solo: int


class _Window(Struct):
    start: int


class _Statistics(Struct):
    model: str
    window: _Window
    statistics: _Counts


_statistics = msgspec.json.Decoder(_Statistics).decode


class Said:
    """An outbox that keeps records and dead letters as they are, and adds up the counts of each model and minute.

    But for the words in which a dead letter explains itself: which of two reasons for being late is found first depends on
    which log is ahead.
    """

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []
        self.counts: Counter[tuple[str, int, str]] = Counter()

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if topic != "drift.statistics":
            self.records.append((topic, key, value, [header for header in headers if header[0] != "detail"]))
            return
        found = _statistics(value or b"")
        for name, count in msgspec.structs.asdict(found.statistics).items():
            self.counts[found.model, found.window.start, name] += count

    def counted(self) -> dict[str, int]:
        """The counts over all minutes and models."""
        sums = dict.fromkeys(_Counts.__struct_fields__, 0)
        for (_, _, name), count in self.counts.items():
            sums[name] += count
        return sums

    def difference(self, other: Said) -> str | None:
        """Where the two do not say the same, in whatever order."""
        one, two = (sorted(each.records, key=repr) for each in (self, other))
        if one != two:
            return f"{[row for row in one if row not in two]} in place of {[row for row in two if row not in one]}"
        if +self.counts != +other.counts:
            return f"counts {self.counts - other.counts} in place of {other.counts - self.counts}"
        return None


def pair_fold(partition: int, plan: Plan) -> PairFold:
    """The fold of a partition, by the plan's settings."""
    rules = ModelRules(plan.shadows, 0.0, 1)
    return PairFold(partition, plan.partitions, INPUTS, plan.policy, lambda _: rules, _LIMITS, "", plan.refusals)


def said_uncrashed(partition: int, plan: Plan, logs: Sequence[InputLog]) -> Said:
    """One run over both logs as they are, and a long silence after it."""
    fold, said = pair_fold(partition, plan), Said()
    positions = [log.begin for log in logs]
    fold.restore(None, None, positions)
    fold.rebuilt()
    ends = [log.end for log in logs]
    refused = 0
    while positions != ends and refused < 4:
        refused += 1
        for side, log in enumerate(logs):
            run = Run(event for event in log.events if event.offset >= positions[side])
            run.start, run.end = positions[side], log.end
            fold.sees_ends([at >= end for at, end in zip(positions, ends, strict=True)], START_MS)
            taken = fold.feed(side, run, said)
            positions[side] = log.end if taken >= len(run) else run[taken].offset
            refused = 0 if taken or not run else refused
    for silent_ms in range(0, 3_600_000, 600_000):
        fold.sees_ends([True, True], START_MS + silent_ms)
        fold.idle([silent_ms, silent_ms], said)
    return said
