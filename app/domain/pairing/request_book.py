"""The requests of one partition: opened, completed or given up, and remembered until their horizon is over.

Every half that was taken in is *waiting* until its request is written or it turns out to be late; every other event of a
request that is known already is a duplicate or late. So of the events read, each is counted in exactly one place:
``read = in_records + duplicate + late + rejected + waiting``.
"""

from collections.abc import Sequence

from app.domain.pairing.clock_gaps import COMPARED_MASK, compare_halves, compare_late
from app.domain.pairing.deadlines import Deadlines
from app.domain.pairing.expectation import Expectation
from app.domain.pairing.model import Model
from app.domain.pairing.pair_counts import Minutes
from app.domain.pairing.pairing_state import PolicyEntry, Totals
from app.domain.pairing.request import LEGACY, SHADOW, Copy, Request, attach, find_copy, status_of
from app.domain.pairing.sink import Sink
from schemas.half import Half

__all__ = ["RequestBook"]

_SIDES = (LEGACY, SHADOW)


class RequestBook:
    """``tops`` are the times of the two logs; ``policy`` is the settings of the moment.

    ``far_beyond`` is the time from which on a half of the log that is being read is far ahead of the other log.
    """

    def __init__(self, minutes: Minutes, policy: PolicyEntry) -> None:
        self.minutes = minutes
        self.policy = policy
        self.far_beyond = 0
        self.totals = Totals()
        self.waiting = 0
        self._deadlines: tuple[Deadlines[Request], Deadlines[Request]] = (Deadlines(), Deadlines())
        self._expiries: Deadlines[Request] = Deadlines()

    def open(self, model: Model, side: int, half: Half, sink: Sink, *, after: Request | None = None) -> None:
        """The first half of a request; of one ``after`` another with the same id, where that is still remembered."""
        request = self._begin(model, side, half)
        model.ids[half.request_id] = request
        if after is not None:
            request.previous = after
        if half.moment <= request.limit:  # the ordinary beginnings, in one step: only the other side is waited for
            if side == LEGACY:
                if request.expected:
                    self._deadlines[SHADOW].add(request.limit, request)
                    return
            elif request.expected == (half.version,):
                self._deadlines[LEGACY].add(request.limit, request)
                return
        self._settle(request, sink)

    def _begin(self, model: Model, side: int, half: Half) -> Request:
        timestamp, moment, policy = half.timestamp, half.moment, self.policy
        limit, expected = timestamp + policy.wait_ms, model.expectation.at(side, half.source.offset)
        self.waiting += 1
        if side == LEGACY:
            request = Request(model, half.request_id, limit, timestamp, moment, expected, policy, half, moment)
        else:
            request = Request(model, half.request_id, limit, timestamp, moment, expected, policy, None, -1, (half,), moment)
        if moment > self.far_beyond:
            request.far_sides = 1 << side
        return request

    def meet(self, request: Request, side: int, half: Half, sink: Sink) -> None:
        """A further half, or a copy, of a request that is known."""
        model, moment = request.model, half.moment
        if request.previous is None and self._complete(request, side, half, sink):
            return
        if moment > request.limit and moment > request.horizon():
            self.open(model, side, half, sink, after=request)
            return
        while request.previous is not None and moment <= request.previous.horizon():
            request = request.previous
        if moment < request.first and self._precedes(request, half):
            earlier = self._begin(model, side, half)
            earlier.previous, request.previous = request.previous, earlier
            self._settle(earlier, sink)
            return
        copy = find_copy(request, side, half)
        if copy is not None:
            self._duplicate(model, side, half, copy, sink)
        elif request.expiry:
            self._late(request, side, half, "its record was written without it", sink)
        else:
            self._attach(request, side, half, sink)

    def _complete(self, request: Request, side: int, half: Half, sink: Sink) -> bool:
        """The ordinary end of a request: one half is held, and this is the only one that is missing.

        It does what ``_attach`` would do, at half the cost; whatever is out of the ordinary is left to that. A request that
        was written holds nothing.
        """
        model: Model = request.model
        if side == SHADOW:
            held, shadow, expected = request.legacy, half, request.expected
            if held is None or request.shadows:
                return False
        else:
            if len(request.shadows) != 1 or request.legacy is not None:
                return False
            held = shadow = request.shadows[0]
            expected = model.expectation.at(LEGACY, half.source.offset)
        if len(expected) != 1 or expected[0] != shadow.version:
            return False
        timestamp, moment, closing = half.timestamp, half.moment, held.moment
        if moment > closing or (moment == closing and side == SHADOW):
            if moment > request.limit:
                return False
            closing = moment
        elif closing > timestamp + request.policy.wait_ms or request.far_sides:  # what is held would be late, or this half
            return False
        if side == SHADOW:
            request.shadows = (half,)
        else:
            request.legacy, request.expected = half, expected
        if timestamp < request.opening:
            request.opening = timestamp
        sink.write(request, "paired")
        self._sealed(request, closing, halves=2, waited=1)
        cell = model.cells[side] if closing == moment else self.minutes.cell(model.name, closing)
        cell.paired += 1
        legacy = half if side == LEGACY else held
        if not legacy.source.offset & COMPARED_MASK:
            cell.note_gap(shadow.version, shadow.timestamp - legacy.timestamp, request.policy.wait_ms)
        return True

    def _sealed(self, request: Request, closing: int, *, halves: int, waited: int) -> None:
        """Count what was written, and remember the request until its horizon is over."""
        totals = self.totals
        totals.in_records += halves
        totals.records += 1
        self.waiting -= waited
        request.seal(closing)
        self._expiries.add(request.expiry, request)

    def _precedes(self, request: Request, half: Half) -> bool:
        """Whether the horizon of a request that ``half`` opens is over before ``request`` begins: the logs were far apart."""
        policy = request.policy
        return request.first > max(half.timestamp + policy.wait_ms, half.moment) + policy.deduplication_ms

    def _attach(self, request: Request, side: int, half: Half, sink: Sink) -> None:
        late = attach(request, side, half)
        self.waiting += 1 - len(late)
        refused = bool(late) and late[0][1] is half
        expectation: Expectation = request.model.expectation
        # before what came late is counted, so that the order of reading does not count
        if request.legacy is not None and not refused and (side == LEGACY or late):
            request.expected = expectation.at(LEGACY, request.legacy.source.offset)
        elif request.legacy is None and not refused and late:
            request.expected = expectation.at(SHADOW, request.shadows[0].source.offset)
        for late_side, other in late:
            detail = f"its log had passed the request's limit, {request.limit}, when it came"
            self._late(request, late_side, other, detail, sink)
        if refused:
            return
        request.far_sides = request.far_sides & ~(1 << side) | (half.moment > self.far_beyond) << side
        self._settle(request, sink)

    def _settle(self, request: Request, sink: Sink) -> None:
        """Write the request if it is complete, else have it looked at when the logs that it misses have passed it."""
        lacks_shadow = request.lacks(SHADOW)
        if request.legacy is None:
            self._deadlines[LEGACY].add(request.deadline(LEGACY), request)
        elif not lacks_shadow:
            self._close(request, request.complete_at(), sink)
            return
        if lacks_shadow:
            self._deadlines[SHADOW].add(request.deadline(SHADOW), request)

    def give_up(self, side: int, moment: int, tops: Sequence[int], sink: Sink) -> None:
        """Over a silence of ``side``: close what has waited for it with a deadline below ``moment``."""
        for request in self._deadlines[side].passed(moment):
            if not request.expiry and moment > request.deadline(side):
                request.silent_sides |= 1 << side
            self._look(request, side, tops, sink)

    def advance(self, tops: Sequence[int], low: int, sink: Sink) -> bool:
        """Close what the logs have passed, forget what is beyond its horizon, give out the minutes that are over, if any.

        ``low`` is the time that both sides have passed, silences included.
        """
        for side in _SIDES:
            for request in self._deadlines[side].passed(tops[side]):
                if not request.expiry:
                    self._look(request, side, tops, sink)
        for request in self._expiries.passed(low):
            ids = request.model.ids
            newest = ids.pop(request.request_id, None)
            if newest is not request and newest is not None:  # the id came again since
                ids[request.request_id] = newest
                self._unlink(newest, request)
        over = self.minutes.over(low)
        for minute, cells in over:
            sink.count(minute, cells)
        return bool(over)

    @staticmethod
    def _unlink(newer: Request, request: Request) -> None:
        while newer.previous is not None:
            if newer.previous is request:
                newer.previous = request.previous
                return
            newer = newer.previous

    def _look(self, request: Request, side: int, tops: Sequence[int], sink: Sink) -> None:
        if request.expiry or not request.lacks(side):
            return
        if not request.given_up(side, tops[side]):  # its deadline has moved on
            self._deadlines[side].add(request.deadline(side), request)
            return
        other = 1 - side
        if request.lacks(other) and not request.given_up(other, tops[other]):
            return  # the other calendar has it
        self._close(request, request.given_up_at(), sink)

    def _close(self, request: Request, closing: int, sink: Sink) -> None:
        status = status_of(request)
        sink.write(request, status)
        halves = len(request.shadows) + (request.legacy is not None)
        cell = self.minutes.cell(request.model.name, closing)
        setattr(cell, status, getattr(cell, status) + 1)
        compare_halves(cell, request)
        if request.model.expectation.is_configured:
            for half in request.shadows:
                if half.version not in request.expected:
                    cell.note_unexpected(half.version)
        self._sealed(request, closing, halves=halves, waited=halves)

    def waits_below(self, side: int, moment: int) -> bool:
        """Whether a request waits for this side with a deadline below ``moment``."""
        return self._deadlines[side].any_below(moment, lambda request: not request.expiry and request.lacks(side))

    def _late(self, request: Request, side: int, half: Half, why: str, sink: Sink) -> None:
        model: Model = request.model
        cell = self.minutes.cell(model.name, half.moment)
        cell.late += 1
        compare_late(cell, request, side, half)
        request.remember(side, half)
        self.totals.late += 1
        sink.refuse(side, half.source, "late", f"request {half.request_id} of {model.name}: {why}")

    def _duplicate(self, model: Model, side: int, half: Half, copy: Copy, sink: Sink) -> None:
        self.totals.duplicate += 1
        self.minutes.cell(model.name, half.moment).duplicate += 1
        what = "conflicting: differs from the copy that was read first" if copy.conflicting else "same as the copy read first"
        sink.refuse(side, half.source, "duplicate", f"{what}; request {half.request_id} of {model.name}")
