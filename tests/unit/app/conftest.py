"""Pages and API on a loopback socket, with a read model in memory; a test that needs another has its own."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from app.config import Config
from app.health import Health
from app.metrics import Metrics
from app.web import create_web
from tests.page_parts import Shelf


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def health() -> Health:
    return Health(["pair", "serve"])


@pytest.fixture
def metrics() -> Metrics:
    return Metrics.on(CollectorRegistry(), "0.1.0")


@pytest.fixture
async def client(shelf: Shelf, health: Health, metrics: Metrics) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(create_web(Config(), health, shelf, metrics))) as client:
        yield client
