"""The configuration: one frozen ``Config``, read once, with all its faults at once.

- ``settings``  every setting: type, default, range, meaning
- ``sources``   where values come from: file, environment, command line
- ``fields``    what a type allows, in words; how a text becomes a value
- ``binding``   values into structs
- ``rules``     rules between settings, with the consequence
- ``loading``   all of it together: ``load``
- ``listing``   what people read: ``gnomon config``, the page of all settings
"""

from app.config.faults import ConfigError, Fault
from app.config.loading import Loaded, load
from app.config.secret import Secret
from app.config.settings import (
    AuthSettings,
    CommitSettings,
    Config,
    DetectSettings,
    KafkaSettings,
    LimitSettings,
    LogSettings,
    ModelSettings,
    NotifySettings,
    PairingSettings,
    RedisSettings,
    TelemetrySettings,
    TopicSettings,
    WatchdogSettings,
    WebSettings,
)

__all__ = [
    "AuthSettings",
    "CommitSettings",
    "Config",
    "ConfigError",
    "DetectSettings",
    "Fault",
    "KafkaSettings",
    "LimitSettings",
    "Loaded",
    "LogSettings",
    "ModelSettings",
    "NotifySettings",
    "PairingSettings",
    "RedisSettings",
    "Secret",
    "TelemetrySettings",
    "TopicSettings",
    "WatchdogSettings",
    "WebSettings",
    "load",
]
