"""What one record of ``drift.statistics`` says of alerts.

A detector's record speaks of its signal's alert, and of whether the model's baseline has expired. A record of the pair role
speaks of several: who is silent, whose clock is wrong, which versions nobody expected (and those that were so and did not come
any more); or, of an input topic, whether its keys are misrouted, its clocks ahead, and its events refused. Of a topic that is
paused nothing is said of refusals beside.

What a detector finds to be ``better`` (a latency or a cost that falls) is as good as quiet: no alert, and the end of one.

A signal that is told for the last time (``ended``: its version was given up) is ``SILENT`` at once, whatever its state; and so is
one whose drift a training has answered (``retrain_renewal``).
"""

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from app.domain.decisions import clock_statements, drift_words, misrouting, refusals, schema_words, stale_baselines, topic_minutes
from app.domain.decisions import traffic_words as words
from app.domain.decisions.alert_cases import Said
from app.domain.decisions.alert_kinds import (
    BASELINE_STALE,
    CLOCK_SKEW,
    DEAD_LETTERS_HIGH,
    INPUT_PAUSED,
    LEGACY_SILENT,
    OF_SIGNAL,
    PRODUCER_MISROUTED,
    SHADOW_SILENT,
    UNEXPECTED_VERSION,
    AlertKind,
    fingerprint,
    labels,
    segment_label,
    signal_label,
)
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.alert_subjects import Subject
from app.domain.decisions.alerting import CONDITIONS, Condition, Patience, Reason, Statement
from app.domain.decisions.amounts import is_number
from app.domain.decisions.retrain_renewal import is_expected, is_settled
from app.domain.decisions.silent_sides import PairingCounts, silence
from app.domain.decisions.topic_minutes import Minute
from schemas.statistics import DriftStatistics

__all__ = ["of_baseline", "of_pairing", "of_signal", "of_topic"]

_AT_ONCE = Patience()


def of_signal(statistics: DriftStatistics, subject: Subject, policy: AlertPolicy) -> Iterator[Said]:
    """How the alert on a signal stands."""
    condition = CONDITIONS[statistics.detector.state]
    if condition is Condition.WEAK and statistics.statistics.get("better") is True:
        condition = Condition.CLEAR
    expected = condition in (Condition.HOLDS, Condition.WEAK) and is_expected(subject.cooldown, statistics)
    if expected or "ended" in statistics.statistics:
        condition = Condition.SILENT
    if condition is not Condition.HOLDS and not subject.cases:
        return
    kind, role = OF_SIGNAL[statistics.signal.kind], statistics.role
    severity = policy.severity(kind.name, kind.of_a_shadow if role == "shadow" else kind.severity)
    if severity is not None:
        patience = Patience(policy.for_ms(kind.name), policy.keep_firing_for_s * 1000, policy.resolve_events)
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
        words_of = schema_words.of_schema if statistics.signal.kind == "schema" else drift_words.of_signal
        effect = statistics.statistics.get("effect")
        size = effect.get("size") if isinstance(effect, dict) else None
        explains = statistics.signal.kind != "schema" or bool(
            statistics.statistics.get("vanished") or statistics.statistics.get("retyped")
        )
        case = subject.cases.get(fingerprint(named)) if condition is Condition.SILENT else None
        settled = case is not None and is_settled(subject.cooldown, case, statistics.statistics.get("ended"))
        yield Said(
            named, statement, patience, partial(words_of, statistics), abs(size) if is_number(size) else 0.0, explains,
            Reason.RETRAINED if expected or settled else None,
        )  # fmt: skip


def of_baseline(statistics: DriftStatistics, subject: Subject, policy: AlertPolicy) -> Iterator[Said]:
    """Whether what the model's signals are compared with has expired."""
    baseline = stale_baselines.named_in(statistics.statistics)
    severity = policy.severity(BASELINE_STALE.name, BASELINE_STALE.severity)
    if baseline is None or severity is None:
        return
    named, at = labels(BASELINE_STALE, severity, model=statistics.model), statistics.window.end
    case = subject.cases.get(fingerprint(named)) if subject.cases else None
    condition = stale_baselines.assess(baseline, at, 0 if case is None else case.episode.heard)
    if condition is Condition.HOLDS or case is not None:
        say = partial(words.of_stale_baseline, statistics.model, baseline)
        yield Said(named, Statement(condition, at), Patience(0, policy.keep_firing_for_s * 1000, 0), say)


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
    source = statistics.offsets[0].partition if statistics.offsets else -1
    for version, condition, tell in clock_statements.of_gaps(counts, subject, (model, source, at), policy):
        yield from said(CLOCK_SKEW, "shadow", condition, tell, version)


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
        yield from said(CLOCK_SKEW, *clock_statements.of_ahead(counts, subject, (full_name(topic), source, at), policy))
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
