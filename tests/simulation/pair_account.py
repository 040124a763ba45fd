"""What the pair role must have written: every event in exactly one place, by three accounts of it.

1. At each checkpoint the totals in its state are those of all outputs committed up to there, and of the events below its
   positions.
2. At the end each event is in as many halves and dead letters as there are copies of it, and the minutes add up to the same.
3. In an exact seed, where no silence decides, the records and dead letters are those that the contract's words give
   (`tests.pair_simulation.expected_outcome`, which knows nothing of the service), and what an uncrashed run writes, to the byte
   (`reference`).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from msgspec import Struct

from tests.pair_simulation import expected_outcome
from tests.simulation.logs import Entry
from tests.simulation.oracle import Account, claim, header
from tests.simulation.reference import Said, said_uncrashed
from tests.simulation.workload import TOPICS

__all__ = ["PairAccount"]

STATUSES = ("paired", "partial", "legacy_only", "shadow_only", "solo")


class _Half(Struct):
    version: str
    prediction: float
    timestamp: int


class _Pair(Struct):
    request_id: str
    model: str
    status: str
    legacy: _Half | None
    shadows: list[_Half]


class _Totals(Struct):
    read: int
    in_records: int
    duplicate: int
    late: int
    rejected: int
    records: int


class _State(Struct):
    totals: _Totals
    minutes: dict[str, Any]


_pair = msgspec.json.Decoder(_Pair).decode
_state = msgspec.json.Decoder(_State).decode


class PairAccount(Account):
    """See the module's text."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.records: list[tuple[str, str, str, int, list[Any]]] = []  # model, request, status, opening, halves
        self.letters: dict[tuple[str, int], str] = {}
        self._said = Said()
        self._halves = self._minutes = 0
        self._totals = _Totals(0, 0, 0, 0, 0, 0)

    def take_output(self, topic: str, entry: Entry) -> None:
        self._said.send(topic, 0, entry.key, entry.value, entry.headers)
        if topic == "pairs":
            self._take_record(entry)
        elif topic == "dead.letters":
            place = (header(entry, "source.topic"), int(header(entry, "source.offset")))
            claim(place not in self.letters, f"two dead letters of {place}")
            self.letters[place] = header(entry, "reason")

    def _take_record(self, entry: Entry) -> None:
        found = _pair(entry.value or b"")
        where = (found.model, found.request_id)
        halves: list[Any] = [] if found.legacy is None else [(0, *where, *_said(found.legacy))]
        halves += [(1, *where, *_said(half)) for half in found.shadows]
        self._halves += len(halves)
        opening = int(header(entry, "ce_id").rpartition("/")[2])
        self.records.append((*where, found.status, opening, sorted(halves)))

    def check(self, where: str, state: bytes) -> None:
        found = _state(state)
        self._totals, self._minutes = found.totals, len(found.minutes)
        reasons = Counter(self.letters.values())
        late, duplicate = reasons["late"], reasons["duplicate"]
        rejected = len(self.letters) - late - duplicate
        written = _Totals(sum(self.read()), self._halves, duplicate, late, rejected, len(self.records))
        claim(written == found.totals, f"{where} says {found.totals}, but by then there were {written}")

    def waits(self) -> bool:
        totals = self._totals
        placed = totals.in_records + totals.duplicate + totals.late + totals.rejected
        return totals.read != placed or self._minutes > 0

    def check_end(self) -> None:
        places = Counter(half for record in self.records for half in record[4])
        events = Counter(
            event.identity
            for side, log in enumerate(self.inputs)
            for event in log.events
            if (TOPICS[side], event.offset) not in self.letters
        )
        claim(places == events, f"nowhere: {events - places}, not theirs or twice: {places - events}")
        statuses = Counter(record[2] for record in self.records)
        totals = self._totals
        expected = {"read": totals.read, "late": totals.late, "duplicate": totals.duplicate, "rejected": totals.rejected}
        expected |= {status: statuses[status] for status in STATUSES}
        found = self._said.counted()
        claim(found == expected, f"the minutes of partition {self.partition} add up to {found}, and not {expected}")
        if self.plan.exact:
            self._check_exact()

    def _check_exact(self) -> None:
        logs = [log.events for log in self.inputs]
        records, refused = expected_outcome(logs, self.plan.versions, self.plan.policy)
        of_place = {(side, event.offset): event.identity for side, log in enumerate(logs) for event in log}
        expected = sorted((*record[:4], sorted(of_place[half] for half in record[4])) for record in records)
        claim(sorted(self.records) == expected, f"{_difference(sorted(self.records), expected)}")
        letters = sorted((TOPICS.index(topic), offset, reason) for (topic, offset), reason in self.letters.items())
        known = [(side, at, reason if reason in ("late", "duplicate") else None) for side, at, reason in letters]
        claim(known == refused, f"dead letters: {_difference(known, refused)}")
        if self.plan.compares_bytes:
            other = said_uncrashed(self.partition, self.plan, self.inputs)
            difference = self._said.difference(other)
            claim(difference is None, f"an uncrashed run writes something else: {difference}")


def _said(half: _Half) -> tuple[str, int, float]:
    return half.version, half.timestamp, half.prediction


def _difference(found: list[Any], expected: list[Any]) -> str:
    return f"{[row for row in found if row not in expected]} in place of {[row for row in expected if row not in found]}"
