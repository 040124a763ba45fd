"""What every test may rely on: nothing that a test started is left when the session ends.

Every process that this session starts, or that one of those starts, inherits a mark in its environment; at the end no marked
process may be alive. One that is fails the session by name, and is killed.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

MARK = "GNOMON_TEST_SESSION"
GRACE_SECONDS = 5.0


def pytest_configure(config: pytest.Config) -> None:
    os.environ[MARK] = uuid.uuid4().hex


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while (orphans := _marked_processes()) and time.monotonic() < deadline:
        time.sleep(0.05)  # a process that is just ending is no orphan
    for pid, command in orphans.items():
        print(f"\norphan: process {pid} outlived the tests: {command}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if orphans:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _marked_processes() -> dict[int, str]:
    mark = f"{MARK}={os.environ[MARK]}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):  # nothing where there is no /proc
        with suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:300]
    return found
