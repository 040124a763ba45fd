"""A baseline that has expired is one alert for the model, whatever its signals do, and no cause to train anew."""

from typing import Any

import pytest

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.drift_words import of_signal
from schemas.statistics import DetectorState, DriftStatistics, SignalKind
from tests.decide_builders import MINUTE_MS, START, drift, fold, of_type, send_all

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
WARM_UP = {"id": "warm-up:1-2", "digest": "sha256:00"}


def compared(
    minute: int, kind: SignalKind = "feature", name: str = "income", *, id_: str = OLD, expires: int | None = 5,
    state: DetectorState = "quiet", **fields: Any,
) -> DriftStatistics:  # fmt: skip
    """Statistics of a signal that is compared with a baseline, which expires at the beginning of a minute."""
    until = None if expires is None else START + expires * MINUTE_MS
    baseline = {"id": id_, "digest": "sha256:00", "version": "7", "owner": "risk-ml", "expires": until}
    return drift(minute, state, kind, name, baseline=baseline, **fields)


def told(statistics: list[DriftStatistics], policy: AlertPolicy | None = None) -> list[tuple[str, str]]:
    """What was said of the baseline: each change, and when."""
    alerts = of_type(send_all(statistics, fold(policy)), "alerts")
    stale = [one for one in alerts if one["labels"]["alertname"] == "BaselineStale"]
    assert all(set(one["labels"]) == {"alertname", "severity", "model"} for one in stale)
    return [(one["status"], (one.get("endsAt") or one["startsAt"])[11:19]) for one in stale]


def test_it_fires_once_for_all_signals_and_is_resolved_by_a_baseline_that_holds() -> None:
    before = [compared(minute) for minute in range(5)]
    after = [compared(minute, name=name) for minute in range(5, 9) for name in ("income", "age")]
    renewed = [compared(minute, id_=NEW, expires=None) for minute in range(9, 25)]

    assert told(before) == []
    assert told(before + after) == [("firing", "14:19:19")]
    assert told(before + after + renewed) == [("firing", "14:19:19"), ("resolved", "14:33:19")]


def test_neither_an_old_window_nor_a_signal_that_warmed_up_makes_it_good() -> None:
    """Windows of other panels end before the expiry, and are told later; a new version's signals have no baseline."""
    at_once = AlertPolicy(keep_firing_for_s=0)
    log = [compared(6), compared(4, "prediction", ""), drift(7, "quiet", "latency", "", baseline=WARM_UP), compared(8)]

    assert told(log, at_once) == [("firing", "14:20:19")]
    assert told([*log, compared(9, expires=20)], at_once) == [("firing", "14:20:19"), ("resolved", "14:23:19")]


def test_one_that_was_taken_away_is_forgotten() -> None:
    log = [compared(6), *(drift(minute, "quiet", baseline=WARM_UP) for minute in range(7, 600, 60))]
    assert [status for status, _ in told(log)] == ["firing", "resolved"]


def test_it_says_who_answers_for_it_and_asks_for_no_training() -> None:
    sent = send_all([compared(6, state="quiet"), compared(7, state="quiet")])
    [alert] = of_type(sent, "alerts")

    assert alert["labels"] == {"alertname": "BaselineStale", "severity": "warning", "model": "credit"}
    assert alert["annotations"]["summary"] == "Baseline 7 of credit expired on 2026-09-21 14:18:20 UTC"
    assert f"It is {OLD}; risk-ml answers for it." in alert["annotations"]["description"]
    assert alert["annotations"]["runbook_url"].endswith("/BaselineStale")
    assert of_type(sent, "retrain.triggers") == []


def test_drift_against_a_stale_baseline_is_an_alert_of_its_own_with_one_trigger() -> None:
    sent = send_all([compared(minute, state="drift", change=4) for minute in range(4, 9)])
    names = [alert["labels"]["alertname"] for alert in of_type(sent, "alerts")]
    [trigger] = of_type(sent, "retrain.triggers")

    assert names == ["FeatureDrift", "BaselineStale"]
    assert trigger["baseline"] == {"id": OLD, "digest": "sha256:00"}


def test_it_can_be_switched_off() -> None:
    assert told([compared(6)], AlertPolicy(severities={"BaselineStale": "off"})) == []


@pytest.mark.parametrize("baseline", [WARM_UP, "x", {"owner": 1}, {"id": OLD, "version": "7", "owner": "o", "expires": "x"}])
def test_what_names_no_baseline_says_nothing(baseline: Any) -> None:
    assert told([drift(6, "quiet", baseline=baseline)]) == []


def test_a_drift_says_whose_reference_it_is_measured_against() -> None:
    words = of_signal(compared(6, state="drift", reference={"values": 24_310.0}))
    assert "The reference: 24,310 values of the baseline 7, for which risk-ml answers." in words.description
