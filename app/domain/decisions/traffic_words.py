"""What an alert that no detector raises says to people: who is silent, who came unexpected, what is misrouted, refused, stale.

What a drift says is in ``app.domain.decisions.drift_words``. Names come from producers, so they are cut: a text has at most
``TEXT_BYTES``.
"""

from typing import NamedTuple

from app.domain.decisions.alert_kinds import short
from app.domain.decisions.amounts import is_number
from app.domain.decisions.stale_baselines import NamedBaseline
from schemas.cloudevents import rfc3339
from schemas.statistics import DriftStatistics

__all__ = [
    "TEXT_BYTES", "Words", "fitted", "of_misrouting", "of_pause", "of_refusals", "of_silent_legacy", "of_silent_shadow",
    "of_stale_baseline", "of_unexpected_version", "since", "when",
]  # fmt: skip

TEXT_BYTES = 1_000
_NAME_BYTES = 80


class Words(NamedTuple):
    """The annotations ``summary`` and ``description``."""

    summary: str
    description: str


def of_silent_shadow(model: str, requests: int, at: int) -> Words:
    """The words for a model none of whose expected shadows answers."""
    sentences = [
        f"The last {requests:,} requests of {model} up to {when(at)} had no answer of any shadow that was expected.",
        "Users notice nothing; the comparison stands still.",
        "Either no shadow is running, or it is not sent the requests, or its answers do not reach predictions.shadow.",
    ]
    return fitted(f"No expected shadow of {model} answers", sentences)


def of_silent_legacy(model: str, requests: int, at: int) -> Words:
    """The words for a served model that does not answer."""
    sentences = [
        f"The last {requests:,} requests of {model} up to {when(at)} were answered by a shadow and not by the live model.",
        "Either the live model is down, or its answers do not reach predictions.legacy.",
    ]
    return fitted(f"The live model of {model} does not answer", sentences)


def of_unexpected_version(model: str, version: str, requests: int, at: int) -> Words:
    """The words for a shadow version that is in the traffic and not in the configuration."""
    sentences = [
        f"{requests:,} answers of shadow version {version} of {model} came in the minute before {when(at)}.",
        "The configured shadows do not have it.",
        "It is compared when it comes in time and never waited for. Add it to `shadows`, or stop the roll-out.",
    ]
    return fitted(f"Shadow version {version} of {model} is not expected", sentences)


def of_misrouting(topic: str, misrouted: int, sampled: int) -> Words:
    """The words for an input topic whose keys lie on wrong partitions; ``topic`` is its full name."""
    share = misrouted / sampled if sampled else 0.0
    sentences = [
        f"{misrouted:,} of {sampled:,} sampled keys of {topic} lie on another partition than the Java client would choose.",
        "Halves of one request that lie apart never meet: they come out unpaired.",
        "A producer uses another partitioner. In librdkafka clients (Python, Go, .NET, C, PHP) set partitioner=murmur2_random.",
    ]
    return fitted(f"A producer of {topic} misroutes {share:.1%} of its keys", sentences)


def of_refusals(topic: str, refused: int, read: int) -> Words:
    """The words for an input topic of which much is refused; ``topic`` is its full name."""
    share = refused / read if read else 0.0
    sentences = [
        f"{refused:,} of the last {read:,} records of {topic} are no events that can be used.",
        "They lie in dead.letters, untouched, each with the reason and the field; all others are processed.",
        "Either a producer writes what the schema does not allow, or something else writes to this topic.",
    ]
    return fitted(f"{share:.1%} of {topic} is refused", sentences)


def of_pause(topic: str, partition: int, refused: int, read: int) -> Words:
    """The words for an input topic that is not read on for now; ``topic`` is its full name."""
    sentences = [
        f"{refused:,} of the last {read:,} records of {topic} were refused, so partition {partition} is paused.",
        "It is tried again every now and then, and read at full speed once most of what comes can be used.",
        "Nothing is lost: what is not read stays in the log. The models on this topic are not watched meanwhile.",
        "Mend or stop the producer; the headers of the records in dead.letters say what is wrong with them.",
    ]
    return fitted(f"Reading of {topic} is paused: nearly all of it is refused", sentences)


def of_stale_baseline(model: str, baseline: NamedBaseline) -> Words:
    """The words for a model whose signals are compared with something that has expired."""
    version, owner = short(baseline.version, _NAME_BYTES), short(baseline.owner, _NAME_BYTES)
    until = "" if baseline.expires is None else f" on {when(baseline.expires)}"
    sentences = [
        f"It is {short(baseline.id, _NAME_BYTES)}; {owner} answers for it.",
        "The signals are judged against it all the same, so what is found may be no more than that the world has moved on.",
        "Make a new one (gnomon baseline create), look at it, and name it in the model's drift.baseline.",
    ]
    return fitted(f"Baseline {version} of {model} expired{until}", sentences)


def when(time_ms: int) -> str:
    """An event time as people write it.

    >>> when(1_790_000_000_123)
    '2026-09-21 14:13:20 UTC'
    """
    return rfc3339(time_ms)[:19].replace("T", " ") + " UTC"


def since(statistics: DriftStatistics) -> str:
    """Since when statistics say that something is otherwise, as the end of a sentence."""
    change = statistics.statistics.get("change")
    if isinstance(change, dict) and is_number(change.get("timestamp")):
        return f", since about {when(int(change['timestamp']))}"
    return f", seen in the {statistics.window.events:,} events up to {when(statistics.window.end)}"


def fitted(summary: str, sentences: list[str]) -> Words:
    """Both texts, each no longer than it may be; empty sentences are left out."""
    return Words(short(summary, TEXT_BYTES), short(" ".join(sentence for sentence in sentences if sentence), TEXT_BYTES))
