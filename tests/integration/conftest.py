"""The real Kafka and Redis that the integration tests run on: started once a session, shared, told apart by a prefix."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from app.dev.servers import Servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Kafka and Redis for the whole session; a test that stops one of them starts it again."""
    with Servers(log=print) as running:
        yield running


@pytest.fixture
def kafka(servers: Servers) -> str:
    """The bootstrap servers."""
    return servers.bootstrap_servers


@pytest.fixture
def redis_url(servers: Servers) -> str:
    return servers.redis_url


@pytest.fixture
def prefix() -> str:
    """A prefix of topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:8]}."
