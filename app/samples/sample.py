"""A sample of a model's pairs: those with the greatest disagreement, and how often which class met which. Pure.

The disagreement of a shadow with legacy is |difference| for scores and probabilities, 1 for classes that differ and for answers
of unlike types, 0 where they are equal. Of equal ones the newest comes first.

*Bounds.* ``PAIRS_KEPT`` pairs and ``_MEETINGS`` different pairs of classes of each of ``_SHADOWS`` shadows; ``LABELS`` classes
shown, the rest as ``(other)``. Features and segments are kept up to ``_OBJECT_BYTES`` each. What has no room is counted.
"""

import heapq
import math
from collections import Counter
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from schemas.pair import LegacyHalf, Pair, ShadowHalf
from schemas.prediction import PredictionValue

__all__ = ["LABELS", "OTHER", "PAIRS_KEPT", "KeptPair", "PairSample", "Shadow", "class_of", "disagreement_of"]

PAIRS_KEPT = 100
LABELS = 20
OTHER = "(other)"
_SHADOWS = 8
_MEETINGS = 2_000
_LABEL_CHARACTERS = 64
_OBJECT_BYTES = 4_096
_NESTING = 8
#: A record of ``pairs`` may have many MB; one this large is counted as malformed.
_RECORD_BYTES = 1_048_576
_decoder = msgspec.json.Decoder(Pair)


class KeptPair(NamedTuple):
    """One shadow's answer beside legacy's; the order is that of disagreement."""

    disagreement: float
    timestamp: int
    partition: int
    offset: int
    request_id: str
    legacy: LegacyHalf
    shadow: ShadowHalf
    features: dict[str, Any] | None
    segments: dict[str, Any] | None

    @property
    def rank(self) -> tuple[float, int, int, int]:
        """By disagreement, and then a total order."""
        return (self.disagreement, self.timestamp, self.partition, self.offset)


class Shadow:
    """What was sampled of one shadow."""

    def __init__(self) -> None:
        self.compared = self.disagreeing = 0
        self.meetings: Counter[tuple[str, str]] = Counter()
        self._kept: list[tuple[tuple[float, int, int, int], KeptPair]] = []

    def take(self, rank: tuple[float, int, int, int], agrees: bool | None, classes: tuple[str, str] | None) -> bool:
        """Count an answer; whether its pair is among those to keep."""
        self.compared += 1
        self.disagreeing += agrees is False
        if classes is not None:
            known = classes in self.meetings or len(self.meetings) < _MEETINGS
            self.meetings[classes if known else (OTHER, OTHER)] += 1
        return rank[0] > 0 and (len(self._kept) < PAIRS_KEPT or rank > self._kept[0][0])

    def keep(self, pair: KeptPair) -> None:
        """Keep a pair, and let go the least."""
        (heapq.heappush if len(self._kept) < PAIRS_KEPT else heapq.heappushpop)(self._kept, (pair.rank, pair))

    @property
    def pairs(self) -> list[KeptPair]:
        """The greatest disagreement first."""
        return [pair for _, pair in sorted(self._kept, key=lambda kept: kept[0], reverse=True)]

    def confusion(self) -> tuple[list[str], list[list[int]]] | None:
        """Labels, and counts by legacy's label and the shadow's; None where no answer was a class."""
        if not self.meetings:
            return None
        seen: Counter[str] = Counter()
        for (legacy, shadow), count in self.meetings.items():
            seen[legacy] += count
            seen[shadow] += count
        labels = sorted(label for label, _ in sorted(seen.items(), key=lambda each: (-each[1], each[0]))[:LABELS])
        if len(seen) > len(labels) and OTHER not in labels:
            labels.append(OTHER)
        place = {label: at for at, label in enumerate(labels)}
        counts = [[0] * len(labels) for _ in labels]
        for (legacy, shadow), count in self.meetings.items():
            counts[place.get(legacy, place.get(OTHER, 0))][place.get(shadow, place.get(OTHER, 0))] += count
        return labels, counts


class PairSample:
    """``take`` the records of one model, in any order of partitions."""

    def __init__(self) -> None:
        self.sampled = self.malformed = self.shadows_left_out = 0
        self.by_status: Counter[str] = Counter()
        self.shadows: dict[str, Shadow] = {}

    def take(self, partition: int, offset: int, value: bytes | None) -> None:
        """One record."""
        self.sampled += 1
        pair = _read(value)
        if pair is None:
            self.malformed += 1
            return
        self.by_status[pair.status] += 1
        if pair.legacy is not None:
            for shadow in pair.shadows:
                self._compare(pair, pair.legacy, shadow, (partition, offset))

    def _compare(self, pair: Pair, legacy: LegacyHalf, shadow: ShadowHalf, place: tuple[int, int]) -> None:
        known = self.shadows.get(shadow.version)
        if known is None:
            if len(self.shadows) >= _SHADOWS:
                self.shadows_left_out += 1
                return
            known = self.shadows[shadow.version] = Shadow()
        far, classes = disagreement_of(shadow), (class_of(legacy.prediction), class_of(shadow.prediction))
        both = (classes[0], classes[1]) if classes[0] is not None and classes[1] is not None else None
        if known.take((far, pair.timestamp, *place), shadow.agrees, both):
            features, segments = _small(pair.features), _small(pair.segments)
            known.keep(KeptPair(far, pair.timestamp, *place, pair.request_id, legacy, shadow, features, segments))


def disagreement_of(shadow: ShadowHalf) -> float:
    """How far a shadow is from legacy."""
    if shadow.difference is not None:
        return abs(shadow.difference) if math.isfinite(shadow.difference) else 0.0
    return 1.0 if shadow.agrees is False else 0.0


def class_of(prediction: PredictionValue) -> str | None:
    """The class that an answer names, the likeliest one of probabilities; None for a score.

    >>> class_of(True), class_of("DE"), class_of({"a": 0.2, "b": 0.8}), class_of(0.5)
    ('true', 'DE', 'b', None)
    """
    if isinstance(prediction, bool):
        return "true" if prediction else "false"
    if isinstance(prediction, dict):
        return max(prediction, key=lambda label: (prediction[label], label))[:_LABEL_CHARACTERS] if prediction else None
    return prediction[:_LABEL_CHARACTERS] if isinstance(prediction, str) else None


def _read(value: bytes | None) -> Pair | None:
    try:
        return None if value is None or len(value) > _RECORD_BYTES else _decoder.decode(value)
    except (ValueError, RecursionError):  # msgspec's faults are ValueErrors
        return None


def _small(text: Raw) -> dict[str, Any] | None:
    """An object that is small and shallow enough to be shown."""
    if len(text) > _OBJECT_BYTES or bytes(text).count(b"{") + bytes(text).count(b"[") > _NESTING:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except ValueError:
        return None
