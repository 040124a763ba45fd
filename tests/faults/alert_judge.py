"""The judgement on alerts, from the topics, from Alertmanager's API and from what its receiver was told: nothing else.

- *On the topic* stands what `alert_rules` expects from `drift.statistics`, change by change, with its event times and the record
  that decided; each event id once, each fingerprint firing and resolved in turn, one fingerprint an alert.
- *At Alertmanager* fires what fires by the topic's last word, and nothing else.
- *At the receiver* each alert's last state is the topic's. Whatever came is one of the topic's episodes: its `startsAt` is when
  the record was written, so fingerprint, `startsAt` and status tell a repetition from news. An episode that lasted while
  Alertmanager was there was told.
- *What is held back* is as many, by reason, as the rules say; the service's counters say how many it held back.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.faults.alert_rules import Expected, Rules, expected, name_of, statement_of
from tests.integration.committed import Seen

__all__ = ["PATIENCE_MS", "AlertReport", "Notified", "Told", "fires", "judge", "milliseconds", "told_of"]

#: An episode that lasted so long, in one stretch with Alertmanager there, was told. Longer than any rebalance after a kill.
PATIENCE_MS = 60_000
_EXAMPLES = 3


class Told(NamedTuple):
    """One record of `alerts`. ``starts``, ``ends`` are event times, ``written`` that of the record (ms); ``ends`` 0: it fires."""

    id: str
    fingerprint: str
    name: str
    status: str
    starts: int
    ends: int
    cause: str
    written: int
    partition: int


class Notified(NamedTuple):
    """One alert in one notification. ``fingerprint`` is Alertmanager's; times in ms, ``ends`` 0 of one that fires."""

    name: str
    fingerprint: str
    status: str
    starts: int
    ends: int


@dataclass
class AlertReport:
    """What was found; ``problems`` is empty where all is well."""

    problems: list[str]
    figures: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing wrong, by any account."""
        return not self.problems

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"faults: {'; '.join(self.faults) or 'none'}"
        yield from self.notes
        yield from (
            f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}" for name, value in self.figures.items()
        )
        yield "passed" if self.passed else "FAILED\n  " + "\n  ".join(self.problems)


def milliseconds(text: str) -> int:
    """RFC 3339 to milliseconds since the epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def told_of(record: Seen) -> Told:
    """A record of `alerts`."""
    event = json.loads(record.value or b"")
    data = event["data"]
    ends = milliseconds(data["endsAt"]) if data["status"] == "resolved" else 0
    return Told(
        event["id"], data["fingerprint"], name_of(data["labels"]), data["status"], milliseconds(data["startsAt"]), ends,
        event.get("causationid", ""), record.timestamp, record.partition,
    )  # fmt: skip


def fires(told: Iterable[Told]) -> set[str]:
    """The alerts that fire by the topic's last word."""
    last = {each.name: each.status for each in told}
    return {name for name, status in last.items() if status == "firing"}


def judge(
    statistics: Mapping[int, Sequence[Seen]],
    alerts: Mapping[int, Sequence[Seen]],
    active: Sequence[Mapping[str, Any]],
    notified: Sequence[Notified],
    rules_of: Callable[[str], Rules],
    held_back: Mapping[str, float],
    there: Sequence[tuple[int, int]],
) -> AlertReport:
    """Compare all accounts. ``active``: what Alertmanager has; ``there``: when it was (ms); records by partition, in order."""
    told = {partition: [told_of(record) for record in records] for partition, records in alerts.items()}
    everything = [each for records in told.values() for each in records]
    problems, held, wanted = list[str](), Counter[str](), 0
    for partition, records in statistics.items():
        changes, of_partition = expected(map(statement_of, records), rules_of)
        held, wanted = held + of_partition, wanted + len(changes)
        problems += _topic(partition, changes, told.get(partition, []))
    problems += _identity(everything)
    problems += _alertmanager(everything, active)
    episodes, unseen, problems_there = _receiver(everything, notified, there)
    problems += problems_there
    if dict(held_back) != {reason: float(count) for reason, count in held.items()}:
        problems.append(f"held back, by the service {dict(held_back)}, by the rules {dict(held)}")
    figures = {
        "records of statistics": sum(map(len, statistics.values())),
        "changes on the topic": len(everything), "changes by the rules": wanted,
        "alerts that were told": len({each.name for each in everything}), "alerts that fire at the end": len(fires(everything)),
        "held back at first": ", ".join(f"{reason} {count:,}" for reason, count in sorted(held.items())) or "nothing",
        "alerts in notifications": len(notified), "of them repetitions": len(notified) - len(set(notified)),
        "episodes": episodes, "episodes the receiver did not see, over before they could be told": unseen,
    }  # fmt: skip
    return AlertReport(problems, figures)


