"""What a detect role said, as episodes: a signal became restless, alarmed or not, and was quiet again."""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from schemas.statistics import DriftStatistics

__all__ = ["Account", "Episode"]


class Episode(Struct):
    """One stretch in which a signal was not quiet. Times are event times in milliseconds; offsets are of ``pairs``.

    ``began_ms``: when it was first noticed; ``drift_ms``: when it alarmed, None while it only warned; ``ended_ms``: when it was
    quiet again, None where it was still open. ``change_ms`` is the estimated beginning of what it noticed.
    """

    model: str
    version: str
    role: str
    signal: str
    partition: int
    began_ms: int
    began_offset: int
    drift_ms: int | None = None
    drift_offset: int | None = None
    ended_ms: int | None = None
    direction: str = ""
    change_ms: int | None = None
    effect: float | None = None
    segment: str = ""

    @property
    def subject(self) -> str:
        """Who and what, for people."""
        segment = f" in {self.segment}" if self.segment else ""
        return f"{self.model} {self.version} ({self.role}) {self.signal}{segment}"


class Account:
    """Statistics in the order in which they are written, and the episodes that they tell of."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, str, str], Episode] = {}
        self._ended: list[Episode] = []
        self.records = 0

    def take(self, partition: int, value: bytes) -> None:
        """Take one record."""
        self.records += 1
        said = msgspec.json.decode(value, type=DriftStatistics)
        place, state = (partition, said.role, said.key), said.detector.state
        episode = self._open.get(place)
        if state in {"quiet", "warming"}:
            if episode is not None:
                episode.ended_ms = said.window.end
                self._ended.append(self._open.pop(place))
            return
        if episode is None:
            episode = self._open[place] = Episode(
                said.model,
                said.version,
                said.role,
                str(said.signal),
                partition,
                said.window.end,
                said.offsets[0].end - 1,
                segment=said.key.rpartition("|")[2],
            )
        first = state == "drift" and episode.drift_ms is None
        if first:
            episode.drift_ms, episode.drift_offset = said.window.end, said.offsets[0].end - 1
        if first or not episode.direction:
            figures = said.statistics
            episode.direction, episode.change_ms = figures.get("direction", "changed"), figures["change"]["timestamp"]
            episode.effect = figures["effect"]["size"] if "effect" in figures else None

    def episodes(self) -> Iterator[Episode]:
        """All, those that are still open among them, in the order of their beginnings."""
        yield from sorted((*self._ended, *self._open.values()), key=lambda each: (each.began_ms, each.partition, each.subject))
