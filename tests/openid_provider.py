"""An OpenID provider on a loopback socket: its discovery document, its public keys, and tokens signed with the private ones."""

import asyncio
import functools
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

__all__ = ["AUDIENCE", "Provider", "providing", "rsa_key"]

AUDIENCE = "gnomon"
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Provider:
    """``keys`` is what it publishes; ``status`` and ``document`` change what it answers, which waits for ``answers``."""

    def __init__(self) -> None:
        self.url = ""
        self.private: dict[str, Private] = {}
        self.keys: list[dict[str, Any]] = []
        self.fetches = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.status = 200
        self.document: dict[str, Any] = {}
        self.rsa("one")

    def rsa(self, kid: str, bits: int = 2_048, **changes: Any) -> None:
        """One more RSA key."""
        self._publish(kid, rsa_key(kid, bits), "RS256", changes)

    def elliptic(self, kid: str, **changes: Any) -> None:
        """One more key on the curve P-256."""
        self._publish(kid, ec.generate_private_key(ec.SECP256R1()), "ES256", changes)

    def _publish(self, kid: str, key: Private, algorithm: str, changes: dict[str, Any]) -> None:
        self.private[kid] = key
        public: Any = key.public_key()
        text = RSAAlgorithm.to_jwk(public) if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm.to_jwk(public)
        self.keys.append(json.loads(text) | {"kid": kid, "use": "sig", "alg": algorithm} | changes)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Those of a good token; a change to None takes one away."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 600, "scope": "openid gnomon.write"}
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def token(self, kid: str = "one", algorithm: str = "RS256", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """One that is signed with this key."""
        return jwt.encode(self.claims(**changes), self.private[kid], algorithm, {"kid": kid} | (headers or {}))

    async def discovery(self, _: web.Request) -> web.Response:
        """Where the keys are."""
        self.fetches += 1
        await self.answers.wait()
        return web.json_response({"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.document, status=self.status)

    async def published(self, _: web.Request) -> web.Response:
        """The keys."""
        return web.json_response({"keys": self.keys})


@functools.cache
def rsa_key(kid: str, bits: int = 2_048) -> rsa.RSAPrivateKey:
    """Made once, since that takes a while."""
    return rsa.generate_private_key(65_537, bits)


@asynccontextmanager
async def providing(certificate: trustme.LeafCert | None = None) -> AsyncIterator[Provider]:
    """One that runs, with this certificate over https."""
    provider, app = Provider(), web.Application()
    app.add_routes([web.get("/.well-known/openid-configuration", provider.discovery), web.get("/keys", provider.published)])
    tls: dict[str, Any] = {}
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        tls = {"scheme": "https", "ssl": context}
    server = TestServer(app, scheme=tls.get("scheme", "http"))
    await server.start_server(**{name: value for name, value in tls.items() if name == "ssl"})
    async with server:
        provider.url = str(server.make_url("")).rstrip("/")
        yield provider
