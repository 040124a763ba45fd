"""The jars of Kafka: their coordinates and SHA-256 are committed in `kafka.lock`, the jars themselves are fetched once.

A jar is used only under its final name, and it gets that name only after its hash was found right: it is downloaded into a
folder of its own, compared with the lock, and then moved. So a crash in the middle of a download leaves nothing that a later
start could take for a jar, a repeated fetch repeats nothing, and two fetches at once end with the same files. The hashes are
compared again at every start (45 MB, 0.1 s), which needs no network; a jar that changed on the disk is refused by name.

Run as `python -m app.dev.jars` it fetches all of them, which `make setup` does.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from app.dev.cache import jars_folder
from app.dev.errors import DevError, JarRefusedError

__all__ = ["LOCK", "Jar", "ensure_jars", "read_lock"]

LOCK = Path(__file__).with_name("kafka.lock")
DOWNLOADS_AT_ONCE = 6  # more gains nothing: the largest jar is a quarter of the bytes
TIMEOUT_SECONDS = 60
SHA256_DIGITS = 64

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def coordinates(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version}"


def ensure_jars(log: Log, lock: Path = LOCK, folder: Path | None = None, what: str = "Apache Kafka") -> list[Path]:
    """All jars of the lock, in its order, verified; what is missing is fetched first and the progress goes to `log`."""
    folder = folder or jars_folder()
    jars = read_lock(lock)
    missing = [jar for jar in jars if not (folder / jar.name).exists()]
    if missing:
        log(f"fetching {len(missing)} {'jar' if len(missing) == 1 else 'jars'} of {what}, once, into {folder}")
        _fetch(missing, folder, log)
    for jar in jars:
        _verify(jar, folder / jar.name)
    return [folder / jar.name for jar in jars]


def read_lock(lock: Path = LOCK) -> list[Jar]:
    """The jars that a lock file names; a line that is not `group:artifact:version sha256:HEX` is refused."""
    return list(_lines(lock))


def _lines(lock: Path) -> Iterator[Jar]:
    for number, line in enumerate(lock.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        coordinates, _, digest = line.partition(" sha256:")
        match coordinates.split(":"):
            case [group, artifact, version] if len(digest) == SHA256_DIGITS:
                yield Jar(group, artifact, version, digest)
            case _:
                raise JarRefusedError(f"{lock}, line {number}: {line!r} is not `group:artifact:version sha256:` and 64 digits")


def _fetch(missing: list[Jar], folder: Path, log: Log) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="incoming-") as incoming, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        arrivals = [pool.submit(_fetch_one, jar, Path(incoming), folder) for jar in missing]
        try:
            for number, arrival in enumerate(arrivals, 1):
                log(f"  {number:2}/{len(missing)} {arrival.result()}")
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch_one(jar: Jar, incoming: Path, folder: Path) -> str:
    arrived = _download(jar, incoming)
    _verify(jar, arrived)
    size_mb = arrived.stat().st_size / 1e6
    arrived.replace(folder / jar.name)
    return f"{jar.name} ({size_mb:.1f} MB)"


def _download(jar: Jar, incoming: Path) -> Path:
    import requests
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=incoming, timeout=TIMEOUT_SECONDS)
    # a mirror named in the user's own jgo.conf is asked before the default repository
    context.remote_repos = {**GlobalSettings.load().repositories, **context.remote_repos}
    try:
        path: Path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise JarRefusedError(f"{jar.coordinates} could not be fetched: {error}. Is the Maven repository reachable?") from error
    return path


def _verify(jar: Jar, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise JarRefusedError(
            f"{jar.coordinates}: the file {path} has SHA-256 {found}, the lock says {jar.sha256}; it is not used. "
            "Remove the file to fetch it again; if that does not help, the repository serves another file than the lock names"
        )


def main() -> int:
    """Fetch and verify all jars."""
    try:
        jars = ensure_jars(lambda line: print(line, file=sys.stderr))
    except DevError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(jars)} jars of Apache Kafka are there and have the hashes of the lock", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
