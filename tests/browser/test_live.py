"""An open page follows what happens, in place: nothing that somebody is doing there is lost, and it says when it is not new."""

import re

import msgspec
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from app.read_model.views import Overview, Stale
from app.web.static_files import has_charts
from tests.browser.filled import filled
from tests.browser.served import Served
from tests.integration.harness import eventually
from tests.read_model_records import ALERTS, START_MS, STATISTICS, alert, pairing, statistics

pytestmark = pytest.mark.browser
LIVE = re.compile("^Live$")
#: Counts the answers about traffic that the page has taken in; what it makes of one is done when the count can be read.
COUNTED = """() => {
    window.taken = 0;
    const columns = gnomon.columns;
    gnomon.columns = (figure) => columns(figure).finally(() => (window.taken += figure.id === "chart-traffic" ? 1 : 0));
}"""


@pytest.fixture
def opened(page: Page, served: Served) -> Page:
    """The model's page, marked, so that a reload would be noticed."""
    page.emulate_media(reduced_motion="reduce")  # no scrolling goes on while a test looks
    page.goto(f"{served.url}/models/credit")
    expect(page.locator("#live-word")).to_have_text(LIVE)
    page.evaluate("window.mark = 'the same page'")
    return page


def is_the_same(page: Page) -> bool:
    return bool(page.evaluate("window.mark === 'the same page'"))


def paired(page: Page) -> Locator:
    return page.locator("#traffic dd[data-counter=paired]")


def test_a_counter_moves_and_what_somebody_does_stays(opened: Page, served: Served) -> None:
    expect(paired(opened)).to_have_text("58,200")
    opened.locator("#chart-latency summary").click()
    opened.get_by_label("Search").fill("half a wo")
    opened.get_by_label("Search").focus()
    where = opened.evaluate("window.scrollY")
    served.seen = filled((STATISTICS, pairing("credit", minute=70, read=10, paired=5)))
    expect(paired(opened)).to_have_text("58,205")
    assert is_the_same(opened)
    expect(opened.get_by_label("Search")).to_be_focused()
    expect(opened.get_by_label("Search")).to_have_value("half a wo")
    expect(opened.locator("#chart-latency details")).to_have_attribute("open", "")
    assert opened.evaluate("window.scrollY") == where


def test_rows_that_come_and_go_do_not_move_the_focus(opened: Page, served: Served) -> None:
    link = opened.locator("#signals a", has_text="country")
    link.focus()
    loud = statistics("credit", name="a_feature_that_is_new", minute=61, state="drift", score=3.0)
    served.seen = filled((STATISTICS, loud))
    expect(opened.locator("#signals a", has_text="a_feature_that_is_new")).to_be_visible()
    expect(link).to_be_focused()
    served.seen = filled()
    expect(opened.locator("#signals a", has_text="a_feature_that_is_new")).to_have_count(0)
    expect(link).to_be_focused()


def test_a_change_of_state_is_said_aloud_and_a_change_of_figures_is_not(page: Page, served: Served) -> None:
    page.goto(served.url)
    expect(page.locator("#live-word")).to_have_text(LIVE)
    silent = {"alertname": "LegacySilent", "severity": "critical", "model": "credit"}
    served.seen = filled((STATISTICS, pairing("credit", minute=71, read=1, paired=1)))
    expect(page.locator("tr[data-key=credit] [data-counter=paired]")).to_have_text("58,201 paired")
    expect(page.locator("#announce")).to_be_empty()
    served.seen = filled((ALERTS, alert(minute=72, fingerprint="silent", labels=silent)))
    expect(page.locator("#announce")).to_have_text("Models: unhealthy. Data: needs a look. Stream: unhealthy.")
    expect(page.locator("#firing tbody tr")).to_have_count(3)
    expect(page).to_have_title(re.compile(r"^\(3 firing\)"))


