"""The decide fold: statistics in, alerts and retrain triggers out."""

from itertools import chain, repeat
from typing import Any

import msgspec
import pytest

from app.domain.decisions.alert_kinds import ALERT_NAMES
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import CASES_OF_A_SUBJECT
from app.domain.decisions.decide_state import CASES, PLAIN_BYTES, SUBJECTS, State
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.placement import place
from app.folds.fold import LogAnswer, LogQuery
from schemas.alert import Alert
from schemas.statistics import DriftStatistics
from schemas.trigger import RetrainTrigger
from tests.decide_builders import (
    START,
    LogRecord,
    Outbox,
    Sent,
    ahead,
    answers,
    as_run,
    drift,
    fold,
    gaps,
    minute,
    misrouted,
    of_type,
    record_of,
    refused,
    send_all,
)

AT_ONCE = AlertPolicy(keep_firing_for_s=0)
NO_MINIMUM = RetrainPolicy(minimum_events=0)
#: The end of the year 9999.
LAST_MS = 253_402_300_799_999


def quiet(first: int, last: int, **other: Any) -> list[DriftStatistics]:
    return [drift(number, "quiet", **other) for number in range(first, last + 1)]


def told(statistics: list[DriftStatistics], alerts: AlertPolicy | None = None, retrain: RetrainPolicy | None = None) -> list[str]:
    """What is sent, in short: ``firing FeatureDrift``, ``trigger data_drift``."""
    return [short(sent) for sent in send_all(statistics, fold(alerts, retrain))]


def short(sent: Sent) -> str:
    if sent.topic == "alerts":
        return f"{sent.data['status']} {sent.data['labels']['alertname']}"
    return f"trigger {sent.data['reason']['code']}"


def ends_at(end_ms: int) -> DriftStatistics:
    """A drift in the hour before a time, with what a trigger is for."""
    one = drift(5, "drift")
    return msgspec.structs.replace(one, window=msgspec.structs.replace(one.window, start=end_ms - 3_600_000, end=end_ms))


SHADOW: dict[str, Any] = {"role": "shadow", "version": "2.0.0"}

