"""Checkpoints as records of a compacted topic: written, found again from any stretch that holds them, refused when damaged."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest

from app.folds.checkpoint import PART_BYTES, CheckpointError, CheckpointReader, CheckpointWriter
from app.folds.ledger import Saved


class Entry(NamedTuple):
    key: bytes | None
    value: bytes | None


def written(writer: CheckpointWriter, *saved: Saved) -> list[Entry]:
    return [Entry(*record) for one in saved for record in writer.records(one)]


def read(records: list[Entry], partition: int = 1) -> tuple[CheckpointReader, CheckpointWriter, Saved | None]:
    reader, writer = CheckpointReader(partition, "checkpoints.pair-1"), CheckpointWriter(partition)
    for record in records:
        reader.take(record)
    return reader, writer, reader.result(writer)


SIZES = [0, 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES]


@pytest.mark.parametrize("snapshot", [None, *(bytes(range(256)) * (size // 256) + b"x" * (size % 256) for size in SIZES)])
def test_what_was_written_is_read(snapshot: bytes | None) -> None:
    saved = Saved(b'{"a":[1,2.5]}', [7, 1 << 40], [3, 0], snapshot, replays=True)
    records = written(CheckpointWriter(1), saved)
    assert read(records)[2] == saved
    assert all(len(record.value or b"") <= PART_BYTES + 32 for record in records)


def test_the_newest_counts_and_numbers_go_on() -> None:
    first, second = Saved(b"{}", [1], None, b"s" * (PART_BYTES + 5)), Saved(b"[]", [2], None)
    records = written(CheckpointWriter(1), first, second)
    _, writer, found = read(records)
    assert found == Saved(b"[]", [2], [2], first.snapshot)
    third = written(writer, Saved(b"3", [3], None))
    assert read([*records, *third])[2] == Saved(b"3", [3], [3], first.snapshot)
    assert writer.sequence == 3


def test_a_stretch_that_begins_too_late_is_known_for_it() -> None:
    """The reader of the topic looks at its end first, and further back until there is enough."""
    records = written(CheckpointWriter(1), Saved(b"{}", [1], None, b"s" * (2 * PART_BYTES)), Saved(b"[]", [2], None))
    assert len(records) == 4
    for start in (1, 2, 3):
        reader, _, found = read(records[start:])
        assert found is None
        assert "builds on parts that are not there" in (reader.incomplete or "")
    assert read([])[2] is None
    assert read([])[0].incomplete is None


def test_parts_of_two_snapshots_are_never_put_together() -> None:
    writer = CheckpointWriter(1)
    old, new = (written(writer, Saved(b"{}", [at], None, byte * (2 * PART_BYTES))) for at, byte in ((1, b"a"), (2, b"b")))
    reader, _, found = read([*old, new[0], new[2]])  # the second part of the new one is missing
    assert found is None
    assert reader.incomplete


def test_a_smaller_snapshot_leaves_no_old_part_behind() -> None:
    writer = CheckpointWriter(1)
    records = written(writer, Saved(b"{}", [1], None, b"a" * (2 * PART_BYTES)), Saved(b"{}", [2], None, b"b"))
    found = read(records)[2]
    assert found is not None
    assert found.snapshot == b"b"


def test_other_partitions_tombstones_and_strangers_are_passed_over() -> None:
    mine = written(CheckpointWriter(1), Saved(b"{}", [1], None, b"s"))
    others = written(CheckpointWriter(11), Saved(b"[]", [9], None, b"t"))
    found = read([*mine, *others, Entry(b"1", None), Entry(b"1/0", None), Entry(None, b"x"), Entry(b"?", b"x")])[2]
    assert found == Saved(b"{}", [1], [1], b"s")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"next": [8]}, "number 1, does not match its checksum"),
        ({"low": [0]}, "does not match its checksum"),
        ({"state": {"b": 1}}, "does not match its checksum"),
        ({"sequence": 7}, "number 7, does not match its checksum"),
        ({"checksum": ""}, "does not match its checksum"),
        ({"format": 2}, "has format 2; this version reads format 1"),
        ({"next": "x"}, r"cannot be read: .*\$\.next"),
    ],
)
def test_a_damaged_checkpoint_is_refused_by_name(change: dict[str, object], message: str) -> None:
    [record] = written(CheckpointWriter(1), Saved(b'{"a":1}', [7], [5]))
    spoiled = Entry(record.key, msgspec.json.encode(msgspec.json.decode(record.value or b"") | change))
    with pytest.raises(CheckpointError, match=rf"checkpoint in checkpoints\.pair-1.*{message}"):
        read([spoiled])
