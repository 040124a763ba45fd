"""Processes that are measured: started, asked for their CPU time, memory and metrics, and ended however the measuring ends."""

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["SHADOWS", "cpu_of", "gnomon", "peak_bytes_of", "running", "scrape", "total"]

TICK = os.sysconf("SC_CLK_TCK")
#: The shadow is named, so that the first requests are not alone while it is being learned.
SHADOWS = ("--set", 'models.default.shadows=["2.0.0-rc1"]')


def cpu_of(pid: int) -> float:
    """User and system seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_bytes_of(pid: int) -> int:
    """The largest resident size so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def gnomon(*arguments: str, environment: dict[str, str], log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """A command of this checkout; settings in the environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=log,
        start_new_session=True,
    )


@contextlib.contextmanager
def running(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End it at the end of the block."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def scrape(port: int) -> dict[str, float]:
    """The metrics of a worker by name and labels as written; nothing while it does not answer."""
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
    except OSError:
        return {}
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("gnomon_")]
    return {name: float(value) for name, value in rows}


def total(figures: dict[str, float], name: str) -> float:
    """The sum over a metric's series."""
    return sum(value for key, value in figures.items() if key.startswith(name + "{"))