def _topic(partition: int, wanted: Sequence[Expected], told: Sequence[Told]) -> Iterator[str]:
    found = [Expected(each.name, each.status, each.starts, each.ends, each.cause) for each in told]
    missing, extra = Counter(wanted) - Counter(found), Counter(found) - Counter(wanted)
    yield from _some(f"missing on alerts-{partition}", missing.elements())
    yield from _some(f"not to be told, or twice, on alerts-{partition}", extra.elements())
    if not missing and not extra and found != list(wanted):
        at = next(at for at, pair in enumerate(zip(found, wanted, strict=True)) if pair[0] != pair[1])
        yield f"in another order on alerts-{partition}: {found[at]} where {wanted[at]} was due"


def _identity(told: Sequence[Told]) -> Iterator[str]:
    yield from _some("an event id twice", (id_ for id_, count in Counter(each.id for each in told).items() if count > 1))
    names, last = defaultdict[str, set[str]](set), dict[str, str]()
    for each in told:
        names[each.fingerprint].add(each.name)
        if not each.id.startswith(f"{each.fingerprint}/{each.status}/"):
            yield f"the id of {each} does not say what it is"
        if each.status == last.get(each.name, "resolved"):
            yield f"{each.status} twice in a row: {each}"
        last[each.name] = each.status
    yield from _some("a fingerprint of two alerts", (mark for mark, of in names.items() if len(of) > 1))
    if len(names) != len({each.name for each in told}):
        yield f"{len(names)} fingerprints of {len({each.name for each in told})} alerts"


def _alertmanager(told: Sequence[Told], active: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    wanted, found = fires(told), Counter(name_of(each["labels"]) for each in active)
    yield from _some("does not fire at Alertmanager", sorted(wanted - found.keys()))
    yield from _some("fires at Alertmanager and is over", sorted(found.keys() - wanted))
    yield from _some("twice at Alertmanager", (name for name, count in found.items() if count > 1))
    begun = {(each.name, each.written) for each in told if each.status == "firing"}
    ours = ((name_of(each["labels"]), milliseconds(each["startsAt"])) for each in active)
    yield from _some("at Alertmanager an episode that is none of the topic", (each for each in ours if each not in begun))


def _receiver(
    told: Sequence[Told], notified: Sequence[Notified], there: Sequence[tuple[int, int]]
) -> tuple[int, int, Iterable[str]]:
    """How many episodes there were, how many the receiver did not see, and what is wrong with that."""
    begun, over, problems = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list), list[str]()
    for each in told:
        (begun if each.status == "firing" else over)[each.name].append(each.written)
    marks, last, seen = defaultdict[str, set[str]](set), dict[str, str](), set[tuple[str, int]]()
    for news in notified:
        marks[news.fingerprint].add(news.name)
        last[news.name] = news.status
        seen.add((news.name, news.starts))
        if news.starts not in begun[news.name] or (news.ends and news.ends not in over[news.name]):
            problems.append(f"at the receiver an episode that is none of the topic: {news}")
    problems = problems[:_EXAMPLES]
    problems += _some("one fingerprint of two alerts at the receiver", (mark for mark, names in marks.items() if len(names) > 1))
    firing = fires(told)
    problems += _some("the receiver was not told that it fires", (name for name in firing if last.get(name) != "firing"))
    problems += _some(
        "the receiver was not told that it is over", (name for name in last.keys() - firing if last[name] == "firing")
    )
    unseen = 0
    for name, starts in begun.items():
        for at, start in enumerate(starts):
            if all((name, earlier) not in seen for earlier in starts[: at + 1]):
                unseen += 1
                end = over[name][at] if at < len(over[name]) else None
                problems += _long(name, start, end, there)
    return sum(map(len, begun.values())), unseen, problems


def _long(name: str, start: int, end: int | None, there: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Whether Alertmanager could have been told of this episode."""
    longest = max((min(until, end or until) - max(since, start) for since, until in there), default=0)
    if longest >= PATIENCE_MS:
        yield f"the receiver never heard of {name}, which fired for {longest / 1000:.0f} s while Alertmanager was there"


def _some(what: str, examples: Iterable[object]) -> Iterator[str]:
    """One line, however many there are."""
    found = list(examples)
    if found:
        yield f"{what}: {len(found)}, as {'; '.join(map(str, found[:_EXAMPLES]))}"
