"""What every detector beside the scan has to keep, River's and anybody's own: one suite, by a name of the configuration.

Two streams are enough: one without a change, one that changes at its ten thousandth value by three standard deviations (a
boolean: from one in ten to one in two). How noisy a detector is on the first is told and hardly judged, since it decides nothing.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from app.domain.detection.detector_specs import DetectorSpec, spec_of
from app.domain.detection.opinion import OtherOpinion
from app.domain.detection.state_codec import decode_state, encode_state

__all__ = ["Verdict", "check_detector"]

_QUIET, _LATER = 10_000, 5_000
_MOST_BYTES = 1 << 20
#: For 10,000 values: more says nothing at all.
_MOST_ALARMS = 1_000.0


class Verdict(NamedTuple):
    """One rule: whether it is kept, and what was seen."""

    rule: str
    kept: bool
    seen: str


def check_detector(text: str) -> Iterator[Verdict]:
    """Each rule; ``ValueError`` where the text makes no detector."""
    spec = spec_of(text)
    quiet, changing = _streams(spec)
    yield _on_quiet(spec, quiet)
    yield _on_change(spec, changing)
    whole = _said(spec, [changing])
    yield Verdict("the same again", _said(spec, [changing]) == whole, "the same values, fed a second time")
    cuts = [changing[begin : begin + 997] for begin in range(0, len(changing), 997)]
    yield Verdict("cuts do not matter", _said(spec, cuts) == whole, "fed in pieces of 997 values")
    yield Verdict("save and restore", _said(spec, cuts, restart=True) == whole, "saved and restored after each of them")
    yield _on_size(spec, quiet)


def _streams(spec: DetectorSpec) -> tuple[list[float], list[float]]:
    rng, rows = np.random.default_rng(1), _QUIET + _LATER
    later = np.arange(rows) >= _QUIET
    if spec.path.startswith("river.drift.binary.") or spec.signals in {"disagreement", "missing", "match_rate"}:
        draws = rng.random((2, rows))
        return (draws[0] < 0.1).astype(int).tolist(), (draws[1] < np.where(later, 0.5, 0.1)).astype(int).tolist()
    noise = rng.normal(size=(2, rows))
    return noise[0].tolist(), (noise[1] + np.where(later, 3.0, 0.0)).tolist()


class _Counting(OtherOpinion):
    """An opinion that keeps all its changes."""

    def __init__(self, spec: DetectorSpec) -> None:
        super().__init__(spec)
        self.all: list[int] = []

    def take(self, values: Sequence[float]) -> None:
        """One by one, so that none of them is forgotten."""
        for value in values:
            before = len(self.cuts), self.cuts[-1:]
            super().take([value])
            if (len(self.cuts), self.cuts[-1:]) != before:
                self.all.append(self.values)


def _on_quiet(spec: DetectorSpec, values: Sequence[float]) -> Verdict:
    opinion = _Counting(spec)
    opinion.take(values)
    rate = 1e4 * len(opinion.all) / len(values)
    return Verdict("a quiet stream", rate < _MOST_ALARMS, f"{rate:.1f} alarms for 10,000 values without a change")


def _on_change(spec: DetectorSpec, values: Sequence[float]) -> Verdict:
    opinion = _Counting(spec)
    opinion.take(values)
    found = [number for number in opinion.all if number > _QUIET]
    seen = f"after {found[0] - _QUIET:,} values" if found else f"not within {_LATER:,} values"
    return Verdict("a known change is found", bool(found), seen)


def _said(spec: DetectorSpec, pieces: Sequence[Sequence[float]], *, restart: bool = False) -> tuple[list[int], int]:
    opinion = OtherOpinion(spec)
    for values in pieces:
        opinion.take(values)
        if restart:
            opinion = OtherOpinion.load(decode_state(encode_state(opinion.dump())))
    return opinion.cuts, opinion.values - opinion.since


def _on_size(spec: DetectorSpec, values: Sequence[float]) -> Verdict:
    sizes = []
    opinion = OtherOpinion(spec)
    for begin in range(0, len(values), 5_000):
        opinion.take(values[begin : begin + 5_000])
        sizes.append(len(encode_state(opinion.dump())))
    kept = sizes[-1] < min(_MOST_BYTES, 2 * sizes[0])
    return Verdict(
        "its memory is bounded", kept, f"{sizes[0]:,} bytes saved after 5,000 values, {sizes[-1]:,} after {len(values):,}"
    )
