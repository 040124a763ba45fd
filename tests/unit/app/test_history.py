"""Histories without Redis: cells merge as if there had been one window, chunks come and go by time, restarts change nothing."""

import doctest
import math
import random
import statistics as stats
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pytest

from app.read_model import history as history_module
from app.read_model import resolutions
from app.read_model.cells import (
    MEAN,
    NONE,
    SHARE,
    STATES,
    Cell,
    SignalCell,
    SignalCells,
    TrafficCell,
    TrafficCells,
    interval,
    signal_cell,
    traffic_cell,
)
from app.read_model.chunks import Kind
from app.read_model.history import CHUNK, SERIES, History, Limits, identity_of_signal, identity_of_traffic
from app.read_model.history_series import ENDS, Series, chunk_field
from app.read_model.messages import Figures
from app.read_model.resolutions import HOUR_MS, MINUTE_MS, OPEN_CHUNKS, SIGNAL, TRAFFIC
from schemas.offsets import Window
from schemas.statistics import Detector, DetectorState

START_MS = 1_790_000_000_000
ROOM = Limits(series=100, chunks=100_000)
AGE = identity_of_signal("credit", "1", "feature/age", None)


class Said(NamedTuple):
    """One record of a signal."""

    start: int
    end: int
    first_offset: int
    cell: SignalCell
    identity: str = AGE


class Kept:
    """A history and what Redis would have after its writes; it may be lost and restored."""

    def __init__(self, limits: Limits = ROOM) -> None:
        self.limits, self.history, self.told = limits, History(limits), 0
        self.series: dict[bytes, bytes] = {}
        self.chunks: dict[bytes, bytes] = {}
        self.writes: list[bytes] = []
        self.dropped: dict[str, int] = {}

    def say(self, said: Said) -> None:
        self.told += 1
        self.history.signal(
            said.identity, "legacy", Window(said.start, said.end, said.cell.events), said.first_offset, said.cell, self.told
        )
        self.write()

    def count(self, model: str, start_ms: int, *counts: int) -> None:
        self.told += 1
        self.history.traffic(identity_of_traffic(model), start_ms, traffic_cell([*counts, *[0] * 9]), self.told)
        self.write()

    def write(self) -> None:
        for field, value in self.history.take_changes():
            self.writes.append(field)
            table, name = (
                (self.series, field.removeprefix(SERIES))
                if field.startswith(SERIES)
                else (self.chunks, field.removeprefix(CHUNK))
            )
            if value is None:
                table.pop(name, None)
            else:
                table[name] = value
        for kind, count in self.history.dropped.items():
            self.dropped[kind] = self.dropped.get(kind, 0) + count
        self.history.dropped = {}

    def crash(self) -> None:
        self.history = History(self.limits)
        self.history.load((name.decode(), packed) for name, packed in reversed(self.series.items()))

    def cells(self, level: int, identity: str = AGE) -> dict[int, Cell]:
        """What a reader makes of it."""
        series = Series.load(self.series[identity.encode()])
        found = series.cells(level)
        chunks = series.levels[level]
        for begin, number in chunks.between(0, None):
            packed = self.chunks[chunk_field(series.number, level, number)]
            found += [(begin + at * chunks.resolution.width_ms, cell) for at, cell in series.kind.opened(packed)]
        return merged(found, series.kind)

    @property
    def state(self) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
        return self.series, self.chunks


def merged(cells: Iterable[tuple[int, Cell]], kind: Kind) -> dict[int, Cell]:
    found: dict[int, Cell] = {}
    for at, cell in cells:
        found[at] = kind.merge(found[at], cell) if at in found else cell  # type: ignore[arg-type]  # of one kind
    return found


def cell(
    mean: float | None = 40.0, *, state: DetectorState = "quiet", score: float = 0.5, n: int = 100, sd: float = 2.0
) -> SignalCell:
    return signal_cell(Detector("scan", state, score, 1.0), n, Figures(values=n, mean=mean, sd=sd))


def said(end: int, made: SignalCell | None = None, *, length: int = MINUTE_MS, identity: str = AGE) -> Said:
    return Said(end - length, end, end, made or cell(), identity)


