"""Kafka's jars: only a file with the hash of the lock is ever used, whatever the repository or the disk gives."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.dev.errors import JarRefusedError
from app.dev.jars import LOCK, Jar, ensure_jars, read_lock

CONTENT = b"the jar's bytes"
RIGHT = hashlib.sha256(CONTENT).hexdigest()
WRONG = hashlib.sha256(b"other bytes").hexdigest()

WriteLock = Callable[[str], Path]


class Repository(SimpleHTTPRequestHandler):
    """Serves files; a name with `cut` ends before the length that was announced."""

    def log_message(self, *_: object) -> None:
        pass

    def copyfile(self, source: object, outputfile: object) -> None:
        body = source.read()  # type: ignore[attr-defined]  # the base class says `object` alike
        outputfile.write(body[: len(body) // 2] if "cut" in self.path else body)  # type: ignore[attr-defined]  # as above
        self.close_connection = True


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on this machine, named as a mirror in the user's jgo.conf."""
    root, home = tmp_path / "repository", tmp_path / "home"
    for name in ("thing", "cut"):
        (root / "org/example" / name / "1.0").mkdir(parents=True)
        (root / "org/example" / name / "1.0" / f"{name}-1.0.jar").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Repository, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        (home / ".config").mkdir(parents=True)
        (home / ".config/jgo.conf").write_text(f"[repositories]\nmirror = http://127.0.0.1:{server.server_port}\n")
        monkeypatch.setenv("HOME", str(home))
        yield root
        server.shutdown()
        thread.join()


@pytest.fixture
def write_lock(tmp_path: Path) -> WriteLock:
    def write(text: str) -> Path:
        path = tmp_path / "test.lock"
        path.write_text(f"# a comment\n\n{text}\n")
        return path

    return write


def test_the_committed_lock_names_the_broker_and_its_clients_in_one_version() -> None:
    jars = {jar.artifact: jar for jar in read_lock(LOCK)}
    assert jars["kafka_2.13"].version == jars["kafka-clients"].version == "4.4.0"
    assert len(jars) == 45
    assert "http" not in LOCK.read_text()


def test_a_jar_is_fetched_once_and_told(repository: Path, write_lock: WriteLock, tmp_path: Path) -> None:
    lock, folder, told = write_lock(f"org.example:thing:1.0 sha256:{RIGHT}"), tmp_path / "jars", []
    assert ensure_jars(told.append, lock, folder) == [folder / "thing-1.0.jar"]
    assert (folder / "thing-1.0.jar").read_bytes() == CONTENT
    assert told[-1] == "   1/1 thing-1.0.jar (0.0 MB)"

    (repository / "org/example/thing/1.0/thing-1.0.jar").unlink()
    told.clear()
    assert ensure_jars(told.append, lock, folder) == [folder / "thing-1.0.jar"]
    assert told == []


def test_a_repository_that_serves_another_file_is_refused_by_name(
    repository: Path, write_lock: WriteLock, tmp_path: Path
) -> None:
    lock, folder = write_lock(f"org.example:thing:1.0 sha256:{WRONG}"), tmp_path / "jars"
    with pytest.raises(JarRefusedError, match=rf"org\.example:thing:1\.0: .* has SHA-256 {RIGHT}, the lock says {WRONG}"):
        ensure_jars(print, lock, folder)
    assert list(folder.iterdir()) == []


def test_a_download_that_breaks_off_leaves_no_jar(repository: Path, write_lock: WriteLock, tmp_path: Path) -> None:
    lock, folder = write_lock(f"org.example:cut:1.0 sha256:{RIGHT}"), tmp_path / "jars"
    with pytest.raises(JarRefusedError, match=r"org\.example:cut:1\.0 could not be fetched"):
        ensure_jars(print, lock, folder)
    assert list(folder.iterdir()) == []


def test_a_jar_that_changed_on_the_disk_is_refused_by_name(write_lock: WriteLock, tmp_path: Path) -> None:
    lock = write_lock(f"org.example:thing:1.0 sha256:{RIGHT}")
    (tmp_path / "thing-1.0.jar").write_bytes(b"something else")
    with pytest.raises(JarRefusedError, match=r"org\.example:thing:1\.0: the file .*thing-1\.0\.jar has SHA-256"):
        ensure_jars(print, lock, tmp_path)


@pytest.mark.parametrize(
    "line", ["org.example:thing sha256:" + RIGHT, "org.example:thing:1.0", "org.example:thing:1.0 sha256:12"]
)
def test_a_line_of_the_lock_that_is_not_understood_is_named(write_lock: WriteLock, line: str) -> None:
    with pytest.raises(JarRefusedError, match="line 3: "):
        read_lock(write_lock(line))


def test_a_jar_is_named_as_maven_names_it() -> None:
    jar = Jar("org.example", "thing", "1.0", RIGHT)
    assert (jar.name, jar.coordinates) == ("thing-1.0.jar", "org.example:thing:1.0")
