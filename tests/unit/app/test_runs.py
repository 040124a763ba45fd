"""Runs against what aiokafka itself makes of the same bytes: the same records, no gap, and the privates that this rests on."""

from __future__ import annotations

import inspect
import random
import struct
from collections.abc import Sequence
from importlib.metadata import version
from itertools import pairwise
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder, calc_crc32c

from app.folds import runs
from app.folds.fold import Run
from app.folds.tolerant import RawRecords

PLACE = TopicPartition("pairs", 0)
Original = runs._Batches.__bases__[0]
CRC_AT, ATTRIBUTES_AT, CONTROL = 17, 21, 1 << 5
ABORT, COMMIT = 0, 1


def batch(base: int, count: int, producer: int | None = None, *, control: int | None = None) -> bytes:
    """A record batch of ``count`` records from offset ``base`` on; with ``control``, a transaction's marker."""
    transactional = producer is not None
    builder = DefaultRecordBatchBuilder(
        2, 0, transactional, producer if producer is not None else -1, 0, 0 if transactional else -1, 1 << 20
    )
    for at in range(count):
        key = b"k%d" % (base + at) if control is None else struct.pack(">hh", 0, control)
        assert builder.append(at, 1_790_000_000_000 + at, key, b"v", [("h", b"1")]) is not None
    built = bytearray(builder.build())
    struct.pack_into(">q", built, 0, base)
    if control is not None:
        [attributes] = struct.unpack_from(">h", built, ATTRIBUTES_AT)
        struct.pack_into(">h", built, ATTRIBUTES_AT, attributes | CONTROL)
        struct.pack_into(">I", built, CRC_AT, calc_crc32c(bytes(built[ATTRIBUTES_AT:])))
    return bytes(built)


class State:
    paused = False

    def __init__(self, position: int) -> None:
        self.position = position

    def consumed_to(self, position: int) -> None:
        self.position = position


class Assignment:
    """What a fetch result looks at of the subscription."""

    active = True

    def __init__(self, position: int) -> None:
        self.state = State(position)

    def state_value(self, _: TopicPartition) -> State:
        return self.state


def partition_records(of: Any, log: bytes, start: int, aborted: Sequence[tuple[int, int]], isolation: int = 1) -> Any:
    return of(PLACE, RawRecords(log), list(aborted), start, None, None, True, isolation)


def taken(log: bytes, start: int, aborted: Sequence[tuple[int, int]] = (), isolation: int = 1) -> tuple[list[Run], Assignment]:
    """All runs of a fetched stretch."""
    assignment, found = Assignment(start), []
    records = partition_records(runs._Batches, log, start, aborted, isolation)
    result = runs._Result(PLACE, assignment=assignment, partition_records=records, backoff=0)
    while result.has_more():
        found.append(result.getall())
    return found, assignment


def random_log(rng: random.Random) -> tuple[list[tuple[int, bytes]], list[tuple[int, int]], int]:
    """Plain batches, transactions that are committed, aborted or still open, and holes where compaction was."""
    log: list[tuple[int, bytes]] = []  # each batch after the offset at which it ends
    aborted, at = [], rng.randrange(5)
    for producer in range(rng.randint(1, 8)):
        kind = rng.choice(("plain", "committed", "aborted"))
        begin = at
        for _ in range(rng.randint(1, 3)):
            count = rng.randint(1, 6)
            log.append((at + count, batch(at, count, None if kind == "plain" else producer)))
            at += count + rng.choice((0, 0, 3))
        if kind != "plain":
            log.append((at + 1, batch(at, 1, producer, control=COMMIT if kind == "committed" else ABORT)))
            at += 1
        if kind == "aborted":
            aborted.append((producer, begin))
    return log, aborted, at


