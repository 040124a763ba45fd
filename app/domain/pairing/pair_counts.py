"""How the events of each model came out, minute by minute of event time.

Each event counts in the minute of its moment, each record in the minute of its closing; both are known from the logs, so the
figures of a minute do not depend on how the logs were read. A minute is given out when both logs have passed it, or when
both are silent; what comes for it after a silence is given out again, as a further part.
"""

from msgspec import Struct, field

from app.domain.pairing.clocks import Ahead, Gap

__all__ = ["MINUTE_MS", "Cell", "Minutes", "topic_cell"]

MINUTE_MS = 60_000
#: Versions counted by name, as unexpected or for their clocks, for each model and minute.
_MOST_NAMES = 16
#: Minutes with events whose counts a topic tells after the last one that showed trouble, however long it was silent between.
_TOLD_AFTER = 10


def topic_cell(side: int) -> str:
    """The name under which counts of a topic, and of no model, stand among the models' (which have no slash)."""
    return f"/{side}"


class Cell(Struct, gc=False, array_like=True):
    """The counts of one model, or of one topic, in one minute.

    ``starts``, ``ends``: the offsets that were read of each side, -1 for none. ``paused``: how often reading was paused.
    ``ahead``: of a topic; ``gaps``: of a model's shadow versions.
    """

    read: int = 0
    paired: int = 0
    partial: int = 0
    legacy_only: int = 0
    shadow_only: int = 0
    solo: int = 0
    late: int = 0
    duplicate: int = 0
    rejected: int = 0
    misrouted: int = 0
    sampled: int = 0
    starts: list[int] = field(default_factory=lambda: [-1, -1])
    ends: list[int] = field(default_factory=lambda: [-1, -1])
    unexpected: dict[str, int] = {}
    paused: int = 0
    ahead: Ahead = field(default_factory=Ahead)
    gaps: dict[str, Gap] = {}

    def note(self, side: int, offset: int) -> None:
        """An event at ``offset`` of ``side`` is among those that are counted."""
        if self.starts[side] < 0:
            self.starts[side] = offset
        self.ends[side] = offset + 1

    def note_unexpected(self, version: str) -> None:
        """A record carried a shadow version that nobody expected."""
        if version in self.unexpected or len(self.unexpected) < _MOST_NAMES:
            self.unexpected[version] = self.unexpected.get(version, 0) + 1

    def note_gap(self, version: str, gap_ms: int, wait_ms: int) -> None:
        """A shadow's timestamp lies so far after the live model's, of a request that waits for ``wait_ms``."""
        gap = self.gaps.get(version)
        if gap is None:
            if len(self.gaps) >= _MOST_NAMES:
                return
            gap = self.gaps[version] = Gap()
        gap.note(gap_ms, wait_ms)


class Minutes:
    """The cells of the minutes that are not over: of each model one or two, since neither log leads by more than a window."""

    def __init__(self, cells: dict[int, dict[str, Cell]] | None = None) -> None:
        self.cells: dict[int, dict[str, Cell]] = dict(cells or {})
        #: For each topic, how many more minutes it tells.
        self.told_after: dict[str, int] = {topic_cell(side): 0 for side in (0, 1)}

    def cell(self, name: str, moment: int) -> Cell:
        """The cell of ``name`` (a model, or a topic for what has no model) for the minute of ``moment``."""
        minute = moment // MINUTE_MS
        row = self.cells.get(minute)
        if row is None:
            row = self.cells[minute] = {}
        cell = row.get(name)
        if cell is None:
            cell = row[name] = Cell()
        return cell

    def over(self, time: int) -> list[tuple[int, dict[str, Cell]]]:
        """Take out the minutes that end at or before ``time``, the oldest first, with the cells that have something to tell."""
        last = time // MINUTE_MS
        if not self.cells or min(self.cells) >= last:
            return []
        return [(minute, self._told(minute)) for minute in sorted(self.cells) if minute < last]

    def take_out(self, name: str) -> list[tuple[int, Cell]]:
        """What has been counted for a topic, before its minutes are over."""
        rows = [(minute, self.cells[minute].pop(name)) for minute in sorted(self.cells) if name in self.cells[minute]]
        for _, cell in rows:
            self._tells(name, cell)
        return rows

    def _told(self, minute: int) -> dict[str, Cell]:
        """A topic's counts are told while they show trouble, and for some minutes after, until it can be seen to be over."""
        return {name: cell for name, cell in self.cells.pop(minute).items() if self._tells(name, cell)}

    def _tells(self, name: str, cell: Cell) -> bool:
        left = self.told_after.get(name)
        if left is None:
            return True
        troubled = bool(cell.misrouted or cell.rejected or cell.ahead.events)
        self.told_after[name] = _TOLD_AFTER if troubled else max(0, left - 1)
        return troubled or left > 0
