"""Workers that come and go: rolling restarts under load, and a third one that joins and leaves all the time."""

from __future__ import annotations

import random
import signal
import time

from tests.faults.campaign import ROLES, Campaign
from tests.integration.harness import DRAIN_SECONDS

#: Orderly restarts, the two workers in turn.
RESTARTS = 6
KILLS, ZOMBIES = 20, 8
STORM_SECONDS = 60.0


def rolling_restarts(run: Campaign) -> None:
    """SIGTERM and start, one worker after the other, each as soon as the one before holds partitions again."""
    drains = []
    for number in range(RESTARTS):
        worker = run.workers[number % 2]
        drains.append(worker.terminate())
        assert drains[-1] < DRAIN_SECONDS, f"{worker.name} took {drains[-1]:.1f} s to drain"
        worker.start()
        run.until(lambda worker=worker: bool(worker.partitions()), "the worker to be a member again")  # type: ignore[misc]  # default
    assert not run.traffic.ended, "the traffic was over before the restarts were"
    run.faults.append(f"{RESTARTS} restarts by SIGTERM, in turn")
    run.notes.append(
        f"drained in {min(drains):.1f} to {max(drains):.1f} s; longest silence {run.onlooker.longest_silence_s:.1f} s"
    )


def kills_and_zombies(run: Campaign) -> None:
    """`kill -9` of either worker in any order, and zombies that wake after a successor took over; each as soon as all goes on."""
    rng = random.Random(run.seed)
    faults = ["kill"] * KILLS + ["zombie"] * ZOMBIES
    rng.shuffle(faults)
    for number, what in enumerate(faults):
        worker, mark = rng.choice(run.workers), run.onlooker.pairs
        run.say(f"fault {number + 1} of {len(faults)}: {what} of {worker.name}")
        {"kill": run.kill, "zombie": run.zombie}[what](worker, run.onlooker)
        run.until_it_goes_on(mark)
    assert not run.traffic.ended, "the traffic was over before the faults were"
    run.faults.append(f"{KILLS} times kill -9, {ZOMBIES} zombies")
    run.notes.append(f"longest silence {run.onlooker.longest_silence_s:.1f} s")


def rebalance_storm(run: Campaign, seconds: float = STORM_SECONDS) -> None:
    """A third worker that joins, and 3 to 5 s later leaves, in turn by SIGTERM and by `kill -9`; then it is gone for good."""
    rng, ends, pairs = random.Random(run.seed), time.monotonic() + seconds, run.onlooker.pairs
    third, joined, left, begun = run.service.worker(*ROLES), 0, [0, 0], time.monotonic()
    while True:
        run.until(lambda: bool(third.partitions()) or third.child.ended, "the third worker to join")
        joined += not third.child.ended
        _pause(rng)
        left[killed := joined % 2] += 1
        if killed:
            third.kill()
        else:
            third.send(signal.SIGTERM)
            assert third.child.wait_ended(DRAIN_SECONDS), f"{third.name} does not drain\n{third.log()}"
        if time.monotonic() > ends:
            break
        third.start()
    third.child.stop(signal.SIGKILL)
    run.service.workers.remove(third)
    rate = (run.onlooker.pairs - pairs) / (time.monotonic() - begun)
    assert not run.traffic.ended, "the traffic was over before the storm was"
    run.faults.append(
        f"a third worker joined {joined} times in {seconds:g} s, left by SIGTERM {left[0]} and by kill -9 {left[1]} times"
    )
    run.notes.append(f"{rate:,.0f} pairs/s in the storm; longest silence {run.onlooker.longest_silence_s:.1f} s")


def _pause(rng: random.Random) -> None:
    """The length of the fault itself, not a wait for anything."""
    time.sleep(rng.uniform(3.0, 5.0))
