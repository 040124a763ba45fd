"""uPlot, which draws the charts of the pages: fetched once, verified, and laid among the static files.

It comes as a jar whose hash is committed in `charts.lock`. Nothing of it is in the repository, and without it pages show their
tables. The jar is handled as Kafka's are (`app.dev.jars`): used only under its final name, and never with another hash. Each file
of it is written under another name first and then moved, so a crash leaves no half of one; a repeat writes the same bytes.

Run as `python -m app.dev.chart_files`, which `make setup` does; a worker that runs meanwhile shows charts after its next start.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

from app.dev.cache import cache_folder
from app.dev.errors import DevError, JarRefusedError
from app.dev.jars import Log, ensure_jars, read_lock

__all__ = ["LOCK", "VENDOR", "lay_chart_files"]

LOCK = Path(__file__).with_name("charts.lock")
VENDOR = Path(__file__).parents[1] / "web" / "static" / "vendor"
#: File in the WebJar, below its version, to file among the static ones.
FILES = {"dist/uPlot.iife.min.js": "uPlot.iife.min.js", "dist/uPlot.min.css": "uPlot.min.css", "LICENSE": "uPlot.LICENSE.txt"}


def lay_chart_files(log: Log, lock: Path = LOCK, cache: Path | None = None, vendor: Path = VENDOR) -> list[Path]:
    """The files, of the version in the lock; fetched where the cache has no jar."""
    [jar] = read_lock(lock)
    [path] = ensure_jars(log, lock, cache or cache_folder() / "charts", "uPlot")
    vendor.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path) as archive:
        return [
            _lay(archive, f"META-INF/resources/webjars/{jar.artifact}/{jar.version}/{name}", vendor / to)
            for name, to in FILES.items()
        ]


def _lay(archive: zipfile.ZipFile, name: str, to: Path) -> Path:
    try:
        body = archive.read(name)
    except KeyError:
        raise JarRefusedError(f"{archive.filename} has no {name}; the lock names a jar of another make") from None
    arriving = to.with_name(f".{to.name}.{os.getpid()}")
    arriving.write_bytes(body)
    arriving.replace(to)
    return to


def main() -> int:
    """Fetch, verify, lay."""
    try:
        laid = lay_chart_files(lambda line: print(line, file=sys.stderr))
    except DevError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"uPlot is in {laid[0].parent} and has the hash of the lock", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
