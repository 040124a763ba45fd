"""One Alertmanager, by its v2 API: ``POST /api/v2/alerts`` with a list of alerts.

It answers 200 when it has taken all. 400 is about what was sent: a body that it cannot parse is lost as a whole, of one with a
bad alert the others are kept; who was bad is not said, so the sender halves the batch until it is alone. Everything else is
trouble of the receiver, or of the way to it, and is tried again. A redirect is not followed: it would take the login along.
"""

import ssl
from collections.abc import Sequence

import aiohttp
import msgspec

from app.config import ConfigError, Fault, NotifySettings
from app.delivery.answers import TAKEN, Answer, Reason, posted
from app.domain.delivery.held_alert import HeldAlert

__all__ = ["Alertmanager", "headers_of", "tls_context"]

#: Of an answer's body, for the log.
_SAID_BYTES = 300
#: The body, an alert in it, or its size is what is wrong.
_OF_CONTENT = frozenset({400, 413, 422})
_encode = msgspec.json.Encoder().encode


def tls_context(settings: NotifySettings) -> ssl.SSLContext:
    """Certificate and host name are always checked; ``ConfigError`` where ``cafile`` holds no certificates."""
    try:
        return ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.cafile)
    except (OSError, ssl.SSLError) as error:
        allowed = f"{error}; allowed is a PEM file with certificates"
        raise ConfigError([Fault("notify.cafile", "", f'"{settings.cafile}"', allowed)]) from error


def headers_of(settings: NotifySettings) -> dict[str, str]:
    """Content type and login of each request."""
    headers = {"Content-Type": "application/json"}
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token.reveal()}"
    elif settings.username is not None and settings.password is not None:
        headers["Authorization"] = aiohttp.encode_basic_auth(settings.username, settings.password.reveal())
    return headers


class Alertmanager:
    """See the module's text. Made inside a running event loop."""

    def __init__(self, name: str, url: str, settings: NotifySettings, tls: ssl.SSLContext) -> None:
        self.name, self.shown = name, url
        self._url, self._resend_ms = f"{url.rstrip('/')}/api/v2/alerts", settings.resend_s * 1000
        self._tls = tls
        timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
        self._session = aiohttp.ClientSession(timeout=timeout, headers=headers_of(settings))

    async def deliver(self, alerts: Sequence[HeldAlert], now_ms: int) -> Answer:
        """Post them in one request."""
        body = _encode([alert.as_posted(now_ms, self._resend_ms) for alert in alerts])
        return await posted(self._session, self._url, body, self._tls, _judged, _SAID_BYTES)

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()


def _judged(status: int, said: bytes) -> Answer:
    if 200 <= status < 300:
        return TAKEN
    reason: Reason = "refused" if status in _OF_CONTENT else "unauthorised" if status in {401, 403} else "status"
    return Answer(reason, f"HTTP {status}: {said.decode('utf-8', 'replace').strip()}")
