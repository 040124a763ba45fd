"""The signals of one panel that a baseline has: they begin past their warm-up.

They all begin with the panel's first record, whether they have a value in it or not: a feature that was in the baseline and comes
no more is to be found missing. What else has a value is born with it, as ever.

When a worker restarts with another baseline than a signal had, or with none, the signal's panel begins anew (``differ``). No last
record is written: the signal goes on under its key, and its next record says how it stands against the new reference. An alert
that fired against the old one is resolved by that. Of a feature that is ignored from then on there is one (``last_words``).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from app.domain.detection.baseline import PanelKey
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.kernels import Kernels
from app.domain.detection.statistics_records import Source
from app.domain.detection.watched import Watched
from schemas.statistics import Role, Signal, SignalKind

__all__ = ["KnownSignals"]

_OF_FEATURES: tuple[SignalKind, ...] = ("feature", "missing")


class KnownSignals:
    """See the module's text; none without a baseline. ``version`` is empty for the inputs; ``ignored``: features."""

    def __init__(self, source: Source, role: Role, version: str, ignored: Iterable[str]) -> None:
        self._baseline = source.baseline
        self._key = PanelKey(role, version, None if source.segment is None else next(iter(source.segment.items())))
        signals = () if source.baseline is None else source.baseline.signals(self._key)
        self._ignored = {Signal(kind, name) for name in ignored for kind in _OF_FEATURES}
        self._signals = frozenset(signals) - self._ignored

    def __iter__(self) -> Iterator[Signal]:
        """Those that begin by themselves; a missing share begins with its feature."""
        return (signal for signal in self._signals if signal.kind != "missing")

    def begin(self, born: Sequence[Watched], kernels: Kernels, config: DriftConfig, part: float, time_ms: int) -> None:
        """Have those among the newly born that the baseline has begin past their warm-up. ``part``: each one's of the budget."""
        if self._baseline is None:
            return
        for one in born:
            if one.signal in self._signals:
                digest = kernels.begin(one, self._baseline.frozen(self._key, one.signal), config, part)
                one.baseline = self._baseline.named(digest)
                one.episode.enter("quiet", time_ms)
                one.live_row = kernels.row

    def differ(self, watched: Sequence[Mapping[str, Any]]) -> bool:
        """Whether one of these saved signals had another baseline than it is to have, or one that is gone; ignored ones aside."""
        id_ = None if self._baseline is None else self._baseline.id
        for one in watched:
            had, signal = one["baseline"].get("id", ""), Signal(one["kind"], one["name"])
            wanted = id_ if signal in self._signals else None
            if signal in self._ignored:
                continue
            if had != wanted and (wanted is not None or had.startswith("sha256:")):
                return True
        return False
