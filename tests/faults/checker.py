"""The oracle: every event in exactly one place, every request in exactly one record, by Kafka's own log and nothing else.

It shares no code with the service and knows nothing of the faults or of the traffic. It is given the committed records of
`pairs` and `dead.letters` first, then those of the inputs, each log in its order. The idea is that of Kafka Streams' system
tests: a second, simple computation over the log. It is itself tested with records that were dropped, doubled, contradicted and
altered on purpose (`tests/unit/faults/test_checker.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from zlib import crc32

from tests.faults.findings import Findings

SIDES = {"predictions.legacy": "legacy", "predictions.shadow": "shadow"}


class LogRecord(Protocol):
    """A committed record; ``topic`` is the contract's name."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> tuple[tuple[str, bytes | None], ...]: ...


class _Half(NamedTuple):
    request: str  # model/request id
    identity: str  # with the side, and for shadows the version
    digest: int


@dataclass
class Checker(Findings):
    """See the module's text. ``prefix`` is what full topic names begin with."""

    prefix: str = ""
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    events: int = 0
    _records: dict[str, int] = field(default_factory=dict)
    _halves: dict[str, int] = field(default_factory=dict)
    _letters: dict[tuple[str, int, int], tuple[str, int]] = field(default_factory=dict)
    _first: set[str] = field(default_factory=set)
    _requests: set[str] = field(default_factory=set)

    def output(self, record: LogRecord) -> None:
        """A record of ``pairs`` or ``dead.letters``."""
        (self._pair if record.topic == "pairs" else self._letter)(record)

    def _pair(self, record: LogRecord) -> None:
        value = record.value or b""
        found = json.loads(value)
        name = f"{found['model']}/{found['request_id']}"
        if name in self._requests:
            kind = "twice" if self._records[name] == crc32(value) else "contradictory"
            self.fault(kind, f"{name} at {record.partition}:{record.offset}")
            return
        self._requests.add(name)
        self._records[name] = crc32(value)
        self.statuses[found["status"]] += 1
        if problem := _misfit(found):
            self.fault("wrong status", f"{name}: {problem}")
        if found["legacy"] is not None:
            self._halves[f"{name}/legacy"] = _digest(found["legacy"])
        for half in found["shadows"]:
            self._halves[f"{name}/shadow/{half['version']}"] = _digest(half)

    def _letter(self, record: LogRecord) -> None:
        headers = {key: (value or b"").decode(errors="replace") for key, value in record.headers}
        topic = headers["source.topic"].removeprefix(self.prefix)
        place = (topic, int(headers["source.partition"]), int(headers["source.offset"]))
        self.reasons[headers["reason"]] += 1
        if place in self._letters:
            self.fault("letters twice", f"{place}: {self._letters[place][0]}, then {headers['reason']}")
        if record.partition != place[1]:
            self.fault("altered", f"the dead letter of {place} lies on partition {record.partition}")
        self._letters[place] = (headers["reason"], _bytes_digest(record))

    def inputs_begin(self) -> None:
        """All outputs were given; what was there is from now on looked for in the inputs."""
        self._requests.clear()

    def event(self, record: LogRecord) -> None:
        """A record of an input, in the order of its log."""
        self.events += 1
        place = (record.topic, record.partition, record.offset)
        letter = self._letters.pop(place, None)
        half = _half(record)
        if letter is None:
            self._in_record(half, place)
            return
        reason, digest = letter
        if digest != _bytes_digest(record):
            self.fault("altered", f"the dead letter of {place} has other bytes")
        if reason in ("duplicate", "late") and half is not None:
            self._refused(reason, half, place)

    def _in_record(self, half: _Half | None, place: tuple[str, int, int]) -> None:
        if half is None:
            self.fault("nowhere", f"{place} is no prediction and no dead letter")
            return
        self._requests.add(half.request)
        self._first.add(half.identity)
        digest = self._halves.pop(half.identity, None)
        if half.request not in self._records:  # the whole request is missing, which is said once for all its events
            return
        if digest is None:
            self.fault("nowhere", f"{half.identity} at {place} is not in its record")
        elif digest != half.digest:
            self.fault("altered", f"{half.identity} at {place} differs from its record")

    def _refused(self, reason: str, half: _Half, place: tuple[str, int, int]) -> None:
        known = half.identity in self._first
        if reason == "duplicate" and not known:
            self.fault("wrong reason", f"{half.identity} at {place} is the first of its kind, and a duplicate")
        if reason == "late":
            self._requests.add(half.request)
            self._first.add(half.identity)
            if half.identity in self._halves:
                self.fault("in both", f"{half.identity} at {place} is late, and in its record")

    def close(self) -> Checker:
        """What is left over on either side."""
        for name in self._requests - self._records.keys():
            self.fault("missing", name)
        for identity in self._halves:
            self.fault("invented", f"{identity} is in a record")
        for place, (reason, _) in self._letters.items():
            self.fault("invented", f"a dead letter ({reason}) of {place}")
        return self

    @property
    def requests(self) -> int:
        """Different request ids with a record."""
        return len(self._records)


def _misfit(found: dict[str, Any]) -> str | None:
    """Why a record contradicts itself, by the contract's table of statuses; None where it does not."""
    missing, shadows = found["missing"], found["shadows"]
    fits = {
        "paired": found["legacy"] is not None and shadows and not missing,
        "partial": found["legacy"] is not None and shadows and missing and "legacy" not in missing,
        "legacy_only": found["legacy"] is not None and missing and "legacy" not in missing,
        "shadow_only": found["legacy"] is None and shadows and missing[:1] == ["legacy"],
        "solo": found["legacy"] is not None and not shadows and not missing,
    }
    there = {half["version"] for half in shadows}
    if not fits.get(found["status"]) or there.intersection(missing) or len(there) != len(shadows):
        legacy = "there" if found["legacy"] else "not there"
        return f"{found['status']}, missing {missing}, shadows {sorted(there)}, legacy {legacy}"
    return None


def _bytes_digest(record: LogRecord) -> int:
    return crc32(record.value or b"", crc32(b"-" if record.key is None else b"+" + record.key))


def _digest(half: dict[str, Any]) -> int:
    """Of what a half of a record carries; numbers as numbers, however they were spelled."""
    prediction = half["prediction"]
    if isinstance(prediction, dict):
        prediction = sorted((label, float(share)) for label, share in prediction.items())
    elif isinstance(prediction, int) and not isinstance(prediction, bool):
        prediction = float(prediction)
    numbers = [None if half.get(name) is None else float(half[name]) for name in ("latency_ms", "cost")]
    return crc32(json.dumps([half["version"], prediction, half["timestamp"], *numbers]).encode())


def _half(record: LogRecord) -> _Half | None:
    """The event, in whichever of the contract's three forms it came; None for what cannot be one."""
    try:
        envelope = {name.removeprefix("ce_"): (value or b"").decode() for name, value in record.headers}
        data = json.loads(record.value or b"")
        if envelope.get("content-type", "").startswith("application/cloudevents+json"):
            envelope, data = data, data["data"]
        request_id = data.get("request_id") or envelope.get("correlationid") or (record.key or b"").decode()
        asked = data.get("timestamp") or envelope["time"]
        timestamp = asked if isinstance(asked, int) else round(datetime.fromisoformat(asked).timestamp() * 1000)
        request, side = f"{data['model']}/{request_id}", SIDES[record.topic]
        identity = f"{request}/{side}" if side == "legacy" else f"{request}/{side}/{data['version']}"
        return _Half(request, identity, _digest(data | {"timestamp": timestamp}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
