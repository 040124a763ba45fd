"""Metrics: names as Prometheus wants them, zero visible from the start, labels bounded, all of it documented."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest

from app.config import Config
from app.figures import HELP, NAMES_AT_MOST
from app.metrics import REASONS_AT_MOST, ROLES, Metrics
from app.topology import FLOW, topology

#: Units that are no base units, and words that Prometheus adds itself: what `promtool check metrics` refuses.
FORBIDDEN = re.compile(r"_(ms|millis|milliseconds|kb|mb|count|sum|bucket|percent|counter|gauge)(_|$)")
LABELS = {
    "role", "partition", "reason", "route", "status", "version", "le", "state", "alertname", "action", "topic", "receiver",
}  # fmt: skip
PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.on(CollectorRegistry(), "0.1.0")


def families(metrics: Metrics) -> Iterator[Metric]:
    """All of ours, with a shard of each role and its figures."""
    for role in ROLES:
        metrics.assigned(role, 0)
    for role, make_fold in topology(Config(), "http://127.0.0.1/").items():
        fold = make_fold(0)
        fold.restore(None, None, [0] * len(FLOW[role].reads))
        metrics.figures(role, 0, fold.figures())
    assert metrics.shown_figures.refused == 0
    return iter(metrics.registry.collect())


def exported_name(family: Metric) -> str:
    return family.name + "_total" if family.type == "counter" else family.name


def test_every_name_keeps_the_rules(metrics: Metrics) -> None:
    for family in families(metrics):
        assert re.fullmatch(r"gnomon_[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name), family.name
        assert not re.search(r"_(ms|millis|milliseconds|kb|mb|count|sum|bucket|percent|counter|gauge)(_|$)", family.name), (
            family.name
        )
        assert family.documentation.endswith("."), family.name
        assert family.type != "counter" or "_total_" not in family.name
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, sample


def test_the_page_lists_what_is_exported_and_nothing_else(metrics: Metrics) -> None:
    rows = dict(re.findall(r"^\| `(gnomon_\w+)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE))
    assert rows == {exported_name(family): family.type for family in families(metrics)}


def test_the_page_says_the_help_texts(metrics: Metrics) -> None:
    page = PAGE.read_text()
    for family in families(metrics):
        assert f"| {family.documentation} |" in page, family.name


def test_figures_with_a_help_text_are_figures_that_there_are(metrics: Metrics) -> None:
    exported = {exported_name(family) for family in families(metrics)}
    assert set(HELP) <= exported


def test_zero_is_visible_before_anything_happens(metrics: Metrics) -> None:
    text = generate_latest(metrics.registry).decode()
    for line in (
        'gnomon_role_ready{role="pair"} 0.0',
        'gnomon_shard_failures_total{reason="fenced",role="detect"} 0.0',
        'gnomon_commit_duration_seconds_count{role="serve"} 0.0',
        'gnomon_watchdog_stalls_total{role="decide"} 0.0',
        "gnomon_web_event_clients 0.0",
    ):
        assert line in text.splitlines()
    assert "_created" not in text


def test_what_the_runner_reports(metrics: Metrics) -> None:
    value = metrics.registry.get_sample_value
    shard = {"role": "pair", "partition": "3"}
    metrics.assigned("pair", 3)
    metrics.committed("pair", 3, 500, 0.03)
    metrics.committed("pair", 3, 0, 0.04)
    metrics.lag("pair", 3, 17)
    metrics.rebuilt("pair", 3, 2.0)
    metrics.stalled("pair")
    metrics.ready("pair", True)
    metrics.waits_for_redis(3, waits=True)
    metrics.waits_for_redis(4, waits=True)
    metrics.waits_for_redis(4, waits=False)
    assert value("gnomon_events_read_total", shard) == 500
    assert value("gnomon_commits_total", shard) == 2
    assert value("gnomon_commit_duration_seconds_sum", {"role": "pair"}) == pytest.approx(0.07)
    assert value("gnomon_lag_records", shard) == 17
    assert value("gnomon_rebuild_duration_seconds_count", {"role": "pair"}) == 1
    assert value("gnomon_watchdog_stalls_total", {"role": "pair"}) == 1
    assert value("gnomon_role_ready", {"role": "pair"}) == 1
    assert value("gnomon_redis_waiting_shards") == 1
    assert (value("gnomon_last_commit_timestamp_seconds", shard) or 0) > 1e9


def test_a_shard_that_never_commits_has_a_time_to_be_held_against(metrics: Metrics) -> None:
    metrics.assigned("pair", 3)
    metrics.rebuilt("pair", 3, 0.5)
    shard = {"role": "pair", "partition": "3"}
    assert (metrics.registry.get_sample_value("gnomon_last_commit_timestamp_seconds", shard) or 0) > 1e9


def test_a_shard_that_was_given_up_takes_its_gauges_along_and_leaves_its_counts(metrics: Metrics) -> None:
    value = metrics.registry.get_sample_value
    shard = {"role": "pair", "partition": "3"}
    metrics.assigned("pair", 3)
    metrics.committed("pair", 3, 500, 0.03)
    metrics.figures("pair", 3, {"open_requests": 9})
    metrics.figures("pair", 4, {"open_requests": 2})
    metrics.forget("pair", 3)
    metrics.forget("pair", 3)
    assert value("gnomon_events_read_total", shard) == 500
    assert value("gnomon_lag_records", shard) is None
    assert value("gnomon_last_commit_timestamp_seconds", shard) is None
    assert value("gnomon_pair_open_requests", {"partition": "3"}) is None
    assert value("gnomon_pair_open_requests", {"partition": "4"}) == 2


def test_figures_are_gauges_counters_and_labelled_series(metrics: Metrics) -> None:
    value = metrics.registry.get_sample_value
    metrics.figures("pair", 0, {"unaccounted": 0, "slow_total": 4, 'refused_total{reason="not_json"}': 2})
    metrics.figures("pair", 1, {"unaccounted": 3, "slow_total": 1})
    assert value("gnomon_pairing_unaccounted", {"partition": "1"}) == 3
    assert value("gnomon_pair_slow_total", {"partition": "0"}) == 4
    assert value("gnomon_pair_refused_total", {"partition": "0", "reason": "not_json"}) == 2
    assert metrics.shown_figures.total("gnomon_pairing_unaccounted") == 3
    assert metrics.shown_figures.total("gnomon_pairing_nothing") is None


def test_labels_are_bounded_whatever_is_reported(metrics: Metrics) -> None:
    for at in range(500):
        metrics.failed("pair", f"reason {at}")
        metrics.figures("pair", 0, {f"f{at}": 1.0, "Wrong name": 1.0, 'a{b="\n"}': 1.0})
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    failures = [sample for sample in samples if sample.name == "gnomon_shard_failures_total" and sample.labels["role"] == "pair"]
    assert len(failures) == REASONS_AT_MOST
    assert sum(sample.value for sample in failures) == 500
    assert len(metrics.shown_figures._known["pair"]) == NAMES_AT_MOST
    assert (metrics.registry.get_sample_value("gnomon_figures_refused_total") or 0) > 1000
