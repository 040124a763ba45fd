"""What holds for each page: nothing in a name harms it, it needs no script, it can be heard, and it says what is missing."""

import re
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient

from app.health import Health
from app.read_model.views import Stale
from app.web import static_files
from app.web.rendered import PAGES_KEPT, Rendered, RenderedPages
from tests.page_parts import HOSTILE, NOTHING, Seen, Shelf, hostile, page_of, pages_in
from tests.read_model_records import START_MS

PATHS = (
    "/", "/models/credit", "/models/credit/signals/feature/age", "/alerts", "/alerts?status=all", "/alerts/f1", "/alerts/f2",
    "/silences", "/silences?status=all",
    "/triggers", "/triggers/t1", "/pipeline", "/dead-letters",
)  # fmt: skip
#: Paths of REST that a page names and that may not be there.
OF_HISTORY = re.compile(r"^/api/v1/models/[^/]+/(series|traffic|pairs)\b")
SCRIPTS = {f"/static/{name}.js" for name in ("live", "morph", "series", "charts", "chart_parts", "marks", "pairs", "actions")}
VENDOR = "/static/vendor/uPlot.iife.min.js"
NASTY = (
    HOSTILE, "javascript:alert(1)", "\u202edesrever\u202c", "n" * 128, "a/b?c=d#e&f", "..", "%2F%00%25",
    "{{ 7 * 7 }}", " ", "data:text/html,x",
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_is_whole_without_a_script_and_keeps_the_policy(client: TestClient[Any, Any], path: str) -> None:
    response = await client.get(path)
    seen = Seen(await response.text())
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert not seen.all("style")
    assert not [attributes for _, attributes in seen.elements if "style" in attributes]
    assert {a["src"] for a in seen.all("script")} <= SCRIPTS | {VENDOR}
    assert all("defer" in attributes for attributes in seen.all("script"))
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for link in seen.links():
        assert link.startswith(("/", "#", "?")), link
        if link.startswith("#"):
            assert link[1:] in ids
        elif not OF_HISTORY.match(link):
            assert (await client.get(link)).status in {200, 503}, link


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_can_be_heard(client: TestClient[Any, Any], path: str) -> None:
    seen = await page_of(client, path)
    assert len(seen.all("caption")) == len(seen.all("table"))
    assert all(attributes.get("scope") in {"row", "col"} for attributes in seen.all("th"))
    assert all("aria-hidden" in a or a.get("role") == "img" for a in seen.all("svg"))
    assert [attributes["lang"] for attributes in seen.all("html")] == ["en"]
    assert len(seen.all("h1")) == 1
    assert len(seen.all("main")) == 1
    assert all(attributes.get("aria-label") for attributes in seen.all("nav") + seen.all("form"))
    assert len(seen.all("figcaption")) == len(seen.all("figure"))
    assert seen.all("main")[0]["data-headline"]


@pytest.mark.parametrize("name", NASTY)
async def test_no_name_is_more_than_text_on_any_page(client: TestClient[Any, Any], shelf: Shelf, name: str) -> None:
    harmless = set()
    shelf.seen = hostile("harmless")
    for path in pages_in(shelf.seen):
        harmless |= {tag for tag, _ in (await page_of(client, path)).elements}
    shelf.seen = hostile(name, model="credit" if name == ".." else name)
    paths = pages_in(shelf.seen)
    assert len(paths) >= 12
    for path in paths:
        seen = await page_of(client, path) if not path.endswith("/..") else await page_of(client)
        assert {tag for tag, _ in seen.elements} <= harmless | {"wbr"}, path
        assert {a["src"] for a in seen.all("script")} <= SCRIPTS | {VENDOR}
        assert [a["src"] for a in seen.all("img")] == ["/static/gnomon.svg"]
        assert not [key for _, attributes in seen.elements for key in attributes if key.startswith("on") or key == "style"]
        assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in seen.links()), path
        assert "49" not in seen.text.split("All times are UTC")[0].replace("14:49", "") or name != HOSTILE


