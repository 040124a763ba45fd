"""What the tables ``alerts`` and ``retrain`` of a model accept."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from app.domain.decisions.alert_kinds import OF_SIGNAL
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retrain_trigger import PRIORITY
from app.domain.decisions.retraining import CODES, HELD_BACK, RetrainPolicy


@pytest.mark.parametrize(
    ("faulty", "told"),
    [
        ({"for_s": -1}, r"alerts\.for_s is -1: allowed is 0 to 86,400 seconds"),
        ({"keep_firing_for_s": 86_401}, r"alerts\.keep_firing_for_s is 86,401: allowed is 0 to 86,400 seconds"),
        ({"resolve_events": -5}, r"alerts\.resolve_events is -5: allowed is 0 to 1,000,000,000 events"),
        ({"forget_after_s": 1}, r"alerts\.forget_after_s is 1: allowed is 60 to 7,776,000 seconds"),
        ({"severities": {"FeatureDrift": "page"}}, r"alerts\.severities\.FeatureDrift is 'page': allowed are critical, warning"),
        ({"severities": {"FeatureDrfit": "info"}}, r"alerts\.severities has 'FeatureDrfit': allowed are FeatureDrift, Missing"),
    ],
)
def test_a_wrong_alert_policy_says_what_where_and_what_is_allowed(faulty: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        AlertPolicy(**faulty)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("faulty", "told"),
    [
        ({"cooldown_s": -1}, r"retrain\.cooldown_s is -1: allowed is 0 to 31,536,000 seconds"),
        ({"minimum_events": -1}, r"retrain\.minimum_events is -1: allowed is 0 to 1,000,000,000 events"),
        ({"minimum_label_share": 1.5}, r"retrain\.minimum_label_share is 1\.5: allowed is 0 to 1 of the pairs"),
        ({"repeat_after_s": -1}, r"retrain\.repeat_after_s is -1: allowed is 0 to 31,536,000 seconds"),
        ({"kinds": ("feature", "cost")}, r"retrain\.kinds has 'cost': allowed are error, feature, kpi, missing"),
    ],
)
def test_a_wrong_retrain_policy_says_what_where_and_what_is_allowed(faulty: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RetrainPolicy(**faulty)  # type: ignore[arg-type]  # wrong on purpose


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"for_s.*; .*resolve_events.*; .*severities"):
        AlertPolicy(for_s=-1, resolve_events=-1, severities={"CostRegressed": "loud"})


def test_severity() -> None:
    policy = AlertPolicy(severities={"CostRegressed": "critical", "FeatureDrift": "off"})
    assert [policy.severity(name, "warning") for name in ("CostRegressed", "FeatureDrift", "LatencyRegressed")] == [
        "critical",
        None,
        "warning",
    ]


@pytest.mark.parametrize("policy", [AlertPolicy(), RetrainPolicy()])
def test_the_page_has_every_setting_with_its_default(policy: AlertPolicy | RetrainPolicy) -> None:
    page = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*) \|", page, re.MULTILINE))
    defaults = {name: value for name, value in asdict(policy).items() if name not in {"severities", "kinds"}}
    assert {name: rows[name] for name in defaults} == {name: json.dumps(value) for name, value in defaults.items()}
    assert set(asdict(policy)) <= set(rows)


def test_the_page_has_every_reason_and_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert all(f"| `{reason}` |" in page for reason in HELD_BACK)
    alerting = {kind: code for kind, code in CODES.items() if kind in OF_SIGNAL}
    assert all(f"| `{kind}` | `{code}` | {PRIORITY[code]} |" in page for kind, code in alerting.items())
