"""After a training that succeeded: the version that it made is no alert for being new, and what the old one had is over."""

from typing import Any

import msgspec
import pytest

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DetectorState, DriftStatistics
from tests.decide_builders import START, Desk, Sent, drift

OLD, NEW = "1.4.0", "1.5.0"
ENDED = {"reason": "version", "successor": NEW}


def answers(first: int, end: int, version: str, state: DetectorState = "quiet", **more: Any) -> list[DriftStatistics]:
    """What a version is told to answer as the live model, minute by minute."""
    return [drift(n, state, "prediction", "", version=version, **more) for n in range(first, end)]


def told(desk: Desk) -> list[str]:
    """Alerts and triggers in order: status or code, name, version, and the reason of a resolve."""

    def short(one: Sent) -> str:
        data = one.data
        if one.topic == "retrain.triggers":
            return f"trigger {data['reason']['code']} {data['model']['version']}"
        said = f"{data['status']} {data['labels']['alertname']} {data['labels'].get('version', '')}"
        return f"{said} {data['evidence']['reason']}" if data["status"] == "resolved" else said

    return [short(one) for one in desk.out]


def drifted(alerts: AlertPolicy | None = None, **policy: Any) -> tuple[Desk, str]:
    """A desk with an input and the old version's answers that have drifted, and the id of the trigger."""
    desk = Desk(RetrainPolicy(**policy), alerts=alerts)
    desk.read(*answers(0, 5, OLD), drift(5, "drift", change=3), *answers(5, 7, OLD, "drift", change=3))
    return desk, desk.triggers[0]["trigger_id"]


def trained(desk: Desk, trigger: str, version: str | None = NEW) -> Desk:
    """The training is accepted, runs and succeeds."""
    for status in ("accepted", "running"):
        desk.say(trigger, status, START + 7 * 60_000)
    return desk.say(trigger, "succeeded", START + 8 * 60_000, **({} if version is None else {"new_version": version}))


def taken_over(desk: Desk, first: int = 10) -> Desk:
    """The new version answers, its warm-up at first, and the inputs go on under its name, as they are."""
    desk.read(drift(first, "quiet", version=OLD, ended=ENDED))
    for n in range(first, first + 5):
        desk.read(drift(n, "drift", change=3, version=NEW), *answers(n, n + 1, NEW, "warming"))
    return desk


BEFORE = [f"firing FeatureDrift {OLD}", f"trigger data_drift {OLD}", f"firing PredictionDrift {OLD}"]
AFTER = [*BEFORE, f"resolved FeatureDrift {OLD} retrained", f"resolved PredictionDrift {OLD} retrained"]


def test_the_new_version_serves_and_nobody_is_paged_and_what_was_told_is_over_by_name() -> None:
    desk, trigger = drifted()
    taken_over(trained(desk, trigger)).read(
        *answers(15, 60, NEW), *(drift(n, "drift", change=3, version=NEW) for n in range(15, 60))
    )
    assert told(desk) == AFTER
    resolves = [one.data["evidence"]["retrained"] for one in desk.out if one.data.get("status") == "resolved"]
    versions = {"trigger_id": trigger, "old_version": OLD, "new_version": NEW}
    assert resolves == [versions, versions | {"serves_since": "2026-09-21T14:26:19.999Z"}]


def test_a_later_drift_of_the_new_version_alerts_and_triggers_as_ever() -> None:
    desk, trigger = drifted()
    taken_over(trained(desk, trigger)).read(
        *answers(15, 40, NEW), drift(41, "drift", change=39, version=NEW, name="age"), *answers(42, 44, NEW, "drift", change=41)
    )
    assert told(desk)[5:] == [
        f"firing FeatureDrift {NEW}", f"trigger data_drift {NEW}", f"firing PredictionDrift {NEW}",
    ]  # fmt: skip
    assert desk.triggers[1]["trigger_id"] != trigger


def test_the_same_input_alerts_again_once_it_was_back_and_drifts_anew() -> None:
    desk, trigger = drifted()
    taken_over(trained(desk, trigger)).read(*answers(15, 40, NEW))
    desk.read(drift(40, "quiet", version=NEW), drift(50, "drift", change=45, version=NEW))
    assert told(desk)[5:] == [f"firing FeatureDrift {NEW}", f"trigger data_drift {NEW}"]


