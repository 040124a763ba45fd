"""What a model's triggers leave behind: cooldown, what was asked for and answered, which version serves.

*Asked*: a trigger speaks for its signal in its direction, until a pipeline has answered how it ended. Weather comes again
every week: else the same drift would be asked for after each cooldown though nobody had retrained.

*Renewal*: a training that succeeded and named its version. From then on what it has seen is expected (``retrain_renewal``).

*Serving*: a version serves once ``_IN_A_ROW`` windows of answers in a row were its own, so that a canary is not taken for it, and
one that was taken back serves no more.

*Seen*: a training has seen a change that lies in ``pairs`` before the end of its window. Offsets say so, since a clock that is
ahead dates a trigger to a time that is still to come; times alone say so where there is no offset.

*In a window*: a trigger of today does not hold yesterday's pairs, which late outcomes tell of, nor the other way round. So what
a window has is told by the offsets of ``pairs``, and by its own times where there are none of the same partition; never by when
its trigger was decided.

Bounded: ``ASKED`` signals and ``FIRED`` triggers by hand, the latest; the windows of errors as in ``retrain_labels``.
Delivery guarantees: plain data that is saved whole; all times are event times.
"""

from msgspec import Struct

from app.domain.decisions.retrain_cause import Cause
from app.domain.decisions.retrain_courses import Course
from app.domain.decisions.retrain_labels import Labelled, share_with_labels, with_labels
from app.domain.decisions.retrain_policy import RetrainPolicy
from schemas.offsets import OffsetRange
from schemas.statistics import DriftStatistics
from schemas.trigger import TriggerWindow

__all__ = ["ASKED", "FIRED", "Asked", "Coming", "Cooldown", "Renewal"]

#: About 100 bytes each.
ASKED = 64
#: About 20 bytes each: more than a copy of an action may be late by.
FIRED = 64
_DAY_MS = 86_400_000
_IN_A_ROW = 3


class Asked(Struct, frozen=True, gc=False, omit_defaults=True):
    """The last trigger for a signal in a direction, when it was decided, and when a training that has seen it succeeded, or 0.

    ``reached``: the end of what statistics had told of ``pairs`` when that was heard; 0: it is not known. ``reaches``: the event
    time of its window's end; 0: when it was decided.
    """

    trigger: str
    at: int
    answered: int = 0
    reached: int = 0
    reaches: int = 0


class Renewal(Struct, gc=False, omit_defaults=True):
    """A version that was trained for a trigger: in place of which, until when it has seen the data, and when it was told of.

    ``seen``: when it answered first, as far as that was after; ``serves``: since when it serves. 0: not yet.
    """

    trigger: str
    version: str
    old: str
    decided: int
    told: int
    seen: int = 0
    serves: int = 0


class Coming(Struct, gc=False):
    """A version that has begun to answer: since when, in how many windows in a row, and where the last of them began."""

    version: str
    since: int
    windows: int
    start: int


