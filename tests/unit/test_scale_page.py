"""``docs/scale.md`` says what ``tests/benchmarks/sizing.py`` computes, and that follows what it is given."""

import pytest

from tests.benchmarks.sizing import MEASURED, PAGE, RATES, SETTING, Traffic, limits, page, plan


def test_the_page_has_the_tables_as_they_are_computed() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "run python -m tests.benchmarks.sizing --write"


@pytest.mark.parametrize("traffic", RATES)
def test_the_workers_of_a_plan_carry_its_traffic(traffic: Traffic) -> None:
    computed = plan(traffic)
    assert computed.pair_workers * MEASURED.pair_events_cpu_s * SETTING.busy >= traffic.events_s
    assert computed.pair_workers <= computed.cells * computed.partitions, "a worker without a partition has nothing to do"
    hottest_pairs_s = traffic.hottest * traffic.events_s / 2 / computed.shards
    assert hottest_pairs_s <= SETTING.busy * MEASURED.detect_pairs_cpu_s, "a shard is too hot for a core"


def test_ten_times_the_traffic_costs_no_more_than_ten_times() -> None:
    some, more = (plan(Traffic(rate, models, 0.05)) for rate, models in ((1e6, 100), (1e7, 1_000)))
    assert more.pair_workers <= 10 * some.pair_workers
    assert more.markers_s <= 10 * some.markers_s


def test_a_cheaper_event_needs_fewer_workers() -> None:
    traffic = RATES[-1]
    faster = MEASURED._replace(pair_events_cpu_s=2 * MEASURED.pair_events_cpu_s)
    assert plan(traffic, faster).pair_workers < plan(traffic).pair_workers


def test_limits_are_told_in_the_order_in_which_they_are_met() -> None:
    rates = [rate for rate, _, _ in limits()]
    assert rates == sorted(rates)