def close_to(one: Cell, other: Cell) -> bool:
    return all(math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-4) for a, b in zip(one, other, strict=True))


def packed(cells: Sequence[tuple[int, Cell]], kind: Kind) -> bytes:
    return b"".join(kind.open.pack(at, *made) for at, made in cells)


def of_values(values: list[float]) -> SignalCell:
    return cell(stats.fmean(values), n=len(values), sd=stats.pstdev(values))


@pytest.mark.parametrize("seed", range(20))
def test_merged_windows_are_one_window_over_all_values_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    windows = [[rng.gauss(rng.choice([-5, 1e6, 0.1]), 3) for _ in range(rng.randint(1, 30))] for _ in range(rng.randint(2, 12))]
    cells = [of_values(values) for values in windows]
    rng.shuffle(cells)
    together = cells[0]
    for one in cells[1:]:
        together = SignalCells.merge(together, one)
    values = [value for window in windows for value in window]
    assert together.values == together.events == len(values)
    assert together.mean == pytest.approx(stats.fmean(values), rel=1e-9)
    assert together.squares == pytest.approx(stats.pvariance(values) * len(values), rel=1e-6)
    assert together.least == pytest.approx(min(map(stats.fmean, windows)))
    assert together.greatest == pytest.approx(max(map(stats.fmean, windows)))
    low, high = interval(together) or (0.0, 0.0)
    assert (high - low) / 2 == pytest.approx(1.959964 * stats.stdev(values) / math.sqrt(len(values)), rel=1e-6)


@pytest.mark.parametrize(
    ("share", "n", "low", "high"),
    [(0.1, 100, 0.05523, 0.17437), (0.0, 10, 0.0, 0.27753), (1.0, 10, 0.72247, 1.0), (0.5, 2, 0.09453, 0.90547)],
)
def test_a_share_is_pooled_and_has_the_interval_of_wilson(share: float, n: int, low: float, high: float) -> None:
    def window(share: float, n: int) -> SignalCell:
        return signal_cell(Detector("scan", "quiet", 0.0, 1.0), n, Figures(values=n, share=share))

    assert interval(window(share, n)) == pytest.approx((low, high), abs=5e-5)
    pooled = SignalCells.merge(window(1.0, 10), window(0.0, 30))
    assert (pooled.figure, pooled.values, pooled.mean, pooled.least, pooled.greatest) == (SHARE, 40, 0.25, 0.0, 1.0)


def test_states_scores_and_events_merge_and_what_has_no_figure_takes_none_away() -> None:
    warming = signal_cell(Detector("scan", "warming", 0.0, 1.0), 50, Figures())
    drift = cell(state="drift", score=2.5)
    for together in (SignalCells.merge(warming, drift), SignalCells.merge(drift, warming)):
        assert (STATES[together.state], together.score, together.events, together.values) == ("drift", 2.5, 150, 100)
        assert interval(together) == interval(drift)
    assert (warming.figure, interval(warming)) == (NONE, None)


