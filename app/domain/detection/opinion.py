"""Opinions beside the scan's: what other detectors make of a signal. They stand in the evidence and never decide.

``adwin`` is ``river.drift.ADWIN`` as it is (delta 0.002, clock 32) on a number's residual score, through the engine inside it:
the wrapper costs 0.22 us a value, the engine 0.05, and the engine's state is plain bytes, so that no pickle is read. A test
holds that both see the same. Any other is made from its entry in the configuration (``detector_specs``).

Delivery guarantees: the state is saved with the version of whoever wrote the detector. Under another version its bytes are not
read: the opinion starts anew and ``since`` says at which value, which is evidence, not a decision.
"""

from collections.abc import Sequence
from operator import length_hint
from typing import Any

import river
from river._river_rust.drift import AdaptiveWindowing

from app.domain.detection.detector_pickles import dumped, loaded, version_of
from app.domain.detection.detector_specs import Detector, DetectorSpec, spec_of
from schemas.statistics import Signal

__all__ = ["ADWIN", "Opinion", "OtherOpinion", "opinions_on", "restored"]

ADWIN = "adwin"
#: delta, clock, max_buckets, min_window_length, grace_period: River's defaults.
_SETTINGS = (0.002, 32, 5, 5, 10)
#: How many of the changes that a detector saw are told.
_CUTS = 8


class Opinion:
    """ADWIN over the values of one signal.

    >>> opinion = Opinion()
    >>> opinion.take([0.0] * 500 + [1.0] * 500)
    >>> opinion.cuts
    [512]
    """

    on_values = False

    def __init__(self) -> None:
        self._engine = AdaptiveWindowing(*_SETTINGS)
        self.values = 0
        #: At how many values it last saw a change; the newest eight.
        self.cuts: list[int] = []
        self.since = 0

    def take(self, values: Sequence[float]) -> None:
        """Take the next values; after a cut it starts anew, as River's own detector does."""
        rest = iter(values)
        while any(map(self._engine.update, rest)):
            cut = self.values + len(values) - length_hint(rest)
            self.cuts = [*self.cuts[1 - _CUTS :], cut]
            self._engine = AdaptiveWindowing(*_SETTINGS)
        self.values += len(values)

    def as_evidence(self) -> dict[str, Any]:
        """What it thinks: the mean of its window, how long it is, and how many values ago it last cut."""
        width = int(self._engine.get_width())
        return {
            "detector": "river.drift.ADWIN",
            "window": width,
            "mean": self._engine.get_total() / width if width else 0.0,
            "cuts": [self.values - cut for cut in self.cuts],
        }

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"detector": ADWIN, "version": river.__version__, "engine": self._engine.__getstate__(), "values": self.values,
                "cuts": self.cuts, "since": self.since}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "Opinion":
        """Take the state back, as far as the same River wrote it."""
        opinion = cls()
        opinion.values, opinion.cuts, opinion.since = state["values"], state["cuts"], state["since"]
        if state["version"] == river.__version__:
            opinion._engine.__setstate__(state["engine"])
        else:
            opinion.since = opinion.values
        return opinion


class OtherOpinion:
    """A detector from the configuration over the values of one signal."""

    def __init__(self, spec: DetectorSpec) -> None:
        self._spec, self.on_values = spec, spec.on_values
        self._detector: Detector = spec.make()
        self.values = self.since = 0
        self.cuts: list[int] = []

    def take(self, values: Sequence[float]) -> None:
        """Take the next values; after a change it is made anew."""
        detector = self._detector
        for number, value in enumerate(values, self.values + 1):
            detector.update(value)
            if detector.drift_detected:
                self.cuts = [*self.cuts[1 - _CUTS :], number]
                detector = self._detector = self._spec.make()
        self.values += len(values)

    def as_evidence(self) -> dict[str, Any]:
        """How many values ago it last saw a change."""
        return {"detector": self._spec.text, "cuts": [self.values - cut for cut in self.cuts]}

    def dump(self) -> dict[str, Any]:
        """The state as plain data."""
        return {"detector": self._spec.text, "version": version_of(self._detector), "engine": dumped(self._detector),
                "values": self.values, "cuts": self.cuts, "since": self.since}  # fmt: skip

    @classmethod
    def load(cls, state: dict[str, Any]) -> "OtherOpinion":
        """Take the state back, as far as the same version wrote it."""
        opinion = cls(spec_of(state["detector"]))
        opinion.values, opinion.cuts, opinion.since = state["values"], state["cuts"], state["since"]
        if state["version"] == version_of(opinion._detector):
            opinion._detector = loaded(state["engine"], type(opinion._detector))
        else:
            opinion.since = opinion.values
        return opinion


def opinions_on(signal: Signal, detectors: Sequence[str], *, boolean: bool) -> list[Opinion | OtherOpinion]:
    """Those that are asked about a signal, begun; the scan is none of them."""
    opinions: list[Opinion | OtherOpinion] = []
    for text in detectors:
        if text == ADWIN and not boolean:
            opinions.append(Opinion())
        elif text not in {ADWIN, "scan"} and (spec := spec_of(text)).sees(signal, boolean=boolean):
            opinions.append(OtherOpinion(spec))
    return opinions


def restored(state: dict[str, Any]) -> Opinion | OtherOpinion:
    """An opinion from its saved state."""
    return Opinion.load(state) if state["detector"] == ADWIN else OtherOpinion.load(state)
