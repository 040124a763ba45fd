"""Whether any broker can be reached, and if not, why.

aiokafka connects again for ever, and tells nobody but the log what keeps it from that: a password that was revoked looks like
a topic on which nothing happens. So every attempt of every client in this process is noted here by address. As long as one
connection is open nothing is wrong: that one of three brokers is away is no matter for a worker.

Nothing is decided here and nothing is given up: the clients go on trying, and when they are let in again the trouble is over.
A function of aiokafka is replaced; ``tests/unit/app/test_brokers.py`` fails when it changes.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

import aiokafka.client
from aiokafka.conn import create_conn

__all__ = ["BROKERS", "Brokers", "install"]

#: A broker that is restarted is back before that, mostly.
_TOLD_AFTER_S = 5.0


class Connection(Protocol):
    """Of aiokafka's, what is needed here."""

    def connected(self) -> bool: ...


class Brokers:
    """The connections that are open, and the addresses at which the last attempt failed. Clients live in several threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._lock = now, Lock()
        self._open: list[Connection] = []
        self._failing: dict[str, tuple[float, str]] = {}  # since when, and what it says now

    def reached(self, address: str, connection: Connection) -> None:
        """It let a client in."""
        with self._lock:
            self._failing.pop(address, None)
            self._open = [each for each in self._open if each.connected()]
            self._open.append(connection)

    def failed(self, address: str, error: BaseException) -> None:
        """It did not."""
        with self._lock:
            since, _ = self._failing.get(address, (self._now(), ""))
            self._failing[address] = (since, str(error) or type(error).__name__)

    def trouble(self) -> str:
        """For how long no address can be reached, and what each says; empty where there is no trouble."""
        with self._lock:
            if any(each.connected() for each in self._open):
                return ""
            lasts_s = min((self._now() - since for since, _ in self._failing.values()), default=0.0)
            said = "; ".join(f"{address}: {text}" for address, (_, text) in self._failing.items())
        return "" if lasts_s < _TOLD_AFTER_S else f"no broker can be reached for {lasts_s:.0f} s: {said}"


#: Those of this process.
BROKERS = Brokers()


async def _noted(host: str, port: int, **arguments: Any) -> Any:
    address = f"{host}:{port}"
    try:
        connection = await create_conn(host, port, **arguments)
    except Exception as error:
        BROKERS.failed(address, error)
        raise
    BROKERS.reached(address, connection)
    return connection


def install() -> None:
    """Have every client of this process connect so."""
    aiokafka.client.create_conn = _noted
