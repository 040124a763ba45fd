"""What pages say of silences and acknowledgements, in words; and the form that takes a silence back."""

from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from app.domain.decisions.silences import SILENCES
from tests.page_parts import HOSTILE, Shelf, page_of
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    MINUTE_MS,
    START_MS,
    STATISTICS,
    Record,
    action,
    alert,
    fed,
    overview,
    refusal,
    statistics,
)

ONE = action(matchers={"signal": "feature/age"}, by="bob", why="the source moves")


def put(shelf: Shelf, *said: Record | tuple[int, Record]) -> None:
    """A model with an alert that fires, and what people said."""
    records = [each if isinstance(each[0], int) else (ACTIONS, each) for each in said]
    shelf.seen = overview(fed((STATISTICS, statistics()), (ALERTS, alert()), *records))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/alerts", "/", "/models/credit"])
async def test_a_list_says_who_has_seen_an_alert_and_until_when_it_is_silent(client: TestClient[Any, Any], path: str) -> None:
    assert "acknowledged by ada silenced until 2026-09-21 15:13:20" in (await page_of(client, path)).words


async def test_what_is_resolved_is_not_called_silenced(client: TestClient[Any, Any], shelf: Shelf) -> None:
    put(shelf, (ALERTS, alert("resolved")), ONE)
    words = (await page_of(client, "/alerts?status=all")).words
    assert "Resolved" in words
    assert "silenced until" not in words


async def test_an_alert_says_who_why_and_when_and_takes_its_silence_back(client: TestClient[Any, Any]) -> None:
    seen = await page_of(client, "/alerts/f1")
    assert "Acknowledged by ada, 2026-09-21 14:14:20: looking into it" in seen.words
    assert "Silenced until 2026-09-21 15:13:20: what would be told anew is held back." in seen.words
    assert "By bob, 2026-09-21 14:13:20 until 2026-09-21 15:13:20: the source moves" in seen.words
    command = "gnomon alerts unsilence credit --match signal=feature/age --by NAME --why REASON"
    assert f"On the command line, of all silences with just these labels: {command}" in seen.words
    [form] = [form for form in seen.all("form") if form.get("data-method") == "DELETE"]
    assert form["data-url"] == "/api/v1/silences/credit%3Asilence-0?model=credit"
    assert form["aria-label"] == "Take back credit:silence-0"
    other = await page_of(client, "/alerts/f2")
    assert "Acknowledged" not in other.words


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"matchers": {"signal": "a=b"}}, True),
        ({"matchers": {"a=b": "c"}}, False),
        ({"matchers": {"segment": ""}}, False),
        ({"matchers": {"": "x"}}, False),
        ({"fingerprint": "f1"}, False),
        ({"fingerprint": "f1", "matchers": {"model": "credit"}}, False),
        ({"matchers": {"model": "-v"}, "subject": "-v"}, False),
    ],
)
async def test_there_is_a_command_only_where_it_can_take_the_silence_back(
    client: TestClient[Any, Any], shelf: Shelf, fields: dict[str, Any], said: bool
) -> None:
    put(shelf, action(**fields))
    seen = await page_of(client, "/silences")
    assert len(seen.all("form")) == 1
    assert ("gnomon alerts unsilence" in seen.words) == said


async def test_an_alert_shows_no_silence_of_another_subject_that_has_the_same_id(
    client: TestClient[Any, Any], shelf: Shelf
) -> None:
    of = {name: action(id="x", subject=name, matchers={"model": name}, why=f"that of {name}") for name in ("fraud", "credit")}
    put(shelf, *of.values())
    seen = await page_of(client, "/alerts/f1")
    assert "that of credit" in seen.words
    assert "that of fraud" not in seen.words


async def test_an_id_that_no_path_can_have_is_sent_as_a_parameter(client: TestClient[Any, Any], shelf: Shelf) -> None:
    put(shelf, action(id="..", matchers={"model": "credit"}))
    [form] = (await page_of(client, "/silences")).all("form")
    assert form["data-url"] == "/api/v1/silences/?id=..&model=credit"


