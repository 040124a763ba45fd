"""What is said of missing shares where values are of several types: one definition of missing before and behind the freeze."""

from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest

from app.domain.detection.baseline import Baseline
from app.domain.detection.baseline_making import Gathering, document
from app.domain.detection.signals import Value
from tests.detectors.stream import QUICK, Entry, Outbox, entries, feed, fold, pair
from tests.detectors.test_baselines import SOURCE, made_of

PAIRS, CHANGE = 8_000, 5_000
CONFIG = replace(QUICK, window_events_most=500)


def value_of(kind: str, rng: np.random.Generator) -> Value:
    """A value of this type."""
    return {"number": float(rng.normal()), "boolean": bool(rng.random() < 0.3), "string": "N/A", "null": None}[kind]


def log_of(seed: int, *, changed: dict[str, float] | None = None, **shares: float) -> list[Entry]:
    """A log of one feature that is of these types, each in this share of the requests; ``changed``: from the change on."""
    rng, pairs = np.random.default_rng(seed), []
    for number in range(PAIRS):
        here = changed if changed is not None and number >= CHANGE else shares
        kind = str(rng.choice(list(here), p=list(here.values())))
        pairs.append(pair(number, features={"income": value_of(kind, rng)}))
    return entries(pairs)


def missing(out: Outbox) -> list[dict[str, Any]]:
    """The records of the missing share."""
    return [one.body for one in out if one.body["signal"]["kind"] == "missing"]


def states(out: Outbox) -> list[str]:
    """What they say, but for what is said again."""
    said = [one["detector"]["state"] for one in missing(out)]
    return [state for at, state in enumerate(said) if at == 0 or said[at - 1] != state]


@pytest.mark.parametrize(
    ("shares", "share"),
    [
        ({"number": 0.9, "string": 0.1}, 0.1),
        ({"string": 0.9, "number": 0.1}, 0.1),
        ({"boolean": 0.7, "number": 0.2, "string": 0.1}, 0.3),
        ({"number": 0.6, "string": 0.1, "null": 0.3}, 0.4),
        ({"number": 0.25, "string": 0.05, "null": 0.7}, 0.75),
    ],
    ids=str,
)
def test_traffic_of_several_types_that_stays_as_it_was_is_quiet(shares: dict[str, float], share: float) -> None:
    out = feed(fold(CONFIG), log_of(1, **shares))

    assert states(out) == ["warming", "quiet"]
    assert missing(out)[-1]["statistics"]["reference_share"] == pytest.approx(share, abs=0.03)


def test_a_baseline_counts_as_missing_what_its_feature_does_not_take() -> None:
    log = log_of(2, number=0.6, string=0.1, null=0.3)
    out = feed(fold(CONFIG, baseline=Baseline.decode(made_of(log[:3_000], CONFIG))), log[3_000:])

    assert states(out) == ["quiet"]
    assert missing(out)[-1]["statistics"]["reference_share"] == pytest.approx(0.4, abs=0.03)


def test_a_baseline_of_two_partitions_counts_by_the_type_of_both() -> None:
    """On the first most are strings, of both together most are numbers."""
    first, second = log_of(3, number=0.4, string=0.6)[:2_000], log_of(4, number=0.9, string=0.1)[:4_000]
    gathered, other = Gathering("credit", CONFIG), Gathering("credit", CONFIG)
    gathered.take(first)
    other.take(second)
    gathered.join(other)
    made = document(gathered, SOURCE, version="7", owner="risk", created="2026-09-22T00:00:00Z", expires=None)
    out = feed(fold(CONFIG, baseline=Baseline.decode(made)), log_of(5, number=0.73, string=0.27))

    assert states(out) == ["quiet"]
    assert missing(out)[-1]["statistics"]["reference_share"] == pytest.approx((0.6 * 2 + 0.1 * 4) / 6, abs=0.03)


def test_more_values_of_another_type_are_a_drift() -> None:
    out = feed(fold(CONFIG), log_of(6, number=0.9, string=0.1, changed={"number": 0.75, "string": 0.25}))
    drift = next(one for one in missing(out) if one["detector"]["state"] == "drift")

    assert CHANGE < drift["offsets"][0]["end"] < CHANGE + 500
    assert drift["statistics"]["direction"] == "share up"


def test_a_share_waits_for_its_feature_only_where_types_are_mixed() -> None:
    """A feature that one request in four has: its own warm-up is four times as long."""
    plain = missing(feed(fold(CONFIG), log_of(7, number=0.25, null=0.75)))
    mixed = missing(feed(fold(CONFIG), log_of(7, number=0.2, string=0.05, null=0.75)))
    ends = [next(one for one in said if one["detector"]["state"] == "quiet")["offsets"][0]["end"] for said in (plain, mixed)]

    assert 1_000 <= ends[0] <= 1_010
    assert 3_700 < ends[1] < 4_300


@pytest.mark.parametrize("at", [500, 1_200, 1_700, 4_000])
def test_neither_cuts_nor_a_restart_change_what_is_said(at: int) -> None:
    """In the warm-up, while the share waits for its feature, and after it."""
    log = log_of(8, number=0.6, string=0.1, null=0.3, changed={"number": 0.5, "boolean": 0.2, "null": 0.3})
    whole, rng = fold(CONFIG), np.random.default_rng(at)
    expected = feed(whole, log)
    before, out = fold(CONFIG), Outbox()
    out.extend(feed(before, log[:at], chain(rng.integers(1, at, 50).tolist(), range(at - 30, at))))
    again = fold(CONFIG, snapshot=before.snapshot(), saved=before.save())
    again.rebuilt()
    out.extend(feed(again, log[at:], rng.integers(1, PAIRS - at, 50).tolist()))

    assert out == expected
    assert again.snapshot() == whole.snapshot()
