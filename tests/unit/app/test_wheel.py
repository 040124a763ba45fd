"""What is built of the repository for installing has all that the pages read: built here, unpacked, and asked."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from app.domain.decisions.alert_kinds import ALERT_NAMES

ROOT = Path(__file__).parents[3]
RUNBOOKS = {path.name: path.read_bytes() for path in (ROOT / "docs" / "runbooks").glob("*.md")}
ASK = """
from importlib.resources import files
from app.domain.decisions.alert_kinds import ALERT_NAMES
from app.web.pages.runbooks import runbook
print(files("app.web"))
print(*(name for name in ALERT_NAMES if runbook(name)))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a wheel and a source distribution lie; building them needs no network."""
    folder = tmp_path_factory.mktemp("built")
    kinds = ["-t", "wheel", "-t", "sdist"]
    subprocess.run([sys.executable, "-m", "hatchling", "build", *kinds, "-d", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def unpacked(built: Path) -> Path:
    """The content of the wheel."""
    [wheel] = built.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(built / "wheel")
    return built / "wheel"


@pytest.fixture(scope="module")
def sources(built: Path) -> Path:
    """The content of the source distribution, of which others build a wheel."""
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(built / "sdist", filter="data")
    [content] = (built / "sdist").iterdir()
    return content


def test_a_wheel_has_every_runbook_and_nothing_else_of_the_documentation(unpacked: Path) -> None:
    assert {path.name: path.read_bytes() for path in (unpacked / "app" / "web" / "runbooks").iterdir()} == RUNBOOKS
    packages = {path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")}
    assert packages == {"app", "agents", "schemas", "load"}


@pytest.mark.parametrize("folder", ["templates", "static"])
def test_both_have_all_that_a_page_is_made_of(unpacked: Path, sources: Path, folder: str) -> None:
    """What ``make setup`` has fetched too, where it was."""
    here, *there = (files_under(root / "app" / "web" / folder) for root in (ROOT, unpacked, sources))
    assert here
    assert there == [here, here]


def files_under(folder: Path) -> set[str]:
    """Symbolic links are followed."""
    return {str(Path(at, name).relative_to(folder)) for at, _, names in os.walk(folder, followlinks=True) for name in names}


def test_an_installed_wheel_shows_the_runbook_of_each_alert(unpacked: Path, tmp_path: Path) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, env={"PYTHONPATH": str(unpacked)}, check=True, capture_output=True, text=True
    )
    where, names = asked.stdout.splitlines()
    assert Path(where) == unpacked / "app" / "web"
    assert set(names.split()) == set(ALERT_NAMES)
