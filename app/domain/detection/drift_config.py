"""What the detect role may be told about one model, and the digest under which its figures can be compared.

Every field changes figures, so every field is in ``digest``: two runs whose digests are equal, over the same log, write the
same statistics to the last bit.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

import msgspec

from app.domain.detection.detector_specs import spec_of
from app.domain.ranges import Range, outside

__all__ = ["ALGORITHM", "DETECTORS", "DriftConfig"]

#: Changes with every change of a formula: figures from two algorithms are not comparable.
ALGORITHM = "scan/8"
#: ``scan`` decides; ``adwin`` (River's) and whatever else is named is asked beside it and stands in the evidence, it never
#: decides.
DETECTORS = ("scan", "adwin")
#: Beside the scan.
_MOST_OPINIONS = 8
_WEEK_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class DriftConfig:
    """The table ``[models.NAME.drift]``.

    >>> DriftConfig(warm_up=10)
    Traceback (most recent call last):
    ValueError: drift.warm_up is 10: allowed is 1,000 to 100,000 values (a smaller reference makes false alarms)
    """

    RANGES: ClassVar[Mapping[str, Range]] = {
        "warm_up": Range(1_000, 100_000, "values", "a smaller reference makes false alarms"),
        "warm_up_ms": Range(0, 366 * 86_400_000, "milliseconds"),
        "values_between_false_alarms": Range(1e3, 1e15, "values"),
        "false_alarms_per_week": Range(0, 1_000, "alarms"),
        "least_effect": Range(0, 10, "standard deviations"),
        "window_events": Range(1, 100_000, "events"),
        "window_ms": Range(0, 86_400_000, "milliseconds"),
        "window_events_most": Range(1, 100_000, "events"),
        "features": Range(1, 2_048, "features"),
        "categories": Range(1, 255, "categories"),
        "versions": Range(1, 64, "versions"),
        "segment_values": Range(1, 64, "values"),
        "volume_interval_ms": Range(1_000, 3_600_000, "milliseconds"),
        "volume_warm_up": Range(1_000, 100_000, "intervals", "a smaller reference makes false alarms"),
        "volume_lateness_ms": Range(0, 3_600_000, "milliseconds"),
        "label_delay_ms": Range(1_000, 366 * 86_400_000, "milliseconds"),
        "label_pairs": Range(1_000, 1_000_000, "pairs"),
    }

    #: Values of a signal that make its reference, at least; until then it is ``warming`` and cannot alarm.
    warm_up: int = 5_000
    #: Event time that it spans at least; of more than 100,000 values a part is kept. Traffic with days needs two weeks here:
    #: what the reference has not seen, a weekend, is drift.
    warm_up_ms: int = 0
    #: What signals are compared with from their first value on, in place of a warm-up: what `gnomon baseline create` wrote, or
    #: the id of what was pinned. What it lacks warms up. Not for `[models.default]`: a baseline is one model's.
    baseline: Annotated[str, msgspec.Meta(extra={"allowed": "a file, or `sha256:` and 64 hexadecimal digits"})] = ""
    #: Mean number of values of one signal between two false alarms: 30 signals and 1,000,000 pairs a day at the default make
    #: one in a month. Each factor of ten costs about 2.3 / KL values of delay, a ninth at the default.
    values_between_false_alarms: float = 1e9
    #: Mean number of false alarms of a whole model in a week, by its traffic in the warm-up: half of them for the inputs, half
    #: for the answers, how they match, and outcomes, divided over the signals. 0: each has ``values_between_false_alarms``.
    false_alarms_per_week: float = 0.0
    #: An alarm whose effect is smaller is a ``warning``: standard deviations for numbers, Cohen's h for shares.
    least_effect: float = 0.05
    #: A window of figures closes with at least so many events ...
    window_events: int = 100
    #: ... once it spans so much event time ...
    window_ms: int = 60_000
    #: ... or at so many events whatever the time.
    window_events_most: int = 2_000
    #: Features, and labels of class probabilities, that are watched; what comes beyond is counted, not watched.
    features: int = 256
    #: Features that are not watched: a calendar's, whose every Monday is a change.
    ignored_features: tuple[str, ...] = ()
    #: Categories of one feature, or classes, that have a share of their own; the rest is one more, ``other``.
    categories: int = 31
    #: Legacy versions, and shadow versions, that are watched at a time.
    versions: int = 8
    #: Segments whose values are watched for themselves, beside the model as a whole: ``["channel"]``. Each costs as much again.
    segments: tuple[str, ...] = ()
    #: Values of one segment that are watched, the first that come.
    segment_values: int = 8
    #: Event time over which the requests of a model are counted: its volume ...
    volume_interval_ms: int = 60_000
    #: ... of which so many intervals make the reference: two weeks of minutes, since traffic has days and weeks ...
    volume_warm_up: int = 20_160
    #: ... and which are closed so long after their end.
    volume_lateness_ms: int = 120_000
    #: Event time for which a pair waits for its outcome; what comes later is not counted, so it has to be longer than outcomes
    #: take, the slowest kind of them included.
    label_delay_ms: Annotated[int, msgspec.Meta(extra={"bold": True})] = 3_600_000
    #: Pairs of one model on one partition that wait for their outcome at a time, half a kilobyte each; of more, one in two waits,
    #: or one in four, and so on.
    label_pairs: Annotated[int, msgspec.Meta(extra={"bold": True})] = 20_000
    #: Which detectors run: ``scan``, without which nothing could alarm; ``adwin``, and any other of River's or your own, whose
    #: opinion stands in the evidence.
    detectors: Annotated[
        tuple[str, ...],
        msgspec.Meta(extra={"allowed": "a list of scan, adwin, and others such as river.drift.PageHinkley(threshold=30)"}),
    ] = DETECTORS

    def __post_init__(self) -> None:
        """Refuse what cannot work, all faults at once."""
        if faults := self._faults():
            raise ValueError("; ".join(faults))

    def _faults(self) -> list[str]:
        faults = list(outside("drift", self, self.RANGES))
        if self.window_events > self.window_events_most:
            faults.append(
                f"drift.window_events is {self.window_events:,}, more than drift.window_events_most "
                f"({self.window_events_most:,}): no window could close by time"
            )
        for text in self.detectors:
            if text not in DETECTORS:
                try:
                    spec_of(text)
                except ValueError as error:
                    faults.append(f"drift.detectors: {error}")
        if len(self.detectors) > 1 + _MOST_OPINIONS or len(set(self.detectors)) < len(self.detectors):
            faults.append(f"drift.detectors has {len(self.detectors)} entries: allowed are {1 + _MOST_OPINIONS}, each once")
        if len(set(self.segments)) < len(self.segments):
            faults.append(f"drift.segments has {len(self.segments)} entries: allowed is each once")
        if "scan" not in self.detectors:
            faults.append("drift.detectors lacks 'scan': it alone decides, nothing could ever alarm without it")
        return faults

    def granted(self, values: int, span_ms: int, part: float) -> float:
        """How many values of a signal are to pass between two false alarms, if it has this part of the model's budget.

        >>> DriftConfig(false_alarms_per_week=0.5).granted(values=5_000, span_ms=86_400_000, part=0.01)
        7000000.0
        """
        if self.false_alarms_per_week == 0 or span_ms <= 0:
            return self.values_between_false_alarms
        allowed = self.RANGES["values_between_false_alarms"]
        a_week = values * _WEEK_MS / span_ms
        return min(max(a_week / (self.false_alarms_per_week * part), allowed.least), allowed.most)

    @property
    def digest(self) -> str:
        """The digest of every setting that the figures depend on."""
        settings = msgspec.json.encode({"algorithm": ALGORITHM, **asdict(self)}, order="sorted")
        return f"sha256:{hashlib.sha256(settings).hexdigest()}"
