"""The settings of page and API: where they listen, who may look, who may write. ``app.config.settings`` says how one is declared.

Tokens are a secret text, one a line; they are kept as digests.
"""

import hashlib
import ipaddress
import re
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta, Struct

from app.config.secret import Secret

__all__ = ["SESSION_KEY_AT_LEAST", "AuthSettings", "NamedToken", "WebSettings", "is_loopback"]

TOKENS = 100
TOKEN_AT_LEAST = 16
SESSION_KEY_AT_LEAST = 32
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_TOKEN = re.compile(rf"[A-Za-z0-9._~+/=-]{{{TOKEN_AT_LEAST},1024}}")
_LINE = "NAME read|write TOKEN"
_ONE_A_LINE: dict[str, Any] = {"allowed": f"lines of {_LINE}, the token as it is or as sha256: and 64 hexadecimal digits"}
_ISSUER: dict[str, Any] = {"allowed": "https://…, or http:// for a test"}
_HOST: dict[str, Any] = {"allowed": "a host name in small letters, without a port"}


class NamedToken(NamedTuple):
    """Whoever sends a token with this SHA-256 is ``name``."""

    name: str
    may_write: bool
    digest: bytes


class AuthSettings(Struct, frozen=True, kw_only=True):
    """Who may look at page and API, and who may write; anybody, where neither tokens nor an issuer are given."""

    tokens: Annotated[
        Secret | None, Meta(description="Bearer tokens, each with the name of its holder and a right", extra=_ONE_A_LINE)
    ] = None
    issuer: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+[^\s?#]*$", extra=_ISSUER)] | None,
        Meta(description="OpenID provider whose tokens (JWT, RS256 or ES256) are taken, as the tokens name it"),
    ] = None
    audience: Annotated[str | None, Meta(description="The audience that its tokens have to be for; needed with an issuer")] = None
    name_claim: Annotated[
        str, Meta(min_length=1, max_length=256, description="Claim that says who somebody is, such as email")
    ] = "sub"
    write_claim: Annotated[
        str, Meta(min_length=1, max_length=256, description="Claim with scopes or roles; a dot leads into an object")
    ] = "scope"
    write_value: Annotated[
        str, Meta(min_length=1, max_length=256, description="The scope or role that may write; without it, one may look")
    ] = "gnomon.write"
    leeway_s: Annotated[int, Meta(ge=0, le=300, description="How far the clocks of issuer and worker may differ")] = 30
    cafile: Annotated[str | None, Meta(description="Certificates to trust for the issuer (PEM); the system's if absent")] = None
    session_key: Annotated[
        Secret | None,
        Meta(
            description="Signs the cookies of those who signed in; the same for all workers behind one address. "
            "If absent, each start makes one, and people sign in again",
            extra={"allowed": f"a text of at least {SESSION_KEY_AT_LEAST} characters"},
        ),
    ] = None
    session_s: Annotated[int, Meta(ge=60, le=604_800, description="So long somebody stays signed in, at most")] = 28_800
    metrics: Annotated[bool, Meta(description="Whether `/metrics` is open to anybody all the same")] = False

    @property
    def configured(self) -> bool:
        """Whether anybody has to say who they are."""
        return self.tokens is not None or self.issuer is not None

    def named_tokens(self) -> tuple[NamedToken, ...]:
        """The tokens; ``ValueError`` with the number of the line that is none, and never its text."""
        found: dict[str, NamedToken] = {}
        lines = ("" if self.tokens is None else self.tokens.reveal()).splitlines()
        for number, line in enumerate(lines, 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            digest = _digest_of(words[2]) if len(words) == 3 and words[1] in {"read", "write"} else None
            if digest is None or len(words[0]) > 256:
                msg = f"line {number} is not {_LINE}, with a token of {TOKEN_AT_LEAST} to 1,024 letters, digits and . _ ~ + / = -"
                raise ValueError(msg)
            if words[0] in found:
                msg = f"line {number} has the name of an earlier one; allowed is one token a name"
                raise ValueError(msg)
            found[words[0]] = NamedToken(words[0], words[1] == "write", digest)
        if self.tokens is not None and not 1 <= len(found) <= TOKENS:
            msg = f"it has {len(found)} tokens; allowed are 1 to {TOKENS}"
            raise ValueError(msg)
        return tuple(found.values())


class WebSettings(Struct, frozen=True, kw_only=True):
    """Page, API, metrics and health."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            extra={"allowed": "an address or host name"},
            description="Address to listen on; 0.0.0.0 opens it to the network",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535, description="Port to listen on; 0: any that is free")] = 8080
    allowed_hosts: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9._-]{0,252})$", extra=_HOST)], ...],
        Meta(max_length=32, description="Names by which a proxy or DNS makes this known; addresses need no entry"),
    ] = ()
    writes: Annotated[
        Literal["auto", "on", "off"],
        Meta(description="Whether people may act over HTTP; `auto`: with authentication, or where only this machine can ask"),
    ] = "auto"
    auth: AuthSettings = AuthSettings()

    @property
    def may_write(self) -> bool:
        """Whether anybody at all may write."""
        return self.writes == "on" or (self.writes == "auto" and (self.auth.configured or is_loopback(self.host)))


def is_loopback(host: str) -> bool:
    """Whether an address or name can only be this machine.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "example.com")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _digest_of(text: str) -> bytes | None:
    if text.startswith("sha256:"):
        found = _DIGEST.fullmatch(text)
        return bytes.fromhex(found[1]) if found else None
    return hashlib.sha256(text.encode()).digest() if _TOKEN.fullmatch(text) else None
