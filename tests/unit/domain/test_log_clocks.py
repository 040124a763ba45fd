"""Clocks of outcomes: what moves them, whom they wait for, and for how long."""

import random

import pytest

from app.domain.detection.log_clocks import SourceClocks
from app.domain.detection.state_codec import decode_state, encode_state


def test_one_outcome_in_ten_that_is_a_day_ahead_moves_no_clock() -> None:
    rng = random.Random(1)
    clocks = SourceClocks(quiet=20_000, quiet_ms=86_400_000)
    for at in range(100_000):
        assert clocks.take(at % 4, 1_000 * at + (86_400_000 if rng.random() < 0.1 else 0)) <= 1_000 * at
    assert clocks.now_ms > 1_000 * (at - 70)


@pytest.mark.parametrize(("step_ms", "outcomes"), [(1, 1_000), (100_000, 15)], ids=["by number", "by event time"])
def test_a_partition_that_is_silent_is_not_waited_for_for_ever(step_ms: int, outcomes: int) -> None:
    clocks = SourceClocks(quiet=1_000, quiet_ms=1_000_000)
    for at in range(40):
        clocks.take(at % 2, 1 + at)
    waited = clocks.now_ms
    time_ms = 40
    for at in range(outcomes):
        time_ms += step_ms
        clocks.take(0, time_ms)
        assert clocks.now_ms == waited or at > outcomes - 3
    for _ in range(12):
        time_ms += step_ms
        clocks.take(0, time_ms)
    assert clocks.now_ms > time_ms - 13 * step_ms


def test_a_partition_of_few_outcomes_holds_the_others_back_by_no_more_than_is_allowed() -> None:
    clocks = SourceClocks(quiet=1_000, quiet_ms=1_000)
    for at in range(5_000):
        clocks.take(int(at % 100 == 0), at)
        assert clocks.now_ms >= at - 1_000 - 13
    assert clocks.now_ms == at - 1_000 - 12


def test_the_state_is_restored_exactly_wherever_it_is_cut() -> None:
    rng = random.Random(2)
    whole, cut = (SourceClocks(quiet=200, quiet_ms=500) for _ in range(2))
    for at in range(3_000):
        source, time_ms = min(rng.randrange(6), rng.randrange(1 + at // 300)), at + rng.choice([0, -30, 5_000])
        assert whole.take(source, time_ms) == cut.take(source, time_ms)
        if rng.random() < 0.1:
            cut = SourceClocks.load(decode_state(encode_state(cut.dump())), quiet=200, quiet_ms=500)
    assert encode_state(cut.dump()) == encode_state(whole.dump())