@pytest.mark.parametrize(
    "figures",
    [
        Figures(values=10), Figures(mean=1.0), Figures(values=0, mean=1.0), Figures(values=10, mean="1"),
        Figures(values=10, mean=True), Figures(values=10, mean=10**400), Figures(values=10**12, mean=1.0),
        Figures(values=10, share=1.5), Figures(values=-1, share=0.5), Figures(values=[10], mean={}),
    ],
)  # fmt: skip
def test_what_is_no_figure_is_none(figures: Figures) -> None:
    made = signal_cell(Detector("scan", "quiet", 0.0, 1.0), 10, figures)
    assert (made.figure, made.values, made.mean) == (NONE, 0, 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_a_closed_chunk_says_what_its_cells_said_to_seven_digits(seed: int) -> None:
    rng = random.Random(seed)
    cells = [(at, of_values([rng.gauss(1e6, 2) for _ in range(rng.randint(1, 9))])) for at in sorted(rng.sample(range(60), 20))]
    opened = SignalCells.opened(SignalCells.close(packed(cells, SignalCells)))
    assert [at for at, _ in opened] == [at for at, _ in cells]
    for (_, one), (_, other) in zip(cells, opened, strict=True):
        assert (one.events, one.values, one.mean, one.figure) == (other.events, other.values, other.mean, other.figure)
        assert close_to(one, other)
    counts = [(at, TrafficCell(*rng.sample(range(2**32), 9))) for at in range(60)]
    assert TrafficCells.opened(TrafficCells.close(packed(counts, TrafficCells))) == counts


def test_figures_as_large_as_can_be_neither_raise_nor_come_back_as_numbers_that_are_wrong() -> None:
    huge = cell(1e149, sd=1e149, score=1e308)
    together = SignalCells.merge(huge, cell(-1e149, sd=1e149))
    [(_, back)] = SignalCells.opened(SignalCells.close(packed([(0, together)], SignalCells)))
    low, high = interval(back) or (0.0, 0.0)
    assert not math.isfinite(low)
    assert not math.isfinite(high)
    assert math.isfinite(back.score)


def some_log(seed: int, length: int = 400) -> list[Said]:
    """Windows one behind the other, some told before they are over, some out of order, gaps of all lengths between them."""
    rng, clock, log = random.Random(seed), START_MS, list[Said]()
    for offset in range(length):
        start = clock + rng.randint(-20_000, 0)
        clock += rng.choice([3_000, 10_000, MINUTE_MS, 5 * MINUTE_MS, 2 * HOUR_MS, 30 * HOUR_MS])
        made = cell(rng.gauss(40, 5), state=rng.choice(STATES), score=rng.random(), n=rng.randint(50, 100))
        if rng.random() < 0.3:
            log.append(Said(start + 500, clock - 1_000, offset, made._replace(events=made.events // 2, values=10)))
        log.append(Said(start, clock, offset, made))
    return log


def expected(log: list[Said], level: int) -> dict[int, Cell]:
    """By the plain way: each window once, the state and score of all that was said of it."""
    windows: dict[int, Said] = {}
    for each in log:
        before = windows.get(each.first_offset)
        if before is not None:
            worst = max(before.cell.state, each.cell.state)
            each = each._replace(cell=each.cell._replace(state=worst, score=max(before.cell.score, each.cell.score)))
        windows[each.first_offset] = each
    width = SIGNAL[level].width_ms
    return merged(((each.end // width * width, each.cell) for each in windows.values()), SignalCells)


@pytest.mark.parametrize("seed", range(15))
def test_a_history_is_all_windows_within_the_horizon_and_crashes_change_nothing(seed: int) -> None:
    log, through, crashing, rng = some_log(seed), Kept(), Kept(), random.Random(seed)
    for each in log:
        through.say(each)
        crashing.say(each)
        if rng.random() < 0.1:
            crashing.crash()
    assert through.state == crashing.state
    assert crashing.history.chunks == len(crashing.chunks)
    for level, resolution in enumerate(SIGNAL):
        plain, found = expected(log, level), through.cells(level)
        recent = {at for at in plain if at >= log[-1].end - resolution.horizon_ms}
        assert recent <= found.keys() <= plain.keys()
        assert all(close_to(found[at], plain[at]) for at in found)
        assert min(found) >= log[-1].end - resolution.horizon_ms - 2 * resolution.span_ms - ENDS * 30 * HOUR_MS
    assert through.dropped == {}


def test_a_chunk_is_written_once_and_a_record_writes_its_signal_alone() -> None:
    kept = Kept()
    for at in range(3_000):
        before = len(kept.writes)
        kept.say(said(START_MS + at * MINUTE_MS))
        assert [field for field in kept.writes[before:] if field.startswith(SERIES)] == [SERIES + AGE.encode()]
        assert len(kept.series[AGE.encode()]) < 6_000
    chunks = [field for field in kept.writes if field.startswith(CHUNK)]
    assert max(chunks.count(field) for field in set(chunks)) == 2  # written, and let go
    assert len(kept.chunks) == sum(len(chunks.closed) for chunks in Series.load(kept.series[AGE.encode()]).levels)


def test_what_left_its_horizon_is_gone_and_that_of_a_version_that_ended_goes_with_its_model() -> None:
    kept, other = Kept(), identity_of_signal("credit", "0.9", "feature/age", None)
    stranger = identity_of_signal("search", "8", "feature/age", None)
    for minute in range(0, 3 * 1_440, 2):
        kept.say(said(START_MS + minute * MINUTE_MS, identity=other))
    kept.say(said(START_MS, identity=stranger))
    for day in range(100):
        for hour in range(0, 24, 6):
            kept.say(said(START_MS + (day * 24 + hour) * HOUR_MS))
    assert set(kept.series) == {AGE.encode(), stranger.encode()}
    last = START_MS + (99 * 24 + 18) * HOUR_MS
    assert min(kept.cells(2)) >= last - SIGNAL[2].horizon_ms - SIGNAL[2].span_ms - ENDS * 6 * HOUR_MS
    assert len(kept.chunks) == kept.history.chunks <= sum(resolution.chunks for resolution in SIGNAL) + 3
    assert kept.dropped == {}


def test_a_window_with_a_clock_ahead_costs_nothing() -> None:
    kept, ahead = Kept(), START_MS + 120 * MINUTE_MS + 23 * HOUR_MS
    for minute in range(240):
        kept.say(said(ahead if minute == 120 else START_MS + minute * MINUTE_MS))
    for level in range(3):
        width = SIGNAL[level].width_ms
        kept_from = START_MS + 240 * MINUTE_MS - SIGNAL[level].horizon_ms
        wanted = {START_MS + minute * MINUTE_MS for minute in range(240) if minute != 120} | {ahead}
        assert {at // width * width for at in wanted if at > kept_from} <= kept.cells(level).keys()


def test_a_few_windows_with_a_clock_ahead_cost_neither_their_history_nor_another() -> None:
    kept, phone = Kept(), identity_of_signal("credit", "1", "feature/age", {"device": "phone"})
    ahead = {700, 701, 702, 800, 801}
    for minute in range(900):
        kept.say(said(START_MS + minute * MINUTE_MS))
        end = START_MS + minute * MINUTE_MS
        kept.say(Said(end - MINUTE_MS, end + (4 * 8_766 * HOUR_MS if minute in ahead else 0), end, cell(), phone))
    assert len(kept.cells(1)) == len({(START_MS + minute * MINUTE_MS) // (2 * MINUTE_MS) for minute in range(900)})
    assert len(kept.cells(1, phone)) >= 449
    assert kept.dropped == {}


def test_a_segment_whose_clock_is_always_ahead_costs_no_other_history_and_leaves_what_is_abandoned_its_time() -> None:
    kept, phone = Kept(), identity_of_signal("credit", "1", "feature/age", {"device": "phone"})
    gone = identity_of_signal("credit", "0.9", "feature/age", None)
    kept.say(said(START_MS, identity=gone))
    kept.say(said(START_MS + HOUR_MS, identity=gone))
    for hour in range(120 * 24):
        for identity, end in ((AGE, START_MS + hour * HOUR_MS), (phone, START_MS + (hour + 8_766) * HOUR_MS)):
            kept.say(said(end, identity=identity))
        if hour == 80 * 24:
            assert len(kept.cells(2)) == 80 * 24 + 1
            assert kept.cells(2, gone)
    assert set(kept.series) == {AGE.encode(), phone.encode()}
    assert len(kept.cells(2)) >= 90 * 24


def test_records_that_come_late_make_another_chunk_of_the_same_time_and_readers_merge_them() -> None:
    kept = Kept()
    for minute in (*range(400), *range(100, 160), 400, *range(160, 200)):
        kept.count("credit", START_MS + minute * MINUTE_MS, 10, 4)
    identity = identity_of_traffic("credit")
    counts = {at: found[:2] for at, found in kept.cells(0, identity).items()}
    width = TRAFFIC[0].width_ms
    assert counts == {
        (START_MS + minute * MINUTE_MS) // width * width: ((20, 8) if 100 <= minute < 200 else (10, 4)) for minute in range(401)
    }
    hours = kept.cells(1, identity).values()
    assert sum(found[0] for found in hours) == 10 * 501


@pytest.mark.parametrize("behind", [2, 8, 30, 61, 600])
def test_a_partition_that_lags_costs_no_history_of_traffic(behind: int) -> None:
    kept = Kept()
    for minute in range(behind, 1_440):
        kept.count("credit", START_MS + minute * MINUTE_MS, 7)
        kept.count("credit", START_MS + (minute - behind) * MINUTE_MS, 1)
    counts = [found[0] for _, found in sorted(kept.cells(0, identity_of_traffic("credit")).items())]
    assert counts == [1] * min(behind, 1_440 - behind) + [8] * (1_440 - 2 * behind) + [7] * min(behind, 1_440 - behind)
    levels = Series.load(kept.series[identity_of_traffic("credit").encode()]).levels
    assert all(len(each.open) <= OPEN_CHUNKS and each.made <= 2 * 25 for each in levels)
    assert kept.dropped == {}


def test_records_that_go_to_and_fro_are_bounded_and_what_that_costs_is_counted() -> None:
    kept = Kept()
    for at in range(4_000):  # more places at once than chunks are open
        kept.count("credit", START_MS + (at % 20) * HOUR_MS, 1)
    levels = Series.load(kept.series[identity_of_traffic("credit").encode()]).levels
    assert len(levels[0].closed) == levels[0].resolution.chunks_at_most
    assert levels[0].made > 3_000
    assert kept.dropped == {"chunk": sum(each.made - len(each.closed) - len(each.open) for each in levels)}
    assert len(kept.chunks) == kept.history.chunks


def test_too_many_histories_and_chunks_cost_those_that_were_not_written_for_longest() -> None:
    kept = Kept(Limits(series=3, chunks=40))
    names = [identity_of_signal(f"m{at}", "1", "prediction", None) for at in range(4)]
    for hour in range(200):
        for name in names[1:3]:
            kept.say(said(START_MS + hour * HOUR_MS, identity=name))
        if hour == 50:
            kept.say(said(START_MS, identity=names[0]))
        if hour == 199:
            kept.say(said(START_MS + hour * HOUR_MS, identity=names[3]))
        assert len(kept.chunks) == kept.history.chunks <= 40
        if hour % 7 == 0:
            kept.crash()
    assert set(kept.series) == {name.encode() for name in names[1:]}
    assert kept.dropped["series"] == 1


def test_room_is_made_by_the_history_that_is_not_written_any_more() -> None:
    kept = Kept(Limits(series=10, chunks=45))
    old, live = (identity_of_signal(model, "1", "prediction", None) for model in ("old", "live"))
    for hour in range(200):
        kept.say(said(START_MS + hour * HOUR_MS, identity=old))
    before = len(kept.cells(2, old))
    for hour in range(60):
        kept.say(said(START_MS + hour * HOUR_MS, identity=live))
    assert len(kept.cells(2, live)) == 60
    assert len(kept.cells(2, old)) < before
    assert kept.dropped["chunk"] > 0
    assert len(kept.chunks) <= 45


@pytest.mark.parametrize(
    ("start", "end", "offset"),
    [(-5, 10, 0), (10, 5, 0), (0, 2**62, 0), (0, 10, 2**63), (0, 10, -2)],
)
def test_a_window_that_no_calendar_has_is_counted_and_kept_out(start: int, end: int, offset: int) -> None:
    kept = Kept()
    kept.say(Said(start, end, offset, cell()))
    kept.count("credit", -1, 5)
    assert (kept.series, kept.dropped) == ({}, {"window": 2})


def test_the_examples_in_the_texts_are_true() -> None:
    for module in (history_module, resolutions):
        found = doctest.testmod(module)
        assert found.attempted > 0
        assert found.failed == 0


def test_the_resolutions_are_an_hour_a_day_and_ninety_days() -> None:
    assert [(each.name, each.horizon_ms // HOUR_MS) for each in SIGNAL] == [("seconds", 1), ("minutes", 24), ("hours", 2_160)]
    assert [(each.name, each.horizon_ms // HOUR_MS) for each in TRAFFIC] == [("minutes", 24), ("hours", 2_160)]
    assert all(each.cells < 256 for each in SIGNAL + TRAFFIC)
    assert MEAN
