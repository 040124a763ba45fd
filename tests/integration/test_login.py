"""Every way to log in, against a broker that demands it: passwords, bearer tokens, TLS on one side and on both.

The broker trusts a certificate authority of the test's own; nothing of it is kept.
"""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiokafka.errors import KafkaConnectionError
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from app.config import ConfigError, load
from app.dev.kafka_runtime import kafka_runtime, new_id
from app.dev.kafka_server import KafkaServer
from app.dev.kafka_settings import kafka_settings, write_settings
from app.dev.ports import HOST
from app.dev.servers import Servers
from app.topics import check, specs
from tests.integration.harness import PARTITIONS, Service

pytestmark = pytest.mark.integration

#: Listener to protocol; the controller is the broker's own.
PROTOCOLS = {"LOGIN": "SASL_PLAINTEXT", "OAUTH": "SASL_PLAINTEXT", "TLS": "SSL", "BOTH": "SASL_SSL"}
SECURITY = "org.apache.kafka.common.security"
MECHANISMS = {
    "plain": f'{SECURITY}.plain.PlainLoginModule required user_me="hunter2";',
    "scram-sha-256": f"{SECURITY}.scram.ScramLoginModule required;",
    "scram-sha-512": f"{SECURITY}.scram.ScramLoginModule required;",
}
OAUTH = {
    "sasl.enabled.mechanisms": "OAUTHBEARER",
    "oauthbearer.sasl.jaas.config": f'{SECURITY}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="x";',
    "oauthbearer.sasl.server.callback.handler.class": (
        f"{SECURITY}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler"
    ),
}


class GuardedKafka(KafkaServer):
    """The embedded broker with a listener for each protocol besides the plain one."""

    ports_needed = 2 + len(PROTOCOLS)

    def address(self, listener: str) -> str:
        return f"{HOST}:{self._ports[2 + list(PROTOCOLS).index(listener)]}"

    def _command(self, ports: list[int]) -> list[str]:
        data = self.folder / "data"
        settings = kafka_settings(ports[0], ports[1], data)
        clients = [f"{name}://{HOST}:{port}" for name, port in zip(PROTOCOLS, ports[2:], strict=True)]
        for name in ("listeners", "advertised.listeners"):
            settings[name] = ",".join([settings[name], *clients])
        path = write_settings(self.folder / "server.properties", settings | self._guards())
        if not data.exists():
            self._format(path)
        return self._runtime.command("kafka.Kafka", str(path))

    def _guards(self) -> dict[str, str]:
        protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"} | PROTOCOLS
        logins = {
            f"listener.name.{listener}.{mechanism}.sasl.jaas.config": module
            for listener in ("login", "both")
            for mechanism, module in MECHANISMS.items()
        }
        return {
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "inter.broker.listener.name": "PLAINTEXT",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS).upper(),
            **logins,
            **{f"listener.name.oauth.{name}": value for name, value in OAUTH.items()},
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.folder / "broker.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.folder / "ca.pem"),
            "listener.name.tls.ssl.client.auth": "required",
        }

    def _format(self, settings: Path) -> None:
        """Lay the storage with a user in it."""
        users = [f"--add-scram=SCRAM-SHA-{bits}=[name=me,password=hunter2]" for bits in (256, 512)]
        arguments = ("format", f"--cluster-id={new_id()}", "-c", str(settings), *users)
        command = self._runtime.command("kafka.tools.StorageTool", *arguments)
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


