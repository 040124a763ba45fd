"""The pure parts of the pages: standings, effects, distributions, runbooks, addresses."""

import doctest
from typing import Any

import msgspec
import pytest

from app.domain.decisions.alert_kinds import ALERT_NAMES
from app.read_model.views import Signal, Stale
from app.web.pages import effects, links, runbooks, standing
from app.web.pages.distribution import distribution_of
from app.web.pages.effects import figure_of, sentences
from app.web.pages.runbooks import render, runbook
from tests.page_parts import FIGURES, NOTHING
from tests.read_model_records import (
    ALERTS,
    LETTERS,
    START_MS,
    STATISTICS,
    Record,
    alert,
    fed,
    letter,
    overview,
    pairing,
    statistics,
)

LIVE = {"pair": {"state": "live"}}


def levels(*records: tuple[int, Record], unaccounted: float | None = 0, roles: Any = LIVE) -> list[tuple[str, str]]:
    return [(each.level, each.sentence) for each in standing.standings(overview(fed(*records)), roles, unaccounted)]


def named(name: str, severity: str) -> tuple[int, Record]:
    return ALERTS, alert(fingerprint=name, labels={"alertname": name, "severity": severity, "model": "credit"})


def test_nothing_known_is_not_healthy() -> None:
    assert [level for level, _ in levels()] == ["unknown"] * 3
    assert [each.level for each in standing.standings(NOTHING, LIVE, None)] == ["unknown"] * 3


@pytest.mark.parametrize(
    ("records", "wanted"),
    [
        ([], ["good", "good", "good"]),
        ([named("PredictionDrift", "critical")], ["bad", "good", "good"]),
        ([named("FeatureDrift", "warning")], ["good", "warn", "good"]),
        ([named("MatchRateLow", "critical"), named("SchemaChanged", "warning")], ["good", "warn", "bad"]),
        ([named("SomethingNew", "info")], ["warn", "good", "good"]),
        ([(STATISTICS, statistics(minute=1, state="drift"))], ["good", "warn", "good"]),
        ([(STATISTICS, statistics(kind="latency", name="", minute=1, state="warning"))], ["warn", "good", "good"]),
    ],
)
def test_alerts_and_states_decide_what_is_well(records: list[tuple[int, Record]], wanted: list[str]) -> None:
    quiet = [
        (STATISTICS, statistics()),
        (STATISTICS, statistics(kind="latency", name="")),
        (STATISTICS, pairing(read=4, paired=2)),
    ]
    assert [level for level, _ in levels(*quiet, *records)] == wanted


def test_the_stream_is_not_well_while_something_is_wrong_with_it() -> None:
    busy = (STATISTICS, pairing(read=4, paired=2))
    assert levels(busy)[2] == ("good", "100 % paired; 0 dead letters.")
    assert levels(busy, (LETTERS, letter()))[2] == ("good", "100 % paired; 1 dead letter.")
    assert levels(busy, unaccounted=2)[2] == ("bad", "2 events unaccounted for.")
    assert levels(busy, roles={"pair": {"state": "failed"}})[2] == ("warn", "This worker is not ready: pair.")
    stale = msgspec.structs.replace(overview(fed(busy)), stale=Stale(START_MS, "Redis does not answer"))
    assert (
        standing.standings(stale, LIVE, 0)[2].sentence
        == "What is shown is not new since 2026-09-21 14:13:20: Redis does not answer."
    )


def test_each_kind_of_alert_belongs_to_one_area() -> None:
    areas = {name: standing.area_of(overview(fed(named(name, "warning"))).alerts[0]) for name in ALERT_NAMES}
    assert {name for name, area in areas.items() if area == "data"} == {
        "FeatureDrift",
        "MissingShare",
        "SchemaChanged",
        "VolumeAnomaly",
    }
    assert areas["ProducerMisrouted"] == areas["LegacySilent"] == areas["InputPaused"] == areas["ClockSkew"] == "stream"
    assert areas["PredictionDrift"] == areas["LatencyRegressed"] == "models"


def signal_of(kind: str = "feature", **figures: Any) -> Signal:
    return overview(fed((STATISTICS, statistics(kind=kind, name="x", **figures)))).models["credit"].signals[0]


