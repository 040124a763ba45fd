"""A training that needs labels waits until enough pairs of its window have an outcome."""

from msgspec.structs import replace

from app.domain.decisions.retrain_labels import LABELLED
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import MINUTE_MS, START, Desk, drift

HALF = RetrainPolicy(minimum_label_share=0.5, cooldown_s=60)
TOO_FEW = 'triggers_suppressed_total{reason="too_few_labels"}'


def errors(minute: int, labelled: int, share: float | None, version: str = "1.4.0") -> DriftStatistics:
    """What is told of the errors of a window: so many pairs with an outcome, this share of those that were waited for."""
    told = drift(minute, "quiet", "error", "", version=version, **({} if share is None else {"label_share": share}))
    return replace(told, window=replace(told.window, events=labelled))


def minutes(desk: Desk) -> list[int]:
    return [(one["window"]["end"] - START) // MINUTE_MS for one in desk.triggers]


def test_a_drift_waits_for_the_outcomes_of_its_window() -> None:
    desk = Desk(HALF).read(drift(5, "drift", change=3), drift(6, "drift", change=3))
    assert (minutes(desk), desk.fold.figures()[TOO_FEW]) == ([], 1)
    desk.read(errors(2, 900, 0.9), errors(3, 900, 0.9), errors(4, 900, 0.9), drift(7, "drift", change=3))
    assert minutes(desk) == []  # 1,800 of the 5,000 pairs from minute 3 on
    desk.read(errors(5, 900, 0.9), drift(8, "drift", change=3))
    assert minutes(desk) == []  # 2,700 of 6,000
    desk.read(errors(6, 900, 0.9), drift(9, "drift", change=3))
    assert minutes(desk) == [9]  # 3,600 of 7,000


def test_without_the_setting_nobody_waits_and_nothing_is_kept() -> None:
    desk = Desk(RetrainPolicy()).read(errors(4, 900, 0.9), drift(5, "drift", change=3))
    assert minutes(desk) == [5]
    assert desk.fold._decider.state.subjects["credit"].cooldown.labelled == []


def test_without_any_outcome_there_is_no_trigger_but_one_by_hand() -> None:
    served = [drift(n, "quiet", "prediction", "") for n in range(30)]
    desk = Desk(RetrainPolicy(minimum_label_share=0.01, schedule_s=600)).read(*served, drift(30, "drift", change=3))
    assert (minutes(desk), desk.fold.figures()[TOO_FEW]) == ([], 2)
    assert [one["reason"]["code"] for one in desk.act("trigger").triggers] == ["manual"]


def test_errors_count_labelled_pairs_so_their_share_is_of_those_that_were_waited_for() -> None:
    def told(share: float) -> list[DriftStatistics]:
        return [drift(n, "drift", "error", "", change=3, label_share=share) for n in range(5, 8)]

    few, enough = Desk(HALF).read(*told(0.4)), Desk(HALF).read(*told(0.6))
    assert (minutes(few), minutes(enough)) == ([], [5])


def test_an_open_window_that_is_told_again_counts_once_and_a_canary_beside_it_too() -> None:
    told = [errors(3, 400, 0.9), errors(3, 700, 0.9), errors(3, 100, 0.9, version="1.5.0")]
    desk = Desk(HALF).read(*told)
    assert [one.labelled for one in desk.fold._decider.state.subjects["credit"].cooldown.labelled] == [700, 100]


def test_errors_that_warm_up_count_as_labelled_and_say_nothing_of_what_was_waited_for() -> None:
    cooldown = Desk(HALF).read(errors(3, 400, None), errors(4, 500, 0.5)).fold._decider.state.subjects["credit"].cooldown
    assert (cooldown.label_share(30_000, 50_000, 2_000), cooldown.label_share(30_000, 50_000, 0)) == (0.45, 0.5)
    assert cooldown.label_share(30_001, 50_000, 0) == 0.5, "a window that begins before it is not counted"
    assert cooldown.label_share(0, 9, 0) == 0


def test_the_windows_of_a_long_cause_are_thinned_and_hardly_anything_is_lost() -> None:
    desk = Desk(RetrainPolicy(minimum_label_share=1.0)).read(drift(5, "drift", change=3))
    desk.read(*(errors(n, 800, 0.8) for n in range(1_000)))
    cooldown = desk.fold._decider.state.subjects["credit"].cooldown
    assert len(cooldown.labelled) <= LABELLED
    assert 0.72 < cooldown.label_share(30_000, 10_000_000, 997_000) <= 0.8
    assert cooldown.label_share(30_000, 10_000_000, 0) == 0.8
