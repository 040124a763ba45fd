"""What the counts of a minute say of producers' clocks (``clock_skew``), and the words for it.

Bounded: of a model the ``_VERSIONS`` shadow versions whose clocks were wrong last; of one that is right nothing is remembered.
"""

from collections.abc import Callable, Iterator
from functools import partial

from app.domain.decisions import clock_words, topic_minutes
from app.domain.decisions.alert_kinds import CLOCK_SKEW
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import Condition
from app.domain.decisions.clock_skew import assess_ahead, assess_gaps, extent
from app.domain.decisions.silent_sides import PairingCounts
from app.domain.decisions.topic_minutes import Minute
from app.domain.decisions.traffic_words import Words

__all__ = ["of_ahead", "of_gaps"]

_VERSIONS = 8
#: Of a model or an input topic (its full name), the source partition, and the minute's end.
Where = tuple[str, int, int]
Say = Callable[[], Words]


def of_ahead(counts: PairingCounts, subject: Subject, where: Where, policy: AlertPolicy) -> tuple[Condition, Say]:
    """Whether events of an input topic are from the future."""
    topic, source, at = where
    minute, ahead = Minute(at, 0, counts.sampled), counts.ahead
    if ahead is not None:
        minute = Minute(at, ahead.events, counts.sampled, ahead.median_ms, ahead.most_ms)
    topic_minutes.note(subject.ahead, source, minute, policy.forget_after_s * 1000)
    return assess_ahead(subject.ahead), partial(clock_words.of_ahead, topic, extent(subject.ahead))


def of_gaps(counts: PairingCounts, subject: Subject, where: Where, policy: AlertPolicy) -> Iterator[tuple[str, Condition, Say]]:
    """Of shadow versions whose clock is wrong, or was, how it stands."""
    model, source, at = where
    for version, gap in counts.clock_gaps.items():
        if not (gap.ahead or gap.behind or version in subject.gaps or subject.is_up(CLOCK_SKEW.name)):
            continue
        minutes = subject.gaps.pop(version, {})
        topic_minutes.note(minutes, source, gap.minute(at), policy.forget_after_s * 1000)
        found = assess_gaps(minutes)
        if found is not Condition.CLEAR:
            subject.gaps[version] = minutes
            if len(subject.gaps) > _VERSIONS:
                del subject.gaps[next(iter(subject.gaps))]
        yield version, found, partial(clock_words.of_gap, model, version, extent(minutes))
