"""``python -m tests.browser.screenshots DIR``: each page in light, dark and phone width, as PNG files.

Of a filled read model in memory; with ``--url`` of a service that runs, such as the demo's, whose first model, loudest signal,
newest alert and newest trigger are taken.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import CHROMIUM_FLAGS, NAMES, find_chromium
from tests.browser.filled import PATHS
from tests.browser.served import Served

#: Name to colour scheme and width.
LOOKS: dict[str, tuple[Any, int]] = {"light": ("light", 1280), "dark": ("dark", 1280), "phone": ("light", 390)}


def main() -> int:
    """Take them."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the PNG files go")
    parser.add_argument("--url", help="of a service that runs")
    asked = parser.parse_args()
    program = find_chromium()
    if program is None:
        print(f"error: no Chromium on the path: none of {', '.join(NAMES)}", file=sys.stderr)
        return 1
    asked.folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        if asked.url:
            take(browser, asked.url.rstrip("/"), asked.folder, None)
            return 0
        served = Served()
        try:
            take(browser, served.url, asked.folder, PATHS)
        finally:
            served.close()
    return 0


def take(browser: Browser, url: str, folder: Path, paths: dict[str, str] | None) -> None:
    """All pages in all looks."""
    for look, (scheme, width) in LOOKS.items():
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
        paths = paths or paths_of(page, url)
        for name, path in paths.items():
            page.goto(url + path)
            expect(page.locator("#live-word")).to_have_text(re.compile(r"Live|404|new"))
            expect(page.locator("figure[data-chart]:not([data-settled])")).to_have_count(0)
            page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
            print(folder / f"{name}-{look}.png")
        page.close()


def paths_of(page: Page, url: str) -> dict[str, str]:
    """A page of each kind of a service that runs, found by its links."""
    found = {name: PATHS[name] for name in ("overview", "alerts", "triggers", "pipeline", "dead-letters")}
    for name, at, link in (
        ("model", "/", "#models tbody th a"),
        ("alert", "/alerts?status=all", "tbody th a"),
        ("trigger", "/triggers", "tbody th a"),
    ):
        page.goto(url + at)
        if page.locator(link).count():
            found[name] = page.locator(link).first.get_attribute("href") or "/"
    page.goto(url + found.get("model", "/"))
    signal = page.locator("#signals tbody th a", has_text="feature/")
    if signal.count():
        found["signal"] = signal.first.get_attribute("href") or "/"
    return found


if __name__ == "__main__":
    sys.exit(main())
