"""Client arguments from the configuration, and bearer tokens from a file and from an endpoint."""

import ssl
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiokafka.errors import KafkaConnectionError

from app.config import Config, ConfigError, KafkaSettings, Secret, TopicSettings
from app.kafka import client_arguments, consumer_arguments, faust_credentials, producer_arguments, unreachable
from app.tokens import EndpointToken, FileToken, token_provider

SCRAM = KafkaSettings(
    security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512", sasl_username="me", sasl_password=Secret("hunter2")
)


def test_plaintext_says_nothing_of_login_or_tls() -> None:
    arguments = client_arguments(KafkaSettings(bootstrap_servers="a:1,b:2"))
    assert arguments == {
        "bootstrap_servers": ["a:1", "b:2"],
        "client_id": "gnomon",
        "request_timeout_ms": 40_000,
        "security_protocol": "PLAINTEXT",
    }


def test_a_password_reaches_the_client_unmasked() -> None:
    arguments = client_arguments(SCRAM)
    assert (arguments["sasl_mechanism"], arguments["sasl_plain_username"]) == ("SCRAM-SHA-512", "me")
    assert f"{arguments['sasl_plain_password']}" == "hunter2"


def test_consumers_read_what_is_committed_and_never_commit_by_themselves() -> None:
    arguments = consumer_arguments(Config(topics=TopicSettings(prefix="ml.")), "pair")
    assert arguments["group_id"] == "ml.gnomon-pair"
    assert (arguments["isolation_level"], arguments["enable_auto_commit"]) == ("read_committed", False)
    assert (arguments["session_timeout_ms"], arguments["heartbeat_interval_ms"]) == (6_000, 2_000)


def test_the_transactional_id_belongs_to_role_and_partition() -> None:
    config = Config()
    ids = {producer_arguments(config, role, partition)["transactional_id"] for role in ("pair", "detect") for partition in (0, 1)}
    assert ids == {"gnomon-pair-0", "gnomon-pair-1", "gnomon-detect-0", "gnomon-detect-1"}
    assert producer_arguments(config, "pair", 0)["max_request_size"] >= 8 * config.limits.record_bytes


def test_tls_always_checks_the_broker() -> None:
    context = client_arguments(KafkaSettings(security_protocol="SSL"))["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("setting", ["ssl_cafile", "ssl_certfile"])
def test_a_file_that_is_no_certificate_is_a_fault_by_name(tmp_path: Path, setting: str) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    kafka = msgspec.structs.replace(KafkaSettings(security_protocol="SSL"), **{setting: str(tmp_path / "x.pem")})
    with pytest.raises(ConfigError, match=rf"kafka\.{setting} .*PEM"):
        client_arguments(kafka)


def test_faust_gets_the_same_login() -> None:
    assert faust_credentials(KafkaSettings()) is None
    scram = faust_credentials(SCRAM)
    assert (scram.username, scram.password, scram.mechanism.value, scram.protocol.value) == (
        "me",
        "hunter2",
        "SCRAM-SHA-512",
        "SASL_PLAINTEXT",
    )
    tls = KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism="PLAIN", sasl_username="me", sasl_password=Secret("hunter2"))
    assert faust_credentials(tls).protocol.value == "SASL_SSL"
    assert faust_credentials(KafkaSettings(security_protocol="SSL")).context.check_hostname


def test_the_hint_names_address_protocol_and_user_but_no_password() -> None:
    hint = unreachable(SCRAM, KafkaConnectionError("x"))
    assert "cannot reach Kafka: tried 127.0.0.1:9092 with SASL_PLAINTEXT, SCRAM-SHA-512 as me" in hint
    assert "wrong password" in hint
    assert "hunter2" not in hint


async def test_a_token_file_is_read_again_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    provider = token_provider(KafkaSettings(sasl_oauth_token_path=str(path)))
    assert isinstance(provider, FileToken)
    with pytest.raises(KafkaConnectionError, match=r"token cannot be read: No such file"):
        await provider.token()
    for text in ("one", "two"):
        path.write_text(f"{text}\n")
        assert await provider.token() == text


class Identity:
    """A token endpoint on a port of its own."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.headers["Authorization"], dict(await request.post())))
        status, body = self.answers.pop(0)
        return web.json_response(body, status=status)


@pytest.fixture
async def identity() -> AsyncIterator[Identity]:
    made = Identity()
    application = web.Application()
    application.router.add_post("/token", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    yield made
    await runner.cleanup()


async def test_a_token_from_an_endpoint_is_kept_until_shortly_before_it_expires(identity: Identity) -> None:
    now = 1_000.0
    identity.answers = [(200, {"access_token": "one", "expires_in": 300}), (200, {"access_token": "two"})]
    provider = EndpointToken(identity.url, "me", Secret("hunter:2"), "kafka", clock=lambda: now)
    assert await provider.token() == "one"
    now += 269
    assert await provider.token() == "one"
    now += 1
    assert await provider.token() == "two"
    now += 59
    assert await provider.token() == "two"
    login = ("Basic " + b64encode(b"me:hunter%3A2").decode(), {"grant_type": "client_credentials", "scope": "kafka"})
    assert identity.asked == [login, login]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, {"error": "invalid_client"}, "answered 401 without an access token"),
        (200, [], "answered 200 without an access token"),
    ],
)
async def test_an_endpoint_that_refuses(identity: Identity, status: int, body: Any, says: str) -> None:
    identity.answers = [(status, body)]
    with pytest.raises(KafkaConnectionError, match=says) as caught:
        await EndpointToken(identity.url, "me", Secret("hunter2")).token()
    assert "hunter2" not in str(caught.value)


async def test_an_endpoint_that_is_not_there() -> None:
    with pytest.raises(KafkaConnectionError, match=r"token endpoint http://127\.0\.0\.1:1/ does not answer"):
        await EndpointToken("http://127.0.0.1:1/", "me", Secret("hunter2")).token()