def test_a_page_that_is_stale_or_cut_off_says_so_and_since_when(opened: Page, served: Served) -> None:
    served.seen = msgspec.structs.replace(filled(), stale=Stale(START_MS, "Redis does not answer: refused"))
    expect(opened.locator(".notice.stale")).to_contain_text("Stale since 2026-09-21 14:13:20. Redis does not answer: refused")
    expect(opened.locator("#live-word")).to_have_text("Connected; what is shown is not complete or not new")
    served.stop()
    expect(opened.locator("#live-word")).to_have_text(re.compile(r"No connection since \d\d:\d\d:\d\d; trying again"))
    served.seen = filled((STATISTICS, pairing("credit", minute=73, read=4, paired=2)))
    served.start()
    expect(opened.locator("#live-word")).to_have_text(LIVE)
    expect(opened.locator(".notice.stale")).to_have_count(0)
    expect(paired(opened)).to_have_text("58,202")
    assert is_the_same(opened)


@pytest.mark.skipif(not has_charts(), reason="uPlot is not here: make setup fetches it")
def test_a_chart_is_drawn_once_and_keeps_its_zoom(opened: Page, served: Served) -> None:
    over = opened.locator("#chart-latency .u-over")
    over.scroll_into_view_if_needed()
    box = over.bounding_box()
    assert box is not None
    whole = span(opened)
    opened.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 40)
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=4)
    opened.mouse.up()
    zoomed = span(opened)
    assert zoomed < whole / 2
    newest = statistics("credit", kind="latency", name="", minute=90, mean=12.5)
    served.seen = filled((STATISTICS, newest))
    end = "gnomon.charts.get('chart-latency').plot.data[0].at(-1)"
    eventually(lambda: opened.evaluate(end) == (START_MS + 91 * 60_000) / 1000, 20)
    assert span(opened) == zoomed
    assert opened.locator("#chart-latency canvas").count() == 1
    over.dblclick()
    assert span(opened) > whole


@pytest.mark.skipif(not has_charts(), reason="uPlot is not here: make setup fetches it")
def test_a_chart_whose_answers_are_slower_than_the_page_changes_is_drawn(page: Page, served: Served) -> None:
    """An answer that is overtaken by a newer state of the page is shown; one that is overtaken by a newer answer is not."""
    held: list[Route] = []
    page.route(re.compile(r"/traffic\?"), lambda route: held.append(route))  # noqa: PLW0108  Playwright marks what it is given
    page.goto(f"{served.url}/models/credit?range=1h")
    figure = page.locator("#chart-traffic")
    eventually(lambda: page.wait_for_timeout(50) or held, 20)
    page.evaluate(COUNTED)
    before = figure.get_attribute("data-chart") or ""
    served.seen = later(90)
    expect(figure).not_to_have_attribute("data-chart", before)
    answered(page, held.pop(0), 2)
    expect(figure).to_have_attribute("data-settled", "")
    eventually(lambda: page.wait_for_timeout(50) or held, 20)
    first = held.pop(0)
    served.seen = later(95)
    eventually(lambda: page.wait_for_timeout(50) or held, 20)
    shows_four = "gnomon.charts.get('chart-traffic')?.plot.data[0].length === 4"
    answered(page, held.pop(0), 4)
    page.wait_for_function(shows_four)
    answered(page, first, 3)
    page.wait_for_function("window.taken === 2")  # of the questions since it is counted both are answered
    assert page.evaluate(shows_four), "an overtaken answer is drawn"


def answered(page: Page, route: Route, points: int) -> None:
    """Give so many points of traffic, and wait until the page has them."""
    with page.expect_event("requestfinished", lambda request: request == route.request):
        counted = {"start": [at * 60_000 for at in range(points)], "paired": [1] * points}
        route.fulfill(json={"resolution_ms": 60_000, "points": counted})


def later(minute: int) -> Overview:
    """With traffic of this minute, and a signal whose window ends a minute later."""
    of_signal = statistics("credit", kind="latency", name="", minute=minute, mean=12.5)
    return filled((STATISTICS, pairing("credit", minute=minute, read=20, paired=7)), (STATISTICS, of_signal))


