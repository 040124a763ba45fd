"""Data folders: each has one owner, and what a killed owner left is removed by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.dev.cache import cache_folder, data_folder
from app.dev.errors import FolderTakenError

HOLD_A_FOLDER = """
import sys
from app.dev.cache import data_folder
with data_folder(None) as folder:
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gnomon"


def test_the_cache_is_where_the_desktop_says_else_in_the_home_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_folder() == cache
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/gnomon")


def test_each_run_has_a_folder_of_its_own_which_goes_with_it() -> None:
    with data_folder(None) as one, data_folder(None) as two:
        (one / "data").write_text("x")
        assert one != two
        assert one.is_dir()
        assert two.is_dir()
    assert not one.exists()
    assert not two.exists()


def test_a_named_folder_stays_and_belongs_to_one_at_a_time(tmp_path: Path) -> None:
    named = tmp_path / "named"
    taken = f"{named} is in use by process {os.getpid()}; give another --dir"
    with data_folder(named), pytest.raises(FolderTakenError, match=taken), data_folder(named):
        pass
    with data_folder(named) as again:
        assert again == named
    assert named.is_dir()


def test_what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not() -> None:
    def run() -> tuple[subprocess.Popen[str], Path]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD_A_FOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    killed, leftover = run()
    living, kept = run()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert leftover.is_dir()
    with data_folder(None):
        assert not leftover.exists()
        assert kept.is_dir()
    living.communicate("")
    assert not kept.exists()


def test_a_folder_whose_maker_died_before_it_took_it_is_removed(cache: Path) -> None:
    (cache / "runs" / "unfinished").mkdir(parents=True)
    with data_folder(None) as folder:
        assert list((cache / "runs").iterdir()) == [folder]
