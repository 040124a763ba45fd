"""When a drift of the served model becomes a retrain trigger, and what the trigger's window is.

A *cause* is one firing alert of the served model whose kind retraining can mend. It is judged when the alert fires and again
with each later statement that the condition still holds, until it is settled:

1. ``DISABLED``, ``NOT_LISTED``: the owner does not want one (judged again: he may change his mind while it fires).
2. ``NO_WINDOW``: the statistics name no stretch of ``pairs``, so there is nothing to train on.
3. ``SAME_CHANGE``, settled: the estimated change lies before the end of the window of a trigger whose training succeeded (by
   offset; by time, where there is none); or, within the cooldown, before the end of the last trigger's window, if that has pairs
   of this drift; or, at any time, before the end of the window of the last trigger for the same signal and direction, and, where
   its training succeeded, before the answer. Its window holds this change already, one trigger for one cause. Scenario: 1. an
   input drifts, a trigger; 2. outcomes, a day late, say that answers were wrong yesterday; 3. no pair of that lies in the
   trigger's window: a cause of its own. Held by
   ``tests/unit/agents/test_late_causes.py::test_a_trigger_of_today_does_not_speak_for_the_pairs_of_yesterday``.
4. ``SAME_SIGNAL``: the signal has triggered in the same direction within ``repeat_after_s``, and no pipeline has answered how
   that ended: one request is enough for what comes and goes. Scenario: 1. it rains, a trigger; 2. it is dry, the alert is
   resolved; 3. it rains again, a week later, and nobody has trained. Held by
   ``tests/unit/agents/test_repeated_causes.py::test_what_comes_and_goes_is_asked_for_once``.
5. ``VETOED``: the data of the model are broken by now. Only ``data_quality`` itself is let through.
6. ``COOLDOWN``: a change of its own; it gets its trigger if it still holds when the cooldown is over. A success ends it.
7. ``IN_PROGRESS``: an earlier trigger waits for approval, or its training runs.
8. ``QUORUM``: too few signals have drifted. 9. ``TOO_FEW_EVENTS`` in the window, none whatever the policy. 10. ``TOO_FEW_LABELS``
   among them.
11. ``DAILY_MAXIMUM``. 12. ``QUIET_HOURS``. 13. Otherwise ``TRIGGERED``, settled.

2 to 12 are *held back*. A cause counts once, however often it is judged; the next trigger tells the number of the others in
``suppressed_since_last``. A shadow's drift is no cause: its alert is all there is. Where a training has failed, or nobody
approved, what was settled by that trigger is a cause again, after the cooldown, and the new trigger has an id of its own. It says
nothing of what another trigger has asked for. Scenario: 1. an input drifts, a trigger; 2. answers drift, another; 3. the second
fails; 4. the input drifts on: its own trigger stands. Held by
``tests/unit/agents/test_repeated_causes.py::test_what_became_of_a_trigger_says_nothing_of_what_another_one_asked_for``.

The window is the stretch of ``pairs`` from the change as the detector estimated it first (each later alarm of one episode
estimates a change inside the new regime) to the statement that decided. That estimate lies on a grid and may take in as much
from before as there is between it and the alarm; so, unless the policy asks for all since the ``change``, a window of which that
may be more than a twentieth begins behind the alarm. All of it is known from the statistics alone, so the decision never waits
for the log; only the count and the digest of the window's records are asked for, and they decide nothing.

Delivery guarantees: ``judge`` is a pure function. ``trigger_id`` is a digest of (model, reason code, fingerprint, startsAt, and
from the second on the attempt), so a replay decides the same trigger under the same id.
"""

from typing import NamedTuple

from app.domain.decisions.retrain_cause import HELD_BACK, SETTLED, Cause, Part, RetrainReason
from app.domain.decisions.retrain_courses import is_busy
from app.domain.decisions.retrain_memory import Cooldown
from app.domain.decisions.retrain_policy import CODES, RetrainPolicy
from schemas.statistics import SignalKind
from schemas.trigger import ReasonCode

__all__ = [
    "ALONE", "CODES", "HELD_BACK", "SETTLED", "Around", "Cause", "Cooldown", "Part", "RetrainPolicy", "RetrainReason", "judge",
    "judge_again", "judge_any",
]  # fmt: skip


class Around(NamedTuple):
    """What else there is to the model: how many signals have drifted, and whether its data are broken by now."""

    signals: int = 1
    broken: bool = False


ALONE = Around()


def judge(
    cause: Cause, kind: SignalKind, cooldown: Cooldown, policy: RetrainPolicy, at: int, around: Around = ALONE
) -> RetrainReason:
    """Whether ``cause`` becomes a trigger at ``at`` (event time, milliseconds), and why not."""
    if not policy.enabled:
        return RetrainReason.DISABLED
    if kind not in policy.kinds:
        return RetrainReason.NOT_LISTED
    if cause.end and cooldown.holder(cause, at, policy) is not None:
        return RetrainReason.SAME_CHANGE
    if cause.end and cooldown.is_asked(cause.about, at, policy):
        return RetrainReason.SAME_SIGNAL
    return judge_any(cause, CODES[kind], cooldown, policy, at, around)


def judge_any(
    cause: Cause, code: ReasonCode, cooldown: Cooldown, policy: RetrainPolicy, at: int, around: Around
) -> RetrainReason:
    """The rules that hold for every trigger but a manual one, whatever its reason."""
    refusals = (
        (not cause.end, RetrainReason.NO_WINDOW),
        (around.broken and code != "data_quality", RetrainReason.VETOED),
        (at < cooldown.until(policy), RetrainReason.COOLDOWN),
        (is_busy(cooldown.courses, at, policy), RetrainReason.IN_PROGRESS),
        (around.signals < policy.quorum, RetrainReason.QUORUM),
        (cause.part(policy).events < max(policy.minimum_events, 1), RetrainReason.TOO_FEW_EVENTS),
        (_lacks_labels(cause, code, cooldown, policy), RetrainReason.TOO_FEW_LABELS),
        (0 < policy.daily_maximum <= cooldown.of_last_day(at), RetrainReason.DAILY_MAXIMUM),
        (policy.is_quiet(at), RetrainReason.QUIET_HOURS),
    )
    return next((reason for refused, reason in refusals if refused), RetrainReason.TRIGGERED)


def judge_again(
    cause: Cause, kind: SignalKind, cooldown: Cooldown, policy: RetrainPolicy, at: int, around: Around = ALONE
) -> RetrainReason:
    """The same, remembered."""
    reason = judge(cause, kind, cooldown, policy, at, around)
    if reason is RetrainReason.SAME_CHANGE:
        cause.settled_by = cooldown.holder(cause, at, policy) or ""
    return cause.note(reason, cooldown)


def _lacks_labels(cause: Cause, code: ReasonCode, cooldown: Cooldown, policy: RetrainPolicy) -> bool:
    """Whether too few pairs of the window have an outcome by now.

    What outcomes say counts labelled pairs alone, all of which were waited for; else those that still wait count as without.
    """
    if not policy.minimum_label_share:
        return False
    part = cause.part(policy)
    share = cooldown.label_share(part.start, cause.end, 0 if code == "performance_drop" else part.events)
    return share < policy.minimum_label_share
