"""Runs into a fold: what waits is fed until nothing moves, a few milliseconds at a time.

A worker has one event loop for all its partitions and roles. Feeding is therefore done in **turns**: one that has lasted
``TURN_S`` ends after the run or step that it is at, and goes on when whoever else is waiting has been let on. A commit does not
wait for all that there is to read, but for the steps of a single run (``settle``): in between, a fold is not asked anything.

A fold that takes nothing has still seen what comes next on that side, and may now take of another. Scenario that a second
round prevents: 1. in a rebuild, legacy waits for the shadow log; 2. shadow comes, and waits for legacy in turn, but says
how far it reaches; 3. nobody tries legacy again, and no further run comes: the shard never goes live. Held by
``tests/unit/app/test_feeding.py::test_what_a_refusal_has_shown_lets_the_other_side_on``.

A side may be *paused* by its fold (``Fold.pause_s``): its runs wait, and each commit interval looks whether that is over.

May not happen: a commit in the middle of a fold's steps; it would say that a run was taken whose outputs are still to come.
Held by ``tests/unit/app/test_feeding.py``. An error in a later turn is told to ``fail``, in a first one raised.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from app.folds.fold import Fold, Outbox, Run, Silent, Steps
from app.folds.intake import Intake
from app.folds.log_ends import LogEnds

__all__ = ["TURN_S", "Feeding"]

#: What a heartbeat, a request or another role's commit may wait for each of its round trips.
TURN_S = 0.005


class Feeding:
    """See the module's text. ``replayed`` is called once, when the fold is where it was; ``taken`` with what it took since."""

    def __init__(
        self,
        fold: Fold,
        outbox: Outbox,
        log_ends: LogEnds,
        sides: int,
        replayed: Callable[[], None],
        taken: Callable[[int], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self._fold, self._outbox, self._log_ends = fold, outbox, log_ends
        self._replayed, self._taken, self._fail = replayed, taken, fail
        self._intake = Intake(sides)
        self._sides, self._side = sides, 0
        self._steps: Steps | None = None
        self._settling = 0
        self.silent, self.stopped = True, False
        self._resting = False
        self._paused_until = [0.0] * sides  # by the event loop's clock
        #: Set when it may be less busy, or when anything else has changed that one waits for here.
        self.news = asyncio.Event()

    @property
    def positions(self) -> list[int]:
        """Up to where the fold has taken each side."""
        return self._intake.positions

    @property
    def busy(self) -> bool:
        """Whether it goes on by itself: the turn has ended, or a commit goes first."""
        return (self._resting or self._settling > 0) and not self.stopped

    def begin(self, low: Sequence[int], silent_until: Sequence[int]) -> None:
        """Read from ``low`` on, up to the checkpoint in silence."""
        self._intake.begin(low, silent_until)
        self.pump()

    def wants(self, side: int) -> bool:
        """Whether more of this side should be fetched."""
        return not self._intake.is_full(side) and (self.silent or self._fold.wants(side))

    def expects(self, side: int) -> int:
        """The offset at which the next run of this side has to begin."""
        return self._intake.expects(side)

    def offer(self, side: int, run: Run) -> bool:
        """Take a run that begins where this side stands; False for any other, with a hole before it or from before a seek."""
        if self.stopped or not self._intake.offer(side, run):
            return False
        self._log_ends.broken(side)
        self.pump()
        return True

    def let_time_pass(self) -> bool:
        """Tell the fold for how long each side has been silent; whether that changed anything."""
        self._tell_ends()
        idle_ms = self._log_ends.idle_ms(self._intake.positions, self._intake.waiting())
        return self._fold.idle(idle_ms, self._outbox)

    async def settle(self) -> None:
        """Have the fold finish what it has in hand; who called may ask it anything, as long as nothing else is awaited."""
        if not self._has_work():
            return
        self._settling += 1
        while self._has_work():
            self.news.clear()
            await self.news.wait()
        self._settling -= 1
        self._rest()

    def _has_work(self) -> bool:
        return self._steps is not None and not self.stopped

    def paused(self) -> list[int]:
        """The sides of which the fold takes nothing for now, on purpose."""
        return [side for side in range(self._sides) if self._is_paused(side)]

    def _is_paused(self, side: int) -> bool:
        until = self._paused_until[side]
        return until > 0.0 and asyncio.get_running_loop().time() < until

    def stop(self) -> None:
        """Feed nothing more."""
        self.stopped = True
        self.news.set()

    # Turns

    def pump(self) -> None:
        """Feed what the fold takes, side after side, until nothing moves or the turn is over."""
        if self._resting:
            return
        end = time.perf_counter() + TURN_S
        while not self.stopped and self._move():
            if time.perf_counter() >= end:
                self._side = (self._side + 1) % self._sides  # or one that never runs dry would keep the others waiting
                self._rest()
                return
        self.news.set()

    def _rest(self) -> None:
        if not self._resting:
            self._resting = True
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        try:
            self.pump()
        except Exception as error:  # noqa: BLE001  whatever it is, the fold's state is not to be trusted any more
            self._fail(error)

    def _move(self) -> bool:
        """Do the next thing; whether there was any."""
        if self._steps is not None:
            self._step()
            return True
        if self._settling:
            return False
        # Twice, since a fold that takes nothing of one side may have seen what it needs for another.
        for _ in range(2 * self._sides):
            if self._feed():
                return True
            self._side = (self._side + 1) % self._sides
        if self.silent and all(self._intake.replayed()):
            self._side = 0
            self._fold.rebuilt()
            self.silent = False
            self._log_ends.begin()
            self._replayed()
            return True
        return False

    def _feed(self) -> bool:
        """Feed the first run that waits on the present side, as far as it is taken; whether anything moved."""
        run = self._intake.first(self._side, silent=self.silent)
        if run is None or self._is_paused(self._side):
            return False
        self._tell_ends()
        taken = self._fold.feed(self._side, run, Silent() if self.silent else self._outbox)
        if taken is not None and not isinstance(taken, int):
            self._steps, taken = taken, None
        events = self._intake.took(self._side, taken)
        if events is not None and not self.silent:
            self._taken(events)
            if pause_s := self._fold.pause_s(self._side):
                self._paused_until[self._side] = asyncio.get_running_loop().time() + pause_s
        return events is not None

    def _step(self) -> None:
        if self._steps is not None and next(self._steps, self) is self:
            self._steps = None

    def _tell_ends(self) -> None:
        ends, answered_ms = self._log_ends.look(self._intake.positions)
        self._fold.sees_ends(self._intake.replayed() if self.silent else ends, answered_ms)
