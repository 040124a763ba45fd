"""When an alert fires and when it is resolved: one machine for each fingerprint, in event time.

A *statement* says how the condition of an alert stands at one event time: it ``HOLDS``, it is ``WEAK`` (not enough to fire,
too much to resolve), it is ``CLEAR``, its detector does not know yet, or nobody has spoken of it for long (``SILENT``). The
gap between ``HOLDS`` and ``CLEAR`` is the hysteresis: entering and leaving have thresholds of their own.

| phase    | HOLDS          | WEAK           | CLEAR         | UNKNOWN  | SILENT             |
|----------|----------------|----------------|---------------|----------|--------------------|
| QUIET    | PENDING        | QUIET          | QUIET         | QUIET    | QUIET              |
| PENDING  | (waits)        | (waits)        | QUIET: passed | (waits)  | QUIET: forgotten   |
| FIRING   | (goes on)      | (goes on)      | CLEARING      | (goes on)| QUIET, *resolved*  |
| CLEARING | FIRING: back   | FIRING: back   | (waits)       | (waits)  | QUIET, *resolved*  |

Two waits end by themselves, each by a statement of its own kind that comes late enough:

- PENDING and it HOLDS: *firing*, once the condition has held for ``for_ms``;
- CLEARING and it is CLEAR: QUIET and *resolved*, once it was clear for ``keep_ms`` **and** over ``events`` events: a minute
  means nothing to a model that is asked once an hour, nor a thousand events to one that is asked ten thousand times a second.

Only the steps in italics are seen from outside, each once: from QUIET or PENDING to FIRING, and from there to QUIET. What
lies between is one *episode*. Several sources of one fingerprint (the shards of a model) need no rule of their own: it
fires when one of them says so, and each HOLDS of any of them begins the wait for the resolve anew.

Statements of one fingerprint may come with times that go back (two sources). A wait is then counted from the smallest time
since it began, so a single time far ahead can end a wait early but never hold up those that come after it.

Delivery guarantees: ``step`` is a pure function, and an episode is small plain data that is saved whole, so a crash, a
replay or another cut of the log gives the same changes. A statement that is read twice can only repeat itself: it begins
no second episode, and it shortens no wait by more than its own events.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from schemas.alert import AlertStatus
from schemas.statistics import DetectorState

__all__ = ["CONDITIONS", "Condition", "Decision", "Episode", "Patience", "Phase", "Reason", "Statement", "step"]


class Phase(StrEnum):
    """Where an alert stands."""

    QUIET = "quiet"
    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"


class Condition(StrEnum):
    """What a statement says."""

    HOLDS = "holds"
    WEAK = "weak"
    CLEAR = "clear"
    UNKNOWN = "unknown"
    SILENT = "silent"


#: How a detector's state reads as a condition.
CONDITIONS: Mapping[DetectorState, Condition] = {
    "drift": Condition.HOLDS,
    "warning": Condition.WEAK,
    "quiet": Condition.CLEAR,
    "warming": Condition.UNKNOWN,
}


class Reason(StrEnum):
    """Why a step was taken, or none."""

    NOTHING = "nothing"  # quiet, and stays so
    BEGAN = "began"  # the condition holds for the first time
    WAITS_TO_FIRE = "waits_to_fire"
    PASSED = "passed"  # it was over before ``for``
    HELD = "held"  # it held for ``for``: fires
    GOES_ON = "goes_on"
    FIRST_CLEAR = "first_clear"
    WAITS_TO_RESOLVE = "waits_to_resolve"
    CAME_BACK = "came_back"  # before it could be resolved
    STAYED_CLEAR = "stayed_clear"  # long enough and over enough events: resolved
    FORGOTTEN = "forgotten"  # nobody spoke of it any more
    RETRAINED = "retrained"  # the version that a training made serves in its place: resolved
    OTHERS_HOLD = "others_hold"  # clear for long enough, but signals that are one alert with it are not


_H, _W, _C, _U, _S = Condition.HOLDS, Condition.WEAK, Condition.CLEAR, Condition.UNKNOWN, Condition.SILENT

TRANSITIONS: Mapping[Phase, Mapping[Condition, tuple[Phase, Reason]]] = {
    Phase.QUIET: {
        _H: (Phase.PENDING, Reason.BEGAN),
        _W: (Phase.QUIET, Reason.NOTHING),
        _C: (Phase.QUIET, Reason.NOTHING),
        _U: (Phase.QUIET, Reason.NOTHING),
        _S: (Phase.QUIET, Reason.NOTHING),
    },
    Phase.PENDING: {
        _H: (Phase.PENDING, Reason.WAITS_TO_FIRE),
        _W: (Phase.PENDING, Reason.WAITS_TO_FIRE),
        _C: (Phase.QUIET, Reason.PASSED),
        _U: (Phase.PENDING, Reason.WAITS_TO_FIRE),
        _S: (Phase.QUIET, Reason.FORGOTTEN),
    },
    Phase.FIRING: {
        _H: (Phase.FIRING, Reason.GOES_ON),
        _W: (Phase.FIRING, Reason.GOES_ON),
        _C: (Phase.CLEARING, Reason.FIRST_CLEAR),
        _U: (Phase.FIRING, Reason.GOES_ON),
        _S: (Phase.QUIET, Reason.FORGOTTEN),
    },
    Phase.CLEARING: {
        _H: (Phase.FIRING, Reason.CAME_BACK),
        _W: (Phase.FIRING, Reason.CAME_BACK),
        _C: (Phase.CLEARING, Reason.WAITS_TO_RESOLVE),
        _U: (Phase.CLEARING, Reason.WAITS_TO_RESOLVE),
        _S: (Phase.QUIET, Reason.FORGOTTEN),
    },
}

#: What a statement does to a wait that is over.
DUE: Mapping[tuple[Phase, Condition], tuple[Phase, Reason]] = {
    (Phase.PENDING, _H): (Phase.FIRING, Reason.HELD),
    (Phase.CLEARING, _C): (Phase.QUIET, Reason.STAYED_CLEAR),
}

_UP = (Phase.FIRING, Phase.CLEARING)


class Patience(NamedTuple):
    """How long to wait before firing and before resolving, in event time, and over how many clear events."""

    for_ms: int = 0
    keep_ms: int = 0
    events: int = 0


class Statement(NamedTuple):
    """How a condition stands at ``at`` (event time, milliseconds), told over ``events`` events."""

    condition: Condition
    at: int
    events: int = 0


class Episode(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where one alert stands.

    ``since`` is the smallest event time of the present wait, ``events`` the clear events in it, ``heard`` when the alert was
    last spoken of, ``starts`` when it began to fire (0 before that).
    """

    phase: Phase = Phase.QUIET
    since: int = 0
    events: int = 0
    heard: int = 0
    starts: int = 0


class Decision(NamedTuple):
    """The episode after a statement, why, and the change that is to be told, if there is one."""

    episode: Episode
    reason: Reason
    change: AlertStatus | None


def step(episode: Episode, statement: Statement, patience: Patience) -> Decision:
    """Take one statement."""
    condition, at, events = statement
    before = episode.phase
    phase, reason = TRANSITIONS[before][condition]
    clear = condition is Condition.CLEAR
    same = phase is before
    since = min(episode.since, at) if same else at
    counted = (episode.events if same else 0) + (events if clear else 0)
    if (phase, condition) in DUE and _is_over(phase, at - since, counted, patience):
        phase, reason = DUE[phase, condition]
    if phase is Phase.QUIET:
        return Decision(Episode(), reason, "resolved" if before in _UP else None)
    fires = phase in _UP and before not in _UP
    heard = max(episode.heard, at)
    starts = at if fires else episode.starts
    return Decision(Episode(phase, since, counted, heard, starts), reason, "firing" if fires else None)


def _is_over(phase: Phase, waited_ms: int, events: int, patience: Patience) -> bool:
    if phase is Phase.PENDING:
        return waited_ms >= patience.for_ms
    return waited_ms >= patience.keep_ms and events >= patience.events
