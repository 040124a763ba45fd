"""What changed from one revision of the read model to a later one, and the frames that tell it. Pure.

``Changes`` remembers by name what changed, and no views: a frame is made from what holds now, so it is right whatever was left
out before it. Models are whole; of alerts, triggers, partitions and the rest of the pipeline there is what changed.

*Bounds.* ``REVISIONS`` revisions, ``_NAMES`` names over all of them: who has seen none of them gets a snapshot.
"""

from collections import deque
from collections.abc import Collection
from typing import Any, NamedTuple

from app.read_model.views import Alert, Overview
from app.web.briefs import Briefs

__all__ = ["REVISIONS", "Changes", "Step", "body_of"]

REVISIONS = 64
_NAMES = 20_000
_PARTS = ("pairing", "dead_letters")


class Step(NamedTuple):
    """What is not as it was: names of models, episodes of alerts, ids of triggers, parts of the pipeline and partitions."""

    models: frozenset[str]
    alerts: frozenset[tuple[str, str]]
    triggers: frozenset[str]
    pipeline: frozenset[str]
    partitions: frozenset[int]

    @property
    def names(self) -> int:
        """How many there are."""
        return len(self.models) + len(self.alerts) + len(self.triggers)


NOTHING = Step(frozenset(), frozenset(), frozenset(), frozenset(), frozenset())


class Changes:
    """``note`` each revision; ``since`` says what changed after one of them."""

    def __init__(self) -> None:
        self._seen: Overview | None = None
        self._steps: deque[tuple[int, Step]] = deque()
        self._names = 0

    def note(self, seen: Overview) -> bool:
        """Whether this is another revision than the one before, or the first."""
        before, self._seen = self._seen, seen
        if before is None:
            return True
        if before.revision == seen.revision:
            return False
        step = _step(before, seen)
        self._steps.append((before.revision, step))
        self._names += step.names
        while len(self._steps) > REVISIONS or self._names > _NAMES:
            self._names -= self._steps.popleft()[1].names
        return True

    def since(self, revision: int) -> Step | None:
        """What changed after a revision; None for one that is not known, or no more."""
        if self._seen is not None and revision == self._seen.revision:
            return NOTHING
        steps = list(self._steps)
        at = next((at for at, (before, _) in enumerate(steps) if before == revision), None)
        if at is None:
            return None
        parts = zip(*(step for _, step in steps[at:]), strict=True)
        return Step(*(frozenset().union(*part) for part in parts))


def body_of(seen: Overview, step: Step | None, briefs: Briefs) -> dict[str, Any]:
    """All there is for None, else what a step names, as it is now."""
    if step is None:
        return {
            "models": briefs.of(seen.models, seen.models),
            "removed": [],
            "alerts": seen.alerts,
            "triggers": seen.triggers,
            "pipeline": seen.pipeline,
        }
    body: dict[str, Any] = {
        "models": briefs.of(seen.models, sorted(step.models & seen.models.keys())),
        "removed": sorted(step.models - seen.models.keys()),
    }
    if step.alerts:
        alerts = {_episode(alert): alert for alert in seen.alerts if _episode(alert) in step.alerts}
        gone = sorted(step.alerts - alerts.keys())
        body["alerts"] = list(alerts.values())
        body["alerts_removed"] = [{"fingerprint": fingerprint, "startsAt": starts_at} for fingerprint, starts_at in gone]
    if step.triggers:
        triggers = {each.trigger.trigger_id: each for each in seen.triggers if each.trigger.trigger_id in step.triggers}
        body["triggers"] = list(triggers.values())
        body["triggers_removed"] = sorted(step.triggers - triggers.keys())
    pipeline: dict[str, Any] = {name: getattr(seen.pipeline, name) for name in _PARTS if name in step.pipeline}
    if step.partitions:
        pipeline["partitions"] = [each for each in seen.pipeline.partitions if each.partition in step.partitions]
    return body | ({"pipeline": pipeline} if pipeline else {})


def _step(before: Overview, seen: Overview) -> Step:
    """Views that did not change are the same objects: only where they are not is anything compared."""
    models = {name for name, model in seen.models.items() if before.models.get(name) is not model}
    models |= before.models.keys() - seen.models.keys()
    alerts: Collection[tuple[str, str]] = ()
    if before.alerts is not seen.alerts:
        alerts = _differing({_episode(each): each for each in before.alerts}, {_episode(each): each for each in seen.alerts})
    triggers: Collection[str] = ()
    if before.triggers is not seen.triggers:
        then = {each.trigger.trigger_id: each for each in before.triggers}
        triggers = _differing(then, {each.trigger.trigger_id: each for each in seen.triggers})
    parts = frozenset(name for name in _PARTS if getattr(before.pipeline, name) != getattr(seen.pipeline, name))
    then_partitions = {each.partition: each for each in before.pipeline.partitions}
    partitions = _differing(then_partitions, {each.partition: each for each in seen.pipeline.partitions})
    return Step(frozenset(models), frozenset(alerts), frozenset(triggers), parts, frozenset(partitions))


def _differing(then: dict[Any, Any], now: dict[Any, Any]) -> set[Any]:
    return {name for name in then.keys() | now.keys() if name not in then or name not in now or then[name] != now[name]}


def _episode(alert: Alert) -> tuple[str, str]:
    return alert.fingerprint, alert.starts_at