def test_the_main_figure_is_the_mean_the_share_or_the_category_that_moved_most() -> None:
    assert figure_of(signal_of(**FIGURES)) == ("mean", "4.50", "4.40 to 4.60", "3.80")
    assert figure_of(signal_of(share=0.25, reference_share=0.1, values=100)) == (
        "share",
        "25.00 %",
        "17.55 % to 34.30 %",
        "10.00 %",
    )
    categories = {"labels": ["DE", "FR", "IT"], "counts": [20, 70, 10], "reference_shares": [0.3, 0.5, 0.2]}
    assert figure_of(signal_of(histogram=categories))[:2] == ("share of 'FR'", "70.00 %")
    assert figure_of(signal_of(warm_up={"values": 20, "needed": 1000})).now == "20 of 1,000 values"
    assert figure_of(signal_of("schema", new=[{"name": "a"}], retyped=[], vanished=[])).now == "1"
    assert figure_of(signal_of()).now == ""


def test_effects_are_said_in_words() -> None:
    said = " ".join(sentences(signal_of(**FIGURES)))
    for words in (
        "location up, since about 2026-09-21 14:13:20 UTC",
        "medium",
        "more than chance",
        "Jensen-Shannon distance 0.200",
    ):
        assert words in said
    assert "it may be chance" in sentences(signal_of(difference_sd=0.1, difference_sd_interval=[-0.1, 0.3]))[0]
    moved = {"moved_most": [{"label": "DE", "share": 0.5, "reference_share": 0.1, "cohens_h": 0.9}]}
    assert sentences(signal_of(effect=moved)) == [
        "Since the change 'DE' is 50.00 % of the values, in the reference 10.00 %: large."
    ]
    assert sentences(signal_of("schema", new=[{"name": "a"}], vanished=[{"name": "b"}])) == [
        "Feature 'a' is new.", "Feature 'b' has vanished.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "junk", [None, True, "x", [], {}, [1], {"a": 1}, -1, 1e308, [None, None], {"labels": ["a"], "counts": [1]}]
)
def test_figures_of_any_kind_are_shown_or_left_out(junk: Any) -> None:
    names = ("mean", "share", "reference_share", "psi", "ks", "histogram", "reference", "effect", "direction", "change",
             "warm_up", "difference_sd", "difference_sd_interval", "values",
             "new", "retyped", "vanished", "baseline", "jensen_shannon")  # fmt: skip
    for name in names:
        signal = signal_of(**(FIGURES | {name: junk}))
        assert isinstance(figure_of(signal).now, str)
        assert all(isinstance(each, str) for each in sentences(signal))
        distribution_of(signal)
    figure_of(signal_of("schema", new=junk))


def test_a_distribution_compares_class_by_class() -> None:
    found = distribution_of(signal_of(**FIGURES))
    assert found is not None
    assert [(row.name, row.before, row.now, row.now_width) for row in found.rows] == [
        ("up to 3.00", 0.3, 0.1, 20.0), ("3.00 to 5.00", 0.5, 0.5, 100.0), ("above 5.00", 0.2, 0.4, 80.0),
    ]  # fmt: skip
    share = distribution_of(signal_of(share=0.25, reference_share=0.0, values=8))
    assert share is not None
    assert [(row.name, row.points) for row in share.rows] == [("yes", "+25.0"), ("no", "\N{MINUS SIGN}25.0")]
    assert distribution_of(signal_of()) is None


@pytest.mark.parametrize("name", ALERT_NAMES)
def test_each_alert_has_its_runbook_on_its_page(name: str) -> None:
    text = runbook(name)
    assert text is not None
    assert text.startswith("<h3>What it means</h3>")
    assert "<h3>What to do</h3>" in text
    outside_code = "".join(part.partition("</code>")[2] for part in text.split("<code>"))
    assert "](" not in outside_code
    assert "`" not in outside_code


def test_a_runbook_holds_no_markup_of_its_own() -> None:
    assert runbook("../glossary") is runbook("Nothing") is None
    text = render('## <b>x</b>\n[a](javascript:b) [c](https://d/?"><i>) `<u>`\n- **<s>**\n```\n<q>\n```')
    assert text == (
        "<h3>&lt;b&gt;x&lt;/b&gt;</h3>\n"
        '<p>a <a href="https://d/?&#34;&gt;&lt;i&gt;">c</a> <code>&lt;u&gt;</code></p>\n'
        "<ul><li><strong>&lt;s&gt;</strong></li></ul>\n<pre><code>&lt;q&gt;</code></pre>"
    )


@pytest.mark.parametrize("module", [effects, links, runbooks])
def test_examples(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
