"""How finely a history is kept, and for how long: cells of a fixed width of event time, put together in chunks.

A cell exists only where there is something in it; a chunk is what is written, read and let go as a whole. Times are milliseconds
of event time since the epoch, and every cell and chunk begins at a multiple of its width, so that the cells of several
partitions lie on each other.

*What it takes.* A signal whose windows are a minute long fills a sixth of the finest cells and all others: 2,940 of 3,240. What
that is in Redis is measured: ``python -m tests.benchmarks.read_model``, figures in ``docs/benchmarks.md``.
"""

from typing import NamedTuple

__all__ = ["LATE_MS", "NAMES", "OPEN_CHUNKS", "SIGNAL", "TRAFFIC", "Resolution"]

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
NAMES = ("seconds", "minutes", "hours")
#: How far the clock of a series must be past the end of a chunk before it is closed: records of one signal are out of order
#: by a window, the counts of a minute by what the partitions of the pair role are apart.
LATE_MS = 5 * MINUTE_MS
#: Chunks of one series and resolution that are open at once. One more closes that which was not written for longest; what
#: comes for it afterwards makes another chunk of the same time, and readers merge the two.
OPEN_CHUNKS = 3


class Resolution(NamedTuple):
    """``chunks`` chunks of ``cells`` cells of ``width_ms``. What one chunk spans, how far back from the clock cells are kept.

    >>> [resolution.horizon_ms // 3_600_000 for resolution in SIGNAL]
    [1, 24, 2160]
    """

    name: str
    width_ms: int
    cells: int
    chunks: int
    span_ms: int
    horizon_ms: int

    @classmethod
    def of(cls, name: str, width_ms: int, cells: int, chunks: int) -> "Resolution":
        """With what follows from these."""
        return cls(name, width_ms, cells, chunks, width_ms * cells, width_ms * cells * chunks)

    @property
    def chunks_at_most(self) -> int:
        """Closed chunks of one series, those of the same time included."""
        return 2 * self.chunks

    def lowest_chunk(self, clock_ms: int) -> int:
        """The number of the earliest chunk that still reaches into the horizon."""
        return (clock_ms - self.horizon_ms) // self.span_ms


#: Of what ``detect`` says of a signal: 10 s for an hour, 2 min for a day, 1 h for 90 days. Finest first.
SIGNAL = (
    Resolution.of("seconds", 10 * SECOND_MS, 60, 6),
    Resolution.of("minutes", 2 * MINUTE_MS, 30, 24),
    Resolution.of("hours", HOUR_MS, 48, 45),
)
#: Of what ``pair`` counts for a model, which it does by the minute.
TRAFFIC = (
    Resolution.of("minutes", MINUTE_MS, 60, 24),
    Resolution.of("hours", HOUR_MS, 48, 45),
)
