"""What an uncrashed `detect` says of the same `pairs` and `outcomes.placed`: its fold, fed offline, and the bytes side by side.

Nothing of Kafka, of checkpoints or of the runner is in here. The logs are cut anew and interleaved, at random: neither the cuts
nor the crashes of the service may be seen in what it wrote. What outcomes say is compared signal by signal, since how far the two
logs had been read when each was said stands in neither.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import zip_longest

from agents.detect import DetectFold
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Headers, Run, at_once
from schemas.limits import Limits
from tests.integration.committed import Seen

Statement = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]
#: Longer than any fold waits for company on a silent log.
_LONG_IDLE_MS = 3_600_000
_KINDS = (b'"signal":{"kind":"error"', b'"signal":{"kind":"kpi"')


class _Statements:
    def __init__(self) -> None:
        self.sent: list[Statement] = []

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if topic != "outcomes.placed":  # when pairs are marked depends on when they are looked at
            assert topic == "drift.statistics", topic
            self.sent.append((key, value, tuple(headers)))


class _Log:
    """One side's records, and how far they were taken."""

    def __init__(self, records: Sequence[Seen]) -> None:
        self.records, self.at, self.end = records, 0, 0

    @property
    def is_read(self) -> bool:
        return self.at == len(self.records)

    def feed(self, fold: DetectFold, side: int, count: int, out: _Statements) -> bool:
        records = self.records[self.at : self.at + count]
        run = Run(records)  # type: ignore[arg-type]  # a header without a value is bytes elsewhere
        run.start, run.end = self.end, records[-1].offset + 1
        taken = fold.feed(side, run, out)
        if not isinstance(taken, int):
            at_once(taken)
            taken = len(records)
        if taken:
            self.at, self.end = self.at + taken, records[taken - 1].offset + 1
        return taken > 0


def recomputed(
    pairs: Sequence[Seen],
    placed: Sequence[Seen],
    partition: int,
    prefix: str,
    drift_for: Callable[[str], DriftConfig],
    seed: int,
) -> list[Statement]:
    """The statistics of one partition of ``pairs`` and ``outcomes.placed``, whose committed records these are."""
    rng, out = random.Random(seed), _Statements()
    topics = (f"{prefix}pairs", f"{prefix}outcomes")
    fold = DetectFold(partition, topics=topics, drift_config_for=drift_for, place_of=lambda *_: partition, limits=Limits())
    fold.restore(None, None, [0, 0, 0])
    fold.rebuilt()
    logs, refused = {0: _Log(pairs), 2: _Log(placed)}, 0
    while unread := [side for side, log in logs.items() if not log.is_read]:
        side = rng.choice(unread)
        fold.sees_ends([logs[0].is_read, True, logs[2].is_read], 0)
        refused = 0 if logs[side].feed(fold, side, rng.randint(1, 1_500), out) else refused + 1
        assert refused < 1_000, "neither log is taken any further"
    fold.idle([_LONG_IDLE_MS] * 3, out)
    return out.sent


def first_difference(written: Sequence[Seen], expected: Sequence[Statement]) -> str | None:
    """Where two sequences part, in words; None where they are equal to the last byte."""
    said, wanted = _ordered([(record.key, record.value, record.headers) for record in written]), _ordered(expected)
    if said == wanted:
        return None
    number, (one, other) = next((k, both) for k, both in enumerate(zip_longest(said, wanted)) if both[0] != both[1])
    return f"{len(said)} written, {len(wanted)} recomputed; number {number} is\n    {one}\n    in place of\n    {other}"


def _ordered(statements: Sequence[Statement]) -> list[Statement]:
    """What pairs alone say as it is; then what outcomes say, by key."""
    of_outcomes = [any(kind in (value or b"") for kind in _KINDS) for _, value, _ in statements]
    last = [one for one, is_last in zip(statements, of_outcomes, strict=True) if is_last]
    return [one for one, is_last in zip(statements, of_outcomes, strict=True) if not is_last] + sorted(last, key=_key)


def _key(statement: Statement) -> bytes:
    return statement[0] or b""


def of_detect(record: Seen) -> bool:
    """Whether detect wrote it; the pair role's counts lie in the same topic."""
    return record.header("ce_source") == "/gnomon/detect"
