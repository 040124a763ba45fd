"""Tokens of an OpenID provider that runs here: what is taken, what is not and why, and how long without the provider."""

import asyncio
import base64
import doctest
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import trustme
from aiohttp.test_utils import TestClient
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace
from structlog.testing import capture_logs

from app.config import AuthSettings, Secret, WebSettings
from app.web import auth_issuer, auth_keys
from app.web.auth_access import IssuerAwayError, TokenRefusedError
from app.web.auth_issuer import Issuer
from tests.openid_provider import AUDIENCE, Provider, providing, rsa_key
from tests.shard_fakes import until
from tests.web_parts import LOOKS, TOKENS, Kept, bearer, detail_of, serving

ACKNOWLEDGE = "/api/v1/alerts/f1/acknowledge"


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with providing() as provider:
        yield provider


def auth(provider: Provider, **changes: Any) -> AuthSettings:
    return AuthSettings(issuer=provider.url, audience=AUDIENCE, **changes)


async def refused(provider: Provider, token: str, **changes: Any) -> str:
    with pytest.raises(TokenRefusedError) as caught:
        await Issuer(auth(provider, **changes)).access(token)
    return str(caught.value)


async def test_a_good_token_says_who_and_whether_they_may_write(provider: Provider) -> None:
    issuer = Issuer(auth(provider))
    good = await issuer.access(provider.token())
    assert (good.name, good.may_write, good.by_issuer) == ("ada", True, True)
    assert good.until == pytest.approx(time.time() + 600, abs=5)
    assert not (await issuer.access(provider.token(scope="openid gnomon.writer"))).may_write
    assert not (await issuer.access(provider.token(scope=None))).may_write
    assert provider.fetches == 1


async def test_a_key_of_an_elliptic_curve_is_as_good(provider: Provider) -> None:
    provider.elliptic("two")
    assert (await Issuer(auth(provider)).access(provider.token("two", "ES256"))).name == "ada"


@pytest.mark.parametrize(
    ("changes", "claims", "name", "may_write"),
    [
        ({"name_claim": "email"}, {"email": "ada@example.com"}, "ada@example.com", True),
        ({"write_claim": "roles", "write_value": "admin"}, {"roles": ["admin", "x"]}, "ada", True),
        ({"write_claim": "realm_access.roles"}, {"realm_access": {"roles": ["gnomon.write"]}}, "ada", True),
        ({"write_claim": "https://x.y/roles"}, {"https://x.y/roles": "gnomon.write"}, "ada", True),
        ({"write_claim": "realm_access.roles"}, {"realm_access": "gnomon.write"}, "ada", False),
        ({"write_claim": "roles"}, {"roles": {"gnomon.write": True}}, "ada", False),
        ({"write_claim": "roles"}, {"roles": 5}, "ada", False),
    ],
)
async def test_claims_are_those_that_are_set(
    provider: Provider, changes: dict[str, str], claims: dict[str, Any], name: str, may_write: bool
) -> None:
    seen = await Issuer(auth(provider, **changes)).access(provider.token(**claims))
    assert (seen.name, seen.may_write) == (name, may_write)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"exp": 1_000_000_000}, "has expired"),
        ({"exp": int(time.time()) - 60}, "has expired"),
        ({"exp": None}, "lacks a claim"),
        ({"exp": "soon"}, "cannot be read"),
        ({"exp": 1e400}, "cannot be read"),
        ({"aud": "other"}, "for another audience"),
        ({"aud": None}, "lacks a claim"),
        ({"aud": ["other", "gnomon.evil"]}, "for another audience"),
        ({"aud": {"gnomon": 1}}, "another audience"),
        ({"iss": "https://evil.example"}, "of another issuer"),
        ({"iss": None}, "lacks a claim"),
        ({"nbf": int(time.time()) + 86_400}, "not good yet"),
        ({"iat": int(time.time()) + 86_400}, "not good yet"),
        ({"sub": None}, "has no name: its claim sub has to be a text"),
        ({"sub": ""}, "has no name"),
        ({"sub": "a" * 257}, "has no name"),
        ({"sub": "a\nb"}, "has no name"),
    ],
)
async def test_a_claim_that_is_wrong_is_named(provider: Provider, changes: dict[str, Any], says: str) -> None:
    assert says in await refused(provider, provider.token(**changes))


async def test_clocks_may_differ_by_as_much_as_is_set(provider: Provider) -> None:
    token = provider.token(exp=int(time.time()) - 60)
    assert (await Issuer(auth(provider, leeway_s=120)).access(token)).name == "ada"
    assert "has expired" in await refused(provider, token, leeway_s=0)


def unsigned(algorithm: str, claims: dict[str, Any]) -> str:
    parts = ({"alg": algorithm, "typ": "JWT", "kid": "one"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "HS256", "RS512", "PS256", "EdDSA", "rs256"])
