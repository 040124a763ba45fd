"""What the pair role counts of producers' clocks, and when it is an alert."""

import msgspec
import pytest

from app.domain.decisions.alerting import Condition
from app.domain.decisions.clock_skew import CLEAN, assess_gaps
from app.domain.decisions.topic_minutes import Minute, Minutes, note
from app.domain.pairing.clocks import Ahead, Gap
from app.domain.pairing.pair_counts import Cell
from app.domain.pairing.pairing import Pairing
from app.domain.pairing.pairing_state import PairingPolicy
from schemas.codec import PredictionDecoder
from schemas.limits import Limits
from tests.pair_simulation import LogRecord, event

#: A whole minute, by which what is counted is told.
START = 1_700_000_040_000
POLICY = PairingPolicy(window_ms=8_000, grace_ms=2_000, deduplication_ms=60_000, clock_skew_ms=300_000)
FIELDS = ("compared", "ahead", "behind", "ahead_ms", "behind_ms")
HOLDS, WEAK, CLEAR = Condition.HOLDS, Condition.WEAK, Condition.CLEAR


class Counts:
    """A sink that keeps the counts of minutes, by model or topic."""

    def __init__(self) -> None:
        self.cells: dict[str, list[Cell]] = {}

    def write(self, *_: object) -> None: ...
    def refuse(self, *_: object) -> None: ...

    def count(self, _: int, cells: dict[str, Cell]) -> None:
        for name, cell in cells.items():
            self.cells.setdefault(name, []).append(cell)


def paired(
    requests: int, shadow_late_ms: int = 0, ahead_ms: int | None = None, shadows: tuple[str, ...] = ("2",), first: int = 1
) -> Counts:
    """Requests a second apart, whose shadow's clock is behind by so much, and whose records are that much behind their events."""
    pairing, said = Pairing(POLICY, lambda _: shadows, PredictionDecoder(Limits()).decode, lambda *_: False), Counts()
    pairing.rebuilt(said)
    pairing.ends = [True, True]
    logs: list[list[LogRecord]] = [[], []]
    for number in range(requests):
        for side, version in enumerate(("1", *shadows)):
            log, time_ms = logs[min(side, 1)], START + 1_000 * number - shadow_late_ms * (side > 0)
            value = event("m", f"r{number}", version, time_ms)
            log.append(LogRecord(len(log) * first, value, 0, time_ms - (ahead_ms or 0)))
    for at in range(max(map(len, logs))):
        for side, log in enumerate(logs):
            if at < len(log):
                pairing.feed(side, log[at : at + 1], log[at].offset + 1, said)
    pairing.idle(START + 10**9, [10**9, 10**9], said)
    pairing.idle(START + 2 * 10**9, [10**9, 10**9], said)
    return said


def gap_of(said: Counts, version: str = "2") -> Gap:
    """The comparisons of one version, all minutes together."""
    whole = Gap()
    for cell in said.cells["m"]:
        part = cell.gaps.get(version, Gap())
        whole = Gap(*(getattr(whole, name) + getattr(part, name) for name in FIELDS))
    return whole


def test_one_request_in_eight_is_compared_and_clocks_that_agree_have_no_gap() -> None:
    assert gap_of(paired(160)) == Gap(compared=20)


@pytest.mark.parametrize(("late_ms", "ahead", "behind"), [(5_000, 0, 0), (5_001, 0, 20), (-5_001, 20, 0)])
def test_apart_are_those_that_have_used_up_half_the_time_that_a_request_waits(late_ms: int, ahead: int, behind: int) -> None:
    gap = gap_of(paired(160, late_ms))
    assert gap == Gap(20, ahead, behind, ahead * 5_001, behind * 5_001)


@pytest.mark.parametrize("late_ms", [30_000, -30_000])
def test_halves_that_are_too_far_apart_to_meet_are_compared_as_they_come_late(late_ms: int) -> None:
    said = paired(160, late_ms)
    gap = gap_of(said)
    assert sum(cell.paired for cell in said.cells["m"]) == 0
    assert gap.compared == (gap.ahead if late_ms < 0 else gap.behind) >= 10
    assert gap.figures()["mean_ms"] == -late_ms


def test_each_shadow_version_is_compared_by_itself() -> None:
    said = paired(160, 6_000, shadows=("2", "3"))
    assert [gap_of(said, version).behind for version in ("2", "3")] == [20, 20]


@pytest.mark.parametrize(("ahead_ms", "events"), [(300_000, 0), (300_001, 12)])
def test_events_from_the_future_are_counted_and_their_topic_is_told(ahead_ms: int, events: int) -> None:
    said = paired(12, ahead_ms=ahead_ms)
    told = [cell.ahead for name, cells in said.cells.items() if name == "/0" for cell in cells]
    assert sum(ahead.events for ahead in told) == events
    assert all(ahead.most_ms == ahead_ms for ahead in told if ahead.events)


def test_events_of_the_past_are_what_they_say() -> None:
    """A replay: events that are years older than their records."""
    said = paired(160, ahead_ms=-10 * 365 * 86_400_000)
    assert all(not cell.ahead.events for cells in said.cells.values() for cell in cells)


def test_what_is_kept_of_events_ahead_is_bounded() -> None:
    ahead = Ahead()
    for lead_ms in range(1_000, 1_100):
        ahead.note(lead_ms)
    assert len(ahead.first) == 32
    assert ahead.figures(999) == {"events": 100, "allowed_ms": 999, "median_ms": 1_015, "most_ms": 1_099}


def test_counts_of_before_are_read_and_those_of_now_come_back() -> None:
    """A checkpoint of an older release ends before what is counted of clocks."""
    cell = Cell(read=3, paused=1)
    old = msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(cell))[:15])
    assert msgspec.json.decode(old, type=Cell) == cell
    cell.note_gap("2", 7, 10)
    cell.ahead.note(5)
    assert msgspec.json.decode(msgspec.json.encode(cell), type=Cell) == cell


# Source partition, apart, compared, and how it then stands.
STORIES = {
    "clocks that agree": [(0, 0, 100, CLEAR)],
    "four are too few": [(0, 4, 4, WEAK)],
    "five that are all there are": [(0, 5, 5, HOLDS)],
    "half of them": [(0, 5, 10, HOLDS)],
    "less than half of them": [(0, 5, 11, WEAK)],
    "less than a quarter of them": [(0, 24, 100, CLEAR)],
    "they add up over partitions and minutes": [(0, 2, 2, WEAK), (1, 2, 2, WEAK), (0, 1, 1, HOLDS)],
    "three good minutes end it": [(0, 9, 10, HOLDS), *[(0, 0, 3, HOLDS)] * 2, (0, 0, 3, CLEAR)],
    "many good requests end it sooner": [(0, 9, 10, HOLDS), (0, 0, 100, CLEAR)],
    "what was before is forgotten": [(0, 9, 10, HOLDS), *[(0, 0, 3, HOLDS)] * 2, (0, 0, 3, CLEAR), (0, 3, 3, WEAK)],
}


@pytest.mark.parametrize("story", STORIES)
def test_when_the_gap_of_a_version_is_an_alert(story: str) -> None:
    minutes: Minutes = {}
    found = []
    for number, (partition, apart, compared, _) in enumerate(STORIES[story]):
        note(minutes, partition, Minute(number * 60_000, apart, compared), 10**12)
        found.append(assess_gaps(minutes))
    assert found == [condition for *_, condition in STORIES[story]]
    assert CLEAN == 3
