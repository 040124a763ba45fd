"""A drift that is put into history: its standard deviation is that of the signal that it is put into."""

from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pytest

from app.replay.injection import Injection

MOMENT_MS = 1_793_491_200_000
AT = "@2026-11-01T00:00:00Z"
COUNT = 1_000
Placed = tuple[int, dict[str, Any]]


def pair(number: int, model: str = "credit", *, sd: float = 1.0, shadow_sd: float | None = None) -> dict[str, Any]:
    """One pair; the one of this number ``COUNT`` and those behind it are hit. Its numbers have these standard deviations."""
    score = float(np.random.default_rng(number).normal())
    shadows = [{"version": "2", "prediction": shadow_sd * score, "latency_ms": 1.0}] if shadow_sd is not None else []
    return {
        "request_id": f"{model}-{number}", "model": model, "timestamp": MOMENT_MS - COUNT + number,
        "legacy": {"version": "1", "prediction": sd * score, "latency_ms": 1.0}, "shadows": shadows,
        "features": {"income": sd * score},
    }  # fmt: skip


def log_of(model: str, partition: int, *, sd: float, shadow_sd: float | None = None) -> list[Placed]:
    """A model's pairs on a partition; the last alone is hit."""
    return [(partition, pair(number, model, sd=sd, shadow_sd=shadow_sd)) for number in range(COUNT + 1)]


def shifts(text: str, log: Iterable[Placed]) -> dict[tuple[str, int], float]:
    """By how much the feature was moved, by model and partition."""
    injection, moved = Injection(text + AT, lambda _: 0.0), {}
    for partition, one in log:
        value, hit_ms = injection.apply(msgspec.json.encode(one), partition)
        if hit_ms is not None:
            moved[one["model"], partition] = msgspec.json.decode(value)["features"]["income"] - one["features"]["income"]
    return moved


@pytest.mark.parametrize("order", ["one after the other", "the other way round", "together"])
def test_the_deviation_is_of_one_model_and_partition_however_they_are_fetched(order: str) -> None:
    logs = [log_of("credit", 0, sd=1.0), log_of("fraud", 1, sd=1_000.0), log_of("credit", 2, sd=1.0)]
    log = chain(*zip(*logs, strict=True)) if order == "together" else chain(*(logs[::-1] if "round" in order else logs))
    alone: dict[tuple[str, int], float] = {}
    for one in logs:
        alone |= shifts("feature/income:+1sd", one)
    found = shifts("feature/income:+1sd", log)

    assert found == alone
    assert {key: round(moved / (1_000 if key[0] == "fraud" else 1)) for key, moved in found.items()} == {
        ("credit", 0): 1, ("fraud", 1): 1, ("credit", 2): 1,
    }  # fmt: skip


def test_the_deviation_of_an_answer_is_of_the_version_that_gave_it() -> None:
    injection = Injection("prediction:+1sd" + AT, lambda _: 0.0)
    for partition, one in log_of("credit", 0, sd=1.0, shadow_sd=100.0):
        value, _ = injection.apply(msgspec.json.encode(one), partition)
    changed = msgspec.json.decode(value)

    assert changed["legacy"]["prediction"] - one["legacy"]["prediction"] == pytest.approx(1.0, rel=0.1)
    assert changed["shadows"][0]["prediction"] - one["shadows"][0]["prediction"] == pytest.approx(100.0, rel=0.1)
    assert changed["shadows"][0]["difference"] == pytest.approx(
        changed["shadows"][0]["prediction"] - changed["legacy"]["prediction"]
    )
