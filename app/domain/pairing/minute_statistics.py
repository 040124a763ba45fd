"""The counts of a minute as ``drift.statistics`` records of the kind ``pairing``.

One record a model; and one for each input topic that had events without a model (refused ones) or whose keys were looked at:
it has no model, its signal is named after the topic, and it lies where the topic's name is placed, so that all partitions'
findings about one producer meet.
"""

from collections.abc import Iterator
from typing import NamedTuple

from app.domain.pairing.pair_counts import MINUTE_MS, Cell
from schemas.offsets import OffsetRange, Window
from schemas.statistics import Coverage, Detector, DriftStatistics, Signal

__all__ = ["MinuteSource", "minute_statistics"]

_COUNTS = (
    "read",
    "paired",
    "partial",
    "legacy_only",
    "shadow_only",
    "solo",
    "late",
    "duplicate",
    "rejected",
    "misrouted",
    "sampled",
)
_DETECTOR = Detector("counts", "quiet", 0.0, 1.0)


class MinuteSource(NamedTuple):
    """Where the counts are from: names of the inputs, without and with prefix, the partition, the settings' digest, and one."""

    topics: tuple[str, ...]
    full_names: tuple[str, ...]
    partition: int
    configuration: str
    clock_skew_ms: int


def minute_statistics(source: MinuteSource, minute: int, cells: dict[str, Cell]) -> Iterator[tuple[str, str, DriftStatistics]]:
    """``(name to place it by, id, record)`` for each cell of one minute."""
    for name, cell in cells.items():
        topic = source.topics[int(name[1:])] if name.startswith("/") else ""
        model = "" if topic else name
        offsets = [
            OffsetRange(full_name, source.partition, start, end)
            for full_name, start, end in zip(source.full_names, cell.starts, cell.ends, strict=True)
            if 0 <= start < end
        ]
        window = Window(minute * MINUTE_MS, (minute + 1) * MINUTE_MS, cell.read)
        statistics = {what: getattr(cell, what) for what in _COUNTS}
        if cell.unexpected:
            statistics["unexpected"] = cell.unexpected
        if cell.paused:
            statistics["paused"] = cell.paused
        if cell.ahead.events:
            statistics["ahead"] = cell.ahead.figures(source.clock_skew_ms)
        if cell.gaps:
            statistics["clock_gaps"] = {version: gap.figures() for version, gap in sorted(cell.gaps.items())}
        record = DriftStatistics(
            model=model,
            version="",
            role="all",
            signal=Signal("pairing", topic),
            window=window,
            statistics=statistics,
            detector=_DETECTOR,
            coverage=Coverage(cell.paired, cell.partial, cell.legacy_only, cell.shadow_only),
            offsets=offsets,
            configuration=source.configuration,
        )
        place = "-".join(f"{row.start}.{row.end}" for row in offsets)
        yield topic or model, f"{record.key}/{window.start}-{window.end}/{source.partition}/{place}", record
