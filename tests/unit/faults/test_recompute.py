"""The recomputation of the fault campaign: it finds a statistic that was bent by a digit, dropped, doubled or put elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.placed_outcomes import encode_mark
from tests.detectors.outcome_logs import outcome
from tests.detectors.stream import Entry, entries, mixed
from tests.faults.recompute import first_difference, recomputed
from tests.integration.committed import Seen

CONFIG = DriftConfig(warm_up=1_000, window_events=50, window_ms=0, label_delay_ms=5_000)


Logs = tuple[list[Seen], list[Seen]]


@pytest.fixture(scope="module")
def logs() -> Logs:
    """Pairs, and an outcome of each behind a mark of every hundred."""
    pairs = entries(mixed(5, 3_000))
    placed = []
    for at in range(0, len(pairs), 100):
        placed.append(Entry(0, 0, None, encode_mark(at + 100)))
        placed += [outcome(number, 0.5) for number in range(at, at + 100)]
    return _seen("pairs", pairs), _seen("outcomes.placed", [one._replace(offset=at) for at, one in enumerate(placed)])


def _seen(topic: str, log: list[Entry]) -> list[Seen]:
    return [Seen(topic, 0, each.offset, each.key, each.value, (), each.timestamp, 0.0) for each in log]


@pytest.fixture(scope="module")
def written(logs: Logs) -> list[Seen]:
    """What a service that never crashed has written."""
    said = recomputed(*logs, 0, "p.", lambda _: CONFIG, seed=1)
    return [Seen("drift.statistics", 0, at, *statement, 0, 0.0) for at, statement in enumerate(said)]


def test_however_the_log_is_cut_the_statistics_are_the_same(logs: Logs, written: list[Seen]) -> None:
    assert len(written) > 100
    assert sum(b'"kind":"error"' in (each.value or b"") for each in written) > 10
    assert first_difference(written, recomputed(*logs, 0, "p.", lambda _: CONFIG, seed=2)) is None


def _bent(rows: list[Seen]) -> list[Seen]:
    """The last digit of one mean is another."""
    at = next(at for at, row in enumerate(rows) if at > 50 and b'"mean":' in (row.value or b""))
    value = rows[at].value or b""
    digit = value.index(b",", value.index(b'"mean":')) - 1
    changed = value[:digit] + (b"1" if value[digit : digit + 1] != b"1" else b"2") + value[digit + 1 :]
    return [*rows[:at], rows[at]._replace(value=changed), *rows[at + 1 :]]


SPOILED: dict[str, Callable[[list[Seen]], list[Seen]]] = {
    "bent": _bent,
    "dropped": lambda rows: rows[:70] + rows[71:],
    "the last dropped": lambda rows: rows[:-1],
    "doubled": lambda rows: [*rows[:70], rows[70], *rows[70:]],
    "in another order": lambda rows: [*rows[:70], rows[71], rows[70], *rows[72:]],
    "another id": lambda rows: [*rows[:70], rows[70]._replace(headers=(("ce_id", b"other"),)), *rows[71:]],
    "another key": lambda rows: [*rows[:70], rows[70]._replace(key=b"other"), *rows[71:]],
}


@pytest.mark.parametrize("name", list(SPOILED))
def test_what_was_spoiled_is_found(logs: Logs, written: list[Seen], name: str) -> None:
    found = first_difference(SPOILED[name](written), recomputed(*logs, 0, "p.", lambda _: CONFIG, seed=3))

    assert found is not None
    assert f"{len(written)} recomputed" in found
