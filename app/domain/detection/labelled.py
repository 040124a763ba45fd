"""Outcomes of one partition's models, and the pairs that they are about: read in the one order that both logs give them.

Pairs that were looked at wait here until a mark in ``outcomes.placed`` says that they come before what follows it; then each
model's labelling takes them (``labelling``), and what it settles is watched (``outcome_watch``, ``segments``).

Bounded: ``MODELS`` models, and ``_STRANGERS`` outcomes of *strangers*, models that never had a pair here: a name may be an
error. Where there is no room for another model, the stranger that came first makes it; its outcomes, and what is beyond the
bounds, are counted in ``outcomes_unmatched``. Pairs without a mark are bounded by whoever feeds, who is told how many there are
(``unmarked``). A record that is neither outcome nor mark is counted and skipped.

Delivery guarantees: a pure function of the two logs, however they are cut and interleaved, as long as no mark is read before the
pairs that it speaks of; what is said comes in the order of the records at which it became true, and of one mark by the names of
the models. ``dump`` and ``load`` are bit for bit.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from app.domain.detection.awaited_pairs import AwaitedPairs, Awaiting
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.holding import Kept
from app.domain.detection.labelling import COUNTS, ModelLabelling
from app.domain.detection.last_words import LastWords
from app.domain.detection.pair_columns import PairColumns
from app.domain.detection.placed_outcomes import mark_of, outcome_of
from app.domain.detection.segments import SegmentedOutcomes
from app.domain.detection.statistics_records import Emission, Source
from app.domain.detection.watch import Looking

__all__ = ["MODELS", "Labelled"]

#: Models whose outcomes are kept on one partition.
MODELS = 4_096
_STRANGERS = 65_536
#: Records taken at a step.
_TOGETHER = 256


class _Settled:
    """Pairs that were settled in one reading, by model, and for each the number of the record that settled it."""

    def __init__(self) -> None:
        self.pairs: dict[str, list[Awaiting]] = {}
        self._records: dict[str, list[int]] = {}

    def take(self, model: str, pairs: list[Awaiting], record: int) -> None:
        """What a record has settled."""
        if pairs:
            self.pairs.setdefault(model, []).extend(pairs)
            self._records.setdefault(model, []).extend([record] * len(pairs))

    def record_of(self, model: str, offset: int) -> int:
        """The number of the record that settled the model's pair at this offset."""
        return self._records[model][bisect_left(self.pairs[model], offset, key=lambda pair: pair.offset)]


class Labelled:
    """See the module's text. ``settings`` are those of a model; ``counts`` is told what becomes of pairs and outcomes."""

    def __init__(self, settings: Callable[[str], tuple[Source, DriftConfig]], counts: dict[str, int]) -> None:
        self._settings, self._counts = settings, counts
        counts |= dict.fromkeys((*COUNTS, "outcomes_malformed"), 0)
        self._unmarked: dict[str, AwaitedPairs] = {}
        #: Pairs that no mark has spoken of yet.
        self.unmarked = 0
        #: In the order in which they began, and those of strangers among them.
        self._labellings: dict[str, ModelLabelling] = {}
        self._strange: dict[str, ModelLabelling] = {}
        #: Outcomes of strangers.
        self._strangers = 0
        self.watches: dict[str, SegmentedOutcomes] = {}

    @property
    def waiting(self) -> int:
        """Pairs that wait for their outcome."""
        return sum(labelling.waiting for labelling in self._labellings.values())

    def take_pairs(self, model: str, pairs: PairColumns) -> None:
        """Pairs of a model that were looked at."""
        self.unmarked += len(pairs)
        self._unmarked[model] = self._unmarked.get(model, AwaitedPairs()).joined(AwaitedPairs.of(pairs))

    def read(self, records: Sequence[Kept]) -> Looking:
        """Take records of ``outcomes.placed``; all pairs below their marks must have been taken."""
        settled = _Settled()
        for at, record in enumerate(records, 1):
            mark = mark_of(record)
            if mark is None:
                self._take_outcome(record, settled, at)
            else:
                self._mark(mark, settled, at)
            if at % _TOGETHER == 0:
                yield
        out: list[tuple[int, Emission]] = []
        for model, pairs in sorted(settled.pairs.items()):
            said = yield from self._watch(model).feed(pairs)
            out += [(settled.record_of(model, one.offset), one) for one in said]
        return [one for _, one in sorted(out, key=lambda each: each[0])]

    def _take_outcome(self, record: Kept, settled: _Settled, at: int) -> None:
        placed = outcome_of(record)
        if placed is None:
            self._counts["outcomes_malformed"] += 1
            return
        model = placed.outcome.model
        labelling = self._labelling(model)
        strangers = 0 if labelling is None else labelling.strangers
        if labelling is None or (strangers and self._strangers >= _STRANGERS):
            self._counts["outcomes_unmatched"] += 1
            return
        settled.take(model, labelling.take_outcome(placed), at)
        self._strangers += labelling.strangers - strangers

    def _mark(self, offset: int, settled: _Settled, at: int) -> None:
        """The pairs below this offset come now."""
        for model, pairs in sorted(self._unmarked.items()):
            count = pairs.below(offset)
            labelling = self._labelling(model) if count else None
            if labelling is None:
                self._counts["pairs_not_awaited"] += count
            else:
                self._strangers -= labelling.strangers
                self._strange.pop(model, None)
                settled.take(model, labelling.take_pairs(pairs.part(0, count)), at)
            self.unmarked -= count
            if count == len(pairs):
                del self._unmarked[model]
            elif count:
                self._unmarked[model] = pairs.part(count, len(pairs))

    def _labelling(self, model: str) -> ModelLabelling | None:
        labelling = self._labellings.get(model)
        if labelling is None and (len(self._labellings) < MODELS or self._make_room()):
            labelling = self._labellings[model] = ModelLabelling(self._settings(model)[1], self._counts)
            self._strange[model] = labelling
        return labelling

    def _make_room(self) -> bool:
        """Let the first stranger go; whether there was one."""
        for model, labelling in self._strange.items():
            self._strangers -= labelling.strangers
            self._counts["outcomes_unmatched"] += labelling.strangers
            del self._labellings[model], self._strange[model]
            return True
        return False

    def _watch(self, model: str) -> SegmentedOutcomes:
        watch = self.watches.get(model)
        if watch is None:
            watch = self.watches[model] = SegmentedOutcomes(*self._settings(model))
        return watch

    def dump(self) -> dict[str, Any]:
        """The state as plain data and arrays."""
        return {
            "unmarked": [[model, pairs.dump()] for model, pairs in sorted(self._unmarked.items())],
            "labellings": [[model, labelling.dump()] for model, labelling in self._labellings.items()],
            "watches": [watch.dump() for _, watch in sorted(self.watches.items())],
        }

    def load(self, state: dict[str, Any], last_words: LastWords) -> None:
        """Take the state back."""
        self._unmarked = {model: AwaitedPairs.load(pairs) for model, pairs in state["unmarked"]}
        self.unmarked = sum(map(len, self._unmarked.values()))
        for model, saved in state["labellings"]:
            self._labellings[model] = ModelLabelling.load(saved, self._settings(model)[1], self._counts)
        self._strange = {model: labelling for model, labelling in self._labellings.items() if not labelling.has_pairs}
        self._strangers = sum(labelling.strangers for labelling in self._strange.values())
        for saved in state["watches"]:
            self._watch(saved["model"]).restore(saved, last_words)
