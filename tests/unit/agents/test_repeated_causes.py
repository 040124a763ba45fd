"""One trigger for one cause, also beyond the cooldown: what comes and goes, and what a pipeline's answer makes of it."""

import msgspec
import pytest

from app.domain.decisions.retrain_memory import ASKED
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import MINUTE_MS, START, Desk, drift

HOUR = RetrainPolicy(cooldown_s=3_600)
UP, DOWN = "location up", "location down"
SUPPRESSED = 'triggers_suppressed_total{{reason="{}"}}'


def rain(at: int, direction: str = UP, version: str = "1.4.0", name: str = "rain") -> list[DriftStatistics]:
    """An hour's drift that begins in this minute and is over: alerted, and resolved."""
    drifts = [drift(at + n, "drift", name=name, change=at, direction=direction, version=version) for n in range(3)]
    return [*drifts, *(drift(n, "quiet", name=name, version=version) for n in range(at + 3, at + 60))]


def minutes(desk: Desk) -> list[int]:
    """The minutes whose statistics decided the triggers."""
    return [(one["window"]["end"] - START) // MINUTE_MS for one in desk.triggers]


def test_what_comes_and_goes_is_asked_for_once() -> None:
    desk = Desk(HOUR).read(*(one for day in range(20) for one in rain(day * 1_440)))
    assert minutes(desk) == [0]
    assert desk.fold.figures()["alerts_resolved_total"] == 20
    assert desk.fold.figures()[SUPPRESSED.format("same_signal")] == 19


def test_it_is_asked_for_again_once_the_time_for_an_answer_has_passed() -> None:
    policy = RetrainPolicy(cooldown_s=3_600, repeat_after_s=7 * 86_400)
    desk = Desk(policy).read(*(one for day in range(20) for one in rain(day * 1_440)))
    assert minutes(desk) == [0, 7 * 1_440, 14 * 1_440]
    assert len({one["trigger_id"] for one in desk.triggers}) == 3


def test_the_other_way_is_another_cause_and_so_is_another_signal() -> None:
    desk = Desk(HOUR).read(*rain(0), *rain(100, DOWN), *rain(200), *rain(300, name="wind"), *rain(400, DOWN))
    assert minutes(desk) == [0, 100, 300]


@pytest.mark.parametrize("end", ["failed", "rejected"])
def test_a_trigger_that_came_to_nothing_speaks_for_nothing(end: str) -> None:
    desk = Desk(HOUR).read(*rain(0))
    desk.say(desk.triggers[0]["trigger_id"], end).read(*rain(100), *rain(200))
    assert minutes(desk) == [0, 100]


def test_what_came_back_while_the_training_ran_is_what_it_was_for() -> None:
    """Of the same signal and direction; another signal of that time is a cause of its own."""
    desk = Desk(RetrainPolicy(cooldown_s=60)).read(*rain(0), *rain(100)[:3])
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + 110 * MINUTE_MS).read(*rain(100)[:3], *rain(300))
    assert minutes(desk) == [0]
    late = drift(110, "quiet", name="age")
    desk = Desk(RetrainPolicy(cooldown_s=60)).read(*rain(0), late)
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + 110 * MINUTE_MS)
    desk.read(*rain(100), *rain(200), *rain(300, name="wind"))
    assert minutes(desk) == [0, 200, 300]
    assert desk.fold.figures()[SUPPRESSED.format("same_change")] == 1


def test_a_success_answers_for_what_was_asked_up_to_its_trigger() -> None:
    """1. Rain, a trigger; 2. wind, a trigger; 3. the first has succeeded; 4. both come back."""
    desk = Desk(HOUR).read(*rain(0), *rain(100, name="wind"))
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + 159 * MINUTE_MS).read(*rain(300), *rain(400, name="wind"))
    assert minutes(desk) == [0, 100, 300]


def test_a_training_that_is_not_heard_of_any_more_is_still_the_answer() -> None:
    policy = RetrainPolicy(cooldown_s=60, lease_s=600)
    desk = Desk(policy).read(*rain(0))
    desk.say(desk.triggers[0]["trigger_id"], "running", START + MINUTE_MS).read(*rain(100), *rain(200))
    assert minutes(desk) == [0]


def test_what_somebody_rejected_is_not_asked_for_with_each_return() -> None:
    desk = Desk(RetrainPolicy(cooldown_s=60, approval="required")).read(*rain(0))
    desk.act("reject", trigger_id=desk.triggers[0]["trigger_id"]).read(*rain(100), *rain(200))
    assert [one["approval"]["state"] for one in desk.triggers] == ["pending", "rejected"]


