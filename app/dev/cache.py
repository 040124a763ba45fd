"""Where the embedded servers keep things, and who uses which folder.

    $XDG_CACHE_HOME/gnomon (or ~/.cache/gnomon)
    ├── kafka-4.4.0/          what every run shares: jars, formatted storage, class-data archives
    └── runs/<random>/        one run's data, removed when it stops

A data folder belongs to one process at a time: that process holds a lock on the file `in-use`, which the kernel lets go when the
process dies, however it dies. So a folder under `runs` without a holder is a leftover of a killed run; the next start
removes it. A folder of `--dir` is never removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from app.dev.errors import FolderTakenError

__all__ = ["cache_folder", "data_folder", "jars_folder", "shared_folder"]

HOLDER = "in-use"
KAFKA_VERSION = "4.4.0"


def cache_folder() -> Path:
    """The folder that all of this may be removed with."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "gnomon"


def shared_folder() -> Path:
    """What every run shares; safe to remove while nothing runs."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


def jars_folder() -> Path:
    """Kafka's jars, fetched once."""
    return shared_folder() / "jars"


@contextmanager
def data_folder(directory: Path | None) -> Iterator[Path]:
    """A data folder that is this process's alone: `directory`, which stays, or a new one, which is removed at the end."""
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        with _held(directory.resolve()) as folder:
            yield folder
        return
    runs = cache_folder() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with exclusive(cache_folder() / "runs.lock"):  # so nobody takes a folder for a leftover that is only just made
            _remove_leftovers(runs)
            folder = Path(tempfile.mkdtemp(dir=runs, prefix=f"{os.getpid()}-"))
            held.enter_context(_held(folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def exclusive(file: Path) -> Iterator[None]:
    """Wait for, and hold, the lock on `file`: one process at a time prepares what all share."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        yield


@contextmanager
def _held(folder: Path) -> Iterator[Path]:
    with (folder / HOLDER).open("a+") as holder:
        if not _take(holder):
            holder.seek(0)
            raise FolderTakenError(
                f"{folder} is in use by process {holder.read().strip() or '?'}; give another --dir, or stop that one"
            )
        holder.truncate(0)
        holder.write(f"{os.getpid()}\n")
        holder.flush()
        yield folder


def _take(holder: IO[str]) -> bool:
    try:
        fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_leftovers(runs: Path) -> None:
    for folder in runs.iterdir():
        with suppress(FileNotFoundError), (folder / HOLDER).open("a") as holder:  # removed by its owner just now
            if _take(holder):
                shutil.rmtree(folder, ignore_errors=True)
