"""Baselines: a signal that begins with one decides as the one whose warm-up it is; what is damaged is refused by name."""

import random
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from app.domain.detection.baseline import Baseline, BaselineError, PanelKey
from app.domain.detection.baseline_making import Gathering, document
from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.state_codec import decode_state, encode_state
from app.folds.fold import at_once
from schemas.baseline import BASELINE_BYTES, BaselineDocument, BaselineSource, BaselineStretch, content_id
from schemas.statistics import Signal
from tests.detectors.stream import START_MS, Entry, Outbox, Sent, entries, feed, fold, mixed, pair, run_of

#: As many as the scan's longest stretch, so that a watch that begins behind them has the same grid of windows.
_WARM_UP = 8_192
#: Windows of figures that end where the warm-up ends.
EVEN = DriftConfig(warm_up=_WARM_UP, window_events=1_024, window_events_most=1_024, window_ms=0)
_EXPIRES = START_MS + 86_400_000
SOURCE = BaselineSource(
    "pairs", [BaselineStretch(3, 0, _WARM_UP, _WARM_UP, "sha256:0")], "2026-09-21T14:13:20.000Z", "2026-09-21T14:14:42.000Z"
)


#: What no baseline has.
_NEVER = {"schema", "volume"}


def made_of(log: list[Entry], config: DriftConfig = EVEN, cuts: list[int] | None = None, model: str = "credit") -> bytes:
    """The document that comes of these pairs."""
    gathering, at = Gathering(model, config), 0
    for cut in [*sorted(cuts or []), len(log)]:
        gathering.take(log[at:cut])
        at = cut
    return document(gathering, SOURCE, version="7", owner="risk", created="2026-09-22T00:00:00Z", expires="2026-09-22T14:13:20Z")


def steady(count: int, drift_at: int) -> list[dict[str, Any]]:
    """``mixed``, with one legacy version and a shadow that always answers: what is there is there from the first pair on."""
    pairs = mixed(1, count, drift_at)
    for one in pairs:
        one["legacy"]["version"], one["status"], one["missing"] = "1", "paired", []
        one["shadows"] = one["shadows"] or [{"version": "2", "prediction": 0.6, "timestamp": START_MS, "difference": 0.1,
                                             "agrees": True, "latency_ms": 50.0}]  # fmt: skip
        del one["features"]["note"]
        one["features"].pop("later", None)
    return pairs


@pytest.fixture(scope="module")
def log() -> list[Entry]:
    return entries(steady(13_000, drift_at=11_000))


@pytest.fixture(scope="module")
def data(log: list[Entry]) -> bytes:
    return made_of(log[:_WARM_UP])


@pytest.fixture(scope="module")
def baseline(data: bytes) -> Baseline:
    return Baseline.decode(data)


@pytest.fixture(scope="module")
def with_it(log: list[Entry], baseline: Baseline) -> tuple[Outbox, bytes]:
    """What is said of the log behind the window, and the state at its end."""
    made = fold(EVEN, baseline=baseline)
    return feed(made, log[_WARM_UP:]), made.snapshot()


def compared(out: Iterable[Sent]) -> list[dict[str, Any]]:
    """All that is said of signals that can have a baseline, but for what names the reference, its digest included."""
    bodies = [one.body for one in out if one.body["signal"]["kind"] not in _NEVER]
    for body in bodies:
        del body["configuration"], body["statistics"]["since"]
        body["statistics"]["baseline"] = body["statistics"]["baseline"]["digest"]
    return bodies


@pytest.mark.parametrize("budget", [{}, {"false_alarms_per_week": 0.5}])
def test_a_signal_begun_with_a_baseline_decides_as_one_warmed_up_on_its_records(
    log: list[Entry], baseline: Baseline, budget: dict[str, float]
) -> None:
    config = replace(EVEN, **budget)  # type: ignore[arg-type]  # the values are floats
    behind = [one for one in feed(fold(config), log) if one.body["offsets"][0]["start"] >= _WARM_UP]
    said = compared(feed(fold(config, baseline=baseline), log[_WARM_UP:]))

    assert said == compared(behind)
    drifts = [body for body in said if body["detector"]["state"] == "drift"]
    assert {body["signal"]["name"] for body in drifts} == {"income"}
    assert {body["signal"]["kind"] for body in said} == {
        "feature", "missing", "prediction", "latency", "cost", "difference", "disagreement", "match_rate",
    }  # fmt: skip


