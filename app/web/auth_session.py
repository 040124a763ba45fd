"""Sessions of browsers, which cannot send a token with a page: a cookie that says who, signed with a key of the service.

Nothing is kept here, so any worker with the same ``web.auth.session_key`` knows the session, and none can end it before its
time. The session of a token that is taken out of the settings ends with the restart, one of the provider's at the latest with its
token. Signing out takes the cookie out of the browser.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any, Protocol

import jwt

from app.config import AuthSettings
from app.config.web import NamedToken
from app.web.auth_access import Access

__all__ = ["COOKIE", "Clock", "Sessions"]

COOKIE = "gnomon_session"
_AUDIENCE = "gnomon session"
_ALGORITHM = "HS256"


class Clock(Protocol):
    """Wall time in seconds."""

    def __call__(self) -> float: ...


class Sessions:
    """Cookies, made and read."""

    def __init__(self, auth: AuthSettings, tokens: Sequence[NamedToken], now: Clock) -> None:
        secret = secrets.token_bytes(32) if auth.session_key is None else auth.session_key.reveal().encode()
        self._key = hashlib.sha256(b"gnomon session\0" + secret).digest()
        self._tokens = {token.name: token for token in tokens}
        self._session_s, self._issuer, self._now = auth.session_s, auth.issuer, now

    def begin(self, access: Access) -> tuple[str, int]:
        """A session of whoever this is, and for how many seconds it is good: no longer than the token."""
        now = int(self._now())
        until = now + self._session_s if access.until is None else min(now + self._session_s, int(access.until))
        name = access.name or ""
        claims = {"aud": _AUDIENCE, "sub": name, "exp": until, "by": self._mark(name, access)}
        if access.by_issuer:
            claims["write"] = access.may_write
        return jwt.encode(claims, self._key, _ALGORITHM), max(0, until - now)

    def of_cookie(self, cookie: str) -> Access | None:
        """Whose session this is; None where it is over, or is none."""
        try:
            claims: dict[str, Any] = jwt.decode(
                cookie,
                self._key,
                [_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["aud", "sub", "exp"]},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        by_issuer = "write" in claims
        name, until = claims["sub"], float(claims["exp"])
        token = self._tokens.get(name)
        access = Access(name, bool(claims.get("write")), until, by_issuer=True)
        if not by_issuer:
            access = Access(name, token is not None and token.may_write, until)
        mark = self._mark(name, access)
        return access if mark and claims.get("by") == mark else None

    def _mark(self, name: str, access: Access) -> str:
        """What the session rests on: the issuer, or the very token that is configured; empty where there is none."""
        if access.by_issuer:
            return self._issuer or ""
        token = self._tokens.get(name)
        return "" if token is None else hashlib.sha256(b"gnomon token\0" + token.digest).hexdigest()