class Cooldown(Struct, gc=False, omit_defaults=True):
    """What a model's triggers leave behind; all times are event times.

    ``last``: when the last was decided (0: never). ``triggers``: how many there were. ``held_back``: causes since then.
    ``now``: the latest time that statistics told of. ``recent``: decisions of the last day. ``mended``, ``failed``: when the last
    trigger whose training succeeded was decided, and the last one that came to nothing. ``courses``: the last few triggers.
    ``fresh``: the data since the last. ``version``, ``serves``: which version serves, and since when it was not told to be stale;
    ``took_over``: when that was known; ``coming``: which one answers in its place. ``asked``: by ``about`` of a cause.
    ``newest``: the stretch of ``pairs`` that ends last of those that were told; ``learnt``: that of the trainings that succeeded,
    ``learnt_until``: the latest event time in their windows (0: ``mended``). ``latest``, ``window``: id and window of the last.
    ``fired``: the ids of those by hand, each of which an action has fired.
    """

    last: int = 0
    triggers: int = 0
    held_back: int = 0
    now: int = 0
    recent: list[int] = []
    mended: int = 0
    failed: int = 0
    courses: dict[str, Course] = {}
    fresh: Cause | None = None
    version: str = ""
    serves: int = 0
    took_over: int = 0
    coming: Coming | None = None
    asked: dict[str, Asked] = {}
    renewal: Renewal | None = None
    labelled: list[Labelled] = []
    newest: OffsetRange | None = None
    learnt: OffsetRange | None = None
    learnt_until: int = 0
    latest: str = ""
    window: TriggerWindow | None = None
    fired: list[str] = []

    def until(self, policy: RetrainPolicy) -> int:
        """The event time from which the next trigger may come; a success has ended the wait."""
        return self.last + policy.cooldown_s * 1000 if self.last > self.mended else 0

    def holder(self, cause: Cause, at: int, policy: RetrainPolicy) -> str | None:
        """Which earlier trigger's window has this change already; empty: a training has seen it; None: no trigger's has."""
        if self.has_seen(cause):
            return ""
        asked = self.asked.get(cause.about)
        if policy.repeat_after_s and asked is not None and cause.since <= (asked.reaches or asked.at):
            return asked.trigger
        lasts = self.failed != self.last and at < self.until(policy)
        return self.latest if lasts and self._is_in_last(cause) else None

    def _is_in_last(self, cause: Cause) -> bool:
        """Whether the last trigger's window has pairs of this change, as far as it is told of."""
        window = self.window
        if window is None:
            return cause.since <= self.last
        stretch = window.offsets[0]
        if cause.partition != stretch.partition:
            return cause.since <= window.end and window.start <= cause.alarm_at
        return cause.start < stretch.end and stretch.start < cause.end

    def has_seen(self, cause: Cause) -> bool:
        """Whether a training that succeeded has seen this change: any, or one of its signal and direction until the answer."""
        asked, learnt = self.asked.get(cause.about), self.learnt
        answered = asked is not None and cause.since <= asked.answered
        if learnt is None or not cause.end or cause.partition != learnt.partition:
            return 0 < cause.since <= (self.learnt_until or self.mended) or answered
        return cause.start < learnt.end or (answered and asked is not None and (not asked.reached or cause.start < asked.reached))

    def read(self, stretch: OffsetRange | None) -> None:
        """Statistics have told of this stretch of ``pairs``."""
        self.newest = _further(self.newest, stretch) if stretch is not None else self.newest

    def is_asked(self, about: str, at: int, policy: RetrainPolicy) -> bool:
        """Whether the same was asked for, and nobody has answered how it ended, for less than the policy has patience."""
        asked = self.asked.get(about)
        return asked is not None and not asked.answered and at < asked.at + policy.repeat_after_s * 1000

    def of_last_day(self, at: int) -> int:
        """How many triggers the 24 hours before ``at`` had."""
        return sum(then > at - _DAY_MS for then in self.recent)

    def begin(self, at: int) -> None:
        """A trigger was decided."""
        self.last, self.triggers, self.held_back = at, self.triggers + 1, 0
        self.recent = [then for then in self.recent[-99:] if then > at - _DAY_MS] + [at]
        self.fresh = None

    def fire(self, trigger: str) -> None:
        """An action has fired this trigger: a copy of it fires none."""
        self.fired = [*self.fired[1 - FIRED :], trigger]

    def ask(self, about: str, trigger: str, at: int, reaches: int) -> None:
        """A trigger whose window ends at this event time speaks for this signal and direction."""
        self.asked.pop(about, None)
        self.asked[about] = Asked(trigger, at, reaches=reaches)
        if len(self.asked) > ASKED:
            del self.asked[next(iter(self.asked))]

    def succeed(self, course: Course) -> None:
        """A training has succeeded: what was asked for up to its trigger is answered."""
        reaches = course.reaches or course.decided
        self.learnt_until = max(self.learnt_until or self.mended, reaches)
        self.mended = max(self.mended, course.decided)
        self.learnt = _further(self.learnt, course.stretch) if course.stretch is not None else None
        newest, learnt = self.newest, self.learnt
        reached = newest.end if newest is not None and learnt is not None and newest.partition == learnt.partition else 0
        for about, asked in self.asked.items():
            if asked.at <= course.decided and asked.reaches <= reaches and not asked.answered:
                self.asked[about] = Asked(asked.trigger, asked.at, course.since, reached, asked.reaches)

    def come_to_nothing(self, trigger: str, course: Course) -> None:
        """A trigger's training failed, or nobody approved it: it speaks for nothing any more."""
        if self.latest in ("", trigger):
            self.failed = max(self.failed, course.decided)
        self.asked = {about: asked for about, asked in self.asked.items() if asked.trigger != trigger}

    def serve(self, statistics: DriftStatistics) -> None:
        """The answers of a version as the live model's, window by window."""
        version, at, start = statistics.version, statistics.window.end, statistics.window.start
        if version == self.version:
            self.coming = None
            return
        if self.coming is None or self.coming.version != version:
            self.coming = Coming(version, at, 0, -1)
        if start != self.coming.start:
            self.coming.windows, self.coming.start = self.coming.windows + 1, start
        if not self.version or self.coming.windows >= _IN_A_ROW:
            self.version, self.serves, self.took_over, self.coming = version, self.coming.since, at, None

    def count_labels(self, statistics: DriftStatistics, start: int, end: int, needed: int) -> None:
        """A window of the live model's errors; see ``with_labels``."""
        self.labelled = with_labels(self.labelled, statistics, start, end, needed)

    def label_share(self, start: int, end: int, pairs: int) -> float:
        """The share of pairs of a stretch that have an outcome; see ``share_with_labels``."""
        return share_with_labels(self.labelled, start, end, pairs)


def _further(one: OffsetRange | None, other: OffsetRange) -> OffsetRange:
    """Which of both ends later; of two partitions, the one that is told of."""
    return one if one is not None and one.partition == other.partition and one.end >= other.end else other
