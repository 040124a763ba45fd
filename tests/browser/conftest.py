"""A Chromium, driven by Playwright, and a server of pages in a thread of its own beside it.

Playwright's own browsers are never fetched: the system's is used, and without one these tests are skipped. CI installs it.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.chromium import CHROMIUM_FLAGS, NAMES, complaints, find_chromium
from tests.browser.served import Served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a module, and no longer: while Playwright runs, an event loop runs in this thread, and no asynchronous test can."""
    program = find_chromium()
    if program is None:
        pytest.skip(f"no Chromium on the path: none of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test where anything is refused by the policy, or a script fails."""
    made = context.new_page()
    found = complaints(made)
    yield made
    assert found == []
