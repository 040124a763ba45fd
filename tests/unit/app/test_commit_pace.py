"""When the next commit begins: an interval after a quick one began, an interval after a slow one ended."""

import pytest

from app.folds.shard import wait_s


@pytest.mark.parametrize(
    ("took_s", "waits_s"),
    [
        (0.0, 0.1),  # nothing was committed
        (0.01, 0.09),
        (0.02, 0.08),
        (0.025, 0.1),  # a quarter of the interval: slow
        (0.2, 0.1),
    ],
)
def test_the_pause_after_a_commit(took_s: float, waits_s: float) -> None:
    assert wait_s(0.1, took_s) == pytest.approx(waits_s)
