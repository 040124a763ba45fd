"""Alert conditions through `kill -9` and an outage of Alertmanager: each change once, all in the right state, none lost.

The short form of `python -m tests.faults.alerts`, judged by the same accounts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.dev.servers import Servers
from tests.faults.alerts import Plan, alerts

pytestmark = pytest.mark.integration

SHORT = Plan("short", seed=3, conditions=320, seconds=16.0, kills=2, pauses=0, outage_seconds=5.0, resend_s=2)


def test_each_condition_is_told_once_or_held_back_and_ends_in_its_state(servers: Servers, tmp_path: Path) -> None:
    report = alerts(servers, tmp_path, SHORT)
    assert report.passed, "\n".join(report.lines())
    assert any("while Alertmanager was away" in fault for fault in report.faults), report.faults
    assert report.figures["alerts that were told"] > 150
    assert report.figures["alerts that fire at the end"] > 30
    assert report.figures["alerts in notifications"] > 300
