"""Clocks that jump: the wall clock of one worker goes forward and back while it runs, by libfaketime.

What goes by a length of time, as a heartbeat does, goes by the monotonic clock, which is left alone, as it is where an
administrator or NTP sets the clock. The other worker's clock stays, and so does the broker's.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.faults.campaign import Campaign
from tests.integration.committed import read_all
from tests.integration.harness import Service, Worker

#: Where Debian's package `faketime` and Fedora's `libfaketime` put it; the one for programs with threads.
PLACES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1")
JUMPS = 12
HOUR_SECONDS = 3_600
#: How old what the library knows of its file may be.
NOTICED_SECONDS = 1


class ClockedService(Service):
    """Each of its workers has a clock that can be set: `set_clock`."""

    def worker(self, *roles: str, port: int | None = None) -> Worker:
        file = self._file(len(self.workers))
        file.write_text("+0\n")
        plain, self.environment = self.environment, self.environment | {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": str(NOTICED_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        try:
            return super().worker(*roles, port=port)
        finally:
            self.environment = plain

    def set_clock(self, worker: Worker, seconds: int) -> None:
        """So much ahead of the true time from now on; negative: behind it."""
        file = self._file(self.workers.index(worker))
        new = file.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(file)

    def _file(self, number: int) -> Path:
        return self.folder / f"clock-{number}"


def library() -> str:
    """Where it is; where it is not, the run fails and says what to install."""
    found = [path for place in PLACES for path in Path("/").glob(place[1:])]
    assert found, f"libfaketime is not installed, and without it no clock can jump: apt-get install faketime; looked in {PLACES}"
    return str(found[0])


def clock_jump(run: Campaign) -> None:
    """Now the one, now the other worker's clock is an hour ahead, an hour behind, or right again; what they write shows it."""
    service, rng, shown = run.service, random.Random(run.seed), {worker.name: 0 for worker in run.workers}
    assert isinstance(service, ClockedService)
    jumps = []
    for _ in range(JUMPS):
        worker = rng.choice(run.workers)
        before, after = (
            shown[worker.name],
            rng.choice([each for each in (-HOUR_SECONDS, 0, HOUR_SECONDS) if each != shown[worker.name]]),
        )
        shown[worker.name] = after
        service.set_clock(worker, after)
        jumps.append((after - before) / HOUR_SECONDS)
        time.sleep(NOTICED_SECONDS + rng.uniform(1.0, 4.0))
        mark = run.onlooker.pairs
        run.until(lambda mark=mark: run.onlooker.pairs > mark, "the workers to go on")  # type: ignore[misc]  # default
    assert not run.traffic.ended, "the traffic was over before the jumps were"
    run.faults.append(f"{JUMPS} jumps of a worker's clock, in hours {', '.join(f'{jump:+g}' for jump in jumps)}")
    off = [each.timestamp / 1000 - time.time() for each in read_all(service.servers.bootstrap_servers, service.prefix, "pairs")]
    ahead, behind = (sum(1 for each in off if sign * each > HOUR_SECONDS / 2) for sign in (1, -1))
    assert min(ahead, behind) > 0, f"{ahead} pairs were written by a clock ahead, {behind} by one behind: it did not jump"
    run.notes.append(
        f"{ahead:,} pairs written by a clock that was ahead, {behind:,} by one that was behind; "
        f"longest silence {run.onlooker.longest_silence_s:.1f} s"
    )
