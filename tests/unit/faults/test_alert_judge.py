"""The judge of alerts, given accounts in which one thing was spoiled: it must find that, and nothing in good ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agents.decide import DecideFold
from app.domain.decisions.alert_message import Links
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.decisions.window_expiry import FOR_EVER
from schemas.limits import Limits
from tests.decide_builders import LogRecord, Outbox, as_run
from tests.faults.alert_conditions import GROUPS, STEP_MS, Conditions, group_of
from tests.faults.alert_judge import AlertReport, Notified, fires, judge, told_of
from tests.faults.alert_rules import Rules
from tests.integration.committed import Seen

#: When the records of the n-th step were written, by the clock; a step is ten seconds.
_WRITTEN, _STEP_CLOCK_MS = 1_795_000_000_000, 10_000


@dataclass
class Accounts:
    """What all sides say of one run, which is good."""

    statistics: list[Seen]
    alerts: list[Seen]
    active: list[dict[str, Any]]
    notified: list[Notified]
    held: dict[str, float]
    there: tuple[tuple[int, int], ...] = ((_WRITTEN - 10_000, _WRITTEN + 1_000_000),)

    def judged(self) -> AlertReport:
        return judge(
            {0: self.statistics}, {0: self.alerts}, self.active, self.notified, lambda model: Rules(**GROUPS[group_of(model)]),
            self.held, self.there,
        )  # fmt: skip


def _decided(statistics: Iterable[Seen]) -> tuple[list[Seen], dict[str, float]]:
    """What the service decides of these, each record written when its statistics were."""
    decide = DecideFold(
        0, 1, str, lambda model: AlertPolicy(**GROUPS[group_of(model)]), lambda _: RetrainPolicy(enabled=False),
        Links("http://127.0.0.1:8080", "https://runbooks.example.com"), Limits(), FOR_EVER,
    )  # fmt: skip
    alerts = list[Seen]()
    for at, each in enumerate(statistics):
        out = Outbox()
        headers = [(name, value or b"") for name, value in each.headers]
        decide.feed(0, as_run([LogRecord(at, each.timestamp, each.key, each.value, headers)], at, at + 1), out)
        for one in out:
            value = json.dumps(one.event).encode()
            alerts.append(Seen("alerts", 0, len(alerts), one.key, value, (), each.timestamp + len(alerts) % 100, 0.0))
    figures = {name: value for name, value in decide.figures().items() if name.startswith("alerts_held_back_total") and value}
    return alerts, {name.partition('reason="')[2].partition('"')[0]: value for name, value in figures.items()}


@pytest.fixture(scope="module")
def good() -> Accounts:
    records = list(Conditions(80, seed=5).records())
    first = records[0].at
    statistics = [
        Seen("drift.statistics", 0, at, each.key, each.value, (("ce_id", each.id.encode()),),
             _WRITTEN + (each.at - first) // STEP_MS * _STEP_CLOCK_MS, 0.0)
        for at, each in enumerate(records)
    ]  # fmt: skip
    alerts, held = _decided(statistics)
    notified, begun = list[Notified](), dict[str, int]()
    for told in map(told_of, alerts):
        begun[told.name] = told.written if told.status == "firing" else begun[told.name]
        ends = told.written if told.status == "resolved" else 0
        notified.append(Notified(told.name, f"am-{told.fingerprint}", told.status, begun[told.name], ends))
    active = [{"labels": json.loads(name), "startsAt": _rfc3339(begun[name])} for name in fires(map(told_of, alerts))]
    return Accounts(statistics, alerts, active, notified, held)


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def test_good_accounts_pass_and_have_all_there_is(good: Accounts) -> None:
    report = good.judged()
    assert report.problems == []
    assert set(good.held) == {"inhibited", "merged", "over_budget"}
    told = [told_of(each) for each in good.alerts]
    assert len(told) > 100
    flapping = max(sum(each.name == name and each.status == "firing" for each in told) for name in {each.name for each in told})
    assert flapping >= 3
    reasons = {json.loads(each.value or b"")["data"]["evidence"]["reason"] for each in good.alerts}
    assert reasons == {"held", "goes_on", "stayed_clear", "forgotten"}


def test_repetitions_at_the_receiver_are_counted_and_no_fault(good: Accounts) -> None:
    report = replace(good, notified=[*good.notified[:50], *good.notified[40:]]).judged()
    assert report.problems == []
    assert report.figures["of them repetitions"] == 10


def _bent(record: Seen, old: bytes, new: bytes) -> Seen:
    value = (record.value or b"").replace(old, new, 1)
    assert value != record.value
    return record._replace(value=value)


def _swapped(rows: list[Any], one: int, other: int) -> list[Any]:
    rows = list(rows)
    rows[one], rows[other] = rows[other], rows[one]
    return rows


def _last(rows: list[Any], status: str) -> int:
    """The last change to this state."""
    return max(at for at, row in enumerate(rows) if (row.status if isinstance(row, Notified) else told_of(row).status) == status)


def _without(rows: list[Any], at: int) -> list[Any]:
    return rows[:at] + rows[at + 1 :]


def _statistics_of_a_first(good: Accounts) -> int:
    """The place of the record of statistics that the first change on the topic rests on."""
    cause = told_of(good.alerts[0]).cause.encode()
    return next(at for at, each in enumerate(good.statistics) if each.headers[0][1] == cause)


SPOILED: dict[str, tuple[Callable[[Accounts], Accounts], str]] = {
    "a change is lost": (lambda it: replace(it, alerts=_without(it.alerts, 7)), "missing on alerts-0: 1,"),
    "the last change is lost": (lambda it: replace(it, alerts=it.alerts[:-1]), "missing on alerts-0: 1,"),
    "a change comes twice": (lambda it: replace(it, alerts=[*it.alerts[:8], *it.alerts[7:]]), "an event id twice: 1,"),
    "a change that was not to be": (
        lambda it: replace(it, alerts=[*it.alerts, _bent(it.alerts[_last(it.alerts, "firing")], b"/firing/", b"/firing/x")]),
        "not to be told, or twice, on alerts-0: 1,",
    ),
    "two changes in another order": (lambda it: replace(it, alerts=_swapped(it.alerts, 3, 4)), "in another order on alerts-0"),
    "another startsAt": (
        lambda it: replace(it, alerts=[_bent(it.alerts[0], b'"startsAt": "2026', b'"startsAt": "2025'), *it.alerts[1:]]),
        "missing on alerts-0: 1,",
    ),
    "an id that is not its own": (
        lambda it: replace(it, alerts=[_bent(it.alerts[0], b"/firing/", b"/resolved/"), *it.alerts[1:]]),
        "does not say what it is",
    ),
    "two alerts of one fingerprint": (
        lambda it: replace(it, alerts=[
            _bent(each, b'"fingerprint": "%s"' % told_of(each).fingerprint.encode(), b'"fingerprint": "f"') for each in it.alerts
        ]),
        "a fingerprint of two alerts: 1,",
    ),
    "a record of the input is not judged by": (
        lambda it: replace(it, statistics=_without(it.statistics, _statistics_of_a_first(it))), "not to be told, or twice",
    ),
    "a record of the input says otherwise": (
        lambda it: replace(it, statistics=[
            _bent(each, b'"state": "drift"', b'"state": "quiet"') if at == _statistics_of_a_first(it) else each
            for at, each in enumerate(it.statistics)
        ]),
        "not to be told, or twice",
    ),
    "an alert is lost at Alertmanager": (lambda it: replace(it, active=it.active[1:]), "does not fire at Alertmanager: 1,"),
    "a resolve is lost at Alertmanager": (
        lambda it: replace(it, active=[*it.active, {
            "labels": json.loads(told_of(it.alerts[_last(it.alerts, "resolved")]).name),
            "startsAt": _rfc3339(told_of(it.alerts[_last(it.alerts, "resolved")]).written),
        }]),
        "fires at Alertmanager and is over: 1,",
    ),
    "an alert is twice at Alertmanager": (
        lambda it: replace(it, active=[*it.active, it.active[0]]),
        "twice at Alertmanager: 1,",
    ),
    "Alertmanager has another episode": (
        lambda it: replace(it, active=[it.active[0] | {"startsAt": _rfc3339(_WRITTEN - 1)}, *it.active[1:]]),
        "at Alertmanager an episode that is none of the topic: 1,",
    ),
    "the receiver is not told the last firing": (
        lambda it: replace(it, notified=_without(it.notified, _last(it.notified, "firing"))),
        "the receiver was not told that it fires",
    ),
    "the receiver is not told the last resolve": (
        lambda it: replace(it, notified=_without(it.notified, _last(it.notified, "resolved"))),
        "the receiver was not told that it is over",
    ),
    "the receiver is told of it under another startsAt": (
        lambda it: replace(it, notified=[*it.notified[:9], it.notified[9]._replace(starts=1), *it.notified[9:]]),
        "at the receiver an episode that is none of the topic",
    ),
    "the receiver is told of an end that is none": (
        lambda it: replace(it, notified=[
            *it.notified, it.notified[_last(it.notified, "resolved")]._replace(ends=it.notified[-1].ends + 1),
        ]),
        "at the receiver an episode that is none of the topic",
    ),
    "one fingerprint of two alerts at the receiver": (
        lambda it: replace(it, notified=[each._replace(fingerprint="f") for each in it.notified]),
        "one fingerprint of two alerts at the receiver: 1,",
    ),
    "the receiver never heard of a long episode": (
        lambda it: replace(it, notified=[each for each in it.notified if each.name != _longest(it)]),
        "the receiver never heard of",
    ),
    "one more is held back": (
        lambda it: replace(it, held={reason: value + (reason == "merged") for reason, value in it.held.items()}),
        "held back, by the service",
    ),
}  # fmt: skip


def _longest(good: Accounts) -> str:
    """The name of the alert with the longest episode that is over."""
    told = [told_of(each) for each in good.alerts]
    return max((each.ends - each.starts, each.name) for each in told if each.ends)[1]


@pytest.mark.parametrize("name", list(SPOILED))
def test_what_was_spoiled_is_found(good: Accounts, name: str) -> None:
    spoil, wanted = SPOILED[name]

    problems = spoil(good).judged().problems

    assert any(wanted in problem for problem in problems), problems


def test_an_episode_is_excused_where_alertmanager_was_away(good: Accounts) -> None:
    name = _longest(good)
    fired = [told_of(each).written for each in good.alerts if told_of(each).name == name]
    away = (good.there[0][0], min(fired) - 1), (max(fired) + 1, good.there[0][1])

    report = replace(good, notified=[each for each in good.notified if each.name != name], there=away).judged()

    assert report.problems == []
    assert report.figures["episodes the receiver did not see, over before they could be told"] == len(fired) / 2


def test_every_condition_of_the_run_drifts_and_comes_to_fire_or_is_held_back() -> None:
    conditions = Conditions(400, seed=26)
    assert len(conditions) == 400
    assert all("drift" in course for course in conditions.courses.values())
    assert {state for course in conditions.courses.values() for state in course} == {"", "drift", "quiet", "warming", "warning"}