def test_an_input_that_goes_on_under_another_version_is_the_same_change_however_late() -> None:
    """1. A drift, a trigger; 2. two months later somebody deploys a version; 3. the drift goes on under its name."""
    later = 60 * 1_440
    goes_on = [drift(later + n, "drift", change=0, version="1.5.0", direction=UP) for n in range(30)]
    desk = Desk(HOUR).read(drift(1, "drift", change=0, direction=UP), *goes_on)
    assert minutes(desk) == [1]


def test_the_answers_of_another_version_are_another_cause() -> None:
    one, other = (
        drift(at, "drift", "prediction", "", change=at - 2, direction=UP, version=of) for at, of in ((5, "1"), (205, "2"))
    )
    assert minutes(Desk(HOUR).read(one, other)) == [5, 205]


def test_a_signal_whose_request_was_let_go_for_the_number_of_others_is_asked_for_again() -> None:
    names = [f"f{n}" for n in range(ASKED + 1)]
    desk = Desk(RetrainPolicy(cooldown_s=0)).read(*(one for at, name in enumerate(names) for one in rain(at * 100, name=name)))
    assert len(desk.fold._decider.state.subjects["credit"].cooldown.asked) == ASKED
    before = len(desk.triggers)
    desk.read(*rain(10_000, name="f5"), *rain(10_100, name="f0"))
    assert minutes(desk)[before:] == [10_100]


def two_triggers(policy: RetrainPolicy) -> Desk:
    """An input drifts from minute 0 on, a trigger; answers from minute 100 on, another one; the input goes on."""
    desk = Desk(policy).read(drift(0, "drift", change=0))
    desk.read(*(drift(n, "drift", change=0) for n in range(10, 100, 10)), drift(100, "drift", "prediction", "", change=100))
    return desk


@pytest.mark.parametrize("end", ["failed", "rejected"])
@pytest.mark.parametrize("repeat_after_s", [0, 30 * 86_400])
def test_what_became_of_a_trigger_says_nothing_of_what_another_one_asked_for(repeat_after_s: int, end: str) -> None:
    desk = two_triggers(RetrainPolicy(cooldown_s=3_600, repeat_after_s=repeat_after_s))
    desk.say(desk.triggers[1]["trigger_id"], "accepted").say(desk.triggers[1]["trigger_id"], end)
    desk.read(*(drift(n, "drift", change=0) for n in range(110, 400, 10)))
    assert minutes(desk) == [0, 100]
    desk.read(drift(400, "drift", "prediction", "", change=100))
    assert minutes(desk) == [0, 100, 400]


def test_an_approval_that_expires_is_that_of_its_own_trigger() -> None:
    policy = RetrainPolicy(cooldown_s=3_600, repeat_after_s=0, approval="required", approval_expires_s=600)
    desk = Desk(policy).read(drift(0, "drift", change=0))
    desk.act("approve", trigger_id=desk.ids[0])
    desk.read(drift(100, "drift", "prediction", "", change=100), *(drift(n, "drift", change=0) for n in range(110, 400, 10)))
    assert [(one["reason"]["code"], one["approval"]["state"]) for one in desk.triggers] == [
        ("data_drift", "pending"), ("data_drift", "approved"), ("prediction_drift", "pending"), ("prediction_drift", "expired"),
    ]  # fmt: skip


def test_what_was_settled_because_of_a_trigger_is_a_cause_again_with_it() -> None:
    """By the cooldown, whichever signal; and what goes on under another version, at any time."""
    desk = Desk(HOUR).read(drift(0, "drift", change=0), drift(1, "drift", name="wage", change=0))
    desk.read(drift(100, "drift", "prediction", "", change=100), drift(101, "drift", change=0, version="1.5.0"))
    assert [desk.fold.figures()[SUPPRESSED.format(why)] for why in ("same_change", "same_signal")] == [2, 0]
    again = [*(drift(170 + n, "drift", name="wage", change=0) for n in range(2)), drift(175, "drift", change=0, version="1.5.0")]
    desk.say(desk.triggers[1]["trigger_id"], "failed").read(*again)
    assert minutes(desk) == [0, 100]
    desk.say(desk.triggers[0]["trigger_id"], "failed").read(*again[:1])
    assert minutes(desk) == [0, 100, 170]
    assert desk.triggers[2]["evidence"]["signal"] == "feature/wage"


def test_a_checkpoint_that_does_not_know_which_trigger_settled_a_cause_takes_any_failure_for_its_own() -> None:
    desk = two_triggers(RetrainPolicy(cooldown_s=3_600, repeat_after_s=0))
    state = msgspec.json.decode(desk.fold.save())
    for case in state["subjects"]["credit"]["cases"].values():
        del case["cause"]["settled_by"]
    desk.fold.restore(msgspec.json.encode(state), None, [0, 0, 0])
    desk.say(desk.triggers[1]["trigger_id"], "failed").read(*(drift(n, "drift", change=0) for n in range(110, 200, 10)))
    assert minutes(desk) == [0, 100, 160]
