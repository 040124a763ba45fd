"""Causes that outcomes tell of a day late: they are decided in the model's present, and their pairs are those of yesterday."""

from typing import Any

import pytest
from msgspec.structs import replace

from app.domain.decisions.retraining import RetrainPolicy, RetrainReason
from schemas.statistics import DriftStatistics
from tests.decide_builders import MINUTE_MS, START, Desk, drift, of_type

HOUR = 60
#: So many minutes outcomes are behind what they tell of.
LATE = 25 * HOUR
SUPPRESSED = 'triggers_suppressed_total{{reason="{}"}}'


def error(now: int, change: int = 0, **more: Any) -> DriftStatistics:
    """What is told of errors in this minute of the model's: of pairs a day and an hour older."""
    return drift(now - LATE, "drift", "error", "", change=change, **more)


def present(now: int, name: str = "age") -> DriftStatistics:
    return drift(now, "quiet", name=name)


def hours(policy: RetrainPolicy, first: int, end: int, **more: Any) -> Desk:
    """The present moves on from this minute, errors drift in what is told of yesterday."""
    desk = Desk(policy)
    for now in range(first, end, 5):
        desk.read(present(now), error(now, **more))
    return desk


def decided(desk: Desk) -> list[tuple[str, int]]:
    """Why, and in which minute."""
    courses = desk.fold._decider.state.subjects["credit"].cooldown.courses
    codes = {one["trigger_id"]: one["reason"]["code"] for one in desk.triggers}
    return [(code, (courses[id_].decided - START) // MINUTE_MS) for id_, code in codes.items()]


def test_an_approval_may_take_as_long_as_any() -> None:
    desk = hours(RetrainPolicy(approval="required"), LATE, LATE + 20 * HOUR)
    [id_] = desk.ids
    desk.act("approve", trigger_id=id_, timestamp=START + (LATE + 19 * HOUR) * MINUTE_MS)
    assert (desk.letters, desk.ids) == ([], [id_, f"{id_}/approved"])
    desk = hours(RetrainPolicy(approval="required"), LATE, LATE + 25 * HOUR)
    assert desk.ids[:2] == [id_, f"{id_}/expired"]
    assert desk.triggers[1]["approval"]["at"] == "2026-09-23T15:14:19.999Z"  # a day after LATE


def test_an_approval_expires_in_the_present_though_late_outcomes_alone_are_told() -> None:
    desk = Desk(RetrainPolicy(approval="required", approval_expires_s=600)).read(present(LATE), error(LATE))
    desk.read(drift(LATE + 10, "quiet", "volume", ""), error(LATE + 10))
    assert [one["approval"]["state"] for one in desk.triggers] == ["pending", "expired"]


def test_a_pipeline_has_its_time_to_answer() -> None:
    def overdue(end: int) -> list[str]:
        desk = hours(RetrainPolicy(acknowledge_s=3_600), LATE, LATE + end)
        return [one["status"] for one in of_type(desk.out, "alerts") if one["labels"]["alertname"] == "RetrainOverdue"]

    assert (overdue(HOUR), overdue(HOUR + 5)) == ([], ["firing"])


def test_the_cooldown_begins_in_the_present() -> None:
    desk = Desk(RetrainPolicy()).read(present(LATE), error(LATE))
    desk.read(*(drift(n, "drift", change=LATE + 1) for n in range(LATE + 1, LATE + 7 * HOUR, 5)))
    assert decided(desk) == [("performance_drop", LATE), ("data_drift", LATE + 6 * HOUR + 1)]
    assert desk.triggers[0]["policy"]["next_eligible"] == "2026-09-22T21:14:19.999Z"
    assert desk.triggers[1]["policy"]["suppressed_since_last"] == 0


def test_the_day_and_the_quiet_hours_are_the_present_ones() -> None:
    many = [drift(LATE + n, "drift", name=f"f{n}", change=LATE + n) for n in range(3)]
    desk = Desk(RetrainPolicy(cooldown_s=0, daily_maximum=1)).read(present(LATE), error(LATE), *many)
    assert decided(desk) == [("performance_drop", LATE)]
    night = RetrainPolicy(quiet_hours="15:00-16:00")  # it is 15:14, and was 14:14
    assert decided(hours(night, LATE, LATE + HOUR)) == [("performance_drop", LATE + 50)]


def test_a_trigger_of_today_does_not_speak_for_the_pairs_of_yesterday() -> None:
    desk = Desk(RetrainPolicy()).read(drift(LATE + 1, "drift", change=LATE))
    for now in range(LATE + 6, LATE + 8 * HOUR, 30):
        desk.read(error(now, change=5), present(now))
    assert decided(desk) == [("data_drift", LATE + 1), ("performance_drop", LATE + 6 * HOUR + 6)]


@pytest.mark.parametrize("change", [5, 50])
def test_what_lies_in_the_window_of_a_trigger_is_its_change_however_late_it_is_told(change: int) -> None:
    """The window is minutes 30 to 40; the errors of minutes 5 or 50 to 60 are told in minute 120."""
    desk = Desk(RetrainPolicy()).read(*(drift(n, "drift", change=30) for n in range(40, 41)), present(120))
    desk.read(*(drift(n, "drift", "error", "", change=change) for n in range(60, 61)))
    held = desk.fold.figures()
    assert [held[SUPPRESSED.format(reason)] for reason in ("same_change", "cooldown")] == [change == 5, change == 50]


def test_of_another_partition_the_times_of_the_window_say_so() -> None:
    def elsewhere(statistics: DriftStatistics) -> DriftStatistics:
        return replace(statistics, offsets=[replace(statistics.offsets[0], partition=1)])

    desk = Desk(RetrainPolicy()).read(drift(LATE + 1, "drift", change=LATE), elsewhere(error(LATE + 6, change=5)))
    assert desk.fold.figures()[SUPPRESSED.format("cooldown")] == 1
    desk = Desk(RetrainPolicy()).read(drift(LATE + 1, "drift", change=LATE - 10))
    desk.read(elsewhere(drift(LATE + 1, "drift", name="wage", change=LATE)))
    assert desk.fold.figures()[SUPPRESSED.format("same_change")] == 1


def test_errors_that_come_back_behind_the_window_of_their_trigger_are_asked_for_once_it_has_failed() -> None:
    """1. Errors, a trigger on yesterday; 2. they are over; 3. they come back in pairs that it does not have; 4. it fails."""
    desk = hours(RetrainPolicy(cooldown_s=60), LATE, LATE + 5)
    desk.read(*(drift(n, "quiet", "error", "") for n in range(6, 30)), present(LATE + 60), error(LATE + 60, change=55))
    assert desk.fold.figures()[SUPPRESSED.format("same_signal")] == 1
    [case] = [one for one in desk.fold._decider.state.subjects["credit"].cases.values() if one.cause]
    assert case.cause is not None
    assert case.cause.judged is RetrainReason.SAME_SIGNAL
    desk.say(desk.triggers[0]["trigger_id"], "failed").read(present(LATE + 65), error(LATE + 65, change=55))
    assert decided(desk) == [("performance_drop", LATE), ("performance_drop", LATE + 65)]


def test_a_success_on_yesterday_does_not_answer_for_what_was_asked_for_today() -> None:
    """1. An input drifts today, a trigger; 2. errors of yesterday, a trigger; 3. that one succeeds; 4. the input comes back."""
    desk = Desk(RetrainPolicy(cooldown_s=60)).read(drift(LATE, "drift", change=LATE))
    desk.read(*(present(n, "income") for n in range(LATE + 1, LATE + 30)), error(LATE + 30, change=4))
    desk.say(desk.triggers[1]["trigger_id"], "succeeded", START + (LATE + 31) * MINUTE_MS)
    desk.read(present(LATE + 40), drift(LATE + 60, "drift", change=LATE + 60))
    assert desk.fold.figures()[SUPPRESSED.format("same_signal")] == 1


def test_where_there_is_no_offset_a_success_on_yesterday_has_not_seen_what_has_changed_since() -> None:
    desk = Desk(RetrainPolicy(cooldown_s=60)).read(present(LATE), error(LATE))
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + (LATE + 1) * MINUTE_MS)
    today = drift(LATE + 5, "drift", change=LATE - 10)
    desk.read(replace(today, offsets=[replace(today.offsets[0], partition=1)]))
    assert decided(desk) == [("performance_drop", LATE), ("data_drift", LATE + 5)]


def test_a_trigger_that_is_decided_in_the_same_moment_is_not_the_one_that_failed() -> None:
    """1. Errors of yesterday, a trigger; 2. one by hand; 3. the first fails; 4. what lies in the second one's window."""
    desk = Desk(RetrainPolicy()).read(present(LATE), error(LATE), drift(LATE, "quiet", "prediction", "")).act("trigger")
    desk.say(desk.triggers[0]["trigger_id"], "failed").read(drift(LATE + 1, "drift", change=LATE))
    assert desk.fold.figures()[SUPPRESSED.format("same_change")] == 1
