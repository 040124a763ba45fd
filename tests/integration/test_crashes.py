"""Workers that are killed, stopped, woken, restarted, in the middle of traffic: each request once, each event in one place.

Short forms of `python -m tests.faults.campaign`, judged by the same oracle.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from app.dev.servers import Servers
from tests.faults.campaign import COMING_AND_GOING, SHORT, Fault, campaign

pytestmark = pytest.mark.integration

RATE = 2_000.0


@pytest.mark.parametrize(("schedule", "requests"), [(SHORT, 20_000), (COMING_AND_GOING, 16_000)], ids=["crashes", "rebalances"])
def test_nothing_is_missing_and_nothing_twice(servers: Servers, tmp_path: Path, schedule: Sequence[Fault], requests: int) -> None:
    report = campaign(servers, tmp_path, requests, RATE, schedule)
    assert report.passed, "\n".join(report.lines())
    assert report.exits == []
    assert report.checker.requests >= requests
    assert report.statistics > 0
    assert set(report.checker.reasons) >= {"duplicate", "late", "not_json", "invalid_schema"}
    assert set(report.checker.statuses) >= {"paired", "partial", "legacy_only", "shadow_only"}
