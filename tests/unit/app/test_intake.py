"""What waits of each side, and the one law of it: every offset is fed once, in order, in silence or aloud but never both."""

from __future__ import annotations

import random

from app.folds.fold import Run
from app.folds.intake import RUNS_WAITING, Intake
from tests.shard_fakes import run


def standing_at(position: int, silent_until: int = 0) -> Intake:
    intake = Intake(2)
    intake.begin([position, 0], [silent_until, 0])
    return intake


def offsets(run: Run | None) -> list[int]:
    return [record.offset for record in run or ()]


def test_a_run_that_reaches_over_the_checkpoint_is_cut_there() -> None:
    intake = standing_at(2, silent_until=5)
    assert intake.offer(0, run(2, 8))
    assert offsets(intake.first(0, silent=True)) == [2, 3, 4]
    assert (intake.took(0, None), intake.positions[0], intake.replayed()) == (3, 5, [True, True])
    assert intake.first(0, silent=True) is None
    assert offsets(intake.first(0, silent=False)) == [5, 6, 7]


def test_what_was_not_taken_is_first_again() -> None:
    intake = standing_at(0)
    intake.offer(0, run(0, 4))
    assert (intake.took(0, 0), offsets(intake.first(0, silent=False))) == (None, [0, 1, 2, 3])
    assert (intake.took(0, 3), offsets(intake.first(0, silent=False)), intake.positions) == (3, [3], [3, 0])
    assert (intake.took(0, 1), intake.first(0, silent=False), intake.positions) == (1, None, [4, 0])


def test_a_stretch_without_records_moves_the_position() -> None:
    intake = standing_at(0)
    empty = Run()
    empty.start, empty.end = 0, 9
    assert intake.offer(0, empty)
    assert (intake.took(0, 0), intake.positions) == (0, [9, 0])


def test_it_is_full_with_so_many_runs_on_that_side() -> None:
    intake = standing_at(0)
    for at in range(RUNS_WAITING):
        assert not intake.is_full(0)
        intake.offer(0, run(at, at + 1))
    assert (intake.is_full(0), intake.is_full(1), intake.waiting()) == (True, False, [True, False])


def test_every_offset_is_fed_once_however_runs_overlap_and_are_taken() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        intake, fed, at = standing_at(0, silent_until=rng.randint(0, 50)), [], 0
        while len(fed) < 50:
            start = max(0, at - rng.randint(-2, 6))
            if intake.offer(0, run(start, min(50, start + rng.randint(1, 9)))):
                assert start <= at, "a hole before it"
                at = intake.expects(0)
            silent = not all(intake.replayed())
            if (first := intake.first(0, silent=silent)) is not None:
                fed += offsets(first)[: intake.took(0, rng.choice([None, 0, 1, 2])) or 0]
        assert fed == list(range(50))
