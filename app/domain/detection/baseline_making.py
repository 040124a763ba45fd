"""A baseline is made: the pairs of a window are gathered as warm-ups, a signal each, and frozen at the window's end.

A signal's warm-up is here what it is in a panel (``app.domain.detection.panel``): it begins with the first value that is not
null, and takes in all that follows, thinned where that is much; a feature's missing share begins with the feature, and
counts what the feature's reference does not take. Panels are split as ``app.domain.detection.watch`` splits them. The schema and
the volume are in no baseline. A signal with fewer than ``LEAST`` values is left out, by name.

Bounded: what a warm-up keeps, a signal; features, categories, versions and values of segments by the configuration. What the
bounds refuse is counted in ``refused``.

Delivery guarantees: a function of the records in their order, however they are cut.
"""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

import msgspec

from app.domain.detection.baseline import PanelKey
from app.domain.detection.blocks import Rows
from app.domain.detection.drift_config import ALGORITHM, DriftConfig
from app.domain.detection.frozen import Frozen, FrozenNumbers
from app.domain.detection.holding import Kept
from app.domain.detection.missing_warm_up import MissingWarmUp, new_warm_up
from app.domain.detection.pair_columns import Halves, PairColumns
from app.domain.detection.pair_records import PairDecoder, segments_of
from app.domain.detection.pair_rows import answer_rows, input_rows, matching_rows, pair_rows
from app.domain.detection.signals import WarmUp
from app.domain.detection.state_codec import encode_state
from app.domain.detection.watched import SIDES, salt_of
from schemas.baseline import BaselineDocument, BaselinePanel, BaselineSignal, BaselineSource, LeftOut, content_id
from schemas.cloudevents import rfc3339
from schemas.statistics import Role, Signal

__all__ = ["LEAST", "Gathering", "document"]

#: A smaller reference makes false alarms.
LEAST = 1_000


class Gathering:
    """The pairs of one model in one partition."""

    def __init__(self, model: str, config: DriftConfig) -> None:
        self.model, self.config = model, config
        self._decoder = PairDecoder()
        self.warm_ups: dict[PanelKey, dict[Signal, WarmUp]] = {}
        self.pairs = self.refused = 0
        #: Event times of the first and the last pair.
        self.first_ms = self.last_ms = 0

    def take(self, records: Sequence[Kept]) -> None:
        """Take the next records in; those of other models and those that are no pairs are passed over."""
        offsets, read, names = self._decoder.decode(records)
        its = [pair.model == self.model for pair in read]
        pairs, at = PairColumns(), list(compress(offsets, its))
        if not at:
            return
        pairs.take(at, list(compress(read, its)), names)
        first, last = min(pairs.times), max(pairs.times)
        self.first_ms, self.last_ms = (min(self.first_ms, first), max(self.last_ms, last)) if self.pairs else (first, last)
        self.pairs += len(pairs)
        self._gather(pairs, None)
        pairs.segments = segments_of(records, at, self.config.segments) if self.config.segments else []
        for name in self.config.segments:
            values = [segments.get(name) for segments in pairs.segments]
            for value in dict.fromkeys(values):
                if value is not None and self._has_room_for(name, value):
                    self._gather(pairs.chosen([other == value for other in values]), (name, value))
                elif value is not None:
                    self.refused += values.count(value)

    def _has_room_for(self, name: str, value: str) -> bool:
        known = {key.segment for key in self.warm_ups if key.segment is not None and key.segment[0] == name}
        return (name, value) in known or len(known) < self.config.segment_values

    def _gather(self, pairs: PairColumns, segment: tuple[str, str] | None) -> None:
        for role, version, rows in _panels(pairs, self.config):
            key = PanelKey(role, version, segment)
            others = [other for other in self.warm_ups if other.version and (other.role, other.segment) == (role, segment)]
            if key not in self.warm_ups and version and len(others) >= self.config.versions:
                self.refused += len(rows)
                continue
            signals = self.warm_ups.setdefault(key, {})
            for signal in sorted(rows.columns, key=str):
                self._take_column(signals, signal, rows)

    def _take_column(self, signals: dict[Signal, WarmUp], signal: Signal, rows: Rows) -> None:
        column, begin = rows.columns[signal], 0
        missing = Signal("missing", signal.name)
        if signal not in signals:
            begin = next((at for at, value in enumerate(column) if value is not None), len(column))
            if begin == len(column):
                return
            if sum(one.kind != "missing" for one in signals) >= self.config.features:
                self.refused += sum(value is not None for value in column)
                return
            for begun in (signal, missing) if signal.kind == "feature" else (signal,):
                signals[begun] = new_warm_up(begun, int(rows.times[begin]))
        digests, times = rows.digests[begin:], rows.times[begin:]
        signals[signal].take(column[begin:], digests, times)
        if signal.kind == "feature":
            signals[missing].take(column[begin:], digests, times)

    def join(self, other: "Gathering") -> None:
        """Take in what was gathered in the next partition, behind what was gathered in this one."""
        if other.pairs:
            self.first_ms = min(self.first_ms, other.first_ms) if self.pairs else other.first_ms
            self.last_ms = max(self.last_ms, other.last_ms)
        self.pairs, self.refused = self.pairs + other.pairs, self.refused + other.refused
        for key, theirs in other.warm_ups.items():
            signals = self.warm_ups.setdefault(key, {})
            for signal, warm_up in theirs.items():
                signals.setdefault(signal, new_warm_up(signal, warm_up.first_ms)).join(warm_up)

    def panels(self) -> list[BaselinePanel]:
        """What has come of it, frozen; the panels without a single signal included, as what is left out says why."""
        return [self._panel(key, signals) for key, signals in sorted(self.warm_ups.items(), key=_order)]

    def _frozen(self, signal: Signal, warm_up: WarmUp) -> Frozen:
        return Frozen.of(warm_up, salt_of(signal), self.config.categories, sided=signal.kind in SIDES)

    def _panel(self, key: PanelKey, signals: dict[Signal, WarmUp]) -> BaselinePanel:
        for signal, one in signals.items():
            if isinstance(one, MissingWarmUp):
                one.know(signals[Signal("feature", signal.name)].kind())
        enough = {signal: one for signal, one in sorted(signals.items(), key=_by_name) if one.seen >= LEAST}
        return BaselinePanel(
            role=key.role, version=key.version, segment=None if key.segment is None else dict([key.segment]),
            signals=[_signal(signal, self._frozen(signal, one)) for signal, one in enough.items()],
            left_out=[LeftOut(str(signal), one.seen) for signal, one in signals.items() if signal not in enough],
        )  # fmt: skip


