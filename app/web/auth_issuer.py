"""Tokens of an OpenID provider: JWTs, verified with the keys that it publishes.

Taken is what is signed with RS256 or ES256 by a key of the provider, made by the very issuer, for the very audience, and not
expired. What the token itself says about algorithms and keys only chooses among these.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from app.config import AuthSettings
from app.web.auth_access import Access, TokenRefusedError
from app.web.auth_keys import ALGORITHMS, KeySet

__all__ = ["Issuer"]

_NAME_AT_MOST = 256
#: A time in seconds that is further away is as good as never.
_EVER = 1 << 53
_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.InvalidIssuerError, "the token is of another issuer"),
    (jwt.ImmatureSignatureError, "the token is not good yet"),
    (jwt.InvalidSignatureError, "the signature of the token is wrong"),
    (jwt.MissingRequiredClaimError, "the token lacks a claim: exp, iss and aud are needed"),
)


class Issuer:
    """One provider."""

    def __init__(self, auth: AuthSettings) -> None:
        self._auth = auth
        self._keys = KeySet(auth.issuer or "", auth.cafile)

    async def access(self, token: str) -> Access:
        """The holder of a token. Raises ``TokenRefusedError``, and ``IssuerAwayError`` where the keys cannot be had."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError):
            raise TokenRefusedError("the token is not known") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise TokenRefusedError(f"the token's algorithm is none of {', '.join(ALGORITHMS)}")
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise TokenRefusedError("the token is signed with a key that the issuer does not publish")
        return self._access(self._claims(token, key, algorithm))

    async def close(self) -> None:
        """End what is under way."""
        await self._keys.close()

    def _claims(self, token: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
        auth = self._auth
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, [algorithm], audience=auth.audience, issuer=auth.issuer, leeway=auth.leeway_s,
                options={"require": ["exp", "iss", "aud"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            reason = next((words for kind, words in _REASONS if isinstance(error, kind)), "the token cannot be read")
            raise TokenRefusedError(reason) from None
        except (ValueError, TypeError, OverflowError):
            raise TokenRefusedError("the token cannot be read") from None
        return claims

    def _access(self, claims: Mapping[str, Any]) -> Access:
        name = claims.get(self._auth.name_claim)
        if not (isinstance(name, str) and 1 <= len(name) <= _NAME_AT_MOST and name.isprintable()):
            raise TokenRefusedError(f"the token has no name: its claim {self._auth.name_claim} has to be a text")
        may_write = self._auth.write_value in _values(claims, self._auth.write_claim)
        return Access(name, may_write, float(min(int(claims["exp"]), _EVER)), by_issuer=True)


def _values(claims: Mapping[str, Any], name: str) -> list[Any]:
    """The values of a claim, which is a list or a text with spaces; ``realm_access.roles`` leads into an object.

    >>> _values({"scope": "openid gnomon.write"}, "scope"), _values({"realm_access": {"roles": ["a"]}}, "realm_access.roles")
    (['openid', 'gnomon.write'], ['a'])
    """
    value: Any = claims.get(name)
    if value is None:
        value = claims
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, str):
        return value.split()
    return value if isinstance(value, list) else []
