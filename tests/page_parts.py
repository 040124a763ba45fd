"""What the tests of pages and of REST share: a read model in memory, one of hostile names, and a page taken apart."""

from html.parser import HTMLParser
from typing import Any

from aiohttp.test_utils import TestClient

from app.domain.decisions.alert_kinds import segment_label, short
from app.read_model.gathering import Gathering
from app.read_model.views import Overview
from app.web.pages import links
from tests.read_model_records import (
    ACTIONS,
    ALERTS,
    LETTERS,
    START_MS,
    STATISTICS,
    STATUSES,
    TRIGGERS,
    action,
    alert,
    fed,
    letter,
    overview,
    pairing,
)

from tests.read_model_records import statistics, status, trigger  # isort: skip

__all__ = ["FIGURES", "HOSTILE", "NOTHING", "Seen", "Shelf", "hostile", "page_of", "pages_in"]

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}{%raw%}&lt;\u202e"
NOTHING = Gathering().view(0, START_MS, {0: START_MS})
#: A histogram of numbers, as the detect role writes it.
FIGURES = {
    "mean": 4.5, "sd": 1.0, "values": 1000, "psi": 0.3, "psi_99_without_drift": 0.05, "difference_sd": 0.7,
    "difference_sd_interval": [0.6, 0.8], "reference": {"mean": 3.8, "sd": 1.0, "values": 5000}, "direction": "location up",
    "change": {"offset": 5, "timestamp": START_MS, "events": 40}, "jensen_shannon": 0.2, "ks": 0.3,
    "histogram": {"ends": [3.0, 5.0], "counts": [100, 500, 400], "reference_shares": [0.3, 0.5, 0.2]},
    "baseline": {"id": f"warm-up:{START_MS - 60_000}-{START_MS}", "digest": "sha256:b"},
}  # fmt: skip


class Shelf:
    """A read model that is what a test puts in."""

    def __init__(self) -> None:
        self.seen = overview(
            fed(
                (STATISTICS, pairing(read=20, paired=9, legacy_only=1, duplicate=2)),
                (STATISTICS, statistics(state="warning", mean=3.5)),
                (STATISTICS, statistics(minute=1, state="drift", score=1.4, mean=4.5)),
                (STATISTICS, statistics("search", "8")),
                (ALERTS, alert()),
                (ALERTS, alert("resolved", fingerprint="f2")),
                (TRIGGERS, trigger()),
                (LETTERS, letter()),
                (ACTIONS, action(matchers={"signal": "feature/age"}, by="bob", why="the source moves")),
                (ACTIONS, action("acknowledge", minute=1, fingerprint="f1", why="looking into it")),
            )
        )

    async def current(self) -> Overview:
        return self.seen


class Seen(HTMLParser):
    """Every element of a page with its attributes, and the text of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += "" if tag == "wbr" else " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> list[str]:
        """Where the page's links, styles, scripts and pictures lead."""
        found = [a.get("href") for a in self.all("link") + self.all("a")] + [
            a.get("src") for a in self.all("img") + self.all("script")
        ]
        return [link for link in found if link is not None]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def hostile(name: str = HOSTILE, model: str | None = None) -> Overview:
    """One of everything, each with this name wherever something is named."""
    model = name if model is None else model
    labels = {
        "alertname": name,
        "model": model,
        "severity": name,
        "signal": short(f"feature/{name}"),
        "version": name,
        "segment": segment_label({name: name}),
    }
    histogram = {"labels": [name, "b"], "counts": [1, 2], "reference_shares": [0.5, 0.5]}
    moved = {"moved_most": [{"label": name, "share": 0.5, "reference_share": 0.1, "cohens_h": 0.9}]}
    return overview(
        fed(
            (STATISTICS, statistics(model, name, name=name, segment={name: name}, state="drift",
                                    histogram=histogram, effect=moved)),
            (STATISTICS, statistics(model, name, name=name, state="drift", direction=name, histogram=histogram,
                                    baseline={"id": name, "version": name, "owner": name})),
            (STATISTICS, statistics(model, name, kind="disagreement", name="", role="shadow", share=0.1, reference_share=0.2)),
            (STATISTICS, pairing(model, read=1, legacy_only=1)),
            (ALERTS, alert(labels=labels)),
            (ALERTS, alert("resolved", fingerprint="x", annotations={"summary": name, "description": name, "runbook_url": name},
                           startsAt=name, generatorURL=name, evidence={"reason": name, name: {name: name}})),
            (TRIGGERS, trigger(name, model=model, approval={"required": True, "state": "pending"},
                               reason={"code": "data_drift", "detail": name, "priority": "high"},
                               links={"alerts": ["f1", name]})),
            (TRIGGERS, trigger("decided", model=model, approval={
                "required": True, "state": "approved", "by": name, "why": name, "at": name}, evidence={name: name})),
            (STATUSES, status("succeeded", "decided", model=model, new_version=name[:128], detail=name)),
            (LETTERS, letter(name, name, 1, name)),
            (ACTIONS, action(subject=model, matchers={"model": model, "version": name}, by=name, why=name, id=name)),
            (ACTIONS, action(subject=model, matchers={name: name}, by=name, why=name, minute=1)),
            (ACTIONS, action("unsilence", subject=model, matchers={name: name}, by=name, why=name, minute=2)),
            (ACTIONS, action("acknowledge", subject=model, fingerprint="f1", by=name, why=name)),
        )
    )  # fmt: skip


async def page_of(client: TestClient[Any, Any], path: str = "/") -> Seen:
    response = await client.get(path)
    assert response.status == 200, f"{path}: {await response.text()}"
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return Seen(await response.text())


def pages_in(seen: Overview) -> list[str]:
    """The page of everything that is known, found by the links that the pages themselves have."""
    found = [*("/", "/alerts?status=all", "/silences?status=all", "/triggers", "/pipeline", "/dead-letters")]
    for model in seen.models.values():
        found.append(links.model_url(model.name))
        found += [links.signal_url(model.name, s.kind, s.name, s.version, s.segment) for s in model.signals]
    found += [links.alert_url(each.fingerprint) for each in seen.alerts]
    return found + [links.trigger_url(each.trigger.trigger_id) for each in seen.triggers]
