"""Counting events as they are read: in which minute each belongs, was its key put where it belongs, is its clock ahead.

Keys and clocks (``clocks``) are looked at in samples, since the partitioner's hash costs more than decoding the event: of each
model, side and minute those among the first ``SAMPLED_FIRST`` offsets from its first event on, then one offset in
``SAMPLED_MASK + 1``. So which ones is known from the log, and a topic of a thousand models has hardly more of them than one
of a single model.
"""

from collections.abc import Callable

from app.domain.pairing.log_time import UNKNOWN
from app.domain.pairing.model import Model
from app.domain.pairing.pair_counts import MINUTE_MS, Cell, topic_cell
from app.domain.pairing.request_book import RequestBook
from app.domain.pairing.sink import Sink
from schemas.errors import DecodeError
from schemas.half import Half
from schemas.record import SourceRecord

__all__ = ["SAMPLED_MASK", "EventCounting"]

SAMPLED_FIRST = 50
SAMPLED_MASK = 63


class EventCounting:
    """``is_misrouted`` says of a record and its half whether the Java client would have chosen another partition."""

    def __init__(self, book: RequestBook, is_misrouted: Callable[[SourceRecord, Half], bool], clock_skew_ms: int) -> None:
        self._book, self._is_misrouted, self._clock_skew_ms = book, is_misrouted, clock_skew_ms

    def turn_minute(self, model: Model, side: int, offset: int, moment: int) -> None:
        """Count from now on in the minute of ``moment``, which begins for this side with the event at ``offset``."""
        cell = model.cells[side] = self._book.minutes.cell(model.name, moment)
        model.cell_ends[side] = (moment // MINUTE_MS + 1) * MINUTE_MS
        model.newest = max(model.newest, moment)
        cell.note(side, offset)
        model.sample_ends[side] = cell.starts[side] + SAMPLED_FIRST

    def reject(self, side: int, record: SourceRecord, top: int, error: DecodeError, sink: Sink) -> None:
        """An event was refused: it has no model, so its topic counts it. ``top`` is the time of its log so far."""
        self._book.totals.rejected += 1
        cell = self._topic_cell(side, record.offset, max(top if top != UNKNOWN else record.timestamp, 0))
        cell.rejected += 1
        cell.read += 1
        sink.refuse(side, record, error.reason, error.detail)

    def sample(self, side: int, record: SourceRecord, half: Half, cell: Cell) -> None:
        """Look at one key, and at one clock."""
        topic = self._topic_cell(side, record.offset, half.moment)
        misrouted = self._is_misrouted(record, half)
        for counts in (cell, topic):
            counts.sampled += 1
            counts.misrouted += misrouted
        if half.timestamp - record.timestamp > self._clock_skew_ms and record.timestamp >= 0:
            topic.ahead.note(half.timestamp - record.timestamp)

    def _topic_cell(self, side: int, offset: int, moment: int) -> Cell:
        cell = self._book.minutes.cell(topic_cell(side), moment)
        cell.note(side, offset)
        return cell
