"""Who asks: by a bearer token that is configured, by one that an OpenID provider made, or by the cookie of a session.

A token is never kept, never logged and never in an answer; why one was refused is said, for these are people who have just made a
mistake with it, but nothing that depends on what is configured.
"""

import hashlib
import hmac
import time
from typing import NamedTuple

from aiohttp import web

from app.config import WebSettings
from app.config.web import NamedToken
from app.web.auth_access import ANYBODY, Access, TokenRefusedError
from app.web.auth_issuer import Issuer
from app.web.auth_session import COOKIE, Clock, Sessions

__all__ = ["Authenticator", "Found"]


class Found(NamedTuple):
    """Who asks, or why nobody is known: ``refused`` is empty where nothing was sent."""

    access: Access | None
    refused: str = ""


class Authenticator:
    """``required``: whether anybody has to say who they are. ``now`` is wall time in seconds."""

    def __init__(self, settings: WebSettings, now: Clock = time.time) -> None:
        auth = settings.auth
        self.required = auth.configured
        self._tokens = auth.named_tokens()
        self._issuer = Issuer(auth) if auth.issuer is not None else None
        self._sessions = Sessions(auth, self._tokens, now)

    async def of_request(self, request: web.Request) -> Found:
        """Whoever sent this. Raises ``IssuerAwayError`` where only the provider could tell, and does not answer."""
        if not self.required:
            return Found(ANYBODY)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            try:
                return Found(await self.of_token(token.strip()))
            except TokenRefusedError as refusal:
                return Found(None, str(refusal))
        cookie = request.cookies.get(COOKIE)
        if cookie is None:
            return Found(None)
        access = self._sessions.of_cookie(cookie)
        return Found(access, "" if access is not None else "the session is over")

    async def of_token(self, token: str) -> Access:
        """The holder of a token. Raises ``TokenRefusedError``, and ``IssuerAwayError`` as above."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        holders = [each for each in self._tokens if hmac.compare_digest(each.digest, digest)]
        if holders:
            return _access(holders[0])
        if self._issuer is None:
            raise TokenRefusedError("the token is not known")
        return await self._issuer.access(token)

    async def close(self, _app: web.Application) -> None:
        """End what is under way with the provider."""
        if self._issuer is not None:
            await self._issuer.close()

    def session(self, access: Access) -> tuple[str, int]:
        """A cookie for somebody who has just shown a token, and the seconds for which it is good."""
        return self._sessions.begin(access)


def _access(token: NamedToken) -> Access:
    return Access(token.name, token.may_write)
