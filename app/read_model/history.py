"""The histories of all signals and models of one partition, as part of the fold of the serve role. Pure.

Of each there is one *document*, with the open chunks and the numbers of the closed ones; a closed chunk is written once and is
not held here. All that is decided is a function of the log: after a crash the documents are read back, and it goes on as if
nothing had happened; from the beginning of the log the same documents and chunks come out.

*Bounds.* ``series`` histories and ``chunks`` closed chunks of all of them together. A full table lets go the history that
was not written for longest; too many chunks cost the same one its earliest chunk. Both are counted. A chunk that has left its
horizon goes with the next chunk of its history; and when any history of its model begins another chunk of the coarsest
resolution, which is every other day, those of the model's histories that are no longer written go too. Times alone let go
nothing of others: each goes by its own clock, and by that of the middle one of its model's histories when it was not written
since the one that begins had begun its chunk before. A window whose end is no time that a calendar has is counted and kept out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from app.read_model.cells import SignalCell, TrafficCell
from app.read_model.chunks import Writes
from app.read_model.history_series import Pending, Series, chunk_field
from schemas.offsets import Window
from schemas.statistics import Role

__all__ = ["CHUNK", "NO_OFFSET", "SERIES", "History", "Limits", "identity_of_signal", "identity_of_traffic"]

#: What a field begins with: the hash that it belongs to.
SERIES, CHUNK = b"series ", b"chunk "
#: 1 January of the year 5000: what is later is no clock that is ahead but a fault.
END_MOST_MS = 95_617_584_000_000
NO_OFFSET = -1


class Limits(NamedTuple):
    """How many histories and closed chunks a partition has."""

    series: int
    chunks: int


class History:
    """``changes`` is what to write, by field; ``dropped`` is what was let go for want of room, since it was last counted."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.chunks = 0
        self.dropped: dict[str, int] = {}
        self.changes: dict[bytes, bytes | None] = {}
        self._series: dict[str, Series] = {}
        self._changed: dict[str, None] = {}
        self._of_model: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._series)

    def load(self, stored: Iterable[tuple[str, bytes]]) -> None:
        """Take back the documents."""
        found = [(identity, Series.load(packed)) for identity, packed in stored]
        self._series = dict(sorted(found, key=lambda each: each[1].written))
        for identity, series in self._series.items():
            self._of_model.setdefault(_model_of(identity), {})[identity] = None
            self._count(series)

    def signal(self, identity: str, role: Role, window: Window, first_offset: int, cell: SignalCell, written: int) -> None:
        """One record of a signal; ``written`` counts the records of the partition."""
        if not (0 <= window.start <= window.end <= END_MOST_MS and NO_OFFSET <= first_offset < 2**63):
            self._drop("window")
            return
        series, out = self._take(identity, role, written, traffic=False), Writes()
        begins = series.take_window(Pending(first_offset, window.start, window.end, cell), out)
        self._put(identity, series, out, written, begins=begins)

    def traffic(self, identity: str, start_ms: int, counts: TrafficCell, written: int) -> None:
        """The counts of a minute."""
        if not 0 <= start_ms <= END_MOST_MS:
            self._drop("window")
            return
        series, out = self._take(identity, "all", written, traffic=True), Writes()
        begins = series.take_minute(start_ms, counts, out)
        self._put(identity, series, out, written, begins=begins)

    def take_changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """What to write since the last time, by field: closed chunks, documents of histories that go on, what is gone."""
        yield from self.changes.items()
        for identity in self._changed:
            series = self._series.get(identity)
            yield SERIES + identity.encode(), None if series is None else series.dump()
        self.changes, self._changed = {}, {}

    def _take(self, identity: str, role: Role, written: int, *, traffic: bool) -> Series:
        series = self._series.pop(identity, None)
        if series is None:
            series = Series(written, role, traffic=traffic)
            self._of_model.setdefault(_model_of(identity), {})[identity] = None
        series.role = role
        self._series[identity] = series
        return series

    def _put(self, identity: str, series: Series, out: Writes, written: int, *, begins: bool) -> None:
        series.written = written
        self._write(identity, series, out)
        if begins:
            self._trim_model(identity, series)
        if len(self._series) > self.limits.series:
            self._remove(next(iter(self._series)))
            self._drop("series")
        while self.chunks > self.limits.chunks:
            self._make_room()

    def _trim_model(self, identity: str, begins: Series) -> None:
        """Let go what has left the horizon of the model's histories when one of them begins another of its coarsest chunks."""
        of_model = {other: self._series[other] for other in self._of_model[_model_of(identity)]}
        clocks = sorted(series.clock_ms for series in of_model.values() if series.written >= begins.begun)
        middle = clocks[(len(clocks) - 1) // 2]
        for other, series in of_model.items():
            own = series.clock_ms if series.written >= begins.begun else middle
            self._trim(other, min(begins.clock_ms, own))
        begins.begun = begins.written

    def _trim(self, identity: str, clock_ms: int) -> None:
        series, out = self._series[identity], Writes()
        if series.trim(clock_ms, out):
            self._write(identity, series, out)
        if series.is_over(clock_ms):
            self._remove(identity)

    def _make_room(self) -> None:
        """The history that was not written for longest gives its earliest chunk; one that has none is let go."""
        identity, series = next(iter(self._series.items()))
        out = Writes()
        if series.drop_earliest(out):
            self._write(identity, series, out)
        else:
            self._remove(identity)
            self._drop("series")

    def _write(self, identity: str, series: Series, out: Writes) -> None:
        self._changed[identity] = None
        if not out:
            return
        for (level, number), chunk in out.items():
            self.changes[CHUNK + chunk_field(series.number, level, number)] = chunk
        self._count(series)
        for chunks in series.levels:
            if chunks.dropped:
                self._drop("chunk", chunks.dropped)
                chunks.dropped = 0

    def _remove(self, identity: str) -> None:
        series = self._series.pop(identity)
        self._changed[identity] = None
        for level, chunks in enumerate(series.levels):
            for entry in chunks.closed:
                self.changes[CHUNK + chunk_field(series.number, level, entry & 0xFFFFFFFF)] = None
        self.chunks -= series.counted
        of_model = self._of_model[_model_of(identity)]
        del of_model[identity]
        if not of_model:
            del self._of_model[_model_of(identity)]

    def _count(self, series: Series) -> None:
        closed = series.closed
        self.chunks += closed - series.counted
        series.counted = closed

    def _drop(self, kind: str, count: int = 1) -> None:
        self.dropped[kind] = self.dropped.get(kind, 0) + count


def identity_of_signal(model: str, version: str, signal: str, segment: Mapping[str, str] | None) -> str:
    """The key of ``drift.statistics``, as JSON, so that no name can pass for another by a ``|`` in it.

    >>> identity_of_signal("credit", "1", "prediction", {"channel": "web"})
    '["credit","1","prediction",[["channel","web"]]]'
    """
    return msgspec.json.encode([model, version, signal, sorted((segment or {}).items())]).decode()


def identity_of_traffic(model: str) -> str:
    """Of the counts of a model."""
    return msgspec.json.encode([model]).decode()


def _model_of(identity: str) -> str:
    model: str = msgspec.json.decode(identity)[0]
    return model
