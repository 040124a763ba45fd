"""The read model as it is shown, and as the REST API gives it: the types, and nothing else.

Times are integer milliseconds since the epoch, event time unless it says otherwise; alerts and triggers keep the RFC 3339
strings that they carry on their topics. The OpenAPI document is generated from these types.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.read_model.action_documents import Acknowledgement
from app.read_model.documents import BaselineSeen, Counts, HistoryPoint, LetterExample
from app.read_model.silence_views import Silence
from schemas.offsets import Window
from schemas.statistics import Coverage, DetectorState, Role, SignalKind
from schemas.trigger import RetrainTrigger, StatusName
from schemas.verdict import Verdict

__all__ = [
    "STATE_ORDER", "Alert", "Alerts", "DeadLetters", "Model", "Models", "Overview", "Pairing", "PartitionStatus", "Pipeline",
    "ShadowVerdict", "Signal", "Silences", "Stale", "Training", "Trigger", "Triggers", "Version",
]  # fmt: skip

#: From worst to best.
STATE_ORDER: tuple[DetectorState, ...] = ("drift", "warning", "warming", "quiet")


class Stale(Struct, frozen=True):
    """Since when (wall time) what is shown is not what is, and why; ``since`` is null where nothing was ever read."""

    since: int | None
    reason: str


class Version(Struct, frozen=True):
    """One version of a model, and until when statistics spoke of it; since when as legacy and as a shadow, null where never."""

    version: str
    role: Role
    last_seen: int
    legacy_since: int | None
    shadow_since: int | None


class Pairing(Struct, frozen=True, kw_only=True):
    """Requests by outcome, summed over the minutes from ``since`` to ``until``.

    ``read`` counts events; ``paired`` to ``solo`` count requests; ``late``, ``duplicate`` and ``rejected`` count events.
    ``match_rate`` is the share of the requests with an expected shadow that were paired completely; null without any.
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
    match_rate: float | None = None
    since: int | None = None
    until: int | None = None


class Signal(Struct, frozen=True, kw_only=True):
    """One signal as its detector saw it at the end of its newest window.

    ``signal`` is ``kind/name``; ``since`` is the end of the window in which ``state`` began. ``baselines`` are
    the last references it was compared with. Lists leave out ``statistics``, ``history`` and ``baselines``; the model by itself
    has them. ``statistics`` is empty and ``statistics_trimmed`` true where it was too large.
    """

    version: str
    role: Role
    signal: str
    kind: SignalKind
    name: str
    segment: dict[str, str] | None
    partition: int
    state: DetectorState
    since: int
    detector: str
    score: float
    threshold: float
    window: Window
    coverage: Coverage
    statistics_trimmed: bool
    statistics: dict[str, Any] | UnsetType = UNSET
    history: list[HistoryPoint] | UnsetType = UNSET
    baselines: list[BaselineSeen] | UnsetType = UNSET


class ShadowVerdict(Struct, frozen=True):
    """The newest verdict on one shadow version, and when it was given (RFC 3339, as its envelope says)."""

    time: str | None
    verdict: Verdict


class Model(Struct, frozen=True, kw_only=True):
    """One model. ``state`` is the worst of its signals, null before there is one."""

    name: str
    state: DetectorState | None
    versions: list[Version]
    pairing: Pairing
    signals: list[Signal]
    partitions: list[int]
    alerts_open: int = 0
    verdicts: list[ShadowVerdict] = []


class Alert(Struct, frozen=True, kw_only=True, rename="camel"):
    """One episode of an alert, as it stands on ``alerts``, and what people said of it.

    ``acknowledged`` is null where nobody has; ``silenced_by`` are the ids of the active silences that cover it.
    """

    fingerprint: str
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]
    starts_at: str
    ends_at: str | None
    generator_url: str = msgspec.field(name="generatorURL")
    evidence: dict[str, Any]
    evidence_trimmed: bool
    acknowledged: Acknowledgement | None = None
    silenced_by: list[str] = []


class Training(Struct, frozen=True, kw_only=True):
    """What a pipeline has said of a trigger, what was refused left out; ``started``: since when it says that it is running."""

    status: StatusName
    started: int | None
    ended: int | None
    new_version: str | None
    detail: str | None


class Trigger(Struct, frozen=True):
    """One retrain trigger, and when it was first sent (RFC 3339, event time); ``training`` is null before an answer counts."""

    time: str | None
    trigger: RetrainTrigger
    training: Training | None


class DeadLetters(Struct, frozen=True):
    """Dead letters by source topic and reason, and the newest of them."""

    total: int
    by_topic: dict[str, Counts]
    newest: list[LetterExample]


class PartitionStatus(Struct, frozen=True, kw_only=True):
    """How far one partition of the read model is. ``written_at`` is wall time in milliseconds."""

    partition: int
    written_at: int | None
    caught_up: bool
    records: Counts
    unreadable: Counts
    dropped: Counts


class Pipeline(Struct, frozen=True):
    """The stream itself: pairing over all models, dead letters, and the partitions of the read model."""

    pairing: Pairing
    dead_letters: DeadLetters
    partitions: list[PartitionStatus]


class Overview(Struct, frozen=True, kw_only=True):
    """All of it at one moment. ``as_of`` is the wall time of the last look into Redis that succeeded.

    ``letters`` are all dead letters that are kept one by one, with their values, the newest first.
    """

    revision: int
    as_of: int | None
    stale: Stale | None
    models: Mapping[str, Model]
    alerts: list[Alert]
    triggers: list[Trigger]
    pipeline: Pipeline
    letters: list[LetterExample] = []
    silences: list[Silence] = []


class Models(Struct, frozen=True, kw_only=True):
    """A page of models by name; ``next`` is the ``after`` of the page behind it."""

    as_of: int | None
    stale: Stale | None
    models: list[Model]
    next: str | None


class Alerts(Struct, frozen=True, kw_only=True):
    """Alerts, firing ones first, newest first; ``next`` is the ``after`` of the page behind it."""

    as_of: int | None
    stale: Stale | None
    alerts: list[Alert]
    next: str | None


class Triggers(Struct, frozen=True, kw_only=True):
    """Retrain triggers, newest first; ``next`` is the ``after`` of the page behind it."""

    as_of: int | None
    stale: Stale | None
    triggers: list[Trigger]
    next: str | None


class Silences(Struct, frozen=True, kw_only=True):
    """Silences, active ones first, then the newest; ``next`` is the ``after`` of the page behind it."""

    as_of: int | None
    stale: Stale | None
    silences: list[Silence]
    next: str | None
