"""When an alert begins that was told before: never twice at the same time, and not after a clock that was wrong.

``startsAt`` is the event time of the statement that made the alert fire, but later than the last ``endsAt`` of the same
fingerprint: event times may go back, and two episodes of one fingerprint must not share an id. Other alerts of the model have
no say in it. Nor has an end that is more than ``WRONG_CLOCK_MS`` ahead of the statement: a clock was wrong then. Scenario that
this prevents: 1. one record a day ahead resolves an alert; 2. the clock is right again, and the alert fires; 3. it would
begin a day after the statistics that it rests on. Held by
``tests/unit/domain/test_told_before.py::test_no_alert_begins_after_a_clock_that_was_a_day_ahead``.

Bounded: ``MOST`` fingerprints, those that were told last, and ``_RUNS`` runs of beginnings of each.

Delivery guarantees: plain data; the same statements give the same beginnings.
"""

from msgspec import Struct

__all__ = ["MOST", "WRONG_CLOCK_MS", "ToldBefore"]

#: About 80 bytes each, of a thousand models at most. One that was let go begins with its statement, whatever its end was.
MOST = 32
#: As in ``passing_time``: event times of one model may be so far apart while all clocks are right.
WRONG_CLOCK_MS = 3_600_000
#: Two sources whose clocks are apart take turns; more do not.
_RUNS = 4


class _Past(Struct, frozen=True, array_like=True, gc=False):
    """``until``: the last end, 0 before there is one. ``runs``: the last beginnings, the newest at the end.

    Those that follow each other by a millisecond are a run, with its first and its last: a clock that stands still makes one.
    """

    until: int = 0
    runs: tuple[tuple[int, int], ...] = ()


class ToldBefore(Struct, gc=False):
    """See the module's text.

    >>> told = ToldBefore()
    >>> told.begin("f", 1_000), told.end("f", 5_000), told.begin("f", 3_000)
    (1000, None, 5001)
    """

    past: dict[str, _Past] = {}

    def begin(self, mark: str, at: int) -> int:
        """The beginning of an alert with this fingerprint, of which a statement says at ``at`` that it fires."""
        past = self.past.get(mark, _Past())
        starts = at if past.until - at > WRONG_CLOCK_MS else max(at, past.until + 1)
        first = starts
        for run in sorted(past.runs):
            if run[0] <= starts <= run[1] + 1:
                first, starts = min(first, run[0]), run[1] + 1
        runs = [run for run in past.runs if not first <= run[0] <= starts]
        self._keep(mark, _Past(past.until, (*runs, (first, starts))[-_RUNS:]))
        return starts

    def end(self, mark: str, at: int) -> None:
        """It ended."""
        self._keep(mark, _Past(at, self.past.get(mark, _Past()).runs))

    def _keep(self, mark: str, past: _Past) -> None:
        self.past.pop(mark, None)
        self.past[mark] = past
        if len(self.past) > MOST:
            del self.past[next(iter(self.past))]
