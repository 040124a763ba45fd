"""What stands on each page, for a read model that is known."""

from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from aiohttp.test_utils import TestClient

from app.domain.decisions.alert_kinds import signal_label
from app.health import Health
from app.metrics import Metrics
from app.web.pages.asked import PER_PAGE
from schemas.statistics import Signal
from tests.page_parts import FIGURES, Shelf, page_of
from tests.read_model_records import (
    ALERTS,
    LETTERS,
    START_MS,
    STATISTICS,
    STATUSES,
    TRIGGERS,
    alert,
    fed,
    letter,
    overview,
    pairing,
)

from tests.read_model_records import statistics, status, trigger  # isort: skip


async def test_the_overview_says_whether_models_data_and_stream_are_well(client: TestClient[Any, Any], health: Health) -> None:
    for role in ("pair", "serve"):
        health.assign(role, [])
    seen = await page_of(client)
    for shown in (
        "Models ◌ Not known yet Nothing is watched yet.", "Data ◆ Needs a look 1 alert firing.",
        "Stream ✓ Healthy 90.00 % paired; 1 dead letter.",
        "FeatureDrift", "age has moved", "credit", "1 open", "90.00 %", "9 paired", "1 drift", "data drift", "legacy 1.4.0",
    ):  # fmt: skip
        assert shown in seen.words, shown
    assert seen.all("main")[0]["data-headline"] == "Models: not known yet. Data: needs a look. Stream: healthy."


async def test_the_worst_models_come_first_a_page_at_a_time(client: TestClient[Any, Any], shelf: Shelf) -> None:
    records = [statistics(f"m{at:04}", state="drift" if at == 977 else "quiet") for at in range(1_000)]
    shelf.seen = overview(fed(*((STATISTICS, record) for record in records), (ALERTS, alert(model="m0500"))))
    seen = await page_of(client)
    rows = [
        attributes["data-key"]
        for tag, attributes in seen.elements
        if tag == "tr" and (attributes.get("data-key") or "").startswith("m")
    ]
    assert rows[:3] == ["m0500", "m0977", "m0000"]
    assert len(rows) == PER_PAGE
    assert "1 to 25 of 1,000" in seen.words
    assert "page 40 of 40" in (await page_of(client, "/?page=40")).words
    assert "page 40 of 40" in (await page_of(client, "/?page=9999")).words
    assert "page 1 of 40" in (await page_of(client, "/?page=x&sort=none")).words
    searched = await page_of(client, "/?search=M097&sort=name")
    assert "10 models with “M097” in their name" in searched.words
    assert searched.words.index("m0970") < searched.words.index("m0979")
    assert "No model fits" in (await page_of(client, "/?search=nobody")).words
    assert "1 model" in (await page_of(client, "/?state=drift")).words


@pytest.mark.parametrize(
    ("link", "to"),
    [
        ("/?model=credit", "/models/credit"),
        ("/?model=credit&signal=feature%2Fa%2Fb&version=2", "/models/credit/signals/feature/a%2Fb?version=2"),
        ("/?model=credit&signal=prediction", "/models/credit/signals/prediction/"),
        ("/?topic=predictions.legacy", "/dead-letters?topic=predictions.legacy"),
        ("/?model=//evil.example", "/models/%2F%2Fevil.example"),
    ],
)
async def test_links_of_alerts_into_the_overview_lead_on(client: TestClient[Any, Any], link: str, to: str) -> None:
    response = await client.get(link, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, to)


