"""What is held back, by what, and when it is told after all."""

from typing import Any

import msgspec
import pytest

from app.domain.decisions.alert_message import Links
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.deciding import Decider
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.decisions.silences import SILENCES
from schemas.action import Action, ActionName
from schemas.errors import DecodeError
from schemas.offsets import Window
from schemas.statistics import DriftStatistics
from tests.decide_builders import START, drift, fold, minute, of_type, send_all

ALERTS_ONLY = RetrainPolicy(enabled=False)
DAY = 24 * 60


def told(statistics: list[DriftStatistics], **policy: Any) -> list[str]:
    """What is told of alerts: status, name, signal; at once, without waiting for a resolve, unless the policy says otherwise."""
    decide = fold(AlertPolicy(**({"keep_firing_for_s": 0, "cause_s": 0} | policy)), retrain=ALERTS_ONLY)
    sent = of_type(send_all(statistics, decide), "alerts")
    return [f"{one['status']} {one['labels']['alertname']} {one['labels'].get('signal', '')}".strip() for one in sent]


def test_a_missing_feature_explains_its_own_drift_and_that_of_the_predictions() -> None:
    story = [
        drift(5, "drift", "missing", "income"), drift(5, "drift", "feature", "income"), drift(5, "drift", "feature", "age"),
        drift(5, "drift", "prediction", ""), drift(5, "drift", "latency", ""),
    ]  # fmt: skip
    assert told(story) == [
        "firing MissingShare missing/income",
        "firing FeatureDrift feature/age",
        "firing LatencyRegressed latency",
    ]
    assert len(told(story, inhibit=False)) == 4  # both features are one alert


def test_what_was_inhibited_is_told_when_its_cause_is_over_and_it_still_holds() -> None:
    story = [
        drift(5, "drift", "missing", "income"), drift(5, "drift", "prediction", ""),
        drift(6, "quiet", "missing", "income"), drift(7, "drift", "prediction", ""),
    ]  # fmt: skip
    assert told(story) == [
        "firing MissingShare missing/income", "resolved MissingShare missing/income", "firing PredictionDrift prediction",
    ]  # fmt: skip


def test_what_was_inhibited_and_is_over_with_its_cause_is_never_told() -> None:
    story = [
        drift(5, "drift", "missing", "income"), drift(5, "drift", "prediction", ""),
        drift(6, "quiet", "prediction", ""), drift(6, "quiet", "missing", "income"),
    ]  # fmt: skip
    assert told(story) == ["firing MissingShare missing/income", "resolved MissingShare missing/income"]


def test_a_new_feature_explains_nothing_a_vanished_one_does() -> None:
    follows = drift(5, "drift", "prediction", "")
    new, gone = ({"new": [{"name": "x"}], "vanished": [], "retyped": []}, {"new": [], "vanished": [{"name": "x"}], "retyped": []})

    assert told([drift(5, "drift", "schema", "", **new), follows])[1:] == ["firing PredictionDrift prediction"]
    assert told([drift(5, "drift", "schema", "", **gone), follows])[1:] == []


def test_a_silent_shadow_explains_the_match_rate() -> None:
    story = [minute(4, legacy_only=50), drift(5, "drift", "match_rate", "", role="all", version="")]
    assert told(story) == ["firing ShadowSilent pairing"]


def test_the_whole_model_explains_its_segments_and_no_segment_the_whole() -> None:
    whole, part = drift(5, "drift"), drift(5, "drift", segment={"channel": "web"})
    assert told([whole, part]) == ["firing FeatureDrift feature/income"]
    assert len(told([part, whole])) == 2


def test_fifteen_features_at_once_are_one_alert_that_names_them_when_it_is_over() -> None:
    names = [f"f{number:02d}" for number in range(15)]
    sizes = {name: float(number) for number, name in enumerate(names)}
    burst = [drift(5, "drift", name=name, effect={"size": -sizes[name]}) for name in names]
    over = [drift(6, "quiet", name=name) for name in names]
    decide = fold(AlertPolicy(keep_firing_for_s=0), retrain=ALERTS_ONLY)

    firing = of_type(send_all(burst, decide), "alerts")
    assert [one["labels"]["signal"] for one in firing] == ["feature/f00"]
    assert decide.figures()["alerts_held_back"] == 14
    first = of_type(send_all(over[:5], decide), "alerts")
    assert first == [], "others still hold"
    resolved = of_type(send_all([*over[5:], over[0]], decide), "alerts")
    assert [one["status"] for one in resolved] == ["resolved"]
    assert resolved[0]["labels"] == firing[0]["labels"]
    contributors = [one["signal"] for one in resolved[0]["evidence"]["contributors"]]
    assert contributors == [f"feature/{name}" for name in reversed(names[1:])]
    assert decide.figures()["alerts_firing"] == decide.figures()["alerts_held_back"] == 0


