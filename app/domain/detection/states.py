"""How the signals of a panel change their states: which row is the next at which one does, and what it has to show for it.

What does not hurt (``Watched.is_better``) makes a ``warning`` that says so, whatever its size; it also takes the place of a
``drift``, which it ends, once the latest ``KEPT`` values are for sure lower than the reference, and of a latency or a cost no
more of them are large: some dozen lower ones among larger ones end nothing. A later alarm that hurts makes a ``drift`` again.

May not happen: taking in a row behind an alarm before the alarm was acted on; so ``first_event`` is asked before ``move``.

Delivery guarantees: a pure function of the rows that were taken in; the states themselves are saved with the signals.
"""

from typing import Any

import numpy as np

from app.domain.detection.calibration import Floats
from app.domain.detection.effect_sizes import number_effects
from app.domain.detection.episodes import ALARM, WARNING
from app.domain.detection.findings import evidence_of
from app.domain.detection.kernels import KEPT, Heard, Kernels
from app.domain.detection.signals import Numbers
from app.domain.detection.watched import COSTLY, Tail, Watched
from app.domain.detection.windows import Positions

__all__ = ["States"]


class States:
    """See the module's text. ``alarms`` and ``passed``: see ``app.domain.detection.alarm_counts``."""

    def __init__(self, kernels: Kernels, positions: Positions, least_effect: float) -> None:
        self.kernels, self.positions, self.least_effect = kernels, positions, least_effect
        self.alarms = self.passed = 0

    def first_event(self, peaks: Floats) -> int:
        """How many of these rows may be taken in: up to the first at which a signal alarms or changes its state."""
        rows: int = peaks.shape[1]
        loudest = peaks.max(axis=1).tolist()
        for index, one in enumerate(self.kernels.live):
            if loudest[index] > WARNING or one.episode.is_open:
                event = one.episode.first_event(peaks[index, :rows], self.kernels.row)
                rows = rows if event is None else event + 1
        return rows

    def move(self, heard: Heard, taken: int, time_ms: int) -> list[Watched]:
        """Take the rows in, and let the last of them change states; which did."""
        row, peaks = self.kernels.row, heard.peaks[:, :taken]
        self.kernels.remember(heard, taken)
        loud = {index: self._hear(heard, taken, index) for index in np.flatnonzero(peaks[:, -1] > WARNING).tolist()}
        alarmed = [index for index in loud if peaks[index, -1] > ALARM]
        self.kernels.commit(heard, taken, alarmed)
        changed = []
        for index, one in enumerate(self.kernels.live):
            before = one.episode.state
            if index not in loud and not one.episode.is_open:
                continue
            one.episode.take(peaks[index], row)
            if index in loud:
                self._open(one, loud[index], time_ms, alarm=index in alarmed)
            elif one.episode.is_over(row + taken):
                self.passed += before == "drift" and "again" not in one.episode.evidence
                one.episode.enter("quiet", time_ms)
            if one.episode.state != before:
                changed.append(one)
        return changed

    def _hear(self, heard: Heard, taken: int, index: int) -> dict[str, Any]:
        """The evidence for what a signal said at the last row that is taken."""
        finding, part = self.kernels.explain(heard, taken - 1, index)
        row = self.kernels.row + taken
        change = self.positions.of(row - finding.width, finding.width)
        values = self.kernels.latest(index, row, finding.width)
        one = self.kernels.live[index]
        evidence = evidence_of(one, finding, part, change, values)
        tail = self._tail(one, row)
        if tail is not None and tail.has_grown():
            evidence["tail"] = tail._asdict()
        return evidence | ({"better": True} if one.is_better(evidence) else {})

    def _latest(self, one: Watched, row: int) -> dict[str, Any] | None:
        """What a number's latest values before this row look like beside the reference."""
        if not isinstance(one.stage, Numbers):
            return None
        return number_effects(self.kernels.latest(one.stage.slot, row, KEPT), one.stage.reference)

    def _tail(self, one: Watched, row: int) -> Tail | None:
        """The largest of the latest values, where they hurt however low the others are."""
        latest = self._latest(one, row) if one.signal.kind in COSTLY else None
        return None if latest is None else Tail.of(latest)

    def _is_lower(self, one: Watched, row: int) -> bool:
        """Whether the mean of a number's latest values is below the reference's, for sure (95 %), and no more are large."""
        latest, tail = self._latest(one, row), self._tail(one, row)
        interval = None if latest is None else latest.get("difference_sd_interval")
        return interval is not None and interval[1] < 0 and not (tail is not None and tail.is_larger())

    def _open(self, one: Watched, evidence: dict[str, Any], time_ms: int, *, alarm: bool) -> None:
        """Let a loud signal open, or worsen, its episode."""
        episode = one.episode
        better = "better" in evidence
        large = alarm and abs(evidence["effect"]["size"]) >= self.least_effect and not better
        self.alarms += large
        if large and episode.state != "drift":
            episode.enter("drift", time_ms)
        elif episode.state == "quiet":
            episode.enter("warning", time_ms)
        elif not alarm:
            return
        elif better and "better" not in episode.evidence and self._is_lower(one, self.kernels.row):
            episode.enter("warning", time_ms)
        else:
            evidence = episode.evidence | {"again": int(episode.evidence.get("again", 0)) + 1}
        episode.evidence = evidence
        episode.hold_for(int(evidence["change"]["events"]))
