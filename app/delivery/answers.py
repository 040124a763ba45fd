"""What came of a delivery, whoever the receiver is."""

import ssl
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import aiohttp

from app.domain.delivery.held_alert import HeldAlert

__all__ = ["REASONS", "TAKEN", "Answer", "Reason", "Receiver", "posted"]

#: ``refused``: the receiver takes others, but not this. All the rest is the receiver's trouble, or the way's.
Reason = Literal["refused", "unreachable", "timeout", "tls", "unauthorised", "status"]
REASONS: tuple[Reason, ...] = ("refused", "unreachable", "timeout", "tls", "unauthorised", "status")


class Answer(NamedTuple):
    """``reason`` is None where all was taken; ``says`` what is told to people."""

    reason: Reason | None
    says: str = ""


TAKEN = Answer(None)


async def posted(
    session: aiohttp.ClientSession, url: str, body: bytes, tls: ssl.SSLContext, judge: Callable[[int, bytes], Answer], most: int
) -> Answer:
    """POST a body; ``judge`` is asked with the status and up to ``most`` bytes of what is said. Never raises for the network."""
    try:
        async with session.post(url, data=body, ssl=tls, allow_redirects=False) as response:
            return judge(response.status, await response.content.read(most))
    except TimeoutError:
        return Answer("timeout", "no answer in time")
    except (aiohttp.ClientSSLError, ssl.SSLError) as error:
        return Answer("tls", str(error))
    except (aiohttp.ClientError, OSError) as error:
        return Answer("unreachable", f"{type(error).__name__}: {error}")


class Receiver(Protocol):
    """One place that alerts are told to. ``name`` is its metric label, ``shown`` how people know it; no secret is in either."""

    name: str
    shown: str

    async def deliver(self, alerts: Sequence[HeldAlert], now_ms: int) -> Answer:
        """Tell all of these, or none is known to be told; never raises for what the receiver or the network does."""

    async def close(self) -> None:
        """Deliver no more."""
