"""Which changes a training has seen where a producer's clock is ahead: offsets say so, and times where there is no offset."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from app.domain.decisions.retraining import RetrainPolicy
from schemas.offsets import Window
from schemas.statistics import DriftStatistics
from tests.decide_builders import MINUTE_MS, START, Desk, drift, of_type

OLD, NEW = "1.4.0", "2.0.0"
AHEAD_MS = 20 * 3_600_000


def dated_ahead(statistics: DriftStatistics) -> DriftStatistics:
    """The same statistics with one event in their window whose time is 20 hours ahead."""
    window = statistics.window
    return replace(statistics, window=Window(window.start, window.end + AHEAD_MS, window.events))


def serving(first: int, end: int) -> list[DriftStatistics]:
    return [drift(n, "quiet", "prediction", "", version=NEW) for n in range(first, end)]


def trained(**policy: Any) -> Desk:
    """A trigger at minute 10 for an input that has changed at minute 8, dated ahead; its training has succeeded and serves."""
    desk = Desk(RetrainPolicy(**policy)).read(dated_ahead(drift(10, "drift", change=8)))
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + 12 * MINUTE_MS, new_version=NEW)
    return desk.read(*serving(13, 20))


def fired(desk: Desk) -> list[tuple[str, str]]:
    """Name and signal of each alert of the new version that fired."""
    labels = [one["labels"] for one in of_type(desk.out, "alerts") if one["status"] == "firing"]
    return [(one["alertname"], one["signal"]) for one in labels if one.get("version") == NEW]


# The signal of the new version, its change, and whether it alerts.
CHANGES: dict[str, tuple[Any, str, int, bool]] = {
    "an input since the trigger": ("feature", "age", 30, True),
    "answers since the trigger": ("prediction", "", 30, True),
    "the very next event": ("feature", "age", 11, True),
    "an input that the training has seen": ("feature", "age", 10, False),
    "the same input since the answer": ("feature", "income", 30, True),
    "the same input as it was": ("feature", "income", 8, False),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_clock_that_is_ahead_silences_no_change_that_the_training_has_not_seen(case: str) -> None:
    kind, name, change, alerts = CHANGES[case]
    desk = trained().read(drift(31, "drift", kind, name, version=NEW, change=change))
    assert bool(fired(desk)) is alerts


def test_such_a_change_is_a_cause_of_its_own() -> None:
    desk = trained().read(drift(31, "drift", name="age", version=NEW, change=30))
    assert [one["reason"]["code"] for one in desk.triggers] == ["data_drift", "data_drift"]


def test_what_the_trigger_was_for_is_seen_until_the_answer() -> None:
    """The same signal and direction changed again at minute 11, while the training ran; its answer came after that."""
    desk = Desk(RetrainPolicy()).read(dated_ahead(drift(10, "drift", change=8)), drift(11, "quiet", name="age"))
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + 12 * MINUTE_MS, new_version=NEW).read(*serving(13, 20))
    assert fired(desk.read(drift(31, "drift", version=NEW, change=11))) == []
    assert fired(desk.read(drift(32, "drift", version=NEW, change=12))) == [("FeatureDrift", "feature/income")]


def test_where_there_is_no_offset_the_time_says_so() -> None:
    desk = trained()
    desk.read(replace(drift(31, "drift", name="age", version=NEW, change=30), offsets=[]))
    assert fired(desk) == []


def test_of_another_partition_the_time_says_so() -> None:
    desk, other = trained(), drift(31, "drift", name="age", version=NEW, change=30)
    desk.read(replace(other, offsets=[replace(other.offsets[0], partition=1)]))
    assert fired(desk) == []


def test_a_checkpoint_without_the_stretches_goes_on_by_time() -> None:
    desk = Desk(RetrainPolicy()).read(drift(10, "drift", change=8))
    state, trigger = msgspec.json.decode(desk.fold.save()), desk.triggers[0]["trigger_id"]
    cooldown = state["subjects"]["credit"]["cooldown"]
    del cooldown["newest"], cooldown["courses"][trigger]["stretch"]
    desk.fold.restore(msgspec.json.encode(state), None, [0, 0, 0])
    desk.say(trigger, "succeeded", START + 10 * MINUTE_MS, new_version=NEW).read(*serving(13, 20))
    assert fired(desk.read(drift(31, "drift", name="age", version=NEW, change=10))) == []
    assert fired(desk.read(drift(31, "drift", name="wage", version=NEW, change=30))) == [("FeatureDrift", "feature/wage")]
