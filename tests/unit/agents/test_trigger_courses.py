"""Triggers once they are decided: what pipelines answer, what people decide, and what only time brings."""

from typing import Any, Literal

import pytest

from app.domain.decisions.retrain_courses import COURSES
from app.domain.decisions.retrain_memory import FIRED
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import MINUTE_MS, START, Desk, answers, drift, of_type

FEATURE = drift(5, "drift", change=3)
#: Another signal whose change is of its own.
OTHER = [drift(minute, "drift", "prediction", "", change=20) for minute in range(25, 500)]


def first(policy: RetrainPolicy | None = None) -> tuple[Desk, str]:
    """A desk with one trigger, and its id."""
    desk = Desk(policy).read(FEATURE)
    return desk, desk.triggers[0]["trigger_id"]


def minutes(desk: Desk) -> list[int]:
    """The minutes whose statistics decided the triggers."""
    return [(one["window"]["end"] - START) // MINUTE_MS for one in desk.triggers]


def alerts(desk: Desk, name: str) -> list[dict[str, Any]]:
    return [one for one in of_type(desk.out, "alerts") if one["labels"]["alertname"] == name]


# What is said in turn, and the reason and the detail of the dead letter for the last of it, if there is one.
SAID: dict[str, tuple[list[str], tuple[str, str] | None]] = {
    "all steps": (["accepted", "running", "succeeded"], None),
    "steps left out": (["succeeded"], None),
    "refused by the pipeline": (["rejected"], None),
    "running again renews the lease": (["running", "running"], None),
    "the same again": (["accepted", "accepted"], ("duplicate", "is 'accepted' already")),
    "backwards": (["running", "accepted"], ("late", "is 'running' already")),
    "after the end": (["failed", "running"], ("late", "is 'failed' already")),
    "the end again": (["succeeded", "succeeded"], ("duplicate", "is 'succeeded' already")),
}


@pytest.mark.parametrize("case", SAID)
def test_what_a_pipeline_may_say(case: str) -> None:
    said, refused = SAID[case]
    desk, id_ = first()
    for status in said:
        desk.say(id_, status)
    if refused is None:
        assert desk.letters == []
    else:
        [(reason, detail)] = desk.letters
        assert (reason, refused[1] in detail) == (refused[0], True), detail


@pytest.mark.parametrize("model", ["credit", "nobody"])
def test_a_trigger_that_is_not_known_is_refused_by_name(model: str) -> None:
    desk, _ = first()
    [(reason, detail)] = desk.say("rt-0", "accepted", model=model).letters
    assert reason == "invalid_schema"
    assert f"'rt-0' is no trigger of the model '{model}' that is known on this partition" in detail


def test_a_dead_letter_says_where_it_comes_from_and_is_counted() -> None:
    desk, _ = first()
    desk.say("rt-0", "accepted").act("approve", trigger_id="rt-0")
    letters = [one for one in desk.out if one.topic == "dead.letters"]
    assert [(one.partition, one.key, one.event["ce_id"]) for one in letters] == [
        (2, b"credit", b"retrain.status/2/0"), (2, b"credit", b"actions/2/0"),
    ]  # fmt: skip
    figures = desk.fold.figures()
    assert [figures[f'dead_letters_total{{topic="{topic}"}}'] for topic in ("actions", "retrain.status")] == [1, 1]


def test_a_success_ends_the_cooldown_for_a_change_of_its_own_and_settles_the_old_one() -> None:
    desk, id_ = first()
    desk.read(*OTHER[:10])
    assert minutes(desk) == [5]
    desk.say(id_, "succeeded", new_version="1.5.0").read(*(drift(n, "drift", name="age", change=4) for n in range(35, 60)))
    assert minutes(desk) == [5]
    desk.read(*OTHER[10:20])
    assert minutes(desk) == [5, 35]
    assert desk.triggers[1]["reason"]["code"] == "prediction_drift"


def test_what_a_succeeded_training_has_seen_triggers_never_again() -> None:
    desk, id_ = first(RetrainPolicy(cooldown_s=60))
    desk.say(id_, "succeeded").read(*(drift(n, "drift", name="age", change=4) for n in range(8, 600)))
    assert minutes(desk) == [5]


@pytest.mark.parametrize("end", ["failed", "rejected"])
def test_after_a_failure_the_cause_triggers_again_once_the_cooldown_is_over(end: str) -> None:
    desk, id_ = first(RetrainPolicy(cooldown_s=3_600))
    desk.read(drift(6, "drift", name="age", change=3)).say(id_, end)
    desk.read(*(drift(n, "drift", change=3) for n in range(6, 120)))
    assert minutes(desk) == [5, 65]
    again = desk.triggers[1]
    assert again["trigger_id"] != id_
    assert again["window"]["offsets"][0]["start"] == 30_000
    assert again["policy"]["suppressed_since_last"] == 1


def test_a_training_holds_its_lease_against_further_triggers() -> None:
    policy = RetrainPolicy(cooldown_s=60, lease_s=3_600)
    free, held = Desk(policy).read(FEATURE, *OTHER), Desk(policy).read(FEATURE)
    held.say(held.triggers[0]["trigger_id"], "accepted", START + 10 * MINUTE_MS).read(*OTHER)
    assert (minutes(free), minutes(held)) == ([5, 25], [5, 65])
    assert held.fold.figures()['triggers_suppressed_total{reason="in_progress"}'] == 1


def test_a_time_ahead_of_the_statistics_is_now() -> None:
    desk, id_ = first(RetrainPolicy(lease_s=600))
    desk.say(id_, "running", START + 20 * 86_400_000).read(drift(15, "quiet", name="age"))
    assert [one["status"] for one in alerts(desk, "RetrainOverdue")] == ["firing"]


def test_an_answer_that_does_not_come_alerts_and_one_that_comes_resolves() -> None:
    desk, id_ = first(RetrainPolicy(acknowledge_s=600))
    quiet = [drift(n, "quiet", name="age") for n in range(6, 30)]
    desk.read(*quiet[:9])
    assert alerts(desk, "RetrainOverdue") == []
    desk.read(quiet[9])
    [alert] = alerts(desk, "RetrainOverdue")
    assert alert["labels"] == {"alertname": "RetrainOverdue", "severity": "warning", "model": "credit"}
    assert alert["annotations"]["summary"] == f"No pipeline has answered the retrain trigger {id_} of credit"
    assert "acknowledge_s allows 600 s" in alert["annotations"]["description"]
    desk.read(*quiet[10:15]).say(id_, "accepted", START + 20 * MINUTE_MS).read(*quiet[15:])
    assert [one["status"] for one in alerts(desk, "RetrainOverdue")] == ["firing", "resolved"]


def test_what_late_outcomes_say_does_not_take_it_back() -> None:
    desk, _ = first(RetrainPolicy(acknowledge_s=600))
    for n in range(15, 25):
        desk.read(drift(n, "quiet", name="age"), drift(n - 15, "quiet", "error", ""))
    [alert] = alerts(desk, "RetrainOverdue")
    assert (alert["status"], alert["startsAt"]) == ("firing", "2026-09-21T14:29:19.999Z")


def test_a_training_that_is_not_heard_of_alerts() -> None:
    desk, id_ = first(RetrainPolicy(lease_s=600))
    desk.say(id_, "running", START + 6 * MINUTE_MS).read(drift(15, "quiet", name="age"), drift(16, "quiet", name="age"))
    [alert] = alerts(desk, "RetrainOverdue")
    assert "Nothing is heard of the training (running)" in alert["annotations"]["summary"]


def test_nobody_has_to_answer_by_default() -> None:
    desk, _ = first()
    assert alerts(desk.read(*(drift(n, "quiet", name="age") for n in range(6, 3_000, 50))), "RetrainOverdue") == []


ASKS = RetrainPolicy(approval="required", cooldown_s=3_600, approval_expires_s=1_200)


@pytest.mark.parametrize(("action", "state"), [("approve", "approved"), ("reject", "rejected")])
def test_an_approval_is_the_whole_trigger_again_under_an_id_of_its_own(action: str, state: str) -> None:
    desk, id_ = first(ASKS)
    desk.act(action, trigger_id=id_, timestamp=START + 9 * MINUTE_MS, why="I looked").read(drift(6, "quiet", name="age"))
    pending, decided = desk.triggers
    assert desk.ids == [id_, f"{id_}/{state}"]
    assert pending["approval"] == {"required": True, "state": "pending"}
    at = "2026-09-21T14:19:19.999Z"  # the end of the statistics before: the action's own time lies ahead
    assert decided["approval"] == {"required": True, "state": state, "by": "ada", "why": "I looked", "at": at}
    assert {name: value for name, value in decided.items() if name != "approval"} == {
        name: value for name, value in pending.items() if name != "approval"
    }
    assert desk.out[-1].event["causationid"] == "action/a1"


def test_what_nobody_approves_expires_by_name_and_its_cause_comes_again_after_the_cooldown() -> None:
    desk, id_ = first(ASKS)
    desk.read(*(drift(n, "drift", change=3) for n in range(6, 70)))
    assert desk.ids[:2] == [id_, f"{id_}/expired"]
    assert desk.triggers[1]["approval"] == {"required": True, "state": "expired", "at": "2026-09-21T14:39:19.999Z"}
    assert minutes(desk) == [5, 5, 65]
    assert desk.triggers[2]["trigger_id"] != id_


def test_what_was_rejected_is_settled() -> None:
    desk, id_ = first(ASKS)
    desk.act("reject", trigger_id=id_).read(*(drift(n, "drift", change=3) for n in range(6, 200)))
    assert desk.ids == [id_, f"{id_}/rejected"]


# What is done to a trigger that waits, and the dead letter for the last of it.
UNTIMELY: dict[str, tuple[list[tuple[str, str]], tuple[str, str]]] = {
    "a pipeline did not wait": ([("say", "accepted")], ("unauthorised", "waits for approval")),
    "approved twice": ([("act", "approve"), ("act", "approve")], ("late", "is 'requested' and waits for no approval")),
    "approved, then rejected": ([("act", "approve"), ("act", "reject")], ("late", "is 'requested'")),
    "rejected, then trained": ([("act", "reject"), ("say", "running")], ("late", "is 'withdrawn' already")),
}


@pytest.mark.parametrize("case", UNTIMELY)
def test_what_comes_at_the_wrong_moment(case: str) -> None:
    steps, (reason, detail) = UNTIMELY[case]
    desk, id_ = first(ASKS)
    for way, what in steps:
        if way == "say":
            desk.say(id_, what)
        else:
            desk.act(what, trigger_id=id_)
    assert [(why, detail in text) for why, text in desk.letters] == [(reason, True)]


def test_an_approval_that_comes_before_the_log_has_answered_follows_the_trigger() -> None:
    desk = Desk(ASKS, answering=False).read(FEATURE)
    [id_] = desk.fold._decider.state.pending
    desk.act("approve", trigger_id=id_)
    assert desk.ids == []
    answers(desk.fold, desk.out)
    assert desk.ids == [id_, f"{id_}/approved"]
    assert desk.triggers[0]["window"] == desk.triggers[1]["window"]
    assert desk.triggers[0]["window"]["digest"] != ""


SERVED: list[DriftStatistics] = [drift(n, "quiet", "prediction", "") for n in range(200)]


def test_a_manual_trigger_has_what_came_since_the_last_one_and_needs_no_drift() -> None:
    desk = Desk(RetrainPolicy(quiet_hours="00:00-23:59", minimum_events=10**9)).read(*SERVED[:10])
    desk.act("trigger", why="new features", id="m1").act("trigger", id="m1")
    [trigger] = desk.triggers
    assert trigger["reason"] == {"code": "manual", "detail": "new features (ada)", "priority": "high"}
    assert trigger["window"]["offsets"] == [{"topic": "pairs", "partition": 2, "start": 0, "end": 100_000}]
    assert (trigger["window"]["start"], trigger["window"]["end"]) == (START, START + 9 * MINUTE_MS + 59_999)
    assert (trigger["model"]["version"], trigger["lineage"]["action"]) == ("1.4.0", "m1")
    assert [reason for reason, _ in desk.letters] == ["invalid_schema"]  # nothing new: a copy finds no pairs
    desk.read(*SERVED[10:12]).act("trigger", id="m1").act("trigger", id="m2")
    assert [one["window"]["offsets"][0]["start"] for one in desk.triggers] == [0, 100_000]
    assert [reason for reason, _ in desk.letters] == ["invalid_schema", "duplicate"]
    assert desk.out[-1].event["correlationid"] == desk.triggers[1]["trigger_id"]


def test_a_manual_trigger_of_a_model_that_nobody_knows_is_refused() -> None:
    [(reason, detail)] = Desk().act("trigger", subject="nobody").letters
    assert (reason, "'nobody' is no model that statistics have told of" in detail) == ("invalid_schema", True)


def test_a_schedule_counts_from_the_last_trigger_and_waits_for_what_every_trigger_waits_for() -> None:
    desk = Desk(RetrainPolicy(schedule_s=3_600, cooldown_s=0)).read(*SERVED)
    assert minutes(desk) == [60, 120, 180]
    assert {one["reason"]["code"] for one in desk.triggers} == {"schedule"}
    assert [one["window"]["offsets"][0]["start"] for one in desk.triggers] == [0, 610_000, 1_210_000]
    late = Desk(RetrainPolicy(schedule_s=3_600, cooldown_s=0, minimum_events=100_000)).read(*SERVED)
    assert minutes(late) == [99, 199]
    assert late.fold.figures()['triggers_suppressed_total{reason="too_few_events"}'] == 2


def test_a_version_that_has_served_for_long_is_stale_and_a_new_one_is_not() -> None:
    policy = RetrainPolicy(staleness_s=3_600)
    desk = Desk(policy).read(*SERVED[:100])
    assert [(one["reason"]["code"], one["reason"]["detail"]) for one in desk.triggers] == [
        ("staleness", "3,600 s of serving by 1.4.0 have passed")
    ]
    fresh = Desk(policy).read(*SERVED[:50], *(drift(n, "quiet", "prediction", "", version="1.5.0") for n in range(50, 100)))
    assert fresh.triggers == []


def test_a_model_has_a_bounded_number_of_courses_and_those_that_are_over_go_first() -> None:
    desk = Desk(RetrainPolicy(cooldown_s=0))
    for number in range(COURSES + 3):
        desk.read(drift(5 + number, "quiet", "prediction", "")).act("trigger", id=f"m{number}")
        desk.say(desk.triggers[-1]["trigger_id"], "accepted" if number == 1 else "failed")
    courses = desk.fold._decider.state.subjects["credit"].cooldown.courses
    assert len(courses) == COURSES
    assert desk.triggers[1]["trigger_id"] in courses


# Statistics, the policy, the minutes of the triggers, and the reason that was counted.
HELD: dict[str, tuple[list[DriftStatistics], RetrainPolicy, list[int], str]] = {
    "a quorum of two": (
        [FEATURE, drift(6, "drift", change=3), drift(7, "drift", name="age", change=3)], RetrainPolicy(quorum=2), [7], "quorum",
    ),
    "the same signal twice is no quorum": ([FEATURE, drift(6, "drift", change=3)], RetrainPolicy(quorum=2), [], "quorum"),
    "at most one a day": (
        [FEATURE, *(drift(n, "drift", "prediction", "", change=20) for n in range(25, 1_500, 10))],
        RetrainPolicy(cooldown_s=0, daily_maximum=1), [5, 1_445], "daily_maximum",
    ),
    "quiet hours": (  # it is 14:18
        [drift(n, "drift", change=3) for n in range(5, 60)], RetrainPolicy(quiet_hours="14:00-14:30"), [16], "quiet_hours",
    ),
    "broken data": (
        [drift(4, "drift", "missing", "age"), *(drift(n, "drift", change=3) for n in range(5, 30)),
         *(drift(n, "quiet", "missing", "age") for n in range(5, 30)), *(drift(n, "drift", change=3) for n in range(30, 40))],
        RetrainPolicy(kinds=("feature",)), [30], "vetoed",
    ),
    "features that are only new break nothing": (
        [drift(4, "drift", "schema", "", new=[{"name": "x"}]), FEATURE], RetrainPolicy(kinds=("feature",)), [5], "",
    ),
    "a feature that has vanished explains the others, so they are no alerts": (
        [drift(4, "drift", "schema", "", vanished=[{"name": "x"}]), FEATURE], RetrainPolicy(kinds=("feature",)), [], "",
    ),
    "a veto that the owner does not want": (
        [drift(4, "drift", "missing", "age"), FEATURE], RetrainPolicy(kinds=("feature",), veto=()), [5], "",
    ),
    "data quality triggers for itself": ([drift(5, "drift", "missing", "age", change=3)], RetrainPolicy(), [5], ""),
}  # fmt: skip


@pytest.mark.parametrize("case", HELD)
def test_what_holds_a_cause_back(case: str) -> None:
    statistics, policy, wanted, reason = HELD[case]
    desk = Desk(policy).read(*statistics)
    assert minutes(desk) == wanted
    held = {name for name, value in desk.fold.figures().items() if name.startswith("triggers_suppressed") and value}
    assert held == ({f'triggers_suppressed_total{{reason="{reason}"}}'} if reason else set())


def test_a_window_that_has_drifted_begins_behind_the_alarm() -> None:
    desk = Desk(RetrainPolicy(minimum_events=2_000), window="drifted").read(*(drift(n, "drift", change=3) for n in range(5, 20)))
    [trigger] = desk.triggers
    assert trigger["window"]["offsets"] == [{"topic": "pairs", "partition": 2, "start": 60_000, "end": 80_000}]
    assert trigger["window"]["start"] == START + 5 * MINUTE_MS + 59_999


def test_a_window_that_has_drifted_takes_in_what_is_a_twentieth_at_most() -> None:
    desk = Desk(RetrainPolicy(minimum_events=60_000), window="drifted").read(*(drift(n, "drift", change=3) for n in range(5, 80)))
    assert desk.triggers[0]["window"]["offsets"] == [{"topic": "pairs", "partition": 2, "start": 30_000, "end": 630_000}]


@pytest.mark.parametrize(("window", "first"), [("drifted", 6), ("change", 5)])
def test_a_trigger_has_data_though_no_number_of_events_is_asked_for(window: Literal["drifted", "change"], first: int) -> None:
    desk = Desk(RetrainPolicy(minimum_events=0), window=window).read(*(drift(n, "drift", change=3) for n in range(5, 8)))
    [trigger] = desk.triggers
    [stretch] = trigger["window"]["offsets"]
    assert minutes(desk) == [first]
    assert stretch["start"] < stretch["end"]
    assert trigger["window"]["events"] > 0
    assert desk.fold.figures()['triggers_suppressed_total{reason="too_few_events"}'] == (window == "drifted")


def fired(desk: Desk, first: int, end: int) -> Desk:
    """A trigger by hand in each of these minutes."""
    for number in range(first, end):
        desk.read(drift(number, "quiet", "prediction", "")).act("trigger", id=f"m{number}")
    return desk


def test_a_copy_of_an_action_fires_nothing_however_many_triggers_came_since() -> None:
    desk = fired(Desk(), 0, FIRED)
    desk.fold.restore(desk.fold.save(), None, [0, 0, 0])
    for number in (0, COURSES + 1, FIRED - 1):
        desk.read(drift(FIRED + number, "quiet", "prediction", "")).act("trigger", id=f"m{number}")
    assert len(desk.triggers) == len({*desk.ids}) == FIRED
    assert [(reason, "has fired the trigger" in detail) for reason, detail in desk.letters] == [("duplicate", True)] * 3


def test_the_actions_that_have_fired_are_bounded_and_the_latest_stay() -> None:
    desk = fired(Desk(), 0, FIRED + 1)
    assert len(desk.fold._decider.state.subjects["credit"].cooldown.fired) == FIRED
    desk.read(drift(FIRED + 1, "quiet", "prediction", "")).act("trigger", id="m1").act("trigger", id="m0")
    assert [reason for reason, _ in desk.letters] == ["duplicate"]
    assert len(desk.triggers) == FIRED + 2
