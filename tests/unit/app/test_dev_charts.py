"""uPlot's files: laid only from a jar that has the hash of the lock, whole or not at all."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from app.dev.chart_files import FILES, LOCK, lay_chart_files
from app.dev.errors import JarRefusedError
from app.dev.jars import read_lock
from app.web.static_files import CHART_FILES

PLACE = "META-INF/resources/webjars/uplot/1.2.3/"


def made_jar(folder: Path, names: list[str]) -> Path:
    """A jar in the cache, and the lock that names it."""
    jar, lock = folder / "cache" / "uplot-1.2.3.jar", folder / "charts.lock"
    jar.parent.mkdir()
    with zipfile.ZipFile(jar, "w") as archive:
        for name in names:
            archive.writestr(PLACE + name, f"the bytes of {name}")
    lock.write_text(f"org.webjars.npm:uplot:1.2.3 sha256:{hashlib.sha256(jar.read_bytes()).hexdigest()}\n")
    return lock


def test_the_lock_names_one_jar_and_the_pages_ask_for_what_is_laid() -> None:
    [jar] = read_lock(LOCK)
    assert jar.coordinates.startswith("org.webjars.npm:uplot:")
    assert {f"vendor/{name}" for name in FILES.values()} > set(CHART_FILES)


def test_files_are_laid_with_the_licence_and_again_the_same(tmp_path: Path) -> None:
    lock = made_jar(tmp_path, list(FILES))
    for _ in range(2):
        laid = lay_chart_files(print, lock, tmp_path / "cache", tmp_path / "vendor")
        assert sorted(path.name for path in laid) == sorted(path.name for path in (tmp_path / "vendor").iterdir())
        assert {path.name: path.read_text() for path in laid} == {to: f"the bytes of {name}" for name, to in FILES.items()}


def test_a_jar_that_is_another_is_not_used(tmp_path: Path) -> None:
    lock = made_jar(tmp_path, list(FILES))
    jar = tmp_path / "cache" / "uplot-1.2.3.jar"
    jar.write_bytes(jar.read_bytes() + b"more")
    with pytest.raises(JarRefusedError, match=r"org\.webjars\.npm:uplot:1\.2\.3.*the lock says"):
        lay_chart_files(print, lock, tmp_path / "cache", tmp_path / "vendor")
    assert not (tmp_path / "vendor").exists()


def test_a_jar_of_another_make_is_refused_by_name(tmp_path: Path) -> None:
    lock = made_jar(tmp_path, ["LICENSE"])
    with pytest.raises(JarRefusedError, match=r"has no META-INF/.*/uPlot\.iife\.min\.js"):
        lay_chart_files(print, lock, tmp_path / "cache", tmp_path / "vendor")