async def test_an_algorithm_that_is_not_ours_is_refused_before_any_key_is_fetched(provider: Provider, algorithm: str) -> None:
    head = unsigned(algorithm, provider.claims())
    for signature in ("", "AAAA"):
        says = await refused(provider, f"{head}.{signature}")
        assert says in {"the token's algorithm is none of RS256, ES256", "the token is not known"}
    assert provider.fetches == 0


async def test_the_public_key_is_no_secret_to_sign_with(provider: Provider) -> None:
    """HS256 with the text of the public key: a verifier that lets the token choose the algorithm takes it."""
    public: Any = provider.private["one"].public_key()
    for secret in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(provider.keys[0]).encode(),
    ):
        for algorithm in ("HS256", "RS256", "ES256"):
            head = unsigned(algorithm, provider.claims())
            made = base64.urlsafe_b64encode(hmac.digest(secret, head.encode(), hashlib.sha256)).rstrip(b"=").decode()
            with pytest.raises(TokenRefusedError):
                await Issuer(auth(provider)).access(f"{head}.{made}")


async def test_a_key_that_is_not_published_signs_nothing(provider: Provider) -> None:
    other = rsa_key("other")
    for kid, says in (("one", "signature of the token is wrong"), ("two", "does not publish")):
        assert says in await refused(provider, jwt.encode(provider.claims(), other, "RS256", {"kid": kid}))
    curve = ec.generate_private_key(ec.SECP256R1())
    assert "does not publish" in await refused(provider, jwt.encode(provider.claims(), curve, "ES256", {"kid": "one"}))
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key()))
    for headers in ({"jwk": jwk}, {"jku": "http://evil.example/keys"}, {"x5u": "http://evil.example/"}):
        brought = jwt.encode(provider.claims(), other, "RS256", {"kid": "one"} | headers)
        assert "signature of the token is wrong" in await refused(provider, brought)


async def test_a_token_that_was_changed_is_none(provider: Provider) -> None:
    head, _, signature = provider.token(scope="openid").split(".")
    better = base64.urlsafe_b64encode(json.dumps(provider.claims()).encode()).rstrip(b"=").decode()
    assert "signature of the token is wrong" in await refused(provider, f"{head}.{better}.{signature}")
    for text in (
        "",
        "x",
        "a.b",
        "a.b.c",
        "...",
        "é.é.é",
        "\ud800.x.y",
        f"{head}.{better}",
        "e30.e30.",
        f"{head}.{head}.{head}.{head}",
    ):
        assert await refused(provider, text)


async def test_without_a_key_id_the_only_key_is_meant(provider: Provider) -> None:
    token = jwt.encode(provider.claims(), provider.private["one"], "RS256")
    assert (await Issuer(auth(provider)).access(token)).name == "ada"
    provider.rsa("two")
    assert "does not publish" in await refused(provider, token)


@pytest.mark.parametrize(
    "changes",
    [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct", "k": "c2VjcmV0"}, {"d": "AQAB"}, {"n": "!"}, {"n": None}],
)
async def test_keys_that_are_for_something_else_are_passed_over(provider: Provider, changes: dict[str, Any]) -> None:
    provider.rsa("two", **changes)
    provider.keys.append(provider.keys[1] | {"kid": 5, "use": "sig"})
    assert "does not publish" in await refused(provider, provider.token("two"))
    assert (await Issuer(auth(provider)).access(provider.token("one"))).name == "ada"


async def test_a_private_key_that_is_published_by_mistake_is_none(provider: Provider) -> None:
    """Anybody could sign with it."""
    private: Any = provider.private["one"]
    provider.keys[0] |= json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private)) | {"kid": "one"}
    provider.rsa("two")
    assert "does not publish" in await refused(provider, provider.token("one"))


async def test_a_key_that_is_too_short_is_none(provider: Provider) -> None:
    provider.rsa("short", 1_024)
    with pytest.warns(jwt.warnings.InsecureKeyLengthWarning):
        token = provider.token("short")
    assert "does not publish" in await refused(provider, token)


