"""A model as a whole, and the parts of its traffic that are watched for themselves: requests that agree in a segment.

``drift.segments = ["channel"]`` names which. Each value of each of them has panels of its own, with warm-ups of its own, since
one channel's customers are not another's. A request whose segments lack the name is in none of its parts.

Bounded: ``config.segment_values`` values of each name, the first that come; pairs of further ones are counted in ``refused``.
Delivery guarantees: as of one ``ModelWatch``; what each part is fed depends on the log alone.
"""

from typing import Any

from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.watch import Looking, ModelWatch

__all__ = ["SegmentedWatch"]


class SegmentedWatch:
    """See the module's text. Half of the model's budget is the whole's, half is divided over the parts, where there are any."""

    def __init__(self, source: Source, config: DriftConfig) -> None:
        self.source, self.config = source, config
        self.whole = ModelWatch(source, config, part=0.5 if config.segments else 1.0)
        self.parts: dict[tuple[str, str], ModelWatch] = {}
        self.refused = 0

    @property
    def panels(self) -> list[Panel]:
        """All panels."""
        return [panel for watch in (self.whole, *self.parts.values()) for panel in watch.panels]

    @property
    def alarms(self) -> AlarmCounts:
        """Alarms so far."""
        return self.whole.alarms.and_(*(watch.alarms for watch in self.parts.values()))

    @property
    def refusals(self) -> int:
        """What the bounds refused."""
        return self.refused + sum(watch.refusals for watch in (self.whole, *self.parts.values()))

    def feed(self, pairs: PairColumns) -> Looking:
        """Take the model's next pairs in; what there is to say."""
        out: list[Emission] = yield from self.whole.feed(pairs)
        for name in self.config.segments:
            values = [segments.get(name) for segments in pairs.segments]
            for value in dict.fromkeys(values):
                watch = None if value is None else self._part(name, value)
                if watch is not None:
                    out += yield from watch.feed(pairs.chosen([other == value for other in values]))
                elif value is not None:
                    self.refused += values.count(value)
        return out

    def _part(self, name: str, value: str) -> ModelWatch | None:
        part = self.parts.get((name, value))
        if part is None and sum(other == name for other, _ in self.parts) < self.config.segment_values:
            part = self.parts[name, value] = ModelWatch(*self._of(name, value), part=self._share())
        return part

    def _of(self, name: str, value: str) -> tuple[Source, DriftConfig]:
        return self.source._replace(segment={name: value}), self.config

    def _share(self) -> float:
        return 0.5 / (len(self.config.segments) * self.config.segment_values)

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        parts = [[name, value, watch.dump()] for (name, value), watch in self.parts.items()]
        return {"model": self.source.model, "whole": self.whole.dump(), "parts": parts, "refused": self.refused}

    @classmethod
    def load(cls, state: dict[str, Any], source: Source, config: DriftConfig) -> "SegmentedWatch":
        """Take the state back; parts of a segment that is no longer named are given up."""
        watch = cls(source, config)
        watch.whole, watch.refused = ModelWatch.load(state["whole"], source, config, part=watch.whole.part), state["refused"]
        for name, value, saved in state["parts"]:
            if name in config.segments:
                watch.parts[name, value] = ModelWatch.load(saved, *watch._of(name, value), part=watch._share())
        return watch
