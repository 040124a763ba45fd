"""What people say of alerts and triggers: the request that a form sends, and the answer that it shows, whatever that is."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.filled import filled
from tests.browser.served import Served
from tests.read_model_records import ACTIONS, action

pytestmark = pytest.mark.browser
#: The service of these tests has no Kafka to write to, so it may refuse, and the page has to say that.
ANSWERED = re.compile(r"^(Written|Refused \(\d{3}\): .+)")


def sent(page: Page, form: str, why: str) -> Request:
    """Fill a form, send it, and wait for what it says."""
    place = page.get_by_role("form", name=form)
    place.get_by_label("Your name").fill("jane")
    place.get_by_label("Why").fill(why)
    button = form.partition(" credit:")[0]
    with page.expect_request(lambda request: request.method != "GET") as posted:
        place.get_by_role("button", name=button).click()
    expect(place.locator(".answer")).to_have_text(ANSWERED)
    expect(place.get_by_label("Why")).to_have_value(why)
    return posted.value


@pytest.mark.parametrize(
    ("path", "form", "to", "more"),
    [
        ("/alerts/income", "Take back credit:9d2c", "/api/v1/silences/credit%3A9d2c?model=credit", {}),
        ("/silences", "Take back credit:9d2c", "/api/v1/silences/credit%3A9d2c?model=credit", {}),
        ("/alerts/income", "Acknowledge", "/api/v1/alerts/income/acknowledge", {}),
        (
            "/alerts/income", "Silence", "/api/v1/silences",
            {"minutes": 60, "model": "credit", "match": {"alertname": "FeatureDrift", "signal": "feature/income"}},
        ),
        ("/triggers/rt-waits", "Approve", "/api/v1/triggers/rt-waits/approve", {}),
        ("/triggers/rt-waits", "Reject", "/api/v1/triggers/rt-waits/reject", {}),
    ],
)  # fmt: skip
def test_a_form_sends_who_and_why(page: Page, served: Served, path: str, form: str, to: str, more: dict[str, object]) -> None:
    page.goto(served.url + path)
    request = sent(page, form, "a <b>new</b> unit")
    assert request.url == served.url + to
    assert request.method == ("DELETE" if form.startswith("Take back") else "POST")
    assert request.headers["content-type"] == "application/json"
    assert re.fullmatch(r"[0-9a-f]{32}", request.headers["idempotency-key"])
    assert request.post_data_json == {"by": "jane", "why": "a <b>new</b> unit", **more}


def test_nothing_is_sent_without_a_name_and_a_reason(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/alerts/income")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    form = page.get_by_role("form", name="Acknowledge")
    form.get_by_role("button").click()
    form.get_by_label("Your name").fill("jane")
    form.get_by_role("button").click()
    expect(form.get_by_label("Why")).to_be_focused()
    assert "POST" not in asked


def test_a_second_try_is_the_same_action(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/alerts/income")
    first = sent(page, "Acknowledge", "looking")
    if page.get_by_role("form", name="Acknowledge").locator(".answer.refused").count():
        assert sent(page, "Acknowledge", "looking").headers["idempotency-key"] == first.headers["idempotency-key"]
    else:
        assert page.evaluate("localStorage.getItem('gnomon.by')") == "jane"


def test_a_page_says_who_has_seen_an_alert_and_what_silences_it(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/alerts")
    row = page.get_by_role("row", name="FeatureDrift")
    expect(row).to_contain_text("acknowledged by ada")
    expect(row).to_contain_text("silenced until 2026-09-21 15:58:20")
    row.get_by_role("link", name="FeatureDrift").click()
    expect(page.get_by_text("Acknowledged by ada, 2026-09-21 14:57:20: looking into it")).to_be_visible()
    page.get_by_role("link", name="By whom and why").click()
    expect(page.get_by_text("By bob, 2026-09-21 14:58:20 until 2026-09-21 15:58:20: a new source")).to_be_visible()
    page.goto(f"{served.url}/alerts")
    page.get_by_role("link", name="Silences").click()
    expect(page.get_by_role("heading", name="1 silence")).to_be_visible()
    page.get_by_role("link", name="Ended (1)").click()
    expect(page.get_by_text("Taken back by bob, 2026-09-21 15:00:20: it is over")).to_be_visible()


def test_what_was_said_arrives_on_the_open_page_and_keeps_what_is_typed(page: Page, served: Served) -> None:
    why = "</q><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    page.goto(f"{served.url}/alerts/income")
    page.get_by_role("form", name="Silence").get_by_label("Why").fill("half a sent")
    served.seen = filled((ACTIONS, action("acknowledge", minute=58, fingerprint="income", by="eve", why=why)))
    expect(page.get_by_text(f"Acknowledged by eve, 2026-09-21 15:11:20: {why}")).to_be_visible()
    expect(page.get_by_role("form", name="Silence").get_by_label("Why")).to_have_value("half a sent")
    assert page.locator("main img, main script").count() == 0
    assert "owned" not in page.title()