# Statistics in the order in which they come, and all that may be sent.
STORIES: dict[str, tuple[list[DriftStatistics], list[str]]] = {
    "quiet": (quiet(0, 20), []),
    "warnings alone": ([drift(number, "warning") for number in range(20)], []),
    "warming": ([drift(number, "warming") for number in range(20)], []),
    "a feature drifts and stays so": (
        [*quiet(0, 3), *(drift(number, "drift", change=3) for number in range(4, 40))],
        ["firing FeatureDrift", "trigger data_drift"],
    ),
    "a feature drifts and comes back": (
        [drift(1, "drift", change=0), *quiet(2, 13)],
        ["firing FeatureDrift", "resolved FeatureDrift", "trigger data_drift"],
    ),
    "a flapping feature is one episode and one trigger": (
        [drift(number, "drift" if number % 5 == 0 else "quiet") for number in range(50)],
        ["firing FeatureDrift", "trigger data_drift"],
    ),
    "signals that move together: one alert, one trigger": (
        [drift(5, "drift", change=3), drift(5, "drift", name="age", change=3), *quiet(6, 8)],
        ["firing FeatureDrift", "trigger data_drift"],
    ),
    "a signal that moves later than group_s: an alert of its own": (
        [drift(5, "drift", change=3), drift(65, "drift", name="age", change=3)],
        ["firing FeatureDrift", "firing FeatureDrift", "trigger data_drift"],
    ),
    "two models: two triggers": (
        [drift(5, "drift"), drift(5, "drift", model="fraud")],
        ["firing FeatureDrift", "firing FeatureDrift", "trigger data_drift", "trigger data_drift"],
    ),
    "a segment is an alert of its own": (
        [drift(5, "drift", segment={"channel": "web"}), drift(5, "drift", segment={"channel": "app"})],
        ["firing FeatureDrift", "firing FeatureDrift", "trigger data_drift"],
    ),
    "a shadow drifts: an alert and no trigger": (
        [drift(5, "drift", "prediction", "", **SHADOW), drift(6, "drift", "feature", **SHADOW)],
        ["firing PredictionDrift", "firing FeatureDrift"],
    ),
    "paired signals, latency and cost: alerts and no trigger": (
        [
            drift(5, "drift", "disagreement", "", **SHADOW), drift(5, "drift", "difference", "", **SHADOW),
            drift(5, "drift", "latency", ""), drift(5, "drift", "cost", ""),
            drift(5, "drift", "match_rate", "", role="all", version=""),
        ],
        [
            f"firing {name}"
            for name in ("DisagreementDrift", "DifferenceDrift", "LatencyRegressed", "CostRegressed", "MatchRateLow")
        ],
    ),
    "what becomes better is no alert": ([drift(n, "warning", "latency", "", better=True) for n in range(20)], []),
    "what is merely not sure neither ends an alert nor makes one": (
        [drift(1, "drift", "cost", ""), *(drift(n, "warning", "cost", "") for n in range(2, 40))], ["firing CostRegressed"],
    ),
    "... what becomes better ends it": (
        [drift(1, "drift", "cost", ""), *(drift(n, "warning", "cost", "", better=True) for n in range(2, 14))],
        ["firing CostRegressed", "resolved CostRegressed"],
    ),
    "missing values": ([drift(5, "drift", "missing")], ["firing MissingShare", "trigger data_quality"]),
    "predictions": ([drift(5, "drift", "prediction", "")], ["firing PredictionDrift", "trigger prediction_drift"]),
    "a version that is told for the last time is resolved at once": (
        [drift(5, "drift"), drift(5, "quiet", ended={"reason": "version", "successor": "1.5.0"})],
        ["firing FeatureDrift", "resolved FeatureDrift", "trigger data_drift"],
    ),
    "a signal that nobody speaks of is resolved once the model has gone on for six hours": (
        [drift(5, "drift"), *quiet(6, 365, name="age")], ["firing FeatureDrift", "trigger data_drift"],
    ),
    "... and not before": (
        [drift(5, "drift"), *quiet(6, 366, name="age")],
        ["firing FeatureDrift", "resolved FeatureDrift", "trigger data_drift"],
    ),
    "no shadow answers": (
        [minute(0, paired=50), *(minute(n, legacy_only=50) for n in (1, 2)), *(minute(n, paired=9) for n in range(3, 14))],
        ["firing ShadowSilent", "resolved ShadowSilent"],
    ),
    "a shadow that the pair role no longer expects stays silent": (
        [minute(0, paired=50), minute(1, legacy_only=50), *(minute(n, solo=50) for n in range(2, 100))], ["firing ShadowSilent"],
    ),
    "some shadow answers": ([minute(n, partial=50) for n in range(9)], []),
    "legacy does not answer": ([minute(0, shadow_only=50)], ["firing LegacySilent"]),
    "a model without shadows": ([minute(n, solo=500) for n in range(9)], []),
    "an unexpected version, and its end": (
        [minute(0, paired=9, unexpected={"3": 1}), *(minute(n, paired=9) for n in range(1, 12))],
        ["firing UnexpectedVersion", "resolved UnexpectedVersion"],
    ),
    "two unexpected versions": ([minute(0, unexpected={"3": 1, "4": 1})], ["firing UnexpectedVersion"] * 2),
    "misrouted keys, and their end": (
        [misrouted(0, 50, 100), misrouted(0, 0, 100, partition=1), *(misrouted(n, 0, 100) for n in (1, 2, 3))],
        ["firing ProducerMisrouted", "resolved ProducerMisrouted"],
    ),
    "minutes in which no key was looked at say nothing": (
        [misrouted(0, 50, 100), *(misrouted(n, 0, 0) for n in range(1, 20))], ["firing ProducerMisrouted"],
    ),
    "events from the future, and their end": (
        [ahead(0, 50, 100), ahead(0, 0, 100, partition=1), *(ahead(n, 0, 100) for n in (1, 2, 3))],
        ["firing ClockSkew", "resolved ClockSkew"],
    ),
    "four events from the future": ([ahead(0, 4, 4)], []),
    "a shadow's clock is behind, and is set": (
        [gaps(0, -9), *(gaps(n, 0) for n in range(1, 16))], ["firing ClockSkew", "resolved ClockSkew"],
    ),
    "the clocks of two versions": ([gaps(0, 9), gaps(0, -9, version="3")], ["firing ClockSkew"] * 2),
    "a queue that is slow now and then": ([gaps(n, 3) for n in range(20)], []),
    "too few requests to tell": ([gaps(0, 4, 4)], []),
    "one of two hosts has a wrong clock, which keeps the alert up": (
        [gaps(n, 8 * partition, partition=partition) for n in range(20) for partition in (0, 1)], ["firing ClockSkew"],
    ),
    "a refused event now and then": ([refused(n, 4) for n in range(20)], []),
    "a handful of events, all refused": ([refused(0, 19)], []),
    "much is refused, and then little": (
        [refused(0, 30), refused(1, 20), refused(1, 0, partition=1), *(refused(n, 0) for n in (2, 3, 4))],
        ["firing DeadLettersHigh", "resolved DeadLettersHigh"],
    ),
    "a few refused ones keep it up": ([refused(0, 30), *(refused(n, 3) for n in range(1, 20))], ["firing DeadLettersHigh"]),
    "each partition must be clear of refusals": (
        [refused(0, 30), refused(0, 30, partition=1), *(refused(n, 0) for n in range(1, 9))], ["firing DeadLettersHigh"],
    ),
    "an input is paused, tried again, and mended": (
        [refused(0, 100, paused=1), refused(0, 100, paused=1), *(refused(n, 0) for n in (1, 2, 3))],
        ["firing InputPaused", "resolved InputPaused"],
    ),
    "much is refused, then all, then much again": (
        [refused(0, 30), refused(1, 100, paused=1), *(refused(n, 30) for n in range(2, 9))],
        ["firing DeadLettersHigh", "firing InputPaused", "resolved InputPaused"],
    ),
    "two topics": (
        [misrouted(0, 50, 100), misrouted(0, 50, 100, topic="predictions.shadow")], ["firing ProducerMisrouted"] * 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_story(story: str) -> None:
    statistics, wanted = STORIES[story]
    assert told(statistics) == wanted


def test_for_waits_and_forgets() -> None:
    patient = AlertPolicy(for_s=120)
    assert told([drift(0, "drift"), drift(1, "quiet"), drift(2, "drift"), drift(3, "drift")], patient) == []
    assert told([drift(n, "drift") for n in range(3)], patient, NO_MINIMUM) == ["firing FeatureDrift", "trigger data_drift"]


def test_resolving_waits_for_events_where_that_is_asked_for() -> None:
    policy = AlertPolicy(keep_firing_for_s=0, resolve_events=2_000)
    assert told([drift(0, "drift"), drift(1, "quiet")], policy)[:1] == ["firing FeatureDrift"]
    assert "resolved FeatureDrift" not in told([drift(0, "drift"), drift(1, "quiet")], policy)
    assert "resolved FeatureDrift" in told([drift(0, "drift"), drift(1, "quiet"), drift(2, "quiet")], policy)


def test_an_alert_on_outcomes_that_come_late_is_not_forgotten() -> None:
    """1. An alert on errors fires; 2. features are spoken of that are a day ahead; 3. errors are calm again."""
    late = [drift(5, "drift", "error", ""), *quiet(1_440, 1_460), drift(6, "drift", "error", ""), *quiet(1_461, 1_470)]
    shadow: dict[str, Any] = {"kind": "error", "name": "", **SHADOW}
    assert told(late) == ["firing PerformanceDrop", "trigger performance_drop"]
    gone_on = told([*late, *(drift(number, "quiet", **shadow) for number in range(7, 3_700, 30))])
    assert gone_on == ["firing PerformanceDrop", "resolved PerformanceDrop", "trigger performance_drop"]


def test_the_version_that_serves_is_not_known_by_late_outcomes() -> None:
    """A deployment between a request and its outcome: a figure that drifts triggers for the version that serves now."""
    late = quiet(1, 3, kind="error", name="", version="1.0.0")
    sent = send_all([*quiet(1, 3, version="2.0.0"), *late, drift(4, "drift", "kpi", "usd", role="all", version="")])
    [trigger] = of_type(sent, "retrain.triggers")
    assert (trigger["model"]["version"], trigger["reason"]["code"]) == ("2.0.0", "performance_drop")


def test_an_alert_that_is_switched_off_is_not_sent_and_triggers_nothing() -> None:
    assert told([drift(5, "drift")], AlertPolicy(severities={"FeatureDrift": "off"})) == []


def test_the_link_of_an_alert_names_its_segment_too() -> None:
    sent = send_all([drift(5, "drift", segment={"channel": "web"})])[0]
    assert sent.data["generatorURL"].endswith("/?model=credit&signal=feature%2Fincome&version=1.4.0&segment=channel%3Dweb")


def test_an_alert_says_everything() -> None:
    statistics = drift(5, "drift", change=3, direction="location up", histogram={"ends": [1, 2], "counts": [3, 4, 5]})
    sent = send_all([statistics])[0]
    alert = sent.data
    assert alert["labels"] == {
        "alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "role": "legacy",
        "signal": "feature/income",
    }  # fmt: skip
    assert alert["annotations"] == {
        "summary": "Feature income of credit 1.4.0 (legacy) is higher than in the reference: mean 5127 in place of 4811, "
        "since about 2026-09-21 14:16:20 UTC",
        "description": "Detector scan: score 31.2, its threshold is 18. The inputs are no longer those of the reference; "
        "this alone does not say that the answers are worse.",
        "runbook_url": "https://runbooks.example.com/FeatureDrift",
        "dashboard_url": "http://127.0.0.1:8080/?model=credit",
    }
    assert alert["generatorURL"] == "http://127.0.0.1:8080/?model=credit&signal=feature%2Fincome&version=1.4.0"
    assert (alert["status"], alert["startsAt"], "endsAt" in alert) == ("firing", "2026-09-21T14:19:19.999Z", False)
    evidence = alert["evidence"]
    assert evidence["statistics"] == statistics.statistics
    assert (evidence["reason"], evidence["since"]) == ("held", "2026-09-21T14:16:20.000Z")
    assert evidence["detector"] == {"name": "scan", "state": "drift", "score": 31.2, "threshold": 18.0}
    assert evidence["offsets"] == [{"topic": "pairs", "partition": 2, "start": 50_000, "end": 60_000}]


def test_the_envelope_of_an_alert() -> None:
    sent = send_all([drift(5, "drift")])[0]
    envelope = {name: value for name, value in sent.event.items() if name != "data"}
    mark = sent.data["fingerprint"]
    assert envelope == {
        "specversion": "1.0", "type": "io.gnomon.alert.v1", "source": "/gnomon/decide", "subject": "credit",
        "id": f"{mark}/firing/2026-09-21T14:19:19.999Z", "time": "2026-09-21T14:19:19.999Z", "correlationid": mark,
        "causationid": f"credit|1.4.0|feature/income|/{START + 300_000}", "datacontenttype": "application/json",
    }  # fmt: skip
    assert (sent.topic, sent.partition, sent.key) == ("alerts", place("credit", 4), mark.encode())


def test_a_resolve_repeats_labels_and_annotations() -> None:
    firing, resolved = of_type(send_all([drift(1, "drift", change=0), *quiet(2, 20)]), "alerts")
    assert [msgspec.convert(one, Alert).status for one in (firing, resolved)] == ["firing", "resolved"]
    assert resolved["labels"] == firing["labels"]
    assert resolved["annotations"] == firing["annotations"]
    assert resolved["startsAt"] == firing["startsAt"] == "2026-09-21T14:15:19.999Z"
    assert resolved["endsAt"] == "2026-09-21T14:26:19.999Z"
    assert resolved["evidence"]["reason"] == "stayed_clear"
    assert resolved["evidence"]["lasted_s"] == 660


def test_what_is_forgotten_is_resolved_with_its_annotations() -> None:
    firing, resolved = of_type(send_all([drift(5, "drift"), *quiet(6, 367, name="age")]), "alerts")
    assert resolved["annotations"] == firing["annotations"]
    assert resolved["evidence"] == {"reason": "forgotten", "lasted_s": 21_600.001}


def test_a_night_without_requests_forgets_nothing_nor_does_the_volume_that_speaks_of_it() -> None:
    night = [*quiet(6, 8, name="age"), *quiet(9, 700, kind="volume", name=""), *quiet(701, 800, name="age")]
    assert told([drift(5, "drift"), *night])[:1] == ["firing FeatureDrift"]
    assert not any(one.startswith("resolved") for one in told([drift(5, "drift"), *night]))


def test_two_episodes_of_one_alert_have_ids_of_their_own_even_in_one_window() -> None:
    again = [drift(1, "drift"), drift(1, "quiet"), drift(1, "drift"), drift(1, "quiet"), drift(0, "drift")]
    sent = [one for one in send_all(again, fold(AT_ONCE)) if one.topic == "alerts"]
    assert [short(one) for one in sent] == ["firing FeatureDrift", "resolved FeatureDrift"] * 2 + ["firing FeatureDrift"]
    assert len({one.event["id"] for one in sent}) == 5
    starts = [one.data["startsAt"] for one in sent if one.data["status"] == "firing"]
    assert starts == sorted(set(starts))


def test_severities_page_only_for_what_users_notice() -> None:
    every = [drift(5, "drift", kind, "") for kind in ("feature", "missing", "prediction", "latency", "cost")]
    shadow = [drift(5, "drift", kind, "", **SHADOW) for kind in ("prediction", "latency", "disagreement", "difference")]
    sent = send_all(every + shadow, fold(AlertPolicy(inhibit=False)))
    severities = [(data["labels"]["alertname"], data["labels"]["severity"]) for data in of_type(sent, "alerts")]
    assert severities == [
        ("FeatureDrift", "warning"), ("MissingShare", "warning"), ("PredictionDrift", "critical"),
        ("LatencyRegressed", "critical"), ("CostRegressed", "warning"),
        ("PredictionDrift", "warning"), ("LatencyRegressed", "warning"),
        ("DisagreementDrift", "critical"), ("DifferenceDrift", "critical"),
    ]  # fmt: skip


def test_an_alert_on_a_topic_has_no_model_and_names_the_setting_that_mends_it() -> None:
    sent = send_all([misrouted(0, 50, 200)], fold(prefix="b-"))[0]
    assert sent.data["labels"] == {
        "alertname": "ProducerMisrouted", "severity": "warning", "topic": "predictions.legacy",
        "signal": "pairing/predictions.legacy",
    }  # fmt: skip
    assert sent.data["annotations"]["summary"] == "A producer of b-predictions.legacy misroutes 25.0% of its keys"
    assert "set partitioner=murmur2_random" in sent.data["annotations"]["description"]
    assert (sent.partition, sent.event["subject"]) == (place("predictions.legacy", 4), "predictions.legacy")


def test_an_alert_on_a_clock_says_whose_it_is_how_far_it_is_off_and_what_mends_it() -> None:
    topic = send_all([ahead(0, 50, 200)], fold(prefix="b-"))[0]
    assert topic.data["labels"] == {
        "alertname": "ClockSkew", "severity": "warning", "topic": "predictions.legacy", "signal": "pairing/predictions.legacy",
    }  # fmt: skip
    assert topic.data["annotations"]["summary"] == (
        "A producer of b-predictions.legacy is ahead of time, usually by 2 h 0 min: 25.0% of its events"
    )
    version = send_all([gaps(0, -10)])[0]
    assert version.data["labels"] == {
        "alertname": "ClockSkew", "severity": "warning", "model": "credit", "version": "2.0.0", "role": "shadow",
        "signal": "pairing",
    }  # fmt: skip
    assert version.data["annotations"]["summary"] == (
        "Shadow version 2.0.0 of credit is 7.0 s behind the live model on the same requests"
    )
    assert all("NTP" in one.data["annotations"]["description"] for one in (topic, version))


def test_nothing_is_remembered_of_clocks_that_are_right() -> None:
    decide = fold()
    send_all([gaps(0, 1, 100), *(gaps(n, 0) for n in range(1, 9)), gaps(9, 9), *(gaps(n, 0) for n in range(10, 30))], decide)
    assert decide._decider.state.subjects["credit"].gaps == {}


def test_ids_do_not_depend_on_the_prefix() -> None:
    plain, prefixed = (send_all([drift(5, "drift", change=3, prefix=prefix)], fold(prefix=prefix)) for prefix in ("", "b-"))
    assert [one.event["id"] for one in plain] == [one.event["id"] for one in prefixed]
    assert prefixed[1].data["window"]["offsets"][0]["topic"] == "b-pairs"


def test_a_trigger_says_everything() -> None:
    statistics = [
        drift(4, "quiet", "prediction", "", role="shadow", version="2.0.0"),
        drift(5, "drift", change=3, baseline={"id": "credit-1", "digest": "sha256:1"}, effect={"psi": 0.3, "histogram": [1]}),
    ]
    alert, sent = send_all(statistics)
    trigger = msgspec.convert(sent.data, RetrainTrigger)
    assert len(sent.data) == 10
    assert (trigger.model.name, trigger.model.version, trigger.model.shadow_versions) == ("credit", "1.4.0", ("2.0.0",))
    assert (trigger.reason.code, trigger.reason.priority) == ("data_drift", "normal")
    assert trigger.reason.detail == alert.data["annotations"]["summary"]
    assert trigger.reason.detail == "Feature income of credit 1.4.0 (legacy) has drifted, since about 2026-09-21 14:16:20 UTC"
    assert (trigger.window.start, trigger.window.end, trigger.window.events) == (START + 180_000, START + 359_999, 3_000)
    assert msgspec.to_builtins(trigger.window.offsets) == [{"topic": "pairs", "partition": 2, "start": 30_000, "end": 60_000}]
    assert trigger.window.digest.startswith("sha256:")
    assert trigger.evidence["events_since_change"] == 3_000
    assert trigger.evidence["window_complete"] is True
    assert trigger.evidence["effect"] == {"psi": 0.3}
    assert (trigger.baseline.id, trigger.baseline.digest) == ("credit-1", "sha256:1")
    assert msgspec.to_builtins(trigger.policy) == {
        "cooldown_s": 21_600, "next_eligible": "2026-09-21T20:19:19.999Z", "suppressed_since_last": 0,
    }  # fmt: skip
    assert trigger.approval.state == "not_required"
    assert trigger.links == {
        "dashboard": "http://127.0.0.1:8080/?model=credit", "runbook": "https://runbooks.example.com/FeatureDrift",
        "alerts": [alert.data["fingerprint"]],
    }  # fmt: skip
    assert trigger.lineage["job"] == {"namespace": "gnomon", "name": "decide"}
    assert (sent.topic, sent.partition, sent.key) == ("retrain.triggers", place("credit", 4), b"credit")
    assert (sent.event["id"], sent.event["subject"], sent.event["time"]) == (
        trigger.trigger_id, "credit", "2026-09-21T14:19:19.999Z",
    )  # fmt: skip
    assert (sent.event["correlationid"], sent.event["causationid"]) == (alert.data["fingerprint"], alert.event["id"])


def test_the_log_is_asked_for_the_window_and_its_answer_is_in_the_trigger() -> None:
    decide, out = fold(), Outbox()
    decide.feed(0, as_run([record_of(drift(5, "drift", change=3), 0)], 0, 1), out)
    query = LogQuery("pairs", 2, 30_000, 60_000, b"credit")
    assert (list(decide.questions()), len(out)) == ([query], 1)
    decide.answer(query, LogAnswer(7, "sha256:ab", complete=False), out)
    data = out[1].data
    assert (data["window"]["events"], data["window"]["digest"]) == (7, "sha256:ab")
    assert data["evidence"]["window_complete"] is False
    assert not decide.questions()


def test_an_answer_that_nobody_asked_for_changes_nothing() -> None:
    decide, out = fold(), Outbox()
    decide.answer(LogQuery("pairs", 2, 1, 2, b"credit"), LogAnswer(1, "sha256:0", complete=True), out)
    assert not out


# Statistics, the policy, and for each trigger: the minute of its decision, and how many others were held back before it.
TRIGGERS: dict[str, tuple[list[DriftStatistics], RetrainPolicy, list[tuple[int, int]]]] = {
    "a change of its own within the cooldown waits for its end": (
        [drift(5, "drift", change=3), *(drift(n, "drift", name="age", change=20) for n in range(25, 75))],
        RetrainPolicy(cooldown_s=3_600), [(5, 0), (65, 0)],
    ),
    "... unless it is over by then": (
        [drift(5, "drift", change=3), drift(25, "drift", name="age", change=20), *quiet(26, 90, name="age")],
        RetrainPolicy(cooldown_s=3_600), [(5, 0)],
    ),
    "... and counts as held back in the next": (
        [
            drift(5, "drift", change=3), drift(25, "drift", name="age", change=20), *quiet(26, 90, name="age"),
            drift(91, "drift", "prediction", "", change=90),
        ],
        RetrainPolicy(cooldown_s=3_600), [(5, 0), (91, 1)],
    ),
    "the same change seen in other features is held back for good": (
        [drift(5 + n % 2, "drift", name=f"f{n}", change=3) for n in range(15)]
        + [drift(n, "drift", name="f7", change=3) for n in range(7, 90)] + [drift(91, "drift", "prediction", "", change=90)],
        RetrainPolicy(cooldown_s=3_600), [(5, 0), (91, 14)],
    ),
    "too little evidence waits": (
        [drift(n, "drift", change=5) for n in range(5, 20)], RetrainPolicy(minimum_events=4_000), [(8, 0)],
    ),
    "a new episode after the cooldown is a new cause where the owner wants it so": (
        [drift(5, "drift"), *quiet(6, 20), drift(80, "drift")], RetrainPolicy(cooldown_s=3_600, repeat_after_s=0),
        [(5, 0), (80, 0)],
    ),
    "... and else the same one, as long as nobody has answered": (
        [drift(5, "drift"), *quiet(6, 20), drift(80, "drift")], RetrainPolicy(cooldown_s=3_600), [(5, 0)],
    ),
    "an alert that goes on after the cooldown is the same cause": (
        [drift(n, "drift", change=3) for n in range(5, 200)], RetrainPolicy(cooldown_s=3_600), [(5, 0)],
    ),
    "no cooldown": ([drift(5, "drift"), drift(5, "drift", name="age")], RetrainPolicy(cooldown_s=0), [(5, 0), (5, 0)]),
    "switched off": ([drift(5, "drift")], RetrainPolicy(enabled=False), []),
    "only predictions": (
        [drift(5, "drift"), drift(6, "drift", "prediction", "")], RetrainPolicy(kinds=("prediction",)), [(6, 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TRIGGERS)
def test_when_a_trigger_comes(case: str) -> None:
    statistics, policy, wanted = TRIGGERS[case]
    triggers = of_type(send_all(statistics, fold(retrain=policy)), "retrain.triggers")
    found = [((one["window"]["end"] - START) // 60_000, one["policy"]["suppressed_since_last"]) for one in triggers]
    assert found == wanted


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"model":"credit"}', b"\xff", b'"' + b"x" * 1_000 + b'"'])
def test_a_record_that_cannot_be_read_is_counted_and_passed_over(value: bytes | None) -> None:
    decide, out = fold(), Outbox()
    records = [LogRecord(0, START, None, value), record_of(drift(5, "drift"), 1)]
    decide.feed(0, as_run(records, 0, 2), out)
    assert ([short(one) for one in out], decide.figures()["skipped_total"]) == (["firing FeatureDrift"], 1)


@pytest.mark.parametrize(
    "statistics",
    [
        drift(5, "drift", model=""),
        minute(5, legacy_only="many"),  # type: ignore[arg-type]  # wrong on purpose
        refused(5, 90, topic=""),
        misrouted(5, 10**400, 10**400),
        misrouted(5, -1, 100),
        ahead(5, 50, 100, far_ms=10**400),
        gaps(5, 10**400, 10**400),
        ends_at(LAST_MS - 3_600_000),
        ends_at(10**30),
        ends_at(-1),
    ],
)
def test_statistics_that_cannot_be_used_are_counted_and_change_nothing(statistics: DriftStatistics) -> None:
    decide = fold(retention_ms=30 * 86_400_000)
    assert (send_all([statistics], decide), decide.figures()["skipped_total"]) == ([], 1)


@pytest.mark.parametrize("headers", [[("ce_id", None)], [("ce_id", b"")], []])
def test_statistics_without_an_id_alert_as_well(headers: Any) -> None:
    decide, out = fold(), Outbox()
    decide.feed(0, as_run([record_of(drift(5, "drift"), 0)._replace(headers=headers)], 0, 1), out)
    assert ([short(one) for one in out][:1], decide.figures()["skipped_total"]) == (["firing FeatureDrift"], 0)


@pytest.mark.parametrize("retention_ms", [30 * 86_400_000, 2**62])
def test_of_a_time_far_ahead_all_is_told_and_what_is_kept_beyond_the_last_year_stays(retention_ms: int) -> None:
    decide = fold(retrain=RetrainPolicy(cooldown_s=365 * 86_400), retention_ms=retention_ms)
    sent = send_all([ends_at(LAST_MS - 101 * 366 * 86_400_000)], decide)
    assert [short(one) for one in sent] == ["firing FeatureDrift", "trigger data_drift"]
    assert ("window_expires" in sent[1].data["evidence"]) == (retention_ms < 2**62)


@pytest.mark.parametrize("expires", [-1, -(10**30)])
def test_a_baseline_that_expired_before_there_were_clocks_is_none(expires: int) -> None:
    named = {"id": "sha256:1", "version": "7", "owner": "risk", "expires": expires}
    assert [short(one) for one in send_all([drift(5, "drift", baseline=named)])] == [
        short(one) for one in send_all([drift(5, "drift")])
    ]


def test_a_model_has_a_bounded_number_of_alerts_and_what_was_refused_comes_later() -> None:
    decide = fold(AlertPolicy(keep_firing_for_s=0, group_s=0))
    many = [drift(5, "drift", name=f"f{n}") for n in range(CASES_OF_A_SUBJECT + 3)]
    assert len(of_type(send_all(many, decide), "alerts")) == CASES_OF_A_SUBJECT
    assert decide.figures()["refused_total"] == 3
    later = [drift(6, "quiet", name="f0"), drift(6, "drift", name=f"f{CASES_OF_A_SUBJECT}")]
    assert [one["status"] for one in of_type(send_all(later, decide), "alerts")] == ["resolved", "firing"]


def test_a_partition_has_a_bounded_number_of_alerts_and_room_for_each_models_first_of_each_severity() -> None:
    decide = fold(AlertPolicy(group_s=0), retrain=RetrainPolicy(enabled=False))
    many = [drift(5, "drift", name=f"f{n}", model=f"m{model}") for model in range(CASES // 50 + 1) for n in range(50)]
    assert len(of_type(send_all(many, decide), "alerts")) == CASES + 1
    assert (decide.figures()["refused_total"], decide.figures()["alerts_firing"]) == (49, CASES + 1)
    pages = [drift(5, "drift", kind, "", model=f"m{CASES // 50}") for kind in ("prediction", "difference")]
    assert len(of_type(send_all(pages, decide), "alerts")) == 1
    assert (decide.figures()["refused_total"], decide.figures()["alerts_firing"]) == (50, CASES + 2)


@pytest.mark.parametrize(
    ("first", "retrain", "stays"),
    [
        ([drift(5, "drift", model="first")], RetrainPolicy(enabled=False), True),  # its alert fires
        ([drift(5, "drift", model="first"), drift(5, "quiet", model="first", ended={})], None, True),  # in its cooldown
        ([drift(5, "quiet", model="first")], None, False),
    ],
)
def test_a_partition_remembers_a_bounded_number_of_models_and_drops_idle_ones_first(
    first: list[DriftStatistics], retrain: RetrainPolicy | None, stays: bool
) -> None:
    decide = fold(retrain=retrain)
    send_all([*first, *(drift(6, "quiet", model=f"m{n}") for n in range(SUBJECTS + 10))], decide)
    subjects = State.load(decide.save()).subjects
    assert ("first" in subjects, len(subjects), decide.figures()["refused_total"]) == (stays, SUBJECTS, 0)


def test_a_model_for_which_there_is_no_room_is_counted() -> None:
    decide = fold(retrain=RetrainPolicy(enabled=False))
    send_all([drift(5, "drift", model=f"m{n}") for n in range(SUBJECTS + 1)], decide)
    assert decide.figures()["refused_total"] == 1


def test_a_trigger_names_the_shadows_of_the_last_day() -> None:
    day = 24 * 60
    seen = [(0, "1-old"), (1, "2-new"), (day, "3-new")]
    statistics = [drift(number, "quiet", "prediction", "", role="shadow", version=version) for number, version in seen]
    trigger = of_type(send_all([*statistics, drift(day, "drift")]), "retrain.triggers")[0]
    assert trigger["model"]["shadow_versions"] == ["2-new", "3-new"]


def test_a_trigger_on_a_signal_without_a_version_names_the_version_that_serves() -> None:
    statistics = [drift(4, "quiet", "prediction", ""), drift(5, "drift", role="all", version="")]
    assert of_type(send_all(statistics), "retrain.triggers")[0]["model"]["version"] == "1.4.0"


def test_a_storm_fits_one_record_of_the_checkpoint_and_is_restored_from_it() -> None:
    decide, out = fold(), Outbox()
    storm = [
        drift(5, "drift", model=f"model-{model}", name=name, change=3, histogram={"shares": [1 / 3] * 40})
        for model in range(CASES // 2) for name in ("income", "age")
    ]  # fmt: skip
    records = [record_of(one, offset) for offset, one in enumerate(storm)]
    decide.feed(0, as_run(records, 0, len(records)), out)
    saved, again = decide.save(), fold()
    assert len(msgspec.json.encode(decide._decider.state)) > PLAIN_BYTES
    assert len(saved) < 500_000
    again.restore(saved, None, [len(records)])
    assert (again.questions(), again.figures()) == (decide.questions(), decide.figures())
    assert not again.wants(0)


def test_figures_are_a_closed_set_and_visible_from_the_start() -> None:
    decide = fold()
    before = decide.figures()
    statistics = chain(
        [drift(5, "drift"), drift(5, "drift", name="age"), minute(5, legacy_only=99)], repeat(drift(6, "quiet"), 1)
    )
    send_all(statistics, decide)
    after = decide.figures()
    assert set(before) == set(after)
    assert set(before.values()) == {0.0}
    assert {name for name in before if name.startswith("alerts_total")} == {
        f'alerts_total{{alertname="{n}"}}' for n in ALERT_NAMES
    }
    changed = {name: value for name, value in after.items() if value}
    assert changed == {
        "alerts_firing": 2.0, 'alerts_total{alertname="FeatureDrift"}': 1.0, 'alerts_total{alertname="ShadowSilent"}': 1.0,
        "alerts_held_back": 1.0, 'alerts_held_back_total{reason="merged"}': 1.0,
        'triggers_total{reason="data_drift"}': 1.0, 'triggers_suppressed_total{reason="same_change"}': 1.0,
    }  # fmt: skip


def test_an_idle_fold_asks_nothing_and_does_nothing() -> None:
    decide, out = fold(), Outbox()
    decide.restore(None, None, [0])
    decide.rebuilt()
    assert decide.idle([10_000], out) is False
    assert (decide.wants(0), list(decide.questions()), out) == (True, [], [])
    answers(decide, out)
    assert not out
