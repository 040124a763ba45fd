"""Moments that explain what a chart shows, besides alerts and triggers: a version came, a pipeline trained, a reference changed.

Each is a fold of one input alone, as every document is, and knows no clock but that of the messages.

*A version* is first seen, in each of its roles, where the first window begins that speaks of it. *A training* goes the way of its
trigger's course (``app.domain.decisions.retrain_courses``): of what a pipeline says, what was not refused counts, each step the
first time, and none that comes after a later one. *A reference* changed where a window names another one than the window before
it; that of a warm-up says itself when it was complete.
"""

import re
from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.read_model.documents import Answer, BaselineSeen, TrainingDocument, TriggerDocument, VersionSeen
from schemas.offsets import Window
from schemas.statistics import Role
from schemas.trigger import RetrainStatus, RetrainTrigger

__all__ = ["baselines_after", "hear", "steps_of", "training_after", "trigger_after", "version_after"]

_TEXT_CHARACTERS = 128
_DETAIL_CHARACTERS = 300
#: The first ones and the newest: a pipeline may say that it runs as often as it likes.
_OF_A_STEP = 4
_ORDER = {"accepted": 0, "running": 1, "succeeded": 2, "failed": 2, "rejected": 2}
_WARM_UP = re.compile(r"warm-up:\d{1,15}-(\d{1,15})")


class _Baseline(Struct):
    id: object = None
    version: object = None
    owner: object = None


_baseline = msgspec.json.Decoder(_Baseline)


def version_after(before: VersionSeen | None, role: Role, window: Window) -> VersionSeen:
    """What is known of a version after a window that speaks of it.

    Outcomes come for windows of days ago: these say since when it was there, and not what it is now.
    """
    if before is None:
        before = VersionSeen(role, window.end)
    newer = window.end >= before.last_seen
    legacy, shadow = before.legacy_since, before.shadow_since
    if role == "legacy":
        legacy = window.start if legacy is None else min(legacy, window.start)
    if role == "shadow":
        shadow = window.start if shadow is None else min(shadow, window.start)
    return VersionSeen(role if newer else before.role, max(window.end, before.last_seen), legacy, shadow)


def hear(heard: dict[str, int], topic: str, end: int, most: int) -> None:
    """Note until when statistics spoke of an input topic, of ``most`` at most."""
    if topic in heard or len(heard) < most:
        heard[topic] = max(end, heard.get(topic, end))


def trigger_after(before: TriggerDocument | None, order: int, time: str | None, trigger: RetrainTrigger) -> TriggerDocument:
    """A trigger after a record of it: what is decided about it is written later, and does not change when it was asked for."""
    asked = before.time if before is not None and before.time else time
    return TriggerDocument(order=order, time=asked, trigger=trigger)


def training_after(before: TrainingDocument | None, order: int, status: RetrainStatus, offset: int) -> TrainingDocument:
    """A training after what a pipeline said: any of it may have been refused, so of each step more than one answer is kept."""
    detail = None if status.detail is None else status.detail[:_DETAIL_CHARACTERS]
    answers = before.answers if before else []
    same = [each for each in answers if each.status == status.status]
    if len(same) == _OF_A_STEP:
        answers = [each for each in answers if each is not same[-1]]
    newest = Answer(offset, status.status, status.timestamp, status.new_version, detail)
    return TrainingDocument(order=order, model=status.model, trigger_id=status.trigger_id, answers=[*answers, newest])


def steps_of(answers: Iterable[Answer]) -> list[Answer]:
    """The answers that are a step forward, none earlier than the step before it; those that were refused are left out before."""
    steps: list[Answer] = []
    for answer in answers:
        if all(_ORDER[answer.status] > _ORDER[step.status] for step in steps):
            at = max(answer.at, steps[-1].at) if steps else answer.at
            steps.append(msgspec.structs.replace(answer, at=at))
    return steps


def baselines_after(before: list[BaselineSeen], figures: Raw | UnsetType, window: Window, most: int) -> list[BaselineSeen]:
    """The last references of a signal after a window whose figures name one; what names none changes nothing."""
    if figures is UNSET:
        return before
    try:
        found = _baseline.decode(figures)
    except ValueError:  # anybody may write there, and it is shown, not reckoned with
        return before
    if not isinstance(found.id, str) or (before and before[-1].id == found.id[:_TEXT_CHARACTERS]):
        return before
    warm_up = _WARM_UP.fullmatch(found.id)
    at = int(warm_up[1]) if warm_up else window.start
    return [*before, BaselineSeen(at, found.id[:_TEXT_CHARACTERS], _text(found.version), _text(found.owner))][-most:]


def _text(value: object) -> str | None:
    return value[:_TEXT_CHARACTERS] if isinstance(value, str) else None