@pytest.mark.parametrize("name", [name for name in NASTY if name not in {"..", " "}])
async def test_everything_is_reached_by_its_links(client: TestClient[Any, Any], shelf: Shelf, name: str) -> None:
    shelf.seen = hostile(name)
    overview_page = await page_of(client)
    model = next(
        link for link in overview_page.links() if link.startswith("/models/") and "#" not in link and "/signals/" not in link
    )
    model_page = await page_of(client, model)
    signals = [link for link in model_page.links() if "/signals/" in link]
    assert len(signals) >= 3
    for link in signals:
        assert " ".join(name.split())[:20] in (await page_of(client, link)).words


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nothing", "there is no /nothing"),
        ("/models/nobody", "there is no model 'nobody'"),
        ("/models/credit/signals/feature/none", "has no signal 'feature/none'"),
        ("/models/credit/signals/feature/age?version=9", "has no version '9'"),
        ("/alerts/none", "there is no alert 'none'"),
        ("/triggers/none", "there is no trigger 'none'"),
        ("/models/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "there is no model '<script>alert(1)</script>'"),
    ],
)
async def test_what_is_not_there_is_a_page_for_people_and_a_problem_for_machines(
    client: TestClient[Any, Any], path: str, said: str
) -> None:
    response = await client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (response.status, response.content_type) == (404, "text/html")
    seen = Seen(await response.text())
    assert said in seen.words
    assert "overview" in seen.words
    assert not [a for a in seen.all("script") if not (a.get("src") or "").startswith("/static/")]
    response = await client.get(path)
    assert (response.status, response.content_type) == (404, "application/problem+json")
    assert said in (await response.json())["detail"]


async def test_what_is_for_machines_is_never_a_page(client: TestClient[Any, Any]) -> None:
    for path in ("/api/v1/models/nobody", "/-/nothing", "/static/nothing.js"):
        response = await client.get(path, headers={"Accept": "text/html"})
        assert response.content_type == "application/problem+json", path


async def test_empty_pages_say_what_to_do(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = NOTHING
    for path, said in {
        "/": "Publish to predictions.legacy and predictions.shadow", "/alerts": "No alert was ever told",
        "/silences": "Nobody has silenced anything",
        "/triggers": "gnomon triggers fire",
        "/dead-letters": "Nothing was refused", "/pipeline": "The first minute of event time is not over yet",
    }.items():  # fmt: skip
        assert said in (await page_of(client, path)).words, path
    shelf.seen = msgspec.structs.replace(NOTHING, stale=Stale(None, "being rebuilt from the log: partition 0"))
    seen = await page_of(client)
    assert "Not complete yet. being rebuilt from the log: partition 0" in seen.words
    assert "Nothing to show yet" in seen.words


@pytest.mark.parametrize("path", PATHS)
async def test_a_stale_page_says_since_when_and_why(client: TestClient[Any, Any], shelf: Shelf, path: str) -> None:
    shelf.seen = msgspec.structs.replace(shelf.seen, stale=Stale(START_MS, "Redis does not answer: refused"))
    assert "Stale since 2026-09-21 14:13:20. Redis does not answer: refused" in (await page_of(client, path)).words


@pytest.mark.parametrize("path", PATHS)
async def test_a_page_that_did_not_change_is_not_sent_again(
    client: TestClient[Any, Any], shelf: Shelf, health: Health, path: str
) -> None:
    tag = (await client.get(path)).headers["ETag"]
    assert (await client.get(path, headers={"If-None-Match": tag})).status == 304
    health.assign("pair", [])
    response = await client.get(path, headers={"If-None-Match": tag})
    assert (response.status, response.headers["ETag"] != tag) == (200, True)


def test_only_so_many_pages_are_kept() -> None:
    kept, made = RenderedPages(2), list[str]()

    def show(place: str, state: int) -> None:
        kept.get(place, state, lambda: made.append(place) or Rendered(state, b"", ""))  # type: ignore[func-returns-value]  # a list's None

    for place, state in (("a", 1), ("a", 1), ("b", 1), ("a", 2), ("c", 2), ("b", 2), ("a", 2)):
        show(place, state)
    assert made == ["a", "b", "a", "c", "b", "a"]
    assert len(kept) == 2
    assert PAGES_KEPT <= 64


async def test_without_uplot_a_page_asks_for_nothing_of_it_and_says_how_to_get_it(
    client: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {name: file for name, file in static_files._FILES.items() if not name.startswith("vendor/")}
    monkeypatch.setattr(static_files, "_FILES", kept)
    for path in ("/models/credit/signals/feature/age", "/models/credit"):
        seen = await page_of(client, path)
        assert not [link for link in seen.links() if "vendor" in link]
    assert "make setup fetches it" in (await page_of(client, "/models/credit/signals/feature/age")).words
