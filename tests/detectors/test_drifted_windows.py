"""The window of a trigger holds the drifted regime and not the old one: from seeded pairs through both roles to the offsets.

Of small, medium and large shifts, of a changed spread and of changed shares at least 95 % of the window lies behind the change.
Of windows that begin at the estimated change that is not so.
"""

from typing import Literal

import numpy as np
import pytest

from app.domain.decisions.retraining import RetrainPolicy
from tests import decide_builders as decide
from tests.detectors.stream import entries, feed, fold, pair

AFTER = 4_000
MEANS = {"small": 0.3, "medium": 0.6, "large": 2.0, "spread": 0.0, "shares": 0.0}


def trigger(scenario: str, seed: int, window: Literal["drifted", "change"]) -> tuple[int, int, int]:
    """Begin and end of the first trigger's window, and where the change truly is."""
    rng = np.random.default_rng(seed)
    change = int(rng.integers(5_000, 7_000))
    pairs = []
    for number in range(change + AFTER):
        drifted = number >= change
        income = float(rng.normal(MEANS[scenario] * drifted, 2.0 if drifted and scenario == "spread" else 1.0))
        country = str(rng.choice(["DE", "FR"], p=[0.3, 0.7] if drifted and scenario == "shares" else [0.6, 0.4]))
        legacy = {"version": "1", "prediction": float(rng.random()), "timestamp": 0}
        pairs.append(pair(number, features={"income": income, "country": country}, legacy=legacy))
    told = feed(fold(), entries(pairs), range(100, len(pairs), 100))
    records = [decide.LogRecord(number, 0, one.key, one.value, one.headers) for number, one in enumerate(told)]
    deciding, out = decide.fold(None, RetrainPolicy(), prefix="x.", window=window), decide.Outbox()
    deciding.feed(0, decide.as_run(records, 0, len(records)), out)
    decide.answers(deciding, out)
    [stretch] = decide.of_type(out, "retrain.triggers")[0]["window"]["offsets"]
    return stretch["start"], stretch["end"], change


def share(scenario: str, seed: int, window: Literal["drifted", "change"]) -> float:
    """How much of the window lies behind the change."""
    start, end, change = trigger(scenario, seed, window)
    assert end - start >= 500
    return (end - max(start, change)) / (end - start)


@pytest.mark.parametrize("scenario", MEANS)
def test_a_window_holds_what_has_drifted(scenario: str) -> None:
    assert min(share(scenario, seed, "drifted") for seed in range(3)) >= 0.95


def test_from_the_estimated_change_on_a_window_may_hold_much_of_what_was_before() -> None:
    assert min(share("small", seed, "change") for seed in range(8)) < 0.95
