"""Rules between settings. Each names the settings that it is about and says what would happen if it were broken.

A rule is judged only where none of its settings is already wrong by itself.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from app.config.faults import Fault, shown
from app.config.secret import MASK, Secret
from app.config.settings import Config, KafkaSettings
from app.config.web import SESSION_KEY_AT_LEAST

__all__ = ["RULES", "Rule", "broken_rules"]


class Rule(NamedTuple):
    """``broken`` gives what is required and why, or None where the rule is kept."""

    names: tuple[str, ...]
    broken: Callable[[Config], str | None]


def broken_rules(config: Config, faults: list[Fault], origins: Mapping[str, str]) -> Iterator[Fault]:
    """The rules that this configuration breaks."""
    wrong = {fault.name for fault in faults}
    for rule in RULES:
        says = None if wrong.intersection(rule.names) else rule.broken(config)
        if says is None:
            continue
        first, *others = (f"{name} = {_value(config, name)} ({origins.get(name, 'default')})" for name in rule.names)
        name, _, came = first.partition(" = ")
        yield Fault(name, "", came + "".join(f", {other}" for other in others), says)


def _value(config: Config, name: str) -> str:
    value = _setting(config, name)
    return MASK if isinstance(value, Secret) else shown(value)


def _setting(config: Config, name: str) -> Any:
    return functools.reduce(getattr, name.split("."), config)


def _horizon(config: Config) -> str | None:
    pairing = config.pairing
    if pairing.deduplication_ms >= pairing.window_ms + pairing.grace_ms:
        return None
    return "allowed is at least window_ms + grace_ms, else a request could be paired twice after a restart"


def _input_retention(config: Config) -> str | None:
    pairing, retention = config.pairing, config.topics.input_retention_ms
    needed = pairing.window_ms + pairing.grace_ms + pairing.deduplication_ms
    if retention == -1 or retention >= needed:
        return None
    return f"allowed is -1 or at least window_ms + grace_ms + deduplication_ms = {needed}, else a restart finds its log cut off"


def _output_retention(config: Config) -> str | None:
    retention = config.topics.output_retention_ms
    if retention == -1 or retention >= config.detect.snapshot_interval_ms:
        return None
    return "allowed is -1 or at least detect.snapshot_interval_ms, else detection cannot be rebuilt from its snapshot"


def _snapshot(config: Config) -> str | None:
    if config.detect.snapshot_interval_ms >= config.commit.interval_ms:
        return None
    return "allowed is at least commit.interval_ms: a snapshot is part of a commit"


def _metadata(config: Config) -> str | None:
    if config.limits.metadata_bytes <= config.limits.record_bytes:
        return None
    return "allowed is at most limits.record_bytes, of which it is a part"


def _heartbeat(config: Config) -> str | None:
    if 3 * config.kafka.heartbeat_interval_ms <= config.kafka.session_timeout_ms:
        return None
    return "allowed is at most a third of session_timeout_ms, else one lost heartbeat costs a worker its partitions"


def _transaction(config: Config) -> str | None:
    if config.kafka.transaction_timeout_ms >= 2 * config.commit.interval_ms:
        return None
    return "allowed is at least twice commit.interval_ms, else the broker aborts transactions that are still being written"


def _stall(config: Config) -> str | None:
    if config.watchdog.stall_s * 1000 >= config.kafka.session_timeout_ms + config.kafka.rebalance_timeout_ms:
        return None
    return "allowed is at least session_timeout_ms + rebalance_timeout_ms, else a mere rebalance makes the worker exit"


def _sasl(kafka: KafkaSettings) -> bool:
    return kafka.security_protocol.startswith("SASL_")


def _tls(kafka: KafkaSettings) -> bool:
    return kafka.security_protocol.endswith("SSL")


def _mechanism(config: Config) -> str | None:
    kafka = config.kafka
    if _sasl(kafka) and kafka.sasl_mechanism is None:
        return "a SASL protocol needs a mechanism: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
    if not _sasl(kafka) and kafka.sasl_mechanism is not None:
        return "a mechanism needs the protocol SASL_PLAINTEXT or SASL_SSL, else the login is never sent"
    return None


def _login(config: Config) -> str | None:
    kafka = config.kafka
    by_password = kafka.sasl_mechanism not in {None, "OAUTHBEARER"}
    if _sasl(kafka) and by_password and not (kafka.sasl_username and kafka.sasl_password):
        return "this mechanism needs both sasl_username and sasl_password"
    return None


def _oauth(config: Config) -> str | None:
    kafka = config.kafka
    if not _sasl(kafka) or kafka.sasl_mechanism != "OAUTHBEARER":
        return None
    by_url = (kafka.sasl_oauth_token_url, kafka.sasl_oauth_client_id, kafka.sasl_oauth_client_secret)
    if bool(kafka.sasl_oauth_token_path) == any(by_url):
        return "OAUTHBEARER needs either sasl_oauth_token_path, or sasl_oauth_token_url, _client_id and _client_secret"
    if any(by_url) and not all(by_url):
        return "sasl_oauth_token_url, _client_id and _client_secret are needed together"
    return None


def _certificates(config: Config) -> str | None:
    kafka = config.kafka
    if not _tls(kafka) and (kafka.ssl_cafile or kafka.ssl_certfile or kafka.ssl_keyfile):
        return "certificates need the protocol SSL or SASL_SSL, else the connection is not encrypted"
    return None


def _key(config: Config) -> str | None:
    if config.kafka.ssl_keyfile and not config.kafka.ssl_certfile:
        return "a private key needs its certificate, ssl_certfile"
    return None


def _receiver_login(config: Config) -> str | None:
    notify = config.notify
    if notify.token and notify.username:
        return "allowed is a token or a username, not both: a request has one Authorization"
    if (notify.username is None) != (notify.password is None):
        return "username and password are needed together"
    return None


def _apprise(config: Config) -> str | None:
    if config.notify.apprise_urls is None or find_spec("apprise") is not None:
        return None
    return "the package apprise is not installed: pip install apprise (the extra `notify`), or leave this setting away"


def _headers(config: Config) -> str | None:
    try:
        config.telemetry.named_headers()
    except ValueError as error:
        return str(error)
    return None


def _tokens(config: Config) -> str | None:
    try:
        config.web.auth.named_tokens()
    except ValueError as error:
        return str(error)
    return None


def _issuer(config: Config) -> str | None:
    auth = config.web.auth
    if (auth.issuer is None) != (auth.audience is None):
        return "issuer and audience are needed together: a token for somebody else would be taken"
    return None


def _session_key(config: Config) -> str | None:
    key = config.web.auth.session_key
    if key is None or len(key.reveal()) >= SESSION_KEY_AT_LEAST:
        return None
    return f"it has {len(key.reveal())} characters; allowed are at least {SESSION_KEY_AT_LEAST}, else it could be guessed"


def _is_file(name: str) -> Rule:
    def broken(config: Config) -> str | None:
        file = _setting(config, name)
        return "there is no such file" if file and not Path(file).is_file() else None

    return Rule((name,), broken)


RULES: tuple[Rule, ...] = (
    Rule(("pairing.deduplication_ms", "pairing.window_ms", "pairing.grace_ms"), _horizon),
    Rule(
        ("topics.input_retention_ms", "pairing.window_ms", "pairing.grace_ms", "pairing.deduplication_ms"),
        _input_retention,
    ),
    Rule(("topics.output_retention_ms", "detect.snapshot_interval_ms"), _output_retention),
    Rule(("detect.snapshot_interval_ms", "commit.interval_ms"), _snapshot),
    Rule(("limits.metadata_bytes", "limits.record_bytes"), _metadata),
    Rule(("kafka.heartbeat_interval_ms", "kafka.session_timeout_ms"), _heartbeat),
    Rule(("kafka.transaction_timeout_ms", "commit.interval_ms"), _transaction),
    Rule(("watchdog.stall_s", "kafka.session_timeout_ms", "kafka.rebalance_timeout_ms"), _stall),
    Rule(("kafka.sasl_mechanism", "kafka.security_protocol"), _mechanism),
    Rule(("kafka.sasl_mechanism", "kafka.sasl_username", "kafka.sasl_password"), _login),
    Rule(
        (
            "kafka.sasl_oauth_token_path",
            "kafka.sasl_oauth_token_url",
            "kafka.sasl_oauth_client_id",
            "kafka.sasl_oauth_client_secret",
        ),
        _oauth,
    ),
    Rule(("kafka.security_protocol", "kafka.ssl_cafile", "kafka.ssl_certfile", "kafka.ssl_keyfile"), _certificates),
    Rule(("kafka.ssl_keyfile", "kafka.ssl_certfile"), _key),
    _is_file("kafka.ssl_cafile"),
    _is_file("kafka.ssl_certfile"),
    _is_file("kafka.ssl_keyfile"),
    Rule(("notify.token", "notify.username", "notify.password"), _receiver_login),
    _is_file("notify.cafile"),
    Rule(("notify.apprise_urls",), _apprise),
    Rule(("telemetry.headers",), _headers),
    _is_file("telemetry.cafile"),
    Rule(("web.auth.tokens",), _tokens),
    Rule(("web.auth.issuer", "web.auth.audience"), _issuer),
    Rule(("web.auth.session_key",), _session_key),
    _is_file("web.auth.cafile"),
)
