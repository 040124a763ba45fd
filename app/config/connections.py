"""The settings that say how Kafka and Redis are reached. See ``app.config.settings`` for how a setting is declared."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from app.config.secret import Secret

__all__ = ["BOLD", "KafkaSettings", "RedisSettings"]

#: Delays or drops data.
BOLD: dict[str, Any] = {"bold": True}
_ADDRESSES: dict[str, Any] = {"allowed": "host:port, several separated by commas"}
_REDIS_URL: dict[str, Any] = {"allowed": "redis://host:port/number, rediss://… for TLS, or unix://path"}
_WEB_URL: dict[str, Any] = {"allowed": "https://…, or http:// for a test"}


class KafkaSettings(Struct, frozen=True, kw_only=True):
    """How the brokers are reached."""

    bootstrap_servers: Annotated[
        str,
        Meta(
            pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]]+):[0-9]{1,5}(,(\[[0-9A-Fa-f:.]+\]|[^\s,:\[\]]+):[0-9]{1,5})*$",
            description="Brokers to ask first",
            extra=_ADDRESSES,
        ),
    ] = "127.0.0.1:9092"
    client_id: Annotated[str, Meta(min_length=1, max_length=200, description="Name in the broker's logs and quotas")] = "gnomon"
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Meta(description="TLS, SASL, both or neither")
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None,
        Meta(description="How to log in; needed with a SASL protocol"),
    ] = None
    sasl_username: Annotated[str | None, Meta(description="For PLAIN and SCRAM")] = None
    sasl_password: Annotated[Secret | None, Meta(description="For PLAIN and SCRAM")] = None
    sasl_oauth_token_path: Annotated[
        str | None,
        Meta(description="OAUTHBEARER: file with the token, read again at each login (a mounted service account token)"),
    ] = None
    sasl_oauth_token_url: Annotated[
        Annotated[str, Meta(pattern=r"^https?://[^\s/]+", extra=_WEB_URL)] | None,
        Meta(description="OAUTHBEARER: token endpoint, asked with the client credentials grant"),
    ] = None
    sasl_oauth_client_id: Annotated[str | None, Meta(description="OAUTHBEARER: client at the token endpoint")] = None
    sasl_oauth_client_secret: Annotated[Secret | None, Meta(description="OAUTHBEARER: its secret")] = None
    sasl_oauth_scope: Annotated[str | None, Meta(description="OAUTHBEARER: scope to ask for")] = None
    ssl_cafile: Annotated[str | None, Meta(description="Certificates to trust (PEM); the system's if absent")] = None
    ssl_certfile: Annotated[str | None, Meta(description="Own certificate (PEM), for mutual TLS")] = None
    ssl_keyfile: Annotated[str | None, Meta(description="Its private key (PEM), if not in the same file")] = None
    ssl_key_password: Annotated[Secret | None, Meta(description="The private key's password")] = None
    session_timeout_ms: Annotated[
        int,
        Meta(
            ge=1_000,
            le=300_000,
            description="A member that is silent for so long loses its partitions; brokers allow from 6000",
            extra=BOLD,
        ),
    ] = 6_000
    heartbeat_interval_ms: Annotated[int, Meta(ge=100, le=60_000, description="How often a member shows that it lives")] = 2_000
    rebalance_timeout_ms: Annotated[
        int, Meta(ge=1_000, le=600_000, description="How long a rebalance waits for members to join again")
    ] = 15_000
    request_timeout_ms: Annotated[int, Meta(ge=1_000, le=300_000, description="How long an answer of a broker may take")] = 40_000
    transaction_timeout_ms: Annotated[
        int,
        Meta(
            ge=1_000, le=900_000, description="After so long the broker aborts the open transaction of a dead worker", extra=BOLD
        ),
    ] = 60_000


class RedisSettings(Struct, frozen=True, kw_only=True):
    """Where the read model of page and API is kept. Redis away harms nothing but these."""

    url: Annotated[
        str, Meta(pattern=r"^((redis|rediss)://[^\s/]+(/\S*)?|unix://\S+)$", description="Redis", extra=_REDIS_URL)
    ] = "redis://127.0.0.1:6379/0"
    password: Annotated[Secret | None, Meta(description="Its password, which may stand in the URL too")] = None
