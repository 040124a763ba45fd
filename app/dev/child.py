"""One server process under its guard: started, watched, stopped, asked for the end of its log.

A `Child` that was created runs; it ends by `stop`, by itself, or with this process (`guard.py`), so it cannot be forgotten.
Stopping one that ended already is no error.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from app.dev.errors import ServerEndedError

__all__ = ["Child", "wait_until_answers"]

GUARD = Path(__file__).with_name("guard.py")
STOP_SECONDS = 15.0  # Kafka takes 0.3 s; after this it is killed
TAIL_LINES = 25
TAIL_BYTES = 65_536


class Child:
    """A running server process."""

    def __init__(self, command: Sequence[str], log: Path, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        self._log_start = log.stat().st_size if log.exists() else 0
        self._guard = subprocess.Popen(  # noqa: S603 - the command is ours
            [sys.executable, "-I", "-S", str(GUARD), str(log), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=cwd,
            env=environment,
            start_new_session=True,
        )
        self._said = cast("IO[bytes]", self._guard.stdout)
        try:
            self.pid = self._first_word(command[0])
        except BaseException:  # a signal's exception as well: nobody will have this object to stop it
            self._close()
            raise

    @property
    def ended(self) -> bool:
        return self._guard.poll() is not None

    @property
    def exit_code(self) -> int | None:
        """As the shell counts: 128 + the signal where a signal ended it; None while it runs."""
        return self._guard.poll()

    def fileno(self) -> int:
        """Readable, for `select`, when the process has ended."""
        return self._said.fileno()

    def stop(self, number: int = signal.SIGTERM, seconds: float = STOP_SECONDS) -> None:
        """End it and wait; by force if it does not end in time. A stopped (SIGSTOP) process is woken for it."""
        self._signal(number)
        self._signal(signal.SIGCONT)
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        self._close()

    def wait_ended(self, seconds: float) -> bool:
        """Whether it ended within the time."""
        with suppress(subprocess.TimeoutExpired):
            self._guard.wait(seconds)
        return self.ended

    def tail(self) -> str:
        """The last lines that this process, not an earlier one, wrote to its log."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(self._log_start, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def _first_word(self, program: str) -> int:
        line = self._said.readline()
        if not line:
            raise ServerEndedError(f"{program} could not be started: {self.tail()}")
        return int(line)

    def _close(self) -> None:
        cast("IO[bytes]", self._guard.stdin).close()  # the end of the pipe tells the guard to stop what still runs
        self._guard.wait()
        self._said.close()

    def _signal(self, number: int) -> None:
        if not self.ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def wait_until_answers(child: Child, name: str, answers: Callable[[], bool], seconds: float) -> None:
    """Return as soon as `answers()`; if the process ends first, or the time does, say so with the end of its log."""
    deadline = time.monotonic() + seconds
    while not answers():
        if child.wait_ended(0.02):
            raise ServerEndedError(
                f"{name} ended with {child.exit_code} before it answered; the end of {child.log}:\n{child.tail()}"
            )
        if time.monotonic() > deadline:
            raise ServerEndedError(f"{name} did not answer within {seconds:g} s; the end of {child.log}:\n{child.tail()}")
