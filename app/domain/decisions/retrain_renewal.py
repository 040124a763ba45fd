"""The change that is expected: a training succeeded, and the version that it made serves in place of the old one.

It must not alert for being new, and what the old one was told to suffer from is over. The plan, from the status ``succeeded``
with a ``new_version`` on (``renew``):

- The new version's answers have a warm-up of their own (the detect role's rule for every version), nothing is said of them here.
- Inputs keep their reference, and their drift goes on under the new version's name. A change that the training has *seen*
  (``Cooldown.has_seen``) is *expected* of every version but the old one: it is no alert, and one that fires is resolved. A
  change since then alerts and triggers as ever.
- The *old* version is the one that served when the training succeeded; the trigger's, where that was not known or the new one
  served already.
- Once the new version serves, what the old one's own answers are still told to be is of no use: its alerts are resolved. Where it
  comes back to serve (a version was taken back), it alerts again.
- A shadow is compared with the served version. What changes between them while the new one takes over is the replacement itself,
  and stays so as long as that alarm lasts.

All of these resolve with the reason ``retrained``; ``evidence.retrained`` names the trigger and both versions, so that a page
can draw the change.

May not happen: a drift of the new version that is taken for the old one. What has no estimated change is taken to begin with its
window. Figures of outcomes (``kpi``) are no version's: they are resolved when they are back.

Delivery guarantees: pure functions of ``Cooldown``, which is saved whole.
"""

from typing import Any, Protocol

from app.domain.decisions.retrain_cause import Cause
from app.domain.decisions.retrain_courses import Course
from app.domain.decisions.retrain_memory import Cooldown, Renewal
from schemas.cloudevents import rfc3339
from schemas.statistics import DriftStatistics, SignalKind

__all__ = ["is_expected", "is_settled", "marker", "note_served", "renew"]

_INPUTS = ("feature", "missing", "schema")
#: What is told of a shadow and compares it with the served version.
_PAIRED: frozenset[SignalKind] = frozenset({"difference", "disagreement", "error"})


class Settled(Protocol):
    """What is asked of a case."""

    labels: dict[str, str]
    cause: Cause | None


def renew(cooldown: Cooldown, trigger: str, course: Course, version: str | None) -> None:
    """A training has succeeded; without two different names the versions cannot be told apart, and nothing is expected."""
    if not version or version == course.version or not course.version:
        return
    replaced = cooldown.version if cooldown.version not in ("", version) else course.version
    renewal = Renewal(trigger, version, replaced, course.decided, course.since)
    if cooldown.version == version:  # it was put to work before it was told of
        renewal.seen, renewal.serves = cooldown.serves, cooldown.took_over
    elif cooldown.coming is not None and cooldown.coming.version == version:
        renewal.seen = cooldown.coming.since
    cooldown.renewal = renewal


def note_served(cooldown: Cooldown, statistics: DriftStatistics) -> None:
    """The live model has answered: who serves by now."""
    cooldown.serve(statistics)
    renewal = cooldown.renewal
    if renewal is not None and statistics.version == renewal.version:
        renewal.seen = renewal.seen or statistics.window.start
        if cooldown.version == renewal.version:
            renewal.serves = renewal.serves or statistics.window.end


def is_expected(cooldown: Cooldown, statistics: DriftStatistics) -> bool:
    """Whether what these statistics say is, or was, the change that a training answers."""
    renewal = cooldown.renewal
    if renewal is None or "ended" in statistics.statistics:
        return False
    change = Cause.of(statistics, "" if cooldown.learnt is None else cooldown.learnt.topic)
    if statistics.role == "shadow":
        return _is_replacement(renewal, statistics, change.since)
    if statistics.role != "legacy" or not statistics.version:
        return False
    if statistics.version != renewal.old:
        return cooldown.has_seen(change)
    own = statistics.signal.kind not in _INPUTS
    return _is_over(cooldown, renewal) and (own or cooldown.has_seen(change))


def _is_replacement(renewal: Renewal, statistics: DriftStatistics, since: int) -> bool:
    signal, alarmed = statistics.signal, statistics.statistics.get("since")
    if signal.kind not in _PAIRED or (signal.kind == "error" and not signal.name) or not renewal.seen:
        return False
    return type(alarmed) is int and alarmed >= renewal.seen and (not renewal.serves or since <= renewal.serves)


def is_settled(cooldown: Cooldown, case: Settled, ended: Any = None) -> bool:
    """Whether a case of an earlier version is over because the new one serves; ``ended``: the last word under its name says so.

    Of a version before the old one (the trigger's, where another has served since), what the training has seen.
    """
    renewal, labels, version = cooldown.renewal, case.labels, case.labels.get("version", "")
    if renewal is None or labels.get("role") != "legacy" or version in ("", renewal.version):
        return False
    succeeded = isinstance(ended, dict) and ended.get("successor") == renewal.version
    if not succeeded and (version == cooldown.version or not _is_over(cooldown, renewal)):
        return False
    own = version == renewal.old and labels.get("signal", "").partition("/")[0] not in _INPUTS
    cause = case.cause
    return own or (cause is not None and cooldown.has_seen(cause))


def marker(renewal: Renewal) -> dict[str, Any]:
    """What a resolve says of the replacement."""
    versions = {"trigger_id": renewal.trigger, "old_version": renewal.old, "new_version": renewal.version}
    return versions | ({"serves_since": rfc3339(renewal.serves)} if renewal.serves else {})


def _is_over(cooldown: Cooldown, renewal: Renewal) -> bool:
    """Whether the new version, or one after it, serves and not the old one."""
    return bool(renewal.serves) and cooldown.version != renewal.old
