"""The judge: what came out, record by record, against what must come out.

It shares no code with the service beyond the names of the contract, and is itself tested with records that were dropped,
doubled, contradicted and altered on purpose: each must be found. It decides nothing about time; it is told when a record
was seen and compares that with the planned second of the half that completed the request.
"""

import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from load.truth import EITHER, SPLIT, Expected, Truth, carried, letter

__all__ = ["Checker", "Findings"]

#: Examples kept of each kind of fault: enough to look for the cause.
EXAMPLES = 5


@dataclass
class Findings:
    """What is wrong, by kind, with examples; and the delays of what is right, in seconds from the planned time."""

    faults: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    complete_s: list[float] = field(default_factory=list)
    incomplete_s: list[float] = field(default_factory=list)
    #: Second, from the start, at which the last request with something missing was seen.
    last_incomplete_s: float = 0.0

    def fault(self, kind: str, example: str) -> None:
        """One more fault of this kind."""
        self.faults[kind] += 1
        kept = self.examples.setdefault(kind, [])
        if len(kept) < EXAMPLES:
            kept.append(example)


class Checker:
    """Takes the records of ``pairs`` and ``dead.letters`` in any order; ``close`` adds what never came."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.found = Findings()
        self._seen: dict[tuple[str, str], tuple[str, int]] = {}
        self._letters = Counter[tuple[str, bytes | None, int]]()
        self._split: Counter[tuple[str, str]] = Counter()
        self._records = self._letters_found = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything that must come has come."""
        return self._records >= self.truth.records and self._letters_found >= self.truth.letters.total()

    @property
    def progress(self) -> int:
        """A number that grows with every record that is part of this traffic."""
        return self._records + self._letters_found

    def pair(self, value: bytes, after_s: float | None = None) -> None:
        """One record of ``pairs``, seen ``after_s`` seconds after the start of sending; others' records are passed over."""
        record = orjson.loads(value)
        key = (record["model"], record["request_id"])
        expected = self.truth.requests.get(key)
        if expected is None:
            return
        status = record["status"]
        first = self._seen.get(key)
        if first is not None and not (expected.status == SPLIT and self._split[key] == 1 and first[0] != status):
            self._again(key, first, status, value)
            return
        self._seen[key] = (status, zlib.crc32(value))
        self._records += 1
        if expected.status == SPLIT:
            self._split[key] += 1
        self.found.statuses[status] += 1
        if expected.status != EITHER:
            self._judge(record, expected, after_s)

    def _again(self, key: tuple[str, str], first: tuple[str, int], status: str, value: bytes) -> None:
        kind = "twice" if first == (status, zlib.crc32(value)) else "contradictory"
        self.found.fault(kind, f"{key[0]} {key[1]}: first {first[0]}, then {status}")

    def _judge(self, record: dict[str, Any], expected: Expected, after_s: float | None) -> None:
        name, status = f"{record['model']} {record['request_id']}", record["status"]
        if expected.status == SPLIT:
            if status not in ("legacy_only", "shadow_only"):
                self.found.fault("wrong_status", f"{name}: {status}; its halves lie on different partitions")
            return
        if status != expected.status:
            self.found.fault("wrong_status", f"{name}: {status}; expected {expected.status}")
            return
        if tuple(record.get("missing", ())) != expected.missing:
            self.found.fault("altered", f"{name}: missing {record.get('missing')}; expected {list(expected.missing)}")
        elif _digest(record) != expected.carried:
            self.found.fault("altered", f"{name}: a carried field differs: {orjson.dumps(record).decode()[:400]}")
        elif wrong := _wrong_comparison(record):
            self.found.fault("altered", f"{name}: {wrong}")
        if after_s is not None:
            delays = self.found.incomplete_s if expected.missing else self.found.complete_s
            delays.append(after_s - expected.last_half_s)
            if expected.missing:
                self.found.last_incomplete_s = max(self.found.last_incomplete_s, after_s)

    def letter(self, reason: str, key: bytes | None, value: bytes | None) -> None:
        """One record of ``dead.letters``."""
        one = letter(reason, key, value)
        if one in self.truth.letters:
            self._letters[one] += 1
            self._letters_found += 1
            self.found.reasons[reason] += 1
        elif key is not None and self._is_ours(key):
            self.found.fault("letter_unexpected", f"{reason}: key {key!r}, value {(value or b'')[:200]!r}")

    def _is_ours(self, key: bytes) -> bool:
        """Whether the key is one of this traffic's, priming requests aside, for which the contract leaves things open."""
        name = key.decode("utf-8", "replace")
        found = (self.truth.requests.get((model, name)) for model in self.truth.models)
        return any(expected.status != EITHER for expected in found if expected is not None)

    def close(self) -> Findings:
        """What never came is missing; what came too often is named."""
        for key, expected in self.truth.requests.items():
            if key not in self._seen:
                self.found.fault("missing", f"{key[0]} {key[1]}: expected {expected.status}")
            elif expected.status == SPLIT and self._split[key] != 2:
                self.found.fault("missing", f"{key[0]} {key[1]}: one of its two records; only {self._seen[key][0]} came")
        for one, count in self.truth.letters.items():
            there = self._letters[one]
            if there < count:
                self.found.fault("letter_missing", f"{one.reason}: key {one.key!r}, {there} of {count}")
            elif there > count:
                self.found.fault("letter_twice", f"{one.reason}: key {one.key!r}, {there} in place of {count}")
        return self.found


def _digest(record: dict[str, Any]) -> int:
    legacy = None if record["legacy"] is None else _half(record["legacy"])
    shadows = [_half(shadow) for shadow in record["shadows"]]
    return carried(
        record["timestamp"], legacy, shadows, record.get("features", {}), record.get("segments", {}), record.get("metadata", {})
    )


def _half(half: dict[str, Any]) -> list[object]:
    return [half["version"], half["prediction"], half["timestamp"], half.get("latency_ms"), half.get("cost")]


def _wrong_comparison(record: dict[str, Any]) -> str | None:
    """What is wrong with ``difference`` or ``agrees``, by the contract's words; the tolerance is not known here."""
    legacy = record["legacy"]
    for shadow in record["shadows"]:
        difference, agrees = shadow.get("difference"), shadow.get("agrees")
        expected = None if legacy is None else _difference(legacy["prediction"], shadow["prediction"])
        if (difference is None) != (expected is None) or (expected is not None and abs(difference - expected) > 1e-9):
            return f"difference of {shadow['version']} is {difference}; expected {expected}"
        if legacy is None:
            right = agrees is None
        elif expected is None:
            right = agrees is (legacy["prediction"] == shadow["prediction"])
        else:
            right = agrees is True or (agrees is False and expected != 0)
        if not right:
            return f"agrees of {shadow['version']} is {agrees} at a difference of {expected}"
    return None


def _difference(legacy: Any, shadow: Any) -> float | None:
    """Shadow minus legacy for scores, half the sum of differences for probabilities, nothing for classes."""
    if isinstance(legacy, dict) and isinstance(shadow, dict):
        labels = legacy.keys() | shadow.keys()
        return float(sum(abs(shadow.get(label, 0.0) - legacy.get(label, 0.0)) for label in labels) / 2)
    if isinstance(legacy, float | int) and isinstance(shadow, float | int) and not isinstance(legacy, bool):
        return float(shadow - legacy)
    return None
