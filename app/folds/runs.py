"""aiokafka hands on runs: the records of a fetched stretch of a partition as its batch reader gives them, and its two ends.

An ordinary consumer makes an object of eleven fields for each record; a fold reads four of them. So private classes of the
fetcher are replaced, in the whole process: ``MemoryRecords`` keeps its bytes, ``PartitionRecords`` yields batches instead of
records, ``FetchResult`` makes one ``Run`` of as many as fit. Aborted transactions and control records are left out as they
are there; their offsets remain part of the run's stretch.
``tests/unit/app/test_runs.py`` fails when aiokafka changes what this rests on.
"""

from typing import Any

import aiokafka.consumer.fetcher as fetcher

from app.folds.fold import Run
from app.folds.tolerant import RawRecords, read_tolerantly

__all__ = ["RECORDS_AT_MOST", "install"]

#: Whole batches are taken until a run has so many records. Between 300 and 4,000 it made no difference to the speed.
RECORDS_AT_MOST = 1_000


class _Batches(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka is not annotated
    """Yields whole batches of a fetch response."""

    def _unpack_records(self) -> Any:
        records = self._records
        self.raw = records.raw
        while records.has_next():
            batch = records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                message = f"Invalid CRC - {self._tp}"
                raise fetcher.Errors.CorruptRecordException(message)
            if self._is_visible(batch):
                yield batch
            else:
                self.next_fetch_offset = batch.next_offset

    def _is_visible(self, batch: Any) -> bool:
        if self._isolation_level == fetcher.READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch and self._contains_abort_marker(batch):
                self._aborted_producers.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in self._aborted_producers:
                return False
        return not batch.is_control_batch


class _Result(fetcher.FetchResult):  # type: ignore[misc]  # as above
    """Gives one run at a time."""

    def getall(self, max_records: int | None = None) -> Run:
        records = self._partition_records
        run = Run()
        run.start = run.end = records.next_fetch_offset if records is not None else 0
        if records is None or not self.check_assignment(self._topic_partition):
            return run
        while len(run) < RECORDS_AT_MOST:
            batch = next(records, None)
            if batch is None:
                self._partition_records: Any = None
                break
            _take(run, batch, records.raw)
            records.next_fetch_offset = batch.next_offset
        run.end = records.next_fetch_offset
        self._assignment.state_value(self._topic_partition).consumed_to(run.end)
        return run


def _take(run: Run, batch: Any, raw: bytes) -> None:
    """Append what a batch has from the run's beginning on; a fetch may begin inside one."""
    size = len(run)
    try:
        run.extend(batch if batch.base_offset >= run.start else (record for record in batch if record.offset >= run.start))
    except UnicodeDecodeError:
        del run[size:]
        run.extend(record for record in read_tolerantly(raw, batch.base_offset) if record.offset >= run.start)


def install() -> None:
    """Have every consumer of this process hand on runs; ``max_poll_records`` has to stay None."""
    fetcher.MemoryRecords, fetcher.PartitionRecords, fetcher.FetchResult = RawRecords, _Batches, _Result
