"""Answers that are timed by a wall clock, which somebody sets, and what silence is measured by."""

from __future__ import annotations

import pytest

from app.folds.answer_times import AnswerTimes
from app.folds.silence import Silence

HOUR = 3_600.0


class Clocks:
    """The true time goes on by ``pass_``; the wall clock is set by ``jump``."""

    def __init__(self) -> None:
        self.now, self.ahead = 1_000.0, 1_700_000_000.0
        self.times = AnswerTimes(lambda: self.now + self.ahead, lambda: self.now)
        self.silence = Silence(lambda: self.now)
        self.answered_ms: int | None = None

    def pass_(self, seconds: float) -> None:
        self.now += seconds

    def jump(self, seconds: float) -> None:
        self.ahead += seconds

    def answer(self) -> None:
        self.answered_ms = int((self.now + self.ahead) * 1000)

    def at(self) -> float:
        return self.times.steady("predictions.legacy-1", self.answered_ms)

    def lasts_ms(self) -> int:
        return self.silence.lasts_ms(self.at())


def test_without_an_answer_there_is_no_time() -> None:
    clocks = Clocks()
    assert clocks.at() == 0.0
    clocks.answer()
    assert clocks.at() == pytest.approx(1_000.0, abs=0.002)
    clocks.answered_ms = None  # the partition went, and came again
    assert clocks.at() == 0.0


def test_the_time_of_an_answer_does_not_move_while_it_is_looked_at_again() -> None:
    clocks = Clocks()
    clocks.answer()
    first = clocks.at()
    clocks.pass_(10.0)
    clocks.jump(0.3)
    assert clocks.at() == first


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 7.0, -7.0])
@pytest.mark.parametrize("looked_at_between", [True, False])
def test_a_clock_that_is_set_makes_no_silence_and_ends_none(jump: float, looked_at_between: bool) -> None:
    """An answer each half second; in the midst the clock is set, before or after the newest answer was looked at."""
    clocks = Clocks()
    told = []
    for half_second in range(1, 41):
        clocks.pass_(0.5)
        clocks.answer()
        if half_second == 20:
            if looked_at_between:
                clocks.lasts_ms()
            clocks.jump(jump)
        told.append(clocks.lasts_ms())
    true = [max(0, k - 1) * 500 for k in range(1, 41)]
    assert all(0 <= one <= other + 2 for one, other in zip(told, true, strict=True)), told
    assert told[-1] == pytest.approx(true[-1], abs=2)
    assert max(other - one for one, other in zip(told, true, strict=True)) <= 1_002