def test_signals_that_moved_together_stay_one_alert_however_long_that_lasts() -> None:
    story = [drift(60 * hour + 5, "drift", name=f"f{n}", effect={"size": 1.0}) for hour in range(16) for n in range(5)]
    over = [drift(1_000, "quiet", name=f"f{n}") for n in (1, 2, 3, 4, 0)]
    decide = fold(AlertPolicy(keep_firing_for_s=0), retrain=ALERTS_ONLY)
    sent = of_type(send_all([*story, *over], decide), "alerts")

    assert [one["status"] for one in sent] == ["firing", "resolved"]
    assert {one["since"] for one in sent[1]["evidence"]["contributors"]} == {"2026-09-21T14:19:19.999Z"}


def test_a_trigger_of_what_is_held_back_says_why_and_names_no_alert_that_nobody_was_told() -> None:
    decide = fold(AlertPolicy(pages_per_week=0))
    sent = send_all(
        [drift(5, "drift", "prediction", "", change=3), *(drift(n, "drift", "prediction", "") for n in range(6, 9))], decide
    )
    trigger = of_type(sent, "retrain.triggers")[0]

    assert of_type(sent, "alerts") == []
    assert trigger["reason"]["detail"].startswith("The predictions of credit")
    assert trigger["links"]["alerts"] == []


def test_a_clock_that_was_ahead_once_makes_nothing_flap_and_forgets_nothing() -> None:
    """1. One window lies 23 h ahead; 2. what comes then is judged by its own times."""
    ahead = drift(5 + 23 * 60, "quiet", name="age")
    story = [ahead, *(drift(420 * turn + at, state) for turn in range(4) for at, state in ((6, "drift"), (7, "quiet")))]
    assert told(story) == ["firing FeatureDrift feature/income", "resolved FeatureDrift feature/income"] * 4


def test_a_signal_goes_on_alone_when_the_one_it_was_merged_into_is_forgotten() -> None:
    story = [
        drift(5, "drift", name="a"),
        drift(6, "drift", name="b"),
        drift(7, "quiet", name="a", ended={}),
        drift(8, "drift", name="b"),
    ]
    assert told(story) == ["firing FeatureDrift feature/a", "resolved FeatureDrift feature/a", "firing FeatureDrift feature/b"]


def test_pages_have_a_budget_of_a_week_and_tickets_have_none() -> None:
    story = [
        statistics
        for hour in range(6)
        for statistics in (drift(60 * hour, "drift", "latency", ""), drift(60 * hour + 1, "quiet", "latency", ""))
    ]
    tickets = [drift(400, "drift", name="income")]
    held = drift(401, "drift", "latency", "")
    week_later = [drift(7 * DAY + at, "drift", "latency", "") for at in (0, 61)]

    said = told([*story, *tickets, held, *week_later], pages_per_week=3, flaps=0, forget_after_s=30 * DAY * 60)
    assert said.count("firing LatencyRegressed latency") == 3 + 1
    assert "firing FeatureDrift feature/income" in said
    assert said[-1] == "firing LatencyRegressed latency", "a week after the first there is room, and it still holds"


def test_an_alert_that_comes_and_goes_is_told_a_few_times_and_then_stays() -> None:
    story = [drift(2 * at, "drift" if at % 2 == 0 else "quiet") for at in range(40)]
    said = told(story, flaps=3, flap_s=6 * 3_600)
    calm = [drift(80 + at, "quiet") for at in (0, 359, 361)]

    assert said == ["firing FeatureDrift feature/income", "resolved FeatureDrift feature/income"] * 2 + [
        "firing FeatureDrift feature/income"
    ]
    assert told([*story, *calm], flaps=3, flap_s=6 * 3_600)[-1] == "resolved FeatureDrift feature/income"
    assert len(told(story, flaps=0)) == 40


