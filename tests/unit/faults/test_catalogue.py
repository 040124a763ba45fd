"""The table of single faults: names and seeds are unique, and each row is told of in the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.alert_schedule import OUTAGE_SHARE
from tests.faults.alerts import Plan
from tests.faults.catalogue import BY_NAME, ENTRIES

PAGE = (Path(__file__).parents[3] / "docs" / "faults.md").read_text("utf-8")


def test_no_two_rows_share_a_name_or_a_seed() -> None:
    assert len(BY_NAME) == len({entry.seed for entry in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_each_row_stands_in_the_page_with_its_seed(entry: Plan) -> None:
    assert f"| `{entry.name}` | {entry.seed} |" in PAGE


def test_the_run_of_alerts_has_the_faults_that_it_is_for() -> None:
    plan = BY_NAME["alerts"]
    assert isinstance(plan, Plan)
    faults = plan.schedule()
    assert [fault.what for fault in faults].count("kill") >= 5
    assert plan.outage_seconds == 60
    assert plan.conditions == 10_000
    away = plan.outage_seconds / plan.seconds
    assert any(fault.what == "kill" and OUTAGE_SHARE < fault.share < OUTAGE_SHARE + away for fault in faults)
    assert any(fault.workers == (0, 1) for fault in faults)
