"""The web application on a real socket, with a read model in memory and a writer that keeps what it is given."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from app.actions import Sent
from app.config import AuthSettings, Config, Secret, WebSettings
from app.health import Health
from app.metrics import Metrics
from app.read_model.views import Overview
from app.web import create_web
from schemas.action import Action
from tests.read_model_records import ALERTS, STATISTICS, TRIGGERS, alert, fed, overview, statistics, trigger

WAITS = {"required": True, "state": "pending"}
LOOKS, WRITES = "looks-0123456789abcdef", "writes-0123456789abcdef"
#: One token as it is, one as a digest.
TOKENS = f"# who may what\nada write {WRITES}\n\nbob read sha256:{hashlib.sha256(LOOKS.encode()).hexdigest()}\n"
SAID = {"by": "ada", "why": "looking into it"}


class Shelf:
    """A read model: one alert that fires and one that is resolved, one trigger that waits and one that is approved."""

    def __init__(self) -> None:
        self.seen = overview(
            fed(
                (STATISTICS, statistics()),
                (ALERTS, alert()),
                (ALERTS, alert("resolved", fingerprint="f2")),
                (ALERTS, alert(fingerprint="f3", labels={"alertname": "ProducerMisrouted", "topic": "predictions.shadow"})),
                (TRIGGERS, trigger("waits", approval=WAITS)),
                (TRIGGERS, trigger("approved", approval=WAITS | {"state": "approved"})),
            )
        )

    async def current(self) -> Overview:
        return self.seen


class Kept:
    """A writer without a broker; ``fault`` is what it raises in place of writing."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.fault: Exception | None = None
        self.closed = False

    async def write(self, action: Action) -> Sent:
        if self.fault is not None:
            raise self.fault
        self.actions.append(action)
        return Sent("actions", 2, len(self.actions) - 1)

    async def close(self) -> None:
        self.closed = True


def settings(tokens: str | None = TOKENS, **web: Any) -> WebSettings:
    """With these tokens, or with no authentication."""
    return WebSettings(auth=AuthSettings(tokens=None if tokens is None else Secret(tokens)), **web)


@asynccontextmanager
async def serving(
    web: WebSettings, writer: Kept | None = None, shelf: Shelf | None = None
) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of the application with these settings."""
    metrics = Metrics.on(CollectorRegistry(), "0.1.0")
    app = create_web(Config(web=web), Health(["serve"]), shelf or Shelf(), metrics, writer=writer or Kept())
    async with TestClient(TestServer(app)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}


async def detail_of(response: Any) -> str:
    """What a problem says."""
    assert response.headers["Content-Type"].startswith("application/problem+json")
    detail: str = (await response.json(content_type=None))["detail"]
    return detail


async def refusals(client: TestClient[Any, Any]) -> dict[str, float]:
    """How many requests were not let in so far, by reason, those that are not zero."""
    text = await (await client.get("/metrics", headers=bearer(LOOKS))).text()
    lines = [line for line in text.splitlines() if line.startswith("gnomon_web_refused_total{")]
    counts = {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines}
    return {reason: count for reason, count in counts.items() if count}