@pytest.mark.parametrize("seed", range(60))
def test_runs_hold_what_aiokafka_would_hand_on(seed: int) -> None:
    rng = random.Random(seed)
    batches, aborted, end = random_log(rng)
    for start in (0, rng.randrange(end - 1)):
        log = b"".join(content for end, content in batches if end > start)  # a broker begins with the batch that holds it
        for isolation in (fetcher.READ_UNCOMMITTED, fetcher.READ_COMMITTED):
            oracle = partition_records(Original, log, start, aborted, isolation)
            wanted = [(record.offset, record.timestamp, record.key, record.value, tuple(record.headers)) for record in oracle]
            found, assignment = taken(log, start, aborted, isolation)
            got = [(each.offset, each.timestamp, each.key, each.value, tuple(each.headers)) for run in found for each in run]
            assert got == wanted
            assert found[0].start == start
            assert found[-1].end == oracle.next_fetch_offset == assignment.state.position
            assert all(one.end == other.start for one, other in pairwise(found))


def test_a_run_has_so_many_records_and_the_next_one_follows_it() -> None:
    log = b"".join(batch(at, 600) for at in range(0, 3_000, 600))
    found, _ = taken(log, 0)
    assert [(run.start, run.end, len(run)) for run in found] == [(0, 1_200, 1_200), (1_200, 2_400, 1_200), (2_400, 3_000, 600)]


def test_markers_alone_make_an_empty_run_that_moves_the_position() -> None:
    [run], assignment = taken(batch(5, 2, 7) + batch(7, 1, 7, control=ABORT), 5, [(7, 5)])
    assert (list(run), run.start, run.end, assignment.state.position) == ([], 5, 8, 8)
    assert run  # aiokafka drops what is false
    assert not taken(b"", 5)[0][0]


def test_nothing_comes_of_a_partition_that_was_paused_or_moved() -> None:
    for change in ("paused", "position"):
        assignment = Assignment(0)
        records = partition_records(runs._Batches, batch(0, 3), 0, [])
        result = runs._Result(PLACE, assignment=assignment, partition_records=records, backoff=0)
        setattr(assignment.state, change, 9)
        assert not result.getall()
        assert not result.has_more()


def test_a_damaged_batch_is_refused() -> None:
    spoiled = bytearray(batch(0, 3))
    spoiled[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="Invalid CRC"):
        taken(bytes(spoiled), 0)


def test_installed_for_every_consumer_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PartitionRecords", "FetchResult"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))  # put back after the test
    runs.install()
    assert (fetcher.PartitionRecords, fetcher.FetchResult) == (runs._Batches, runs._Result)


SIGNATURES = {
    "PartitionRecords.__init__": (
        "(self, tp, records, aborted_transactions, fetch_offset, key_deserializer, value_deserializer, check_crcs, "
        "isolation_level)"
    ),
    "PartitionRecords._unpack_records": "(self)",
    "PartitionRecords._consume_aborted_up_to": "(self, batch_offset)",
    "PartitionRecords._contains_abort_marker": "(self, next_batch)",
    "FetchResult.__init__": "(self, tp, *, assignment, partition_records, backoff)",
    "FetchResult.check_assignment": "(self, tp)",
    "FetchResult.getall": "(self, max_records=None)",
    "FetchResult.has_more": "(self)",
}
#: Where the two classes are made and asked, by their names in the module; and what an empty or false answer means there.
SOURCE = {
    "Fetcher._proc_fetch_request": ("PartitionRecords(", "FetchResult(", "tp_state.timestamp = now_ms", "tp_state.highwater = "),
    "Fetcher.fetched_records": ("type(res_or_error) is FetchResult", "res_or_error.getall(max_records)", "if not records:"),
    "PartitionRecords.__init__": ("self._records_iterator = self._unpack_records()", "self.next_fetch_offset = fetch_offset"),
}


def _member(path: str) -> Any:
    owner, _, name = path.partition(".")
    original = {"PartitionRecords": Original, "FetchResult": runs._Result.__bases__[0], "Fetcher": fetcher.Fetcher}[owner]
    return getattr(original, name)


@pytest.mark.parametrize("path", SIGNATURES)
def test_the_privates_have_the_shape_that_we_replace(path: str) -> None:
    assert str(inspect.signature(_member(path))) == SIGNATURES[path], f"aiokafka {version('aiokafka')} changed {path}"


@pytest.mark.parametrize("path", SOURCE)
def test_the_privates_are_used_as_we_think(path: str) -> None:
    source = inspect.getsource(_member(path))
    assert [part for part in SOURCE[path] if part not in source] == [], f"aiokafka {version('aiokafka')} changed {path}"