def test_its_first_record_is_quiet_and_names_the_baseline(with_it: tuple[Outbox, bytes], baseline: Baseline) -> None:
    first = with_it[0][0].body
    digest = baseline.frozen(PanelKey("legacy", ""), Signal("feature", "country")).digest

    states = {one.body["detector"]["state"] for one in with_it[0] if one.body["signal"]["kind"] not in _NEVER}
    assert states == {"quiet", "warning", "drift"}
    assert (first["signal"]["name"], first["detector"]["state"]) == ("country", "quiet")
    assert first["statistics"]["baseline"] == {
        "id": baseline.id, "digest": digest, "version": "7", "owner": "risk", "expires": _EXPIRES,
    }  # fmt: skip
    assert first["configuration"] == replace(EVEN, baseline=baseline.id).digest


@pytest.mark.parametrize("seed", [1, 2])
def test_cuts_and_restarts_change_nothing(log: list[Entry], baseline: Baseline, with_it: tuple[Outbox, bytes], seed: int) -> None:
    rng, rest = random.Random(seed), log[_WARM_UP:]
    at, made = rng.randrange(1, len(rest)), fold(EVEN, baseline=baseline)
    out = Outbox()
    at_once(made.feed(0, run_of(rest[:at]), out))
    second = fold(EVEN, snapshot=made.snapshot(), saved=made.save(), baseline=baseline)
    second.rebuilt()
    out += feed(second, rest[at:], [rng.randrange(1, len(rest) - at) for _ in range(30)])

    assert out == with_it[0]
    assert second.snapshot() == with_it[1]


def test_how_the_window_was_cut_changes_nothing(log: list[Entry], data: bytes) -> None:
    rng = random.Random(5)
    assert made_of(log[:_WARM_UP], cuts=[rng.randrange(_WARM_UP) for _ in range(60)]) == data


def test_a_document_comes_back_bit_for_bit(data: bytes, baseline: Baseline) -> None:
    written = msgspec.json.decode(data, type=BaselineDocument)
    for panel in written.panels:
        key = PanelKey(panel.role, panel.version)
        for one in panel.signals:
            frozen = baseline.frozen(key, Signal(one.kind, one.name))
            assert encode_state(frozen.dump()) == one.state
            assert frozen.digest == one.digest
    assert (written.id, content_id(data)) == (baseline.id, baseline.id)
    income = next(one for one in written.panels[1].signals if one.name == "income")
    assert income.reference is not None
    assert (income.values, income.reference["values"]) == (_WARM_UP, _WARM_UP)


def altered(data: bytes, sealed: bool, **fields: Any) -> bytes:
    """The document with other fields; ``sealed``: by somebody who computes its id anew."""
    changed = msgspec.json.decode(data) | fields
    if sealed:
        changed["id"] = content_id(msgspec.json.encode(changed))
    return msgspec.json.encode(changed)


def with_state(data: bytes, state: bytes, at: int = 0) -> bytes:
    """Another state of one of the inputs: country, income, owner, …; the missing shares are the last."""
    panels = msgspec.json.decode(data)["panels"]
    panels[1]["signals"][at]["state"] = msgspec.json.decode(msgspec.json.encode(state))
    return altered(data, sealed=True, panels=panels)


def sealed(body: bytes) -> bytes:
    """A state of these bytes of MessagePack."""
    head = len(encode_state({})) - 33
    return encode_state({})[:head] + sha256(body).digest() + body


def test_what_is_no_baseline_or_was_damaged_is_refused_by_name(data: bytes) -> None:
    country, income = (one.state for one in msgspec.json.decode(data, type=BaselineDocument).panels[1].signals[:2])
    narrow = decode_state(country) | {"shares": ["DE", "(other)"]}
    no_number = decode_state(income) | {"values": "many"}
    refused = {
        b"": "it is no baseline: Input data was truncated",
        data[:5_000]: "it is no baseline: Input data was truncated",
        b"[1]": "it is no baseline: Expected `object`, got `array`",
        data + b" " * BASELINE_BYTES: "allowed are 8,388,608",
        altered(data, sealed=False, owner="somebody"): "it was changed or damaged: its id is 'sha256:",
        data.replace(b'"version":"7"', b'"version":"8"'): "it was changed or damaged",
        altered(data, sealed=False, note="x"): "it was changed or damaged",
        altered(data, sealed=True, algorithm="scan/0"): "made for the algorithm 'scan/0', this release has 'scan/",
        altered(data, sealed=True, expires="soon"): "expires: 'soon'; milliseconds since the epoch, or an RFC 3339 time",
        with_state(data, b"import os"): "signal feature/country: saved state: begins with",
        with_state(data, encode_state({"shares": ["x"]})): "signal feature/country: the state of a frozen signal does not hold",
        with_state(data, encode_state(narrow)): "feature/country: the state of a frozen signal has sums of shape (4,)",
        with_state(data, encode_state(no_number)): "feature/country: could not convert string to float: 'many'",
        with_state(data, income, at=-1): "signal missing/walk: its state is that of numbers or categories",
        b'{"x":' + b"[" * 2_000 + b"]" * 2_000 + b"," + data[1:]: "it is no baseline: the value is nested deeper than 32 levels",
        b"[" * 100_000: "it is no baseline: the value is nested deeper than 32 levels",
        with_state(data, sealed(b"\x91" * 2_000 + b"\x01")): "signal feature/country: maximum recursion depth exceeded",
    }  # fmt: skip
    for bytes_, said in refused.items():
        with pytest.raises(BaselineError) as caught:
            Baseline.decode(bytes_)
        assert said in str(caught.value)


