"""Whether any broker can be reached, and if not, why.

aiokafka connects again for ever, and tells nobody but the log what keeps it from that: a password that was revoked looks like
a topic on which nothing happens. So every attempt of every client in this process is noted here by address. As long as one
address was reached at its last attempt nothing is wrong: that one of three brokers is away is no matter for a worker.

Nothing is decided here and nothing is given up: the clients go on trying, and when they are let in again the trouble is over.
A function of aiokafka is replaced; ``tests/unit/app/test_brokers.py`` fails when it changes.
"""

import time
from collections.abc import Callable
from typing import Any

import aiokafka.client
from aiokafka.conn import create_conn

__all__ = ["BROKERS", "Brokers", "install"]

#: A broker that is restarted is back before that, mostly.
_TOLD_AFTER_S = 5.0


class Brokers:
    """The last attempt at each address. Clients live in several threads: each call is one step in a dictionary."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failing: dict[str, tuple[float, str] | None] = {}

    def reached(self, address: str) -> None:
        """It let a client in."""
        self._failing[address] = None

    def failed(self, address: str, error: BaseException) -> None:
        """It did not."""
        known = self._failing.get(address)
        self._failing[address] = (self._now() if known is None else known[0], str(error) or type(error).__name__)

    def trouble(self) -> str:
        """For how long no address can be reached, and what each says; empty where there is no trouble."""
        failing = dict(self._failing)
        lasts_s = min((0.0 if state is None else self._now() - state[0] for state in failing.values()), default=0.0)
        if lasts_s < _TOLD_AFTER_S:
            return ""
        said = "; ".join(f"{address}: {state[1]}" for address, state in failing.items() if state is not None)
        return f"no broker can be reached for {lasts_s:.0f} s: {said}"


#: Those of this process.
BROKERS = Brokers()


async def _noted(host: str, port: int, **arguments: Any) -> Any:
    address = f"{host}:{port}"
    try:
        connection = await create_conn(host, port, **arguments)
    except Exception as error:
        BROKERS.failed(address, error)
        raise
    BROKERS.reached(address)
    return connection


def install() -> None:
    """Have every client of this process connect so."""
    aiokafka.client.create_conn = _noted