class _KafkaAlone(Servers):
    """Of the two servers, the one that is needed here: nothing connects to Redis."""

    def __init__(self, kafka: KafkaServer) -> None:
        super().__init__()
        self.kafka = kafka

    @property
    def redis_url(self) -> str:
        return f"redis://{HOST}:1"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own = authority.issue_cert(HOST, key_type=trustme.KeyType.RSA)
    _pem(own, None, folder / "broker.pem")
    client = authority.issue_cert("client", key_type=trustme.KeyType.RSA)
    _pem(client, b"keypass", folder / "client.pem")
    server = GuardedKafka(kafka_runtime(print), folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _pem(certificate: trustme.LeafCert, password: bytes | None, path: Path) -> None:
    """Key and certificates in one file; the key as PKCS 8, which is what Kafka reads."""
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    path.write_bytes(pem + b"".join(blob.bytes() for blob in certificate.cert_chain_pems))


async def reached(broker: GuardedKafka, listener: str, **settings: str) -> bool:
    """Whether a client with these settings is answered. None of our topics is there, so each of them is missing."""
    environ = {f"GNOMON_KAFKA__{name.upper()}": value for name, value in settings.items()}
    environ["GNOMON_KAFKA__BOOTSTRAP_SERVERS"] = broker.address(listener)
    environ["GNOMON_KAFKA__SECURITY_PROTOCOL"] = PROTOCOLS[listener]
    config = load(environ).config
    return len(await check(config)) == len(specs(config))


def token(subject: str) -> str:
    """An unsigned token (RFC 7515, ``alg: none``), which the test's broker accepts."""
    claims = {"sub": subject, "iat": time.time(), "exp": time.time() + 3_600}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({"alg": "none"}, claims)]
    return ".".join([*parts, ""])


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
async def test_a_password(broker: GuardedKafka, mechanism: str) -> None:
    login = {"sasl_mechanism": mechanism, "sasl_username": "me"}
    assert await reached(broker, "LOGIN", **login, sasl_password="hunter2")
    with pytest.raises(KafkaConnectionError):
        await reached(broker, "LOGIN", **login, sasl_password="hunter3")


def test_a_worker_logs_in_with_all_its_clients(broker: GuardedKafka, tmp_path: Path) -> None:
    settings = {
        "GNOMON_KAFKA__BOOTSTRAP_SERVERS": broker.address("LOGIN"), "GNOMON_KAFKA__SECURITY_PROTOCOL": PROTOCOLS["LOGIN"],
        "GNOMON_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512", "GNOMON_KAFKA__SASL_USERNAME": "me",
        "GNOMON_KAFKA__SASL_PASSWORD": "hunter2",
    }  # fmt: skip
    with Service(_KafkaAlone(broker), "login.", tmp_path, settings=settings) as service:
        service.worker("pair", "detect", "decide").ready(lambda held: held["pair"] == list(range(PARTITIONS)))


async def test_a_password_from_a_file_over_tls(broker: GuardedKafka, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    login = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "me", "sasl_password_file": str(tmp_path / "password")}
    assert await reached(broker, "BOTH", **login, ssl_cafile=str(broker.folder / "ca.pem"))


async def test_a_broker_that_nobody_trusts_is_not_spoken_to(broker: GuardedKafka) -> None:
    login = {"sasl_mechanism": "PLAIN", "sasl_username": "me", "sasl_password": "hunter2"}
    with pytest.raises(KafkaConnectionError):
        await reached(broker, "BOTH", **login)


async def test_tls_on_both_sides_with_an_encrypted_key(broker: GuardedKafka) -> None:
    files = {"ssl_cafile": str(broker.folder / "ca.pem"), "ssl_certfile": str(broker.folder / "client.pem")}
    assert await reached(broker, "TLS", **files, ssl_key_password="keypass")
    with pytest.raises(ConfigError, match=r"kafka\.ssl_certfile .*kafka\.ssl_key_password"):
        await reached(broker, "TLS", **files, ssl_key_password="other")


async def test_a_token_from_a_file(broker: GuardedKafka, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(token("me"))
    assert await reached(broker, "OAUTH", sasl_mechanism="OAUTHBEARER", sasl_oauth_token_path=str(path))


async def test_a_token_from_an_endpoint(broker: GuardedKafka) -> None:
    asked: list[dict[str, Any]] = []

    async def give(request: web.Request) -> web.Response:
        asked.append(dict(await request.post()))
        return web.json_response({"access_token": token("me"), "expires_in": 3_600})

    application = web.Application()
    application.router.add_post("/token", give)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, 0).start()
        url = f"http://{HOST}:{runner.addresses[0][1]}/token"
        client = {"sasl_oauth_client_id": "me", "sasl_oauth_client_secret": "hunter2", "sasl_oauth_scope": "kafka"}
        assert await reached(broker, "OAUTH", sasl_mechanism="OAUTHBEARER", sasl_oauth_token_url=url, **client)
    finally:
        await runner.cleanup()
    assert asked == [{"grant_type": "client_credentials", "scope": "kafka"}]  # one token for both connections