def test_too_few_values_are_left_out_by_name(log: list[Entry]) -> None:
    few = entries([pair(i, features={"x": float(i % 7), "y": 1.0 if i < 999 else None}) for i in range(2_000)])
    inputs = next(panel for panel in msgspec.json.decode(made_of(few))["panels"] if panel["signals"][0]["kind"] == "feature")

    assert [(one["kind"], one["name"]) for one in inputs["signals"]] == [("feature", "x"), ("missing", "x"), ("missing", "y")]
    assert inputs["left_out"] == [{"signal": "feature/y", "values": 999}]


def test_what_it_lacks_warms_up_and_what_comes_no_more_is_found_missing(baseline: Baseline) -> None:
    """A feature that is new, a version that is new; and a feature of the baseline that is not there from the first pair on."""
    rest = steady(1_500, drift_at=1_500)
    for one in rest:
        one["legacy"]["version"] = "3"
        one["features"]["new"] = 1.0
        del one["features"]["visits"]
    out = feed(fold(replace(EVEN, window_events_most=1_024), baseline=baseline), entries(rest))
    states = {(one.body["version"], str(Signal(**one.body["signal"]))): one.body["detector"]["state"] for one in out}

    assert states["3", "feature/income"] == "quiet"
    assert states["3", "missing/visits"] == "drift"
    assert states["3", "feature/new"] == states["3", "latency"] == "warming"
    assert states["2", "difference"] == "quiet"


def test_a_restart_with_another_baseline_begins_its_panels_anew(log: list[Entry], baseline: Baseline) -> None:
    made = fold(EVEN, baseline=baseline)
    at_once(made.feed(0, run_of(log[_WARM_UP:12_000]), Outbox()))
    other = Baseline.decode(made_of(log[9_000:12_000]))
    rest = log[12_000:] + entries(steady(1_100, drift_at=0), first=13_000)

    def states(chosen: Baseline | None) -> dict[str, tuple[str, str]]:
        second = fold(EVEN, snapshot=made.snapshot(), saved=made.save(), baseline=chosen)
        second.rebuilt()
        bodies = [one.body for one in feed(second, rest)]
        return {
            str(Signal(**body["signal"])): (body["detector"]["state"], body["statistics"].get("baseline", {}).get("id", ""))
            for body in bodies
            if body["role"] == "legacy"
        }

    assert states(baseline)["feature/income"] == ("drift", baseline.id)
    assert states(other)["feature/country"] == ("quiet", other.id)
    assert states(None)["feature/income"] == ("warming", "")


def test_a_bound_that_is_met_is_counted(log: list[Entry]) -> None:
    gathering = Gathering("credit", replace(EVEN, features=4, versions=1, segments=("channel",), segment_values=1))
    pairs = [one | {"segments": {"channel": "web" if i % 2 else "app"}} for i, one in enumerate(steady(100, drift_at=100))]
    for one in pairs[50:]:
        one["legacy"]["version"] = "3"
    gathering.take(entries(pairs))

    # One of 5 features, of all pairs and of one channel's; the second version's answers, of both; the other channel's pairs.
    assert gathering.refused == (100 + 50) + (50 + 25) + 50
    assert {key.segment for key in gathering.warm_ups} == {None, ("channel", "app")}


