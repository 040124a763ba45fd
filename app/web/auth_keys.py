"""The public keys of an OpenID provider, found by its discovery document and kept.

Fetched on the event loop without holding it up, one fetch at a time, no sooner than ``RETRY_S`` after the last, so that tokens
with made-up key ids cost the provider nothing. A provider that is away, or slow, harms nothing for a day: its keys stay good for
so long, and from ``FRESH_S`` on they are fetched anew beside the requests; only a request whose key is not there waits for that.

*Bounds.* ``KEYS`` keys; ``ANSWER_BYTES`` an answer; no redirects; keys over https only, unless the issuer itself is http.
"""

import asyncio
import ssl
import time
from typing import Any, NamedTuple

import aiohttp
import jwt
import msgspec
import structlog

from app.web.auth_access import IssuerAwayError

__all__ = ["ALGORITHMS", "KeySet"]

ALGORITHMS = ("RS256", "ES256")
KEYS = 64
ANSWER_BYTES = 256 * 1024
FRESH_S = 3_600.0
KEPT_S = 86_400.0
RETRY_S = 10.0
TIMEOUT_S = 5.0
#: A shorter RSA key can be broken.
_RSA_BITS = 2_048
log = structlog.get_logger(__name__)


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _Published(msgspec.Struct):
    keys: list[dict[str, Any]]


class _Key(NamedTuple):
    kid: str | None
    algorithm: str
    key: jwt.PyJWK


class KeySet:
    """The keys of one issuer."""

    def __init__(self, issuer: str, cafile: str | None) -> None:
        self._issuer, self._cafile = issuer, cafile
        self._fetching = asyncio.Lock()
        self._keys: list[_Key] = []
        self._fetched_at = self._tried_at = float("-inf")
        self._beside: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key of this id, or the only one for the algorithm; None where there is none. Raises ``IssuerAwayError``."""
        found, age_s = self._look(kid, algorithm), time.monotonic() - self._fetched_at
        if found is not None and age_s <= KEPT_S:
            if age_s >= FRESH_S:
                self._refresh_beside()
            return found
        await self._refresh()
        if time.monotonic() - self._fetched_at > KEPT_S:
            raise IssuerAwayError(f"the issuer {self._issuer} does not give its keys; the log says more")
        return self._look(kid, algorithm)

    async def close(self) -> None:
        """End the fetch that nobody waits for, if there is one."""
        if self._beside is not None:
            self._beside.cancel()
            await asyncio.wait([self._beside])

    def _look(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        fits = [each for each in self._keys if each.algorithm == algorithm and kid in {None, each.kid}]
        return fits[0].key if len(fits) == 1 else None

    def _refresh_beside(self) -> None:
        is_under_way = self._beside is not None and not self._beside.done()
        if not is_under_way and time.monotonic() - self._tried_at >= RETRY_S:
            self._beside = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        async with self._fetching:
            if time.monotonic() - self._tried_at < RETRY_S:
                return
            self._tried_at = time.monotonic()
            try:
                self._keys = await self._fetch()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                log.warning("the keys of the issuer cannot be had", issuer=self._issuer, error=f"{type(error).__name__}: {error}")
                return
            self._fetched_at = self._tried_at

    async def _fetch(self) -> list[_Key]:
        trust: ssl.SSLContext | bool = True if self._cafile is None else ssl.create_default_context(cafile=self._cafile)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session:
            where = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
            found = msgspec.json.decode(await _read(session, where, trust), type=_Discovery)
            if found.issuer != self._issuer:
                msg = f"{where} is of the issuer {found.issuer[:200]!r}; web.auth.issuer has to be the same to the letter"
                raise ValueError(msg)
            if not found.jwks_uri.startswith("https://") and not self._issuer.startswith("http://"):
                msg = f"{where} has the jwks_uri {found.jwks_uri[:200]!r}; allowed is https://…"
                raise ValueError(msg)
            published = msgspec.json.decode(await _read(session, found.jwks_uri, trust), type=_Published)
        keys = [key for each in published.keys[:KEYS] if (key := _usable(each)) is not None]
        if not keys:
            msg = f"{found.jwks_uri[:200]} has no key for {' or '.join(ALGORITHMS)}"
            raise ValueError(msg)
        return keys


async def _read(session: aiohttp.ClientSession, url: str, trust: ssl.SSLContext | bool) -> bytes:
    body = bytearray()
    async with session.get(url, allow_redirects=False, ssl=trust, headers={"Accept": "application/json"}) as answer:
        if answer.status != 200:
            msg = f"{url[:200]} answers {answer.status}; 200 was expected"
            raise ValueError(msg)
        async for chunk in answer.content.iter_chunked(65_536):
            body += chunk
            if len(body) > ANSWER_BYTES:
                msg = f"{url[:200]} answers with more than {ANSWER_BYTES} bytes"
                raise ValueError(msg)
    return bytes(body)


def _usable(published: dict[str, Any]) -> _Key | None:
    """A public key that signs with one of our algorithms; None for any other."""
    kid, kty = published.get("kid"), published.get("kty")
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(kty))
    if algorithm is None or published.get("use", "sig") != "sig" or published.get("alg", algorithm) != algorithm:
        return None
    if "d" in published or (kty == "EC" and published.get("crv") != "P-256") or not (kid is None or isinstance(kid, str)):
        return None
    try:
        key = jwt.PyJWK(published, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    short = kty == "RSA" and key.key.key_size < _RSA_BITS
    return None if short else _Key(kid, algorithm, key)