async def test_an_alert_with_many_silences_shows_some_and_leads_to_all(client: TestClient[Any, Any], shelf: Shelf) -> None:
    many = [action(id=f"s{at}", matchers={"model": "credit"}, until=START_MS + (60 + at) * MINUTE_MS) for at in range(SILENCES)]
    put(shelf, *many)
    seen = await page_of(client, "/alerts/f1")
    assert len([form for form in seen.all("form") if form.get("data-method") == "DELETE"]) == 10
    assert "And 40 more" in seen.words
    assert "/silences?model=credit" in seen.links()
    listed = await page_of(client, "/silences?model=credit")
    assert "50 silences" in listed.words
    assert "page 1 of 5" in listed.words
    assert "page 5 of 5" in (await page_of(client, "/silences?model=credit&page=9")).words


async def test_the_list_is_reached_from_the_alerts_and_says_what_became_of_each(
    client: TestClient[Any, Any], shelf: Shelf
) -> None:
    assert "/silences" in (await page_of(client, "/alerts")).links()
    assert "Silences: 1 active." in (await page_of(client, "/alerts")).words
    put(
        shelf,
        action(id="back", matchers={"signal": "a"}),
        action("unsilence", minute=2, silence="back", by="eve", why="too early"),
        action(id="refused", subject="nobody", matchers={"model": "nobody"}, offset=9),
        (LETTERS, refusal(9)),
        action(id="one", fingerprint="f9"),
    )
    assert "Active (1) Ended (1) Refused (1) All (3)" in (await page_of(client, "/silences")).words
    assert "Silences: 1 active." in (await page_of(client, "/alerts")).words
    assert "The alert f9" in (await page_of(client, "/silences")).words
    ended = await page_of(client, "/silences?status=ended")
    assert "Taken back by eve, 2026-09-21 14:15:20: too early" in ended.words
    assert not ended.all("form")
    assert "It had no effect; the dead letter" in (await page_of(client, "/silences?status=refused")).words
    fraud = await page_of(client, "/silences?model=fraud")
    assert "Active (0) Ended (0) Refused (0) All (0)" in fraud.words
    assert "Only of fraud. Of all Nobody has silenced anything of it." in fraud.words
    nobody = await page_of(client, "/silences?model=nobody")
    assert "Active (0) Ended (0) Refused (1) All (1)" in nobody.words
    assert "Nothing is silent now. Show all 1" in nobody.words
    assert "/silences?model=nobody&status=all" in nobody.links()
    assert "No silence fits. Show all 1" in (await page_of(client, "/silences?model=nobody&status=ended")).words


async def test_a_silence_whose_time_is_over_says_so(client: TestClient[Any, Any], shelf: Shelf) -> None:
    put(shelf, ONE, (STATISTICS, statistics(minute=90)))
    assert "Nothing is silent now. Show all 1" in (await page_of(client, "/silences")).words
    ended = await page_of(client, "/silences?status=ended")
    assert "Its time is over; of statistics that come later for an older time" in ended.words
    assert [form["data-method"] for form in ended.all("form")] == ["DELETE"]


@pytest.mark.parametrize("path", ["/alerts", "/alerts/f1", "/silences"])
async def test_what_people_said_is_text_and_nothing_else(client: TestClient[Any, Any], shelf: Shelf, path: str) -> None:
    before = {tag for tag, _ in (await page_of(client, path)).elements}
    said = {"by": HOSTILE, "why": HOSTILE}
    put(
        shelf,
        action(id=HOSTILE, matchers={"model": "credit"}, **said),
        action(id="x", matchers={HOSTILE: HOSTILE}, **said),
        action("acknowledge", fingerprint="f1", **said),
    )
    seen = await page_of(client, path)
    assert {tag for tag, _ in seen.elements} <= before | {"wbr"}
    assert "</script><script>alert(1)</script>" in seen.words.replace("\u200b", "")
    assert not [key for _, attributes in seen.elements for key in attributes if key.startswith("on")]
    assert "49" not in seen.text.split("All times are UTC")[0]
