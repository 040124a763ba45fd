"""The history of one signal, or of the traffic of one model, on one partition, at all its resolutions. Pure.

*The pending window.* A change of a detector's state is told at once, with the window as far as it is, and the same window once
more when it closes. Such records begin at the same offset of ``pairs``, so the newest one of a window is held back and goes into
the cells when another window begins; until then it is part of this document, and readers add it. So no event counts twice.

*The clock* of a series is the lowest of the last ``ENDS`` ends of windows: a few windows whose events have clocks that are ahead
let go nothing. Chunks are closed by the lower of the last two, so that the document stays small.
"""

from struct import Struct
from typing import NamedTuple, get_args

from app.read_model.cells import Cell, SignalCell, SignalCells, TrafficCell, TrafficCells
from app.read_model.chunks import Chunks, Clocks, Kind, Writes
from app.read_model.resolutions import SIGNAL, TRAFFIC, Resolution
from schemas.statistics import Role

__all__ = ["ENDS", "ROLES", "Pending", "Series", "chunk_field"]

ROLES: tuple[Role, ...] = get_args(Role)
#: Of each series, the latest last.
ENDS = 8
_HEAD = Struct(f"<BBQQQB{ENDS}q")
_PENDING = Struct("<qqq")
_CHUNK_FIELD = Struct(">QBI")
_KINDS: tuple[tuple[Kind, tuple[Resolution, ...]], ...] = ((SignalCells, SIGNAL), (TrafficCells, TRAFFIC))


def chunk_field(series: int, level: int, number: int) -> bytes:
    """The field of a closed chunk: number of its series, place of its resolution, its own number."""
    return _CHUNK_FIELD.pack(series, level, number)


class Pending(NamedTuple):
    """The newest record of a window that may not be over."""

    first_offset: int
    start_ms: int
    end_ms: int
    cell: SignalCell

    def is_part_of(self, later: "Pending") -> bool:
        """Whether the later record speaks of the same window: its times only ever widen."""
        wider = later.start_ms <= self.start_ms and self.end_ms <= later.end_ms
        return 0 <= self.first_offset == later.first_offset and wider and self.cell.events <= later.cell.events


class Series:
    """See the module's text.

    ``number``: its name in the fields of its chunks; ``written``: when it was last written, in records of the partition;
    ``begun``: the same of when its last chunk of the coarsest resolution began; ``counted``: how many of its closed chunks are
    in the count of all.
    """

    __slots__ = ("begun", "counted", "ends", "kind", "levels", "number", "pending", "role", "traffic", "written")

    def __init__(self, number: int, role: Role, *, traffic: bool) -> None:
        self.number, self.role, self.traffic = number, role, traffic
        self.written = self.counted = 0
        self.begun, self.ends = number, (0,) * ENDS
        self.pending: Pending | None = None
        self.kind, resolutions = _KINDS[traffic]
        self.levels = [Chunks(level, resolution, self.kind) for level, resolution in enumerate(resolutions)]

    def take_window(self, window: Pending, out: Writes) -> bool:
        """One record of a signal; whether another chunk of the coarsest resolution began."""
        before, self.pending = self.pending, window
        if before is None:
            self._move_clock(window.end_ms)
            return False
        if before.is_part_of(window):
            earlier, cell = before.cell, window.cell
            cell = cell._replace(state=max(earlier.state, cell.state), score=max(earlier.score, cell.score))
            self.pending = window._replace(cell=cell)
            return False
        self._move_clock(window.end_ms)
        return self._add(before.end_ms, before.cell, out)

    def take_minute(self, start_ms: int, counts: TrafficCell, out: Writes) -> bool:
        """The counts of a minute, or of a part of it."""
        self._move_clock(start_ms)
        return self._add(start_ms, counts, out)

    def trim(self, clock_ms: int, out: Writes) -> bool:
        """Let go what has left the horizon of a clock, that of the model; whether there was anything."""
        changed = [chunks.trim(clock_ms, out) for chunks in self.levels]
        return any(changed)

    def drop_earliest(self, out: Writes) -> bool:
        """Let go the closed chunk that begins earliest; False: there is none."""
        found = [(at, chunks.level) for chunks in self.levels if (at := chunks.earliest_ms) is not None]
        if not found:
            return False
        _, level = min(found)
        self.levels[level].drop(out)
        return True

    @property
    def clock_ms(self) -> int:
        """See the module's text."""
        return min(self.ends)

    @property
    def closed(self) -> int:
        """How many closed chunks there are."""
        return sum(len(chunks.closed) for chunks in self.levels)

    def is_over(self, clock_ms: int) -> bool:
        """Whether nothing of it is within the horizon of a clock."""
        return self.closed == 0 and self.ends[-1] < clock_ms - self.levels[-1].resolution.horizon_ms

    def cells(self, level: int) -> list[tuple[int, Cell]]:
        """Beginning and content of the cells that are in this document; a beginning may come more than once."""
        resolution = self.levels[level].resolution
        found = [
            (chunk.index * resolution.span_ms + at * resolution.width_ms, cell)
            for chunk in self.levels[level].open
            for at, cell in chunk.all(self.kind)
        ]
        if self.pending is not None:
            found.append((self.pending.end_ms // resolution.width_ms * resolution.width_ms, self.pending.cell))
        return found

    def dump(self) -> bytes:
        """Everything but the cells of closed chunks."""
        pending = self.pending
        numbers = self.number, self.written, self.begun
        head = _HEAD.pack(self.traffic, ROLES.index(self.role), *numbers, pending is not None, *self.ends)
        held = b"" if pending is None else _PENDING.pack(*pending[:3]) + SignalCells.open.pack(0, *pending.cell)
        return b"".join([head, held, *(chunks.dump() for chunks in self.levels)])

    @classmethod
    def load(cls, packed: bytes) -> "Series":
        """What ``dump`` gave."""
        traffic, role, number, written, begun, held, *ends = _HEAD.unpack_from(packed)
        series = cls(number, ROLES[role], traffic=bool(traffic))
        series.written, series.begun, series.ends = written, begun, tuple(ends)
        at = _HEAD.size
        if held:
            first_offset, start_ms, end_ms = _PENDING.unpack_from(packed, at)
            _, cell = SignalCells.unpack(packed, at + _PENDING.size)
            series.pending = Pending(first_offset, start_ms, end_ms, cell)
            at += _PENDING.size + SignalCells.open.size
        for chunks in series.levels:
            at = chunks.load(packed, at)
        return series

    def _move_clock(self, end_ms: int) -> None:
        self.ends = (*self.ends[1:], end_ms) if self.written else (end_ms,) * ENDS

    def _add(self, at_ms: int, cell: Cell, out: Writes) -> bool:
        clocks = Clocks(close_ms=min(self.ends[-2:]), keep_ms=self.clock_ms)
        begins = [chunks.add(at_ms, cell, clocks, out) for chunks in self.levels]
        return begins[-1]