def test_what_is_over_with_its_cause_is_not_told_for_its_slow_detector() -> None:
    """1. The shadow is silent; 2. it answers again; 3. the scan says drift for 1,000 calm events more."""

    def low(at: int) -> DriftStatistics:
        return msgspec.structs.replace(few, window=Window(START + at * 60_000, START + at * 60_000 + 59_999, 300))

    few = drift(0, "drift", "match_rate", "", role="all", version="")
    silent = [minute(4, legacy_only=50), low(5), minute(6, paired=50), minute(7, paired=50)]
    over = msgspec.structs.replace(low(11), detector=drift(0, "quiet").detector)
    whole = ["firing ShadowSilent pairing", "resolved ShadowSilent pairing"]
    assert told([*silent, *(low(at) for at in (8, 9, 10)), over]) == whole
    assert told([*silent, *(low(at) for at in (8, 9, 10, 11))]) == [*whole, "firing MatchRateLow match_rate"]


def test_a_changed_schema_explains_until_it_is_resolved() -> None:
    """The statements that it is over name no feature any more."""
    gone = {"new": [], "vanished": [{"name": "x"}], "retyped": []}
    story = [drift(5, "drift", "schema", "", **gone), drift(5, "drift", "prediction", ""), drift(6, "quiet", "schema", "")]
    after = [drift(7, "drift", "prediction", ""), drift(8, "quiet", "prediction", "")]
    assert told([*story, *after], keep_firing_for_s=600) == ["firing SchemaChanged schema"]


def test_a_cause_that_comes_a_little_later_explains_too() -> None:
    """1. The match rate falls; 2. a minute later it is known that the shadow is silent; 3. it goes on."""
    low = [drift(at, "drift", "match_rate", "", role="all", version="") for at in range(5, 12)]
    story = [low[0], minute(6, legacy_only=50), *low[1:]]
    assert told(story, cause_s=180) == ["firing ShadowSilent pairing"]
    assert told(story, cause_s=0) == ["firing MatchRateLow match_rate", "firing ShadowSilent pairing"]
    assert told(low[:3], cause_s=180) == []
    assert told(low, cause_s=180) == told(low, inhibit=False) == ["firing MatchRateLow match_rate"]


def test_what_waits_for_its_own_cause_explains_others_but_not_for_ever() -> None:
    """The missing share is to be told soon, so the predictions' page waits; a share that falls to a warning explains nothing."""
    missing, page = drift(5, "drift", "missing", "income"), [drift(at, "drift", "prediction", "") for at in range(5, 12)]
    later = [drift(at, "drift", "missing", "income") for at in range(6, 12)]
    assert told([missing, *page[:3]], cause_s=180) == []
    both = [one for pair in zip(later, page[1:], strict=True) for one in pair]
    assert told([missing, page[0], *both], cause_s=180) == ["firing MissingShare missing/income"]
    assert told([missing, *page], cause_s=180) == ["firing PredictionDrift prediction"]


def test_an_alert_that_goes_on_coming_and_going_is_told_no_more_often() -> None:
    """Hourly for a day: three times, and then it stays until it was clear for six hours."""
    story = [drift(60 * hour + at, state) for hour in range(24) for at, state in ((0, "drift"), (20, "quiet"), (40, "quiet"))]
    calm = [drift(24 * 60 + at, "quiet") for at in range(0, 400, 10)]
    said = told([*story, *calm])
    assert said == ["firing FeatureDrift feature/income", "resolved FeatureDrift feature/income"] * 3
    assert told([*story, *calm[:30]]) == said[:-1], "not clear for six hours"


def said(action: ActionName, at: int, **about: Any) -> Action:
    """What somebody decided at the beginning of a minute."""
    id_ = f"{action}-{at}"
    return Action(id=id_, action=action, subject="credit", by="jane", why="roll-out", timestamp=START + at * 60_000, **about)


def decider(**policy: Any) -> Decider:
    names = AlertPolicy(**({"keep_firing_for_s": 0} | policy))
    return Decider(lambda topic: topic, lambda _: names, lambda _: ALERTS_ONLY, Links("", ""))


def heard(decide: Decider, statistics: DriftStatistics) -> list[str]:
    return [f"{one.alert.status} {one.alert.labels['signal']}" for one in decide.read(msgspec.json.encode(statistics), "id")]


