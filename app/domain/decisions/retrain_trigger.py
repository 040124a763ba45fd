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
from app.domain.decisions.retraining import CODES, Cause, Part
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

__all__ = ["PRIORITY", "Ground", "Request", "answered", "complete", "compose", "compose_request", "trigger_id"]

#: Answers that users get come first; broken input is for people to look at before anybody trains on it.
PRIORITY: dict[ReasonCode, Literal["low", "normal", "high"]] = {
    "prediction_drift": "high",
    "performance_drop": "high",
    "concept_drift": "high",
    "data_drift": "normal",
    "data_quality": "low",
    "manual": "high",
    "schedule": "low",
    "staleness": "low",
}


class Ground(NamedTuple):
    """The alert that a trigger follows from, the model as it runs, and where people look.

    ``told``: the fingerprint of the alert that people were told: its own, or that which holds it back; empty for none.
    """

    fingerprint: str
    told: str
    summary: str
    starts: int
    served: str
    shadows: tuple[str, ...]
    dashboard: str
    runbook: str
    statistics_id: str
    approval: Approval = Approval()


class Request(NamedTuple):
    """A trigger without a drift: which model as it runs, why, by whose word, what makes its id, and where people look.

    ``mark`` is the id of an action, or empty; ``at`` the event time of the decision.
    """

    model: TriggerModel
    code: ReasonCode
    detail: str
    mark: str
    at: int
    dashboard: str
    approval: Approval = Approval()


def compose(
    statistics: DriftStatistics, pairs: str, cause: Cause, part: Part, ground: Ground, policy: TriggerPolicy
) -> RetrainTrigger:
    """The trigger, ``events`` and ``digest`` still to come; ``pairs`` is the topic's full name."""
    code = CODES[statistics.signal.kind]
    id_ = trigger_id(statistics.model, code, ground.fingerprint, ground.starts, cause.attempts)
    end = statistics.window.end
    stretch = OffsetRange(pairs, cause.partition, part.start, cause.end)
    return RetrainTrigger(
        trigger_id=id_,
        model=TriggerModel(statistics.model, ground.served, ground.shadows),
        reason=TriggerReason(code, ground.summary, PRIORITY[code]),
        evidence=_evidence(statistics, cause, ground),
        window=TriggerWindow(min(part.since, end), end, 0, [stretch], ""),
        baseline=_baseline(statistics),
        policy=policy,
        approval=ground.approval,
        links={"dashboard": ground.dashboard, "runbook": ground.runbook, "alerts": [ground.told] if ground.told else []},
        lineage=_lineage(id_) | {"statistics": ground.statistics_id[:512], "configuration": statistics.configuration},
    )


def compose_request(pairs: str, fresh: Cause, request: Request, policy: TriggerPolicy) -> RetrainTrigger:
    """The trigger for what no drift asks for: its window is what came since the last one."""
    id_ = trigger_id(request.model.name, request.code, request.mark, 0 if request.mark else request.at)
    stretch = OffsetRange(pairs, fresh.partition, fresh.start, fresh.end)
    return RetrainTrigger(
        trigger_id=id_,
        model=request.model,
        reason=TriggerReason(request.code, request.detail, PRIORITY[request.code]),
        evidence={},
        window=TriggerWindow(min(fresh.since, request.at), request.at, 0, [stretch], ""),
        baseline=Baseline("none", ""),
        policy=policy,
        approval=request.approval,
        links={"dashboard": request.dashboard, "alerts": []},
        lineage=_lineage(id_) | ({"action": request.mark} if request.mark else {}),
    )


def answered(trigger: RetrainTrigger, state: Literal["approved", "rejected", "expired"], at: int, **said: str) -> RetrainTrigger:
    """The trigger as it is written again once its approval is decided: ``by`` whom and ``why``, unless time alone decided."""
    return replace(trigger, approval=replace(trigger.approval, state=state, at=rfc3339(at), **said))


def trigger_id(model: str, code: ReasonCode, mark: str, starts: int, attempts: int = 0) -> str:
    """The id of the trigger for one cause; ``mark`` is the alert's fingerprint, or the id of the action that asks for it."""
    again = f"\n{attempts}" if attempts else ""
    return "rt-" + hashlib.sha256(f"{model}\n{code}\n{mark}\n{starts}{again}".encode()).hexdigest()[:16]


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


def _lineage(id_: str) -> dict[str, Any]:
    """Run and job as OpenLineage names them; the run's id is a function of the trigger's."""
    run = UUID(bytes=hashlib.sha256(id_.encode()).digest()[:16], version=5)
    return {"job": {"namespace": "gnomon", "name": "decide"}, "run": {"runId": str(run)}}
