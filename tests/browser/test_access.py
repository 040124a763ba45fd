"""Each page, light and dark, by axe's rules; on a phone and at 400 % zoom; with hostile names; without scripts; by keyboard."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from app.web.static_files import has_charts
from tests.browser.chromium import complaints
from tests.browser.filled import PATHS
from tests.browser.served import Served
from tests.page_parts import HOSTILE, hostile, pages_in

pytestmark = pytest.mark.browser
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LONG = "<b>\u202e" + "long_name_" * 19
#: A phone, and 1,280 pixels at 400 %.
WIDTHS = (360, 320)


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody from using the page."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:200]}"
        for each in found
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"][:3]
    ]


def settled(page: Page) -> None:
    """The page is live."""
    expect(page.locator("#live-word")).to_have_text(re.compile(r"Live|404"))


def drawn(page: Page) -> None:
    """The charts are there, where they can be, and what opens is open, of each kind one."""
    figures = page.locator("figure[data-what=value]")
    if has_charts() and figures.count():
        expect(page.locator("figure[data-what=value] canvas")).to_have_count(figures.count())
    for summary in (page.locator("figure summary").first, page.locator("section > details > summary").first):
        if summary.count():
            summary.click()


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_axe_finds_nothing_serious_in_light_and_dark_and_nothing_scrolls_sideways(page: Page, served: Served, path: str) -> None:
    page.goto(served.url + path)
    settled(page)
    drawn(page)
    assert serious(page) == []
    page.emulate_media(color_scheme="dark")
    assert serious(page) == []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(OVERFLOW) <= 0, f"at {width} px"


def test_axe_finds_what_is_wrong(page: Page) -> None:
    page.set_content(
        "<html lang=en><title>x</title><main><p style='color:#ccc;background:#fff'>pale</p><img src=x><input></main>"
    )
    assert {each.split(" ")[0] for each in serious(page)} >= {"color-contrast", "image-alt", "label"}


@pytest.mark.parametrize("name", [HOSTILE, LONG, "javascript:alert(1)"], ids=["markup", "long", "script"])
def test_hostile_names_are_text_on_every_page_and_widen_none(page: Page, served: Served, name: str) -> None:
    served.seen = hostile(name)
    page.set_viewport_size({"width": 360, "height": 700})
    for path in pages_in(served.seen):
        page.goto(served.url + path)
        settled(page)
        assert page.evaluate(OVERFLOW) <= 0, path
        assert page.evaluate("document.querySelectorAll('main img, main script, main b, main iframe').length") == 0, path
        assert page.evaluate("[...document.links].every((link) => link.protocol === 'http:')"), path


def test_everything_is_there_without_scripts(browser: Browser, served: Served) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served.url)
    expect(page.locator(".standing.bad")).to_contain_text("Unhealthy")
    page.get_by_role("link", name="credit", exact=True).click()
    expect(page.get_by_role("heading", name="Live and shadow side by side")).to_be_visible()
    expect(page.locator("#chart-latency .far").first).to_be_visible()
    expect(page.locator("#chart-latency table:not(.marks) tbody tr")).to_have_count(40)
    expect(page.locator("#shared-marks .marks")).to_contain_text("2.1.0 first seen as a shadow")
    page.get_by_role("link", name="feature/income").last.click()
    expect(page.locator(".classes tbody tr")).to_have_count(7)
    page.goto(f"{served.url}/alerts/income")
    expect(page.locator("form.action").first).to_be_hidden()
    expect(page.get_by_text("gnomon alerts ack income")).to_be_visible()
    page.goto(f"{served.url}/?search=model-0")
    expect(page.get_by_text("10 models")).to_be_visible()
    page.get_by_label("Search").fill("model-17")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#models tbody tr")).to_have_count(1)
    context.close()


def test_the_keyboard_reaches_the_content_first(page: Page, served: Served) -> None:
    page.goto(served.url)
    settled(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("a.standing").first).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_who_wants_less_motion_has_none(context: BrowserContext, served: Served) -> None:
    page = context.new_page()
    found = complaints(page)
    page.emulate_media(reduced_motion="reduce")
    page.goto(served.url)
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert page.evaluate("document.getAnimations().length") == 0
    assert found == []
