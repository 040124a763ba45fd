"""What happened, as marks: which there are, that none crowds out the others, and that names are text."""

from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestClient

from app.read_model.series_views import Mark, MarkKind
from app.read_model.views import Overview
from app.web.pages import marks
from app.web.words import MARKS
from tests.page_parts import HOSTILE, Shelf, page_of
from tests.read_model_records import ALERTS, MINUTE_MS, START_MS, STATISTICS, STATUSES, TRIGGERS, Record, alert, fed, overview

from tests.read_model_records import pairing, statistics, status, trigger  # isort: skip

LABELS = {"alertname": "FeatureDrift", "severity": "warning", "model": "credit", "version": "1.4.0", "signal": "feature/age"}
PINNED = {"id": "sha256:0123456789abcdef", "version": "2026-11", "owner": "risk-ml"}
WARM_UP = {"id": f"warm-up:{START_MS}-{START_MS + 2 * MINUTE_MS}"}


def story(*more: tuple[int, Record]) -> Overview:
    """A model that warms up, alerts, is trained, and gets a shadow and a baseline."""
    return overview(
        fed(
            (STATISTICS, statistics(baseline=WARM_UP)),
            (ALERTS, alert("resolved", minute=5, labels=LABELS)),
            (ALERTS, alert(minute=5, fingerprint="other", labels=LABELS | {"signal": "feature/income"})),
            (TRIGGERS, trigger(minute=6)),
            (TRIGGERS, trigger("elsewhere", model="search", minute=6)),
            (STATUSES, status("running", minute=7)),
            (STATUSES, status(minute=9, new_version="2.0.0")),
            (STATISTICS, statistics(version="2.0.0", role="shadow", minute=12)),
            (STATISTICS, statistics(minute=14, baseline=PINNED)),
            *more,
        )
    )


