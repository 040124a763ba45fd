"""What must come out for what was sent, written down while the traffic is made.

For each request: the status that its pair record must have and a digest of everything that record must carry through. For
each event that must not become part of a pair: a dead letter, known by reason, key and the digest of its bytes. Beyond
that, what must be alerted and from which event time on.

The digest is over parsed values and not over bytes, since the contract promises values: field order and the spelling of
a number may change on the way.
"""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import orjson

__all__ = ["EITHER", "SPLIT", "Expected", "ExpectedAlert", "Letter", "Status", "Truth", "carried", "letter"]

#: ``split``: one ``legacy_only`` and one ``shadow_only`` record, for halves that lie on different partitions.
#: ``either``: the contract allows more than one status (the first window after a shadow version's first event).
Status = Literal["paired", "partial", "legacy_only", "shadow_only", "solo", "split", "either"]
SPLIT: Status = "split"
EITHER: Status = "either"


class Expected(NamedTuple):
    """The pair record of one request. ``last_half_s`` is the planned second of the half that completes it."""

    status: Status
    carried: int
    missing: tuple[str, ...]
    last_half_s: float


class Letter(NamedTuple):
    """A dead letter, whatever partition and offset it came from."""

    reason: str
    key: bytes | None
    value_crc: int


@dataclass(frozen=True)
class ExpectedAlert:
    """An alert that must fire: its ``signal`` label, and the event time of its cause."""

    signal: str
    model: str
    from_ms: int


@dataclass
class Truth:
    """See the module's text. ``requests`` is by (model, request id)."""

    requests: dict[tuple[str, str], Expected] = field(default_factory=dict)
    letters: Counter[Letter] = field(default_factory=Counter)
    alerts: list[ExpectedAlert] = field(default_factory=list)
    #: Whether an alert that is not in ``alerts`` is a false one.
    quiet_otherwise: bool = False
    #: Event time and planned second at which something changes for the worse: a drift, a regression, a silence, a fault.
    change_ms: int | None = None
    change_s: float | None = None
    #: How many pair records there must be, and of which models.
    records: int = 0
    models: set[str] = field(default_factory=set)

    def expect(self, model: str, request_id: str, expected: Expected) -> None:
        """Note what must become of a request."""
        self.requests[model, request_id] = expected
        self.records += 2 if expected.status == SPLIT else 1
        self.models.add(model)

    def statuses(self) -> Counter[str]:
        """How many requests must come out in which way."""
        return Counter(expected.status for expected in self.requests.values())

    def reasons(self) -> Counter[str]:
        """How many dead letters there must be for which reason."""
        counts: Counter[str] = Counter()
        for one, count in self.letters.items():
            counts[one.reason] += count
        return counts


def letter(reason: str, key: bytes | None, value: bytes | None) -> Letter:
    """The dead letter of a record; an absent value counts as an empty one."""
    return Letter(reason, key, zlib.crc32(value or b""))


def carried(
    timestamp_ms: int,
    legacy: object,
    shadows: Sequence[object],
    features: object,
    segments: object,
    metadata: object,
) -> int:
    """The digest of what a pair record carries through; each half is ``[version, prediction, timestamp, latency_ms, cost]``."""
    whole = [timestamp_ms, legacy, list(shadows), features, segments, metadata]
    return zlib.crc32(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS))
