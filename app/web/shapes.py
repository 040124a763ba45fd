"""What the API gives that is no view of the read model by itself: the types, and nothing else.

``as_of`` is the first field of each, since the tag of an answer leaves it out (``app.web.given``). The OpenAPI document is
generated from these types.
"""

from typing import Any, Literal

from msgspec import Struct

from app.read_model.documents import Counts
from app.read_model.views import DeadLetters, Pairing, PartitionStatus, Signal, Stale, Version
from schemas.offsets import OffsetRange, Window
from schemas.statistics import DetectorState, Role

__all__ = [
    "Confusion", "DeadLettersAnswer", "Distribution", "Equation", "Histogram", "Histograms", "Letter", "LetterCount",
    "LetterValue",
    "PairsAnswer", "PipelineAnswer", "Process", "RoleLag", "RolePartition", "SampledPair", "ShadowSample", "Signals", "Versions",
]  # fmt: skip


class Signals(Struct, frozen=True, kw_only=True):
    """Signals of one model by name, version, segment and partition, without their statistics and history."""

    as_of: int | None
    stale: Stale | None
    model: str
    signals: list[Signal]
    next: str | None


class Versions(Struct, frozen=True, kw_only=True):
    """The versions of one model, legacy ones first."""

    as_of: int | None
    stale: Stale | None
    model: str
    versions: list[Version]
    next: str | None


class Distribution(Struct, frozen=True, kw_only=True):
    """How values fall into the classes. ``counts`` of a reference are its shares times its values, and so no whole numbers."""

    values: float | None
    counts: list[float]
    shares: list[float] | None


class Histogram(Struct, frozen=True, kw_only=True):
    """One signal in its newest window beside its reference.

    ``edges`` are the inner ends of the classes of a number, a value belongs below the end that it equals; ``labels`` name the
    classes of anything else. There is one class more than ``edges``. Both are null, and ``reason`` says why, where there is no
    distribution. The distances are null where the statistics have none; ``wasserstein`` and what else is measured since a change
    is that of the alarm, in the signal's unit.
    """

    signal: str
    version: str
    role: Role
    segment: dict[str, str] | None
    partition: int
    state: DetectorState
    window: Window
    reason: str | None
    edges: list[float] | None = None
    labels: list[str] | None = None
    current: Distribution | None = None
    reference: Distribution | None = None
    psi: float | None = None
    psi_99_without_drift: float | None = None
    jensen_shannon: float | None = None
    ks: float | None = None
    wasserstein: float | None = None


class Histograms(Struct, frozen=True, kw_only=True):
    """One signal of a model, in each version, segment and partition that was asked for."""

    as_of: int | None
    stale: Stale | None
    model: str
    histograms: list[Histogram]
    next: str | None


class LetterCount(Struct, frozen=True, kw_only=True):
    """Dead letters of one source topic and reason, what the reason means, and how the producer is mended."""

    topic: str
    reason: str
    count: int
    meaning: str
    mend: str


class LetterValue(Struct, frozen=True, kw_only=True):
    """The first bytes of a dead letter's value, and as text where they are UTF-8. ``bytes`` is the length of the whole."""

    base64: str
    text: str | None
    bytes: int
    cut: bool


class Letter(Struct, frozen=True, kw_only=True):
    """One dead letter. ``value`` is null where it had none, or where it was read by a release that kept none."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int | None
    value: LetterValue | None


class DeadLettersAnswer(Struct, frozen=True, kw_only=True):
    """Dead letters: ``counts`` of all there were, ``examples`` the newest that are kept, of each reason some."""

    as_of: int | None
    stale: Stale | None
    total: int
    counts: list[LetterCount]
    examples: list[Letter]
    next: str | None


class RolePartition(Struct, frozen=True, kw_only=True):
    """One partition of a role on the process that answers. ``lag`` is null until a broker has said where the log ends."""

    partition: int
    lag: int | None
    read: int
    read_per_s: float | None


class RoleLag(Struct, frozen=True, kw_only=True):
    """One role on the process that answers: its partitions there, none of any other worker."""

    role: str
    state: str
    reason: str
    partitions: list[RolePartition]


class Equation(Struct, frozen=True, kw_only=True):
    """What became of the prediction events that the partitions of this process have read: ``holds`` where nothing is missing."""

    read: int
    in_records: int
    waiting: int
    duplicate: int
    late: int
    rejected: int
    holds: bool


class Process(Struct, frozen=True, kw_only=True):
    """The process that answers, which knows of its own partitions alone. Rates are over ``rate_over_s``, null at first."""

    host: str
    pid: int
    rate_over_s: float | None
    roles: list[RoleLag]
    equation: Equation | None


class PipelineAnswer(Struct, frozen=True, kw_only=True):
    """The stream itself: what the read model knows of all workers, and what this process knows of itself."""

    as_of: int | None
    stale: Stale | None
    pairing: Pairing
    dead_letters: DeadLetters
    partitions: list[PartitionStatus]
    process: Process


class Confusion(Struct, frozen=True, kw_only=True):
    """How often which class of legacy met which of the shadow: ``counts[i][j]`` is legacy ``labels[i]``, shadow ``labels[j]``."""

    labels: list[str]
    counts: list[list[int]]


class ShadowSample(Struct, frozen=True, kw_only=True):
    """What was sampled of one shadow. ``confusion`` is null where the answers are no classes."""

    version: str
    compared: int
    disagreeing: int
    confusion: Confusion | None


class SampledPair(Struct, frozen=True, kw_only=True):
    """One shadow's answer beside legacy's. ``disagreement`` is |difference|, and 1 for classes that differ."""

    request_id: str
    timestamp: int
    partition: int
    offset: int
    legacy_version: str
    shadow_version: str
    legacy: Any
    shadow: Any
    difference: float | None
    agrees: bool | None
    disagreement: float
    features: dict[str, Any] | None
    segments: dict[str, Any] | None


class PairsAnswer(Struct, frozen=True, kw_only=True):
    """A sample of the newest pairs.

    ``sampled`` counts the model's records in ``offsets``; ``cut_short`` says why not all of them were read.
    """

    as_of: int
    model: str
    order: Literal["disagreement"]
    sampled: int
    by_status: Counts
    malformed: int
    offsets: list[OffsetRange]
    cut_short: str | None
    shadows: list[ShadowSample]
    shadows_left_out: int
    pairs: list[SampledPair]
