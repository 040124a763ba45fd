"""What a drift says in words; the figures are those of alarms that the demo's flights raised."""

from typing import Any

import msgspec
import pytest

from app.domain.decisions.alert_kinds import fingerprint
from app.domain.decisions.drift_words import of_signal
from app.domain.decisions.evidence import evidence_of
from app.domain.decisions.schema_words import of_schema
from app.domain.decisions.traffic_words import TEXT_BYTES
from schemas.examples import EXAMPLES
from schemas.offsets import Window
from schemas.statistics import Detector, DriftStatistics, Role, Signal, SignalKind

START_MS, SINCE_MS, END_MS = 1_380_111_780_000, 1_380_111_840_000, 1_380_114_900_000
SINCE = ", since about 2013-09-25 12:24:00 UTC"
#: What a signal says besides the direction and the effect.
FRAME = {
    "change": {"offset": 16_289, "timestamp": SINCE_MS, "events": 32},
    "reference": {"values": 7000.0, "mean": 10.5, "sd": 42.5},
    "baseline": {"id": "warm-up:1378716640000-1379374680000", "digest": "sha256:00"},
    "values_between_false_alarms": 1e9,
    "values_supported": 35_000.0,
}
NUMBERS = {
    "values": 30, "mean": 53.8, "sd": 934.3, "reference_mean": 10.5, "reference_sd": 42.5, "difference_sd": 1.02,
    "difference_sd_interval": [0.31, 1.73],
    "histogram": {"ends": [0.0124, 0.5, 0.9], "shares": [0.6875, 0.0, 0.1875, 0.125], "reference_shares": [0.05, 0.45, 0.4, 0.1]},
}  # fmt: skip
LATE = {"ends": [0.0124, 0.5, 0.9], "shares": [0.05, 0.1, 0.1, 0.75], "reference_shares": [0.05, 0.45, 0.4, 0.1]}
LABELS = {
    "values": 64.0,
    "moved_most": [
        {"label": "FR", "share": 0.1, "reference_share": 0.3},
        {"label": "DE", "share": 0.4, "reference_share": 0.25},
        {"label": "(other)", "share": 0.05, "reference_share": 0.0012},
    ],
}
SHARE = {"values": 8.0, "moved_most": [{"label": "true", "share": 0.375, "reference_share": 0.0}]}


def record(
    kind: SignalKind, name: str, direction: str | None, effect: dict[str, Any], role: Role = "legacy", **others: Any
) -> DriftStatistics:
    figures = FRAME | {"effect": effect} | others | ({} if direction is None else {"direction": direction})
    return DriftStatistics(
        model="flight-delay", version="" if role == "all" else "2013.01", role=role, signal=Signal(kind, name), segment=None,
        window=Window(START_MS, END_MS, 72), statistics=figures, detector=Detector("scan", "drift", 1.05, 1.0),
        offsets=[], configuration="sha256:00",
    )  # fmt: skip


