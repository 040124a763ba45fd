"""The chunks of one series at one resolution: few that are open, and the numbers of those that are closed. Pure.

A closed chunk is written once, under a number of its own, and is then known by that number alone: neither the fold nor a commit
holds its cells again. A record for the time of a closed chunk opens another chunk of that time; readers merge the two. When the
clock moves on, chunks that have left the horizon are let go, and so is the earliest one where there are too many.
"""

from array import array
from struct import Struct
from typing import NamedTuple

from app.read_model.cells import Cell, SignalCells, TrafficCells
from app.read_model.resolutions import LATE_MS, OPEN_CHUNKS, Resolution

__all__ = ["Chunks", "Clocks", "Kind", "OpenChunk", "Writes"]

Kind = type[SignalCells] | type[TrafficCells]
#: Place of a resolution and number of a closed chunk, to what is written, None to let it go.
Writes = dict[tuple[int, int], bytes | None]
_HEAD = Struct("<IHB")
_CHUNK = Struct("<IIB")


class Clocks(NamedTuple):
    """By which chunks are closed, which costs nothing that is kept, and by which they are let go, which cannot be undone."""

    close_ms: int
    keep_ms: int


class OpenChunk:
    """Cells that may still change, packed one behind the other in the order in which they were begun."""

    __slots__ = ("cells", "index", "number")

    def __init__(self, index: int, number: int, cells: bytes = b"") -> None:
        self.index, self.number, self.cells = index, number, bytearray(cells)

    def add(self, at: int, cell: Cell, kind: Kind) -> None:
        """Merge a cell into that at its place; the latest is looked at first."""
        size = kind.open.size
        for start in range(len(self.cells) - size, -1, -size):
            if self.cells[start] == at:
                _, found = kind.unpack(self.cells, start)
                kind.open.pack_into(self.cells, start, at, *kind.merge(found, cell))  # type: ignore[arg-type]  # cells of its kind
                return
        self.cells += kind.open.pack(at, *cell)

    def all(self, kind: Kind) -> list[tuple[int, Cell]]:
        """Its cells by place."""
        return [kind.unpack(self.cells, start) for start in range(0, len(self.cells), kind.open.size)]


class Chunks:
    """See the module's text. ``level``: the place of its resolution; ``closed`` holds ``index << 32 | number`` of each."""

    __slots__ = ("closed", "dropped", "kind", "level", "made", "open", "resolution")

    def __init__(self, level: int, resolution: Resolution, kind: Kind) -> None:
        self.level, self.resolution, self.kind = level, resolution, kind
        self.made = self.dropped = 0
        self.closed: array[int] = array("Q")
        self.open: list[OpenChunk] = []

    def add(self, at_ms: int, cell: Cell, clocks: Clocks, out: Writes) -> bool:
        """Merge a cell in; whether another chunk than the first began. What is before the horizon is not kept."""
        resolution = self.resolution
        index, rest = divmod(at_ms, resolution.span_ms)
        begins = False
        if not self.open or self.open[-1].index != index:
            if index < resolution.lowest_chunk(clocks.keep_ms):
                return False
            begins = self._turn_to(index)
        if (len(self.open) > 1 and self._close(clocks.close_ms, out)) or begins:
            self.trim(clocks.keep_ms, out)
        self.open[-1].add(rest // resolution.width_ms, cell, self.kind)
        return begins and self.made > 1

    def trim(self, clock_ms: int, out: Writes) -> bool:
        """Let go what has left the horizon; whether there was anything."""
        lowest, before = self.resolution.lowest_chunk(clock_ms), len(self.open) + len(self.closed)
        self.open = [chunk for chunk in self.open if chunk.index >= lowest]
        for entry in [entry for entry in self.closed if entry >> 32 < lowest]:
            self._forget(entry, out)
        while len(self.closed) > self.resolution.chunks_at_most:
            self.drop(out)
        return len(self.open) + len(self.closed) < before

    def drop(self, out: Writes) -> None:
        """Let go the earliest closed chunk, since there is no room."""
        self._forget(min(self.closed), out)
        self.dropped += 1

    @property
    def earliest_ms(self) -> int | None:
        """Where the earliest closed chunk begins."""
        return (min(self.closed) >> 32) * self.resolution.span_ms if self.closed else None

    def between(self, start_ms: int, end_ms: int | None) -> list[tuple[int, int]]:
        """Beginning and number of the closed chunks that have times from ``start_ms`` up to ``end_ms``."""
        span_ms = self.resolution.span_ms
        first, last = start_ms // span_ms, None if end_ms is None else end_ms // span_ms
        entries = [e for e in self.closed if first <= e >> 32 and (last is None or e >> 32 <= last)]
        return [((e >> 32) * span_ms, e & 0xFFFFFFFF) for e in entries]

    def dump(self) -> bytes:
        """All but the cells of closed chunks."""
        chunks = b"".join(_CHUNK.pack(c.index, c.number, len(c.cells) // self.kind.open.size) + c.cells for c in self.open)
        return _HEAD.pack(self.made, len(self.closed), len(self.open)) + self.closed.tobytes() + chunks

    def load(self, packed: bytes, at: int) -> int:
        """Take back what ``dump`` gave, from a place on; the place behind it."""
        self.made, closed, chunks = _HEAD.unpack_from(packed, at)
        at += _HEAD.size
        self.closed = array("Q", packed[at : at + 8 * closed])
        at += 8 * closed
        for _ in range(chunks):
            index, number, cells = _CHUNK.unpack_from(packed, at)
            at += _CHUNK.size
            end = at + cells * self.kind.open.size
            self.open.append(OpenChunk(index, number, packed[at:end]))
            at = end
        return at

    def _turn_to(self, index: int) -> bool:
        """Make the open chunk of this index the last written; whether it has just begun."""
        found = next((chunk for chunk in self.open if chunk.index == index), None)
        if found is not None:
            self.open.remove(found)
            self.open.append(found)
            return False
        self.made += 1
        self.open.append(OpenChunk(index, self.made))
        return True

    def _close(self, clock_ms: int, out: Writes) -> bool:
        """Close chunks that are past, and of too many those not written for longest, never the last written; whether any.

        Of traffic the two last written are never past: a partition of the pair role that lags writes its chunk in turn with
        the present one, and each return would make another chunk of the same time. A signal has one writer.
        """
        going_on = 2 if self.kind is TrafficCells else 1
        past = [c for c in self.open[:-going_on] if (c.index + 1) * self.resolution.span_ms + LATE_MS < clock_ms]
        rest = [chunk for chunk in self.open if chunk not in past]
        closing = past + rest[:-OPEN_CHUNKS]
        for chunk in closing:
            self.closed.append(chunk.index << 32 | chunk.number)
            out[self.level, chunk.number] = self.kind.close(chunk.cells)
        self.open = rest[-OPEN_CHUNKS:]
        return bool(closing)

    def _forget(self, entry: int, out: Writes) -> None:
        self.closed.remove(entry)
        out[self.level, entry & 0xFFFFFFFF] = None
