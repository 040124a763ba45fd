"""Every setting there is: its name, type, default, range and meaning. The only place where one is declared.

A section of the configuration is a struct, a setting one of its fields. Units are in the names. The sentence in each
``Meta`` is what ``docs/configuration.md`` prints; ``BOLD`` marks a setting that delays or drops data, so that nobody meets
its default by surprise. How Kafka and Redis are reached is in ``app.config.connections``, who is told of alerts in
``app.config.receivers``, where traces go in ``app.config.telemetry``, who may look and write in ``app.config.web``; rules
between two settings are in ``app.config.rules``.

To add a setting: add a field here, run ``gnomon config --table`` and put the result into the page.
"""

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from app.config.connections import BOLD, KafkaSettings, RedisSettings
from app.config.receivers import NotifySettings
from app.config.telemetry import TelemetrySettings
from app.config.web import AuthSettings, WebSettings
from app.domain.decisions.alert_policy import AlertPolicy
from app.domain.decisions.retraining import RetrainPolicy
from app.domain.detection.drift_config import DriftConfig
from app.domain.pairing.pairing_state import PairingPolicy
from app.domain.pairing.refusal_limit import RefusalPolicy
from schemas.limits import Limits

__all__ = [
    "AuthSettings",
    "CommitSettings",
    "Config",
    "DetectSettings",
    "KafkaSettings",
    "LimitSettings",
    "LogSettings",
    "ModelSettings",
    "NotifySettings",
    "PairingSettings",
    "RedisSettings",
    "RefusalSettings",
    "TelemetrySettings",
    "TopicSettings",
    "WatchdogSettings",
    "WebSettings",
]

DAY_MS = 86_400_000
#: Over 10 MiB a pair record (eight values) would pass a broker's default ``socket.request.max.bytes`` of 100 MiB.
RECORD_BYTES_AT_MOST = 10 * 1024 * 1024
#: Kafka allows 249 characters; the longest topic and group names of ours take less than 49 of them.
PREFIX_AT_MOST = 200

_PREFIX: dict[str, Any] = {"allowed": f"at most {PREFIX_AT_MOST} letters, digits, dots, underscores and hyphens"}


class TopicSettings(Struct, frozen=True, kw_only=True):
    """What holds for every topic, in and out."""

    prefix: Annotated[
        str,
        Meta(
            pattern=rf"^[A-Za-z0-9._-]{{0,{PREFIX_AT_MOST}}}$",
            description="Put in front of topics and groups as it is",
            extra=_PREFIX,
        ),
    ] = ""
    partitions: Annotated[
        int, Meta(ge=1, le=1_024, description="Of every topic, in and out; it cannot change while there is data")
    ] = 4
    replication_factor: Annotated[int, Meta(ge=1, le=15, description="Copies of every partition; 3 in production")] = 1
    input_retention_ms: Annotated[
        int, Meta(ge=-1, description="How long the broker keeps predictions and outcomes; -1: for ever", extra=BOLD)
    ] = 7 * DAY_MS
    output_retention_ms: Annotated[
        int, Meta(ge=-1, description="The same for pairs, statistics, alerts, triggers, verdicts and dead letters", extra=BOLD)
    ] = 30 * DAY_MS


class PairingSettings(Struct, frozen=True, kw_only=True):
    """How long a half waits for the others, and how long a request is remembered."""

    window_ms: Annotated[
        int, Meta(ge=1, le=DAY_MS, description="Event time from the first half of a request to its last", extra=BOLD)
    ] = 10_000
    grace_ms: Annotated[
        int, Meta(ge=0, le=DAY_MS, description="How much longer a half may be on its way or out of order", extra=BOLD)
    ] = 2_000
    deduplication_ms: Annotated[
        int,
        Meta(
            ge=1,
            le=7 * DAY_MS,
            description="For so long after its record was written a request is known; held in memory",
            extra=BOLD,
        ),
    ] = 60_000
    clock_skew_ms: Annotated[
        int, Meta(ge=1_000, le=DAY_MS, description="How far an event may be ahead of its Kafka record before `ClockSkew` is told")
    ] = 300_000

    def policy(self) -> PairingPolicy:
        """The settings as the pair role takes them."""
        return PairingPolicy(self.window_ms, self.grace_ms, self.deduplication_ms, self.clock_skew_ms)


class CommitSettings(Struct, frozen=True, kw_only=True):
    """The rhythm of the transactions."""

    interval_ms: Annotated[
        int,
        Meta(ge=10, le=10_000, description="From one transaction of a partition to the next; added to the latency", extra=BOLD),
    ] = 100


class DetectSettings(Struct, frozen=True, kw_only=True):
    """The role ``detect``."""

    snapshot_interval_ms: Annotated[
        int, Meta(ge=1_000, le=DAY_MS, description="From one snapshot of the detectors to the next; a restart replays so much")
    ] = 60_000


