"""The pages of a real service: traffic, drift and alert arrive while somebody looks, and Redis may go and come back."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app.dev.child import Child
from app.dev.redis_server import RedisServer, find_redis
from app.dev.servers import Servers
from tests.integration.harness import ROOT, Service

pytestmark = [pytest.mark.integration, pytest.mark.browser]

REQUESTS = 12_000
#: The end of the drift's way through five roles, on a machine that is busy.
PATIENCE_MS = 120_000
TOML = """
[models.default.drift]
warm_up = 1000

[models.default.retrain]
approval = "required"
"""


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with Servers(log=print) as running:
        yield running


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own, since it is stopped."""
    server = RedisServer(find_redis(), tmp_path / "redis", keep=True)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def patience(page: Page) -> Iterator[None]:
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.mark.usefixtures("patience")
def test_drift_arrives_on_the_open_page_and_leads_to_its_signal(
    page: Page, servers: Servers, redis: RedisServer, tmp_path: Path
) -> None:
    with Service(servers, "browser.", tmp_path, toml=TOML, settings={"GNOMON_REDIS__URL": redis.url}) as service:
        worker = service.worker().ready()
        page.goto(worker.url)
        expect(page.locator("#models .empty")).to_contain_text("No prediction has been seen yet.")
        page.evaluate("window.mark = 'the same page'")
        send(service, REQUESTS, seed=3)
        income = page.locator("#firing a", has_text="feature/income")
        expect(income).to_be_visible()
        expect(page.locator("#announce")).to_contain_text("Data: needs a look.")
        redis_goes_and_comes_back(page, redis)
        counter = page.locator("#models [data-counter=paired]").first
        expect(counter).to_have_text(re.compile(r"[1-9][\d,]* paired"))
        before = counter.inner_text()
        send(service, 500, seed=4)
        expect(counter).not_to_have_text(before)
        assert page.evaluate("window.mark === 'the same page'")
        income.click()
        expect(page.locator(".headline .badge")).to_contain_text("Drift")
        expect(page.locator(".effects")).to_contain_text("standard deviations above the reference")
        expect(page.locator(".classes tbody tr").first).to_be_visible()
        page.locator("#alerts a", has_text="FeatureDrift").first.click()
        expect(page.get_by_role("heading", name="Runbook")).to_be_visible()
        expect(page.get_by_role("heading", name="What to do")).to_be_visible()
        answer(page, "Acknowledge")
        expect(page.get_by_text("Acknowledged by jane")).to_contain_text("seen, and right")
        answer(page, "Silence")
        expect(page.get_by_text("Silenced until")).to_be_visible()
        take_back(page)
        page.get_by_role("link", name="Retraining").click()
        page.locator("main tbody a").first.click()
        expect(page.get_by_text("Waits for approval").first).to_be_visible()
        answer(page, "Approve")
        expect(page.get_by_text("Waits for approval")).to_have_count(0)
        expect(page.get_by_text("Approved").first).to_be_visible()
        taken = worker.metric("gnomon_decide_actions_total")
        assert {name for name, count in taken.items() for name in re.findall('action="(\\w+)"', name) if count} == {
            "acknowledge",
            "approve",
            "silence",
            "unsilence",
        }


def answer(page: Page, what: str) -> None:
    """Say who and why, and see that it is written."""
    form = page.get_by_role("form", name=what)
    form.get_by_label("Your name").fill("jane")
    form.get_by_label("Why").fill("seen, and right")
    form.get_by_role("button", name=what).click()
    expect(form.locator(".answer")).to_have_text(re.compile("^Written"))


def take_back(page: Page) -> None:
    """Take the silence back; it is gone from the open page, and stands in the list with who and why."""
    form = page.get_by_role("form", name="Take back")
    form.get_by_label("Your name").fill("jane")
    form.get_by_label("Why").fill("it was a <b>test</b>")
    form.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Silenced until")).to_have_count(0)
    page.get_by_role("link", name="Alerts").first.click()
    page.get_by_role("link", name="Silences").click()
    page.get_by_role("link", name="Ended (1)").click()
    expect(page.get_by_text("Taken back by jane")).to_contain_text("it was a <b>test</b>")


def send(service: Service, requests: int, seed: int) -> None:
    """Requests in which the feature income drifts from the middle on; all of them are sent when it returns."""
    command = [
        sys.executable,
        "-m",
        "load",
        "--scenario",
        "drift",
        "--requests",
        str(requests),
        "--seed",
        str(seed),
        "--no-verify",
    ]
    sending = Child([*command, "--rate", "3000"], service.folder / f"load-{seed}.log", ROOT, service.environment)
    try:
        assert sending.wait_ended(PATIENCE_MS / 1000), sending.tail()
    finally:
        sending.stop()


def redis_goes_and_comes_back(page: Page, redis: RedisServer) -> None:
    """The page says since when it is stale, keeps what it has, and is live again by itself."""
    redis.stop()
    expect(page.locator(".notice.stale")).to_contain_text(re.compile(r"Stale since 20\d\d-.*Redis", re.DOTALL))
    expect(page.locator("#firing tbody tr").first).to_be_visible()
    redis.start()
    expect(page.locator("#live-word")).to_have_text("Live")
    expect(page.locator(".notice.stale")).to_have_count(0)
    assert page.evaluate("window.mark === 'the same page'")
