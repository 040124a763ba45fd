"""Keeps one server from outliving the process that started it. Run as a script, with no import from this project.

    python -I guard.py LOG COMMAND…

The guard starts COMMAND with its output going to LOG, writes the command's process id as one line to stdout, and ends when the
command ends. Its stdin is a pipe that the parent holds open and never writes to: the pipe ends when the parent dies, however it
dies, and the guard then stops the command, in good order first, by force after GRACE_SECONDS. (A parent that forked leaves the
pipe open in the other half, so a changed parent id counts as well.) Should the guard itself be killed, Linux kills the command.

This is a process and not a signal set from the parent: Linux's parent-death signal fires when the *thread* that forked ends, and
a fork hook is not safe in a parent with threads. The guard has one thread. It leads a session of its own, so a Ctrl-C at the
terminal reaches the parent alone, which then stops its servers in order.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 10.0
LOOK_SECONDS = 1.0  # how late a death that the pipe does not tell is seen
PR_SET_PDEATHSIG = 1
COULD_NOT_START = 127  # as the shell says it


def main(arguments: list[str]) -> int:
    """Run the command; its exit code, or 128 + the signal that ended it."""
    log_path, *command = arguments
    parent = os.getppid()
    child_ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent decides; when it is gone, the pipe says so
    with open(log_path, "ab") as log:  # noqa: PTH123 - pathlib costs a third of the guard's start
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_the_guard)  # noqa: PLW1509, S603 - one thread
        except OSError as error:
            log.write(f"{error}\n".encode())
            return COULD_NOT_START
    print(child.pid, flush=True)
    while child.poll() is None:
        readable, _, _ = select.select([0, child_ended], [], [], LOOK_SECONDS)
        if child_ended in readable:
            os.read(child_ended, 4096)
        elif 0 in readable or os.getppid() != parent:
            _stop(child)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _die_with_the_guard() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    child.send_signal(signal.SIGCONT)  # a stopped process does not see its SIGTERM
    deadline = time.monotonic() + GRACE_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