class LimitSettings(Struct, frozen=True, kw_only=True):
    """What is refused as too large. A refused record is a dead letter, its bytes untouched."""

    record_bytes: Annotated[int, Meta(ge=1_024, le=RECORD_BYTES_AT_MOST, description="Value of an input record", extra=BOLD)] = (
        1_048_576
    )
    metadata_bytes: Annotated[int, Meta(ge=0, le=RECORD_BYTES_AT_MOST, description="`metadata` as JSON", extra=BOLD)] = 4_096
    features: Annotated[int, Meta(ge=1, le=65_536, description="Features of one prediction", extra=BOLD)] = 2_048
    nesting: Annotated[int, Meta(ge=4, le=256, description="Levels of objects and lists in a value", extra=BOLD)] = 32
    models: Annotated[int, Meta(ge=1, le=100_000, description="Models that one partition keeps statistics of", extra=BOLD)] = (
        1_000
    )

    def of_records(self) -> Limits:
        """The limits as the decoder of the input topics takes them."""
        return Limits(self.record_bytes, self.metadata_bytes, self.features, self.nesting)


class RefusalSettings(Struct, frozen=True, kw_only=True):
    """When a prediction topic of which nearly all is refused is paused. What is not read stays in the log."""

    events: Annotated[
        int, Meta(ge=0, le=1_000_000_000, description="Judged over so many records of a partition; 0: never paused", extra=BOLD)
    ] = 1_000
    share: Annotated[
        float, Meta(ge=0.01, le=1, description="Refused share of them from which the topic is paused", extra=BOLD)
    ] = 0.95
    pause_ms: Annotated[int, Meta(ge=1, le=DAY_MS, description="From one try to the next", extra=BOLD)] = 30_000

    def policy(self) -> RefusalPolicy:
        """The settings as the pair role takes them."""
        return RefusalPolicy(self.events, self.share, self.pause_ms)


class LogSettings(Struct, frozen=True, kw_only=True):
    """The log, on stderr."""

    format: Annotated[Literal["text", "json"], Meta(description="Lines for people, or one JSON object a line")] = "text"
    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="The least that is logged")] = "info"


class WatchdogSettings(Struct, frozen=True, kw_only=True):
    """When a worker gives itself up."""

    stall_s: Annotated[
        int, Meta(ge=5, le=86_400, description="No progress on a partition for so long while its lag grows: the worker exits")
    ] = 120


class ModelSettings(Struct, frozen=True, kw_only=True):
    """One model's own settings, `[models.NAME]`; what it leaves out is taken from `[models.default]`.

    The tables are the domain's own parameters: to add one, add its dataclass here.
    """

    shadows: Annotated[
        Literal["auto"] | tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...],
        Meta(description="Versions that are waited for; `auto`: those seen in the traffic; `[]`: none", extra=BOLD),
    ] = "auto"
    tolerance: Annotated[float, Meta(ge=0, description="Largest difference of two scores that still agree")] = 0.0
    shards: Annotated[int, Meta(ge=1, le=64, description="Partitions that a hot model is spread over")] = 1
    drift: DriftConfig = DriftConfig()
    alerts: AlertPolicy = AlertPolicy()
    retrain: RetrainPolicy = RetrainPolicy()

    def __post_init__(self) -> None:
        """A version that is waited for twice would be missed twice."""
        twice = {version for version in self.shadows if self.shadows.count(version) > 1} if self.shadows != "auto" else ()
        if twice:
            msg = f"shadows has {', '.join(map(repr, sorted(twice)))} more than once: each version is named once"
            raise ValueError(msg)


class Config(Struct, frozen=True, kw_only=True):
    """The whole configuration of a process. ``models`` has ``default`` and the models that are named."""

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    topics: TopicSettings = TopicSettings()
    pairing: PairingSettings = PairingSettings()
    commit: CommitSettings = CommitSettings()
    detect: DetectSettings = DetectSettings()
    limits: LimitSettings = LimitSettings()
    refusals: RefusalSettings = RefusalSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    notify: NotifySettings = NotifySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    models: dict[str, ModelSettings] = {}

    def model(self, name: str) -> ModelSettings:
        """The settings of one model."""
        return self.models.get(name) or self.models.get("default") or ModelSettings()

    def group(self, role: str) -> str:
        """The consumer group of a role."""
        return f"{self.topics.prefix}gnomon-{role}"

    def digest(self) -> str:
        """SHA-256 of all that decisions depend on: two workers with equal digests decide alike.

        Addresses, secrets, prefix, log, commit interval and the like change no decision and are left out.
        """
        decisive = {
            "limits": self.limits,
            "models": {"default": self.model("default"), **self.models},
            "pairing": self.pairing,
            "partitions": self.topics.partitions,
        }
        return "sha256:" + hashlib.sha256(msgspec.json.encode(decisive, order="sorted")).hexdigest()
