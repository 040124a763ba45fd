"""The connection to Redis: short time-outs, no repeats of its own, so that whoever uses it decides what a failure means."""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

__all__ = ["connect"]

#: An answer takes a millisecond; what takes three seconds is an outage, and a page should say so instead of hanging.
TIMEOUT_SECONDS = 3.0


def connect(url: str, password: str | None = None) -> Redis:
    """A client for ``url``; ``password`` goes before one in the URL."""
    secret: dict[str, Any] = {"password": str.__str__(password)} if password else {}  # a Secret masks itself in str()
    return Redis.from_url(
        url,
        **secret,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
