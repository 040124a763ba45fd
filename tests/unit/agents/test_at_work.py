"""Which alerts are at work: a cause that is silenced explains, one that only damping keeps up does not, one that waits vetoes."""

import msgspec
import pytest

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import START, Desk, drift, fold, minute, refused, send_all
from tests.unit.agents.test_held_back import decider, heard, said, told


def test_an_alert_of_a_topic_is_over_with_its_trouble_however_often_it_came() -> None:
    """Its counts are told for ten minutes after a trouble, so nobody could say for hours that it is clear."""
    rounds = range(0, 240, 40)
    story = [refused(at + minute, 90 if minute < 3 else 0) for at in rounds for minute in range(14)]
    assert told(story) == [f"{what} DeadLettersHigh pairing/predictions.shadow" for what in ("firing", "resolved")] * len(rounds)


def come_and_gone(until: int) -> list[DriftStatistics]:
    """A missing share that came three times, and was quiet from minute 70 on; then an answer that drifts."""
    came = [drift(at, "drift", "missing", "income") for at in (0, 30, 60)]
    gone = [drift(at, "quiet", "missing", "income") for at in (10, 20, 40, 50, 70, 75, 80)]
    share = sorted(came + gone, key=lambda one: one.window.start)
    return [*(one for one in share if one.window.start < START + until * 60_000), drift(until, "drift", "prediction", "")]


def test_what_has_been_clear_for_long_explains_nothing_though_damping_keeps_it_up() -> None:
    said_late = told(come_and_gone(85), keep_firing_for_s=600)
    assert said_late.count("resolved MissingShare missing/income") == 2
    assert said_late[-1] == "firing PredictionDrift prediction"
    assert told(come_and_gone(78), keep_firing_for_s=600)[-1] == "firing MissingShare missing/income"


@pytest.mark.parametrize(("policy", "triggered"), [(AlertPolicy(inhibit=False), True), (AlertPolicy(), False)])
def test_data_that_may_be_broken_are_not_trained_on(policy: AlertPolicy, *, triggered: bool) -> None:
    """The missing share waits for a cause of its own, and vetoes meanwhile; told at once, it is itself what triggers."""
    story = [drift(5, "drift", "missing", "income", change=0), drift(5, "drift", name="age", change=0)]
    codes = [trigger["reason"]["code"] for trigger in Desk(RetrainPolicy(), alerts=policy).read(*story).triggers]
    assert codes == (["data_quality"] if triggered else [])


def test_on_a_backlog_the_counts_that_are_days_ahead_make_nothing_forgotten() -> None:
    ahead = 5 * 24 * 60
    story = [drift(0, "drift")]
    for at in range(0, 400, 40):
        for step in range(10):
            story += [drift(at + 4 * step, "quiet", name="age"), minute(ahead + at + 4 * step, read=9, paired=4)]
        story.append(drift(at + 39, "drift"))
    assert told(story) == ["firing FeatureDrift feature/income"]


def test_a_cause_that_is_silenced_explains_all_the_same() -> None:
    decide = decider(cause_s=0)
    heard(decide, drift(4, "quiet"))
    decide.act(said("silence", 5, matchers={"signal": "missing/income"}, until=START + 90 * 60_000))
    assert heard(decide, drift(6, "drift", "missing", "income")) == []
    assert heard(decide, drift(7, "drift", "prediction", "")) == []
    assert heard(decide, drift(7, "drift", name="income")) == []


def test_what_was_explained_before_it_was_silenced_is_believed_after_as_many_events() -> None:
    decide = decider(cause_s=0)
    heard(decide, drift(4, "drift", "missing", "income"))
    assert heard(decide, drift(5, "drift", "prediction", "")) == []
    decide.act(said("silence", 5, matchers={"signal": "prediction"}, until=START + 8 * 60_000))
    assert heard(decide, drift(6, "drift", "prediction", "")) == []
    assert heard(decide, drift(7, "quiet", "missing", "income")) == ["resolved missing/income"]
    few = drift(9, "drift", "prediction", "")
    few = msgspec.structs.replace(few, window=msgspec.structs.replace(few.window, events=400))
    assert heard(decide, few) == []
    assert heard(decide, drift(10, "drift", "prediction", "")) == ["firing prediction"]


@pytest.mark.parametrize(("end", "change"), [(10**17, 0), (START, 10**18), (START, -1), (START, 1.5)])
def test_a_time_of_no_year_is_passed_over(end: int, change: float) -> None:
    record = drift(5, "drift", change=0)
    record.statistics["change"]["timestamp"] = change
    record = msgspec.structs.replace(record, window=msgspec.structs.replace(record.window, end=end))
    decide = fold()
    assert send_all([record], decide) == []
    assert decide.figures()["skipped_total"] == 1
