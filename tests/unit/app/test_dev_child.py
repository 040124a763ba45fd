"""A guarded process ends when it is told to, when its parent dies, and when its guard dies; its last words can be read."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.dev.child import Child, wait_until_answers
from app.dev.errors import ServerEndedError

PYTHON = [sys.executable, "-I", "-S", "-u", "-c"]
WAIT = "import signal\nprint('up')\nsignal.pause()"
STUBBORN = f"import signal\nfor each in (signal.SIGTERM, signal.SIGINT): signal.signal(each, signal.SIG_IGN)\n{WAIT}"
PARENT = """
import sys
from pathlib import Path
from app.dev.child import Child
child = Child([sys.executable, "-c", "import signal; signal.pause()"], Path(sys.argv[1]), Path("."))
print(child.pid, child._guard.pid, flush=True)
sys.stdin.read()
"""

Start = Callable[[str], Child]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


def soon_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while not gone(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    children: list[Child] = []

    def started(program: str) -> Child:
        child = Child([*PYTHON, program], tmp_path / "log.txt", tmp_path)
        children.append(child)
        wait_until_answers(child, "it", lambda: "up" in child.tail(), 10)
        return child

    yield started
    for child in children:
        child.stop(signal.SIGKILL)


def test_stopped_in_order(start: Start) -> None:
    child = start(WAIT)
    child.stop()
    assert child.exit_code == 128 + signal.SIGTERM
    assert gone(child.pid)


def test_by_force_when_it_does_not_end(start: Start) -> None:
    child = start(STUBBORN)
    child.stop(seconds=0.1)
    assert child.exit_code == 128 + signal.SIGKILL
    assert gone(child.pid)


def test_stopped_although_it_was_suspended(start: Start) -> None:
    child = start(WAIT)
    os.kill(child.pid, signal.SIGSTOP)
    child.stop()
    assert child.exit_code == 128 + signal.SIGTERM


def test_the_terminals_interrupt_does_not_reach_it(start: Start) -> None:
    child = start(WAIT)
    assert os.getsid(child.pid) != os.getsid(0)


def test_its_end_wakes_a_select(start: Start) -> None:
    child = start(WAIT)
    assert select.select([child], [], [], 0)[0] == []
    os.kill(child.pid, signal.SIGKILL)
    assert select.select([child], [], [], 10)[0] == [child]


@pytest.mark.parametrize("victim", ["parent", "guard"])
def test_a_killed_parent_or_guard_takes_it_along(tmp_path: Path, victim: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "log.txt")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child, guard = map(int, parent.stdout.readline().split())
    assert not gone(child)
    os.kill(parent.pid if victim == "parent" else guard, signal.SIGKILL)
    assert soon_gone(child)
    assert soon_gone(guard)
    parent.communicate("")


def test_one_that_ends_before_it_answers_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("words of an earlier run\n")
    child = Child([*PYTHON, "print('the reason'); raise SystemExit(3)"], tmp_path / "log.txt", tmp_path)
    with pytest.raises(ServerEndedError, match=r"(?s)Kafka ended with 3 before it answered; the end of .*log\.txt:\nthe reason$"):
        wait_until_answers(child, "Kafka", lambda: False, 10)
    child.stop()


def test_one_that_does_not_answer_in_time_is_told(start: Start) -> None:
    with pytest.raises(ServerEndedError, match=r"(?s)Kafka did not answer within 0\.1 s; .*\nup$"):
        wait_until_answers(start(WAIT), "Kafka", lambda: False, 0.1)


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerEndedError, match=r"/no/such/program could not be started: .*No such file or directory"):
        Child(["/no/such/program"], tmp_path / "log.txt", tmp_path)
