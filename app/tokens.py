"""Bearer tokens for SASL/OAUTHBEARER: from a file that somebody else renews, or from a token endpoint.

aiokafka asks for a token at each login. A token from an endpoint is kept until shortly before it expires, and one request
for it is under way at a time, so that a broker restart does not send a hundred connections to the identity provider.
"""

import asyncio
import base64
import time
from pathlib import Path
from typing import Protocol
from urllib.parse import quote_plus

import aiohttp
import msgspec
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError

from app.config import KafkaSettings, Secret

__all__ = ["EndpointToken", "FileToken", "token_provider"]

#: A token is renewed so long before it expires; brokers and identity providers drift by seconds.
_EARLY_S = 30.0
#: Where the answer does not say how long a token lives (RFC 6749 lets it), it is asked for again after this.
_UNSAID_S = 60.0
_TIMEOUT_S = 10.0


class Clock(Protocol):
    """Seconds that only go forward."""

    def __call__(self) -> float: ...


def token_provider(kafka: KafkaSettings) -> AbstractTokenProvider:
    """The provider that the configuration asks for."""
    if kafka.sasl_oauth_token_path is not None:
        return FileToken(Path(kafka.sasl_oauth_token_path))
    if kafka.sasl_oauth_token_url is None or kafka.sasl_oauth_client_secret is None:
        msg = "OAUTHBEARER without a token file needs sasl_oauth_token_url and sasl_oauth_client_secret"
        raise ValueError(msg)
    return EndpointToken(
        kafka.sasl_oauth_token_url,
        kafka.sasl_oauth_client_id or "",
        kafka.sasl_oauth_client_secret,
        kafka.sasl_oauth_scope,
    )


class FileToken(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka's types are not followed
    """The text of a file, read again each time, such as a mounted service account token."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        """The token as it stands in the file now."""
        try:
            text = await asyncio.to_thread(self._path.read_text, "utf-8")
        except OSError as error:
            msg = f"the token file {self._path} cannot be read: {error.strerror}"
            raise KafkaConnectionError(msg) from error
        return text.strip()


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: float | None = None


class EndpointToken(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka's types are not followed
    """The client credentials grant (RFC 6749, 4.4)."""

    def __init__(self, url: str, client_id: str, secret: Secret, scope: str | None = None, clock: Clock = time.monotonic) -> None:
        self._url = url
        self._headers = {"Authorization": _basic(client_id, secret), "Accept": "application/json"}
        self._form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._good_until = float("-inf")

    async def token(self) -> str:
        """The token that is still good, or a new one."""
        async with self._lock:
            if self._clock() >= self._good_until:
                asked = self._clock()
                answer = await self._ask()
                lives_s = _UNSAID_S if answer.expires_in is None else answer.expires_in - _EARLY_S
                self._token, self._good_until = answer.access_token, asked + lives_s
            return self._token

    async def _ask(self) -> _Answer:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=self._form, headers=self._headers) as response,
            ):
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            msg = f"the token endpoint {self._url} does not answer: {error}"
            raise KafkaConnectionError(msg) from error
        try:
            return msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError as error:
            msg = f"the token endpoint {self._url} answered {response.status} without an access token: {error}"
            raise KafkaConnectionError(msg) from error


def _basic(client_id: str, secret: Secret) -> str:
    """RFC 6749, 2.3.1: both parts are form-encoded before they are joined."""
    login = f"{quote_plus(client_id)}:{quote_plus(secret.reveal())}"
    return "Basic " + base64.b64encode(login.encode()).decode()
