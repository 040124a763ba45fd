"""Parts of a model's traffic that are watched for themselves."""

import numpy as np
import pytest

from app.domain.detection.drift_config import DriftConfig
from tests.detectors.stream import Entry, Outbox, entries, feed, fold, pair

CONFIG = DriftConfig(warm_up=1_000, segments=("channel",), segment_values=2)
PAIRS = 9_000
CHANGE = 6_000


@pytest.fixture(scope="module")
def log() -> list[Entry]:
    """A fifth of the traffic, the app's, moves by one and a half standard deviations; another channel or none does not."""
    rng = np.random.default_rng(4)
    channels = rng.choice(["web", "app", "shop", ""], PAIRS, p=[0.6, 0.2, 0.1, 0.1]).tolist()
    incomes = rng.normal(size=PAIRS)
    incomes[(np.arange(PAIRS) >= CHANGE) & (np.array(channels) == "app")] += 1.5
    return entries(
        pair(number, features={"income": income}, segments={"channel": channel} if channel else {}, shadows=[
            {"version": "2", "prediction": 0.5, "timestamp": 0, "difference": 0.0, "agrees": True}], status="paired")
        for number, (income, channel) in enumerate(zip(incomes.tolist(), channels, strict=True))
    )  # fmt: skip


def first_drift(out: Outbox, segment: dict[str, str] | None) -> int | None:
    """The offset behind which the segment's income was first said to drift."""
    said = [one.body for one in out]
    drifts = (one for one in said if one["detector"]["state"] == "drift" and one["signal"]["name"] == "income")
    return next((one["offsets"][0]["end"] for one in drifts if one["segment"] == segment), None)


def test_a_segment_s_drift_is_its_own_and_found_sooner_than_in_the_whole(log: list[Entry]) -> None:
    out = feed(fold(CONFIG), log, range(0, PAIRS, 700))
    app, whole = first_drift(out, {"channel": "app"}), first_drift(out, None)

    assert app is not None
    assert CHANGE < app < CHANGE + 200
    assert whole is None or whole > app
    assert first_drift(out, {"channel": "web"}) is None
    assert {one.key for one in out if b"feature/income|channel=app" in (one.key or b"")} == {
        b"credit|1|feature/income|channel=app"
    }


def test_values_beyond_the_bound_are_counted_and_not_watched(log: list[Entry]) -> None:
    made = fold(CONFIG)
    out = feed(made, log)
    shops = sum(b'"channel":"shop"' in (one.value or b"") for one in log)

    assert {(one.body["segment"] or {}).get("channel") for one in out} == {None, "web", "app"}
    assert made.figures()["refused"] == shops


def test_the_whole_is_judged_as_without_segments(log: list[Entry]) -> None:
    with_them, without = feed(fold(CONFIG), log), feed(fold(DriftConfig(warm_up=1_000)), log)
    whole = [one.body | {"configuration": ""} for one in with_them if one.body["segment"] is None]

    assert whole == [one.body | {"configuration": ""} for one in without]


def test_neither_cuts_nor_a_restart_change_what_is_said(log: list[Entry]) -> None:
    whole, before = feed(fold(CONFIG), log), fold(CONFIG)
    first = Outbox()
    first.extend(feed(before, log[:4_321], [1_000, 1_001, 2_500]))
    again = fold(CONFIG, before.snapshot(), before.save())
    again.rebuilt()

    assert first + feed(again, log[4_321:], [5_000]) == whole


@pytest.mark.parametrize("bad", [{"channel": 1}, {"channel": None}, None, ["web"], "web"])
def test_segments_that_are_no_texts_are_as_none(bad: object) -> None:
    pairs = [pair(number, features={"x": 1.0}, segments={"channel": "web"}) for number in range(1_200)]
    made = fold(CONFIG)
    out = feed(made, entries([*pairs[:600], pair(600, features={"x": 1.0}, segments=bad), *pairs[601:]]))

    ends = {(one.body["segment"] or {}).get("channel"): one.body["offsets"][0]["end"] for one in out}
    assert ends == {None: 1_000, "web": 1_001}
    assert made.figures()["pairs"] == 1_200
    assert made.figures()["pairs_malformed"] == 0