def test_a_change_since_the_trigger_is_the_new_versions_too() -> None:
    """The training has not seen it: it goes on under the new name as an alert of its own, and triggers."""
    desk, trigger = drifted(AlertPolicy(group_s=0), cooldown_s=3_600)
    desk.read(drift(9, "drift", change=8, name="age"))
    trained(desk, trigger).read(
        drift(10, "quiet", name="age", ended=ENDED), drift(10, "drift", change=8, name="age", version=NEW),
        drift(11, "drift", change=8, name="age", version=NEW),
    )  # fmt: skip
    assert f"resolved FeatureDrift {OLD} forgotten" in told(desk)
    assert told(desk)[-2:] == [f"firing FeatureDrift {NEW}", f"trigger data_drift {NEW}"]


def test_a_version_that_was_put_to_work_before_it_was_told_of_is_resolved_by_name() -> None:
    desk, trigger = drifted()
    taken_over(desk, 8)
    desk.say(trigger, "succeeded", START + 13 * 60_000, new_version=NEW)
    desk.read(*answers(13, 15, NEW), drift(14, "drift", change=3, version=NEW))
    assert told(desk)[3:] == [
        f"resolved FeatureDrift {OLD} forgotten", f"firing FeatureDrift {NEW}", f"resolved PredictionDrift {OLD} retrained",
        f"resolved FeatureDrift {NEW} retrained",
    ]  # fmt: skip


def test_a_canary_beside_the_old_version_settles_nothing_of_it() -> None:
    desk, trigger = drifted()
    trained(desk, trigger)
    for n in range(10, 60):
        desk.read(*answers(n, n + 1, OLD, "drift", change=3), *(answers(n, n + 1, NEW) if n % 2 else []))
    assert told(desk) == BEFORE


def test_the_old_versions_errors_that_are_told_late_are_no_alert_any_more() -> None:
    desk, trigger = drifted()
    taken_over(trained(desk, trigger)).read(*(drift(n, "drift", "error", "", change=2, version=OLD) for n in range(9, 15)))
    assert told(desk) == AFTER


def test_a_version_that_is_taken_back_alerts_again() -> None:
    desk, trigger = drifted(AlertPolicy(flaps=0))
    taken_over(trained(desk, trigger)).read(*answers(15, 25, OLD, "drift", change=3))
    assert told(desk) == [*AFTER, f"firing PredictionDrift {OLD}"]


# What the pipeline says at the end, and what then becomes of the input's alert when the new version takes over.
NAMELESS: dict[str, str | None] = {"no version": None, "the version that served": OLD}


@pytest.mark.parametrize("case", NAMELESS)
def test_without_a_version_of_its_own_none_is_told_from_the_other(case: str) -> None:
    desk, trigger = drifted()
    taken_over(trained(desk, trigger, NAMELESS[case]))
    assert told(desk)[3:] == [f"resolved FeatureDrift {OLD} forgotten", f"firing FeatureDrift {NEW}"]
    assert len(desk.triggers) == 1


def paired(n: int, alarmed: int, change: int) -> DriftStatistics:
    """How a shadow differs from the live model, alarmed in that minute."""
    return drift(n, "drift", "difference", "", role="shadow", version="2.0.0", change=change, since=START + alarmed * 60_000)


def test_that_a_shadow_differs_from_another_version_is_no_page() -> None:
    desk, trigger = drifted()
    taken_over(trained(desk, trigger)).read(*(paired(n, 12, 9) for n in range(13, 30)))
    assert told(desk) == AFTER


def test_that_it_differs_is_no_page_either_where_the_training_is_told_of_late() -> None:
    desk, trigger = drifted()
    taken_over(desk, 8).say(trigger, "succeeded", START + 13 * 60_000, new_version=NEW).read(paired(14, 12, 9))
    assert "firing DifferenceDrift 2.0.0" not in told(desk)
    assert told(desk.read(paired(15, 13, 12)))[-1] == "firing DifferenceDrift 2.0.0"


