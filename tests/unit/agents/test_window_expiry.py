"""A trigger whose window is about to be deleted: what the trigger says of it, and when people are told."""

import pytest

from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from schemas.statistics import DriftStatistics
from tests.decide_builders import Desk, drift, of_type

DAY = 86_400
#: The window of the trigger begins at minute 3, so it may be deleted from minute 1,003 on; people are told 200 minutes before.
KEPT_MS = 1_000 * 60_000
FEATURE = drift(5, "drift", change=3)
ANSWERS = RetrainPolicy(acknowledge_s=2 * DAY)
ASKS = RetrainPolicy(approval="required", approval_expires_s=30 * DAY)


def quiet(first: int, end: int) -> list[DriftStatistics]:
    return [drift(n, "quiet", name="age") for n in range(first, end)]


def told(desk: Desk) -> list[tuple[str, str]]:
    """State and time of each word on the window."""
    alerts = [one for one in of_type(desk.out, "alerts") if one["labels"]["alertname"] == "RetrainWindowExpiring"]
    return [(one["status"], one.get("endsAt", one["startsAt"])) for one in alerts]


# The policy, the retention, and what the trigger's evidence says.
SAID: dict[str, tuple[RetrainPolicy, int, tuple[str | None, bool | None]]] = {
    "long enough for a lease": (RetrainPolicy(), 30 * DAY * 1_000, ("2026-10-21T14:16:20.000Z", False)),
    "shorter than a lease": (RetrainPolicy(lease_s=3 * DAY), 2 * DAY * 1_000, ("2026-09-23T14:16:20.000Z", True)),
    "the answer counts": (RetrainPolicy(acknowledge_s=DAY), 2 * DAY * 1_000, ("2026-09-23T14:16:20.000Z", True)),
    "the approval counts where it is asked for": (
        RetrainPolicy(approval="required"), 2 * DAY * 1_000, ("2026-09-23T14:16:20.000Z", True),
    ),
    "... and only there": (RetrainPolicy(), 2 * DAY * 1_000, ("2026-09-23T14:16:20.000Z", False)),
    "for ever": (RetrainPolicy(), -1, (None, None)),
}  # fmt: skip


@pytest.mark.parametrize("case", SAID)
def test_a_trigger_says_until_when_its_window_is_kept(case: str) -> None:
    policy, retention_ms, wanted = SAID[case]
    [trigger] = Desk(policy, retention_ms=retention_ms).read(FEATURE).triggers
    evidence = trigger["evidence"]
    assert (evidence.get("window_expires"), evidence.get("window_expires_early")) == wanted
    assert evidence["window_complete"] is True
    assert len(trigger) == 10


def test_a_trigger_by_hand_says_it_too() -> None:
    desk = Desk(retention_ms=KEPT_MS).read(drift(0, "quiet", "prediction", "")).act("trigger")
    assert desk.triggers[0]["evidence"]["window_expires"] == "2026-09-22T06:53:20.000Z"


@pytest.mark.parametrize("stage", ["nobody answers", "accepted", "running", "waits for approval"])
def test_people_are_told_before_the_window_of_an_open_trigger_is_deleted(stage: str) -> None:
    desk = Desk(ASKS if stage == "waits for approval" else ANSWERS, retention_ms=KEPT_MS).read(FEATURE)
    if stage in ("accepted", "running"):
        desk.say(desk.triggers[0]["trigger_id"], stage)
    desk.read(*quiet(6, 803))
    assert told(desk) == []
    desk.read(*quiet(803, 1_100))
    assert told(desk) == [("firing", "2026-09-22T03:37:19.999Z")]
    [alert] = [one for one in of_type(desk.out, "alerts") if one["labels"]["alertname"] == "RetrainWindowExpiring"]
    assert alert["labels"] == {"alertname": "RetrainWindowExpiring", "severity": "warning", "model": "credit"}
    assert desk.triggers[0]["trigger_id"] in alert["annotations"]["summary"]
    assert "From 2026-09-22 06:56:20 UTC on" in alert["annotations"]["description"]


@pytest.mark.parametrize("end", ["succeeded", "failed", "rejected"])
def test_an_answer_ends_it(end: str) -> None:
    desk = Desk(ANSWERS, retention_ms=KEPT_MS).read(FEATURE, *quiet(6, 900))
    desk.say(desk.triggers[0]["trigger_id"], end).read(*quiet(900, 910))
    assert [status for status, _ in told(desk)] == ["firing", "resolved"]


@pytest.mark.parametrize("stage", ["nobody answers", "running", "waits for approval"])
def test_it_ends_as_long_after_the_window_may_be_deleted_as_it_was_told_before(stage: str) -> None:
    desk = Desk(ASKS if stage == "waits for approval" else ANSWERS, retention_ms=KEPT_MS).read(FEATURE)
    if stage == "running":
        desk.say(desk.triggers[0]["trigger_id"], stage)
    desk.read(*quiet(800, 1_203))
    assert [status for status, _ in told(desk)] == ["firing"]
    desk.read(*quiet(1_203, 1_400))
    assert told(desk)[1:] == [("resolved", "2026-09-22T10:17:19.999Z")]


@pytest.mark.parametrize(("at", "summary"), [(1_001, "is about to be deleted"), (1_003, "may be deleted in part")])
def test_statistics_that_come_seldom_tell_of_it_too(at: int, summary: str) -> None:
    desk = Desk(ANSWERS, retention_ms=KEPT_MS).read(FEATURE, *quiet(at, at + 1))
    [alert] = [one for one in of_type(desk.out, "alerts") if one["labels"]["alertname"] == "RetrainWindowExpiring"]
    assert alert["annotations"]["summary"].endswith(summary)


def test_what_is_long_gone_when_it_is_first_heard_of_is_no_alert() -> None:
    assert told(Desk(ANSWERS, retention_ms=KEPT_MS).read(FEATURE, *quiet(1_300, 1_400))) == []


# Policies and retentions with which nobody is told.
SILENT: dict[str, tuple[RetrainPolicy, int, AlertPolicy]] = {
    "no answer is expected": (RetrainPolicy(), KEPT_MS, AlertPolicy()),
    "kept for ever": (ANSWERS, -1, AlertPolicy()),
    "switched off": (ANSWERS, KEPT_MS, AlertPolicy(severities={"RetrainWindowExpiring": "off"})),
}


@pytest.mark.parametrize("case", SILENT)
def test_nobody_is_told(case: str) -> None:
    policy, retention_ms, alerts = SILENT[case]
    desk = Desk(policy, retention_ms=retention_ms, alerts=alerts).read(FEATURE, *quiet(6, 1_100))
    assert told(desk) == []


def test_a_clock_that_goes_back_does_not_take_it_back() -> None:
    desk = Desk(ANSWERS, retention_ms=KEPT_MS).read(FEATURE, *quiet(900, 901), *quiet(700, 702))
    assert [status for status, _ in told(desk)] == ["firing"]
