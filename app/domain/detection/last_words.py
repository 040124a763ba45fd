"""The last words on what a restart with other settings gives up.

| reason | what is given up |
|---|---|
| `ignored` | a feature that is ignored now, and was not |
| `segment` | all signals of a part of the traffic whose segment is no longer named |
| `interval` | the volume, where its intervals have another length now |

A signal that is given up gets a last record (``ended``, with the reason) if it was open, since nothing else would close what
others made of it. That record is made of the saved state, when that is taken back, and names the window that was open in it. It
waits until what is said counts: a rebuild's records are thrown away. May not happen: that it is lost. Scenario: 1. a snapshot;
2. a window closes, and all is committed; 3. a crash, and a start with other settings, in whose rebuild that window closes once
more, in silence. Behind the snapshot the first run may also have opened what is quiet in it; so where anything is replayed,
each signal that is given up gets its last word.

Delivery guarantees: last words are said in one transaction with whatever else the first commit has. What still waits is part of
the state, and who was given up is known from it: a state from behind the last words says them no more. After a crash before
such a state was saved they are said again, the same bytes with the same ids; who reads them twice has read nothing new.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from app.domain.detection.drift_config import DriftConfig
from app.domain.detection.episodes import OPEN
from app.domain.detection.panel import Panel
from app.domain.detection.statistics_records import Emission, Source, end_report
from app.domain.detection.watched import is_ignored
from app.domain.detection.windows import OpenWindow
from schemas.statistics import DetectorState, Signal

__all__ = ["LastWords"]


class LastWords:
    """See the module's text. Bounded by what the saved state watches."""

    def __init__(self) -> None:
        self._due: list[Emission] = []
        #: Of signals that are quiet in the saved state.
        self._if_replayed: list[Emission] = []

    def on(self, saved: dict[str, Any], source: Source, config: DriftConfig) -> None:
        """Find words for the signals of a saved panel, where these settings give them up."""
        panel = Panel(saved["role"], saved["version"], source, config)
        panel.row, panel.window = saved["row"], OpenWindow.load(saved["window"])
        for signal, state in _watched(saved):
            if reason := _reason(signal, saved, source, config):
                words = self._due if state in OPEN else self._if_replayed
                words.append(end_report(panel, signal, reason))

    def replay(self) -> None:
        """Be told that records are looked at which the first run has looked at too."""
        self._due += self._if_replayed
        self._if_replayed = []

    def take(self) -> list[Emission]:
        """What is to be said, now that it counts."""
        due, self._due, self._if_replayed = self._due, [], []
        return due

    def dump(self) -> list[Any]:
        """The state as plain data."""
        waiting: list[Any] = msgspec.to_builtins([self._due, self._if_replayed])
        return waiting

    @classmethod
    def load(cls, state: list[Any]) -> "LastWords":
        """Take the state back."""
        words = cls()
        words._due, words._if_replayed = msgspec.convert(state, list[list[Emission]])
        return words


def _watched(saved: dict[str, Any]) -> Iterator[tuple[Signal, DetectorState]]:
    """The signals that a panel watches, the schema among them, and their states."""
    for one in saved["watched"]:
        if not one["retired"]:
            yield Signal(one["kind"], one["name"]), one["episode"]["state"]
    if "schema" in saved:
        yield Signal("schema"), saved["schema"]["numbers"]["state"]


def _reason(signal: Signal, saved: dict[str, Any], source: Source, config: DriftConfig) -> str:
    """Why these settings give a signal of this panel up; empty where they do not."""
    if source.segment is not None and not source.segment.keys() <= set(config.segments):
        return "segment"
    if is_ignored(signal, config.ignored_features):
        return "ignored"
    return "interval" if saved.get("interval_ms", config.volume_interval_ms) != config.volume_interval_ms else ""
