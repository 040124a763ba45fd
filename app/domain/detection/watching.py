"""All models of one partition: their pairs are held for company, decoded, and looked at, a model at a time.

Looking takes up to 0.1 s for what was held a second under load, so it is done in steps of some milliseconds (``look`` is a
generator); what there is to say comes at its end, in the order of the records at which it became true. A pair record that
does not fit is none of ours (the pair role writes them): it is counted and skipped. Bounded: ``MODELS``; pairs of further
models are counted in ``pairs_refused``.

What outcomes say of these models is ``labelled``'s: it is handed the pairs that were looked at.

Delivery guarantees: a pure function of the logs of ``pairs`` and ``outcomes.placed``, however they are cut; ``dump`` and ``load``
are bit for bit. How far the log of pairs was looked at is in ``holding`` (see there), which a checkpoint has to keep beside the
snapshot.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import compress

from app.domain.detection.alarm_counts import AlarmCounts
from app.domain.detection.baseline import Baseline
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.holding import Holding, Kept
from app.domain.detection.labelled import Labelled
from app.domain.detection.last_words import LastWords
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.pair_records import PairDecoder, segments_of
from app.domain.detection.segments import SegmentedOutcomes, SegmentedWatch
from app.domain.detection.state_codec import StateError, decode_state, encode_state
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.watch import Looking

__all__ = ["MODELS", "Watching"]

#: Models watched on one partition.
MODELS = 4_096
#: Records decoded at a step: under a millisecond, and what was decoded is still in the processor's cache when columns are made.
_DECODED = 256
#: Changes with every change of what is in a snapshot.
_LAYOUT = 7
_COUNTS = ("pairs", "pairs_malformed", "pairs_refused", "outcomes", "outcomes_refused", "statistics")


class Watching:
    """See the module's text. ``topic`` is the full name of ``pairs``, prefix included; ``baselines`` by id."""

    def __init__(
        self, topic: str, partition: int, config_for: Callable[[str], DriftConfig], baselines: Mapping[str, Baseline]
    ) -> None:
        self._topic, self._partition, self._config_for, self._baselines = topic, partition, config_for, baselines
        self._watches: dict[str, SegmentedWatch] = {}
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.holding, self._decoder = Holding(), PairDecoder()
        self.labelled = Labelled(self._settings, self.counts)
        self._last_words = LastWords()

    def look(self, records: Sequence[Kept]) -> Looking:
        """Look at these records."""
        self._last_words.replay()
        placed: dict[str, PairColumns] = {}
        for start in range(0, len(records), _DECODED):
            self._decode(records[start : start + _DECODED], placed)
            yield
        emissions: list[Emission] = []
        for model, pairs in placed.items():
            watch = self._watch(model)
            if watch is None:
                self.counts["pairs_refused"] += len(pairs)
                continue
            emissions += yield from watch.feed(pairs)
            self.counts["pairs"] += len(pairs)
            self.labelled.take_pairs(model, pairs)
        self.counts["statistics"] += len(emissions)
        return sorted(emissions, key=lambda one: one.offset)

    def look_at_outcomes(self, records: Sequence[Kept]) -> Looking:
        """Look at these records of ``outcomes.placed``; the pairs below their marks must have been looked at."""
        if records:
            self._last_words.replay()
        emissions = yield from self.labelled.read(records)
        self.counts["statistics"] += len(emissions)
        return emissions

    def last_words(self) -> list[Emission]:
        """On what was given up; to be asked before each look from when on what is said counts."""
        emissions = self._last_words.take()
        self.counts["statistics"] += len(emissions)
        return emissions

    def _decode(self, records: Sequence[Kept], placed: dict[str, PairColumns]) -> None:
        offsets, pairs, names = self._decoder.decode(records)
        self.counts["pairs_malformed"] += len(records) - len(pairs)
        models = [pair.model for pair in pairs]
        several = len(set(models)) > 1
        for model in dict.fromkeys(models):
            its = placed.setdefault(model, PairColumns())
            which = [other == model for other in models] if several else None
            at = offsets if which is None else list(compress(offsets, which))
            its.take(at, pairs if which is None else list(compress(pairs, which)), names)
            if named := self._config_for(model).segments:
                its.segments += segments_of(records, at, named)

    def _watch(self, model: str) -> SegmentedWatch | None:
        watch = self._watches.get(model)
        if watch is None and len(self._watches) < MODELS:
            watch = self._watches[model] = SegmentedWatch(*self._settings(model))
        return watch

    def _settings(self, model: str) -> tuple[Source, DriftConfig]:
        config = self._config_for(model)
        baseline = self._baselines[config.baseline] if config.baseline else None
        return Source(model, self._topic, self._partition, config.digest, baseline=baseline), config

    def dump(self) -> bytes:
        """The whole state."""
        watches = [watch.dump() for watch in self._watches.values()]
        return encode_state({"layout": _LAYOUT, "counts": self.counts, "holding": self.holding.dump(), "watches": watches,
                             "labelled": self.labelled.dump(), "last_words": self._last_words.dump()})  # fmt: skip

    def load(self, snapshot: bytes) -> None:
        """Take the state back; ``StateError`` where another release has written it."""
        state = decode_state(snapshot)
        if (layout := state.get("layout")) != _LAYOUT:
            message = f"saved state: layout {layout}, expected {_LAYOUT}"
            raise StateError(message)
        self.counts |= state["counts"]
        self.holding, self._last_words = Holding.load(state["holding"]), LastWords.load(state["last_words"])
        for one in state["watches"]:
            watch = self._watches[one["model"]] = SegmentedWatch(*self._settings(one["model"]))
            watch.restore(one, self._last_words)
        self.labelled.load(state["labelled"], self._last_words)

    def figures(self) -> dict[str, float]:
        """Counts since the log's beginning, and what is watched now."""
        watches: list[SegmentedWatch | SegmentedOutcomes] = [*self._watches.values(), *self.labelled.watches.values()]
        states = [one.episode.state for watch in watches for panel in watch.panels for one in panel.watched if not one.retired]
        figures: dict[str, float] = {name: float(count) for name, count in self.counts.items()}
        figures |= {f"signals_{state}": float(states.count(state)) for state in ("warming", "quiet", "warning", "drift")}
        figures["models"] = float(len(self._watches))
        figures["pairs_awaiting"] = float(self.labelled.waiting)
        figures |= AlarmCounts().and_(*(watch.alarms for watch in watches)).figures()
        figures["refused"] = float(sum(watch.refusals for watch in watches))
        return figures