def told(seen: Overview, version: str = "1.4.0") -> list[tuple[int, str, str]]:
    """The marks of the signal, the earliest first: minute, kind, label."""
    model = seen.models["credit"]
    same = [each for each in model.signals if each.version == version]
    found = marks.chosen(marks.of_signal(seen.alerts, seen.triggers, model, same))
    assert found.left_out == 0
    return [((each.at - START_MS) // MINUTE_MS, each.kind, each.label) for each in reversed(found.shown)]


def test_a_signal_has_the_marks_of_its_alerts_its_references_its_model_s_versions_and_trainings() -> None:
    assert told(story()) == [
        (0, "deployment", "1.4.0 first seen live"),
        (2, "baseline", "The reference is complete: its own warm-up"),
        (5, "alert", "FeatureDrift fires"),
        (6, "trigger", "Retraining asked for: data drift"),
        (7, "training_started", "Training started"),
        (9, "training_succeeded", "Training succeeded: 2.0.0"),
        (12, "deployment", "2.0.0 first seen as a shadow"),
        (14, "baseline", "Baseline 2026-11 of risk-ml is the reference"),
        (15, "resolved", "FeatureDrift resolved"),
    ]
    assert {kind for _, kind, _ in told(story(), "2.0.0")} == {
        "deployment", "trigger", "training_started", "training_succeeded",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "label"),
    [("failed", "Training failed"), ("rejected", "Training rejected by the pipeline"), ("succeeded", "Training succeeded")],
)
def test_each_end_of_a_training_has_its_words(said: str, label: str) -> None:
    seen = story((TRIGGERS, trigger("t2", minute=20)), (STATUSES, status(said, "t2", minute=22)))
    assert told(seen)[-1] == (22, "training_succeeded" if said == "succeeded" else "training_failed", label)


def test_every_kind_has_a_sign_of_its_own_and_a_word() -> None:
    kinds = MarkKind.__args__  # type: ignore[attr-defined]  # of a Literal
    assert set(MARKS) == set(kinds)
    assert len({sign for sign, _ in MARKS.values()}) == len({word for _, word in MARKS.values()}) == len(kinds)


def test_the_newest_of_each_kind_are_kept_and_the_others_counted() -> None:
    flapping = [Mark(at, "alert", "a", None) for at in range(100, 500)]
    deployed = Mark(1, "deployment", "d", None)
    found = marks.chosen([deployed, *flapping, *flapping])
    assert found.shown == [*reversed(flapping[-marks.OF_A_KIND :]), deployed]
    assert found.left_out == 400 - marks.OF_A_KIND
    every: list[Any] = [Mark(at, kind, "x", None) for at in range(30) for kind in MARKS]  # type: ignore[arg-type]  # a kind
    all_kinds = marks.chosen(every)
    assert len(all_kinds.shown) == marks.MARKS_AT_MOST
    assert all_kinds.left_out == len(every) - marks.MARKS_AT_MOST


def test_a_stretch_is_half_open_as_that_of_its_cells() -> None:
    found = [Mark(at, "alert", "a", None) for at in range(5)]
    assert [each.at for each in marks.chosen(found, 1, 3).shown] == [2, 1]


def test_a_training_that_was_accepted_has_not_started() -> None:
    seen = story((TRIGGERS, trigger("t2", minute=20)), (STATUSES, status("accepted", "t2", minute=22)))
    assert [minute for minute, kind, _ in told(seen) if kind == "training_started"] == [7]


def test_a_change_of_reference_is_one_mark_for_all_shards_and_may_come_again() -> None:
    other = {"id": "sha256:other", "version": "2026-12"}
    shards = [
        fed(*((STATISTICS, statistics(minute=late + at, baseline=each)) for at, each in ((1, PINNED), (5, other), (9, PINNED))))
        for late in (2, 0, 1)
    ]
    changes = [(minute, label) for minute, kind, label in told(overview(*shards)) if kind == "baseline"]
    first, second = "Baseline 2026-11 of risk-ml is the reference", "Baseline 2026-12 is the reference"
    assert changes == [(1, first), (5, second), (9, first)]


async def test_what_all_charts_of_a_model_mark_stands_in_its_page_once(client: TestClient[Any, Any], shelf: Shelf) -> None:
    kinds = ("prediction", "latency", "cost", "error")
    shelf.seen = story(
        *((STATISTICS, statistics(kind=kind, name="", mean=1.0)) for kind in kinds), (STATISTICS, pairing(read=1, solo=1))
    )
    seen = await page_of(client, "/models/credit")
    assert len(seen.all("figure")) == len(kinds) + 1
    [shared] = [msgspec.json.decode(a["data-marks"] or "") for a in seen.all("details") if "data-marks" in a]
    assert [each["kind"] for each in shared] == [
        "deployment", "training_succeeded", "training_started", "trigger", "deployment",
    ]  # fmt: skip
    text = await (await client.get("/models/credit")).text()
    assert text.count("2.0.0 first seen as a shadow") == text.count("Training succeeded: 2.0.0") == 2  # as data and in words


async def test_marks_stand_in_each_chart_and_in_its_table_and_hostile_names_are_text(
    client: TestClient[Any, Any], shelf: Shelf
) -> None:
    name = HOSTILE[:128]
    shelf.seen = story(
        (STATISTICS, statistics(version=name, kind="latency", name="", baseline={"id": name, "version": name, "owner": name})),
        (TRIGGERS, trigger("t3", minute=30)),
        (STATUSES, status("succeeded", "t3", minute=31, new_version=name)),
    )
    for path in ("/models/credit", "/models/credit/signals/feature/age?version=1.4.0"):
        seen = await page_of(client, path)
        figures = [msgspec.json.decode(a["data-chart"] or "") for a in seen.all("figure")]
        assert figures
        shared = [mark for a in seen.all("details") for mark in msgspec.json.decode(a.get("data-marks") or "[]")]
        for figure in figures:
            labels = [each["label"] for each in [*figure["marks"], *shared]]
            assert {f"{name} first seen live", f"Training succeeded: {name}"} <= set(labels)
            assert all(" ".join(label.split()) in seen.words for label in labels)
        assert not seen.all("img") or all((a["src"] or "").startswith("/static/") for a in seen.all("img"))


async def test_a_chart_has_the_alerts_of_the_version_and_the_segment_that_it_shows(
    client: TestClient[Any, Any], shelf: Shelf
) -> None:
    of_model = LABELS | {"alertname": "PredictionDrift", "signal": "prediction"}
    fired = [of_model, of_model | {"version": "0.9"}, of_model | {"segment": "country=DE"}, of_model | {"segment": "country=FR"}]
    windows = [statistics(kind="prediction", name="", segment=each) for each in (None, {"country": "DE"}, {"country": "FR"})]
    shelf.seen = overview(
        fed(
            *((STATISTICS, window) for window in windows),
            *((ALERTS, alert(fingerprint=f"f{at}", minute=at, labels=labels)) for at, labels in enumerate(fired)),
        )
    )
    for path, minute in (("/models/credit", 0), ("/models/credit?segment=country%3DDE", 2)):
        [figure] = [each for each in (await page_of(client, path)).all("figure") if each["id"] == "chart-prediction"]
        marked = msgspec.json.decode(figure["data-chart"] or "")["marks"]
        assert [each["at"] for each in marked if each["kind"] == "alert"] == [START_MS + minute * MINUTE_MS], path