async def test_a_model_shows_live_and_shadow_side_by_side(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = overview(
        fed(
            (STATISTICS, statistics(kind="latency", name="", minute=0, **FIGURES)),
            (STATISTICS, statistics(kind="latency", name="", minute=1, **FIGURES)),
            (STATISTICS, statistics(version="2.0.0", role="shadow", kind="latency", name="", mean=9.0)),
            (STATISTICS, statistics(version="2.0.0", role="shadow", kind="disagreement",
                name="", share=0.25, reference_share=0.1, values=100)),
            (STATISTICS, statistics(state="drift", score=1.4)),
            (STATISTICS, statistics(segment={"channel": "web"})),
            (STATISTICS, pairing(read=20, paired=9, legacy_only=1)),
            (ALERTS, alert()),
            (TRIGGERS, trigger()),
        )
    )  # fmt: skip
    seen = await page_of(client, "/models/credit")
    for shown in (
        "Latency (ms) Latency (ms) of 1.4.0: 4.50", "Latency (ms) of 2.0.0: 9.00", "Disagreement of 2.0.0: 25.00 %",
        "17.55 % to 34.30 %",
        "▲ Drift", "1.40, drift from 1.00", "90.00 %", "paired 9", "legacy only 1", "age has moved", "data drift", "channel=web",
    ):  # fmt: skip
        assert shown in seen.words, shown
    charts = {a["id"]: msgspec.json.decode(a["data-chart"] or "") for a in seen.all("figure")}
    assert set(charts) == {"chart-latency", "chart-disagreement", "chart-traffic"}
    assert [line["label"] for line in charts["chart-latency"]["lines"]] == ["legacy 1.4.0", "shadow 2.0.0"]
    assert (
        charts["chart-latency"]["lines"][0]["url"]
        == f"/api/v1/models/credit/series?version=1.4.0&signal=latency&from={START_MS + 60_000}"
    )
    only_web = await page_of(client, "/models/credit?segment=channel%3Dweb")
    assert "1 signal" in only_web.words
    assert "No signal fits" in (await page_of(client, "/models/credit?search=nothing")).words
    assert "of 2.0.0: 9.00" not in (await page_of(client, "/models/credit?version=1.4.0")).words


async def test_a_chart_reaches_as_far_as_its_own_windows(client: TestClient[Any, Any], shelf: Shelf) -> None:
    """Outcomes may lie days behind, and come out of order: the chart of errors shows them all the same."""
    behind = [(STATISTICS, statistics(kind="error", name="", minute=minute, mean=0.2)) for minute in (7, 4, 9)]
    ahead = [(STATISTICS, statistics(kind="latency", name="", minute=minute, mean=4.5)) for minute in (5_000, 5_001)]
    shelf.seen = overview(fed(*behind, *ahead, (STATISTICS, pairing(read=20, paired=9))))
    for query, of_errors, of_requests in (("", 5, 5_001), ("?range=1h", 10 - 60, 5_002 - 60)):
        drawn = (await page_of(client, f"/models/credit{query}")).all("figure")
        charts = {a["id"]: msgspec.json.decode(a["data-chart"] or "") for a in drawn}
        for chart, minute in (("error", of_errors), ("latency", of_requests), ("traffic", of_requests)):
            [line] = charts[f"chart-{chart}"]["lines"]
            assert line["url"].endswith(f"from={START_MS + minute * 60_000}"), (query, chart)


async def test_a_signal_shows_its_reference_its_effects_and_what_happened(client: TestClient[Any, Any], shelf: Shelf) -> None:
    labels = {"alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "signal": "feature/age"}
    shelf.seen = overview(
        fed((STATISTICS, statistics(state="drift", **FIGURES)), (ALERTS, alert(labels=labels)), (TRIGGERS, trigger()))
    )
    seen = await page_of(client, "/models/credit/signals/feature/age?version=1.4.0")
    for shown in (
        "Mean 4.50 95 %: 4.40 to 4.60", "In the reference 3.80", "0.700 standard deviations above the reference", "medium",
        "PSI) 0.300; without drift 99 of 100 such windows stay below 0.050: more than chance",
        "up to 3.00 30.00 % 10.00 % \N{MINUS SIGN}20.0",
        "above 5.00 20.00 % 40.00 % +20.0", "FeatureDrift fires", "Retraining asked for: data drift", "The reference is complete",
    ):  # fmt: skip
        assert shown in seen.words, shown
    score = next(msgspec.json.decode(a["data-chart"] or "") for a in seen.all("figure") if a["id"] == "chart-score")
    assert {each["kind"] for each in score["marks"]} == {"alert", "trigger", "deployment", "baseline"}


async def test_the_label_of_a_long_name_finds_its_signal(client: TestClient[Any, Any], shelf: Shelf) -> None:
    name = "n" * 300
    shelf.seen = overview(fed((STATISTICS, statistics(name=name))))
    kind, _, cut = signal_label(Signal("feature", name)).partition("/")
    assert len(cut) < 150
    assert name in (await page_of(client, f"/models/credit/signals/{kind}/{quote(cut, safe='')}?version=1.4.0")).text


async def test_alerts_can_be_chosen(client: TestClient[Any, Any]) -> None:
    async def keys(query: str) -> list[str]:
        seen = await page_of(client, f"/alerts{query}")
        return [(a.get("data-key") or "").split(" ")[0] for tag, a in seen.elements if tag == "tr" and a.get("data-key")]

    assert await keys("") == ["f1"]
    assert await keys("?status=all") == ["f1", "f2"]
    assert await keys("?status=resolved") == ["f2"]
    assert await keys("?area=data") == ["f1"]
    assert await keys("?area=stream") == []
    assert await keys("?search=AGE&severity=warning&model=credit") == ["f1"]
    assert "No alert fits" in (await page_of(client, "/alerts?search=nothing")).words


async def test_an_alert_shows_why_since_when_and_what_to_do(client: TestClient[Any, Any], shelf: Shelf) -> None:
    newest = statistics(minute=3, state="drift", share=0.25, reference_share=0.5)
    labels = {"alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "signal": "feature/age"}
    shelf.seen = overview(
        fed((STATISTICS, newest), (ALERTS, alert("resolved", labels=labels)), (ALERTS, alert(minute=30, labels=labels)))
    )
    seen = await page_of(client, "/alerts/f1")
    for shown in (
        "FeatureDrift ◆ Warning firing since 2026-09-21 14:43:20", "age has moved", "by two years",
        "Newest window, 1,000 events up to 2026-09-21 14:17:20: 25.00 %, in the reference 50.00 %.", "score 1.2",
        "2 episodes of this alert", "What it means", "gnomon alerts ack f1", "--match signal=feature/age",
    ):  # fmt: skip
        assert shown in seen.words, shown
    forms = {a["aria-label"]: a for a in seen.all("form")}
    assert forms["Acknowledge"]["data-url"] == "/api/v1/alerts/f1/acknowledge"
    assert msgspec.json.decode(forms["Silence"]["data-body"] or "") == {
        "model": "credit", "match": {"alertname": "FeatureDrift", "signal": "feature/age"},
    }  # fmt: skip
    assert all("hidden" in form for form in forms.values())
    past = await page_of(client, f"/alerts/f1?episode={quote('2026-09-21T14:13:20.000Z')}")
    assert "✓ Resolved from 2026-09-21 14:13:20 until 2026-09-21 14:23:20" in past.words
    assert not past.all("form")


async def test_a_trigger_shows_its_window_and_asks_only_where_somebody_is_waited_for(
    client: TestClient[Any, Any], shelf: Shelf
) -> None:
    seen = await page_of(client, "/triggers/t1")
    for shown in ("Data drift: credit", "Not required", "Pairs 40", "pairs 1 5 45", "sha256:0123456789abcdef", "2 held back",
                  "gnomon triggers export t1 --out window.jsonl"):  # fmt: skip
        assert shown in seen.words, shown
    assert not seen.all("form")
    shelf.seen = overview(fed((TRIGGERS, trigger("t2", approval={"required": True, "state": "pending"}))))
    waiting = await page_of(client, "/triggers/t2")
    assert {a["data-url"] for a in waiting.all("form")} == {f"/api/v1/triggers/t2/{verb}" for verb in ("approve", "reject")}
    assert "1 trigger waits for approval" in (await page_of(client, "/triggers")).words
    assert "No trigger fits" in (await page_of(client, "/triggers?approval=rejected")).words
    said = {"required": True, "state": "approved", "by": "jane", "why": "new prices", "at": "2026-09-21T15:00:00Z"}
    shelf.seen = overview(fed((TRIGGERS, trigger("t3", approval=said))))
    assert "Approved by jane at 2026-09-21 15:00:00. new prices" in (await page_of(client, "/triggers/t3")).words
    assert "No answer of a pipeline on retrain.status counts yet" in (await page_of(client, "/triggers/t3")).words
    shelf.seen = overview(fed((TRIGGERS, trigger("t3", approval=said)), (STATUSES, status("accepted", "t3"))))
    assert "Training Accepted. The data to train on" in (await page_of(client, "/triggers/t3")).words
    answers = [(STATUSES, status("running", "t3")), (STATUSES, status("failed", "t3", minute=2, detail="no memory"))]
    shelf.seen = overview(fed((TRIGGERS, trigger("t3", approval=said)), *answers))
    told = "Failed; started 2026-09-21 14:13:20; ended 2026-09-21 14:15:20. no memory"
    assert told in (await page_of(client, "/triggers/t3")).words


async def test_the_equation_and_the_lag_are_shown_where_they_are_known(
    client: TestClient[Any, Any], metrics: Metrics, health: Health
) -> None:
    for role in ("pair", "serve"):
        health.assign(role, [])
    assert "The workers with the role pair check it" in (await page_of(client, "/pipeline")).words
    metrics.figures("pair", 0, {"unaccounted": 0})
    metrics.lag("pair", 0, 1_200)
    metrics.lag("pair", 1, 34)
    seen = await page_of(client, "/pipeline")
    assert "read 20 = in pairs + duplicate 2 + late 0 + rejected 0 ✓ It holds: 0 unaccounted for" in seen.words
    assert "pair without partitions the consumer group gave this member no partition \N{EN DASH} 1,234" in seen.words
    metrics.figures("pair", 1, {"unaccounted": 3})
    assert "▲ 3 unaccounted for" in (await page_of(client, "/pipeline")).words
    assert "Stream ▲ Unhealthy 3 events unaccounted for." in (await page_of(client)).words


async def test_dead_letters_say_how_the_producer_is_mended(client: TestClient[Any, Any], shelf: Shelf) -> None:
    shelf.seen = overview(
        fed(*((LETTERS, letter(offset=at)) for at in range(3)), (LETTERS, letter("not_json", "predictions.shadow")))
    )
    seen = await page_of(client, "/dead-letters")
    for shown in ("predictions.legacy late 3 It came after the record", "predictions.shadow not json 1 The value is no JSON",
                  "predictions.legacy[0] 2 late 4 s too late"):  # fmt: skip
        assert shown in seen.words, shown
    chosen = await page_of(client, "/dead-letters?topic=predictions.shadow")
    assert "The value is no JSON" in chosen.words
    assert "It came after the record" not in chosen.words
    assert "No dead letter is of this topic and reason" in (await page_of(client, "/dead-letters?reason=none")).words