async def test_keys_that_are_changed_are_fetched_and_made_up_ids_cost_one_fetch(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(auth(provider))
    await issuer.access(provider.token())
    provider.rsa("two")
    for _ in range(5):
        with pytest.raises(TokenRefusedError, match="does not publish"):
            await issuer.access(provider.token("two"))
    assert provider.fetches == 1, "so soon after the last one none is made"
    monkeypatch.setattr(auth_keys, "RETRY_S", 0.0)
    assert (await issuer.access(provider.token("two"))).name == "ada"
    assert provider.fetches == 2


async def test_a_provider_that_is_away_harms_nothing_while_its_keys_are_known(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(auth(provider))
    await issuer.access(provider.token())
    provider.status = 500
    monkeypatch.setattr(auth_keys, "RETRY_S", 0.0)
    monkeypatch.setattr(auth_keys, "FRESH_S", 0.0)
    assert (await issuer.access(provider.token())).name == "ada"
    await until(lambda: provider.fetches == 2)
    monkeypatch.setattr(auth_keys, "KEPT_S", 0.0)
    with pytest.raises(IssuerAwayError, match="does not give its keys"):
        await issuer.access(provider.token())


async def test_a_provider_that_hangs_holds_up_nobody_whose_key_is_known(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = Issuer(auth(provider))
    await issuer.access(provider.token())
    provider.answers.clear()
    monkeypatch.setattr(auth_keys, "FRESH_S", 0.0)
    monkeypatch.setattr(auth_keys, "RETRY_S", 0.0)
    for _ in range(3):
        assert (await issuer.access(provider.token())).name == "ada"
        await until(lambda: provider.fetches >= 2)
    assert provider.fetches == 2, "one at a time, and none is over yet"
    provider.rsa("two")
    unknown = asyncio.create_task(issuer.access(provider.token("two")))
    provider.answers.set()
    assert (await unknown).name == "ada", "it waits for the keys"


async def test_a_fetch_that_nobody_waits_for_ends_with_the_service(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(WebSettings(auth=auth(provider))) as client:
        assert (await client.get("/", headers=bearer(provider.token()))).status == 200
        provider.answers.clear()
        monkeypatch.setattr(auth_keys, "FRESH_S", 0.0)
        monkeypatch.setattr(auth_keys, "RETRY_S", 0.0)
        assert (await client.get("/", headers=bearer(provider.token()))).status == 200
        await until(lambda: provider.fetches == 2)
        assert [each for each in asyncio.all_tasks() if "KeySet" in repr(each)] != []
    assert [each for each in asyncio.all_tasks() if "KeySet" in repr(each)] == []
    provider.answers.set()


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"}, {"jwks_uri": 5}, {"jwks_uri": None}, {"jwks_uri": "/keys"},
        {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "http://127.0.0.1:1/"}, {"padding": "x" * auth_keys.ANSWER_BYTES},
    ],
)  # fmt: skip
async def test_a_discovery_document_that_is_none_gives_no_keys(provider: Provider, document: dict[str, Any]) -> None:
    provider.document = document
    with pytest.raises(IssuerAwayError):
        await Issuer(auth(provider)).access(provider.token())


async def test_an_issuer_over_https_is_known_by_its_certificate_and_gives_its_keys_over_https_too(tmp_path: Path) -> None:
    authority = trustme.CA()
    cafile = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(cafile)
    async with providing(authority.issue_cert("127.0.0.1")) as provider:
        assert provider.url.startswith("https://")
        assert (await Issuer(auth(provider, cafile=str(cafile))).access(provider.token())).name == "ada"
        with pytest.raises(IssuerAwayError):
            await Issuer(auth(provider)).access(provider.token())
        provider.document = {"jwks_uri": provider.url.replace("https", "http") + "/keys"}
        with pytest.raises(IssuerAwayError), capture_logs() as logs:
            await Issuer(auth(provider, cafile=str(cafile))).access(provider.token())
        assert "allowed is https://" in logs[0]["error"]


async def test_the_whole_way_over_http(provider: Provider) -> None:
    writer = Kept()
    web = WebSettings(auth=replace(auth(provider), tokens=Secret(TOKENS)))
    async with serving(web, writer) as client:
        reader, both = provider.token(scope="openid"), provider.token()
        expired = await client.get("/", headers=bearer(provider.token(exp=5)))
        assert expired.status == 401
        assert 'error="invalid_token"' in expired.headers["WWW-Authenticate"]
        assert "the token has expired; a bearer token is needed" in await detail_of(expired)
        assert (await client.get("/", headers=bearer(LOOKS))).status == 200, "tokens of both kinds are taken"
        assert (await client.get("/", headers=bearer(reader))).status == 200
        assert (await client.post(ACKNOWLEDGE, json={"why": "x"}, headers=bearer(reader))).status == 403
        other = await client.post(ACKNOWLEDGE, json={"why": "x", "by": "eve"}, headers=bearer(both))
        assert (other.status, await detail_of(other)) == (422, "`$.by` is 'eve'; allowed is 'ada', who sends this, or nothing")
        assert (await client.post(ACKNOWLEDGE, json={"why": "x"}, headers=bearer(both))).status == 202
        assert [action.by for action in writer.actions] == ["ada"]
        await in_a_browser(client, both)


async def in_a_browser(client: TestClient[Any, Any], token: str) -> None:
    answer = await client.post("/signin", data={"token": token}, allow_redirects=False)
    assert answer.status == 303
    assert int(answer.cookies["gnomon_session"]["max-age"]) <= 600, "no longer than the token"
    client.session.cookie_jar.update_cookies(answer.cookies, client.make_url("/"))
    assert (await (await client.get("/api/v1/me")).json())["name"] == "ada"


async def test_a_provider_that_is_away_is_told_as_such(provider: Provider) -> None:
    provider.status = 500
    async with serving(WebSettings(auth=auth(provider))) as client:
        response = await client.get("/", headers=bearer(provider.token()))
        assert (response.status, response.headers["Retry-After"]) == (503, "10")
        assert "does not give its keys" in await detail_of(response)
        shown = await client.post("/signin", data={"token": provider.token()})
        assert shown.status == 503


def test_examples() -> None:
    assert doctest.testmod(auth_issuer).failed == 0
