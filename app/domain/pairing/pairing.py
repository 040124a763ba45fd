"""Pairing of one partition: the halves of each request brought together, each event accounted for exactly once.

**What it holds.** Of each model, the open requests with their halves, and of each request that was written a small trace
until its horizon is over. Of each of the two logs its time (``log_time``), of each model what it expects (``expectation``),
and the counts of the minutes that are not over (``pair_counts``).

**When a record is written.** At once when all that is expected is there. Otherwise when, for each log that a half is missing
from, that log's time exceeds the opening plus window and grace, or the log is silent. Which halves belong to a request is
decided by the order of moments alone (``request``), so the same logs give the same records, however they were cut into runs
and whichever log was ahead. Four things are decided while reading and written down, because the logs cannot give them
back: what a model expects, what was given up over a silence, how far one log was read ahead of the other
(``reading_order``), and a change of the settings.

**What may not happen.** A request written twice, or not at all; an event that is neither in a record nor in a dead letter;
``read = in records + duplicate + late + rejected + waiting`` not holding.

*Delivery guarantees.* A crash forgets everything since the last commit, outputs included. A restart reads both logs again
from ``low``, which lies so far back that whatever is read from there on comes out as it did before: two windows and the
horizon of event time. A duplicate is recognised for ``deduplication_ms`` after its request was written, on a replay too.
A rebalance is a crash with a new host. Tested by ``tests/property/test_pairing_simulation.py``.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from app.domain.pairing.event_counting import EventCounting
from app.domain.pairing.expectation import LEARNING_WINDOWS
from app.domain.pairing.log_time import UNKNOWN, LogTime, WallHistory
from app.domain.pairing.pair_counts import Minutes
from app.domain.pairing.pairing_state import PairingPolicy, PairingState
from app.domain.pairing.policy_history import PolicyHistory
from app.domain.pairing.reading import FOREVER, Reading
from app.domain.pairing.reading_order import ReadingOrder
from app.domain.pairing.request import LEGACY, SHADOW
from app.domain.pairing.request_book import RequestBook
from app.domain.pairing.silences import Silence, Silences
from app.domain.pairing.sink import Sink
from schemas.half import Half
from schemas.record import SourceRecord

__all__ = ["Pairing"]


class Pairing:
    """See the module's text. ``ends`` says of each side whether all of it was read; who feeds keeps it true."""

    def __init__(
        self,
        policy: PairingPolicy,
        shadows_of: Callable[[str], tuple[str, ...] | Literal["auto"]],
        decode: Callable[[SourceRecord], Half],
        is_misrouted: Callable[[SourceRecord, Half], bool],
        state: PairingState | None = None,
        positions: Sequence[int] = (0, 0),
    ) -> None:
        self._policy = policy
        self.ends = [False, False]
        self._saved = state
        floors = state.floors if state else [UNKNOWN, UNKNOWN]
        self.times = [LogTime(positions[side], floors[side]) for side in (LEGACY, SHADOW)]
        self._silences = Silences(state.silences if state else [])
        self._policies = PolicyHistory(policy, state.policies if state else None)
        self._order = ReadingOrder(state.order if state else [])
        self.book = RequestBook(Minutes(), self._policies.entries[0])
        counting = EventCounting(self.book, is_misrouted, policy.clock_skew_ms)
        self._reading = Reading(decode, self.book, counting, self.times, shadows_of, policy.window_ms, live=state is None)
        self._tops_by_wall = (WallHistory(policy.wait_ms), WallHistory(policy.wait_ms))
        self.models = self._reading.models
        for name, known in (state.models if state else {}).items():
            self._reading.meet(name, known)

    # Reading

    def feed(self, side: int, records: Sequence[SourceRecord], end: int, sink: Sink) -> int:
        """Read records of one side up to the offset ``end``; how many were taken, which is all unless the other side lags.

        A log that is ahead by more than a window waits for the other: what is held stays bounded, and what a model expects
        is judged with both logs in sight.
        """
        time = self.times[side]
        if not records:
            time.position = end
        elif side == LEGACY and self.times[SHADOW].top == UNKNOWN and not self._may_overrun(side):
            return 0
        taken = 0
        while taken < len(records):
            self._repeat_silences(sink)
            part = self._next_part(side, records, taken)
            if not part:
                break
            before, barrier, overruns = self._positions(), self._barrier(side), self._may_overrun(side)
            if time.top > barrier and not overruns:  # one far timestamp, and all that follows it has that moment
                break
            far = overruns if self._reading.live else self._order.is_far()
            self.book.far_beyond = barrier if far else FOREVER
            taken += (count := self._read(side, part, FOREVER if overruns else barrier, sink))
            time.read(part[0].offset, records[taken].offset if taken < len(records) else end, time.top)
            if self._reading.live and time.top > barrier:
                self._order.note(*before)
                self._order.note(*self._positions(), far=far)
            if count < len(part):
                break
        self._advance(sink)
        return taken

    def _positions(self) -> tuple[int, int]:
        return self.times[LEGACY].position, self.times[SHADOW].position

    def _next_part(self, side: int, records: Sequence[SourceRecord], taken: int) -> Sequence[SourceRecord]:
        """The records up to the next point where something changes; in normal life all of them."""
        first = records[taken].offset
        self.times[side].position = max(self.times[side].position, first)  # offsets have holes: nothing lies before the record
        boundary = self._order.boundary(side, self._positions())
        if first >= boundary:
            return ()
        entry, until = self._policies.at(side, first)
        self.book.policy = entry
        boundary = min(boundary, until)
        part = records[taken:] if taken else records
        return part if boundary == FOREVER else [record for record in part if record.offset < boundary]

    def _barrier(self, side: int) -> int:
        """How far this side's time may go with what is known of the other's, if the outcome is not to depend on the order."""
        other = 1 - side
        return max(self.times[other].top, self._reading.next_moments[other]) + self._lead_ms()

    def _lead_ms(self) -> int:
        return self._policies.lead_ms(self.book.policy.wait_ms)

    def _may_overrun(self, side: int) -> bool:
        """Whether there is nothing of the other side to wait for, now or, in a rebuild, at this point of the first time."""
        waits = self._order.waits(1 - side, self._positions())
        return self.ends[1 - side] if waits is None else waits

    def _read(self, side: int, records: Sequence[SourceRecord], barrier: int, sink: Sink) -> int:
        # Legacy events are read when the shadows of their time have been: what is expected is learned from those.
        stop = barrier if side or barrier == FOREVER else barrier - self._lead_ms() - 1
        return self._reading.read(side, records, stop, barrier, self._passed()[SHADOW], sink)

    def _tops(self) -> tuple[int, int]:
        return self.times[LEGACY].top, self.times[SHADOW].top

    def _passed(self) -> list[int]:
        """How far each side may be taken to be, silences included."""
        return [max(top, passed) for top, passed in zip(self._tops(), self._silences.passed, strict=True)]

    def _advance(self, sink: Sink) -> None:
        if self.book.advance(self._tops(), min(self._passed()), sink):
            self._reading.begin_minutes()

    def _repeat_silences(self, sink: Sink) -> None:
        """In a rebuild: what was given up at this point is given up again."""
        repeated = False
        while (silence := self._silences.due(self._positions())) is not None:
            self._silences.take(silence)
            self.book.give_up(silence.side, silence.moment, self._tops(), sink)
            repeated = True
        if repeated:
            self._advance(sink)

    # Silence

    def idle(self, now_ms: int, idle_ms: Sequence[int | None], sink: Sink) -> bool:
        """Move the time of a silent side past what has waited for it as long as it is to wait; whether anything changed.

        ``now_ms`` is wall time by the broker's answers, ``idle_ms`` how long each side has said nothing, None while there is
        more to read.
        """
        wait_ms = self._policy.wait_ms
        silent = [idle is not None and idle >= wait_ms for idle in idle_ms]
        moved = False
        for side in (LEGACY, SHADOW):
            known = self._tops_by_wall[1 - side].before(now_ms, self.times[1 - side].top)
            # What waits may be a half of either side; this one has said nothing for as long.
            reach = max(known, self.times[side].top)
            if not silent[side] or reach == UNKNOWN:
                continue
            moment, passed = reach + wait_ms + 1, self._passed()[side]
            if known > passed + wait_ms or self.book.waits_below(side, moment):
                silence = Silence(*self._positions(), side, moment, known)
                self._order.note(*self._positions(), pinned=True)
                self._silences.add(silence)
                self.book.give_up(side, moment, self._tops(), sink)
                moved = True
        if moved:
            self._advance(sink)
        elif all(silent) and self.book.minutes.cells:
            self._give_out(sink)
            moved = True
        return moved

    def _give_out(self, sink: Sink) -> None:
        """Nothing comes any more: what there is of the minutes is shown now."""
        for minute, cells in self.book.minutes.over(FOREVER):
            sink.count(minute, cells)
        self._reading.begin_minutes()

    # Checkpoint

    def rebuilt(self, sink: Sink) -> None:
        """All up to the checkpoint was read: take up what it says, and what the configuration says since."""
        if self._saved is not None:
            self._repeat_silences(sink)
            for time, top in zip(self.times, self._saved.tops, strict=True):
                time.top = max(time.top, top)
            self._silences.passed = list(self._saved.passed)
            self._advance(sink)
            self.book.totals = self._saved.totals
            self.book.minutes.cells = self._saved.minutes
            self.book.minutes.told_after |= self._saved.told_after
            self._saved = None
        legacy, shadow = (time.position for time in self.times)
        changed = [self._policies.take_up(legacy, shadow)]
        self._reading.begin_minutes()
        changed += [model.expectation.configure(legacy, shadow) for model in self.models.values()]
        if any(changed):
            self._order.note(legacy, shadow)
        self._reading.live = True

    def low(self) -> list[int]:
        """From where each log has to be read again to know all that is known now."""
        oldest = min(self._passed()) - self._policies.reach_ms()
        low = [time.low(oldest) for time in self.times]
        self._order.forget(*low)
        self._silences.forget(*low)
        self._policies.forget(*low)
        forgotten = oldest - LEARNING_WINDOWS * self._policy.window_ms
        for name in [name for name, model in self.models.items() if model.newest < forgotten and not model.ids]:
            del self.models[name]
        return low

    def state(self, low: Sequence[int]) -> PairingState:
        """What the logs cannot give back."""
        for model in self.models.values():
            if len(model.expectation.entries) > 1:
                model.expectation.forget(*low)
        return PairingState(
            tops=[time.top for time in self.times],
            floors=[time.floor for time in self.times],
            silences=self._silences.entries,
            passed=self._silences.passed,
            policies=self._policies.entries,
            order=self._order.marks,
            models={name: model.expectation.state() for name, model in self.models.items()},
            minutes=self.book.minutes.cells,
            told_after=self.book.minutes.told_after,
            totals=self.book.totals,
        )
