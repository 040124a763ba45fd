"""A fold that counts, as a second role for the runner: it keeps snapshots, takes runs in part or in steps, and asks questions.

For each record it writes its place and its number on its side. Side 1 does not run further ahead of side 0 than a few records.
At each seventh record of side 0 it asks how often that record's key has come since the seventh before, and writes the answer.
What is asked and not yet answered is in `saved`, the counts are in the snapshot and grow again in a rebuild.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from app.folds.fold import Fold, LogAnswer, LogQuery, Outbox, Record, Run, Steps, at_once
from tests.simulation.logs import Entry
from tests.simulation.oracle import Account, claim
from tests.simulation.workload import TOPICS

__all__ = ["CountAccount", "CountFold"]

_LEAD = 5
_AT_ONCE = 2
_EVERY = 7


class _State(Struct):
    counts: list[int]
    begin: int  # from where the next question counts
    pending: list[tuple[int, int, str]] = []


_encode = msgspec.json.Encoder().encode
_state = msgspec.json.Decoder(_State).decode


class CountFold(Fold):
    """See the module's text."""

    snapshots = True

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._live = False
        self._ends: Sequence[bool] = (False, False)

    def restore(self, saved: bytes | None, snapshot: bytes | None, position: Sequence[int]) -> None:
        self._pending = [] if saved is None else _state(saved).pending
        state = _State([0, 0], position[0]) if snapshot is None else _state(snapshot)
        self._counts, self._begin = state.counts, state.begin

    def feed(self, side: int, run: Run, out: Outbox) -> int | Steps | None:
        counts = self._counts
        room = len(run) if not side or self._ends[0] else counts[0] + _LEAD - counts[1]
        steps = self._steps(side, run[: max(room, 0)], out)
        if room >= len(run) > _AT_ONCE:
            return steps
        at_once(steps)
        return max(room, 0)

    def _steps(self, side: int, records: list[Record], out: Outbox) -> Steps:
        counts = self._counts
        for record in records:
            counts[side] += 1
            out.send("counted", 0, None, b"%d:%d:%d" % (side, record.offset, counts[side]), [])
            if not side and counts[0] % _EVERY == 0:
                if self._live:
                    self._pending.append((self._begin, record.offset + 1, (record.key or b"").decode()))
                self._begin = record.offset + 1
            if counts[side] % _AT_ONCE == 0:
                yield

    def rebuilt(self) -> None:
        self._live = True

    def sees_ends(self, ends: Sequence[bool], answered_ms: int) -> None:
        self._ends = ends

    def save(self) -> bytes:
        return _encode(_State(self._counts, self._begin, self._pending))

    def replays(self) -> bool:
        return True

    def snapshot(self) -> bytes | None:
        return _encode(_State(self._counts, self._begin))

    def questions(self) -> Sequence[LogQuery]:
        return [LogQuery(TOPICS[0], self._partition, start, end, key.encode()) for start, end, key in self._pending]

    def answer(self, query: LogQuery, answer: LogAnswer, out: Outbox) -> None:
        self._pending.remove((query.start, query.end, query.key.decode()))
        out.send("answers", 0, query.key, b"%d:%d:%d" % (query.start, query.end, answer.events), [])

    def figures(self) -> dict[str, float]:
        return {}


class CountAccount(Account):
    """Each record counted once, in its turn; each question answered once, and rightly."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._counted: list[list[bytes]] = [[], []]
        self._answers: Counter[tuple[bytes, bytes]] = Counter()
        self._pending = 0
        self._expected = [
            [b"%d:%d:%d" % (side, event.offset, number) for number, event in enumerate(log.events, 1)]
            for side, log in enumerate(self.inputs)
        ]

    def take_output(self, topic: str, entry: Entry) -> None:
        value = entry.value or b""
        if topic == "answers":
            self._answers[entry.key or b"", value] += 1
        else:
            self._counted[int(value[:1])].append(value)

    def check(self, where: str, state: bytes) -> None:
        found = _state(state)
        self._pending = len(found.pending)
        read = self.read()
        claim(found.counts == read, f"{where} has counted {found.counts} of {read}")
        for side in (0, 1):
            expected = self._expected[side][: read[side]]
            claim(self._counted[side] == expected, f"{where}, side {side}: {self._counted[side]} in place of {expected}")
        answered = self._answers.total() + self._pending
        claim(answered == read[0] // _EVERY, f"{where}: {answered} questions, answered or not, of {read[0] // _EVERY}")

    def waits(self) -> bool:
        return self._pending > 0

    def check_end(self) -> None:
        events = self.inputs[0].events
        expected: Counter[tuple[bytes, bytes]] = Counter()
        begin = self.inputs[0].begin
        for number in range(_EVERY, len(events) + 1, _EVERY):
            last = events[number - 1]
            count = sum(event.key == last.key for event in events[number - _EVERY : number])
            expected[last.key or b"", b"%d:%d:%d" % (begin, last.offset + 1, count)] += 1
            begin = last.offset + 1
        claim(self._answers == expected, f"answers {self._answers} in place of {expected}")
