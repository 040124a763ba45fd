"""What a retraining pipeline is told: one trigger, with everything in it that the decision rests on.

``data`` has ten top-level fields, so it fits the payload of GitHub's ``repository_dispatch`` as it is. The number of events
and the digest are filled in when the log has answered; whether the log still had all of the window stands in the evidence.
"""

import hashlib
from typing import Any, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from app.domain.decisions.evidence import scalars
from app.domain.decisions.retraining import CODES, Cause, trigger_id
from schemas.cloudevents import rfc3339
from schemas.offsets import OffsetRange
from schemas.statistics import DriftStatistics
from schemas.trigger import (
    Approval,
    Baseline,
    ReasonCode,
    RetrainTrigger,
    TriggerModel,
    TriggerPolicy,
    TriggerReason,
    TriggerWindow,
)

__all__ = ["PRIORITY", "Ground", "complete", "compose"]

#: Answers that users get come first; broken input is for people to look at before anybody trains on it.
PRIORITY: dict[ReasonCode, Literal["low", "normal", "high"]] = {
    "prediction_drift": "high",
    "performance_drop": "high",
    "concept_drift": "high",
    "data_drift": "normal",
    "data_quality": "low",
}


class Ground(NamedTuple):
    """The alert that a trigger follows from, the model as it runs, and where people look."""

    fingerprint: str
    summary: str
    starts: int
    served: str
    shadows: tuple[str, ...]
    dashboard: str
    runbook: str
    statistics_id: str


def compose(statistics: DriftStatistics, pairs: str, cause: Cause, ground: Ground, policy: TriggerPolicy) -> RetrainTrigger:
    """The trigger, ``events`` and ``digest`` still to come; ``pairs`` is the topic's full name."""
    code = CODES[statistics.signal.kind]
    id_ = trigger_id(statistics.model, code, ground.fingerprint, ground.starts)
    end = statistics.window.end
    stretch = OffsetRange(pairs, cause.partition, cause.start, cause.end)
    return RetrainTrigger(
        trigger_id=id_,
        model=TriggerModel(statistics.model, ground.served, ground.shadows),
        reason=TriggerReason(code, ground.summary, PRIORITY[code]),
        evidence=_evidence(statistics, cause, ground),
        window=TriggerWindow(min(cause.since, end), end, 0, [stretch], ""),
        baseline=_baseline(statistics),
        policy=policy,
        approval=Approval(),
        links={"dashboard": ground.dashboard, "runbook": ground.runbook, "alerts": [ground.fingerprint]},
        lineage=_lineage(id_, statistics, ground),
    )


def complete(trigger: RetrainTrigger, events: int, digest: str, *, whole: bool) -> RetrainTrigger:
    """The trigger with what the log said; not ``whole`` where retention has taken the window's beginning."""
    window = replace(trigger.window, events=events, digest=digest)
    return replace(trigger, window=window, evidence=trigger.evidence | {"window_complete": whole})


def _evidence(statistics: DriftStatistics, cause: Cause, ground: Ground) -> dict[str, Any]:
    effect = statistics.statistics.get("effect")
    return {
        "alert": ground.fingerprint,
        "signal": str(statistics.signal)[:256],
        "detector": msgspec.to_builtins(statistics.detector),  # as it comes back from a checkpoint
        "since": rfc3339(cause.since),
        "events_since_change": cause.events,
        "effect": scalars(effect) if isinstance(effect, dict) else {},
    }


def _baseline(statistics: DriftStatistics) -> Baseline:
    """What the statistics say that they were measured against; the warm-up where they do not say."""
    said = statistics.statistics.get("baseline")
    if isinstance(said, dict) and isinstance(said.get("id"), str) and isinstance(said.get("digest"), str):
        return Baseline(said["id"][:256], said["digest"][:256])
    return Baseline("warm-up", "")


def _lineage(id_: str, statistics: DriftStatistics, ground: Ground) -> dict[str, Any]:
    """Run and job as OpenLineage names them; the run's id is a function of the trigger's."""
    run = UUID(bytes=hashlib.sha256(id_.encode()).digest()[:16], version=5)
    return {
        "job": {"namespace": "gnomon", "name": "decide"},
        "run": {"runId": str(run)},
        "statistics": ground.statistics_id[:512],
        "configuration": statistics.configuration,
    }
