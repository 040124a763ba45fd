"""How many alarms pass, beside how many the budget grants."""

import numpy as np

from app.domain.detection.alarm_counts import poisson_interval
from app.domain.detection.drift_config import DriftConfig
from tests.detectors.stream import Entry, entries, feed, fold, pair

PAIRS, SIGNALS = 12_000, 6


def log_of(seed: int, *, change_at: int = PAIRS) -> list[Entry]:
    """Independent values of some features, all of which lie higher from the change on."""
    values = np.random.default_rng(seed).normal(size=(PAIRS, SIGNALS))
    values[change_at:] += 2.0
    return entries(pair(i, features={f"x{at}": x for at, x in enumerate(row)}) for i, row in enumerate(values.tolist()))


def test_without_a_change_as_many_alarms_pass_as_the_budget_grants() -> None:
    made = fold(DriftConfig(warm_up=2_000, values_between_false_alarms=10_000, least_effect=0.0))
    feed(made, log_of(11))
    figures = made.figures()

    assert figures["alarms_passed"] >= 2
    assert figures["alarms_granted"] == SIGNALS * (PAIRS - 2_000) / 10_000 * 2 + (PAIRS - 2_000) / 10_000
    assert figures["alarms_passed_low"] < figures["alarms_granted"]
    assert (figures["alarms_passed_low"], figures["alarms_passed_high"]) == poisson_interval(int(figures["alarms_passed"]))


def test_a_change_that_stays_has_not_passed() -> None:
    made = fold(DriftConfig(warm_up=2_000))
    feed(made, log_of(11, change_at=6_000))
    figures = made.figures()

    assert figures["alarms"] >= SIGNALS
    assert figures["alarms_passed"] == 0
    assert figures["signals_drift"] == SIGNALS


def test_what_was_counted_survives_a_restart() -> None:
    config = DriftConfig(warm_up=2_000, values_between_false_alarms=10_000, least_effect=0.0)
    log, whole, first = log_of(12), fold(config), fold(config)
    feed(whole, log)
    feed(first, log[:7_000])
    second = fold(config, first.snapshot(), first.save())
    second.rebuilt()
    feed(second, log[7_000:])

    assert second.figures() == whole.figures()