SUMMARIES: dict[str, tuple[DriftStatistics, str]] = {
    "a mean": (
        record("feature", "dep_delay", "location up", NUMBERS),
        "Feature dep_delay of flight-delay 2013.01 (legacy) is higher than in the reference: mean 53.8 in place of 10.5",
    ),
    "a mean that a few extremes pull the other way": (
        record("feature", "dep_delay", "location down", NUMBERS),
        (
            "Feature dep_delay of flight-delay 2013.01 (legacy) is lower than in the reference: "
            "68.8 % of the values are at most 0.0124 in place of 5.0 %"
        ),
    ),
    "errors of classes": (
        record("error", "", "share up", SHARE),
        ("The answers of flight-delay 2013.01 (legacy) are wrong more often than in the reference: 37.5 % in place of 0 %"),
    ),
    "errors of scores": (
        record("error", "", "location up", NUMBERS),
        (
            "The error of the predictions of flight-delay 2013.01 (legacy) is higher than in the reference: "
            "mean 53.8 in place of 10.5"
        ),
    ),
    "errors of the shadow alone": (
        record("error", "only_shadow", "share up", SHARE, role="shadow"),
        (
            "The answers of flight-delay 2013.01 (shadow) are wrong, where the live model's are right, more often than in the "
            "reference: 37.5 % in place of 0 %"
        ),
    ),
    "errors of the live model alone": (
        record("error", "only_legacy", "share up", SHARE, role="shadow"),
        (
            "The live model's answers beside flight-delay 2013.01 (shadow) are wrong, where its are right, more often than in "
            "the reference: 37.5 % in place of 0 %"
        ),
    ),
    "how much larger the shadow's error is": (
        record("error", "difference", "location up", NUMBERS, role="shadow"),
        (
            "The error of flight-delay 2013.01 (shadow) less that of the live model is higher than in the reference: "
            "mean 53.8 in place of 10.5"
        ),
    ),
    "a figure of the outcomes": (
        record("kpi", "usd", "location down", NUMBERS | {"mean": 8.1}, role="all"),
        "The figure usd of the outcomes of flight-delay is lower than in the reference: mean 8.1 in place of 10.5",
    ),
    "a spread": (
        record("feature", "dep_delay", "spread up", NUMBERS),
        (
            "Feature dep_delay of flight-delay 2013.01 (legacy) scatters more than in the reference: "
            "standard deviation 934.3 in place of 42.5"
        ),
    ),
    "a shape": (
        record("prediction", "", "peaks up", NUMBERS),
        (
            "The predictions of flight-delay 2013.01 (legacy) are distributed otherwise than in the reference: 68.8 % of the "
            "values are at most 0.0124 in place of 5.0 %, mean 53.8 in place of 10.5, standard deviation 934.3 in place of 42.5"
        ),
    ),
    "a stretch at the end": (
        record("latency", "", "skew down", {"values": 16, "histogram": LATE}),
        (
            "The latency of flight-delay 2013.01 (legacy) is distributed otherwise than in the reference: "
            "75.0 % of the values are above 0.9 ms in place of 10.0 %"
        ),
    ),
    "a stretch in the middle": (
        record("cost", "", "peaks down", {"values": 16, "histogram": LATE | {"shares": [0.0, 0.6, 0.4, 0.0]}}),
        (
            "The cost of an answer of flight-delay 2013.01 (legacy) is distributed otherwise than in the reference: "
            "60.0 % of the values are above 0.0124 and at most 0.5 in place of 45.0 %"
        ),
    ),
    "the unit": (
        record("latency", "", "location up", NUMBERS, "shadow"),
        "The latency of flight-delay 2013.01 (shadow) is higher than in the reference: mean 53.8 ms in place of 10.5 ms",
    ),
    "most are sooner and the slowest more": (
        record(
            "latency", "", "location down", NUMBERS, tail={"values": 512, "above": 812.5, "share": 0.12, "reference_share": 0.05}
        ),
        (
            "The latency of flight-delay 2013.01 (legacy) is mostly lower than in the reference, but more often among its "
            "largest: 12.0 % in place of 5.0 % are above 812.5 ms"
        ),
    ),
    "a category": (
        record("feature", "country", "share of DE up", LABELS),
        "Feature country of flight-delay 2013.01 (legacy) is 'DE' more often than in the reference: 40.0 % in place of 25.0 %",
    ),
    "a class of answers": (
        record("prediction", "", "share of FR down", LABELS),
        "The predictions of flight-delay 2013.01 (legacy) are 'FR' less often than in the reference: 10.0 % in place of 30.0 %",
    ),
    "a new category": (
        record("feature", "country", "share of (other) up", LABELS),
        (
            "Feature country of flight-delay 2013.01 (legacy) is another value than those known more often than in "
            "the reference: 5.0 % in place of 0.12 %"
        ),
    ),
    "a boolean": (
        record("feature", "owner", "share up", SHARE),
        "Feature owner of flight-delay 2013.01 (legacy) is true more often than in the reference: 37.5 % in place of 0 %",
    ),
    "missing": (
        record("missing", "wind", "share up", SHARE),
        "Feature wind of flight-delay 2013.01 (legacy) is missing more often than in the reference: 37.5 % in place of 0 %",
    ),
    "disagreement": (
        record("disagreement", "", "share up", SHARE, "shadow"),
        (
            "The answers of flight-delay 2013.01 (shadow) disagree with the live model more often than in the reference: "
            "37.5 % in place of 0 %"
        ),
    ),
    "the match rate": (
        record("match_rate", "", "share down", SHARE, "all"),
        "Requests of flight-delay are answered by all models less often than in the reference: 37.5 % in place of 0 %",
    ),
    "the volume": (
        record("volume", "", "location down", NUMBERS | {"mean": 1.2, "reference_mean": 5.01}, "all"),
        "The volume of requests to flight-delay is lower than in the reference: mean 1.2 in place of 5.01",
    ),
    "the difference": (
        record("difference", "", "location down", NUMBERS | {"mean": -0.24, "reference_mean": 0.01}, "shadow"),
        (
            "The difference of flight-delay 2013.01 (shadow) to the live model is lower than in the reference: "
            "mean -0.24 in place of 0.01"
        ),
    ),
    "a class probability": (
        record("prediction", "fraud", "location up", NUMBERS),
        (
            "The probability that flight-delay 2013.01 (legacy) gives to fraud is higher than in the reference: "
            "mean 53.8 in place of 10.5"
        ),
    ),
    "no direction": (record("cost", "", None, {}), "The cost of an answer of flight-delay 2013.01 (legacy) has drifted"),
    "a label that nothing is said of": (
        record("feature", "country", "share of IT up", LABELS),
        "Feature country of flight-delay 2013.01 (legacy) is 'IT' more often than in the reference",
    ),
    "figures of another kind than expected": (
        record("feature", "x", "peaks up", {"values": "many", "histogram": {"ends": [1], "shares": None}}),
        "Feature x of flight-delay 2013.01 (legacy) is distributed otherwise than in the reference",
    ),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_the_summary_says_what_moved_which_way_how_far_and_since_when(case: str) -> None:
    statistics, wanted = SUMMARIES[case]
    assert of_signal(statistics).summary == wanted + SINCE


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "a new feature": (
        {"new": [{"name": "device", "types": ["string"], "reference_types": []}]},
        "The features of the requests to flight-delay 2013.01 have changed: new device (string)",
    ),
    "all at once": (
        {
            "new": [{"name": f"f{number}", "types": ["number"], "reference_types": []} for number in range(7)],
            "retyped": [{"name": "income", "types": ["string"], "reference_types": ["number"]}],
            "vanished": [{"name": "note", "types": [], "reference_types": ["boolean"]}],
        },
        (
            "The features of the requests to flight-delay 2013.01 have changed: new f0 (number), f1 (number), f2 (number), "
            "f3 (number), f4 (number) and 2 more; income is string in place of number; vanished note"
        ),
    ),
    "figures of another kind than expected": (
        {"new": "many", "retyped": [3]},
        "The features of the requests to flight-delay 2013.01 have changed: see the evidence",
    ),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_changed_schema_is_told_feature_by_feature(case: str) -> None:
    figures, wanted = CHANGED[case]
    assert of_schema(record("schema", "", None, {}, **figures)).summary == wanted + SINCE


def test_names_from_producers_do_not_make_a_long_text_of_a_schema() -> None:
    features = [{"name": "ä" * 3_000 + str(number), "types": ["x" * 3_000], "reference_types": []} for number in range(30)]
    assert all(
        len(text.encode()) <= TEXT_BYTES for text in of_schema(record("schema", "", None, {}, new=features, retyped=features))
    )


def test_without_a_change_the_window_says_when() -> None:
    statistics = record("cost", "", None, {}, change=None)
    assert of_signal(statistics).summary.endswith(" has drifted, seen in the 72 events up to 2013-09-25 13:15:00 UTC")


def test_the_description_says_how_good_the_figures_are_what_they_are_compared_with_and_how_sure_it_is() -> None:
    assert of_signal(record("feature", "dep_delay", "location up", NUMBERS)).description == (
        "A first estimate, from the 30 values between the change and the alarm; the page shows what holds now. "
        "That is +1.02 standard deviations of the reference (95 % interval +0.31 to +1.73). "
        "The reference: the signal's first 7,000 values, from 2013-09-09 08:50:40 UTC to 2013-09-16 23:38:00 UTC. "
        "Detector scan: score 1.05, its threshold is 1, which chance alone reaches once in 1,000,000,000 values "
        "(a reference of this length vouches for 35,000). "
        "The inputs are no longer those of the reference; this alone does not say that the answers are worse."
    )


def test_the_description_leaves_out_what_is_not_known() -> None:
    assert of_signal(record("cost", "", None, {}, reference=None, values_supported=None)).description == (
        "Detector scan: score 1.05, its threshold is 1. The bill follows."
    )


def test_no_score_of_the_scan_is_shown_and_a_baseline_of_another_name_has_no_dates() -> None:
    effect = NUMBERS | {"size": 1.4637, "unit": "scores of standard deviation 1"}
    words = of_signal(record("feature", "dep_delay", "spread up", effect, baseline={"id": "january"}))
    assert "1.464" not in "".join(words)
    assert "The reference: the signal's first 7,000 values. " in words.description
    assert "standard deviations of the reference" not in words.description


def test_long_names_do_not_make_long_texts() -> None:
    words = of_signal(record("feature", "x" * 9_000, "share of " + "y" * 9_000 + " up", {}))
    assert all(len(text.encode()) <= TEXT_BYTES for text in words)


def test_the_published_example_of_an_alert_is_what_the_example_of_statistics_gives() -> None:
    statistics = msgspec.convert(EXAMPLES["drift-statistics"][0], DriftStatistics)
    example = EXAMPLES["alert"][0]
    assert of_signal(statistics) == (example["annotations"]["summary"], example["annotations"]["description"])
    assert fingerprint(example["labels"]) == example["fingerprint"]
    evidence = evidence_of(statistics, example["evidence"]["source"], "held")
    assert msgspec.json.decode(msgspec.json.encode(evidence)) == msgspec.json.decode(msgspec.json.encode(example["evidence"]))
    assert EXAMPLES["retrain-trigger"][0]["reason"]["detail"] == example["annotations"]["summary"]