@pytest.mark.parametrize(("alarmed", "change"), [(8, 7), (33, 30)])
def test_that_it_differs_before_or_after_is(alarmed: int, change: int) -> None:
    desk, trigger = drifted()
    trained(desk, trigger).read(*([paired(9, alarmed, change)] if alarmed < 10 else []))
    taken_over(desk).read(*answers(15, 33, NEW), paired(34, alarmed, change))
    assert "firing DifferenceDrift 2.0.0" in told(desk)
    assert "resolved DifferenceDrift 2.0.0 retrained" not in told(desk)


def replaced(end: str, *versions: str) -> Desk:
    """The first of the versions is asked to be retrained, the others served since, their answers drift, and then a new one."""
    desk, trigger = drifted(AlertPolicy(group_s=0, cause_s=0))
    first = 7
    for version in versions:
        desk.read(
            *answers(first, first + 4, version, "drift", change=first), drift(first + 3, "drift", "latency", "", version=version)
        )
        first += 4
    desk.say(trigger, "succeeded", START + first * 60_000, new_version=end)
    return desk.read(*answers(first + 1, first + 6, end))


def test_the_version_that_is_replaced_is_the_old_one_whichever_was_asked_for() -> None:
    desk = replaced("2.0.0", NEW)
    assert told(desk)[-4:] == [
        f"resolved FeatureDrift {OLD} retrained", f"resolved PredictionDrift {OLD} retrained",
        f"resolved PredictionDrift {NEW} retrained", f"resolved LatencyRegressed {NEW} retrained",
    ]  # fmt: skip
    assert {one.data["evidence"]["retrained"]["old_version"] for one in desk.out[-4:]} == {NEW}


def test_of_a_version_before_that_only_what_the_training_has_seen_is_over() -> None:
    """Late outcomes of the first version tell of a change since its trigger; those of the second speak of what is replaced."""
    desk = replaced("2.0.0", NEW)
    desk.read(drift(12, "drift", "error", "", change=11, version=OLD), drift(13, "drift", "error", "", change=11, version=NEW))
    assert told(desk)[-2:] == [f"firing PerformanceDrop {OLD}", "trigger performance_drop 2.0.0"]


def test_late_outcomes_ask_for_the_version_that_serves() -> None:
    desk = Desk().read(*answers(0, 20, OLD), *answers(20, 40, NEW), drift(10, "drift", "error", "", change=5, version=OLD))
    assert told(desk) == [f"firing PerformanceDrop {OLD}", f"trigger performance_drop {NEW}"]
    desk.say(desk.triggers[0]["trigger_id"], "succeeded", START + 41 * 60_000, new_version="2.0.0")
    assert told(desk.read(*answers(42, 46, "2.0.0")))[-1] == f"resolved PerformanceDrop {OLD} retrained"


def test_late_outcomes_of_the_only_version_known_ask_for_it() -> None:
    assert told(Desk().read(drift(10, "drift", "error", "", change=5)))[-1] == f"trigger performance_drop {OLD}"


def test_an_alert_that_is_silenced_still_triggers_and_says_that_nobody_was_told() -> None:
    """A silence is about pages; who wants no trigger switches them off, or asks for an approval."""
    desk = Desk().read(drift(0, "quiet"))
    desk.act("silence", matchers={"signal": "feature/income"}, until=START + 86_400_000).read(drift(5, "drift", change=3))
    assert told(desk) == ["trigger data_drift 1.4.0"]
    assert desk.triggers[0]["links"]["alerts"] == []


def test_a_checkpoint_from_before_versions_were_kept_goes_on_and_expects_nothing() -> None:
    desk, trigger = drifted()
    state = msgspec.json.decode(desk.fold.save())
    cooldown = state["subjects"]["credit"]["cooldown"]
    del cooldown["asked"], cooldown["courses"][trigger]["version"]
    for case in state["subjects"]["credit"]["cases"].values():
        case["cause"].pop("about", None)
    desk.fold.restore(msgspec.json.encode(state), None, [0, 0, 0])
    taken_over(trained(desk, trigger))
    assert told(desk)[3:] == [f"resolved FeatureDrift {OLD} forgotten", f"firing FeatureDrift {NEW}"]
    assert len(desk.triggers) == 1
