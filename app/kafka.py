"""How clients reach Kafka: arguments for aiokafka and Faust, made from the configuration.

Every client of the service is made with these, so that addresses, TLS and login are in one place. A secret leaves its mask
here and nowhere else.
"""

import ssl
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError

from app.config import Config, ConfigError, Fault, KafkaSettings, Secret
from app.tokens import token_provider
from app.topic_table import specs

__all__ = [
    "client_arguments",
    "consumer_arguments",
    "faust_credentials",
    "producer_arguments",
    "unreachable",
]

#: 5 ms in place of aiokafka's 100: each transaction meets one retry while the broker writes the markers of the one before.
RETRY_BACKOFF_MS = 5


def client_arguments(kafka: KafkaSettings) -> dict[str, Any]:
    """What every client takes: admin, consumer, producer. Inside a running event loop."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers.split(","),
        "client_id": kafka.client_id,
        "request_timeout_ms": kafka.request_timeout_ms,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = ssl_context(kafka)
    if kafka.security_protocol.startswith("SASL_"):
        arguments["sasl_mechanism"] = kafka.sasl_mechanism
        arguments |= _login(kafka)
    return arguments


def _login(kafka: KafkaSettings) -> dict[str, Any]:
    if kafka.sasl_mechanism == "OAUTHBEARER":
        return {"sasl_oauth_token_provider": token_provider(kafka)}
    return {"sasl_plain_username": kafka.sasl_username, "sasl_plain_password": _revealed(kafka.sasl_password)}


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def consumer_arguments(config: Config, role: str) -> dict[str, Any]:
    """What the consumer of a role takes. Offsets are committed by the role's transactions, never by the consumer."""
    kafka = config.kafka
    return client_arguments(kafka) | {
        "group_id": config.group(role),
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "session_timeout_ms": kafka.session_timeout_ms,
        "heartbeat_interval_ms": kafka.heartbeat_interval_ms,
        "rebalance_timeout_ms": kafka.rebalance_timeout_ms,
    }


def producer_arguments(config: Config, role: str, partition: int) -> dict[str, Any]:
    """What the producer of one partition of a role takes.

    The transactional id belongs to the partition and not to the worker: a paused worker that comes back is fenced.
    """
    return client_arguments(config.kafka) | {
        "transactional_id": f"{config.group(role)}-{partition}",
        "transaction_timeout_ms": config.kafka.transaction_timeout_ms,
        "retry_backoff_ms": RETRY_BACKOFF_MS,
        "acks": "all",
        "max_request_size": max(int(spec.settings["max.message.bytes"]) for spec in specs(config)),
    }


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """The TLS context; the broker's certificate and host name are always checked."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=kafka.ssl_cafile)
    except (OSError, ssl.SSLError) as error:
        allowed = f"{error}; allowed is a PEM file with certificates"
        raise ConfigError([Fault("kafka.ssl_cafile", "", f'"{kafka.ssl_cafile}"', allowed)]) from error
    if kafka.ssl_certfile is None:
        return context
    try:
        context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile, lambda: _revealed(kafka.ssl_key_password) or "")
    except (OSError, ssl.SSLError) as error:
        allowed = f"{error}; allowed is a PEM certificate with its private key, and that key's password in kafka.ssl_key_password"
        raise ConfigError([Fault("kafka.ssl_certfile", "", f'"{kafka.ssl_certfile}"', allowed)]) from error
    return context


def faust_credentials(kafka: KafkaSettings) -> Any:
    """The same for Faust's ``broker_credentials``; None without TLS and login."""
    import faust

    context = ssl_context(kafka) if kafka.security_protocol.endswith("SSL") else None
    if not kafka.security_protocol.startswith("SASL_"):
        return None if context is None else faust.SSLCredentials(context=context)
    if kafka.sasl_mechanism == "OAUTHBEARER":
        provider: AbstractTokenProvider = token_provider(kafka)
        return faust.OAuthCredentials(oauth_cb=provider, ssl_context=context)
    return faust.SASLCredentials(
        username=kafka.sasl_username,
        password=_revealed(kafka.sasl_password),
        ssl_context=context,
        mechanism=kafka.sasl_mechanism,
    )


def unreachable(kafka: KafkaSettings, error: BaseException) -> str:
    """What to tell when a broker does not answer: aiokafka says no more than that it could not bootstrap."""
    tried = f"tried {kafka.bootstrap_servers} with {kafka.security_protocol}"
    if kafka.sasl_mechanism is not None:
        tried += f", {kafka.sasl_mechanism}" + (f" as {kafka.sasl_username}" if kafka.sasl_username else "")
    hints = "is it running, and is kafka.bootstrap_servers right?"
    if kafka.security_protocol != "PLAINTEXT":
        hints += " A wrong password or certificate looks the same."
    else:
        hints += " A broker that wants TLS or a login looks the same: see kafka.security_protocol."
    if isinstance(error, KafkaError) and not isinstance(error, KafkaConnectionError | NodeNotReadyError):
        return f"Kafka refused: {error} ({tried})"
    return f"cannot reach Kafka: {tried}; {hints}"
