"""The pages name files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
_FILE = re.compile(r"`((?:app|agents|schemas|tests|load|docs)/[\w/.-]+\.(?:py|md|json|lock))`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_s_files_exist(page: Path) -> None:
    named = _FILE.findall(page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_pages_name_files() -> None:
    assert sum(len(_FILE.findall(page.read_text())) for page in PAGES) > 30
