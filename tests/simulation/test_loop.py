"""Time stands still until nothing is ready; a stopped process takes no further step, not even to clean up."""

from __future__ import annotations

import asyncio
from random import Random

from tests.simulation.loop import Process, new_loop


def test_an_hour_passes_at_once_and_a_timeout_is_one() -> None:
    loop, seen = new_loop(Random(1)), []

    async def work() -> None:
        await asyncio.sleep(3_600)
        seen.append(loop.time())
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        except TimeoutError:
            seen.append(loop.time())

    Process(loop, "worker").start(work())
    loop.run(10_000)
    assert seen == [3_600, 3_605]
    assert not loop.failures


def test_a_killed_process_does_not_clean_up_and_a_paused_one_goes_on() -> None:
    loop, seen = new_loop(Random(1)), []
    killed, paused = Process(loop, "killed"), Process(loop, "paused")

    async def work(name: str) -> None:
        try:
            await asyncio.create_task(asyncio.sleep(2))  # a task of a task is the process's too
        finally:
            seen.append((name, loop.time()))

    for process in (killed, paused):
        process.start(work(process.name))
        loop.outside(1, process.stop)
    loop.outside(9, paused.resume)
    loop.run(100)
    assert seen == [("paused", 9)]
    killed.resume()
    loop.finish()
    assert not loop.failures


def test_a_process_is_interrupted_at_the_step_that_was_named() -> None:
    loop, seen = new_loop(Random(1)), []
    process = Process(loop, "worker")

    async def work() -> None:
        for number in range(10):
            seen.append(number)
            await asyncio.sleep(0)

    process.start(work())
    process.steps_left = 4
    loop.run(1)
    assert seen == [0, 1, 2]
    process.resume()
    loop.run(1)
    assert seen == list(range(10))


def test_what_nobody_looked_at_is_told() -> None:
    loop = new_loop(Random(1))

    async def work() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    Process(loop, "worker").start(work())
    loop.run(10)
    assert "ZeroDivisionError" in loop.failures[0]
    loop.finish()
