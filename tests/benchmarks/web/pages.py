"""Pages of the measured server in a Chromium with an empty cache: until a person can use them.

*Interactive* is the later of two times since the navigation began: the end of ``DOMContentLoaded``, when all scripts of the
page have run, and the end of the last task that kept the main thread for over 50 ms before the page said that it is live.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Browser, async_playwright, expect

from tests.browser.chromium import CHROMIUM_FLAGS, find_chromium

__all__ = ["PAGES", "opened"]

PAGES = ("/", "/models/model-0001", "/models/model-0001/signals/feature/feature-00", "/alerts")
_OBSERVE = """
window.long = [];
new PerformanceObserver((list) => { for (const each of list.getEntries()) window.long.push(each.startTime + each.duration); })
    .observe({type: 'longtask', buffered: true});
"""
_TIMES = """() => {
    const found = performance.getEntriesByType('navigation')[0];
    return [found.responseEnd, Math.max(found.domContentLoadedEventEnd, ...window.long), performance.now()];
}"""


async def opened(url: str, rounds: int, change: Callable[[], Awaitable[Any]]) -> None:
    """Print for each page how long it takes; before each opening something changes."""
    program = find_chromium()
    if program is None:
        print("\nno Chromium on the path: pages are not opened")
        return
    print("\n| page in Chromium | answer p50, p95 ms | interactive p50, p95 ms | live p50, p95 ms |\n|---|---|---|---|")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        for path in PAGES:
            took = []
            for _ in range(rounds):
                await change()
                took.append(await _times(browser, url + path))
            print(f"| `{path}` | {' | '.join(_middle_and_high(list(each)) for each in zip(*took, strict=True))} |", flush=True)
        await browser.close()


async def _times(browser: Browser, url: str) -> list[float]:
    """Milliseconds from the navigation's begin: answered, interactive, live."""
    context = await browser.new_context()  # with a cache of its own
    try:
        page = await context.new_page()
        await page.add_init_script(_OBSERVE)
        await page.goto(url)
        await expect(page.locator("#live-word")).to_have_text(re.compile("^Live$"))
        times: list[float] = await page.evaluate(_TIMES)
        return times
    finally:
        await context.close()


def _middle_and_high(took: list[float]) -> str:
    took.sort()
    return f"{took[len(took) // 2]:.0f}, {took[min(len(took) - 1, int(len(took) * 0.95))]:.0f}"
