"""A loop that was held is told from one that waits."""

import asyncio
import time

from app.read_model.standstill import Standstill


def hold(seconds: float) -> None:
    """Keep the loop from turning."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


async def test_time_in_which_the_loop_was_held_is_counted() -> None:
    still = Standstill().start()
    hold(0.5)
    await asyncio.sleep(0)
    hold(0.5)
    still.stop()
    assert still.seconds >= 0.8


async def test_after_its_end_it_counts_no_more() -> None:
    still = Standstill().start()
    still.stop()
    before = still.seconds
    hold(0.5)
    await asyncio.sleep(0)
    still.stop()
    assert still.seconds == before


async def test_waiting_is_not_standing_still() -> None:
    still = Standstill().start()
    began = time.monotonic()
    await asyncio.sleep(1.0)
    still.stop()
    assert still.seconds < time.monotonic() - began - 0.5