def document(
    gathering: Gathering, source: BaselineSource, *, version: str, owner: str, created: str, expires: str | None
) -> bytes:
    """The document of what was gathered, as it is written to a file or a topic."""
    made = BaselineDocument(
        algorithm=ALGORITHM, model=gathering.model, version=version, owner=owner, created=created, expires=expires, source=source,
        panels=gathering.panels(),
    )  # fmt: skip
    return msgspec.json.encode(msgspec.structs.replace(made, id=content_id(msgspec.json.encode(made))))


def _panels(pairs: PairColumns, config: DriftConfig) -> Iterator[tuple[Role, str, Rows]]:
    """The rows of each panel, named by role and version."""
    rows = pair_rows(pairs)
    if pairs.legacy.which:
        inputs = input_rows(rows.some(pairs.legacy.which), pairs.features, pairs.legacy.versions, config.ignored_features)
        yield "legacy", "", inputs
    if matched := [at for at, status in enumerate(rows.statuses) if status != "solo"]:
        yield "all", "", matching_rows(rows.some(matched))
    sides: list[tuple[Role, Halves]] = [("legacy", pairs.legacy), ("shadow", pairs.shadows)]
    for role, halves in sides:
        for version, answers in halves.by_version().items():
            yield role, version, answer_rows(rows.some(answers.which), answers)


def _signal(signal: Signal, frozen: Frozen) -> BaselineSignal:
    figures: dict[str, Any]
    if isinstance(frozen.stage, FrozenNumbers):
        figures = {"reference": frozen.stage.reference.summary}
    else:
        figures = {"shares": dict(zip(frozen.stage.labels, frozen.stage.reference.tolist(), strict=True))}
    return BaselineSignal(
        kind=signal.kind, name=signal.name, values=frozen.values, first=rfc3339(frozen.first_ms), last=rfc3339(frozen.last_ms),
        digest=frozen.digest, state=encode_state(frozen.dump()), **figures,
    )  # fmt: skip


def _by_name(entry: tuple[Signal, WarmUp]) -> str:
    return str(entry[0])


def _order(entry: tuple[PanelKey, dict[Signal, WarmUp]]) -> tuple[bool, tuple[str, str], str, str]:
    key = entry[0]
    return key.segment is not None, key.segment or ("", ""), key.role, key.version
