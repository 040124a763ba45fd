"""When a drift becomes a retrain trigger."""

from typing import Any

import pytest

from app.domain.decisions.retrain_trigger import trigger_id
from app.domain.decisions.retraining import CODES, Cause, Cooldown, RetrainPolicy, RetrainReason, judge, judge_again
from tests.decide_builders import START, drift

POLICY = RetrainPolicy(cooldown_s=100, minimum_events=500)
AFTER = Cooldown(last=1_000_000, triggers=1)
CAUSE = Cause(since=1_050_000, events=500, start=10, end=900)

# What is different from a cause that triggers, and the reason it must then be judged by.
CASES: dict[str, tuple[dict[str, Any], RetrainReason]] = {
    "triggers": ({}, RetrainReason.TRIGGERED),
    "switched off": ({"policy": RetrainPolicy(enabled=False)}, RetrainReason.DISABLED),
    "a kind that is not listed": ({"policy": RetrainPolicy(kinds=("prediction",))}, RetrainReason.NOT_LISTED),
    "no stretch of pairs": ({"cause": Cause(since=1, events=9_999)}, RetrainReason.NO_WINDOW),
    "one event too few": ({"cause": Cause(since=1_050_000, events=499, start=1, end=9)}, RetrainReason.TOO_FEW_EVENTS),
    "the last millisecond of the cooldown, a change of its own": ({"at": 1_099_999}, RetrainReason.COOLDOWN),
    "within the cooldown, the change that was triggered for": (
        {"at": 1_099_999, "cause": Cause(since=1_000_000, events=500, start=1, end=9)}, RetrainReason.SAME_CHANGE,
    ),
    "after the cooldown, however old the change": (
        {"cause": Cause(since=900_000, events=500, start=1, end=9)}, RetrainReason.TRIGGERED,
    ),
    "the first trigger of a model has no cooldown": ({"cooldown": Cooldown(), "at": 1}, RetrainReason.TRIGGERED),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_case(case: str) -> None:
    changed, reason = CASES[case]
    given: dict[str, Any] = {"cause": CAUSE, "kind": "feature", "cooldown": AFTER, "policy": POLICY, "at": 1_100_000} | changed
    assert judge(**given) is reason


def test_a_cause_begins_at_the_estimated_change() -> None:
    cause = Cause.of(drift(5, "drift", change=3), "pairs")
    assert (cause.since, cause.events, cause.partition) == (START + 3 * 60_000, 3_000, 2)
    assert (cause.start, cause.end) == (30_000, 60_000)


def test_without_an_estimate_it_begins_with_the_window() -> None:
    cause = Cause.of(drift(5, "drift"), "pairs")
    assert (cause.since, cause.events, cause.start, cause.end) == (START + 5 * 60_000, 1_000, 50_000, 60_000)


def test_offsets_of_another_topic_are_no_window() -> None:
    assert Cause.of(drift(5, "drift", prefix="b-"), "pairs").end == 0


@pytest.mark.parametrize("change", ["soon", {"offset": "7"}, {"offset": -1}, {"offset": True}, {"timestamp": None}])
def test_an_estimate_that_is_none_is_left_out(change: object) -> None:
    statistics = drift(5, "drift")
    statistics.statistics["change"] = change
    assert Cause.of(statistics, "pairs").start == 50_000


def test_a_cause_grows_with_each_later_window_and_only_once_with_each() -> None:
    cause = Cause.of(drift(5, "drift", change=3), "pairs")
    cause.follow(drift(6, "quiet"), "pairs")
    cause.follow(drift(6, "quiet"), "pairs")
    cause.follow(drift(4, "quiet"), "pairs")
    assert (cause.since, cause.events, cause.start, cause.end) == (START + 3 * 60_000, 4_000, 30_000, 70_000)


def test_an_open_window_that_is_told_again_counts_what_is_new() -> None:
    from msgspec.structs import replace

    whole = drift(5, "drift", change=3)
    half = replace(whole, window=replace(whole.window, events=400), offsets=[replace(whole.offsets[0], end=54_000)])
    half = replace(half, statistics=half.statistics | {"change": whole.statistics["change"] | {"events": 2_400}})
    cause = Cause.of(half, "pairs")
    cause.follow(whole, "pairs")
    assert (cause.events, cause.end) == (3_000, 60_000)


def test_a_cause_is_held_back_once_and_not_counted_for_its_own_trigger() -> None:
    cooldown = Cooldown(last=1_000_000, triggers=1)
    cause, other = (Cause(since=1_050_000, events=500, start=1, end=9) for _ in range(2))
    assert [judge_again(cause, "feature", cooldown, POLICY, at) for at in (1_060_000, 1_070_000)] == [RetrainReason.COOLDOWN] * 2
    assert judge_again(other, "feature", cooldown, POLICY, 1_060_000) is RetrainReason.COOLDOWN
    assert cooldown.held_back == 2
    assert judge_again(cause, "feature", cooldown, POLICY, 1_100_000) is RetrainReason.TRIGGERED
    assert cause.others_held_back(cooldown) == 1
    cooldown.begin(1_100_000)
    assert cooldown == Cooldown(last=1_100_000, triggers=2, held_back=0, recent=[1_100_000])
    assert judge_again(other, "feature", cooldown, POLICY, 1_200_000) is RetrainReason.TRIGGERED
    assert other.others_held_back(cooldown) == 0


def test_what_retraining_cannot_mend_has_no_code() -> None:
    assert not {"latency", "cost", "difference", "disagreement", "match_rate", "pairing", "volume"} & set(CODES)


@pytest.mark.parametrize("change", [{"model": "b"}, {"code": "data_quality"}, {"mark": "1"}, {"starts": 2}])
def test_a_trigger_id_is_a_function_of_its_four_parts(change: dict[str, Any]) -> None:
    parts: dict[str, Any] = {"model": "a", "code": "data_drift", "mark": "0", "starts": 1}
    assert trigger_id(**parts) == trigger_id(**parts) != trigger_id(**parts | change)
