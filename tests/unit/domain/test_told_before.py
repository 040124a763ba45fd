"""When an alert begins that was told before."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.decisions.told_before import MOST, WRONG_CLOCK_MS, ToldBefore
from schemas.statistics import DriftStatistics
from tests.decide_builders import drift, fold, of_type, send_all

DAY = 24 * 60


def begun(*statistics: DriftStatistics) -> list[str]:
    """The beginnings of what fires."""
    decide = fold(AlertPolicy(keep_firing_for_s=0, group_s=0), RetrainPolicy(enabled=False))
    return [one["startsAt"] for one in of_type(send_all(statistics, decide), "alerts") if one["status"] == "firing"]


def test_no_alert_begins_after_a_clock_that_was_a_day_ahead() -> None:
    """1. An alert is resolved by a record of tomorrow; 2. another fires; 3. the same fires again."""
    story = drift(1, "drift"), drift(DAY, "quiet"), drift(2, "drift", name="age"), drift(3, "drift")
    assert begun(*story) == ["2026-09-21T14:15:19.999Z", "2026-09-21T14:16:19.999Z", "2026-09-21T14:17:19.999Z"]


def test_nor_does_one_that_was_told_by_that_clock_itself() -> None:
    story = drift(1, "drift"), drift(1, "quiet"), drift(DAY, "drift"), drift(DAY, "quiet"), drift(3, "drift")
    assert begun(*story)[2] == "2026-09-21T14:17:19.999Z"


def test_an_alert_begins_behind_its_own_end_and_not_behind_that_of_others() -> None:
    story = drift(1, "drift"), drift(9, "quiet"), drift(5, "drift"), drift(6, "drift", name="age")
    assert begun(*story) == ["2026-09-21T14:15:19.999Z", "2026-09-21T14:23:20.000Z", "2026-09-21T14:20:19.999Z"]


times = st.lists(st.sampled_from([0, 1, 2, WRONG_CLOCK_MS, WRONG_CLOCK_MS + 1, 3 * WRONG_CLOCK_MS]), max_size=5)


@given(times)
def test_no_two_beginnings_are_the_same_and_none_is_far_from_its_statement(ats: list[int]) -> None:
    told, starts = ToldBefore(), list[int]()
    for at in ats:
        starts.append(told.begin("f", at))
        assert 0 <= starts[-1] - at <= WRONG_CLOCK_MS + 1 + len(ats)
        told.end("f", max(at, starts[-1]))
    assert all(one != other for one, other in pairwise(sorted(starts)))


def test_a_clock_that_stands_still_begins_no_two_at_the_same_time() -> None:
    """1. It fires by one source whose time stands still; 2. another, hours ahead, resolves it; and so on."""
    told, starts = ToldBefore(), list[int]()
    for number in range(10):
        starts.append(told.begin("f", 1_000))
        told.end("f", 8 * WRONG_CLOCK_MS + number)
    assert starts == list(range(1_000, 1_010))


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    told = ToldBefore()
    for number in range(MOST + 2):
        told.begin(f"f{number}", number)
        told.begin("f1", number)
    assert len(told.past) == MOST
    assert "f0" not in told.past
    assert "f1" in told.past