def test_partitions_are_joined_one_behind_the_other(log: list[Entry]) -> None:
    one, other = Gathering("credit", EVEN), Gathering("credit", EVEN)
    one.take(log[:1_000])
    other.take(log[1_000:2_000])
    one.join(other)
    income = one.warm_ups[PanelKey("legacy", "")][Signal("feature", "income")]
    times = [msgspec.json.decode(entry.value or b"")["timestamp"] for entry in log[:2_000]]

    assert (income.times, one.pairs, one.first_ms, one.last_ms) == (times, 2_000, times[0], times[-1])


def test_a_channel_has_a_baseline_of_its_own() -> None:
    """Values of one channel lie elsewhere; each is compared with its own, and so is the whole."""
    config = replace(EVEN, segments=("channel",), segment_values=2, window_events=500, window_events_most=500)
    pairs = steady(6_000, drift_at=6_000)
    for i, one in enumerate(pairs):
        one["segments"] = {"channel": "web" if i % 2 else "app"}
        one["features"]["income"] += 10.0 * (i % 2)
    log = entries(pairs)
    baseline = Baseline.decode(made_of(log[:4_000], config))
    bodies = [one.body for one in feed(fold(config, baseline=baseline), log[4_000:])]
    incomes = [body for body in bodies if body["signal"] == {"kind": "feature", "name": "income"}]
    means = {(body["segment"] or {}).get("channel"): body["statistics"]["reference"]["mean"] for body in incomes}

    assert means == {None: pytest.approx(5, abs=0.2), "web": pytest.approx(10, abs=0.1), "app": pytest.approx(0, abs=0.1)}
    assert {body["detector"]["state"] for body in bodies if body["signal"]["kind"] not in _NEVER} == {"quiet"}


def test_what_is_ignored_is_not_watched_though_the_baseline_has_it(baseline: Baseline) -> None:
    config = replace(EVEN, ignored_features=("visits",))
    out = feed(fold(config, baseline=baseline), entries(steady(1_100, drift_at=1_100)))
    assert {"country", "income", "owner", "walk"} == {one.body["signal"].get("name") for one in out} - {""}


def test_a_share_that_hurts_one_way_alarms_one_way() -> None:
    """Less is missing than in the baseline, or more."""

    def log(often: float, first: int) -> list[Entry]:
        rng = random.Random(first)
        pairs = [pair(i, features={"x": None if rng.random() < often else 1.0, "y": 1.0}) for i in range(first, first + 2_100)]
        return entries(pairs, first=first)

    baseline = Baseline.decode(made_of(log(0.3, 0)))

    def states(often: float) -> set[str]:
        out = feed(fold(EVEN, baseline=baseline), log(often, 2_100))
        return {one.body["detector"]["state"] for one in out if b"missing/x" in (one.key or b"")}

    assert states(0.3) == states(0.1) == {"quiet"}
    assert "drift" in states(0.5)


def test_a_restored_panel_goes_on_where_the_baseline_has_other_signals() -> None:
    """Its warm-up is kept; what the baseline has begins with its first value, and is granted alarms from there on."""
    old = entries([pair(i, features={"x": float(i % 7)}) for i in range(1_500)])
    new = [pair(i, features={"x": float(i % 7), "y": float(i % 5)}) for i in range(1_500, 3_000)]
    for one in new:
        one["legacy"] |= {"version": "2"}
    only_y = entries([pair(i, features={"y": float(i % 5)}, legacy={"version": "0", "prediction": 0.5}) for i in range(1_200)])
    baseline, config = Baseline.decode(made_of(only_y)), DriftConfig(warm_up=1_000, window_events=500, window_events_most=500)
    first = fold(config)
    at_once(first.feed(0, run_of(old), Outbox()))
    first.idle((60_000, 60_000), Outbox())
    second = fold(config, snapshot=first.snapshot(), saved=first.save(), baseline=baseline)
    second.rebuilt()
    out = feed(second, entries(new, first=1_500))
    begun = {
        one.key.decode().split("|")[2]: one.body["statistics"]["baseline"]["id"][:8]
        for one in out
        if b"feature" in (one.key or b"")
    }
    states = {one.body["detector"]["state"] for one in out if b"feature" in (one.key or b"")}

    assert begun == {"feature/x": "warm-up:", "feature/y": "sha256:" + baseline.id[7]}
    assert states == {"quiet"}
    # Of x and its missing share 2,000 rows, of y and its 1,500; of the first version's prediction 500, of the second's 500.
    assert second.figures()["alarms_granted"] == pytest.approx((2 * 2_000 + 2 * 1_500 + 500 + 500) / 1e9)
