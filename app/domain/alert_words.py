"""What an alert says to the person who is woken by it: what is wrong, by how much, since when, and how sure that is.

Figures come from the statistics as they are, in the signal's own unit. What the statistics do not have is left out, never
guessed. Names come from producers, so they are cut: a text has at most ``TEXT_BYTES``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from app.domain.alert_kinds import segment_label, short, signal_label
from schemas.cloudevents import rfc3339
from schemas.statistics import DriftStatistics, SignalKind

__all__ = [
    "TEXT_BYTES", "Words", "of_misrouting", "of_signal", "of_silent_legacy", "of_silent_shadow", "of_unexpected_version", "when"
]  # fmt: skip

TEXT_BYTES = 700
_PERCENT = "%"


class Words(NamedTuple):
    """The annotations ``summary`` and ``description``."""

    summary: str
    description: str


class _Said(NamedTuple):
    """How one kind of signal is spoken of: its name, what happened to it, its unit, and what that means."""

    noun: str
    happened: str
    unit: str
    meaning: str


_SIGNALS: Mapping[SignalKind, _Said] = {
    "feature": _Said(
        "feature {name}", "has drifted", "",
        "The inputs are no longer those of the reference; this alone does not say that the answers are worse.",
    ),
    "missing": _Said(
        "the missing share of {name}", "has risen", _PERCENT,
        "A source or a join in front of the model may be broken; answers without this input may be worse.",
    ),
    "prediction": _Said("the predictions", "have drifted", "", "The model no longer answers as it did in the reference."),
    "disagreement": _Said(
        "the disagreement with the live model", "has risen", _PERCENT,
        "Legacy and shadow answer the same requests differently more often than before: one of the two has changed.",
    ),
    "difference": _Said(
        "the difference to the live model", "has drifted", "",
        "Season and traffic are the same for both, so one of the two models has changed, or what only one of them reads.",
    ),
    "latency": _Said(
        "the latency", "has drifted", "ms", "Users wait for a legacy model; a shadow's latency tells of its roll-out."
    ),
    "cost": _Said("the cost of an answer", "has drifted", "", "The bill follows."),
    "match_rate": _Said(
        "the share of requests that all models answered", "has fallen", _PERCENT,
        "Requests that do not meet are missing from every comparison, and not by chance: do not decide on what is left.",
    ),
}  # fmt: skip


def of_signal(statistics: DriftStatistics) -> Words:
    """The words for a drift of one signal."""
    said = _SIGNALS[statistics.signal.kind]
    label = signal_label(statistics.signal)
    name = label.partition("/")[2]
    whose = _whose(statistics)
    noun = said.noun.format(name=name)
    if name and "{name}" not in said.noun:
        noun = f"{noun} ({name})"
    sentences = [_how_much(statistics.statistics, said.unit), _since(statistics), _detector(statistics), said.meaning]
    return _words(f"{noun[0].upper()}{noun[1:]} of {whose} {said.happened}", sentences)


def of_silent_shadow(model: str, requests: int, at: int) -> Words:
    """The words for a model none of whose expected shadows answers."""
    sentences = [
        f"The last {requests:,} requests of {model} up to {when(at)} had no answer of any shadow that was expected.",
        "Users notice nothing; the comparison stands still.",
        "Either no shadow is running, or it is not sent the requests, or its answers do not reach predictions.shadow.",
    ]
    return _words(f"No expected shadow of {model} answers", sentences)


def of_silent_legacy(model: str, requests: int, at: int) -> Words:
    """The words for a served model that does not answer."""
    sentences = [
        f"The last {requests:,} requests of {model} up to {when(at)} were answered by a shadow and not by the live model.",
        "Either the live model is down, or its answers do not reach predictions.legacy.",
    ]
    return _words(f"The live model of {model} does not answer", sentences)


def of_unexpected_version(model: str, version: str, requests: int, at: int) -> Words:
    """The words for a shadow version that is in the traffic and not in the configuration."""
    sentences = [
        f"{requests:,} answers of shadow version {version} of {model} came in the minute before {when(at)}.",
        "The configured shadows do not have it.",
        "It is compared when it comes in time and never waited for. Add it to `shadows`, or stop the roll-out.",
    ]
    return _words(f"Shadow version {version} of {model} is not expected", sentences)


def of_misrouting(topic: str, misrouted: int, sampled: int) -> Words:
    """The words for an input topic whose keys lie on wrong partitions; ``topic`` is its full name."""
    share = misrouted / sampled if sampled else 0.0
    sentences = [
        f"{misrouted:,} of {sampled:,} sampled keys of {topic} lie on another partition than the Java client would choose.",
        "Halves of one request that lie apart never meet: they come out unpaired.",
        "A producer uses another partitioner. In librdkafka clients (Python, Go, .NET, C, PHP) set partitioner=murmur2_random.",
    ]
    return _words(f"A producer of {topic} misroutes {share:.1%} of its keys", sentences)


def when(time_ms: int) -> str:
    """An event time as people write it.

    >>> when(1_790_000_000_123)
    '2026-09-21 14:13:20 UTC'
    """
    return rfc3339(time_ms)[:19].replace("T", " ") + " UTC"


def _whose(statistics: DriftStatistics) -> str:
    parts = [statistics.model, statistics.version]
    if statistics.role != "all":
        parts.append(f"({statistics.role})")
    if statistics.segment:
        parts.append(f"in {segment_label(statistics.segment)}")
    return " ".join(part for part in parts if part)


def _how_much(figures: Mapping[str, Any], unit: str) -> str:
    """By how much it moved since the estimated change, else in the window, as far as that is said."""
    effect = figures.get("effect")
    known = effect if isinstance(effect, dict) else figures
    direction = figures.get("direction")
    moved = f"{direction[:1].upper()}{direction[1:80]}. " if isinstance(direction, str) and direction else ""
    mean, reference = known.get("mean"), known.get("reference_mean")
    if _is_number(mean) and _is_number(reference):
        return f"{moved}Mean {_amount(mean, unit)}, in the reference {_amount(reference, unit)}{_in_sd(known)}."
    moves = known.get("moved_most")
    if isinstance(moves, list) and moves and isinstance(moves[0], dict):
        return f"{moved}{_share(moves[0], alone=len(moves) == 1)}".strip()
    return moved.strip()


def _share(move: Mapping[str, Any], *, alone: bool) -> str:
    share, reference = move.get("share"), move.get("reference_share")
    if not (_is_number(share) and _is_number(reference)):
        return ""
    of = "" if alone else f" of {short(str(move.get('label', '')), 60)}"
    return f"Share{of} {share:.2%}, in the reference {reference:.2%}."


def _in_sd(known: Mapping[str, Any]) -> str:
    difference = known.get("difference_sd")
    return f" ({difference:+.2f} of its standard deviations)" if _is_number(difference) else ""


def _since(statistics: DriftStatistics) -> str:
    change = statistics.statistics.get("change")
    if not isinstance(change, dict) or not _is_number(change.get("timestamp")):
        return f"Seen in the {statistics.window.events:,} events up to {when(statistics.window.end)}."
    events = change.get("events")
    over = f", {events:,} events ago" if type(events) is int else ""
    return f"Since about {when(int(change['timestamp']))}{over}."


def _detector(statistics: DriftStatistics) -> str:
    detector = statistics.detector
    return f"Detector {short(detector.name, 40)}: score {detector.score:.4g}, its threshold is {detector.threshold:.4g}."


def _amount(value: float, unit: str) -> str:
    if unit == _PERCENT:
        return f"{value:.2%}"
    number = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return f"{number} {unit}".rstrip()


def _is_number(value: object) -> TypeGuard[float]:
    return type(value) in {int, float}


def _words(summary: str, sentences: list[str]) -> Words:
    return Words(short(summary, TEXT_BYTES), short(" ".join(sentence for sentence in sentences if sentence), TEXT_BYTES))
