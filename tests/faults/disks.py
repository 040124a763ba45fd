"""A disk that is full: the broker's logs lie on a small file system of their own, which something else fills while traffic runs.

Kafka ends when the only folder of its logs cannot be written to. Somebody makes room and starts it; nothing may be missing then.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from pathlib import Path

from app.dev.servers import Servers
from tests.faults.campaign import Campaign

DISK_MIB = 300
TIMES = 3
#: What is left free: the traffic uses it up within seconds.
LEFT_BYTES = 3 * 2**20
#: Longer than the broker is away, so that the truth which `load` wrote down before is still the truth: what was not sent in time
#: because there was no broker is otherwise given up, as a silent topic's.
SETTINGS = {"GNOMON_PAIRING__WINDOW_MS": "40000", "GNOMON_PAIRING__GRACE_MS": "5000", "GNOMON_PAIRING__DEDUPLICATION_MS": "90000"}


class SmallDiskServers(Servers):
    """As `Servers`, with the broker's logs on a file system of ``DISK_MIB``."""

    def __enter__(self) -> SmallDiskServers:
        super().__enter__()
        self.kafka.stop()
        self.disk = self.kafka.folder / "data"
        _mount(self.disk)
        self._cleanup.callback(subprocess.run, ["umount", "--lazy", str(self.disk)], check=True)
        self._cleanup.callback(self.kafka.stop)
        self.kafka.start()
        return self


def _mount(folder: Path) -> None:
    command = ["mount", "--types", "tmpfs", "--options", f"size={DISK_MIB}m", "tmpfs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"a small file system cannot be mounted here, root may: {' '.join(command)}: {done.stderr.strip()}"
    )


def disk_full(run: Campaign) -> None:
    """Fill it while traffic runs, wait for the broker's end, make room, start it, and see the workers go on."""
    servers, rng, away = run.service.servers, random.Random(run.seed), []
    assert isinstance(servers, SmallDiskServers)
    exits = []
    for _ in range(TIMES):
        time.sleep(rng.uniform(2.0, 5.0))
        filler = servers.disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _free_bytes(servers.disk) - LEFT_BYTES)
        broker = servers.kafka.child
        run.until(lambda broker=broker: broker.ended, "the broker to end, since its disk is full")  # type: ignore[misc]  # default
        exits.append(broker.exit_code)
        run.say(f"the broker ended with {broker.exit_code}: {_words(broker.tail())}")
        assert _free_bytes(servers.disk) < LEFT_BYTES, f"{_free_bytes(servers.disk)} bytes are free: the disk was not the reason"
        began, mark = time.monotonic(), run.onlooker.pairs
        filler.unlink()
        servers.kafka.start()
        run.until(lambda mark=mark: run.onlooker.pairs > mark, "the workers to go on")  # type: ignore[misc]  # default
        away.append(time.monotonic() - began)
    assert not run.traffic.ended, "the traffic was over before the faults were"
    run.faults.append(f"the broker's disk of {DISK_MIB} MiB full {TIMES} times, each time the broker ended ({exits})")
    run.notes.append(
        f"pairs again {', '.join(f'{seconds:.1f} s' for seconds in away)} after room was made; "
        f"longest silence {run.onlooker.longest_silence_s:.1f} s"
    )


def _free_bytes(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _words(log: str) -> str:
    """The line that names the reason."""
    return next((line for line in log.splitlines() if "space" in line.lower()), log[-200:])
