"""What retraining pipelines act on, what they answer, and what the registry says of a model version."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.offsets import OffsetRange

__all__ = [
    "Approval", "Baseline", "ModelManifest", "ReasonCode", "RetrainStatus", "RetrainTrigger", "StatusName",
    "TriggerModel", "TriggerPolicy", "TriggerReason", "TriggerWindow",
]  # fmt: skip

ReasonCode = Literal[
    "data_drift", "prediction_drift", "concept_drift", "performance_drop", "data_quality", "staleness", "schedule", "manual"
]
StatusName = Literal["accepted", "running", "succeeded", "failed", "rejected"]


class TriggerModel(Struct, frozen=True, gc=False):
    """The served model, and the shadows that ran beside it."""

    name: str
    version: str
    shadow_versions: tuple[str, ...] = ()


class TriggerReason(Struct, frozen=True, gc=False):
    """Why: a code for machines, a sentence for people."""

    code: ReasonCode
    detail: str
    priority: Literal["low", "normal", "high"] = "normal"


class TriggerWindow(Struct, frozen=True, gc=False):
    """The data to train on: the stretch of ``pairs`` from the estimated change to the detection.

    ``start`` and ``end`` are event times (milliseconds), ``offsets`` half-open, ``events`` the model's records in them;
    ``digest`` is the SHA-256 of their ``ce_id``s, joined by newlines, in order of partition and offset.
    """

    start: int
    end: int
    events: int
    offsets: list[OffsetRange]
    digest: str


class Baseline(Struct, frozen=True, gc=False):
    """What the drift was measured against."""

    id: str
    digest: str


class TriggerPolicy(Struct, frozen=True, gc=False):
    """When the next trigger may come (RFC 3339), and how many were held back since the last one."""

    cooldown_s: int
    next_eligible: str
    suppressed_since_last: int


class Approval(Struct, frozen=True, gc=False):
    """Whether somebody has to say yes first; who said what, why and when (RFC 3339), once somebody did."""

    required: bool = False
    state: Literal["not_required", "pending", "approved", "rejected", "expired"] = "not_required"
    by: str | UnsetType = UNSET
    why: str | UnsetType = UNSET
    at: str | UnsetType = UNSET


class RetrainTrigger(Struct, frozen=True, kw_only=True, gc=False):
    """One trigger for one cause. At most ten top-level fields, so that it fits ``client_payload`` of GitHub as it is."""

    trigger_id: str
    model: TriggerModel
    reason: TriggerReason
    evidence: dict[str, Any]
    window: TriggerWindow
    baseline: Baseline
    policy: TriggerPolicy
    approval: Approval
    links: dict[str, Any]
    lineage: dict[str, Any]


class RetrainStatus(Struct, frozen=True, kw_only=True, gc=False):
    """What became of a trigger, told by the pipeline that acted on it."""

    trigger_id: str
    model: str
    status: StatusName
    timestamp: int
    new_version: str | None = None
    detail: str | None = None


class ModelManifest(Struct, frozen=True, kw_only=True, gc=False):
    """One version in the registry. Its further fields come with the registry."""

    model: str
    version: str
    role: Literal["legacy", "shadow", "retired"]
    owner: str | None = None
