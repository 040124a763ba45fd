"""The loop over every event of one partition: decoded, told the time of its log, counted, and taken to its request.

It is the path of every event, so it is one function over local names. It stops before an event that lies too far ahead of
the other log, and remembers that event's time: the other log may read up to there.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from app.domain.pairing.event_counting import SAMPLED_MASK, EventCounting
from app.domain.pairing.expectation import Expectation, ExpectationState
from app.domain.pairing.log_time import UNKNOWN, LogTime
from app.domain.pairing.model import Model
from app.domain.pairing.request import SHADOW
from app.domain.pairing.request_book import RequestBook
from app.domain.pairing.sink import Sink
from schemas.errors import DecodeError
from schemas.half import Half
from schemas.record import SourceRecord

__all__ = ["FOREVER", "Reading"]

#: A barrier that holds nothing back.
FOREVER = 1 << 62


class Reading:
    """``models`` is what has been met; ``next_moments`` the time of the event that each side stopped at, if it did.

    The very first event of a log is let through where it lies beyond ``barrier``: the logs begin at different times. What a
    model expects is learned from the shadow log, which may be taken to be at ``shadow_top``.
    """

    def __init__(
        self,
        decode: Callable[[SourceRecord], Half],
        book: RequestBook,
        counting: EventCounting,
        times: Sequence[LogTime],
        shadows_of: Callable[[str], tuple[str, ...] | Literal["auto"]],
        window_ms: int,
        *,
        live: bool,
    ) -> None:
        self._decode, self._book, self._counting, self._times = decode, book, counting, times
        self._shadows_of, self._window_ms = shadows_of, window_ms
        self.models: dict[str, Model] = {}
        self.next_moments = [UNKNOWN, UNKNOWN]
        self.live = live

    def __del__(self) -> None:
        """Cut the circle of a model and its requests, which no collector sees since requests are hidden from it."""
        for model in self.models.values():
            model.ids.clear()

    def meet(self, name: str, known: ExpectationState | None = None) -> Model:
        """A model that is new here, or ``known`` from the checkpoint."""
        model = self.models[name] = Model(name, Expectation(self._shadows_of(name), self._window_ms, known))
        return model

    def begin_minutes(self) -> None:
        """Minutes were given out: an event that comes for one of them after a silence counts in a further part."""
        for model in self.models.values():
            model.cell_ends = [0, 0]

    def read(self, side: int, records: Sequence[SourceRecord], stop: int, barrier: int, shadow_top: int, sink: Sink) -> int:
        """Read up to the first event whose time exceeds ``stop``; how many were read."""
        time, decode, book, counting, live = self._times[side], self._decode, self._book, self._counting, self.live
        models_get, begin, further = self.models.get, book.open, book.meet
        top, count, self.next_moments[side] = time.top, len(records), UNKNOWN
        for number, record in enumerate(records):
            try:
                half = decode(record)
            except DecodeError as error:
                counting.reject(side, record, top, error, sink)
                continue
            timestamp = half.timestamp
            if timestamp > top:
                if timestamp > stop and (top != UNKNOWN or timestamp <= barrier):
                    self.next_moments[side], count = timestamp, number
                    break
                top = timestamp
            half.moment = top
            model, offset = models_get(half.model) or self.meet(half.model), record.offset
            if top >= model.cell_ends[side]:
                counting.turn_minute(model, side, offset, top)
            cell, expectation = model.cells[side], model.expectation
            cell.read += 1
            cell.ends[side] = offset + 1
            if offset < model.sample_ends[side] or not offset & SAMPLED_MASK:
                counting.sample(side, record, half, cell)
            if side:
                expectation.see(half.version, timestamp)
            elif live and top > expectation.valid_until:
                expectation.learn(top, shadow_top, offset, self._times[SHADOW].position)
            request = model.ids.get(half.request_id)
            if request is None:
                begin(model, side, half, sink)
            else:
                further(request, side, half, sink)
        time.top = top
        book.totals.read += count
        return count
