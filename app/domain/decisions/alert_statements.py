"""What one record of ``drift.statistics`` says of alerts.

A detector's record speaks of one alert, its signal's. A record of the pair role speaks of several: who is silent, which
versions nobody expected (and those that were so and did not come any more); or, of an input topic, whether its keys are
misrouted, and whether its events are refused. Of a topic that is paused nothing is said of refusals beside.

A signal that is told for the last time (``ended``: its version was given up) is ``SILENT`` at once, whatever its state.
"""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from app.domain.decisions import drift_words, misrouting, refusals, topic_minutes
from app.domain.decisions import traffic_words as words
from app.domain.decisions.alert_kinds import (
    DEAD_LETTERS_HIGH,
    INPUT_PAUSED,
    LEGACY_SILENT,
    OF_SIGNAL,
    PRODUCER_MISROUTED,
    SHADOW_SILENT,
    UNEXPECTED_VERSION,
    AlertKind,
    labels,
    segment_label,
    signal_label,
)
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import Said, Subject
from app.domain.decisions.alerting import CONDITIONS, Condition, Patience, Statement
from app.domain.decisions.silent_sides import PairingCounts, silence
from app.domain.decisions.topic_minutes import Minute
from schemas.statistics import DriftStatistics

__all__ = ["of_pairing", "of_signal", "of_topic"]

_AT_ONCE = Patience()


def of_signal(statistics: DriftStatistics, subject: Subject, policy: AlertPolicy) -> Iterator[Said]:
    """How the alert on a signal stands."""
    condition = CONDITIONS[statistics.detector.state]
    if "ended" in statistics.statistics:
        condition = Condition.SILENT
    if condition is not Condition.HOLDS and not subject.cases:
        return
    kind, role = OF_SIGNAL[statistics.signal.kind], statistics.role
    severity = policy.severity(kind.name, kind.of_a_shadow if role == "shadow" else kind.severity)
    if severity is not None:
        patience = Patience(policy.for_s * 1000, policy.keep_firing_for_s * 1000, policy.resolve_events)
        statement = Statement(condition, statistics.window.end, statistics.window.events)
        named = labels(
            kind,
            severity,
            model=statistics.model,
            version=statistics.version,
            role="" if role == "all" else role,
            signal=signal_label(statistics.signal),
            segment=segment_label(statistics.segment),
        )
        yield Said(named, statement, patience, partial(drift_words.of_signal, statistics))


def of_pairing(statistics: DriftStatistics, subject: Subject, policy: AlertPolicy) -> Iterator[Said]:
    """Who is silent, and which versions nobody expected."""
    counts = msgspec.convert(statistics.statistics, PairingCounts)
    model, at = statistics.model, statistics.window.end
    patience = Patience(0, policy.keep_firing_for_s * 1000, 0)

    def said(
        kind: AlertKind, role: str, condition: Condition, say: Callable[[], words.Words], version: str = ""
    ) -> Iterator[Said]:
        severity = policy.severity(kind.name, kind.severity)
        if severity is not None:
            named = labels(kind, severity, model=model, version=version, role=role, signal="pairing")
            yield Said(named, Statement(condition, at), patience, say)

    subject.unanswered_by_shadow, shadow = silence(subject.unanswered_by_shadow, *counts.of_shadow)
    if shadow is not None:
        yield from said(SHADOW_SILENT, "shadow", shadow, partial(words.of_silent_shadow, model, subject.unanswered_by_shadow, at))
    subject.unanswered_by_legacy, legacy = silence(subject.unanswered_by_legacy, *counts.of_legacy)
    if legacy is not None:
        yield from said(LEGACY_SILENT, "legacy", legacy, partial(words.of_silent_legacy, model, subject.unanswered_by_legacy, at))
    for version, came in (dict.fromkeys(_unexpected(subject), 0) | counts.unexpected).items():
        say = partial(words.of_unexpected_version, model, version, came, at)
        yield from said(UNEXPECTED_VERSION, "shadow", Condition.HOLDS if came else Condition.CLEAR, say, version)


def of_topic(
    statistics: DriftStatistics, subject: Subject, policy: AlertPolicy, full_name: Callable[[str], str]
) -> Iterator[Said]:
    """Whether the keys of an input topic lie where they belong, and whether its events can be used."""
    counts, topic, at = msgspec.convert(statistics.statistics, PairingCounts), statistics.signal.name, statistics.window.end
    forget_ms, stretch = policy.forget_after_s * 1000, statistics.offsets[0] if statistics.offsets else None
    source, read = (stretch.partition, stretch.end - stretch.start) if stretch else (-1, counts.rejected)

    def said(kind: AlertKind, condition: Condition, say: Callable[[], words.Words]) -> Iterator[Said]:
        severity = policy.severity(kind.name, kind.severity)
        if severity is not None:
            named = labels(kind, severity, topic=topic, signal=signal_label(statistics.signal))
            yield Said(named, Statement(condition, at), _AT_ONCE, say)

    if counts.sampled:  # else nothing was looked at
        topic_minutes.note(subject.minutes, source, Minute(at, counts.misrouted, counts.sampled), forget_ms)
        say = partial(words.of_misrouting, full_name(topic), *topic_minutes.totals(subject.minutes))
        yield from said(PRODUCER_MISROUTED, misrouting.assess(subject.minutes), say)
    topic_minutes.note(subject.refused, source, Minute(at, counts.rejected, read), forget_ms)
    figures = topic_minutes.totals(subject.refused)
    pausing = refusals.pausing(subject.refused, paused=counts.paused > 0, was=subject.is_up(INPUT_PAUSED.name))
    yield from said(INPUT_PAUSED, pausing, partial(words.of_pause, full_name(topic), source, *figures))
    found, figures = refusals.assess(subject.refused), topic_minutes.totals(subject.refused)
    if found is Condition.HOLDS and subject.is_up(INPUT_PAUSED.name):
        found = Condition.WEAK
    yield from said(DEAD_LETTERS_HIGH, found, partial(words.of_refusals, full_name(topic), *figures))


def _unexpected(subject: Subject) -> Iterator[str]:
    """The versions whose being here was unexpected before."""
    for case in subject.cases.values():
        if case.labels["alertname"] == UNEXPECTED_VERSION.name:
            yield case.labels["version"]
