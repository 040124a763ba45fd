"""What an uncrashed `detect` says of the same `pairs`: its fold, fed offline from the log, and the bytes side by side.

Nothing of Kafka, of checkpoints or of the runner is in here. The log is cut anew, at random: neither the cuts nor the crashes of
the service may be seen in what it wrote.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import zip_longest

from agents.detect import DetectFold
from app.domain.detection.drift_config import DriftConfig
from app.folds.fold import Headers, Run, at_once
from schemas.limits import Limits
from tests.integration.committed import Seen

Statement = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]
#: Longer than any fold waits for company on a silent log.
_LONG_IDLE_MS = 3_600_000


class _Statements:
    def __init__(self) -> None:
        self.sent: list[Statement] = []

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        assert topic == "drift.statistics", topic
        self.sent.append((key, value, tuple(headers)))


def recomputed(pairs: Sequence[Seen], partition: int, prefix: str, drift: DriftConfig, seed: int) -> list[Statement]:
    """The statistics of one partition of ``pairs``, whose committed records these are."""
    rng, out = random.Random(seed), _Statements()
    topics = (f"{prefix}pairs", f"{prefix}outcomes")
    fold = DetectFold(partition, topics=topics, drift_config_for=lambda _: drift, limits=Limits())
    fold.restore(None, None, [0, 0])
    fold.rebuilt()
    at = end = 0
    while at < len(pairs):
        records = pairs[at : at + rng.randint(1, 1_500)]
        run = Run(records)  # type: ignore[arg-type]  # a header without a value is bytes elsewhere
        run.start, run.end = end, records[-1].offset + 1
        at_once(fold.feed(0, run, out))
        at, end = at + len(records), run.end
    fold.idle([_LONG_IDLE_MS, _LONG_IDLE_MS], out)
    return out.sent


def first_difference(written: Sequence[Seen], expected: Sequence[Statement]) -> str | None:
    """Where two sequences part, in words; None where they are equal to the last byte."""
    said = [(record.key, record.value, record.headers) for record in written]
    if said == list(expected):
        return None
    number, (one, other) = next((k, both) for k, both in enumerate(zip_longest(said, expected)) if both[0] != both[1])
    return f"{len(said)} written, {len(expected)} recomputed; number {number} is\n    {one}\n    in place of\n    {other}"


def of_detect(record: Seen) -> bool:
    """Whether detect wrote it; the pair role's counts lie in the same topic."""
    return record.header("ce_source") == "/gnomon/detect"
