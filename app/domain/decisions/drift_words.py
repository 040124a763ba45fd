"""What a drift says to the person who is woken by it: what moved, which way, from what to what, since when, and how sure that is.

The summary is one sentence for a pager; the description adds how good its figures are, what they are compared with, and what
the drift may mean. Every figure is in the signal's own unit or a share of the traffic, and is the one that the detector's
finding is about: a mean where values lie higher, a standard deviation where they scatter, the stretch of values that gained
most where only the shape changed. The scores that the scan computes with are never shown.

The figures are those of the alarm, and an alarm comes early: often a dozen values. So the text says how many values they rest
on, and that they stay as they are. What the statistics do not have is left out, never guessed.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, NamedTuple

from app.domain.decisions.alert_kinds import segment_label, short, signal_label
from app.domain.decisions.amounts import amount, is_interval, is_number, percent
from app.domain.decisions.traffic_words import Words, fitted, when
from schemas.statistics import DriftStatistics, SignalKind

__all__ = ["of_signal"]

#: How ``app.domain.detection.signals`` calls the categories that have no share of their own.
_OTHER = "(other)"
_LABEL_BYTES = 60
#: A standard deviation that is so many times larger or smaller is spoken of, whatever the finding is about.
_FAR = 2.0


class _Said(NamedTuple):
    """How one kind of signal is spoken of. ``always``: what a share of events does, where only one direction alerts."""

    noun: str
    meaning: str
    unit: str = ""
    plural: bool = False
    always: str = ""


_SIGNALS: Mapping[SignalKind, _Said] = {
    "feature": _Said(
        "feature {name} of {whose}",
        "The inputs are no longer those of the reference; this alone does not say that the answers are worse.",
    ),
    "missing": _Said(
        "feature {name} of {whose}",
        "A source or a join in front of the model may be broken; answers without this input may be worse.",
        always="is missing more often",
    ),
    "prediction": _Said("the predictions of {whose}", "The model no longer answers as it did in the reference.", plural=True),
    "disagreement": _Said(
        "the answers of {whose}",
        "Both models answer the same requests, so one of the two has changed, or what only one of them reads.",
        plural=True,
        always="disagree with the live model more often",
    ),
    "difference": _Said(
        "the difference of {whose} to the live model",
        "Season and traffic are the same for both, so one of the two models has changed, or what only one of them reads.",
    ),
    "latency": _Said(
        "the latency of {whose}", "Users wait for a legacy model; a shadow's latency tells of its roll-out.", unit="ms"
    ),
    "cost": _Said("the cost of an answer of {whose}", "The bill follows."),
    "match_rate": _Said(
        "requests of {whose}",
        "Requests that do not meet are missing from every comparison, and not by chance: do not decide on what is left.",
        plural=True,
        always="are answered by all models less often",
    ),
}
#: The same for one label of class probabilities.
_PROBABILITY = _SIGNALS["prediction"]._replace(noun="the probability that {whose} gives to {name}", plural=False)


def of_signal(statistics: DriftStatistics) -> Words:
    """The words for a drift of one signal."""
    kind, figures = statistics.signal.kind, statistics.statistics
    said = _PROBABILITY if kind == "prediction" and statistics.signal.name else _SIGNALS[kind]
    noun = _noun(said, statistics)
    effect = figures.get("effect")
    known = effect if isinstance(effect, dict) else figures
    direction = figures.get("direction")
    aspect, _, way = direction.rpartition(" ") if isinstance(direction, str) else ("", "", "")
    happened, size = _moved(said, aspect, way, known)
    summary = f"{noun[0].upper()}{noun[1:]} {happened}{f': {size}' if size else ''}{_since(statistics)}"
    return fitted(summary, [_estimate(known, aspect), _reference(figures), _sureness(statistics), said.meaning])


def _noun(said: _Said, statistics: DriftStatistics) -> str:
    name = signal_label(statistics.signal).partition("/")[2]
    parts = [statistics.model, statistics.version]
    if statistics.role != "all":
        parts.append(f"({statistics.role})")
    if statistics.segment:
        parts.append(f"in {segment_label(statistics.segment)}")
    return said.noun.format(name=name, whose=" ".join(part for part in parts if part))


def _moved(said: _Said, aspect: str, way: str, known: Mapping[str, Any]) -> tuple[str, str]:
    """What happened, and from what to what."""
    if said.always:
        return f"{said.always} than in the reference", _of_share(_move(known, ""))
    if aspect.startswith("share"):
        label = aspect.removeprefix("share").removeprefix(" of ")
        what = "another value than those known" if label == _OTHER else f"'{short(label, _LABEL_BYTES)}'" if label else "true"
        often = "more" if way == "up" else "less"
        return f"{_is(said)} {what} {often} often than in the reference", _of_share(_move(known, label))
    if aspect == "location":
        word = "higher" if way == "up" else "lower"
        return f"{_is(said)} {word} than in the reference", _of_location(known, way, said.unit)
    if aspect == "spread":
        scatter = ("scatter" if said.plural else "scatters") + (" more" if way == "up" else " less")
        return f"{scatter} than in the reference", _of_pair(known, "standard deviation", "sd", said.unit)
    if aspect:
        parts = [_of_shape(known, said.unit), *_of_moments(known, said.unit)]
        return f"{_is(said)} distributed otherwise than in the reference", ", ".join(part for part in parts if part)
    return ("have" if said.plural else "has") + " drifted", _of_pair(known, "mean", "mean", said.unit)


def _is(said: _Said) -> str:
    return "are" if said.plural else "is"


def _of_location(known: Mapping[str, Any], way: str, unit: str) -> str:
    """The means; but where a few extremes pull them the other way than most values went, where the values went."""
    now, before = known.get("mean"), known.get("reference_mean")
    contrary = is_number(now) and is_number(before) and now != before and (now > before) != (way == "up")
    return (contrary and _of_shape(known, unit)) or _of_pair(known, "mean", "mean", unit)


def _of_pair(known: Mapping[str, Any], name: str, key: str, unit: str) -> str:
    now, before = known.get(key), known.get(f"reference_{key}")
    if not (is_number(now) and is_number(before)):
        return ""
    return f"{name} {amount(now, unit)} in place of {amount(before, unit)}"


def _of_moments(known: Mapping[str, Any], unit: str) -> Iterator[str]:
    """Of mean and standard deviation those that moved far as well."""
    mean, mean_before, sd, sd_before = (known.get(name) for name in ("mean", "reference_mean", "sd", "reference_sd"))
    if is_number(mean) and is_number(mean_before) and is_number(sd_before) and abs(mean - mean_before) > sd_before:
        yield _of_pair(known, "mean", "mean", unit)
    if is_number(sd) and is_number(sd_before) and not sd_before / _FAR <= sd <= sd_before * _FAR:
        yield _of_pair(known, "standard deviation", "sd", unit)


def _of_share(move: Mapping[str, Any]) -> str:
    now, before = move.get("share"), move.get("reference_share")
    if not (is_number(now) and is_number(before)):
        return ""
    return f"{percent(now)} in place of {percent(before)}"


def _move(known: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    """The figures of one share: that of the label, else the one that moved most, else those of the window."""
    moves = known.get("moved_most")
    listed: list[Mapping[str, Any]] = [m for m in moves if isinstance(m, dict)] if isinstance(moves, list) else []
    named = [move for move in listed if label and str(move.get("label"))[:64] == label]
    return (named or ([] if label else listed) or [known])[0]


def _of_shape(known: Mapping[str, Any], unit: str) -> str:
    """Where the values went: the neighbouring classes that gained, of those the ones that gained most together."""
    histogram = known.get("histogram")
    if not isinstance(histogram, dict):
        return ""
    ends, shares, before = (_numbers(histogram.get(name)) for name in ("ends", "shares", "reference_shares"))
    if not len(shares) == len(before) == len(ends) + 1:
        return ""
    moves = [now - then for now, then in zip(shares, before, strict=True)]
    runs = [[at for at, _ in run] for gained, run in groupby(enumerate(moves), key=lambda move: move[1] > 0) if gained]
    run = max(runs, key=lambda run: sum(moves[at] for at in run), default=[])
    if not run:
        return ""
    now, then = (sum(part[at] for at in run) for part in (shares, before))
    return f"{percent(now)} of the values {_stretch(ends, run[0], run[-1], unit)} in place of {percent(then)}"


def _numbers(values: object) -> list[float]:
    return [value for value in values if is_number(value)] if isinstance(values, list) else []


def _stretch(ends: list[float], first: int, last: int, unit: str) -> str:
    """Where the classes from ``first`` to ``last`` lie; a value belongs to the class below the end that it equals."""
    if first == 0:
        return f"are at most {amount(ends[last], unit)}" if last < len(ends) else "are anywhere"
    low = amount(ends[first - 1], unit)
    return f"are above {low}" if last >= len(ends) else f"are above {low} and at most {amount(ends[last], unit)}"


def _since(statistics: DriftStatistics) -> str:
    change = statistics.statistics.get("change")
    if isinstance(change, dict) and is_number(change.get("timestamp")):
        return f", since about {when(int(change['timestamp']))}"
    return f", seen in the {statistics.window.events:,} events up to {when(statistics.window.end)}"


def _estimate(known: Mapping[str, Any], aspect: str) -> str:
    """How good the size is: the values behind it, and the interval that it lies in."""
    values = known.get("values")
    if not (is_number(values) and values > 0):
        return ""
    text = f"A first estimate, from the {values:,.0f} values between the change and the alarm; the page shows what holds now."
    difference, interval = known.get("difference_sd"), known.get("difference_sd_interval")
    if aspect == "location" and is_number(difference) and is_interval(interval):
        low, high = interval
        return f"{text} That is {difference:+.2f} standard deviations of the reference (95 % interval {low:+.2f} to {high:+.2f})."
    return text


def _reference(figures: Mapping[str, Any]) -> str:
    reference, baseline = figures.get("reference"), figures.get("baseline")
    values = reference.get("values") if isinstance(reference, dict) else None
    if not is_number(values):
        return ""
    first, last = _warm_up(baseline.get("id") if isinstance(baseline, dict) else None)
    span = f", from {when(first)} to {when(last)}" if last else ""
    return f"The reference: the signal's first {values:,.0f} values{span}."


def _warm_up(id_: object) -> tuple[int, int]:
    """The two times of ``warm-up:FIRST-LAST``; zeros for any other baseline."""
    first, _, last = id_.removeprefix("warm-up:").partition("-") if isinstance(id_, str) else ("", "", "")
    return (int(first), int(last)) if first.isdecimal() and last.isdecimal() else (0, 0)


def _sureness(statistics: DriftStatistics) -> str:
    """The detector's score, and how often chance alone reaches its threshold."""
    detector, figures = statistics.detector, statistics.statistics
    text = f"Detector {short(detector.name, 40)}: score {detector.score:.4g}, its threshold is {detector.threshold:.4g}"
    budget, supported = figures.get("values_between_false_alarms"), figures.get("values_supported")
    if not (is_number(budget) and is_number(supported)):
        return f"{text}."
    vouched = f" (a reference of this length vouches for {supported:,.0f})" if supported < budget else ""
    return f"{text}, which chance alone reaches once in {budget:,.0f} values{vouched}."
