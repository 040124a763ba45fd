"""The connection to Redis: no repeats and no read time-out of its own, so that whoever uses it decides what a failure means.

A read time-out of the client (``socket_timeout``) must not be set on Python 3.11: redis-py then sends through
``asyncio.wait_for``, which loses a cancellation that comes as the send completes (cpython 86296, mended in 3.12), and a
worker that is told to stop goes on. Users put ``asyncio.timeout`` around what they do instead; a connection whose answer
was given up is closed by redis-py. Held by ``test_a_commit_can_always_be_cancelled``.
"""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

__all__ = ["connect"]

CONNECT_SECONDS = 3.0


def connect(url: str, password: str | None = None) -> Redis:
    """A client for ``url``; ``password`` goes before one in the URL."""
    secret: dict[str, Any] = {"password": str.__str__(password)} if password else {}  # a Secret masks itself in str()
    return Redis.from_url(
        url,
        **secret,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