@pytest.mark.skipif(not has_charts(), reason="uPlot is not here: make setup fetches it")
def test_marks_have_a_key_are_said_where_the_pointer_is_and_come_as_they_happen(opened: Page, served: Served) -> None:
    figure = opened.locator("#chart-prediction")
    keys = figure.locator(".keys")
    for key in ("▲ Alert", "R Retraining asked for", "T Training started", "S Training succeeded", "D Version first seen"):
        expect(keys).to_contain_text(key)
    expect(keys).not_to_contain_text("B Reference")  # completed before what the chart shows
    figure.locator(".u-over").scroll_into_view_if_needed()
    box = figure.locator(".u-over").bounding_box()
    assert box is not None
    deployed = (START_MS + 27 * 60_000) / 1000
    x = opened.evaluate(f"gnomon.charts.get('chart-prediction').plot.valToPos({deployed}, 'x')")
    opened.mouse.move(box["x"] + x + 2, box["y"] + 40)
    expect(figure.locator(".readout")).to_contain_text("; D 2.1.0 first seen as a shadow")
    pinned = {"id": "sha256:ab", "version": "2026-12", "owner": "risk-ml"}
    newest = statistics("credit", kind="prediction", name="", minute=70, mean=0.3, baseline=pinned)
    served.seen = filled((STATISTICS, newest))
    expect(keys).to_contain_text("B Reference")
    expect(keys).to_have_count(1)
    assert figure.locator("canvas").count() == 1
    figure.locator("summary").click()
    expect(figure.locator(".marks")).to_contain_text("Baseline 2026-12 of risk-ml is the reference for legacy 1.4.0")


@pytest.mark.skipif(not has_charts(), reason="uPlot is not here: make setup fetches it")
def test_what_happened_in_the_newest_cell_and_in_the_window_of_the_first_is_drawn(page: Page, served: Served) -> None:
    """At minute 0 a window begins that ends in the cell of minute 1; at minute 27 a version comes, in the cell of 26."""
    start = [START_MS + minute * 60_000 for minute in (1, 2, 26)]
    answer = {"resolution_ms": 90_000, "points": {"start": start, "value": [12.0, 12.5, 12.0]}}
    counted = {"resolution_ms": 90_000, "points": {"start": start, "paired": [1, 2, 1]}}
    page.route(re.compile(r"/series\?"), lambda route: route.fulfill(json=answer))
    page.route(re.compile(r"/traffic\?"), lambda route: route.fulfill(json=counted))
    page.goto(f"{served.url}/models/credit")
    for key in ("D Version first seen", "R Retraining asked for", "T Training started", "S Training succeeded"):
        expect(page.locator("#chart-traffic .keys")).to_contain_text(key)
    expect(page.locator("#chart-latency .keys")).to_contain_text("D Version first seen")
    chart = "gnomon.charts.get('chart-latency')"
    drawn = page.evaluate(f"{chart}.picture.marks.map(({{ label }}) => label)")
    assert {"1.4.0 first seen live", "2.1.0 first seen as a shadow"} <= set(drawn)
    low, high = page.evaluate(f"(({{ min, max }}) => [min, max])({chart}.plot.scales.x)")
    assert (low, high) == (start[0] / 1000 - 90, start[-1] / 1000 + 90)
    assert page.evaluate(f"{chart}.plot.valToPos({START_MS / 1000}, 'x')") > 0


#: Draws marks with long labels into what measures seven pixels a character; gives what it wrote, and how often it measured.
DRAW_LONG = """() => {
  const written = [];
  let measured = 0;
  const measureText = (text) => ((measured += 1), { width: 7 * text.length });
  const ctx = new Proxy({ measureText, fillText: (text) => written.push(text) }, { get: (of, name) => of[name] ?? (() => 0) });
  const marks = Array.from({ length: 60 }, (_, i) => ({ at: i * 60_000, kind: "alert", sign: "A", label: "w".repeat(300) }));
  const plot = { ctx, bbox: { left: 0, top: 50, width: 6000, height: 150 }, valToPos: (at) => at / 0.6 };
  gnomon.drawMarks(plot, marks, () => "grey");
  return [written.filter((text) => text !== "A"), measured];
}"""


def test_long_labels_are_cut_to_their_room_at_little_cost(opened: Page) -> None:
    written, measured = opened.evaluate(DRAW_LONG)
    room = 6000 / 60 - 16  # to the next mark, less what stays free at both
    assert {len(label) for label in written[:59]} == {int(room / 7)}
    assert all(label.endswith("w…") for label in written)
    assert measured <= 60 * (2 + 9)


def span(page: Page) -> float:
    """Seconds that the chart shows."""
    found: float = page.evaluate("(({ min, max }) => max - min)(gnomon.charts.get('chart-latency').plot.scales.x)")
    return found
