"""What a firing alert's signal says now: the newest window of exactly the signal that the alert is about."""

from typing import Any

import pytest

from app.domain.decisions.alert_kinds import short
from app.web.present import figures_now
from tests.read_model_records import ALERTS, STATISTICS, alert, fed, overview, statistics

LABELS = {"alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "role": "legacy",
          "signal": "feature/age"}  # fmt: skip
NUMBERS = {"mean": 53.81, "sd": 934.3, "reference": {"values": 7000, "mean": 10.5, "sd": 42.5}}


def now(labels: dict[str, str], *records: Any) -> str:
    seen = overview(fed(*((STATISTICS, record) for record in records), (ALERTS, alert(labels=labels))))
    return figures_now(seen.alerts[0], seen.models)


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        (NUMBERS, "mean 53.8, in the reference 10.5; standard deviation 934, in the reference 42.5"),
        ({"share": 0.0417, "reference_share": 0.0}, "4.17 %, in the reference 0 %"),
        (
            {"histogram": {"labels": ["DE", "FR", "(other)"], "counts": [40, 10, 50], "reference_shares": [0.3, 0.25, 0.45]}},
            "share of 'FR' 10.00 %, in the reference 25.00 %",
        ),
    ],
)
def test_the_newest_window_in_words(figures: dict[str, Any], said: str) -> None:
    newest = statistics(minute=2, state="drift", **figures)
    assert now(LABELS, statistics(mean=1.0), newest) == f"Newest window, 1,000 events up to 2026-09-21 14:16:20: {said}."


def test_another_signal_version_or_segment_is_not_spoken_of() -> None:
    others = [
        statistics(name="income", **NUMBERS),
        statistics(version="2.0.0", **NUMBERS),
        statistics(segment={"channel": "web"}, **NUMBERS),
        statistics("search", **NUMBERS),
    ]
    assert now(LABELS, *others) == ""
    assert now(LABELS | {"segment": "channel=web"}, *others) != ""


def test_the_label_of_a_long_name_is_cut_and_still_found() -> None:
    name = "x" * 300
    cut = overview(fed((STATISTICS, statistics(name=name, **NUMBERS)))).models["credit"].signals[0]
    assert cut.signal == f"feature/{name}"
    assert now(LABELS | {"signal": short(f"feature/{name}")}, statistics(name=name, **NUMBERS)) != ""


@pytest.mark.parametrize(
    "figures",
    [
        {},
        {"mean": None, "sd": None, "reference": {}},
        {"share": None, "reference_share": 0.5},
        {"warm_up": {"values": 3, "needed": 5000}},
        {"histogram": {"labels": ["DE"], "counts": [0], "reference_shares": [1.0]}},
        {"histogram": {"labels": ["DE"], "counts": ["many"], "reference_shares": [1.0]}},
        {"histogram": {"ends": [1.0], "counts": [1, 2], "reference_shares": [0.5, 0.5]}},
    ],
)
def test_what_is_not_known_is_left_out(figures: dict[str, Any]) -> None:
    assert now(LABELS, statistics(**figures)) == ""


def test_an_alert_without_a_model_has_no_signal() -> None:
    assert now({"alertname": "ProducerMisrouted", "severity": "warning", "topic": "outcomes"}, statistics(**NUMBERS)) == ""
