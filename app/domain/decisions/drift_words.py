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
from typing import Any

from app.domain.decisions.alert_kinds import short
from app.domain.decisions.amounts import amount, is_interval, is_number, percent
from app.domain.decisions.signal_words import SignalWords, words_for
from app.domain.decisions.stale_baselines import named_in
from app.domain.decisions.traffic_words import Words, fitted, since, when
from schemas.statistics import DriftStatistics

__all__ = ["of_signal"]

#: How ``app.domain.detection.signals`` calls the categories that have no share of their own.
_OTHER = "(other)"
_LABEL_BYTES = 60
#: A standard deviation that is so many times larger or smaller is spoken of, whatever the finding is about.
_FAR = 2.0


def of_signal(statistics: DriftStatistics) -> Words:
    """The words for a drift of one signal."""
    figures = statistics.statistics
    direction = figures.get("direction")
    aspect, _, way = direction.rpartition(" ") if isinstance(direction, str) else ("", "", "")
    said = words_for(statistics.signal, aspect)
    noun = said.noun_of(statistics)
    effect = figures.get("effect")
    known = effect if isinstance(effect, dict) else figures
    happened, size = _largest(said, figures) or _moved(said, aspect, way, known)
    summary = f"{noun[0].upper()}{noun[1:]} {happened}{f': {size}' if size else ''}{since(statistics)}"
    return fitted(summary, [_estimate(known, aspect), _reference(figures), _sureness(statistics), said.meaning])


def _largest(said: SignalWords, figures: Mapping[str, Any]) -> tuple[str, str] | None:
    """What happened where most values are lower and the largest of the reference have become more."""
    tail = figures.get("tail")
    if not isinstance(tail, dict) or not is_number(tail.get("above")):
        return None
    share = _of_share(tail)
    size = share and f"{share} are above {amount(tail['above'], said.unit)}"
    return f"{_is(said)} mostly lower than in the reference, but more often among its largest", size


def _moved(said: SignalWords, aspect: str, way: str, known: Mapping[str, Any]) -> tuple[str, str]:
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


def _is(said: SignalWords) -> str:
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
    named = named_in(figures)
    if named is not None:
        version, owner = short(named.version, _LABEL_BYTES), short(named.owner, _LABEL_BYTES)
        return f"The reference: {values:,.0f} values of the baseline {version}, for which {owner} answers."
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