def test_what_is_silenced_is_told_when_the_silence_is_over_and_it_still_holds() -> None:
    decide = decider(group_s=0)
    heard(decide, drift(4, "quiet"))
    decide.act(said("silence", 5, matchers={"signal": "feature/income"}, until=START + 20 * 60_000))

    assert heard(decide, drift(6, "drift")) == []
    assert heard(decide, drift(6, "drift", name="age")) == ["firing feature/age"], "the silence is not of this one"
    assert decide.state.figures()['alerts_held_back_total{reason="silenced"}'] == 1
    assert heard(decide, drift(30, "drift")) == ["firing feature/income"]


def test_a_silence_can_be_taken_back_and_an_alert_that_was_told_goes_on() -> None:
    decide = decider()
    assert heard(decide, drift(4, "drift")) == ["firing feature/income"]
    decide.act(said("silence", 5, matchers={}, until=START + 900 * 60_000))
    assert heard(decide, drift(6, "quiet")) == ["resolved feature/income"]
    assert heard(decide, drift(7, "drift")) == []
    decide.act(said("unsilence", 8))
    assert heard(decide, drift(9, "drift")) == ["firing feature/income"]


def test_one_silence_of_two_is_taken_back_by_its_id() -> None:
    decide = decider(group_s=0)
    heard(decide, drift(4, "quiet"))
    for at, name in ((5, "feature/income"), (6, "feature/age")):
        decide.act(said("silence", at, matchers={"signal": name}, until=START + 900 * 60_000))
    decide.act(said("unsilence", 7, silence="silence-5"))
    assert heard(decide, drift(8, "drift")) == ["firing feature/income"]
    assert heard(decide, drift(8, "drift", name="age")) == []
    with pytest.raises(DecodeError, match="there is no silence 'silence-5' of credit"):
        decide.act(said("unsilence", 9, silence="silence-5"))


def test_an_acknowledgement_is_told_with_the_resolve() -> None:
    decide = decider()
    fired = decide.read(msgspec.json.encode(drift(4, "drift")), "id")[0].alert
    decide.act(said("acknowledge", 5, fingerprint=fired.fingerprint))
    resolved = decide.read(msgspec.json.encode(drift(6, "quiet")), "id")[0].alert

    assert "acknowledged" not in fired.evidence
    assert resolved.evidence["acknowledged"] == {"by": "jane", "why": "roll-out", "at": "2026-09-21T14:18:20.000Z"}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (said("acknowledge", 5, fingerprint="0123456789abcdef"), "is no alert of credit that is up"),
        (said("unsilence", 5, matchers={"signal": "cost"}), "there is no silence of credit with just these"),
        (said("silence", 5, matchers={}, until=START), "is not after the action's own time"),
        (msgspec.structs.replace(said("silence", 5, until=START + 1), subject="fraud"), "is no model and no input topic"),
    ],
)
def test_an_action_without_effect_is_refused_and_changes_nothing(action: Action, expected: str) -> None:
    decide = decider()
    heard(decide, drift(4, "drift"))
    before = decide.state.dump()
    with pytest.raises(DecodeError, match=expected):
        decide.act(action)
    assert decide.state.dump() == before


def test_silences_are_bounded_the_one_that_ends_first_goes() -> None:
    decide = decider()
    heard(decide, drift(4, "quiet"))
    for number in range(SILENCES + 5):
        one = said("silence", 5, matchers={"signal": f"feature/{number}"}, until=START + (100 + number) * 60_000)
        decide.act(msgspec.structs.replace(one, id=str(number)))
    assert list(decide.state.subjects["credit"].silences) == [str(number) for number in range(5, SILENCES + 5)]


def test_what_is_held_back_survives_a_restart() -> None:
    story = [drift(5, "drift", "missing", "income"), drift(5, "drift", "prediction", ""), drift(6, "quiet", "missing", "income"),
             drift(7, "drift", "prediction", "")]  # fmt: skip
    policy = AlertPolicy(keep_firing_for_s=0)
    whole = of_type(send_all(story, fold(policy, retrain=ALERTS_ONLY)), "alerts")
    first = fold(policy, retrain=ALERTS_ONLY)
    out = of_type(send_all(story[:2], first), "alerts")
    second = fold(policy, retrain=ALERTS_ONLY)
    second.restore(first.save(), None, [2])
    out += of_type(send_all(story[2:], second), "alerts")

    assert out == whole
