"""A model as a whole, and the parts of its traffic that are watched for themselves: requests that agree in a segment.

``drift.segments = ["channel"]`` names which. Each value of each of them has panels of its own, with warm-ups of its own, since
one channel's customers are not another's: of pairs (``SegmentedWatch``), and of their outcomes (``SegmentedOutcomes``). A
request whose segments lack the name is in none of its parts.

Bounded: ``config.segment_values`` values of each name, the first that come; pairs of further ones are counted in ``refused``.
Delivery guarantees: as of one ``ModelWatch`` or ``OutcomeWatch``; what each part is fed depends on the log alone. What is said of
one record comes in the order in which the parts were begun, the whole first.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Sequence, Sized
from typing import Any, Generic, Protocol, TypeVar

from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.awaited_pairs import Awaiting
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.last_words import LastWords
from app.domain.detection.outcome_watch import OutcomeWatch
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.watch import Looking, ModelWatch

__all__ = ["Segmented", "SegmentedOutcomes", "SegmentedWatch"]

#: Pairs whose segments are read at a step.
_TOGETHER = 4_096
_Pairs_contra = TypeVar("_Pairs_contra", bound=Sized, contravariant=True)


class _Watch(Protocol[_Pairs_contra]):
    """What one part, or the whole, is watched by."""

    @property
    def panels(self) -> list[Panel]: ...
    @property
    def alarms(self) -> AlarmCounts: ...
    @property
    def refusals(self) -> int: ...
    def feed(self, pairs: _Pairs_contra, /) -> Looking: ...
    def dump(self) -> dict[str, Any]: ...
    @staticmethod
    def saved_panels(state: dict[str, Any], /) -> list[dict[str, Any]]: ...


_W = TypeVar("_W", bound=_Watch[Any])
_P = TypeVar("_P", bound=Sized)


class Segmented(ABC, Generic[_W, _P]):
    """See the module's text. Half of the model's budget is the whole's, half is divided over the parts, where there are any."""

    def __init__(self, source: Source, config: DriftConfig) -> None:
        self.source, self.config = source, config
        self.whole = self._made(source, self._share_of_whole)
        self.parts: dict[tuple[str, str], _W] = {}
        self.refused = 0

    @abstractmethod
    def _made(self, source: Source, part: float, saved: dict[str, Any] | None = None) -> _W:
        """A watch with this part of the model's budget: a new one, or as it was saved."""

    @abstractmethod
    def _segments(self, pairs: _P) -> Iterable[dict[str, str]]:
        """The segments of each pair."""

    @abstractmethod
    def _chosen(self, pairs: _P, which: Sequence[int]) -> _P:
        """Those with these numbers, which rise."""

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

    def feed(self, pairs: _P) -> Looking:
        """Take the model's next pairs in; what there is to say."""
        out: list[Emission] = yield from self.whole.feed(pairs)
        for name in self.config.segments:
            places = yield from self._places(name, pairs)
            for value, its in places.items():
                if its:
                    out += yield from self.parts[name, value].feed(self._chosen(pairs, its))
        return out

    def _places(self, name: str, pairs: _P) -> Generator[None, None, dict[str, list[int]]]:
        """For each value that is watched the numbers of its pairs; there may be as many values as pairs."""
        places: dict[str, list[int]] = {value: [] for other, value in self.parts if other == name}
        for number, segments in enumerate(self._segments(pairs)):
            if number % _TOGETHER == 0:
                yield
            value = segments.get(name)
            if value is None:
                continue
            if value not in places and len(places) < self.config.segment_values:
                self.parts[name, value] = self._made(self._of(name, value), self._share())
                places[value] = []
            if value in places:
                places[value].append(number)
            else:
                self.refused += 1
        return places

    def _of(self, name: str, value: str) -> Source:
        return self.source._replace(segment={name: value})

    @property
    def _share_of_whole(self) -> float:
        return 0.5 if self.config.segments else 1.0

    def _share(self) -> float:
        return 0.5 / (len(self.config.segments) * self.config.segment_values)

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        parts = [[name, value, watch.dump()] for (name, value), watch in self.parts.items()]
        return {"model": self.source.model, "whole": self.whole.dump(), "parts": parts, "refused": self.refused}

    def restore(self, state: dict[str, Any], last_words: LastWords) -> None:
        """Take the state back; parts of a segment that is no longer named are given up."""
        self.whole, self.refused = self._made(self.source, self._share_of_whole, state["whole"]), state["refused"]
        sources = [self.source, *(self._of(name, value) for name, value, _ in state["parts"])]
        for source, saved in zip(sources, [state["whole"], *(saved for _, _, saved in state["parts"])], strict=True):
            for panel in self.whole.saved_panels(saved):
                last_words.on(panel, source, self.config)
        for name, value, saved in state["parts"]:
            if name in self.config.segments:
                self.parts[name, value] = self._made(self._of(name, value), self._share(), saved)


class SegmentedWatch(Segmented[ModelWatch, PairColumns]):
    """Pairs."""

    def _made(self, source: Source, part: float, saved: dict[str, Any] | None = None) -> ModelWatch:
        if saved is None:
            return ModelWatch(source, self.config, part)
        return ModelWatch.load(saved, source, self.config, part)

    def _segments(self, pairs: PairColumns) -> Iterable[dict[str, str]]:
        return pairs.segments

    def _chosen(self, pairs: PairColumns, which: Sequence[int]) -> PairColumns:
        chosen = [False] * len(pairs)
        for number in which:
            chosen[number] = True
        return pairs.chosen(chosen)


class SegmentedOutcomes(Segmented[OutcomeWatch, Sequence[Awaiting]]):
    """Pairs that are settled, and what outcomes say of them."""

    def _made(self, source: Source, part: float, saved: dict[str, Any] | None = None) -> OutcomeWatch:
        if saved is None:
            return OutcomeWatch(source, self.config, part)
        return OutcomeWatch.load(saved, source, self.config, part)

    def _segments(self, pairs: Sequence[Awaiting]) -> Iterable[dict[str, str]]:
        return (pair.segments for pair in pairs)

    def _chosen(self, pairs: Sequence[Awaiting], which: Sequence[int]) -> Sequence[Awaiting]:
        return [pairs[number] for number in which]
