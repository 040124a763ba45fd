"""A header whose name is not UTF-8 costs nobody anything."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from app.folds.tolerant import RawRecords, read_tolerantly


def batch(base_offset: int, compression: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=100_000,
    )  # fmt: skip
    for number in range(3):
        builder.append(number, timestamp=5, key=b"k", value=b"v%d" % number, headers=[("trace", b"x"), ("zzzz", b"y")])
    built = bytearray(builder.build())
    built[0:8] = base_offset.to_bytes(8, "big")
    return bytes(built)


@pytest.mark.parametrize("compression", [0, 2], ids=["plain", "snappy"])
def test_the_records_are_read_with_what_cannot_be_decoded_replaced(compression: int) -> None:
    first, second = batch(100, compression), batch(200, compression)
    raw = first + second
    if compression == 0:
        raw = first + second.replace(b"zzzz", b"z\xff\xfez", 1)
    records = RawRecords(raw)
    assert records.raw == raw
    assert isinstance(records, MemoryRecords)
    read = list(read_tolerantly(raw, 200))
    assert [record.offset for record in read] == [200, 201, 202]
    assert [record.value for record in read] == [b"v0", b"v1", b"v2"]
    if compression == 0:
        assert [name for name, _ in read[0].headers] == ["trace", "z��z"]
        with pytest.raises(UnicodeDecodeError):
            _ = [list(each) for each in iter_batches(raw)]


def iter_batches(raw: bytes):
    records = MemoryRecords(raw)
    while records.has_next():
        yield records.next_batch()


def test_an_offset_that_is_not_there_gives_nothing() -> None:
    assert list(read_tolerantly(batch(100, 0), 7)) == []
