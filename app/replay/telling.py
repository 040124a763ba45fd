"""Episodes for people and as JSON: of one configuration, of two side by side, of one with and without an injection."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.domain.detection.alarm_counts import poisson_interval
from app.replay.episodes import Episode
from app.replay.injection import Injection
from app.replay.play import Play

__all__ = ["as_data", "beside", "injected", "injected_text", "listed"]


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _judged(episode: Episode | None) -> str:
    if episode is None:
        return "nothing"
    at = episode.drift_ms if episode.drift_ms is not None else episode.began_ms
    word = "drift" if episode.drift_ms is not None else "warning"
    ended = f", quiet {_time(episode.ended_ms)}" if episode.ended_ms is not None else ", still open"
    effect = "" if episode.effect is None else f", effect {episode.effect:+.2f}"
    return f"{word} {_time(at)} {episode.direction}{effect}{ended}"


def listed(play: Play) -> str:
    """The episodes of one configuration, a line each; those that alarmed first told as such."""
    lines = [f"{each.subject}: {_judged(each)}" for each in play.account.episodes()]
    return "".join(f"{line}\n" for line in (*lines, _summary(play)))


def _summary(play: Play) -> str:
    episodes = list(play.account.episodes())
    drifts = sum(each.drift_ms is not None for each in episodes)
    warnings = len(episodes) - drifts
    low, high = poisson_interval(play.alarms.passed)
    return (
        f"{play.pairs:,} pairs, {play.account.records:,} statistics, {drifts} episodes of drift, {warnings} of warning; "
        f"{play.alarms.passed} passed by themselves (95 % interval of their mean {low:.1f} to {high:.1f}), "
        f"the budget grants {play.alarms.granted:.2g} false alarms"
    )


def _matched(left: Iterable[Episode], right: Iterable[Episode]) -> list[tuple[Episode | None, Episode | None]]:
    """Episodes of the same signal that overlap stand beside each other."""
    rest, rows = list(right), list[tuple[Episode | None, Episode | None]]()
    for one in left:
        other = next((each for each in rest if _is_same(one, each)), None)
        if other is not None:
            rest.remove(other)
        rows.append((one, other))
    rows += [(None, each) for each in rest]
    return sorted(rows, key=lambda row: min(each.began_ms for each in row if each is not None))


def _is_same(one: Episode, other: Episode) -> bool:
    if (one.subject, one.partition) != (other.subject, other.partition):
        return False
    ends = [each.ended_ms if each.ended_ms is not None else float("inf") for each in (one, other)]
    return one.began_ms <= ends[1] and other.began_ms <= ends[0]


def beside(names: Sequence[str], plays: Sequence[Play]) -> str:
    """Two configurations: each signal's episodes, and what either said of them."""
    lines = []
    for one, other in _matched(plays[0].account.episodes(), plays[1].account.episodes()):
        subject = next(each.subject for each in (one, other) if each is not None)
        lines += [subject, f"  {names[0]}: {_judged(one)}", f"  {names[1]}: {_judged(other)}"]
    lines += [f"{name}: {_summary(play)}" for name, play in zip(names, plays, strict=True)]
    return "".join(f"{line}\n" for line in lines)


def injected(injection: Injection, without: Play, with_it: Play) -> dict[str, Any]:
    """What an injection changed: how soon each signal was found to drift that would not have been; what was said before."""
    known = list(without.account.episodes())
    found, before = [], 0
    for each in with_it.account.episodes():
        hit = with_it.hit.get(each.partition)
        if each.drift_ms is None or each.drift_offset is None:
            continue
        if hit is None or each.drift_offset < hit[0]:
            before += 1
        elif not any(_is_same(each, other) and other.drift_offset == each.drift_offset for other in known):
            found.append({"subject": each.subject, "partition": each.partition, "delay_events": each.drift_offset - hit[0] + 1,
                          "delay_ms": each.drift_ms - hit[1], "direction": each.direction, "effect": each.effect})  # fmt: skip
    return {"injection": injection.text, "found": sorted(found, key=lambda row: row["delay_events"]), "alarms_before": before}


def injected_text(data: dict[str, Any]) -> str:
    """The same for people."""
    lines = [
        f"{row['subject']} on partition {row['partition']}: drift after {row['delay_events']:,} pairs, "
        f"{row['delay_ms'] / 1000:,.0f} s, {row['direction']}, effect {row['effect']:+.2f}"
        for row in data["found"]
    ]
    lines = lines or ["not found: no signal drifted that would not have drifted without it"]
    return "".join(f"{line}\n" for line in (data["injection"], *lines, f"alarms before it: {data['alarms_before']}"))


def as_data(name: str, play: Play) -> dict[str, Any]:
    """One configuration's episodes and counts."""
    return {"configuration": name, "pairs": play.pairs, "statistics": play.account.records, **play.alarms.figures(),
            "episodes": [msgspec.to_builtins(each) for each in play.account.episodes()]}  # fmt: skip
